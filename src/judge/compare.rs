//! [core] One step's facts beside what is due.
//!
//! Each comparison is a cell of the coverage table, and holds or carries a mismatch. A step whose
//! request never left, or whose answer never came, is not compared: that is the wire's to tell.

use semver::Version;

use super::{Cell, View};
use crate::contract::Clause;
use crate::model::fires::{ACCEPTED, NO_NOTICE, NOTICE, REFUSED};
use crate::model::{Due, Kind, Ruling};
use crate::plan::{Name, Step};
use crate::policy::{Dimension, Policy, Value, order};
use crate::trace::{What, Whose};

/// What the server's release can be asked for.
#[derive(Clone, Copy, Debug)]
pub struct Gates {
    /// Whether it sends `thread/settings/updated`.
    pub notices: bool,
}

impl Gates {
    /// What a release can be asked for; one that is not named, for everything.
    pub fn of(release: Option<&Version>) -> Gates {
        Gates { notices: release.is_none_or(|v| (v.major, v.minor) >= (0, 133)) }
    }

    /// The clauses that cannot be tested there.
    pub fn shut(self) -> Vec<Clause> {
        if self.notices { Vec::new() } else { vec![Clause::T9] }
    }
}

/// One comparison.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What it is about.
    pub cell: Cell,
    /// What is wrong, if anything is.
    pub mismatch: Option<Mismatch>,
    /// The value that agreed, and whose it is.
    pub agreed: Option<(Name, Value)>,
}

/// What is wrong.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// The clause that is broken.
    pub clause: Clause,
    /// The dimension, where it is about one.
    pub dimension: Option<Dimension>,
    /// The kind of operation.
    pub kind: Kind,
    /// The form of what was due.
    pub form: &'static str,
    /// The thread.
    pub thread: Option<Name>,
    /// Where it shows.
    pub view: View,
    /// What was due.
    pub expected: String,
    /// What was seen.
    pub seen: String,
    /// The value that was seen, where it is one.
    pub value: Option<Value>,
    /// Whether it allows more than what was due.
    pub widened: bool,
    /// What the world takes over.
    pub adopt: Adopt,
}

/// What a world takes over from what was seen.
#[derive(Clone, Debug)]
pub enum Adopt {
    /// Nothing: it is no matter of policy.
    Nothing,
    /// The value, in force and, where `both`, stored too.
    Value {
        /// Whether the stored policy takes it over as well.
        both: bool,
    },
    /// The request was refused: what it was to do did not happen.
    Refused,
    /// The request was granted, with this policy of this thread where it states one.
    Granted(Option<(Name, Policy)>),
}

