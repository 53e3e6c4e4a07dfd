//! What was seen, in order.
//!
//! A trace is a plan, what the server says it is, and facts. Threads bear the plan's names and
//! turns small numbers, so two equal runs give equal facts; times are kept apart from them. A trace
//! has a text form, one JSON object a line, and is judged again from it without a server.

use std::collections::BTreeMap;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::policy::Policy;
use crate::policy::model_context::StatedPolicy;
use crate::program::Program;
use crate::program::reply::Probe;
use crate::program::sdk::SdkClient;
use crate::program::thread::ThreadName;
use crate::protocol::probe::{ProbeResultText, Question};

pub mod text;
pub mod view;

use self::view::View;

/// One run of a plan, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The program that was run.
    pub program: Program,
    /// The version of the server that is checked, where it says one; the run may begin with
    /// another one, and a fact says which.
    pub server: Option<Version>,
    /// The client of the SDK that performed the program; none where heirloom itself did.
    pub client: Option<SdkClient>,
    /// What was seen, in order.
    pub entries: Vec<Entry>,
    /// When each fact was seen, in microseconds since the run began; as many as facts.
    pub times_us: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The step in whose course it was seen, counted from 0; the audit's steps follow the plan's.
    pub step: usize,
    #[serde(flatten)]
    pub observation: Observation,
}

/// A thread as a trace names it: the plan's name, or a number for a thread that the plan never
/// named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ThreadLabel {
    Named(ThreadName),
    /// A thread of the server's own, numbered as they showed up.
    Unnamed(u16),
}

/// What a file says of a thread's policy. Older traces have an observation for each of two files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "text::AnyEvidence")]
pub struct Evidence {
    pub view: View,
    pub thread: ThreadLabel,
    /// The policy, where the file holds one that can be read; what it does not state is open.
    pub policy: Option<Policy>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "seen", rename_all = "snake_case")]
