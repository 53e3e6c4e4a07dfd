//! The request of an operation, before ids and folders are known.
//!
//! An operation names its method and what stands in the parameters; `protocol` writes the JSON.

use serde_json::Value;

use crate::policy::{CallOverrides, TurnOverrides};

#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub method: &'static str,
    /// The parameters; of two values for one key the later one counts.
    pub params: Vec<Param>,
}

/// A part of the parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum Param {
    /// The id of the step's thread.
    Thread,
    /// The workspace as `cwd`, unless an override names another folder. Without it the server
    /// would take its own folder.
    Workspace,
    /// The overrides of start, resume or fork.
    Call(CallOverrides),
    /// The overrides of a turn or of settings/update.
    Turn(TurnOverrides),
    /// The id of the turn that runs, under this key.
    RunningTurn(&'static str),
    /// The id of the thread's last own turn, under this key.
    LastTurn(&'static str),
    /// The turn at which a fork is cut.
    Cut(Cut),
    /// A key and its value.
    Value(&'static str, Value),
    /// An id that the server never issued, under this key.
    NeverIssued(&'static str),
    Null,
}

/// Where the history of a fork ends: the number of one of the source's own turns, modulo how many
/// it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cut {
    /// `lastTurnId`: with this turn.
    Last(u8),
    /// `beforeTurnId`: without this turn.
    Before(u8),
}

/// What a request depends on beside its operation.
#[derive(Clone, Copy, Debug)]
pub struct RequestContext {
    /// How the release takes turns back.
    pub back: Back,
    /// A number that no other request of the run has.
    pub number: u32,
}

/// How a release takes turns back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// `thread/revert`, to before a turn.
    Revert,
    /// `thread/rollback`, by a number of turns.
    Rollback,
}

/// How an operation's request can be made one that the server must refuse.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The word that an `invalid` step calls the method by.
    pub word: &'static str,
    pub request: Request,
    /// A key with a value that its enumeration does not have, if the method has an enumeration.
    pub unknown_value: Option<(&'static str, Value)>,
    /// A key with a value of another type.
    pub wrong_type: (&'static str, Value),
    /// Whether the server refuses a thread that never existed.
    pub refuses_unknown_thread: bool,
}

impl Request {
    /// A request with these parameters.
    pub fn new(method: &'static str, params: impl Into<Vec<Param>>) -> Request {
        Request { method, params: params.into() }
    }

    /// Whether it is about a thread.
    pub fn has_thread(&self) -> bool {
        self.params.contains(&Param::Thread)
    }
}

impl Sample {
    /// A request of a thread, which can be wrong in its thread's id only.
    pub fn new(word: &'static str, request: Request) -> Sample {
        let wrong_type = ("threadId", Value::from(7));
        let refuses_unknown_thread = request.has_thread();
        Sample { word, request, unknown_value: None, wrong_type, refuses_unknown_thread }
    }

    /// With a key whose enumeration does not have this value.
    pub fn with_unknown_value(self, key: &'static str, value: Value) -> Sample {
        Sample { unknown_value: Some((key, value)), ..self }
    }
}
