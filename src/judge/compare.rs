//! One step's facts beside what is due.
//!
//! Each comparison is a cell of the coverage table, and holds or carries a mismatch. A step whose
//! request never left, or whose answer never came, is not compared: that is the wire's to tell.

use std::borrow::Cow;

use semver::Version;

use super::{Apart, Cell, View, branch_choice, model_context, probe};
use crate::contract::Clause;
use crate::model::expectations::{ACCEPTED, NO_NOTICE, NOTICE, REFUSED};
use crate::model::{Citations, Expected};
use crate::policy::{Dimension, Policy, Profiles, Value, order};
use crate::program::operation::{OpKind, Operation};
use crate::program::ops::Step;
use crate::program::ops::fork::Fork;
use crate::program::thread::ThreadName;
use crate::trace::{Observation, ThreadLabel};

/// What the server's release can be asked for, and what its config means.
#[derive(Clone, Debug)]
pub struct Capabilities {
    /// Whether it sends `thread/settings/updated`.
    pub notices: bool,
    /// The named profiles, as config.toml last defined them.
    pub profiles: Profiles,
    /// Those of them that have meant one thing throughout: what a loaded thread makes of one that
    /// is redefined is nobody's rule.
    pub settled: Profiles,
    /// Whether what a turn tells and does follows from its policy: on a full disk a thread may be
    /// loaded in part, and no file is written.
    pub sound: bool,
}

impl Capabilities {
    /// What a release can be asked for; one that is not named, for everything.
    pub fn of(release: Option<&Version>) -> Capabilities {
        let notices = release.is_none_or(|v| (v.major, v.minor) >= (0, 133));
        Capabilities { notices, profiles: Profiles::new(), settled: Profiles::new(), sound: true }
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
    pub agreed: Option<(ThreadName, Value)>,
}

/// What is wrong.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// The clause that is broken.
    pub clause: Clause,
    /// The dimension, where it is about one.
    pub dimension: Option<Dimension>,
    /// The kind of operation.
    pub kind: OpKind,
    /// The form of what was due.
    pub form: Cow<'static, str>,
    /// The thread.
    pub thread: Option<ThreadName>,
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
    /// The policies that are apart, where it is about a value.
    pub apart: Option<Apart>,
    /// What the world takes over.
    pub adopt: Adopt,
}

/// What a world takes over from what was seen.
#[derive(Clone, Debug)]
pub enum Adopt {
    /// Nothing: it is no matter of policy.
    Nothing,
    /// Nothing: a look in another server leaves the thread as it was.
    Before,
    /// The value, in force and, where `both`, stored too.
    Value {
        /// Whether the stored policy takes it over as well.
        both: bool,
    },
    /// Nothing: this branch is not the one that happened.
    Elsewhere,
    /// The request was refused: what it was to do did not happen.
    Refused,
    /// The thread is not loaded any more.
    Unloaded,
    /// The request was granted, with this policy of this thread where it states one.
    Granted(Option<(ThreadName, Policy)>),
}

