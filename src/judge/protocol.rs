//! The lines, the turns and the process: W1 to W4.
//!
//! Judged on every trace, whatever the plan is about: each request has one answer, each line is
//! JSON-RPC and valid by the server's own schema, the process ends only when told to and prints no
//! panic, a turn starts once and ends once.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::{Comparison, Mismatch, plain, wire};
use super::{Cell, View};
use crate::contract::Clause;
use crate::program::operation::OpKind;
use crate::program::operation::Operation;
use crate::program::ops::Step;
use crate::program::ops::restart::Restart;
use crate::trace::{Entry, Observation, ThreadLabel, Trace};

/// What a request, a turn or a process was last seen to do.
#[derive(Default)]
struct Seen {
    answers: BTreeMap<u32, u32>,
    turns: BTreeMap<(ThreadLabel, u32), Turn>,
    /// Whether lines are held against a schema.
    schema: bool,
    /// Whether the next line has a problem that was told.
    invalid: bool,
    /// The threads that the client has once asked to hear no more of: of their turns it may have
    /// missed the start.
    missed: BTreeSet<ThreadLabel>,
}

#[derive(Clone, Copy, Default)]
struct Turn {
    started: u32,
    ended: u32,
}

/// Every comparison, each with its step and its fact.
pub fn compare(trace: &Trace, steps: &[Step]) -> Vec<((usize, usize), Comparison)> {
    let mut seen = Seen::default();
    let mut all = Vec::new();
    for (fact, Entry { step, what }) in trace.facts.iter().enumerate() {
        let kind = steps.get(*step).map_or(Restart::KIND, Step::kind);
        let held = seen.line(kind, what).into_iter().chain(seen.fact(kind, what));
        all.extend(held.map(|comparison| ((*step, fact), comparison)));
    }
    let last = (steps.len(), trace.facts.len());
    all.push((last, wire(Clause::W2, None)));
    all.push((last, wire(Clause::W3, None)));
    all
}

impl Seen {
    /// A line beside the schema, the one that has a problem once.
    fn line(&mut self, kind: OpKind, what: &Observation) -> Option<Comparison> {
        match what {
            Observation::Server { .. } => {
                (self.schema, self.invalid) = (false, false);
                None
            }
            Observation::Schema => {
                self.schema = true;
                None
            }
            Observation::Invalid { ours, .. } => {
                self.invalid = true;
                (!ours).then(|| invalid(kind, what)).flatten()
            }
            Observation::Sent { .. }
            | Observation::Answered { .. }
            | Observation::Refused { .. }
            | Observation::Settings { .. }
            | Observation::TurnStarted { .. }
            | Observation::TurnEnded { .. }
            | Observation::TurnEvent { .. }
            | Observation::Asked { .. } => {
                let told = std::mem::take(&mut self.invalid);
                (self.schema && !told).then(|| beside_schema(None))
            }
            _ => None,
        }
    }

    fn fact(&mut self, kind: OpKind, what: &Observation) -> Option<Comparison> {
        match what {
            Observation::Answered { call, .. } | Observation::Refused { call, .. } => {
                Some(self.answer(kind, *call))
            }
            Observation::Unasked { id } => {
                let seen = format!("an answer to {id}, which was never asked");
                Some(breach((Clause::W1, kind), "answer", "one answer to each request", seen))
            }
            Observation::Strange { line } => {
                Some(breach((Clause::W2, kind), "json-rpc", "a line of JSON-RPC", line.clone()))
            }
            Observation::Silent { awaited, seconds } => Some(silent(kind, awaited, *seconds)),
            Observation::Ended { told, exit, panicked, stderr } => {
                ended(kind, (*told, *panicked), exit, stderr)
            }
            Observation::TurnStarted { thread, turn } => self.started(kind, (*thread, *turn)),
            Observation::TurnEnded { thread, turn, .. } => self.ended(kind, (*thread, *turn)),
            Observation::CommandEnded { thread, turn } => {
                self.event(kind, (*thread, *turn), "a command's end")
            }
            Observation::Unsubscribed { thread } => {
                self.missed.insert(*thread);
                None
            }
            Observation::TurnEvent { thread, turn, method } => {
                self.event(kind, (*thread, *turn), method)
            }
            _ => None,
        }
    }

