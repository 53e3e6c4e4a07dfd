//! [core] Calls at once: one order of them beside what they showed.
//!
//! Each call has its own answer, and they share the notices. Each of these states one of the
//! policies that the changes of its thread leave behind, the last of them the one that is left in
//! the end; a server may tell of several changes in one. The judge tries every order of the calls.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::{self, Comparison, Gates};
use super::{View, compare::plain};
use crate::contract::Clause;
use crate::model::fires::{NO_NOTICE, NOTICE};
use crate::model::{Branch, Due, Kind, Ruling, World};
use crate::plan::{Name, Step, Who};
use crate::policy::Policy;
use crate::trace::{What, Whose};

/// The changes of one thread.
#[derive(Default)]
struct Changes {
    /// That bring a notice.
    told: usize,
    /// Of which it is left open whether they do.
    open: usize,
}

/// Compares every call of the step with what is due to it in this order of them.
pub fn compare(
    (before, branch): (&World, &Branch),
    steps: &[Step],
    facts: &[&What],
    gates: &Gates,
) -> Vec<Comparison> {
    let Due::All(dues) = &branch.due else {
        return Vec::new();
    };
    let alone = Gates { notices: false, ..gates.clone() };
    let lane = |(place, (due, step)): (usize, (&Due, &Step))| {
        compare::of_lane((due, step), (&heard_by(due, facts), place), &alone)
    };
    let mut all: Vec<Comparison> = dues.iter().zip(steps).enumerate().flat_map(lane).collect();
    let wrong = all.iter().any(|comparison| comparison.mismatch.is_some());
    if gates.notices {
        let live = |world: &World, name| world.threads.get(&name)?.live.clone();
        let changes = changes(dues, |name| live(before, name) == live(&branch.world, name));
        all.extend(counted(&changes, steps, facts));
    }
    if gates.notices && !wrong {
        all.extend(noticed(branch, dues, facts));
    }
    all
}

/// The facts with those notices alone that state what the call leaves behind.
fn heard_by<'a>(due: &Due, facts: &[&'a What]) -> Vec<&'a What> {
    let own = |what: &&&What| match (what, due) {
        (What::Settings { .. }, Due::Change { thread, policy, .. }) => {
            about(what, *thread).is_some_and(|one| one.agrees(policy))
        }
        (What::Settings { .. }, _) => false,
        _ => true,
    };
    facts.iter().filter(own).copied().collect()
}

/// The policy that a notice states, where it is about the thread.
fn about(what: &What, name: Name) -> Option<&Policy> {
    match what {
        What::Settings { thread, policy } if *thread == Whose::Named(name) => Some(policy),
        _ => None,
    }
}

/// The changes of each thread. Those that leave a thread as it was may cancel each other before
/// anything is told of them.
fn changes(dues: &[Due], as_before: impl Fn(Name) -> bool) -> BTreeMap<Name, Changes> {
    let mut all: BTreeMap<Name, Changes> = BTreeMap::new();
    for due in dues {
        if let Due::Change { thread, notice, .. } = due {
            let open = notice.is_none() || as_before(*thread);
            let changes = all.entry(*thread).or_default();
            changes.told += usize::from(*notice == Some(true) && !open);
            changes.open += usize::from(*notice != Some(false) && open);
        }
    }
    all
}

/// T9: of each thread a notice at the least where a change is due to be noticed, and no more than
/// changes. Whether a client that resumes the thread at once with a change hears of it is open.
fn counted(changes: &BTreeMap<Name, Changes>, steps: &[Step], facts: &[&What]) -> Vec<Comparison> {
    let joined: BTreeSet<Who> = steps.iter().filter_map(resumed).collect();
    let mut all: Vec<Comparison> = changes
        .iter()
        .map(|(name, due)| {
            let heard = facts.iter().filter(|what| about(what, *name).is_some()).count();
            let missing = heard == 0 && due.told > 0 && !joined.contains(&Who::Thread(*name));
            let form = match heard > due.told + due.open {
                true => Some(NO_NOTICE),
                false => missing.then_some(NOTICE),
            };
            let expected = format!("notices of {} changes of {name}", due.told);
            told(form.map(|form| (form, expected)), heard.to_string())
        })
        .collect();
    let stray = facts.iter().find_map(|what| match what {
        What::Settings { thread: Whose::Named(name), .. } if changes.contains_key(name) => None,
        What::Settings { thread, policy } => Some(format!("one about {thread}: {policy}")),
        _ => None,
    });
    if let Some(seen) = stray {
        all.push(told(Some((NO_NOTICE, "no notice".to_owned())), seen));
    }
    all
}

fn resumed(step: &Step) -> Option<Who> {
    match step {
        Step::Resume { thread, .. } => Some(*thread),
        _ => None,
    }
}

fn told(breach: Option<(&'static str, String)>, seen: String) -> Comparison {
    match breach {
        None => compare::held(Clause::T9, View::Notice),
        Some((form, expected)) => {
            let about = (Clause::T9, Kind::Together);
            compare::broken(plain(about, form, View::Notice, (&expected, seen)))
        }
    }
}

/// Every notice that states what no change leaves behind, beside what is left in the end; and O14,
/// by which the last one states just that.
fn noticed(branch: &Branch, dues: &[Due], facts: &[&What]) -> Vec<Comparison> {
    let mut left: BTreeMap<Name, (Vec<&Policy>, &Ruling)> = BTreeMap::new();
    for due in dues {
        if let Due::Change { thread, policy, ruling, .. } = due {
            left.entry(*thread).or_insert_with(|| (Vec::new(), ruling)).0.push(policy);
        }
    }
    let last = Ruling::all(Kind::Together, Clause::O14);
    let mut all = Vec::new();
    for (name, (policies, ruling)) in left {
        let live = branch.world.threads.get(&name).and_then(|thread| thread.live.as_ref());
        let heard: Vec<&Policy> = facts.iter().filter_map(|what| about(what, name)).collect();
        let (Some(live), Some(end)) = (live, heard.last()) else {
            continue;
        };
        let strange = heard.iter().find(|one| policies.iter().all(|policy| !one.agrees(policy)));
        all.extend(match strange {
            Some(strange) => compare::values((name, live, ruling), strange, View::Notice),
            None => compare::values((name, live, &last), end, View::Notice),
        });
    }
    all
}
