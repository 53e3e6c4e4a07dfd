//! [core] Calls at once: one order of them beside what they showed.
//!
//! Each call has its own answer, and they share the notices: of each thread as many as its changes
//! bring in this order, each stating one of the policies that the changes leave behind, the last of
//! them the one that is left in the end. The judge tries every order that the model lists.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::{self, Comparison, Gates};
use super::{View, compare::plain};
use crate::contract::Clause;
use crate::model::fires::{NO_NOTICE, NOTICE};
use crate::model::{Branch, Due, Kind, Ruling};
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

/// Compares every call of the step with what is due to it in this order.
pub fn compare(branch: &Branch, steps: &[Step], facts: &[&What], gates: &Gates) -> Vec<Comparison> {
    let Due::All(dues) = &branch.due else {
        return Vec::new();
    };
    let alone = Gates { notices: false, ..gates.clone() };
    let lane = |(place, (due, step)): (usize, (&Due, &Step))| {
        compare::of_lane((due, step), (&heard_by(due, facts), place), &alone)
    };
    let mut all: Vec<Comparison> = dues.iter().zip(steps).enumerate().flat_map(lane).collect();
    let wrong = all.iter().any(|comparison| comparison.mismatch.is_some());
    if gates.notices && !wrong {
        all.extend(counted(dues, steps, facts));
        all.extend(last(branch, dues, facts));
    }
    all
}

/// The facts with that notice alone which is nearest to what the call is to leave behind.
fn heard_by<'a>(due: &Due, facts: &[&'a What]) -> Vec<&'a What> {
    let nearest = match due {
        Due::Change { thread, policy, .. } => {
            let own = facts.iter().filter(|what| about(what, *thread).is_some());
            let agrees = |what: &&&What| about(what, *thread).is_some_and(|one| one.agrees(policy));
            own.clone().find(agrees).or(own.last())
        }
        _ => None,
    };
    let other = |what: &&&What| !matches!(what, What::Settings { .. });
    facts.iter().filter(other).chain(nearest).copied().collect()
}

/// The policy that a notice states, where it is about the thread.
fn about<'a>(what: &'a What, name: Name) -> Option<&'a Policy> {
    match what {
        What::Settings { thread, policy } if *thread == Whose::Named(name) => Some(policy),
        _ => None,
    }
}

/// T9: of each thread as many notices as changes. Whether a client that resumes the thread at once
/// with a change hears of it is left open.
fn counted(dues: &[Due], steps: &[Step], facts: &[&What]) -> Vec<Comparison> {
    let mut changes: BTreeMap<Name, Changes> = BTreeMap::new();
    for due in dues {
        if let Due::Change { thread, notice, .. } = due {
            let changes = changes.entry(*thread).or_default();
            changes.told += usize::from(*notice == Some(true));
            changes.open += usize::from(notice.is_none());
        }
    }
    let joined: BTreeSet<Who> = steps.iter().filter_map(resumed).collect();
    let mut all: Vec<Comparison> = changes
        .iter()
        .map(|(name, due)| {
            let heard = facts.iter().filter(|what| about(what, *name).is_some()).count();
            let missing = heard < due.told && !joined.contains(&Who::Thread(*name));
            let breach = if missing {
                Some((NOTICE, format!("{} of the changes of {name}", words(due.told))))
            } else if heard > due.told + due.open {
                Some((NO_NOTICE, format!("{} of the changes of {name}", words(due.told))))
            } else {
                None
            };
            told(breach, format!("{} of them", words(heard)))
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

fn words(notices: usize) -> String {
    match notices {
        0 => "no notice".to_owned(),
        1 => "one notice".to_owned(),
        many => format!("{many} notices"),
    }
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

/// O14: the last writer wins, and the last notice is the last writer's.
fn last(branch: &Branch, dues: &[Due], facts: &[&What]) -> Vec<Comparison> {
    let changed: BTreeSet<Name> = dues
        .iter()
        .filter_map(|due| match due {
            Due::Change { thread, .. } => Some(*thread),
            _ => None,
        })
        .collect();
    let ruling = Ruling::all(Kind::Together, Clause::O14);
    let each = changed.into_iter().filter_map(|name| {
        let live = branch.world.threads.get(&name)?.live.as_ref()?;
        let heard = facts.iter().rev().find_map(|what| about(what, name))?;
        Some(compare::values((name, live, &ruling), heard, View::Notice))
    });
    each.flatten().collect()
}
