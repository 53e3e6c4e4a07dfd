//! The requests of the alphabet: method names and parameters.
//!
//! A call is spelled from typed overrides and the server's own ids. A flawed turn is spelled so
//! that it violates the release's schema or a row of the contract, with its other overrides beside
//! the flaw.

use serde_json::{Map, Value, json};

use super::policy::{Places, approval_json, mode_json, put, reviewer_json, sandbox_json};
use super::secondary;
use crate::op::Flaw;
use crate::policy::{CallOverrides, Reviewer, TurnOverrides};

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

/// A fork to ask for.
#[derive(Clone, Copy, Debug)]
pub struct Fork<'a> {
    /// The source's id.
    pub thread: &'a str,
    /// What the fork overrides.
    pub overrides: &'a CallOverrides,
    /// The key and the turn's id, where the history is cut.
    pub cut: Option<(&'static str, &'a str)>,
    /// Whether it is kept in memory alone.
    pub ephemeral: bool,
}

/// The key that cuts a fork with the turn.
pub const LAST_TURN: &str = "lastTurnId";

/// The key that cuts a fork without the turn.
pub const BEFORE_TURN: &str = "beforeTurnId";

/// `thread/start`, in the workspace where the overrides set nothing else; the server's own folder,
/// which it would take, is no place of a case.
pub fn start(overrides: &CallOverrides, ephemeral: bool, places: &Places) -> Call {
    let mut params = lifecycle(overrides, places);
    if params.get("cwd").is_none_or(Value::is_null) {
        params.insert("cwd".to_owned(), json!(places.workspace));
    }
    if ephemeral {
        params.insert("ephemeral".to_owned(), json!(true));
    }
    Call { method: "thread/start", params: Value::Object(params) }
}

/// `thread/resume`.
pub fn resume(thread: &str, overrides: &CallOverrides, places: &Places) -> Call {
    of_thread("thread/resume", thread, lifecycle(overrides, places))
}

/// `thread/fork`; an ephemeral one is refused unless it leaves out the turns of its reply.
pub fn fork(fork: Fork<'_>, places: &Places) -> Call {
    let mut params = lifecycle(fork.overrides, places);
    if let Some((key, turn)) = fork.cut {
        params.insert(key.to_owned(), json!(turn));
    }
    if fork.ephemeral {
        params.insert("ephemeral".to_owned(), json!(true));
        params.insert("excludeTurns".to_owned(), json!(true));
    }
    of_thread("thread/fork", fork.thread, params)
}

/// `thread/settings/update`.
pub fn settings(thread: &str, overrides: &TurnOverrides, places: &Places) -> Call {
    of_thread("thread/settings/update", thread, of_turn(overrides, places))
}

/// `turn/steer` of the turn that is thought to run.
pub fn steer(thread: &str, turn: &str) -> Call {
    let params = json!({
        "threadId": thread,
        "expectedTurnId": turn,
        "input": [{ "type": "text", "text": "and more" }],
    });
    Call { method: "turn/steer", params }
}

/// `turn/settings/update` of one turn.
pub fn retune(thread: &str, turn: &str, reviewer: &Reviewer) -> Call {
    let reviewer = reviewer_json(reviewer);
    let params = json!({ "threadId": thread, "turnId": turn, "approvalsReviewer": reviewer });
    Call { method: "turn/settings/update", params }
}

/// `turn/interrupt`.
pub fn interrupt(thread: &str, turn: &str) -> Call {
    let params = json!({ "threadId": thread, "turnId": turn });
    Call { method: "turn/interrupt", params }
}

/// `turn/start`.
pub fn turn(turn: Turn<'_>, places: &Places) -> Call {
    let mut params = of_turn(turn.overrides, places);
    if let Some(tier) = &turn.overrides.tier_once {
        params.insert("serviceTierForTurn".to_owned(), json!(tier));
    }
    params.insert("input".to_owned(), json!([{ "type": "text", "text": turn.prompt }]));
    for (key, value) in turn.flaw.map(flawed).unwrap_or_default() {
        params.insert(key.to_owned(), value);
    }
    of_thread("turn/start", turn.thread, params)
}

fn of_turn(overrides: &TurnOverrides, places: &Places) -> Map<String, Value> {
    let mut params = Map::new();
    put(&mut params, "approvalPolicy", &overrides.approval, approval_json);
    put(&mut params, "approvalsReviewer", &overrides.reviewer, reviewer_json);
    put(&mut params, "sandboxPolicy", &overrides.sandbox, |s| sandbox_json(s, places));
    put(&mut params, "permissions", &overrides.profile, |id| json!(id));
    secondary::of_turn(&mut params, overrides, places);
    params
}

fn lifecycle(overrides: &CallOverrides, places: &Places) -> Map<String, Value> {
    let mut params = Map::new();
    if overrides.by_config {
        params = secondary::by_config(overrides);
    } else {
        put(&mut params, "approvalPolicy", &overrides.approval, approval_json);
        put(&mut params, "approvalsReviewer", &overrides.reviewer, reviewer_json);
        put(&mut params, "sandbox", &overrides.sandbox, mode_json);
        put(&mut params, "permissions", &overrides.profile, |id| json!(id));
    }
    secondary::of_call(&mut params, overrides, places);
    params
}

pub(super) fn of_thread(
    method: &'static str,
    thread: &str,
    mut params: Map<String, Value>,
) -> Call {
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