    fn answer(&mut self, kind: OpKind, call: u32) -> Comparison {
        let answers = self.answers.entry(call).or_default();
        *answers += 1;
        match *answers {
            1 => wire(Clause::W1, None),
            more => {
                let seen = format!("{more} answers");
                breach((Clause::W1, kind), "answer", "one answer to each request", seen)
            }
        }
    }

    fn started(&mut self, kind: OpKind, turn: (ThreadLabel, u32)) -> Option<Comparison> {
        let count = self.turns.entry(turn).or_default();
        count.started += 1;
        let again = count.started > 1 || count.ended > 0;
        again.then(|| {
            let seen = "turn/started once more".to_owned();
            breach((Clause::W4, kind), "turn", "a turn starts once", seen)
        })
    }

    fn ended(&mut self, kind: OpKind, turn: (ThreadLabel, u32)) -> Option<Comparison> {
        let count = self.turns.entry(turn).or_default();
        count.ended += 1;
        match (count.started, count.ended) {
            (1, 1) => Some(wire(Clause::W4, None)),
            (0, 1) if self.missed.contains(&turn.0) => None,
            (started, ended) => {
                let seen = format!("{started} turn/started and {ended} turn/completed");
                Some(breach(
                    (Clause::W4, kind),
                    "turn",
                    "a turn starts once and completes once",
                    seen,
                ))
            }
        }
    }

    fn event(
        &mut self,
        kind: OpKind,
        turn: (ThreadLabel, u32),
        method: &str,
    ) -> Option<Comparison> {
        let over = self.turns.get(&turn).is_some_and(|count| count.ended > 0);
        over.then(|| {
            let seen = format!("{method} after turn/completed");
            breach((Clause::W4, kind), "turn", "nothing of a turn follows its end", seen)
        })
    }
}

/// Why nothing can be said of a trace in which a line of heirloom's own is at fault.
pub fn own_fault(what: &Observation) -> Option<String> {
    match what {
        Observation::Invalid { ours: true, about, at, problem } => Some(format!(
            "heirloom's own line about {about} is not valid by the server's schema: {}; this is a \
             fault of heirloom's, report it",
            placed(at, problem)
        )),
        _ => None,
    }
}

/// The form names the method and the place, so that one fault does not hide another.
fn invalid(kind: OpKind, what: &Observation) -> Option<Comparison> {
    let Observation::Invalid { about, at, problem, .. } = what else {
        return None;
    };
    let place = if at.is_empty() { String::new() } else { format!(":{at}") };
    let form = format!("schema:{}{place}", about.replace('/', "."));
    let seen = format!("{about} {}", placed(at, problem));
    let expected = "a line that is valid by the server's own schema";
    let plain = plain((Clause::W2, kind), "schema", View::Schema, (expected, seen));
    Some(beside_schema(Some(Mismatch { form: form.into(), ..plain })))
}

fn placed(at: &str, problem: &str) -> String {
    if at.is_empty() { problem.to_owned() } else { format!("{at}: {problem}") }
}

fn beside_schema(mismatch: Option<Mismatch>) -> Comparison {
    let cell = Cell { clause: Clause::W2, view: Some(View::Schema), dimension: None };
    Comparison { cell, mismatch, agreed: None }
}

fn breach(about: (Clause, OpKind), form: &'static str, expected: &str, seen: String) -> Comparison {
    let mismatch: Mismatch = plain(about, form, View::Wire, (expected, seen));
    wire(about.0, Some(mismatch))
}

fn silent(kind: OpKind, awaited: &str, seconds: u64) -> Comparison {
    let seen = format!("nothing for {seconds} s, waiting for {awaited}");
    match awaited.starts_with("turn/") {
        true => breach((Clause::W4, kind), "turn", "a turn starts once and completes once", seen),
        false => breach((Clause::W1, kind), "answer", "one answer to each request", seen),
    }
}

fn ended(
    kind: OpKind,
    (told, panicked): (bool, bool),
    exit: &str,
    stderr: &str,
) -> Option<Comparison> {
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing");
    if panicked {
        let seen = format!("a panic on stderr, {exit}: {last}");
        return Some(breach((Clause::W3, kind), "no-panic", "no panic", seen));
    }
    (!told).then(|| {
        let seen = format!("{exit}; last on stderr: {last}");
        breach((Clause::W3, kind), "alive", "the process runs until it is told to end", seen)
    })
}
