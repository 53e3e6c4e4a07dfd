//! [core] The requests of the alphabet: method names and parameters.
//!
//! A call is spelled from typed overrides and the server's own ids. A flawed turn is spelled so
//! that it violates the release's schema or a row of the contract, with its other overrides beside
//! the flaw.

use serde_json::{Map, Value, json};

use super::policy::{Places, approval_json, mode_json, put, reviewer_json, sandbox_json};
use crate::op::Flaw;
use crate::policy::{CallOverrides, TurnOverrides};

/// An id in the form of the server's own that was never issued.
pub const NEVER_ISSUED: &str = "00000000-0000-7000-8000-000000000000";

/// One request: its method and its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The JSON-RPC method.
    pub method: &'static str,
    /// Its parameters.
    pub params: Value,
}

/// A turn to ask for.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// The thread's id.
    pub thread: &'a str,
    /// What the person says.
    pub prompt: &'a str,
    /// What the turn overrides.
    pub overrides: &'a TurnOverrides,
    /// What makes it a request to refuse.
    pub flaw: Option<Flaw>,
}

/// `thread/start` in the workspace.
pub fn start(overrides: &CallOverrides, places: &Places) -> Call {
    let mut params = lifecycle(overrides);
    params.insert("cwd".to_owned(), json!(places.workspace));
    Call { method: "thread/start", params: Value::Object(params) }
}

/// `thread/resume`.
pub fn resume(thread: &str, overrides: &CallOverrides) -> Call {
    of_thread("thread/resume", thread, lifecycle(overrides))
}

/// `thread/fork`.
pub fn fork(thread: &str, overrides: &CallOverrides) -> Call {
    of_thread("thread/fork", thread, lifecycle(overrides))
}

/// `turn/interrupt`.
pub fn interrupt(thread: &str, turn: &str) -> Call {
    let params = json!({ "threadId": thread, "turnId": turn });
    Call { method: "turn/interrupt", params }
}

/// `turn/start`.
pub fn turn(turn: Turn<'_>, places: &Places) -> Call {
    let mut params = Map::new();
    params.insert("input".to_owned(), json!([{ "type": "text", "text": turn.prompt }]));
    put(&mut params, "approvalPolicy", &turn.overrides.approval, approval_json);
    put(&mut params, "approvalsReviewer", &turn.overrides.reviewer, reviewer_json);
    put(&mut params, "sandboxPolicy", &turn.overrides.sandbox, |s| sandbox_json(s, places));
    for (key, value) in turn.flaw.map(flawed).unwrap_or_default() {
        params.insert(key.to_owned(), value);
    }
    of_thread("turn/start", turn.thread, params)
}

fn lifecycle(overrides: &CallOverrides) -> Map<String, Value> {
    let mut params = Map::new();
    put(&mut params, "approvalPolicy", &overrides.approval, approval_json);
    put(&mut params, "approvalsReviewer", &overrides.reviewer, reviewer_json);
    put(&mut params, "sandbox", &overrides.sandbox, mode_json);
    params
}

fn of_thread(method: &'static str, thread: &str, mut params: Map<String, Value>) -> Call {
    params.insert("threadId".to_owned(), Value::from(thread));
    Call { method, params: Value::Object(params) }
}

/// The keys that make a turn one to refuse.
fn flawed(flaw: Flaw) -> Vec<(&'static str, Value)> {
    match flaw {
        Flaw::UnknownApproval => vec![("approvalPolicy", json!("sometimes"))],
        Flaw::UnknownReviewer => vec![("approvalsReviewer", json!("somebody"))],
        Flaw::UnknownSandbox => vec![("sandboxPolicy", json!({ "type": "somewhere" }))],
        Flaw::RelativeRoot => {
            let roots = json!({ "type": "workspaceWrite", "writableRoots": ["relative/root"] });
            vec![("sandboxPolicy", roots)]
        }
        Flaw::UnknownProfile => {
            vec![("sandboxPolicy", Value::Null), ("permissions", json!("no-such-profile"))]
        }
        Flaw::ProfileWithSandbox => vec![
            ("permissions", json!(":read-only")),
            ("sandboxPolicy", json!({ "type": "readOnly" })),
        ],
    }
}
