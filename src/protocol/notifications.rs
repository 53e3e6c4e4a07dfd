//! What replies and notifications say, as far as policy and turns are concerned.
//!
//! Readers of parameters only: they take a method and a JSON value and give typed news. What says
//! nothing of a thread's policy, turns or life is no news.

use serde_json::{Value, json};

use super::policy::{Places, of_settings};
use crate::policy::Policy;

/// What a notification says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// `thread/settings/updated`; no policy where it cannot be read.
    Settings {
        /// The thread's id.
        thread: String,
        /// The policy that it states.
        policy: Option<Policy>,
    },
    /// `turn/started`.
    TurnStarted {
        /// The thread's id.
        thread: String,
        /// The turn's id.
        turn: String,
    },
    /// `turn/completed`.
    TurnEnded {
        /// The thread's id.
        thread: String,
        /// The turn's id.
        turn: String,
        /// How it ended.
        status: String,
    },
    /// `thread/closed`.
    Closed {
        /// The thread's id.
        thread: String,
    },
    /// `thread/status/changed`.
    Status {
        /// The thread's id.
        thread: String,
        /// What it is now.
        status: Status,
    },
    /// The end of a command that the client itself asked for, within a turn.
    CommandEnded {
        /// The thread's id.
        thread: String,
        /// The turn's id.
        turn: String,
    },
    /// Another notification of a running turn.
    TurnEvent {
        /// The thread's id.
        thread: String,
        /// The turn's id.
        turn: String,
    },
}

/// The notification that ends a turn.
pub const ENDED: &str = "turn/completed";

impl News {
    /// The id of what it is about: a turn, or a thread.
    pub fn about(&self) -> &str {
        match self {
            News::TurnStarted { turn, .. }
            | News::TurnEnded { turn, .. }
            | News::TurnEvent { turn, .. } => turn,
            News::CommandEnded { turn, .. } => turn,
            News::Settings { thread, .. }
            | News::Closed { thread }
            | News::Status { thread, .. } => thread,
        }
    }
}

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A turn of it runs.
    Active,
    /// It is loaded, and no turn of it runs.
    Idle,
    /// Something has failed: a turn of it, which is not over yet, or a request.
    Failed,
    /// It is not loaded.
    NotLoaded,
}

/// Reads a notification.
pub fn read(method: &str, params: &Value, places: &Places) -> Option<News> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let thread = text(params.get("threadId"))?;
    let turn = params.get("turn");
    let turn_id = text(turn.and_then(|turn| turn.get("id"))).or_else(|| text(params.get("turnId")));
    match method {
        "thread/settings/updated" => {
            let policy = params.get("threadSettings").and_then(|json| of_settings(json, places));
            Some(News::Settings { thread, policy })
        }
        "thread/closed" => Some(News::Closed { thread }),
        "thread/status/changed" => {
            let status = status(params.get("status")?.get("type")?.as_str()?)?;
            Some(News::Status { thread, status })
        }
        "item/completed" if of_client(params) => {
            Some(News::CommandEnded { thread, turn: turn_id? })
        }
        "turn/started" => Some(News::TurnStarted { thread, turn: turn_id? }),
        ENDED => {
            let status = text(turn.and_then(|turn| turn.get("status"))).unwrap_or_default();
            Some(News::TurnEnded { thread, turn: turn_id?, status })
        }
        _ if method.starts_with("item/") || method.starts_with("turn/") => {
            Some(News::TurnEvent { thread, turn: turn_id? })
        }
        _ => None,
    }
}

fn status(word: &str) -> Option<Status> {
    match word {
        "active" => Some(Status::Active),
        "idle" => Some(Status::Idle),
        "systemError" => Some(Status::Failed),
        "notLoaded" => Some(Status::NotLoaded),
        _ => None,
    }
}

/// Whether an item is a command that the client itself asked for.
fn of_client(params: &Value) -> bool {
    let source = params.get("item").and_then(|item| item.get("source"));
    source.and_then(Value::as_str) == Some("userShell")
}

/// The thread's id in the reply to start, resume and fork.
pub fn thread_id(reply: &Value) -> Option<&str> {
    reply.get("thread")?.get("id")?.as_str()
}

/// The thread's rollout file in the reply to start, resume and fork.
pub fn thread_path(reply: &Value) -> Option<&str> {
    reply.get("thread")?.get("path")?.as_str()
}

/// The turn's id in the reply to `turn/start`.
pub fn turn_id(reply: &Value) -> Option<&str> {
    reply.get("turn")?.get("id")?.as_str()
}

/// The thread that a request of the server's is about.
pub fn asked_of(params: &Value) -> Option<&str> {
    params.get("threadId").or_else(|| params.get("conversationId"))?.as_str()
}

/// The answer that says no to a request of the server's.
pub fn no(method: &str) -> Value {
    match method {
        "item/permissions/requestApproval" => json!({ "permissions": {} }),
        "item/tool/requestUserInput" => json!({ "answers": {} }),
        "item/tool/call" => json!({ "contentItems": [], "success": false }),
        "mcpServer/elicitation/request" => json!({ "action": "decline" }),
        _ => json!({ "decision": "decline" }),
    }
}
