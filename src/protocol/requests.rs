//! Requests as JSON: an operation's request with ids and folders filled in.

use serde_json::{Map, Value, json};

use super::policy::{Places, approval_json, mode_json, put, reviewer_json, sandbox_json};
use super::secondary;
use crate::policy::{CallOverrides, TurnOverrides};
use crate::program::request::{Cut, Param, Request};

/// An id in the form of the server's that it never issued.
pub const NEVER_ISSUED: &str = "00000000-0000-7000-8000-000000000000";

/// One request: its method and its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The JSON-RPC method.
    pub method: &'static str,
    /// Its parameters.
    pub params: Value,
}

/// The server's ids of what a request is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// The thread, where it has an id.
    pub thread: Option<String>,
    /// The thread's turn that runs.
    pub running: Option<String>,
    /// The thread's own turns, in order.
    pub turns: Vec<String>,
}

impl Ids {
    /// The ids of a thread of which no turn matters.
    pub fn of(thread: &str) -> Ids {
        Ids { thread: Some(thread.to_owned()), ..Ids::default() }
    }

    /// The thread's id, or one that was never issued.
    pub fn thread(&self) -> &str {
        self.thread.as_deref().unwrap_or(NEVER_ISSUED)
    }

    fn cut(&self, cut: Cut) -> (&'static str, &str) {
        let (key, number) = match cut {
            Cut::Last(number) => ("lastTurnId", number),
            Cut::Before(number) => ("beforeTurnId", number),
        };
        let place = usize::from(number).checked_rem(self.turns.len());
        let turn = place.and_then(|place| self.turns.get(place));
        (key, turn.map_or(NEVER_ISSUED, String::as_str))
    }
}

/// A start of a thread with these parameters, in the workspace unless they name a folder.
pub fn start_thread(mut params: Value, places: &Places) -> Call {
    if let Value::Object(params) = &mut params
        && !params.contains_key("cwd")
    {
        insert(params, "cwd", json!(places.workspace));
    }
    Call { method: "thread/start", params }
}

/// A resume of a thread without an override.
pub fn resume_thread(thread: &str) -> Call {
    Call { method: "thread/resume", params: json!({ "threadId": thread }) }
}

/// A turn with this text and without an override.
pub fn start_turn(thread: &str, text: &str) -> Call {
    let input = json!([{ "type": "text", "text": text }]);
    Call { method: "turn/start", params: json!({ "threadId": thread, "input": input }) }
}

/// The folders that a request names for a thread to work in.
pub fn folders(params: &Value) -> impl Iterator<Item = &str> {
    let roots = params["runtimeWorkspaceRoots"].as_array().into_iter().flatten();
    std::iter::once(&params["cwd"]).chain(roots).filter_map(Value::as_str)
}

/// The request as JSON.
pub fn call(request: &Request, ids: &Ids, places: &Places) -> Call {
    let mut params = Map::new();
    for param in &request.params {
        match param {
            Param::Thread => insert(&mut params, "threadId", json!(ids.thread())),
            Param::Workspace => {
                if params.get("cwd").is_none_or(Value::is_null) {
                    insert(&mut params, "cwd", json!(places.workspace));
                }
            }
            Param::Call(overrides) => of_call(&mut params, overrides, places),
            Param::Turn(overrides) => of_turn(&mut params, overrides, places),
            Param::RunningTurn(key) => {
                let turn = ids.running.as_deref().unwrap_or(NEVER_ISSUED);
                insert(&mut params, key, json!(turn));
            }
            Param::LastTurn(key) => {
                let turn = ids.turns.last().map_or(NEVER_ISSUED, String::as_str);
                insert(&mut params, key, json!(turn));
            }
            Param::Cut(cut) => {
                let (key, turn) = ids.cut(*cut);
                insert(&mut params, key, json!(turn));
            }
            Param::Value(key, value) => insert(&mut params, key, value.clone()),
            Param::NeverIssued(key) => insert(&mut params, key, json!(NEVER_ISSUED)),
            Param::Null => return Call { method: request.method, params: Value::Null },
        }
    }
    Call { method: request.method, params: Value::Object(params) }
}

fn insert(params: &mut Map<String, Value>, key: &str, value: Value) {
    params.insert(key.to_owned(), value);
}

fn of_turn(params: &mut Map<String, Value>, overrides: &TurnOverrides, places: &Places) {
    put(params, "approvalPolicy", &overrides.approval, approval_json);
    put(params, "approvalsReviewer", &overrides.reviewer, reviewer_json);
    put(params, "sandboxPolicy", &overrides.sandbox, |s| sandbox_json(s, places));
    put(params, "permissions", &overrides.profile, |id| json!(id));
    secondary::of_turn(params, overrides, places);
}

fn of_call(params: &mut Map<String, Value>, overrides: &CallOverrides, places: &Places) {
    if overrides.by_config {
        params.extend(secondary::by_config(overrides, places));
    } else {
        put(params, "approvalPolicy", &overrides.approval, approval_json);
        put(params, "approvalsReviewer", &overrides.reviewer, reviewer_json);
        put(params, "sandbox", &overrides.sandbox, mode_json);
        put(params, "permissions", &overrides.profile, |id| json!(id));
    }
    secondary::of_call(params, overrides, places);
}
