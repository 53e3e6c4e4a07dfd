//! Compares what a probe did with what the contract demands of it: E1 to E8.
//!
//! A probe is a command or a patch that the model asks for. It is judged by the policy that is
//! expected of the turn; where that was corrected after an earlier finding, a probe that agrees is
//! a further view of it. On a machine that cannot sandbox a command, nothing is compared that its
//! sandbox decides.

use super::comparison::{Comparison, ExpectedPolicy, Mismatch};
use super::step_context::StepContext;
use super::verdict::Cell;
use crate::contract::Clause;
use crate::model::probes::{Demand, Must, cited, demands, need};
use crate::policy::order::{Need, Reach, reach};
use crate::program::reply::{Consent, Probe, Review};
use crate::program::thread::ThreadName;
use crate::protocol::probe::ProbeResultText;
use crate::trace::view::View;
use crate::trace::{Observation, ThreadLabel};

#[derive(Clone, Copy, Debug)]
pub struct ProbeOutcome {
    pub probe: Probe,
    /// Whether the client was asked for an approval.
    pub asked: bool,
    /// Whether the reviewing model was asked for one.
    pub reviewed: bool,
    /// Whether its file is there, or it ran where it writes none.
    pub done: bool,
    /// Whether it ran at all, successfully or not.
    pub ran: bool,
    /// Whether its end is known, and the release has the tool.
    pub finished: bool,
    /// Whether the client or the model was asked and approved it.
    pub approved: bool,
    /// Whether this machine cannot sandbox a command.
    pub unsandboxed: bool,
}

impl ProbeOutcome {
    /// The outcome of the thread's probe among these observations; `consent` is what the client and
    /// the reviewing model were to answer.
    pub fn find(
        thread: ThreadName,
        consent: Consent,
        observations: &[&Observation],
    ) -> Option<ProbeOutcome> {
        observations.iter().find_map(|observation| match observation {
            Observation::Probe {
                thread: label,
                probe,
                asked,
                reviewed,
                landed,
                upshot,
                unsandboxed,
            } if *label == ThreadLabel::Named(thread) => {
                let by_client = asked.is_some() && consent.client;
                let by_model = *reviewed && consent.review == Review::Allow;
                Some(ProbeOutcome {
                    probe: *probe,
                    asked: asked.is_some(),
                    reviewed: *reviewed,
                    done: landed.unwrap_or(is_done(*probe, *upshot)),
                    ran: upshot.has_run(),
                    finished: !matches!(
                        upshot,
                        ProbeResultText::Unfinished | ProbeResultText::Unsupported
                    ),
                    approved: by_client || by_model,
                    unsandboxed: *unsandboxed,
                })
            }
            _ => None,
        })
    }

