//! [core] A case with its names given: the program that is run, printed and kept.
//!
//! Names are static, as if every start and fork succeeded; the run may leave one unbound. Picks
//! become names, endings become what the stand-in for the model answers, and every plan ends with
//! an audit: a restart, then a cold read of every thread. Total: every case has a plan, and every
//! plan lifts back to a case.

use std::fmt;

use crate::op::{Case, Ending, Flaw, NOBODY, Op, Pick, Stop};
use crate::policy::{CallOverrides, Defaults, TurnOverrides};

pub mod text;

/// A program: the defaults in config.toml, then steps in order; an audit follows the last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Plan {
    /// The defaults that stand in config.toml when the plan begins.
    pub defaults: Defaults,
    /// The steps before the audit.
    pub steps: Vec<Step>,
}

/// The static name of a thread: `t0`, `t1`, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub u16);

/// Which thread a step speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// A thread that the plan named before.
    Thread(Name),
    /// A thread that never was; the server is sent an id that nobody was given.
    Nobody,
}

/// One line of the program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// `thread/start`.
    Start {
        /// What the call overrides.
        overrides: CallOverrides,
        /// The name of the new thread.
        new: Name,
    },
    /// `turn/start`, up to the turn's end.
    Run {
        /// Which thread.
        thread: Who,
        /// What the person says.
        prompt: String,
        /// What the call overrides.
        overrides: TurnOverrides,
        /// What makes the request one that must be refused.
        flaw: Option<Flaw>,
        /// What the model answers.
        reply: Reply,
    },
    /// `thread/fork`.
    Fork {
        /// The source.
        from: Who,
        /// What the call overrides.
        overrides: CallOverrides,
        /// The name of the new thread.
        new: Name,
    },
    /// `thread/resume`.
    Resume {
        /// Which thread.
        thread: Who,
        /// What the call overrides.
        overrides: CallOverrides,
    },
    /// A look: a warm `thread/resume` without override, taken where the thread is loaded.
    Reread {
        /// Which thread.
        thread: Who,
    },
    /// A look: a cold `thread/resume` in a second process on a copy of the home, taken where the
    /// thread has a history.
    Fresh {
        /// Which thread.
        thread: Who,
    },
    /// The server ends and is started again on the same home.
    Restart {
        /// How it ends.
        stop: Stop,
    },
    /// The defaults in config.toml change.
    Configure {
        /// The new defaults.
        defaults: Defaults,
    },
}

/// What the stand-in for the model answers to a turn.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reply {
    /// An assistant's text.
    Text(String),
    /// A call of a tool with its arguments as a JSON text; the next request is answered with a
    /// text.
    Call {
        /// The tool's name.
        tool: String,
        /// Its arguments, a JSON text.
        arguments: String,
    },
    /// The failure event.
    Fail,
    /// An HTTP status instead of a stream.
    Status(u16),
    /// The connection drops in the middle of the stream.
    Drop,
    /// The stream is held open until it is released; a plan's turn is then interrupted by the
    /// client.
    Hold,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.0)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Thread(name) => name.fmt(f),
            Who::Nobody => f.write_str("nobody"),
        }
    }
}

impl Step {
    /// The name that this step gives.
    pub fn names(&self) -> Option<Name> {
        match self {
            Step::Start { new, .. } | Step::Fork { new, .. } => Some(*new),
            _ => None,
        }
    }

    /// The thread that this step speaks of.
    pub fn uses(&self) -> Option<Who> {
        match self {
            Step::Run { thread, .. }
            | Step::Resume { thread, .. }
            | Step::Reread { thread }
            | Step::Fresh { thread } => Some(*thread),
            Step::Fork { from, .. } => Some(*from),
            Step::Start { .. } | Step::Restart { .. } | Step::Configure { .. } => None,
        }
    }
}

impl Plan {
    /// The names that the plan gives, in order.
    pub fn names(&self) -> Vec<Name> {
        self.steps.iter().filter_map(Step::names).collect()
    }

    /// How many lines the program has before its audit, config's not counted.
    pub fn lines(&self) -> usize {
        self.steps.len()
    }

    /// What follows the last line: a restart, then a cold read of every thread that was named.
    pub fn audit(&self) -> Vec<Step> {
        let restart = Step::Restart { stop: Stop::Graceful };
        let read =
            |name| Step::Resume { thread: Who::Thread(name), overrides: CallOverrides::default() };
        std::iter::once(restart).chain(self.names().into_iter().map(read)).collect()
    }

    /// Every step that is run: the program's lines, then its audit.
    pub fn whole(&self) -> Vec<Step> {
        self.steps.iter().cloned().chain(self.audit()).collect()
    }
}

