//! What the stand-in for the model answers to a turn, and the probes that tell policies apart.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString};

use super::line::quoted;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Reply {
    Text(String),
    /// A tool call; the next request is answered with a text.
    Call {
        tool: String,
        /// Its arguments, a JSON text.
        arguments: String,
    },
    /// A tool call that tells policies apart; the next request is answered with a text.
    Probe(ProbeScript),
    Fail,
    /// An HTTP status instead of a stream.
    Status(u16),
    /// The connection drops in the middle of the stream.
    Drop,
    /// The model is silent until the client interrupts the turn.
    Hold,
}

/// A probe, and how its requests for approval are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeScript {
    pub probe: Probe,
    pub consent: Consent,
}

/// What the model asks to do in a probe.
#[derive(
    Clone,
    Copy,
    Debug,
    Display,
    EnumIter,
    EnumString,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Probe {
    /// A harmless command that is on no list of safe ones.
    #[serde(alias = "py")]
    Run,
    /// A harmless command that releases up to 0.148 know to be safe.
    Safe,
    /// A harmless command that a rule of the home asks about.
    Ruled,
    /// A command that connects to a listener on the loopback interface, by the proxy of its
    /// environment where there is one.
    Connect,
    /// A command that reads a file in the folder `secret` of the workspace.
    ReadSecret,
    /// A call of the tool that asks for further permissions.
    RequestPermissions,
    /// A call of the tool of an MCP server that asks the user a question.
    Elicit,
    /// A command that writes into the workspace.
    #[serde(alias = "tin")]
    WriteInside,
    /// A command that writes outside the workspace.
    #[serde(alias = "tout")]
    WriteOutside,
    /// A command that writes outside, and asks to leave the sandbox.
    #[serde(alias = "esc")]
    Escalate,
    /// A patch that writes into the workspace.
    #[serde(alias = "pin")]
    PatchInside,
    /// A patch that writes outside the workspace.
    #[serde(alias = "pout")]
    PatchOutside,
}

/// How a probe's requests for approval are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Consent {
    pub client: bool,
    /// What the reviewing model says.
    pub review: Review,
}

/// What the reviewing model says.
#[derive(
    Clone, Copy, Debug, Display, EnumIter, EnumString, PartialEq, Eq, PartialOrd, Ord, Hash,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Review {
    Allow,
    Deny,
    /// It says something that is not a decision.
    Garbage,
    /// Its stream ends at once.
    Silence,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, Display, EnumIter, PartialEq, Eq)]
#[strum(serialize_all = "kebab-case")]
pub enum TurnEnd {
    Completed,
    Failed,
    Interrupted,
    /// It runs.
    Running,
    /// A kill or a restart broke it off.
    BrokenOff,
}

impl Probe {
    /// Whether it is a question to somebody, and does nothing itself.
    pub fn is_question(self) -> bool {
        matches!(self, Probe::RequestPermissions | Probe::Elicit)
    }

    /// Whether it writes a file, where nothing keeps it from that.
    pub fn leaves_file(self) -> bool {
        matches!(
            self,
            Probe::WriteInside
                | Probe::WriteOutside
                | Probe::Escalate
                | Probe::PatchInside
                | Probe::PatchOutside
        )
    }
}

impl ProbeScript {
    /// A probe that nobody approves.
    pub fn refused(probe: Probe) -> ProbeScript {
        ProbeScript { probe, consent: Consent { client: false, review: Review::Deny } }
    }

    /// The same without an approval, where it has one.
    pub(super) fn simpler(self) -> Option<ProbeScript> {
        let refused = ProbeScript::refused(self.probe);
        (self != refused).then_some(refused)
    }
}

/// Without the probe, then without an approval of it.
pub(super) fn simpler_probe(probe: Option<ProbeScript>) -> Vec<Option<ProbeScript>> {
    let refused = probe.and_then(ProbeScript::simpler).map(Some);
    probe.is_some().then_some(None).into_iter().chain(refused).collect()
}

impl Reply {
    /// How a turn with this answer ends.
    pub fn ends_turn(&self) -> TurnEnd {
        match self {
            Reply::Text(_) | Reply::Call { .. } | Reply::Probe(_) => TurnEnd::Completed,
            Reply::Fail | Reply::Status(_) | Reply::Drop => TurnEnd::Failed,
            Reply::Hold => TurnEnd::Interrupted,
        }
    }

    pub fn ok() -> Reply {
        Reply::Text("ok".to_owned())
    }

    /// A call of a harmless command.
    pub fn harmless_call() -> Reply {
        Reply::Call {
            tool: "exec_command".to_owned(),
            arguments: r#"{"cmd":"true","login":false}"#.to_owned(),
        }
    }

    /// A call that needs no approval, after which the model is asked again.
    pub fn next_step() -> Reply {
        Reply::Call {
            tool: "update_plan".to_owned(),
            arguments: r#"{"plan":[{"step":"go on","status":"in_progress"}]}"#.to_owned(),
        }
    }

    /// The same kind of answer with the texts that every drawn program has.
    pub(super) fn canonical(self) -> Reply {
        match self {
            Reply::Text(_) => Reply::ok(),
            Reply::Call { .. } => Reply::harmless_call(),
            Reply::Status(_) => Reply::Status(500),
            reply => reply,
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Text(text) => write!(f, "text {}", quoted(text)),
            Reply::Call { tool, arguments } => write!(f, "call {tool} {}", quoted(arguments)),
            Reply::Probe(script) => script.fmt(f),
            Reply::Fail => f.write_str("fail"),
            Reply::Status(code) => write!(f, "status {code}"),
            Reply::Drop => f.write_str("drop"),
            Reply::Hold => f.write_str("hold"),
        }
    }
}

impl fmt::Display for ProbeScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ProbeScript { probe, consent } = self;
        let client = if consent.client { "accept" } else { "decline" };
        write!(f, "probe {probe} client={client} reviewer={}", consent.review)
    }
}
