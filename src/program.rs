//! A case with its names given: the program that is run, printed and kept.
//!
//! Names are static, as if every start and fork succeeded; the run may leave one unbound. Picks
//! become names, endings become what the stand-in for the model answers, and every plan ends with
//! an audit: a restart, then a cold read of every thread. Total: every case has a plan, and every
//! plan lifts back to a case.

use std::fmt;

use semver::Version;

use crate::op::{Action, Consent, Cut, Delay, Finish, Flaw, Method, Probe, Stop, Wrong};
use crate::policy::{CallOverrides, Defaults, Reviewer, TurnOverrides};

pub mod lift;
pub mod release_range;
pub mod residence;
pub mod text;

/// The word for the server that is checked.
const MAIN: &str = "main";

/// A program: the defaults in config.toml, then steps in order; an audit follows the last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Program {
    /// The defaults that stand in config.toml when the plan begins.
    pub defaults: Defaults,
    /// The steps before the audit.
    pub steps: Vec<Step>,
}

/// The static name of a thread: `t0`, `t1`, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadName(pub u16);

/// Which thread a step speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ThreadRef {
    /// A thread that the plan named before.
    Thread(ThreadName),
    /// A thread that never was; the server is sent an id that nobody was given.
    Unknown,
}

/// One line of the program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// `thread/start`.
    Start {
        /// What the call overrides.
        overrides: CallOverrides,
        /// Whether the thread is kept in memory alone.
        ephemeral: bool,
        /// The name of the new thread.
        new: ThreadName,
    },
    /// `turn/start`, up to the turn's end; a steer where a turn runs already.
    Run {
        /// Which thread.
        thread: ThreadRef,
        /// What the person says.
        prompt: String,
        /// What the call overrides.
        overrides: TurnOverrides,
        /// What makes the request one that must be refused.
        flaw: Option<Flaw>,
        /// What the model answers.
        reply: Reply,
    },
    /// `turn/start`, up to the moment when the model is asked; the turn then runs.
    Begin {
        /// Which thread.
        thread: ThreadRef,
        /// What the call overrides.
        overrides: TurnOverrides,
    },
    /// The end of a turn that runs; nothing where none does.
    Finish {
        /// Which thread.
        thread: ThreadRef,
        /// How it ends.
        finish: Finish,
    },
    /// `turn/steer`.
    Steer {
        /// Which thread.
        thread: ThreadRef,
    },
    /// `turn/settings/update`.
    TurnSettings {
        /// Which thread.
        thread: ThreadRef,
        /// The reviewer of the running turn alone.
        reviewer: Reviewer,
    },
    /// `thread/settings/update`, up to its notice.
    Settings {
        /// Which thread.
        thread: ThreadRef,
        /// What the call overrides.
        overrides: TurnOverrides,
    },
    /// `thread/fork`.
    Fork {
        /// The source.
        from: ThreadRef,
        /// What the call overrides.
        overrides: CallOverrides,
        /// Where the source's history is cut, by the number of its own turn.
        cut: Option<Cut>,
        /// Whether the fork is kept in memory alone.
        ephemeral: bool,
        /// The name of the new thread.
        new: ThreadName,
    },
    /// `thread/resume`.
    Resume {
        /// Which thread.
        thread: ThreadRef,
        /// What the call overrides.
        overrides: CallOverrides,
    },
    /// A look: a warm `thread/resume` without override, taken where the thread is loaded.
    WarmRead {
        /// Which thread.
        thread: ThreadRef,
    },
    /// A look: a cold `thread/resume` in a second process, on a copy of the home.
    ColdRead {
        /// Which thread.
        thread: ThreadRef,
    },
    /// Something that a client does with a thread and that is no matter of policy.
    Action {
        /// Which thread.
        thread: ThreadRef,
        /// What.
        act: Action,
    },
    /// A turn in whose course the model spawns a subagent.
    Spawn {
        /// The parent.
        thread: ThreadRef,
        /// The name of the subagent's thread.
        new: ThreadName,
    },
    /// A turn of the parent in whose course the model gives its subagent another task.
    SubagentTurn {
        /// The subagent.
        thread: ThreadRef,
    },
    /// A second server on the same home, which tries to resume the thread.
    SecondServer {
        /// Which thread.
        thread: ThreadRef,
    },
    /// A request that must be refused.
    Invalid {
        /// Which thread.
        thread: ThreadRef,
        /// Of which method.
        method: Method,
        /// What is wrong with it.
        wrong: Wrong,
    },
    /// The server ends and is started again on the same home.
    Restart {
        /// How it ends.
        stop: Stop,
        /// Whether the state database is gone when it starts again.
        drop_db: bool,
        /// Which server goes on with the home; none: the one that ran last. As the first line of
        /// a plan it says on which server's home the plan begins.
        server: Option<Server>,
    },
    /// The defaults in config.toml change.
    Configure {
        /// The new defaults.
        defaults: Defaults,
    },
    /// The server's writes to files begin to fail, or succeed again.
    Disk {
        /// Whether they fail from now on.
        full: bool,
    },
    /// The step, asked for by a second connection to the same server.
    SecondClient(Box<Step>),
    /// The step's request, and a kill of the server so long after it; it is started again.
    KillDuring(Box<Step>, Delay),
    /// Two to four steps at once, each by a client of its own.
    Parallel(Vec<Step>),
}

