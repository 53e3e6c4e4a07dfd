//! A deed beside what the contract demands of it: E1 to E4.
//!
//! Judged by the policy that is due to the turn; where that was adopted from an earlier finding, a
//! deed that agrees is a further view of it. What a machine that cannot sandbox lets through says
//! nothing of the server, and E2 is not compared there.

use super::compare::{Adopt, Comparison, Mismatch, broken};
use super::{Cell, View};
use crate::model::Expected;
use crate::model::probes::{Demand, Must, demands, need};
use crate::policy::Profiles;
use crate::policy::order::{Reach, reach};
use crate::program::ops::Step;
use crate::program::ops::run::Run;
use crate::program::reply::Consent;
use crate::program::reply::Probe;
use crate::program::reply::Reply;
use crate::program::reply::Review;
use crate::program::thread::ThreadName;
use crate::trace::{Observation, ThreadLabel};

/// What a deed showed.
#[derive(Clone, Copy, Debug)]
pub struct ProbeOutcome {
    /// The deed.
    pub probe: Probe,
    /// Whether the client was asked.
    pub asked: bool,
    /// Whether the reviewing model was asked.
    pub reviewed: bool,
    /// Whether it was done: its file is there, or it ran where it writes none.
    pub done: bool,
    /// Whether it ran at all, well or not.
    pub ran: bool,
    /// Whether somebody who was asked approved it.
    pub approved: bool,
    /// Whether this machine cannot sandbox a command.
    pub unsandboxed: bool,
}

impl ProbeOutcome {
    /// What the facts of a step say of the thread's deed, with what was to be answered in it.
    pub fn of(
        thread: ThreadName,
        consent: Consent,
        facts: &[&Observation],
    ) -> Option<ProbeOutcome> {
        facts.iter().find_map(|what| match what {
            Observation::Probe {
                thread: whose,
                probe,
                asked,
                reviewed,
                landed,
                upshot,
                unsandboxed,
            } if *whose == ThreadLabel::Named(thread) => {
                let by_client = asked.is_some() && consent.client;
                let by_model = *reviewed && consent.review == Review::Allow;
                Some(ProbeOutcome {
                    probe: *probe,
                    asked: asked.is_some(),
                    reviewed: *reviewed,
                    done: landed.unwrap_or(upshot.has_run()),
                    ran: upshot.has_run(),
                    approved: by_client || by_model,
                    unsandboxed: *unsandboxed,
                })
            }
            _ => None,
        })
    }

    /// How far the deed got.
    pub fn reach(&self) -> Reach {
        match () {
            () if self.done && !self.approved => Reach::Done,
            () if self.reviewed => Reach::AsksModel,
            () if self.asked => Reach::AsksPerson,
            () => Reach::Refused,
        }
    }

    /// Who was asked and whether it was done, in words.
    fn words(&self) -> String {
        let asked = match (self.asked, self.reviewed) {
            (true, true) => "the user and the reviewer were asked",
            (true, false) => "the user was asked",
            (false, true) => "the reviewer was asked",
            (false, false) => "nobody was asked",
        };
        let done = match (self.done, self.ran) {
            (true, _) => "it was done",
            (false, true) => "it ran and did nothing",
            (false, false) => "it was not done",
        };
        let said = match (self.asked || self.reviewed, self.approved) {
            (true, false) => " and did not approve it",
            _ => "",
        };
        format!("{asked}{said}, and {done}")
    }
}

/// Compares the step's deed, where it has one, with every demand on it.
pub fn compare(
    due: &Expected,
    step: &Step,
    facts: &[&Observation],
    profiles: &Profiles,
) -> Vec<Comparison> {
    let (
        Expected::Turn { thread, policy, .. },
        Step::Run(Run { reply: Reply::Probe(_, consent), .. }),
    ) = (due, step)
    else {
        return Vec::new();
    };
    let Some(shown) = ProbeOutcome::of(*thread, *consent, facts) else {
        return Vec::new();
    };
    let further = shown.reach() > reach(policy, need(shown.probe), profiles);
    let about = About { thread: *thread, further, step };
    let all = demands(policy, shown.probe, profiles);
    all.into_iter().filter_map(|demand| about.compare(&demand, &shown)).collect()
}

/// What a comparison is about.
struct About<'a> {
    thread: ThreadName,
    /// Whether the deed got further than it was to get.
    further: bool,
    step: &'a Step,
}

