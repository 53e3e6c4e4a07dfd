//! Reads notifications and replies.
//!
//! Only those about a thread's policy, its turns or its life are of interest.

use serde_json::{Value, json};

use super::policy::{Places, of_settings};
use crate::policy::Policy;

/// A notification about a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notification {
    /// `thread/settings/updated`; without a policy where it cannot be read.
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

impl Notification {
    /// The id of the turn or thread that it is about.
    pub fn subject(&self) -> &str {
        match self {
            Notification::TurnStarted { turn, .. }
            | Notification::TurnEnded { turn, .. }
            | Notification::TurnEvent { turn, .. } => turn,
            Notification::CommandEnded { turn, .. } => turn,
            Notification::Settings { thread, .. }
            | Notification::Closed { thread }
            | Notification::Status { thread, .. } => thread,
        }
    }
}

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "camelCase")]
pub enum Status {
    /// A turn of it runs.
    Active,
    /// It is loaded, and no turn of it runs.
    Idle,
    /// Something has failed: a turn of it, which is not over yet, or a request.
    #[strum(serialize = "systemError")]
    Failed,
    /// It is not loaded.
    NotLoaded,
}

/// Removes the name of the machine, which a server states in one notification.
pub fn hide_machine(line: &mut Value) {
    if let Some(name) = line.pointer_mut("/params/serverName") {
        *name = Value::from("<HOST>");
    }
}

/// Reads a notification; `None` for one that says nothing about a thread.
pub fn read(method: &str, params: &Value, places: &Places) -> Option<Notification> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let thread = text(params.get("threadId"))?;
    let turn = params.get("turn");
    let turn_id = text(turn.and_then(|turn| turn.get("id"))).or_else(|| text(params.get("turnId")));
    match method {
        "thread/settings/updated" => {
            let policy = params.get("threadSettings").and_then(|json| of_settings(json, places));
            Some(Notification::Settings { thread, policy })
        }
        "thread/closed" => Some(Notification::Closed { thread }),
        "thread/status/changed" => {
            let status = params.get("status")?.get("type")?.as_str()?.parse().ok()?;
            Some(Notification::Status { thread, status })
        }
        "item/completed" if is_of_client(params) => {
            Some(Notification::CommandEnded { thread, turn: turn_id? })
        }
        "turn/started" => Some(Notification::TurnStarted { thread, turn: turn_id? }),
        ENDED => {
            let status = text(turn.and_then(|turn| turn.get("status"))).unwrap_or_default();
            Some(Notification::TurnEnded { thread, turn: turn_id?, status })
        }
        _ if method.starts_with("item/") || method.starts_with("turn/") => {
            Some(Notification::TurnEvent { thread, turn: turn_id? })
        }
        _ => None,
    }
}

/// Whether an item is a command that the client itself asked for.
fn is_of_client(params: &Value) -> bool {
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

/// The id of the thread on which a review runs, in the reply to `review/start`.
pub fn review_thread(reply: &Value) -> Option<&str> {
    reply.get("reviewThreadId")?.as_str()
}

/// The turn's id in the reply to `turn/start`.
pub fn turn_id(reply: &Value) -> Option<&str> {
    reply.get("turn")?.get("id")?.as_str()
}

/// The server's message about a turn that failed, in the notification of its end.
pub fn turn_error(params: &Value) -> Option<String> {
    params.get("turn")?.get("error")?.get("message")?.as_str().map(str::to_owned)
}

/// The thread that a request from the server is about.
pub fn thread_of_request(params: &Value) -> Option<&str> {
    params.get("threadId").or_else(|| params.get("conversationId"))?.as_str()
}

/// The answer that declines a request from the server.
pub fn decline(method: &str) -> Value {
    match method {
        "item/permissions/requestApproval" => json!({ "permissions": {} }),
        "item/tool/requestUserInput" => json!({ "answers": {} }),
        "item/tool/call" => json!({ "contentItems": [], "success": false }),
        "mcpServer/elicitation/request" => json!({ "action": "decline" }),
        _ => json!({ "decision": "decline" }),
    }
}