/// How the server took the step's request.
pub(super) enum Outcome<'a> {
    Refused(&'a str),
    Granted(Option<ThreadLabel>, Option<&'a Policy>),
}

/// Compares what is due with what a step showed.
pub fn compare(
    due: &Expected,
    step: &Step,
    facts: &[&Observation],
    gates: &Capabilities,
) -> Vec<Comparison> {
    match step {
        Step::SecondClient(inner) => compare(due, inner, facts, gates),
        Step::SecondServer(_) => aside(of_lane((due, step), (facts, 0), gates)),
        _ => of_lane((due, step), (facts, 0), gates),
    }
}

/// What a second server says leaves the first as it is: a cold read that goes wrong in the same way
/// makes the same finding.
fn aside(mut compared: Vec<Comparison>) -> Vec<Comparison> {
    for mismatch in compared.iter_mut().filter_map(|comparison| comparison.mismatch.as_mut()) {
        if !matches!(mismatch.adopt, Adopt::Elsewhere) {
            mismatch.adopt = Adopt::Before;
        }
    }
    compared
}

/// Compares one of several calls at once, by the place of its request among theirs.
pub(super) fn of_lane(
    (due, step): (&Expected, &Step),
    (facts, lane): (&[&Observation], usize),
    gates: &Capabilities,
) -> Vec<Comparison> {
    let kind = step.kind();
    // A thread may be unloaded where nothing was asked for: at the end of its turn.
    if let Expected::Closing { thread, closed } = due {
        return branch_choice::closing(kind, (*thread, *closed), facts);
    }
    // The end of a turn is waited for, and not asked for.
    if let (Expected::ModelContext { thread, policy, ruling }, Step::Finish(_)) = (due, step) {
        return model_context::started((*thread, policy, ruling), facts, &gates.settled);
    }
    let Some(outcome) = outcome(facts, lane) else {
        return Vec::new();
    };
    let view = if matches!(due, Expected::ColdRead(..)) { View::ColdRead } else { View::Reply };
    if let Some(unspawned) = branch_choice::unspawned((due, step), facts) {
        return vec![unspawned];
    }
    let mut all = match outcome {
        Outcome::Refused(why) => declined((due, kind), (view, why)),
        Outcome::Granted(whose, seen) => conceded((due, kind), (whose, seen), (facts, gates)),
    };
    let as_due = answered_as_due(&all);
    if gates.notices && as_due {
        all.extend(notices(due, kind, facts));
    }
    if let (true, Expected::Turn { thread, policy, .. }) = (gates.sound && as_due, due) {
        all.extend(model_context::compare((*thread, policy), facts, &gates.settled));
    }
    if gates.sound && as_due {
        all.extend(probe::compare(due, step, facts, &gates.settled));
    }
    widths(&mut all, due, gates);
    all
}

/// What a refusal makes of what is due.
fn declined((due, kind): (&Expected, OpKind), (view, why): (View, &str)) -> Vec<Comparison> {
    let (thread, clause) = match due {
        Expected::Nothing
        | Expected::All(_)
        | Expected::Closing { .. }
        | Expected::Interrupted { .. } => return Vec::new(),
        Expected::Answer { granted } => {
            return branch_choice::allowed(kind, *granted, &Outcome::Refused(why));
        }
        Expected::Refusal(clause) => return vec![held(*clause, View::Reply)],
        Expected::Policy(name, _, ruling)
        | Expected::Look(name, _, ruling)
        | Expected::ColdRead(name, _, ruling) => (*name, ruling.main()),
        Expected::Turn { thread, ruling, .. }
        | Expected::Change { thread, ruling, .. }
        | Expected::ModelContext { thread, ruling, .. } => (*thread, ruling.main()),
        Expected::Within { thread, .. } => (*thread, Clause::O10),
    };
    vec![refused(thread, (clause, kind), (view, why))]
}

/// What a granted request shows beside what is due.
fn conceded(
    (due, kind): (&Expected, OpKind),
    (whose, seen): (Option<ThreadLabel>, Option<&Policy>),
    (facts, gates): (&[&Observation], &Capabilities),
) -> Vec<Comparison> {
    let stated = |about, view| stated(about, (whose, seen), view);
    match due {
        Expected::Nothing
        | Expected::All(_)
        | Expected::Closing { .. }
        | Expected::Interrupted { .. } => Vec::new(),
        Expected::Answer { granted } => {
            branch_choice::allowed(kind, *granted, &Outcome::Granted(whose, seen))
        }
        Expected::Refusal(clause) => vec![granted(*clause, kind, (whose, seen))],
        Expected::Within { thread, bound } => model_context::within((*thread, bound), facts, gates),
        Expected::ModelContext { thread, policy, ruling } => {
            model_context::started((*thread, policy, ruling), facts, &gates.settled)
        }
        Expected::Policy(name, policy, ruling) => stated((*name, policy, ruling), View::Reply),
        Expected::Look(name, policy, ruling) => stated((*name, policy, ruling), View::WarmRead),
        Expected::ColdRead(name, policy, ruling) => stated((*name, policy, ruling), View::ColdRead),
        Expected::Turn { thread, policy, ruling, .. }
        | Expected::Change { thread, policy, ruling, .. } => turn((*thread, policy, ruling), facts),
    }
}

/// A turn that ran or was refused against the contract has that one finding: what it sent or did
/// not send besides follows from it.
fn answered_as_due(compared: &[Comparison]) -> bool {
    let against = |adopt: &Adopt| matches!(adopt, Adopt::Refused | Adopt::Granted(_));
    let mut mismatches = compared.iter().filter_map(|comparison| comparison.mismatch.as_ref());
    !mismatches.any(|mismatch| against(&mismatch.adopt))
}

/// What is wrong and allows more than what was due, by the profiles of the moment.
fn widths(compared: &mut [Comparison], due: &Expected, gates: &Capabilities) {
    let policy = match due {
        Expected::Policy(_, policy, _)
        | Expected::Look(_, policy, _)
        | Expected::ColdRead(_, policy, _) => policy,
        Expected::Turn { policy, .. } | Expected::Change { policy, .. } => policy,
        Expected::ModelContext { policy, .. } => policy,
        Expected::Within { bound, .. } => bound,
        _ => return,
    };
    let mismatches = compared.iter_mut().filter_map(|comparison| comparison.mismatch.as_mut());
    for mismatch in mismatches {
        if let Some(value) = &mismatch.value {
            let seen = policy.replaced(value.clone());
            let (due, profiles) = (policy.clone(), gates.profiles.clone());
            mismatch.widened = order::allows_more(&seen, &due, &profiles);
            mismatch.apart = Some(Apart { due, seen, profiles });
        }
    }
}

/// The answer to a request that the step sends, by its place among them.
fn outcome<'a>(facts: &[&'a Observation], place: usize) -> Option<Outcome<'a>> {
    let sent = facts.iter().filter_map(|what| match what {
        Observation::Sent { call, .. } => Some(*call),
        _ => None,
    });
    let Some(own) = sent.clone().nth(place) else {
        return facts.iter().find_map(|what| second(what));
    };
    facts.iter().find_map(|what| match what {
        Observation::Answered { call, thread, policy } if *call == own => {
            Some(Outcome::Granted(*thread, policy.as_ref()))
        }
        Observation::Refused { call, message, .. } if *call == own => {
            Some(Outcome::Refused(message))
        }
        _ => None,
    })
}