/// How the server took the step's request.
enum Outcome<'a> {
    Refused(&'a str),
    Granted(Option<Whose>, Option<&'a Policy>),
}

/// Compares what is due with what a step showed.
pub fn compare(due: &Due, step: &Step, facts: &[&What], gates: Gates) -> Vec<Comparison> {
    let Some(outcome) = outcome(facts) else {
        return Vec::new();
    };
    let kind = step.kind();
    let mut all = match (due, outcome) {
        (Due::Nothing, _) => Vec::new(),
        (Due::Refusal(clause), Outcome::Refused(_)) => vec![held(*clause, View::Reply)],
        (Due::Refusal(clause), Outcome::Granted(whose, policy)) => {
            vec![granted(*clause, kind, (whose, policy))]
        }
        (Due::Policy(name, _, ruling) | Due::Look(name, _, ruling), Outcome::Refused(why)) => {
            vec![refused(*name, (ruling.approval, kind), why)]
        }
        (Due::Turn { thread, ruling, .. }, Outcome::Refused(why)) => {
            vec![refused(*thread, (ruling.approval, kind), why)]
        }
        (Due::Policy(name, policy, ruling), Outcome::Granted(whose, seen)) => {
            stated((*name, policy, ruling), (whose, seen), View::Reply)
        }
        (Due::Look(name, policy, ruling), Outcome::Granted(whose, seen)) => {
            stated((*name, policy, ruling), (whose, seen), View::Reread)
        }
        (Due::Turn { thread, policy, ruling, .. }, Outcome::Granted(..)) => {
            turn((*thread, policy, ruling), facts)
        }
    };
    if gates.notices && answered_as_due(&all) {
        all.extend(notices(due, kind, facts));
    }
    all
}

/// A turn that ran or was refused against the contract has that one finding: what it sent or did
/// not send besides follows from it.
fn answered_as_due(compared: &[Comparison]) -> bool {
    let against = |adopt: &Adopt| matches!(adopt, Adopt::Refused | Adopt::Granted(_));
    let mut mismatches = compared.iter().filter_map(|comparison| comparison.mismatch.as_ref());
    !mismatches.any(|mismatch| against(&mismatch.adopt))
}

/// The answer to the step's own request, which is the first that it sends.
fn outcome<'a>(facts: &[&'a What]) -> Option<Outcome<'a>> {
    let own = facts.iter().find_map(|what| match what {
        What::Sent { call, .. } => Some(*call),
        _ => None,
    })?;
    facts.iter().find_map(|what| match what {
        What::Answered { call, thread, policy } if *call == own => {
            Some(Outcome::Granted(*thread, policy.as_ref()))
        }
        What::Refused { call, message, .. } if *call == own => Some(Outcome::Refused(message)),
        _ => None,
    })
}

fn held(clause: Clause, view: View) -> Comparison {
    let cell = Cell { clause, view: Some(view), dimension: None };
    Comparison { cell, mismatch: None, agreed: None }
}

fn broken(mismatch: Mismatch) -> Comparison {
    let Mismatch { clause, dimension, view, .. } = mismatch;
    let cell = Cell { clause, view: Some(view), dimension };
    Comparison { cell, mismatch: Some(mismatch), agreed: None }
}

/// A breach that is about no value.
pub(super) fn plain(
    (clause, kind): (Clause, Kind),
    form: &'static str,
    view: View,
    (expected, seen): (&str, String),
) -> Mismatch {
    Mismatch {
        clause,
        dimension: None,
        kind,
        form,
        thread: None,
        view,
        expected: expected.to_owned(),
        seen,
        value: None,
        widened: false,
        adopt: Adopt::Nothing,
    }
}

/// A comparison of a breach that is about no value, or of its absence.
pub(super) fn wire(clause: Clause, mismatch: Option<Mismatch>) -> Comparison {
    let cell = Cell { clause, view: Some(View::Wire), dimension: None };
    Comparison { cell, mismatch, agreed: None }
}

fn granted(
    clause: Clause,
    kind: Kind,
    (whose, policy): (Option<Whose>, Option<&Policy>),
) -> Comparison {
    let named = match whose {
        Some(Whose::Named(name)) => Some(name),
        _ => None,
    };
    let stated = named.zip(policy.cloned());
    broken(Mismatch {
        thread: named,
        adopt: Adopt::Granted(stated),
        ..plain((clause, kind), REFUSED, View::Reply, ("a refusal", "it was granted".to_owned()))
    })
}

fn refused(thread: Name, (clause, kind): (Clause, Kind), why: &str) -> Comparison {
    let seen = format!("refused: {why}");
    broken(Mismatch {
        thread: Some(thread),
        adopt: Adopt::Refused,
        ..plain((clause, kind), ACCEPTED, View::Reply, ("it is granted", seen))
    })
}