impl About<'_> {
    fn compare(&self, demand: &Demand, shown: &ProbeOutcome) -> Option<Comparison> {
        let met = is_met(demand.must, shown)?;
        if !met {
            return Some(broken(self.mismatch(demand, shown)));
        }
        let dimension = Some(demand.value.dimension());
        let cell = Cell { clause: demand.clause, view: Some(View::Probe), dimension };
        let value = tells(demand.must, shown).then(|| demand.value.clone());
        Some(Comparison { cell, mismatch: None, agreed: value.map(|value| (self.thread, value)) })
    }

    fn mismatch(&self, demand: &Demand, shown: &ProbeOutcome) -> Mismatch {
        let (deed, value) = (words(shown.probe), &demand.value);
        let expected = match demand.must {
            Must::AskNobody => "nobody is asked",
            Must::StayInside => "it is done only by an approval",
            Must::AskUser { .. } => "the user is asked, and not the reviewer",
            Must::AskReviewer { .. } => "the reviewer is asked, and not the user",
            Must::AskFirst => "the user is asked before it runs",
        };
        Mismatch {
            clause: demand.clause,
            dimension: Some(value.dimension()),
            kind: self.step.kind(),
            form: value.form().into(),
            thread: Some(self.thread),
            view: View::Probe,
            expected: format!("{deed} under {value}: {expected}"),
            seen: shown.words(),
            value: None,
            widened: self.further,
            apart: None,
            adopt: Adopt::Nothing,
        }
    }
}

/// Whether a demand is met; none where the deed does not say.
fn is_met(must: Must, shown: &ProbeOutcome) -> Option<bool> {
    let (asked, reviewed) = (shown.asked, shown.reviewed);
    match must {
        Must::AskNobody => Some(!asked && !reviewed),
        Must::StayInside => (!shown.unsandboxed).then_some(shown.approved || !shown.done),
        Must::AskUser { asks } => (asks || asked || reviewed).then_some(asked && !reviewed),
        Must::AskReviewer { asks } => (asks || asked || reviewed).then_some(reviewed && !asked),
        Must::AskFirst => (asked || shown.ran || shown.done).then_some(asked),
    }
}

/// Whether a deed that meets a demand tells the value from the others of its dimension.
fn tells(must: Must, shown: &ProbeOutcome) -> bool {
    match must {
        Must::AskNobody => shown.probe == Probe::Escalate && !shown.ran,
        Must::StayInside => false,
        Must::AskUser { .. } | Must::AskReviewer { .. } => true,
        Must::AskFirst => shown.probe == Probe::Run,
    }
}