    /// How far the probe got.
    pub fn reach(&self) -> Reach {
        if self.done && !self.approved {
            Reach::Done
        } else if self.reviewed {
            Reach::AsksModel
        } else if self.asked {
            Reach::AsksPerson
        } else {
            Reach::Refused
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
        let declined = (self.asked || self.reviewed) && !self.approved;
        let declined = if declined { " and did not approve it" } else { "" };
        format!("{asked}{declined}, and {done}")
    }

    /// Whether a demand is met; none where this outcome does not say.
    fn meets(&self, must: Must) -> Option<bool> {
        let (asked, reviewed) = (self.asked, self.reviewed);
        match must {
            Must::AskNobody => Some(!asked && !reviewed),
            Must::StayInside => (!self.unsandboxed).then_some(self.approved || !self.done),
            Must::AskUser { asks } => (asks || asked || reviewed).then_some(asked && !reviewed),
            Must::AskReviewer { asks } => (asks || asked || reviewed).then_some(reviewed && !asked),
            Must::AskFirst => (asked || self.ran || self.done).then_some(asked),
            Must::Succeed => self.could_succeed().then_some(self.done),
            Must::SucceedOrAskUser => Some(!reviewed && (asked || self.done)),
            Must::Ask(_) => Some(asked || reviewed),
            Must::Refuse(_) => Some(!asked && !reviewed && (self.unsandboxed || !self.done)),
        }
    }

    /// Whether nothing but the server can have kept it from being done.
    fn could_succeed(&self) -> bool {
        let asked = self.asked || self.reviewed;
        !self.unsandboxed && !asked && (self.finished || self.done)
    }

    /// Whether the model has asked for it at all: a turn may end before.
    fn was_asked_for(&self) -> bool {
        self.finished || self.done || self.asked || self.reviewed
    }

    /// Whether meeting a demand distinguishes the value from the others of its dimension.
    fn distinguishes(&self, must: Must) -> bool {
        match must {
            Must::AskNobody => self.probe == Probe::Escalate && !self.ran,
            Must::StayInside
            | Must::Succeed
            | Must::SucceedOrAskUser
            | Must::Ask(_)
            | Must::Refuse(_) => false,
            Must::AskUser { .. } | Must::AskReviewer { .. } => true,
            Must::AskFirst => self.probe == Probe::Run,
        }
    }
}

/// Whether a probe of which no file or connection tells was done: a harmless command by running at all.
fn is_done(probe: Probe, upshot: ProbeResultText) -> bool {
    if probe == Probe::ReadSecret || probe.is_question() {
        upshot == ProbeResultText::Done
    } else {
        upshot.has_run()
    }
}

/// Compares the step's probe, where it has one, with every demand on it.
pub(super) fn compare(context: &StepContext, expected: &ExpectedPolicy) -> Vec<Comparison> {
    let ExpectedPolicy { thread, policy, citations } = *expected;
    let find = |consent| ProbeOutcome::find(thread, consent, &context.observations);
    let outcome = context.probe_consent().and_then(find);
    let known = |outcome: &ProbeOutcome| {
        let network = need(outcome.probe) == Need::Network;
        outcome.was_asked_for() && (!network || context.capabilities.network_is_known)
    };
    let Some(outcome) = outcome.filter(known) else {
        return Vec::new();
    };
    let profiles = &context.capabilities.settled;
    let widened = outcome.reach() > reach(policy, need(outcome.probe), profiles);
    let compare = |demand: Demand| {
        let value = &demand.value;
        if outcome.meets(demand.must)? {
            let dimension = Some(value.dimension());
            let clause = cited(&demand, context.step, &citations);
            let cell = Cell { clause, view: Some(View::Probe), dimension };
            let agreed = outcome.distinguishes(demand.must).then(|| (thread, value.clone()));
            return Some(Comparison { cell, mismatch: None, agreed });
        }
        let clause = cited(&demand, context.step, &citations);
        let mismatch = mismatch(context, &demand, clause, &outcome);
        Some(Comparison::failed(Mismatch { thread: Some(thread), widened, ..mismatch }))
    };
    demands(policy, outcome.probe, profiles).into_iter().filter_map(compare).collect()
}

fn mismatch(
    context: &StepContext,
    demand: &Demand,
    clause: Clause,
    outcome: &ProbeOutcome,
) -> Mismatch {
    let (probe, value) = (words(outcome.probe), &demand.value);
    let must = match demand.must {
        Must::AskNobody => "nobody is asked",
        Must::StayInside => "it is done only by an approval",
        Must::AskUser { .. } => "the user is asked, and not the reviewer",
        Must::AskReviewer { .. } => "the reviewer is asked, and not the user",
        Must::AskFirst => "the user is asked before it runs",
        Must::Succeed => "it is done",
        Must::SucceedOrAskUser => "it is done, or the user is asked",
        Must::Ask(_) => "somebody is asked",
        Must::Refuse(_) => "it is refused, and nobody is asked",
    };
    let topic = context.topic(clause, View::Probe);
    let expected = if clause == demand.clause {
        format!("{probe} under {value}: {must}")
    } else {
        format!("{probe} under {value}: {must} ({})", demand.clause.titled())
    };
    Mismatch {
        dimension: Some(value.dimension()),
        ..Mismatch::new(topic, demand.form(), expected, outcome.words())
    }
}

fn words(probe: Probe) -> &'static str {
    match probe {
        Probe::Run => "a harmless command",
        Probe::Safe => "a harmless command such as `pwd`",
        Probe::Ruled => "a command that a rule asks about",
        Probe::Connect => "a command that connects to loopback",
        Probe::ReadSecret => "a command that reads a file in WS/secret",
        Probe::RequestPermissions => "a request for permissions",
        Probe::Elicit => "a question of an MCP server",
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
    use crate::judge::capabilities::Capabilities;
    use crate::judge::comparison::{Comparison, ExpectedPolicy};
    use crate::judge::step_context::StepContext;
    use crate::model::Citations;
    use crate::program::operation::Operation;
    use crate::program::ops::Step;
    use crate::program::ops::run::Run;
    use crate::program::reply::{Consent, Probe, ProbeScript, Reply, Review};
    use crate::program::thread::ThreadName;
    use crate::protocol::probe::{ProbeResultText, Question};
    use crate::testing::{policy, program, thread};
    use crate::trace::Observation;

    /// A turn of t0 that asks for a probe, and whether both the client and the reviewing model
    /// approve it.
    #[derive(Clone, Copy)]
    struct Turn {
        policy: &'static str,
        probe: Probe,
        approve: bool,
        unsandboxed: bool,
    }

    /// The outcome of a probe: who was asked, whether its file is there, what the model got back.
    type Did = (Option<Question>, bool, Option<bool>, ProbeResultText);

    const fn turn(policy: &'static str, probe: Probe) -> Turn {
        Turn { policy, probe, approve: true, unsandboxed: false }
    }

    fn check(turn: Turn, did: Did, expected: Expect) {
        let Turn { probe, approve, unsandboxed, .. } = turn;
        let (asked, reviewed, landed, upshot) = did;
        let review = if approve { Review::Allow } else { Review::Deny };
        let consent = Consent { client: approve, review };
        let mut step = program("start -> t0\nrun t0 \"one\"").steps.remove(1);
        if let Step::Run(Run { reply, .. }) = &mut step {
            *reply = Reply::Probe(ProbeScript { probe, consent });
        }
        let thread = thread(0);
        let observation =
            Observation::Probe { thread, probe, asked, reviewed, landed, upshot, unsandboxed };
        let context = StepContext {
            step: &step,
            request: 0,
            observations: vec![&observation],
            capabilities: &Capabilities::of(None),
        };
        let citations = Citations::all(Run::KIND, Clause::T2);
        let policy = policy(turn.policy);
        let turn = ExpectedPolicy { thread: ThreadName(0), policy: &policy, citations };
        let line = |one: Comparison| match one.mismatch {
            None => format!("{} held\n", one.cell.clause),
            Some(wrong) => {
                let widened = if wrong.widened { "WIDENED" } else { "broken" };
                let (expected, seen) = (wrong.expected, wrong.seen);
                format!("{} {widened}\n  {expected}\n  {seen}\n", one.cell.clause)
            }
        };
        let compared: String = compare(&context, &turn).into_iter().map(line).collect();
        let demands = if compared.is_empty() { "no demand" } else { &compared };
        expected.assert_eq(demands);
    }

    const ASKED: Option<Question> = Some(Question::Command);

    #[test]
    fn under_never_a_question_breaks_e1() {
        let did = (ASKED, false, Some(true), ProbeResultText::Done);
        check(
            turn("approval=never reviewer=user sandbox=read-only", Probe::Escalate),
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
            turn("approval=never reviewer=user sandbox=read-only", Probe::Escalate),
            did,
            expect![[r#"
            E1 held
            E2 held
        "#]],
        );
    }

    #[test]
    fn a_write_without_an_approval_breaks_e2_where_the_sandbox_is_closed() {
        let did = (None, false, Some(true), ProbeResultText::Done);
        check(
            turn("approval=on-request reviewer=user sandbox=workspace-write", Probe::WriteOutside),
            did,
            expect![[r#"
            E2 WIDENED
              a command that writes outside the workspace under workspace-write: it is done only by an approval
              nobody was asked, and it was done
        "#]],
        );
    }

    #[test]
    fn what_the_sandbox_lets_through_must_be_done() {
        let did = (None, false, Some(false), ProbeResultText::Refused);
        check(
            turn("approval=never reviewer=user sandbox=workspace-write", Probe::WriteInside),
            did,
            expect![[r#"
                E1 held
                E5 broken
                  a command that writes into the workspace under workspace-write: it is done
                  nobody was asked, and it was not done
            "#]],
        );
    }

    #[test]
    fn a_question_about_what_the_sandbox_lets_through_breaks_e5() {
        let did = (ASKED, false, Some(true), ProbeResultText::Done);
        check(
            turn("approval=on-request reviewer=user sandbox=workspace-write", Probe::WriteInside),
            did,
            expect![[r#"
                E5 broken
                  a command that writes into the workspace under on-request: nobody is asked
                  the user was asked, and it was done
            "#]],
        );
    }

    #[test]
    fn on_a_machine_that_cannot_sandbox_nothing_must_succeed() {
        let did = (None, false, Some(false), ProbeResultText::Stopped);
        let turn = Turn {
            unsandboxed: true,
            ..turn("approval=never reviewer=user sandbox=workspace-write", Probe::WriteInside)
        };
        check(
            turn,
            did,
            expect![[r#"
            E1 held
        "#]],
        );
    }

    #[test]
    fn a_command_that_still_runs_may_yet_succeed() {
        let did = (None, false, Some(false), ProbeResultText::Unfinished);
        let turn = turn("approval=never reviewer=user sandbox=workspace-write", Probe::PatchInside);
        check(turn, did, expect!["no demand"]);
    }

    #[test]
    fn a_category_that_is_off_is_refused_at_once() {
        let policy = "approval=granular(rules) reviewer=user sandbox=read-only";
        let asked = (ASKED, false, Some(true), ProbeResultText::Done);
        check(
            turn(policy, Probe::Escalate),
            asked,
            expect![[r#"
            E6 WIDENED
              a command that asks to leave the sandbox under granular(rules): it is refused, and nobody is asked
              the user was asked, and it was done
            E2 held
        "#]],
        );
        let refused = (None, false, Some(false), ProbeResultText::Refused);
        check(
            turn(policy, Probe::Escalate),
            refused,
            expect![[r#"
            E6 held
            E2 held
        "#]],
        );
    }

    #[test]
    fn a_category_that_is_on_is_asked_about() {
        let policy = "approval=granular(rules) reviewer=auto_review sandbox=read-only";
        let refused = (None, false, None, ProbeResultText::Refused);
        check(
            turn(policy, Probe::Ruled),
            refused,
            expect![[r#"
            E6 broken
              a command that a rule asks about under granular(rules): somebody is asked
              nobody was asked, and it was not done
        "#]],
        );
        let asked = (ASKED, false, None, ProbeResultText::Done);
        check(
            turn(policy, Probe::Ruled),
            asked,
            expect![[r#"
            E6 held
            E3 broken
              a command that a rule asks about under auto_review: the reviewer is asked, and not the user
              the user was asked, and it was done
        "#]],
        );
    }

    #[test]
    fn a_connection_follows_the_network_of_the_sandbox() {
        let came = (None, false, Some(true), ProbeResultText::Done);
        let stopped = (None, false, Some(false), ProbeResultText::Stopped);
        let closed = "approval=never reviewer=user sandbox=workspace-write";
        let open = "approval=never reviewer=user sandbox=danger-full-access";
        check(
            turn(closed, Probe::Connect),
            came,
            expect![[r#"
            E1 held
            E7 WIDENED
              a command that connects to loopback under workspace-write: it is done only by an approval
              nobody was asked, and it was done
        "#]],
        );
        check(
            turn(open, Probe::Connect),
            stopped,
            expect![[r#"
                E1 held
                E7 broken
                  a command that connects to loopback under danger-full-access: it is done
                  nobody was asked, and it ran and did nothing
            "#]],
        );
    }

    #[test]
    fn a_write_without_an_approval_is_allowed_where_the_sandbox_is_open() {
        let did = (None, false, Some(true), ProbeResultText::Done);
        check(
            turn("approval=on-request reviewer=user sandbox=workspace-write", Probe::WriteInside),
            did,
            expect![[r#"
                E5 held
                E5 held
            "#]],
        );
    }

    #[test]
    fn an_approved_write_holds() {
        let did = (ASKED, false, Some(true), ProbeResultText::Done);
        check(
            turn("approval=on-request reviewer=user sandbox=read-only", Probe::Escalate),
            did,
            expect![[r#"
            E3 held
            E2 held
        "#]],
        );
    }

    #[test]
    fn a_declined_write_breaks_e2() {
        let did = (ASKED, false, Some(true), ProbeResultText::Done);
        let turn = Turn {
            approve: false,
            ..turn("approval=on-request reviewer=user sandbox=read-only", Probe::Escalate)
        };
        check(
            turn,
            did,
            expect![[r#"
            E3 held
            E2 WIDENED
              a command that asks to leave the sandbox under read-only: it is done only by an approval
              the user was asked and did not approve it, and it was done
        "#]],
        );
    }

    #[test]
    fn on_a_machine_that_cannot_sandbox_e2_is_not_compared() {
        let did = (None, false, Some(true), ProbeResultText::Done);
        let turn = Turn {
            approve: false,
            unsandboxed: true,
            ..turn("approval=never reviewer=user sandbox=read-only", Probe::WriteInside)
        };
        check(
            turn,
            did,
            expect![[r#"
            E1 held
        "#]],
        );
    }

    #[test]
    fn the_user_in_the_place_of_the_reviewer_breaks_e3_and_widens_nothing() {
        let did = (ASKED, false, Some(true), ProbeResultText::Done);
        check(
            turn("approval=on-request reviewer=auto_review sandbox=read-only", Probe::PatchInside),
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
            turn("approval=on-request reviewer=user sandbox=read-only", Probe::PatchInside),
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
    fn asking_nobody_breaks_e3_where_the_probe_asks() {
        let did = (None, false, Some(false), ProbeResultText::Refused);
        check(
            turn("approval=on-request reviewer=user sandbox=read-only", Probe::Escalate),
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
            turn("approval=untrusted reviewer=user sandbox=danger-full-access", Probe::Run),
            did,
            expect![[r#"
            E4 WIDENED
              a harmless command under untrusted: the user is asked before it runs
              nobody was asked, and it was done
        "#]],
        );
    }

    #[test]
    fn a_probe_of_another_thread_is_not_this_ones() {
        let consent = Consent { client: true, review: Review::Allow };
        let thread = thread(1);
        let (probe, asked, landed, upshot) = (Probe::Run, None, None, ProbeResultText::Done);
        let (reviewed, unsandboxed) = (false, false);
        let fact =
            Observation::Probe { thread, probe, asked, reviewed, landed, upshot, unsandboxed };
        assert!(ProbeOutcome::find(ThreadName(0), consent, &[&fact]).is_none());
    }
}
