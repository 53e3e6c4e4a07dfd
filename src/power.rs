//! Faults planted in a real server, to measure what campaigns find.
//!
//! A stand-in starts the real server, passes every line on, and changes those that its fault is
//! about, so that the whole behaves like a server with that fault. Each row of the table names the
//! clauses that must go red.

pub mod faults;
pub mod memory;
pub mod measure;
pub mod process;
pub mod stand_in;

use crate::contract::Clause;
use crate::policy::Dimension;

/// A fault to plant.
#[derive(Clone, Debug)]
pub struct Planted {
    /// In words, with dashes: what the server gets wrong.
    pub name: String,
    /// The clauses that may go red; the first is the one that the fault is about.
    pub clauses: Vec<Clause>,
    /// The setting that is wrong; none where the fault is not about a value.
    pub dimension: Option<Dimension>,
    /// The lines of the shortest program that shows it, without the audit.
    pub shortest: usize,
    pub when: When,
    pub change: Change,
}

/// At which requests a fault shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Always,
    /// The request is that of a client that was not the first.
    OtherClient,
    /// There was a second client in this process.
    Beside,
    /// The thread is not loaded in this process.
    Cold,
    /// The thread is loaded in this process.
    Warm,
    /// At the second fork of the same thread, and at later ones.
    SecondFork,
    /// At the third turn of the thread, and at later ones.
    ThirdTurn,
    /// After a process that was not ended by the end of its input.
    AfterKill,
    /// After a turn of this status: `failed` or `interrupted`.
    AfterTurn(&'static str),
    /// After a request of this method for the same thread.
    After(&'static str),
    /// Only with the process after next that loads the thread.
    SecondRestart,
    /// The request has this key.
    With(&'static str),
    /// The thread was given a granular approval policy.
    Granular,
}

/// A setting as requests, replies and config.toml spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    Approval,
    Reviewer,
    Sandbox,
    Profile,
    Model,
    Effort,
    Folder,
    Roots,
    Mode,
}

/// What a fault does to the lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing: the stand-in is honest.
    Nothing,
    /// The request's value is ignored.
    Ignore(&'static str, Setting),
    /// Where the request states no value, config's is taken.
    FromConfig(&'static str, Setting),
    /// Where the request states no value, the first one that the thread had is taken.
    Stale(&'static str, Setting),
    /// A field of the request's `sandboxPolicy` is lost.
    LoseField(&'static str, &'static str),
    /// The answer states config's value; what is in force is right.
    StateConfig(&'static str, Setting),
    /// What is in force at the request is wider, and every line states what it would be: full
    /// access in the place of a sandbox, never in the place of an approval policy.
    Enforce(&'static str, Setting),
    /// The server's question whether a command or a patch may run is answered so (`accept` or
    /// `decline`), and no client hears of it.
    AnswerQuestions(&'static str),
    /// Config's value reaches the thread of the request.
    Reset(&'static str, Setting),
    /// The value of the request is written into config.toml.
    WriteConfig(&'static str, Setting),
    /// The value that a request gives to a thread reaches another one too.
    Leak(&'static str, Setting, Reaches),
    /// Notices of changes are not sent.
    DropNotices,
    /// The notice of a change has the value before it.
    OldNotices,
    /// The answer to a request comes twice.
    AnswerTwice(&'static str),
    /// The request is never answered.
    NeverAnswer(&'static str),
    /// The request is refused.
    Refuse(&'static str),
    /// The refusal of the request is answered as a grant.
    Grant(&'static str),
    /// The answer states an approval policy that there is not.
    Misspell(&'static str),
    /// The end of a turn is not notified.
    DropTurnEnds,
    /// The end of a turn is notified twice.
    DoubleTurnEnds,
    /// The process ends when the answer to the request is due.
    Die(&'static str),
    /// The last settings of every thread are gone from its file when the process ends.
    ForgetLastSettings,
}

/// Whom a leaked value reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaches {
    /// The thread of the request, also where the request is about one turn alone.
    Itself,
    /// The thread that a fork was made from.
    Source,
    /// The forks of the thread.
    Forks,
    /// Any other loaded thread.
    Others,
}

impl Setting {
    /// The dimension of the contract that it is about.
    pub fn dimension(self) -> Dimension {
        match self {
            Setting::Approval => Dimension::AP,
            Setting::Reviewer => Dimension::RV,
            Setting::Sandbox => Dimension::SB,
            Setting::Profile => Dimension::PP,
            Setting::Model => Dimension::M,
            Setting::Effort => Dimension::E,
            Setting::Folder => Dimension::CWD,
            Setting::Roots => Dimension::WR,
            Setting::Mode => Dimension::CM,
        }
    }

    /// Its key in a request of this method.
    pub fn key(self, method: &str) -> &'static str {
        let of_turn = matches!(method, "turn/start" | "thread/settings/update");
        match self {
            Setting::Approval => "approvalPolicy",
            Setting::Reviewer => "approvalsReviewer",
            Setting::Sandbox if of_turn => "sandboxPolicy",
            Setting::Sandbox => "sandbox",
            Setting::Profile => "permissions",
            Setting::Model => "model",
            Setting::Effort => "effort",
            Setting::Folder => "cwd",
            Setting::Roots => "runtimeWorkspaceRoots",
            Setting::Mode => "collaborationMode",
        }
    }

    /// Its key in the answer to a lifecycle request.
    pub fn stated(self) -> &'static str {
        match self {
            Setting::Sandbox => "sandbox",
            Setting::Profile => "activePermissionProfile",
            Setting::Effort => "reasoningEffort",
            other => other.key("thread/start"),
        }
    }

    /// Its key in config.toml, where it has one.
    pub fn in_config(self) -> Option<&'static str> {
        match self {
            Setting::Approval => Some("approval_policy"),
            Setting::Reviewer => Some("approvals_reviewer"),
            Setting::Sandbox => Some("sandbox_mode"),
            Setting::Profile => Some("default_permissions"),
            Setting::Model => Some("model"),
            Setting::Effort => Some("model_reasoning_effort"),
            Setting::Folder | Setting::Roots | Setting::Mode => None,
        }
    }
}
