//! Calls at once: one order of them beside what they showed.
//!
//! Each call has its own answer, and they share the notices. Each of these states one of the
//! policies that the changes of its thread leave behind, the last of them the one that is left in
//! the end; a server may tell of several changes in one. The judge tries every order of the calls.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::{self, Capabilities, Comparison};
use super::{View, compare::plain};
use crate::contract::Clause;
use crate::model::expectations::{NO_NOTICE, NOTICE};
use crate::model::{Branch, Citations, Expected, World};
use crate::policy::Policy;
use crate::program::ops::PARALLEL;
use crate::program::ops::Step;
use crate::program::ops::resume::Resume;
use crate::program::thread::ThreadName;
use crate::program::thread::ThreadRef;
use crate::trace::{Observation, ThreadLabel};

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
    facts: &[&Observation],
    gates: &Capabilities,
) -> Vec<Comparison> {
    let Expected::All(dues) = &branch.due else {
        return Vec::new();
    };
    let alone = Capabilities { notices: false, ..gates.clone() };
    let lane = |(place, (due, step)): (usize, (&Expected, &Step))| {
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
fn heard_by<'a>(due: &Expected, facts: &[&'a Observation]) -> Vec<&'a Observation> {
    let own = |what: &&&Observation| match (what, due) {
        (Observation::Settings { .. }, Expected::Change { thread, policy, .. }) => {
            about(what, *thread).is_some_and(|one| one.agrees(policy))
        }
        (Observation::Settings { .. }, _) => false,
        _ => true,
    };
    facts.iter().filter(own).copied().collect()
}

/// The policy that a notice states, where it is about the thread.
fn about(what: &Observation, name: ThreadName) -> Option<&Policy> {
    match what {
        Observation::Settings { thread, policy } if *thread == ThreadLabel::Named(name) => {
            Some(policy)
        }
        _ => None,
    }
}

/// The changes of each thread. Those that leave a thread as it was may cancel each other before
/// anything is told of them.
fn changes(
    dues: &[Expected],
    as_before: impl Fn(ThreadName) -> bool,
) -> BTreeMap<ThreadName, Changes> {
    let mut all: BTreeMap<ThreadName, Changes> = BTreeMap::new();
    for due in dues {
        if let Expected::Change { thread, notice, .. } = due {
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
fn counted(
    changes: &BTreeMap<ThreadName, Changes>,
    steps: &[Step],
    facts: &[&Observation],
) -> Vec<Comparison> {
    let joined: BTreeSet<ThreadRef> = steps.iter().filter_map(resumed).collect();
    let mut all: Vec<Comparison> = changes
        .iter()
        .map(|(name, due)| {
            let heard = facts.iter().filter(|what| about(what, *name).is_some()).count();
            let missing = heard == 0 && due.told > 0 && !joined.contains(&ThreadRef::Thread(*name));
            let form = match heard > due.told + due.open {
                true => Some(NO_NOTICE),
                false => missing.then_some(NOTICE),
            };
            let expected = format!("notices of {} changes of {name}", due.told);
            told(form.map(|form| (form, expected)), heard.to_string())
        })
        .collect();
    let stray = facts.iter().find_map(|what| match what {
        Observation::Settings { thread: ThreadLabel::Named(name), .. }
            if changes.contains_key(name) =>
        {
            None
        }
        Observation::Settings { thread, policy } => Some(format!("one about {thread}: {policy}")),
        _ => None,
    });
    if let Some(seen) = stray {
        all.push(told(Some((NO_NOTICE, "no notice".to_owned())), seen));
    }
    all
}

fn resumed(step: &Step) -> Option<ThreadRef> {
    match step {
        Step::Resume(Resume { thread, .. }) => Some(*thread),
        _ => None,
    }
}

fn told(breach: Option<(&'static str, String)>, seen: String) -> Comparison {
    match breach {
        None => compare::held(Clause::T9, View::Notice),
        Some((form, expected)) => {
            let about = (Clause::T9, PARALLEL);
            compare::broken(plain(about, form, View::Notice, (&expected, seen)))
        }
    }
}

/// Every notice that states what no change leaves behind, beside what is left in the end; and O14,
/// by which the last one states just that.
fn noticed(branch: &Branch, dues: &[Expected], facts: &[&Observation]) -> Vec<Comparison> {
    let mut left: BTreeMap<ThreadName, (Vec<&Policy>, &Citations)> = BTreeMap::new();
    for due in dues {
        if let Expected::Change { thread, policy, ruling, .. } = due {
            left.entry(*thread).or_insert_with(|| (Vec::new(), ruling)).0.push(policy);
        }
    }
    let last = Citations::all(PARALLEL, Clause::O14);
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