/// The policy that a reply states, value by value.
fn stated(
    (name, due, ruling): (Name, &Policy, &Ruling),
    (whose, seen): (Option<Whose>, Option<&Policy>),
    view: View,
) -> Vec<Comparison> {
    if whose != Some(Whose::Named(name)) {
        let clause = if ruling.kind == Kind::Fork { Clause::F4 } else { Clause::G11 };
        let seen = whose.map_or("none".to_owned(), |whose| whose.to_string());
        let expected = format!("a reply about {name}");
        let about = plain((clause, ruling.kind), "own-id", view, (&expected, seen));
        return vec![broken(Mismatch { thread: Some(name), adopt: Adopt::Refused, ..about })];
    }
    let Some(seen) = seen else {
        let none = "none".to_owned();
        return vec![broken(plain(
            (Clause::W2, ruling.kind),
            "policy",
            view,
            ("a policy in the reply", none),
        ))];
    };
    values((name, due, ruling), seen, view)
}

/// Cold resume and fork and start set the stored policy too; a look sets the live one alone.
fn values(
    (name, due, ruling): (Name, &Policy, &Ruling),
    seen: &Policy,
    view: View,
) -> Vec<Comparison> {
    let both = view == View::Reply && !matches!(ruling.approval, Clause::R1 | Clause::R2);
    let pairs = due.values().into_iter().zip(seen.values());
    let compared = pairs.map(|((dimension, expected), (_, value))| {
        let clause = ruling.clause(&expected);
        let cell = Cell { clause, view: Some(view), dimension: Some(dimension) };
        if expected == value {
            return Comparison { cell, mismatch: None, agreed: Some((name, value)) };
        }
        let mismatch = Mismatch {
            clause,
            dimension: Some(dimension),
            kind: ruling.kind,
            form: expected.form(),
            thread: Some(name),
            view,
            expected: expected.to_string(),
            seen: value.to_string(),
            widened: order::allows_more(&due.replaced(value.clone()), due),
            value: Some(value),
            adopt: Adopt::Value { both },
        };
        Comparison { cell, mismatch: Some(mismatch), agreed: None }
    });
    compared.collect()
}

/// A turn states its policy in its notice, where it sends one.
fn turn((name, due, ruling): (Name, &Policy, &Ruling), facts: &[&What]) -> Vec<Comparison> {
    let granted = held(ruling.approval, View::Reply);
    let heard: Vec<&Policy> = facts
        .iter()
        .filter_map(|what| match what {
            What::Settings { thread, policy } if *thread == Whose::Named(name) => Some(policy),
            _ => None,
        })
        .collect();
    let wrong = heard.iter().find(|seen| **seen != due);
    let noticed =
        wrong.or(heard.last()).map(|seen| values((name, due, ruling), seen, View::Notice));
    std::iter::once(granted).chain(noticed.into_iter().flatten()).collect()
}

/// T9: a turn that changes something says so; nothing else says anything.
fn notices(due: &Due, kind: Kind, facts: &[&What]) -> Vec<Comparison> {
    let changed = match due {
        Due::Turn { thread, notice: true, .. } => Some(*thread),
        _ => None,
    };
    let heard: Vec<(Whose, &Policy)> = facts
        .iter()
        .filter_map(|what| match what {
            What::Settings { thread, policy } => Some((*thread, policy)),
            _ => None,
        })
        .collect();
    let own = |whose: &Whose| changed.is_some_and(|name| *whose == Whose::Named(name));
    let missing = changed.is_some() && !heard.iter().any(|(whose, _)| own(whose));
    let stray = heard.iter().find(|(whose, _)| !own(whose));
    let about = (Clause::T9, kind);
    let mismatch = match (missing, stray) {
        (true, _) => {
            let none = "none".to_owned();
            Some(plain(about, NOTICE, View::Notice, ("a notice of the change", none)))
        }
        (false, Some((whose, policy))) => {
            let seen = format!("one about {whose}: {policy}");
            Some(plain(about, NO_NOTICE, View::Notice, ("no notice", seen)))
        }
        (false, None) => None,
    };
    match mismatch {
        Some(mismatch) => vec![broken(mismatch)],
        None => vec![held(Clause::T9, View::Notice)],
    }
}
