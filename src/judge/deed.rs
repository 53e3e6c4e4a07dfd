//! [core] A deed beside what the contract demands of it: E1 to E4.
//!
//! Judged by the policy that is due to the turn; where that was adopted from an earlier finding, a
//! deed that agrees is a further view of it. What a machine that cannot sandbox lets through says
//! nothing of the server, and E2 is not compared there.

use super::compare::{Adopt, Comparison, Mismatch, broken};
use super::{Cell, View};
use crate::model::Due;
use crate::model::deeds::{Demand, Must, demands, need};
use crate::op::{Consent, Probe, Review};
use crate::plan::{Name, Reply, Step};
use crate::policy::Profiles;
use crate::policy::order::{Reach, reach};
use crate::trace::{What, Whose};

/// What a deed showed.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
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

impl Shown {
    /// What the facts of a step say of the thread's deed, with what was to be answered in it.
    pub fn of(thread: Name, consent: Consent, facts: &[&What]) -> Option<Shown> {
        facts.iter().find_map(|what| match what {
            What::Deed { thread: whose, probe, asked, reviewed, landed, upshot, unsandboxed }
                if *whose == Whose::Named(thread) =>
            {
                let by_client = asked.is_some() && consent.client;
                let by_model = *reviewed && consent.review == Review::Allow;
                Some(Shown {
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
        format!("{asked}, and {done}")
    }
}

/// Compares the step's deed, where it has one, with every demand on it.
pub fn compare(due: &Due, step: &Step, facts: &[&What], profiles: &Profiles) -> Vec<Comparison> {
    let (Due::Turn { thread, policy, .. }, Step::Run { reply: Reply::Deed(_, consent), .. }) =
        (due, step)
    else {
        return Vec::new();
    };
    let Some(shown) = Shown::of(*thread, *consent, facts) else {
        return Vec::new();
    };
    let further = shown.reach() > reach(policy, need(shown.probe), profiles);
    let about = About { thread: *thread, further, step };
    let all = demands(policy, shown.probe, profiles);
    all.into_iter().filter_map(|demand| about.compare(&demand, &shown)).collect()
}

/// What a comparison is about.
struct About<'a> {
    thread: Name,
    /// Whether the deed got further than it was to get.
    further: bool,
    step: &'a Step,
}

impl About<'_> {
    fn compare(&self, demand: &Demand, shown: &Shown) -> Option<Comparison> {
        let met = is_met(demand.must, shown)?;
        if !met {
            return Some(broken(self.mismatch(demand, shown)));
        }
        let dimension = Some(demand.value.dimension());
        let cell = Cell { clause: demand.clause, view: Some(View::Deed), dimension };
        let value = tells(demand.must, shown).then(|| demand.value.clone());
        Some(Comparison { cell, mismatch: None, agreed: value.map(|value| (self.thread, value)) })
    }

    fn mismatch(&self, demand: &Demand, shown: &Shown) -> Mismatch {
        let (deed, value) = (words(shown.probe), &demand.value);
        let expected = match demand.must {
            Must::AskNobody => "nobody is asked",
            Must::StayInside => "it is not done unless somebody approves it",
            Must::AskUser { .. } => "the user is asked, and not the reviewer",
            Must::AskReviewer { .. } => "the reviewer is asked, and not the user",
            Must::AskFirst => "the user is asked before it runs",
        };
        Mismatch {
            clause: demand.clause,
            dimension: Some(value.dimension()),
            kind: self.step.kind(),
            form: value.form(),
            thread: Some(self.thread),
            view: View::Deed,
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
fn is_met(must: Must, shown: &Shown) -> Option<bool> {
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
fn tells(must: Must, shown: &Shown) -> bool {
    match must {
        Must::AskNobody => shown.probe == Probe::Esc && !shown.ran,
        Must::StayInside => false,
        Must::AskUser { .. } | Must::AskReviewer { .. } => true,
        Must::AskFirst => shown.probe == Probe::Py,
    }
}

/// A deed in words.
fn words(probe: Probe) -> &'static str {
    match probe {
        Probe::Py => "a harmless command",
        Probe::Tin => "a command that writes into the workspace",
        Probe::Tout => "a command that writes outside the workspace",
        Probe::Esc => "a command that asks to leave the sandbox",
        Probe::Pin => "a patch in the workspace",
        Probe::Pout => "a patch outside the workspace",
    }
}