pub enum Observation {
    /// A request left. `unbound`: the plan's name had no thread, and a never-issued id was sent.
    Sent {
        call: u32,
        method: String,
        /// Whether its thread was unbound.
        unbound: bool,
    },
    /// A result came. Lifecycle replies state a policy.
    Answered {
        call: u32,
        /// The thread that the reply is about.
        thread: Option<ThreadLabel>,
        /// The policy that the reply states.
        policy: Option<Policy>,
    },
    Refused {
        call: u32,
        code: i64,
        message: String,
    },
    /// `thread/settings/updated`.
    Settings {
        thread: ThreadLabel,
        policy: Policy,
    },
    /// `turn/started`.
    TurnStarted {
        thread: ThreadLabel,
        turn: u32,
    },
    /// `turn/completed`.
    TurnEnded {
        thread: ThreadLabel,
        turn: u32,
        /// The status, as it was spelled.
        status: String,
    },
    /// Any other notification of a turn or its items.
    TurnEvent {
        thread: ThreadLabel,
        turn: u32,
        method: String,
    },
    /// A command that the client itself asked for has ended, within a turn.
    CommandEnded {
        thread: ThreadLabel,
        turn: u32,
    },
    /// The client has asked to hear no more of a thread.
    Unsubscribed {
        thread: ThreadLabel,
    },
    /// A thread that is not subscribed to has stopped to be active.
    Idle {
        thread: ThreadLabel,
    },
    /// The server asked the client something.
    Asked {
        method: String,
        /// The thread, where it names one.
        thread: Option<ThreadLabel>,
    },
    /// The policy that requests to the model stated in a turn of the thread: once for each place,
    /// and again at each change.
    #[serde(alias = "told")]
    ModelContext {
        thread: ThreadLabel,
        told: StatedPolicy,
    },
    /// A look: the answer of a second server on a copy of the home, which resumed the thread cold.
    #[serde(alias = "fresh")]
    ColdRead {
        /// The thread that its reply is about.
        thread: ThreadLabel,
        /// The policy that it states.
        policy: Option<Policy>,
    },
    /// The second server refused to resume the thread.
    #[serde(alias = "fresh_refused")]
    ColdReadRefused {
        /// The thread that was asked for.
        thread: ThreadLabel,
        code: i64,
        message: String,
    },
    /// What became of the deed that the model asked for in a turn of the thread.
    #[serde(alias = "deed")]
    Probe {
        thread: ThreadLabel,
        probe: Probe,
        /// What the client was asked for, if it was asked.
        asked: Option<Question>,
        /// Whether the reviewing model was asked.
        reviewed: bool,
        /// Whether its file is there; none where it writes none.
        landed: Option<bool>,
        /// The result that the model was given.
        upshot: ProbeResultText,
        /// Whether this machine was found unable to sandbox a command.
        unsandboxed: bool,
    },
    /// What a file says of a thread's policy.
    #[serde(alias = "rollout", alias = "store")]
    Evidence(Evidence),
    /// What config.toml states of the policy of threads: once it is written, again when the server
    /// has changed it, and at each restart.
    ConfigFile {
        /// Each key with its value, as `projects.WS.trust_level`.
        states: BTreeMap<String, String>,
    },
    /// A look that the plan asks for was not possible.
    NotTaken {
        reason: String,
    },
    /// The server has unloaded a thread: `thread/closed`, or the status that says so where it comes
    /// with a refusal.
    Closed {
        thread: ThreadLabel,
    },
    /// The step was left out: the release's schema does not have what it asks for.
    LeftOut {
        /// The method, and the field where it is one.
        what: String,
    },
    /// An answer that no request of ours called for.
    Unasked {
        /// Its id, as it was spelled.
        id: String,
    },
    /// A line that is not JSON-RPC.
    Strange {
        /// What was wrong with it, and its beginning.
        line: String,
    },
    /// A wait ran out; the run is cut here.
    Silent {
        awaited: String,
        seconds: u64,
    },
    Ended {
        /// Whether it had been told to.
        told: bool,
        /// Its exit code or signal, in words.
        exit: String,
        /// Whether it printed a panic.
        panicked: bool,
        /// The end of what it wrote on stderr, where it ended untold or panicked.
        stderr: String,
    },
    /// From here on this release runs on the home. It was moved there, or the run begins with it.
    Server {
        /// What it says its version is.
        release: Option<Version>,
    },
    /// From here on each line is validated against the schema that the server prints.
    Schema,
    /// A line that is not valid by that schema; each fault once a run, before what the line says.
    Invalid {
        /// Whether the line is a client's, and the fault heirloom's own.
        ours: bool,
        /// The method that the line names or answers.
        about: String,
        /// Where in the line, as `params.turn.status`; empty for the line itself.
        at: String,
        /// What is wrong there; equal faults have equal texts.
        problem: String,
    },
    /// The SDK wrote a request: what it was asked for, and what it sent.
    ClientSent {
        /// None where no call of the program asked for it.
        call: Option<u32>,
        method: String,
        /// The arguments of the call, as the SDK spells them.
        asked: BTreeMap<String, String>,
        /// The parameters, but for what the request is about.
        sent: BTreeMap<String, String>,
    },
    /// A call of the SDK returned a thread.
    ClientReturned {
        call: u32,
        thread: ThreadLabel,
    },
    /// A call of the SDK ended with an exception.
    ClientRaised {
        /// None of a call after the server was killed.
        call: Option<u32>,
        /// The exception's class.
        error: String,
        /// Whether it is one of the SDK's own.
        sdk: bool,
        message: String,
    },
    /// A call of the SDK did not end in time, or `close()` did not.
    ClientOverdue {
        call: Option<u32>,
        seconds: u64,
    },
    /// The SDK answered a request of the server.
    ClientAnswered {
        /// The method of the request.
        method: String,
        /// Whether it approves what is asked.
        approves: bool,
    },
    /// The SDK's `close()` returned.
    ClientClosed {
        /// Whether the server that it started is still there.
        left: bool,
    },
    /// The harness itself could not go on; the run is cut here.
    Trouble {
        /// What happened, and what a person can do about it.
        reason: String,
    },
}

impl Observation {
    /// Whether this is the answer to the request with this number.
    pub fn answers(&self, number: u32) -> bool {
        match self {
            Observation::Answered { call, .. } | Observation::Refused { call, .. } => {
                *call == number
            }
            _ => false,
        }
    }
}

impl Trace {
    /// The facts of one step, in order.
    pub fn of_step(&self, step: usize) -> impl Iterator<Item = &Observation> {
        self.entries.iter().filter(move |fact| fact.step == step).map(|fact| &fact.observation)
    }

    /// Whether a wait has run out.
    pub fn is_silent(&self) -> bool {
        let mut all = self.entries.iter();
        all.any(|entry| matches!(entry.observation, Observation::Silent { .. }))
    }

    /// The step at which the run was cut, if it was.
    pub fn cut(&self) -> Option<usize> {
        let cuts = |what: &Observation| match what {
            Observation::Silent { .. } | Observation::Trouble { .. } => true,
            Observation::Ended { told, .. } => !told,
            _ => false,
        };
        self.entries.iter().find(|fact| cuts(&fact.observation)).map(|fact| fact.step)
    }
}
