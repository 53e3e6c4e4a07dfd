//! One case on one release: the signatures that it shows, or why it cannot be judged.
//!
//! A signature that one of the runs shows is shown. A release that lacks a method of the case
//! cannot be judged by it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::drive::Worker;
use crate::judge::judge;
use crate::judge::signature::Signature;
use crate::judge::verdict::Finding;
use crate::program::Program;
use crate::protocol::rpc::is_unknown_method;
use crate::trace::{Observation, Trace};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// Each signature, and how many of the runs showed it.
    Shows { signatures: BTreeMap<Signature, u32>, runs: u32 },
    /// The release lacks this method, field or value.
    Unsupported(String),
    /// A run was inconclusive, for this reason.
    Unjudged(String),
}

impl Trial {
    /// Runs a case several times in fresh processes.
    pub fn of(program: &Program, runs: u32, worker: &mut Worker) -> Trial {
        let mut signatures: BTreeMap<Signature, u32> = BTreeMap::new();
        for _ in 0..runs {
            let trace = worker.run_fresh(program);
            if let Some(method) = unsupported(&trace) {
                return Trial::Unsupported(method.to_owned());
            }
            let verdict = judge(&trace);
            if let Some(reason) = verdict.inconclusive {
                return Trial::Unjudged(reason);
            }
            let shown: BTreeSet<Signature> =
                verdict.findings.iter().map(Finding::signature).collect();
            for signature in shown {
                *signatures.entry(signature).or_default() += 1;
            }
        }
        Trial::Shows { signatures, runs }
    }

    /// Whether another shows the same signatures, however often.
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
                write!(f, "shows nothing in {}", counted(*runs))
            }
            Trial::Shows { signatures, runs } => {
                let runs = counted(*runs);
                let each = signatures.iter();
                let each =
                    each.map(|(signature, shown)| format!("{signature} ({shown} of {runs})"));
                write!(f, "shows {}", each.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

fn counted(runs: u32) -> String {
    if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") }
}

/// What the release lacks for the case: something that its schema does not have, or a method that
/// it refuses as unknown.
fn unsupported(trace: &Trace) -> Option<&str> {
    let sent = |wanted: u32| {
        trace.entries.iter().find_map(|fact| match &fact.observation {
            Observation::Sent { call, method, .. } if *call == wanted => Some(method.as_str()),
            _ => None,
        })
    };
    trace.entries.iter().find_map(|fact| match &fact.observation {
        Observation::LeftOut { what } => Some(what.as_str()),
        Observation::Refused { call, code, message } => {
            sent(*call).filter(|method| is_unknown_method(method, *code, message))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{Trial, unsupported};
    use crate::trace::Trace;

    const HEAD: &str = "{\"schema\":\"heirloom trace v1\",\"server\":\"0.131.0\",\
                        \"plan\":\"# heirloom case v1\\nconfig  sandbox=read-only\\n\
                        start -> t0\\naudit\\n\"}";

    /// What the audit shows in the end.
    const END: &str =
        r#"{"us":9,"step":2,"seen":"sent","call":9,"method":"thread/resume","unbound":false}"#;

    /// What a release lacks that showed these facts.
    fn check(entries: &[&str], expected: Expect) {
        let trace: Trace =
            [&[HEAD], entries, &[END]].concat().join("\n").parse().expect("it is a trace");
        let lacks = unsupported(&trace).map(|what| Trial::Unsupported(what.to_owned()));
        let shows = || Trial::Shows { signatures: [].into(), runs: 1 };
        expected.assert_eq(&lacks.unwrap_or_else(shows).to_string());
    }

    #[test]
    fn a_release_that_was_not_asked_for_what_it_lacks_does_not_show_nothing() {
        check(
            &[r#"{"us":1,"step":0,"seen":"left_out","what":"thread/settings/update"}"#],
            expect!["unsupported there: it lacks thread/settings/update"],
        );
    }

    #[test]
    fn a_method_that_is_refused_as_unknown_is_lacking() {
        let sent = r#"{"us":1,"step":0,"seen":"sent","call":1,"method":"x/y","unbound":false}"#;
        check(
            &[sent, r#"{"us":2,"step":0,"seen":"refused","call":1,"code":-32601,"message":"no"}"#],
            expect!["unsupported there: it lacks x/y"],
        );
        check(
            &[sent, r#"{"us":2,"step":0,"seen":"refused","call":1,"code":-32600,"message":"no"}"#],
            expect!["shows nothing in 1 run"],
        );
    }
}
