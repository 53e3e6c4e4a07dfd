//! Programs, worlds and traces for unit tests, from as few words as a test needs.
//!
//! A program is given by its lines; the header, an empty `config` where none is given, and the
//! audit are added. A trace is given by what each step shows.

use crate::model::World;
use crate::model::step::step;
use crate::policy::{Defaults, Policy};
use crate::program::Program;
use crate::program::thread::ThreadName;
use crate::trace::{Entry, Observation, ThreadLabel, Trace};

pub(crate) fn program(lines: &str) -> Program {
    let config = if lines.starts_with("config") { "" } else { "config\n" };
    let end = if lines.is_empty() || lines.ends_with('\n') { "" } else { "\n" };
    let text = format!("# heirloom case v2\n{config}{lines}{end}audit\n");
    text.parse().unwrap_or_else(|problem| panic!("{problem} in\n{text}"))
}

/// The policy of a config with these words, such as `approval=never`.
pub(crate) fn policy(words: &str) -> Policy {
    defaults(words).policy()
}

pub(crate) fn defaults(words: &str) -> Defaults {
    program(&format!("config {words}\n")).defaults
}

/// The world after these lines, the first one that the contract allows.
pub(crate) fn world_after(lines: &str) -> World {
    let program = program(lines);
    let world = World::new(program.defaults.clone());
    program.steps.iter().fold(world, |world, each| {
        let first = step(&world, each).into_iter().next();
        first.expect("a step has an answer").world
    })
}

/// `t0`, `t1` and so on, as a trace names them.
pub(crate) const fn thread(number: u16) -> ThreadLabel {
    ThreadLabel::Named(ThreadName(number))
}

/// A trace of these lines on an unknown release, untimed.
pub(crate) fn trace(lines: &str, entries: Vec<Entry>) -> Trace {
    let times_us = vec![0; entries.len()];
    Trace { program: program(lines), server: None, client: None, entries, times_us }
}

/// What is observed in the course of a step.
pub(crate) fn at(step: usize, observations: Vec<Observation>) -> Vec<Entry> {
    observations.into_iter().map(|what| Entry { step, observation: what }).collect()
}

pub(crate) fn sent(call: u32) -> Observation {
    Observation::Sent { call, method: "a/method".to_owned(), unbound: false }
}

pub(crate) fn granted(call: u32) -> Observation {
    Observation::Answered { call, thread: None, policy: None }
}

pub(crate) fn refused(call: u32) -> Observation {
    Observation::Refused { call, code: -32600, message: "no".to_owned() }
}

/// The answer to a request, which states a thread's policy.
pub(crate) fn stated(call: u32, thread: ThreadLabel, policy: Policy) -> Observation {
    Observation::Answered { call, thread: Some(thread), policy: Some(policy) }
}

/// `thread/settings/updated`.
pub(crate) fn noticed(thread: ThreadLabel, policy: Policy) -> Observation {
    Observation::Settings { thread, policy }
}

pub(crate) fn turn_started(thread: ThreadLabel, turn: u32) -> Observation {
    Observation::TurnStarted { thread, turn }
}

pub(crate) fn turn_ended(thread: ThreadLabel, turn: u32) -> Observation {
    Observation::TurnEnded { thread, turn, status: "completed".to_owned() }
}
