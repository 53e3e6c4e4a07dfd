//! The alphabet: what a case may wish for.
//!
//! Every `Vec<Op>` is a legal case. An op names a thread by a small number, taken modulo the
//! threads that the plan has named so far; with none it names nobody and becomes a negative step.
//! Nothing is filtered and nothing rejected, so deleting any op leaves a case. Generators and
//! fuzzers share this one alphabet.

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::policy::{CallOverrides, Defaults, Reviewer, TurnOverrides};

pub mod bytes;
pub mod strategy;

/// A wish for one run of the server: the defaults in config.toml, then operations in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Case {
    /// The defaults that stand in config.toml when the case begins.
    pub defaults: Defaults,
    /// The operations.
    pub ops: Vec<Op>,
    /// The releases that its restarts may name beside the one that is checked.
    pub servers: Vec<Version>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// `thread/start`.
    Start {
        /// What the call overrides.
        overrides: CallOverrides,
        /// Whether the thread is ephemeral: kept in memory alone.
        ephemeral: bool,
    },
    /// `turn/start`, up to the turn's end; on a thread whose turn runs, a steer (T6).
    Run {
        /// Which thread.
        thread: Pick,
        /// What the call overrides.
        overrides: TurnOverrides,
        /// How the turn ends.
        ending: Ending,
    },
    /// `turn/start`, up to the moment when the model is asked; the turn then runs until it is
    /// finished.
    Begin {
        /// Which thread.
        thread: Pick,
        /// What the call overrides.
        overrides: TurnOverrides,
    },
    /// The end of a turn that runs; nothing where none does.
    Finish {
        /// Which thread.
        thread: Pick,
        /// How it ends.
        finish: Finish,
    },
    /// `turn/steer`.
    Steer {
        /// Which thread.
        thread: Pick,
    },
    /// `turn/settings/update` of the turn that runs, or of one that never was.
    TurnSettings {
        /// Which thread.
        thread: Pick,
        /// The reviewer of that turn alone.
        reviewer: Reviewer,
    },
    /// `thread/settings/update`, up to its notice.
    Settings {
        /// Which thread.
        thread: Pick,
        /// What the call overrides.
        overrides: TurnOverrides,
    },
    /// `thread/fork`.
    Fork {
        /// The source.
        from: Pick,
        /// What the call overrides.
        overrides: CallOverrides,
        /// Where the source's history is cut, if it is.
        cut: Option<Cut>,
        /// Whether the fork is ephemeral.
        ephemeral: bool,
    },
    /// `thread/resume`.
    Resume {
        /// Which thread.
        thread: Pick,
        /// What the call overrides.
        overrides: CallOverrides,
    },
    /// A look: a warm `thread/resume` without override where the thread is loaded, else nothing.
    WarmRead {
        /// Which thread.
        thread: Pick,
    },
    /// A look: a cold resume in a second process on a copy of the home.
    ColdRead {
        /// Which thread.
        thread: Pick,
    },
    /// Something that a client does with a thread and that is no matter of policy.
    Action {
        /// Which thread.
        thread: Pick,
        /// What.
        act: Action,
    },
    /// A turn in whose course the model spawns a subagent, which becomes a thread of the case.
    Spawn {
        /// The parent.
        thread: Pick,
    },
    /// A turn in whose course the model gives its subagent another task.
    SubagentTurn {
        /// The subagent.
        thread: Pick,
    },
    /// A second server on the same home, which tries to resume the thread.
    SecondServer {
        /// Which thread.
        thread: Pick,
    },
    /// A request that must be refused.
    Invalid {
        /// Which thread.
        thread: Pick,
        /// Of which method.
        method: Method,
        /// What is wrong with it.
        wrong: Wrong,
    },
    /// The server ends and is started again on the same home.
    Restart {
        /// How it ends.
        stop: Stop,
        /// Whether the state database is gone when it starts again (G10).
        drop_db: bool,
        /// Which server goes on with the home, where one is named: modulo those that the case has,
        /// 0 the one that is checked. A case without others has nothing to name.
        server: Option<u8>,
    },
    /// The defaults in config.toml change under the running server.
    Configure {
        /// The new defaults.
        defaults: Defaults,
    },
    /// The server's writes to files begin to fail, as on a full disk, or succeed again.
    Disk {
        /// Whether they fail from now on.
        full: bool,
    },
    /// The operation, asked for by a second connection to the same server.
    SecondClient(Box<Op>),
    /// The operation's request, and a kill of the server so long after it, whatever was answered.
    KillDuring(Box<Op>, Delay),
    /// The operations at once, each by a client of its own; the first of them where there is but
    /// one.
    Parallel(Vec<Op>),
}

/// How long after its request a call is torn off, in milliseconds; 0: at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delay(pub u16);

/// How a running turn ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finish {
    /// The model goes on, and the turn completes.
    Complete,
    /// The client interrupts it.
    Interrupt,
}

/// Where the history of a fork ends, by the number of one of the source's own turns, modulo those
/// that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cut {
    /// `lastTurnId`: with this turn.
    Last(u8),
    /// `beforeTurnId`: without this turn.
    Before(u8),
}