impl From<&Case> for Plan {
    fn from(case: &Case) -> Plan {
        let mut named = Vec::new();
        let mut turns = 0;
        let steps = case.ops.iter().map(|op| {
            let step = step(op, &named, turns);
            named.extend(step.names());
            turns += usize::from(matches!(step, Step::Run { .. }));
            step
        });
        Plan { steps: steps.collect(), defaults: case.defaults.clone() }
    }
}

impl From<&Plan> for Case {
    fn from(plan: &Plan) -> Case {
        let mut named = Vec::new();
        let ops = plan.steps.iter().map(|step| {
            let op = op(step, &named);
            named.extend(step.names());
            op
        });
        Case { ops: ops.collect(), defaults: plan.defaults.clone() }
    }
}

/// The plan in its canonical form: names, prompts and replies as its case gives them.
pub fn canonical(plan: &Plan) -> Plan {
    Plan::from(&Case::from(plan))
}

fn step(op: &Op, named: &[Name], turns: usize) -> Step {
    let new = Name(u16::try_from(named.len()).expect("a plan names fewer than 65536 threads"));
    match op {
        Op::Start { overrides } => Step::Start { overrides: overrides.clone(), new },
        Op::Fork { from, overrides } => {
            Step::Fork { from: who(*from, named), overrides: overrides.clone(), new }
        }
        Op::Run { thread, overrides, ending } => Step::Run {
            thread: who(*thread, named),
            prompt: format!("turn {}", turns + 1),
            overrides: overrides.clone(),
            flaw: match ending {
                Ending::Refused(flaw) => Some(*flaw),
                _ => None,
            },
            reply: reply(*ending),
        },
        Op::Resume { thread, overrides } => {
            Step::Resume { thread: who(*thread, named), overrides: overrides.clone() }
        }
        Op::Reread { thread } => Step::Reread { thread: who(*thread, named) },
        Op::Fresh { thread } => Step::Fresh { thread: who(*thread, named) },
        Op::Restart { stop } => Step::Restart { stop: *stop },
        Op::Configure { defaults } => Step::Configure { defaults: defaults.clone() },
    }
}

fn op(step: &Step, named: &[Name]) -> Op {
    match step {
        Step::Start { overrides, .. } => Op::Start { overrides: overrides.clone() },
        Step::Fork { from, overrides, .. } => {
            Op::Fork { from: pick(*from, named), overrides: overrides.clone() }
        }
        Step::Run { thread, overrides, flaw, reply, .. } => Op::Run {
            thread: pick(*thread, named),
            overrides: overrides.clone(),
            ending: flaw.map_or_else(|| ending(reply), Ending::Refused),
        },
        Step::Resume { thread, overrides } => {
            Op::Resume { thread: pick(*thread, named), overrides: overrides.clone() }
        }
        Step::Reread { thread } => Op::Reread { thread: pick(*thread, named) },
        Step::Fresh { thread } => Op::Fresh { thread: pick(*thread, named) },
        Step::Restart { stop } => Op::Restart { stop: *stop },
        Step::Configure { defaults } => Op::Configure { defaults: defaults.clone() },
    }
}

fn who(pick: Pick, named: &[Name]) -> Who {
    match named.len() {
        _ if pick == NOBODY => Who::Nobody,
        0 => Who::Nobody,
        count => Who::Thread(named[usize::from(pick.0) % count]),
    }
}

/// Past the 255th thread a pick can name no more of them, and names nobody.
fn pick(who: Who, named: &[Name]) -> Pick {
    match who {
        Who::Nobody => NOBODY,
        Who::Thread(name) => {
            let place = named.iter().position(|other| *other == name);
            place.and_then(|place| u8::try_from(place).ok()).map_or(NOBODY, Pick)
        }
    }
}

fn reply(ending: Ending) -> Reply {
    match ending {
        Ending::Completes | Ending::Refused(_) => Reply::Text("ok".to_owned()),
        Ending::Calls => Reply::Call {
            tool: "exec_command".to_owned(),
            arguments: r#"{"cmd":"true","login":false}"#.to_owned(),
        },
        Ending::Fails => Reply::Fail,
        Ending::HttpError => Reply::Status(500),
        Ending::Drops => Reply::Drop,
        Ending::Interrupted => Reply::Hold,
    }
}

fn ending(reply: &Reply) -> Ending {
    match reply {
        Reply::Text(_) => Ending::Completes,
        Reply::Call { .. } => Ending::Calls,
        Reply::Fail => Ending::Fails,
        Reply::Status(_) => Ending::HttpError,
        Reply::Drop => Ending::Drops,
        Reply::Hold => Ending::Interrupted,
    }
}
