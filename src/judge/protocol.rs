//! The protocol itself: lines, turns and the process (W1 to W4).
//!
//! Judged on every trace: each request has one answer, each line is JSON-RPC and valid by the
//! server's own schema, the process ends only when asked to and prints no panic, a turn starts once
//! and ends once.

use std::collections::{BTreeMap, BTreeSet};

use super::comparison::{Comparison, Mismatch, Topic};
use crate::contract::Clause;
use crate::program::operation::{OpKind, Operation};
use crate::program::ops::Step;
use crate::program::ops::restart::Restart;
use crate::trace::view::View;
use crate::trace::{Entry, Observation, ThreadLabel, Trace};

/// A comparison and where it was made.
pub(super) struct Located {
    pub(super) step: usize,
    pub(super) entry: usize,
    pub(super) comparison: Comparison,
}

/// What requests, turns and lines have shown so far.
#[derive(Default)]
struct Progress {
    /// How many answers each request had.
    answers: BTreeMap<u32, u32>,
    turns: BTreeMap<TurnId, TurnCount>,
    /// Whether lines are validated against a schema.
    has_schema: bool,
    /// Whether a problem of the next line was reported.
    next_is_invalid: bool,
    /// The threads that the client has once unsubscribed from: it may have missed the start of
    /// their turns.
    unsubscribed: BTreeSet<ThreadLabel>,
}

type TurnId = (ThreadLabel, u32);

#[derive(Clone, Copy, Default)]
struct TurnCount {
    started: u32,
    ended: u32,
}

pub(super) fn compare(trace: &Trace, steps: &[Step]) -> Vec<Located> {
    let mut progress = Progress::default();
    let mut all = Vec::new();
    for (entry, Entry { step, observation: what }) in trace.entries.iter().enumerate() {
        let kind = steps.get(*step).map_or(Restart::KIND, Step::kind);
        let compared = [progress.validate(kind, what), progress.observe(kind, what)];
        let locate = |comparison| Located { step: *step, entry, comparison };
        all.extend(compared.into_iter().flatten().map(locate));
    }
    let (step, entry) = (steps.len(), trace.entries.len());
    let to_the_end =
        [Clause::W2, Clause::W3].map(|clause| Comparison::passed(clause, View::Protocol));
    all.extend(to_the_end.map(|comparison| Located { step, entry, comparison }));
    all
}

impl Progress {
    /// Compares a line with the schema; an invalid one was observed before it.
    fn validate(&mut self, kind: OpKind, observation: &Observation) -> Option<Comparison> {
        match observation {
            Observation::Server { .. } => {
                (self.has_schema, self.next_is_invalid) = (false, false);
                None
            }
            Observation::Schema => {
                self.has_schema = true;
                None
            }
            Observation::Invalid { ours, .. } => {
                self.next_is_invalid = true;
                invalid(kind, observation).filter(|_| !ours)
            }
            Observation::Sent { .. }
            | Observation::Answered { .. }
            | Observation::Refused { .. }
            | Observation::Settings { .. }
            | Observation::TurnStarted { .. }
            | Observation::TurnEnded { .. }
            | Observation::TurnEvent { .. }
            | Observation::Asked { .. } => {
                let invalid = std::mem::take(&mut self.next_is_invalid);
                let valid = self.has_schema && !invalid;
                valid.then(|| Comparison::passed(Clause::W2, View::Schema))
            }
            _ => None,
        }
    }

    fn observe(&mut self, kind: OpKind, observation: &Observation) -> Option<Comparison> {
        match observation {
            Observation::Answered { call, .. } | Observation::Refused { call, .. } => {
                Some(self.answered(kind, *call))
            }
            Observation::Unasked { id } => {
                Some(not_one_answer(kind, format!("an answer to {id}, which was never asked")))
            }
            Observation::Strange { line } => Some(failed(
                topic(Clause::W2, kind),
                "json-rpc",
                "a line of JSON-RPC",
                line.clone(),
            )),
            Observation::Silent { awaited, seconds } => {
                let seen = format!("nothing for {seconds} s, waiting for {awaited}");
                let is_turn = awaited.starts_with("turn/");
                Some(if is_turn { not_one_turn(kind, seen) } else { not_one_answer(kind, seen) })
            }
            Observation::Ended { .. } => ended(kind, observation),
            Observation::TurnStarted { thread, turn } => self.turn_started(kind, (*thread, *turn)),
            Observation::TurnEnded { thread, turn, .. } => self.turn_ended(kind, (*thread, *turn)),
            Observation::CommandEnded { thread, turn } => {
                self.turn_event(kind, (*thread, *turn), "a command's end")
            }
            Observation::Unsubscribed { thread } => {
                self.unsubscribed.insert(*thread);
                None
            }
            Observation::TurnEvent { thread, turn, method } => {
                self.turn_event(kind, (*thread, *turn), method)
            }
            _ => None,
        }
    }

    fn answered(&mut self, kind: OpKind, call: u32) -> Comparison {
        let answers = self.answers.entry(call).or_default();
        *answers += 1;
        if *answers == 1 {
            Comparison::passed(Clause::W1, View::Protocol)
        } else {
            not_one_answer(kind, format!("{answers} answers"))
        }
    }

    fn turn_started(&mut self, kind: OpKind, turn: TurnId) -> Option<Comparison> {
        let count = self.turns.entry(turn).or_default();
        count.started += 1;
        let again = count.started > 1 || count.ended > 0;
        let topic = topic(Clause::W4, kind);
        again.then(|| failed(topic, "turn", "a turn starts once", "turn/started once more".into()))
    }