/// What a client does with a thread that is no matter of policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// `thread/name/set`.
    Name,
    /// `thread/read`.
    Read,
    /// `thread/list`.
    List,
    /// `thread/archive`.
    Archive,
    /// `thread/unarchive`.
    Unarchive,
    /// `thread/unsubscribe`.
    Unsubscribe,
    /// `thread/unsubscribe`, and a wait until the idle thread is unloaded.
    Unload,
    /// `thread/revert` to before the last turn, or `thread/rollback` of one turn, by release.
    Revert,
    /// `thread/compact/start`, up to its end.
    Compact,
    /// `thread/shellCommand`, up to its end.
    Shell,
    /// `review/start`, up to its end.
    Review,
    /// `thread/goal/set`, up to the end of the turn that pursues it.
    Goal,
    /// `thread/queue/add`, up to the end of the turn that it becomes.
    Queue,
    /// `thread/inject_items`.
    Inject,
}

/// A method that a request can be wrong in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// `thread/start`.
    Start,
    /// `turn/start`.
    Run,
    /// `thread/fork`.
    Fork,
    /// `thread/resume`.
    Resume,
    /// `thread/settings/update`.
    Settings,
    /// `turn/steer`.
    Steer,
    /// `turn/settings/update`.
    TurnSettings,
    /// `turn/interrupt`.
    Interrupt,
    /// Another one.
    Action(Action),
}

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wrong {
    /// A value that its enumeration does not have.
    UnknownValue,
    /// A value of another type.
    WrongType,
    /// A field that is required is not there.
    MissingField,
    /// A thread that never was.
    UnknownThread,
    /// It comes before `initialize`.
    BeforeInitialize,
}

/// What a deed's model asks to do, by the names of the probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// A harmless command that is on no list of safe ones.
    #[serde(alias = "py")]
    Run,
    /// A command that writes into the workspace.
    #[serde(alias = "tin")]
    WriteInside,
    /// A command that writes outside it.
    #[serde(alias = "tout")]
    WriteOutside,
    /// The same, asking to leave the sandbox.
    #[serde(alias = "esc")]
    Escalate,
    /// A patch that writes into the workspace.
    #[serde(alias = "pin")]
    PatchInside,
    /// A patch that writes outside it.
    #[serde(alias = "pout")]
    PatchOutside,
}

/// What is answered to whom in the course of a deed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Consent {
    /// Whether the client accepts what it is asked.
    pub client: bool,
    /// What the reviewing model says.
    pub review: Review,
}

/// What the reviewing model says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Review {
    /// It allows the deed.
    Allow,
    /// It denies it.
    Deny,
    /// It says something that is no decision.
    Garbage,
    /// Its stream ends at once.
    Silence,
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
    /// The model asks for a deed that tells policies apart, and answers then.
    Probe(Probe, Consent),
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

impl Delay {
    /// Those that are drawn: settings are answered within a few milliseconds, a start takes 15, a
    /// resume and a fork 30 to 50, a turn 70 to 100.
    pub const ALL: [Delay; 7] =
        [Delay(0), Delay(2), Delay(5), Delay(10), Delay(20), Delay(40), Delay(80)];
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

impl Action {
    /// Every act.
    pub const ALL: [Action; 14] = [
        Action::Name,
        Action::Read,
        Action::List,
        Action::Archive,
        Action::Unarchive,
        Action::Unsubscribe,
        Action::Unload,
        Action::Revert,
        Action::Compact,
        Action::Shell,
        Action::Review,
        Action::Goal,
        Action::Queue,
        Action::Inject,
    ];
}

impl Method {
    /// Every method.
    pub fn all() -> Vec<Method> {
        let own = [
            Method::Start,
            Method::Run,
            Method::Fork,
            Method::Resume,
            Method::Settings,
            Method::Steer,
            Method::TurnSettings,
            Method::Interrupt,
        ];
        // One unsubscribes in two ways by one method.
        let acts = Action::ALL.into_iter().filter(|act| *act != Action::Unload).map(Method::Action);
        own.into_iter().chain(acts).collect()
    }
}

impl Wrong {
    /// Every way to be wrong.
    pub const ALL: [Wrong; 5] = [
        Wrong::UnknownValue,
        Wrong::WrongType,
        Wrong::MissingField,
        Wrong::UnknownThread,
        Wrong::BeforeInitialize,
    ];
}

impl Probe {
    /// Every probe.
    pub const ALL: [Probe; 6] = [
        Probe::Run,
        Probe::WriteInside,
        Probe::WriteOutside,
        Probe::Escalate,
        Probe::PatchInside,
        Probe::PatchOutside,
    ];
}

impl Review {
    /// Everything that a reviewing model says.
    pub const ALL: [Review; 4] = [Review::Allow, Review::Deny, Review::Garbage, Review::Silence];
}

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stop {
    /// End of its standard input.
    Graceful,
    /// SIGKILL.
    Kill,
}