/// A deed in words.
fn words(probe: Probe) -> &'static str {
    match probe {
        Probe::Run => "a harmless command",
        Probe::WriteInside => "a command that writes into the workspace",
        Probe::WriteOutside => "a command that writes outside the workspace",
        Probe::Escalate => "a command that asks to leave the sandbox",
        Probe::PatchInside => "a patch in the workspace",
        Probe::PatchOutside => "a patch outside the workspace",
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{ProbeOutcome, compare};
    use crate::contract::Clause;
    use crate::model::{Citations, Expected};
    use crate::policy::{Defaults, Policy, Profiles, TurnOverrides};
    use crate::program::operation::Operation;
    use crate::program::ops::Step;
    use crate::program::ops::run::Run;
    use crate::program::reply::Consent;
    use crate::program::reply::Probe;
    use crate::program::reply::Reply;
    use crate::program::reply::Review;
    use crate::program::thread::ThreadName;
    use crate::program::thread::ThreadRef;
    use crate::protocol::probe::{ProbeResultText, Question};
    use crate::trace::{Observation, ThreadLabel};

    /// What a deed did: who was asked, whether its file is there, what the model was told.
    type Did = (Option<Question>, bool, Option<bool>, ProbeResultText);

    /// The verdict on a deed that both the client and the reviewing model approve, if asked.
    fn check(due: &str, probe: Probe, did: Did, expected: Expect) {
        expected.assert_eq(&told(due, (probe, true), did, false));
    }

    fn told(due: &str, (probe, approve): (Probe, bool), did: Did, unsandboxed: bool) -> String {
        let (asked, reviewed, landed, upshot) = did;
        let (thread, policy) = (ThreadName(0), policy(due));
        let ruling = Citations::all(Run::KIND, Clause::T2);
        let due = Expected::Turn { thread, policy, ruling, notice: None };
        let review = if approve { Review::Allow } else { Review::Deny };
        let step = Step::Run(Run {
            thread: ThreadRef::Thread(thread),
            prompt: String::new(),
            overrides: TurnOverrides::default(),
            flaw: None,
            reply: Reply::Probe(probe, Consent { client: approve, review }),
        });
        let thread = ThreadLabel::Named(thread);
        let fact =
            Observation::Probe { thread, probe, asked, reviewed, landed, upshot, unsandboxed };
        let compared = compare(&due, &step, &[&fact], &Profiles::new());
        let line = |one: super::Comparison| match one.mismatch {
            None => format!("{} held\n", one.cell.clause),
            Some(wrong) => {
                let widened = if wrong.widened { "WIDENED" } else { "broken" };
                format!("{} {widened}\n  {}\n  {}\n", one.cell.clause, wrong.expected, wrong.seen)
            }
        };
        compared.into_iter().map(line).collect()
    }

    /// `approval reviewer sandbox` as a policy.
    fn policy(words: &str) -> Policy {
        let words: Vec<&str> = words.split(' ').collect();
        let [approval, reviewer, sandbox] = words[..] else { panic!("three words") };
        let plain = Defaults::default();
        let sandbox = sandbox.parse().expect("a mode");
        Policy {
            approval: approval.parse().expect("an approval policy"),
            reviewer: reviewer.parse().expect("a reviewer"),
            ..Defaults { sandbox, ..plain }.policy()
        }
    }

    const ASKED: Option<Question> = Some(Question::Command);

    #[test]
    fn under_never_a_question_breaks_e1() {
        let did = (ASKED, false, Some(true), ProbeResultText::Done);
        check(
            "never user read-only",
            Probe::Escalate,
            did,
            expect![[r#"
            E1 WIDENED
              a command that asks to leave the sandbox under never: nobody is asked
              the user was asked, and it was done
            E2 held
        "#]],
        );
    }

    #[test]
    fn under_never_a_refusal_holds() {
        let did = (None, false, Some(false), ProbeResultText::Refused);
        check(
            "never user read-only",
            Probe::Escalate,
            did,
            expect![[r#"
            E1 held
            E2 held
        "#]],
        );
    }

    #[test]
    fn what_lands_unasked_breaks_e2_where_the_sandbox_is_closed() {
        let did = (None, false, Some(true), ProbeResultText::Done);
        check(
            "on-request user workspace-write",
            Probe::WriteOutside,
            did,
            expect![[r#"
            E2 WIDENED
              a command that writes outside the workspace under workspace-write: it is done only by an approval
              nobody was asked, and it was done
        "#]],
        );
    }

    #[test]
    fn what_lands_unasked_holds_where_the_sandbox_is_open() {
        let did = (None, false, Some(true), ProbeResultText::Done);
        check("on-request user workspace-write", Probe::WriteInside, did, expect![[""]]);
    }

    #[test]
    fn what_lands_by_an_approval_holds() {
        let did = (ASKED, false, Some(true), ProbeResultText::Done);
        check(
            "on-request user read-only",
            Probe::Escalate,
            did,
            expect![[r#"
            E3 held
            E2 held
        "#]],
        );
    }

    #[test]
    fn what_lands_though_it_was_declined_breaks_e2() {
        let did = (ASKED, false, Some(true), ProbeResultText::Done);
        let told = told("on-request user read-only", (Probe::Escalate, false), did, false);
        expect![[r#"
            E3 held
            E2 WIDENED
              a command that asks to leave the sandbox under read-only: it is done only by an approval
              the user was asked and did not approve it, and it was done
        "#]].assert_eq(&told);
    }

    #[test]
    fn a_machine_that_cannot_sandbox_says_nothing_of_e2() {
        let did = (None, false, Some(true), ProbeResultText::Done);
        let told = told("never user read-only", (Probe::WriteInside, false), did, true);
        expect![[r#"
            E1 held
        "#]]
        .assert_eq(&told);
    }

    #[test]
    fn the_user_in_the_place_of_the_reviewer_breaks_e3_and_widens_nothing() {
        let did = (ASKED, false, Some(true), ProbeResultText::Done);
        check(
            "on-request auto_review read-only",
            Probe::PatchInside,
            did,
            expect![[r#"
            E3 broken
              a patch in the workspace under auto_review: the reviewer is asked, and not the user
              the user was asked, and it was done
            E2 held
        "#]],
        );
    }

    #[test]
    fn the_reviewer_in_the_place_of_the_user_breaks_e3_and_widens() {
        let did = (None, true, Some(true), ProbeResultText::Done);
        check(
            "on-request user read-only",
            Probe::PatchInside,
            did,
            expect![[r#"
            E3 WIDENED
              a patch in the workspace under user: the user is asked, and not the reviewer
              the reviewer was asked, and it was done
            E2 held
        "#]],
        );
    }

    #[test]
    fn nobody_asked_breaks_e3_where_the_deed_asks() {
        let did = (None, false, Some(false), ProbeResultText::Refused);
        check(
            "on-request user read-only",
            Probe::Escalate,
            did,
            expect![[r#"
            E3 broken
              a command that asks to leave the sandbox under user: the user is asked, and not the reviewer
              nobody was asked, and it was not done
            E2 held
        "#]],
        );
    }

    #[test]
    fn a_command_that_ran_unasked_breaks_e4() {
        let did = (None, false, None, ProbeResultText::Done);
        check(
            "untrusted user danger-full-access",
            Probe::Run,
            did,
            expect![[r#"
            E4 WIDENED
              a harmless command under untrusted: the user is asked before it runs
              nobody was asked, and it was done
        "#]],
        );
    }

    #[test]
    fn a_deed_of_another_thread_is_not_this_ones() {
        let consent = Consent { client: true, review: Review::Allow };
        let thread = ThreadLabel::Named(ThreadName(1));
        let (probe, asked, landed, upshot) = (Probe::Run, None, None, ProbeResultText::Done);
        let (reviewed, unsandboxed) = (false, false);
        let fact =
            Observation::Probe { thread, probe, asked, reviewed, landed, upshot, unsandboxed };
        assert!(ProbeOutcome::of(ThreadName(0), consent, &[&fact]).is_none());
    }
}
