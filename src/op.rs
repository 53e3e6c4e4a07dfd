//! [core] The alphabet: what a case may wish for.
//!
//! Every `Vec<Op>` is a legal case. An op names a thread by a small number, taken modulo the
//! threads that the plan has named so far; with none it names nobody and becomes a negative step.
//! Nothing is filtered and nothing rejected, so deleting any op leaves a case. Generators and
//! fuzzers share this one alphabet.

use crate::policy::{CallOverrides, Defaults, TurnOverrides};

pub mod bytes;
pub mod strategy;

/// A wish for one run of the server: the defaults in config.toml, then operations in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Case {
    /// The defaults that stand in config.toml when the case begins.
    pub defaults: Defaults,
    /// The operations.
    pub ops: Vec<Op>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// `thread/start`.
    Start {
        /// What the call overrides.
        overrides: CallOverrides,
    },
    /// `turn/start`, up to the turn's end.
    Run {
        /// Which thread.
        thread: Pick,
        /// What the call overrides.
        overrides: TurnOverrides,
        /// How the turn ends.
        ending: Ending,
    },
    /// `thread/fork`.
    Fork {
        /// The source.
        from: Pick,
        /// What the call overrides.
        overrides: CallOverrides,
    },
    /// `thread/resume`.
    Resume {
        /// Which thread.
        thread: Pick,
        /// What the call overrides.
        overrides: CallOverrides,
    },
    /// A look: a warm `thread/resume` without override where the thread is loaded, else nothing.
    Reread {
        /// Which thread.
        thread: Pick,
    },
    /// A look: a cold resume in a second process on a copy of the home, beside the running server,
    /// where the thread has a history, else nothing.
    Fresh {
        /// Which thread.
        thread: Pick,
    },
    /// The server ends and is started again on the same home.
    Restart {
        /// How it ends.
        stop: Stop,
    },
    /// The defaults in config.toml change under the running server.
    Configure {
        /// The new defaults.
        defaults: Defaults,
    },
}

/// A number that names a thread: modulo the threads named so far, `NOBODY` for a thread that never
/// was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pick(pub u8);

/// The pick that always names a thread that never was.
pub const NOBODY: Pick = Pick(u8::MAX);

/// How a turn ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// The model answers with a text.
    Completes,
    /// The model asks for a harmless command first, and answers then.
    Calls,
    /// The model answers with a failure event.
    Fails,
    /// The model's endpoint answers with an HTTP error.
    HttpError,
    /// The connection to the model drops in the middle of the answer.
    Drops,
    /// The client interrupts while the model is silent.
    Interrupted,
    /// The request is refused for this flaw before the turn starts.
    Refused(Flaw),
}

/// What makes a turn's request one that the server must refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// An approval policy that does not exist.
    UnknownApproval,
    /// A reviewer that does not exist.
    UnknownReviewer,
    /// A sandbox type that does not exist.
    UnknownSandbox,
    /// A writable root that is not absolute.
    RelativeRoot,
    /// A permission profile that does not exist.
    UnknownProfile,
    /// A permission profile together with a sandbox (G5).
    ProfileWithSandbox,
}

impl Flaw {
    /// Every flaw.
    pub const ALL: [Flaw; 6] = [
        Flaw::UnknownApproval,
        Flaw::UnknownReviewer,
        Flaw::UnknownSandbox,
        Flaw::RelativeRoot,
        Flaw::UnknownProfile,
        Flaw::ProfileWithSandbox,
    ];
}

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stop {
    /// End of its standard input.
    Graceful,
    /// SIGKILL.
    Kill,
}