/// A server that may run on the home.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Server {
    /// The one that is checked, whichever release that is.
    Main,
    /// A release.
    Release(Version),
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
    /// A call of a tool that tells policies apart, with the answers that it meets; the next
    /// request is answered with a text.
    Probe(Probe, Consent),
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

impl fmt::Display for ThreadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.0)
    }
}

impl fmt::Display for ThreadRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ThreadRef::Thread(name) => name.fmt(f),
            ThreadRef::Unknown => f.write_str("nobody"),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Server::Main => f.write_str(MAIN),
            Server::Release(release) => release.fmt(f),
        }
    }
}

impl Step {
    /// Whether it is one request and its answer, and may stand beside others at once.
    pub fn is_one_call(&self) -> bool {
        matches!(
            self,
            Step::Start { .. } | Step::Fork { .. } | Step::Resume { .. } | Step::Settings { .. }
        )
    }

    /// The names that this step gives, in order.
    pub fn names(&self) -> Vec<ThreadName> {
        let mut names = Vec::new();
        self.clone().each_new(&mut |name| names.push(*name));
        names
    }

    /// The thread that this step speaks of; of several at once, the first one's.
    pub fn uses(&self) -> Option<ThreadRef> {
        self.used().first().copied()
    }

    /// The threads that this step speaks of.
    pub fn used(&self) -> Vec<ThreadRef> {
        let mut used = Vec::new();
        self.clone().each_used(&mut |who| used.push(*who));
        used
    }

    /// Puts another thread where the step speaks of this one.
    pub fn rename(&mut self, old: ThreadRef, new: ThreadRef) {
        self.each_used(&mut |who| {
            if *who == old {
                *who = new;
            }
        });
    }

    /// Does something with every thread that the step speaks of.
    pub fn each_used(&mut self, change: &mut dyn FnMut(&mut ThreadRef)) {
        match self {
            Step::Run { thread, .. }
            | Step::Begin { thread, .. }
            | Step::Finish { thread, .. }
            | Step::Steer { thread }
            | Step::TurnSettings { thread, .. }
            | Step::Settings { thread, .. }
            | Step::Fork { from: thread, .. }
            | Step::Resume { thread, .. }
            | Step::WarmRead { thread }
            | Step::ColdRead { thread }
            | Step::Action { thread, .. }
            | Step::Spawn { thread, .. }
            | Step::SubagentTurn { thread }
            | Step::SecondServer { thread }
            | Step::Invalid { thread, .. } => change(thread),
            Step::SecondClient(step) | Step::KillDuring(step, _) => step.each_used(change),
            Step::Parallel(steps) => steps.iter_mut().for_each(|step| step.each_used(change)),
            Step::Start { .. }
            | Step::Restart { .. }
            | Step::Configure { .. }
            | Step::Disk { .. } => {}
        }
    }

    /// Does something with every name that the step gives.
    pub fn each_new(&mut self, change: &mut dyn FnMut(&mut ThreadName)) {
        match self {
            Step::Start { new, .. } | Step::Fork { new, .. } | Step::Spawn { new, .. } => {
                change(new);
            }
            Step::SecondClient(step) | Step::KillDuring(step, _) => step.each_new(change),
            Step::Parallel(steps) => steps.iter_mut().for_each(|step| step.each_new(change)),
            _ => {}
        }
    }
}

impl Program {
    /// The names that the plan gives, in order.
    pub fn names(&self) -> Vec<ThreadName> {
        self.steps.iter().flat_map(Step::names).collect()
    }

    /// How many lines the program has before its audit, config's not counted.
    pub fn lines(&self) -> usize {
        self.steps.len()
    }

    /// What follows the last line: room on the disk, a restart, then a cold read of every thread
    /// that was named.
    pub fn audit(&self) -> Vec<Step> {
        let full = self.steps.contains(&Step::Disk { full: true });
        let room = full.then_some(Step::Disk { full: false });
        let restart = Step::Restart { stop: Stop::Graceful, drop_db: false, server: None };
        let read = |name| Step::Resume {
            thread: ThreadRef::Thread(name),
            overrides: CallOverrides::default(),
        };
        let reads = self.names().into_iter().map(read);
        room.into_iter().chain([restart]).chain(reads).collect()
    }

    /// Every step that is run: the program's lines, then its audit.
    pub fn whole(&self) -> Vec<Step> {
        self.steps.iter().cloned().chain(self.audit()).collect()
    }
}