/// The answer of the second server, which a look on a copy of the home asks.
fn second(what: &Observation) -> Option<Outcome<'_>> {
    match what {
        Observation::ColdRead { thread, policy } => {
            Some(Outcome::Granted(Some(*thread), policy.as_ref()))
        }
        Observation::ColdReadRefused { message, .. } => Some(Outcome::Refused(message)),
        _ => None,
    }
}

pub(super) fn held(clause: Clause, view: View) -> Comparison {
    let cell = Cell { clause, view: Some(view), dimension: None };
    Comparison { cell, mismatch: None, agreed: None }
}

pub(super) fn broken(mismatch: Mismatch) -> Comparison {
    let Mismatch { clause, dimension, view, .. } = mismatch;
    let cell = Cell { clause, view: Some(view), dimension };
    Comparison { cell, mismatch: Some(mismatch), agreed: None }
}

/// A breach that is about no value.
pub(super) fn plain(
    (clause, kind): (Clause, OpKind),
    form: &'static str,
    view: View,
    (expected, seen): (&str, String),
) -> Mismatch {
    Mismatch {
        clause,
        dimension: None,
        kind,
        form: form.into(),
        thread: None,
        view,
        expected: expected.to_owned(),
        seen,
        value: None,
        widened: false,
        apart: None,
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
    kind: OpKind,
    (whose, policy): (Option<ThreadLabel>, Option<&Policy>),
) -> Comparison {
    let named = match whose {
        Some(ThreadLabel::Named(name)) => Some(name),
        _ => None,
    };
    let stated = named.zip(policy.cloned());
    broken(Mismatch {
        thread: named,
        adopt: Adopt::Granted(stated),
        ..plain((clause, kind), REFUSED, View::Reply, ("a refusal", "it was granted".to_owned()))
    })
}

fn refused(
    thread: ThreadName,
    (clause, kind): (Clause, OpKind),
    (view, why): (View, &str),
) -> Comparison {
    let seen = format!("refused: {why}");
    broken(Mismatch {
        thread: Some(thread),
        adopt: Adopt::Refused,
        ..plain((clause, kind), ACCEPTED, view, ("it is granted", seen))
    })
}

/// The policy that a reply states, value by value.
fn stated(
    (name, due, ruling): (ThreadName, &Policy, &Citations),
    (whose, seen): (Option<ThreadLabel>, Option<&Policy>),
    view: View,
) -> Vec<Comparison> {
    if whose != Some(ThreadLabel::Named(name)) {
        let clause = if ruling.kind == Fork::KIND { Clause::F4 } else { Clause::G11 };
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

/// Cold resume and fork and start set the stored policy too; a reread sets the live one alone, and
/// a look at a copy of the home neither.
pub(super) fn values(
    (name, due, ruling): (ThreadName, &Policy, &Citations),
    seen: &Policy,
    view: View,
) -> Vec<Comparison> {
    let both = view == View::Reply && !matches!(ruling.main(), Clause::R1 | Clause::R2);
    let compared = due.beside(seen).into_iter().map(|(expected, value)| {
        let dimension = expected.dimension();
        let clause = ruling.clause(&expected);
        let cell = Cell { clause, view: Some(view), dimension: Some(dimension) };
        if expected == value {
            return Comparison { cell, mismatch: None, agreed: Some((name, value)) };
        }
        let mismatch = Mismatch {
            clause,
            dimension: Some(dimension),
            kind: ruling.kind,
            form: expected.form().into(),
            thread: Some(name),
            view,
            expected: expected.to_string(),
            seen: value.to_string(),
            widened: false,
            apart: None,
            value: Some(value),
            adopt: if view == View::ColdRead { Adopt::Before } else { Adopt::Value { both } },
        };
        Comparison { cell, mismatch: Some(mismatch), agreed: None }
    });
    compared.collect()
}

/// A turn states its policy in its notice, where it sends one.
fn turn(
    (name, due, ruling): (ThreadName, &Policy, &Citations),
    facts: &[&Observation],
) -> Vec<Comparison> {
    let granted = held(ruling.main(), View::Reply);
    let heard: Vec<&Policy> = facts
        .iter()
        .filter_map(|what| match what {
            Observation::Settings { thread, policy } if *thread == ThreadLabel::Named(name) => {
                Some(policy)
            }
            _ => None,
        })
        .collect();
    let wrong = heard.iter().find(|seen| !seen.agrees(due));
    let noticed =
        wrong.or(heard.last()).map(|seen| values((name, due, ruling), seen, View::Notice));
    std::iter::once(granted).chain(noticed.into_iter().flatten()).collect()
}

/// T9: a turn that changes something says so; nothing else says anything.
fn notices(due: &Expected, kind: OpKind, facts: &[&Observation]) -> Vec<Comparison> {
    let changed = match due {
        Expected::Turn { thread, notice: Some(true), .. }
        | Expected::Change { thread, notice: Some(true), .. } => Some(*thread),
        Expected::Turn { notice: Some(false), .. }
        | Expected::Change { notice: Some(false), .. } => None,
        Expected::Policy(..) | Expected::Look(..) | Expected::Refusal(_) => None,
        _ => return Vec::new(),
    };
    let heard: Vec<(ThreadLabel, &Policy)> = facts
        .iter()
        .filter_map(|what| match what {
            Observation::Settings { thread, policy } => Some((*thread, policy)),
            _ => None,
        })
        .collect();
    let own = |whose: &ThreadLabel| changed.is_some_and(|name| *whose == ThreadLabel::Named(name));
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