    fn turn_ended(&mut self, kind: OpKind, turn: TurnId) -> Option<Comparison> {
        let count = self.turns.entry(turn).or_default();
        count.ended += 1;
        match (count.started, count.ended) {
            (1, 1) => Some(Comparison::passed(Clause::W4, View::Protocol)),
            (0, 1) if self.unsubscribed.contains(&turn.0) => None,
            (started, ended) => {
                let seen = format!("{started} turn/started and {ended} turn/completed");
                Some(not_one_turn(kind, seen))
            }
        }
    }

    fn turn_event(&mut self, kind: OpKind, turn: TurnId, method: &str) -> Option<Comparison> {
        let is_over = self.turns.get(&turn).is_some_and(|count| count.ended > 0);
        is_over.then(|| {
            let seen = format!("{method} after turn/completed");
            let expected = "nothing of a turn follows its end";
            failed(topic(Clause::W4, kind), "turn", expected, seen)
        })
    }
}

/// Why a trace with an invalid line of heirloom's own says nothing.
pub(super) fn own_fault(observation: &Observation) -> Option<String> {
    match observation {
        Observation::Invalid { ours: true, about, at, problem } => Some(format!(
            "heirloom's own line about {about} is not valid by the server's schema: {}; this is a \
             fault of heirloom's, report it",
            placed(at, problem)
        )),
        _ => None,
    }
}

/// The form names the method and the place, so that one fault does not hide another.
fn invalid(kind: OpKind, observation: &Observation) -> Option<Comparison> {
    let Observation::Invalid { about, at, problem, .. } = observation else {
        return None;
    };
    let place = if at.is_empty() { String::new() } else { format!(":{at}") };
    let form = format!("schema:{}{place}", about.replace('/', "."));
    let seen = format!("{about} {}", placed(at, problem));
    let topic = Topic { clause: Clause::W2, kind, view: View::Schema };
    let expected = "a line that is valid by the server's own schema";
    let mismatch = Mismatch::new(topic, "schema", expected, seen);
    Some(Comparison::failed(Mismatch { form: form.into(), ..mismatch }))
}

fn placed(at: &str, problem: &str) -> String {
    if at.is_empty() { problem.to_owned() } else { format!("{at}: {problem}") }
}

fn topic(clause: Clause, kind: OpKind) -> Topic {
    Topic { clause, kind, view: View::Protocol }
}

fn failed(topic: Topic, form: &'static str, expected: &'static str, seen: String) -> Comparison {
    Comparison::failed(Mismatch::new(topic, form, expected, seen))
}

fn not_one_answer(kind: OpKind, seen: String) -> Comparison {
    failed(topic(Clause::W1, kind), "answer", "one answer to each request", seen)
}

fn not_one_turn(kind: OpKind, seen: String) -> Comparison {
    failed(topic(Clause::W4, kind), "turn", "a turn starts once and completes once", seen)
}

/// How Rust reports a panic, before its place.
const PANIC: &str = "panicked at ";

/// The place of a panic of the program that sandboxes a command. It writes to the server's stderr,
/// and is a process of its own that ends with its command.
const SANDBOX: &str = "linux-sandbox/";

/// The end of the server's process.
fn ended(kind: OpKind, observation: &Observation) -> Option<Comparison> {
    let Observation::Ended { told, exit, panicked, stderr } = observation else {
        return None;
    };
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing");
    let topic = topic(Clause::W3, kind);
    let panics: Vec<&str> =
        stderr.lines().filter_map(|line| Some(line.split_once(PANIC)?.1)).collect();
    let of_server = panics.iter().find(|place| !place.starts_with(SANDBOX));
    if *panicked && (of_server.is_some() || panics.is_empty()) {
        let panic = of_server.map_or(last.to_owned(), |place| format!("{PANIC}{place}"));
        let seen = format!("a panic on stderr, {exit}: {panic}");
        return Some(failed(topic, "no-panic", "no panic", seen));
    }
    (!told).then(|| {
        let seen = format!("{exit}; last on stderr: {last}");
        failed(topic, "alive", "the process runs until it is asked to end", seen)
    })
}

#[cfg(test)]
mod tests {
    use super::ended;
    use crate::program::operation::Operation;
    use crate::program::ops::restart::Restart;
    use crate::trace::Observation;

    /// What is wrong with a server that was asked to end, and had written this.
    fn seen(stderr: &str) -> Option<String> {
        let observation = Observation::Ended {
            told: true,
            exit: "ended with code 0".to_owned(),
            panicked: true,
            stderr: stderr.to_owned(),
        };
        let comparison = ended(Restart::KIND, &observation)?;
        comparison.mismatch.map(|mismatch| mismatch.seen.to_string())
    }

    #[test]
    fn a_panic_is_shown_by_its_place_and_that_of_a_sandbox_is_not_the_server_s() {
        let sandbox = "thread 'main' (7) panicked at linux-sandbox/src/run.rs:7:1:\nno room\n";
        let server = "thread 'main' (8) panicked at core/src/session.rs:1:2:\n";
        let shown = "a panic on stderr, ended with code 0: panicked at core/src/session.rs:1:2:";
        assert_eq!(seen(sandbox), None);
        assert_eq!(seen(&format!("{sandbox}{server}later\n")).as_deref(), Some(shown));
        // The report itself may be too far from the end to be kept.
        let last = "a panic on stderr, ended with code 0: later";
        assert_eq!(seen("later\n").as_deref(), Some(last));
    }
}
