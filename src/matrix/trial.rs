//! [shell] One case on one release: what it shows, or why nothing can be said.
//!
//! The verdict is the set of signatures, each with how many of the runs showed it; a signature that
//! shows once is shown. A release that lacks a method of the case cannot be judged by it, and says
//! which.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::drive::Worker;
use crate::judge::signature::Signature;
use crate::judge::{Finding, judge};
use crate::plan::Plan;
use crate::trace::{Trace, What};
use crate::wire::rpc::is_unknown_method;

/// What a case shows on a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// Each signature, and how many of the runs showed it.
    Shows {
        /// The signatures.
        signatures: BTreeMap<Signature, u32>,
        /// The runs.
        runs: u32,
    },
    /// The release lacks this method.
    Unsupported(String),
    /// Nothing can be said, and why.
    Unjudged(String),
}

impl Trial {
    /// Runs a case so often in fresh processes.
    pub fn of(plan: &Plan, runs: u32, worker: &mut Worker) -> Trial {
        let mut signatures: BTreeMap<Signature, u32> = BTreeMap::new();
        for _ in 0..runs {
            let trace = worker.run_fresh(plan);
            if let Some(method) = unsupported(&trace) {
                return Trial::Unsupported(method.to_owned());
            }
            let verdict = judge(&trace);
            if let Some(reason) = verdict.inconclusive {
                return Trial::Unjudged(reason);
            }
            let shown = verdict.findings.iter().map(Finding::signature);
            let shown: BTreeSet<Signature> = shown.collect();
            shown.into_iter().for_each(|one| *signatures.entry(one).or_default() += 1);
        }
        Trial::Shows { signatures, runs }
    }

    /// Whether another shows the same: how often does not count.
    pub fn is_like(&self, other: &Trial) -> bool {
        match (self, other) {
            (Trial::Shows { signatures: one, .. }, Trial::Shows { signatures: other, .. }) => {
                one.keys().eq(other.keys())
            }
            (Trial::Unsupported(_), Trial::Unsupported(_)) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trial::Unsupported(method) => write!(f, "unsupported there: it lacks {method}"),
            Trial::Unjudged(reason) => write!(f, "cannot be judged: {reason}"),
            Trial::Shows { signatures, runs } if signatures.is_empty() => {
                write!(f, "shows nothing in {runs} runs")
            }
            Trial::Shows { signatures, runs } => {
                let each = signatures.iter().map(|(one, k)| format!("{one} ({k} of {runs} runs)"));
                write!(f, "shows {}", each.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// The method of the case that the release does not know.
fn unsupported(trace: &Trace) -> Option<&str> {
    let sent = |wanted: u32| {
        trace.facts.iter().find_map(|fact| match &fact.what {
            What::Sent { call, method, .. } if *call == wanted => Some(method.as_str()),
            _ => None,
        })
    };
    trace.facts.iter().find_map(|fact| match &fact.what {
        What::Refused { call, code, message } => {
            sent(*call).filter(|method| is_unknown_method(method, *code, message))
        }
        _ => None,
    })
}
