//! How a request is said in the words of the Python SDK, and what its shim reports.
//!
//! The SDK states approval and reviewer by a mode and the sandbox by a preset. What it has no word
//! for cannot be said. A line of the shim is a notification whose method begins with `client/`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::policy::Places;
use super::requests::Call;
use super::rpc::{self, Message};

/// A call of the SDK.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    /// The method of a client, a thread or a turn, as Python spells it.
    pub function: &'static str,
    /// The thread whose method it is.
    pub thread: Option<String>,
    /// The turn whose method it is.
    pub turn: Option<String>,
    /// Its keyword arguments.
    pub arguments: Map<String, Value>,
}

/// What the shim reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The session's process has started.
    Hello,
    /// The SDK wrote a line to the server.
    Sent {
        /// The line, as it is.
        line: String,
    },
    /// A call returned.
    Returned {
        /// The number of the call.
        call: u32,
        /// The id of the thread in what it returned.
        thread: Option<String>,
    },
    /// A call ended with an exception.
    Raised {
        /// The number of the call.
        call: u32,
        /// The exception's class.
        error: String,
        /// Whether it is one of the SDK's own.
        sdk: bool,
        /// What it says.
        message: String,
    },
    /// The SDK has no such function, argument or value.
    Unsayable {
        /// The number of the call.
        call: u32,
        /// What is missing.
        what: String,
    },
    /// A call has not ended within its deadline.
    Overdue {
        /// The number of the call.
        call: u32,
        /// The deadline.
        seconds: u64,
    },
    /// A turn's stream came to its end.
    Streamed {
        /// The number of the call.
        call: u32,
    },
    /// The server's process ended: its exit code, or a signal below 0.
    Ended {
        /// None where it is not known.
        code: Option<i32>,
        /// The end of its stderr.
        stderr: String,
    },
    /// `close()` returned; whether the server is still there.
    Closed {
        /// Whether it is.
        left: bool,
    },
}

/// A line that the SDK wrote to the server.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// A request.
    Request {
        /// Its id.
        id: rpc::Id,
        /// Its method.
        method: String,
        /// Its parameters.
        params: Value,
    },
    /// The answer to a request of the server; whether it approves something.
    Answer {
        /// The id of the request.
        id: rpc::Id,
        /// Whether it is an approval.
        approves: bool,
    },
    /// A notification.
    Notification,
}

/// The mode that `thread_start` sends if it is given none.
pub const START_MODE: &str = "auto_review";

/// The keys that name what a request is about and how much the answer says; they wish nothing.
const SUBJECTS: [&str; 8] = [
    "threadId",
    "thread_id",
    "input",
    "expectedTurnId",
    "turnId",
    "includeTurns",
    "include_turns",
    "excludeTurns",
];

/// The request in the SDK's words. `whole`: a turn is run to its end by one call.
///
/// # Errors
/// What the SDK has no word for.
pub fn words(call: &Call, whole: bool) -> Result<Words, String> {
    let Call { method, params } = call;
    let (function, keys): (&'static str, &[(&str, &str)]) = match *method {
        "thread/start" => ("thread_start", &[("ephemeral", "ephemeral")]),
        "thread/resume" => ("thread_resume", &[("threadId", "thread_id")]),
        "thread/fork" => ("thread_fork", &[("threadId", "thread_id"), ("ephemeral", "ephemeral")]),
        "turn/start" if whole => ("run", OF_TURN),
        "turn/start" => ("turn", OF_TURN),
        "turn/steer" => ("steer", &[("input", "input")]),
        "turn/interrupt" => ("interrupt", &[]),
        "thread/archive" => ("thread_archive", &[("threadId", "thread_id")]),
        "thread/unarchive" => ("thread_unarchive", &[("threadId", "thread_id")]),
        "thread/name/set" => ("set_name", &[("name", "name")]),
        "thread/compact/start" => ("compact", &[]),
        "thread/read" => ("read", &[("includeTurns", "include_turns")]),
        "thread/list" => ("thread_list", &[]),
        _ => return Err((*method).to_owned()),
    };
    let mut arguments = Map::new();
    if let Some(mode) = mode(method, params)? {
        arguments.insert("approval_mode".to_owned(), json!(mode));
    }
    if let Some(sandbox) = sandbox(method, params)? {
        arguments.insert("sandbox".to_owned(), json!(sandbox));
    }
    let shared = if function.starts_with("thread_") { OF_CALL } else { &[] };
    let own: BTreeMap<&str, &str> = shared.iter().chain(keys).copied().collect();
    for (key, value) in params.as_object().into_iter().flatten() {
        let spoken = MODES.contains(&key.as_str()) || SANDBOXES.contains(&key.as_str());
        if value.is_null() || spoken {
            continue;
        }
        match (own.get(key.as_str()), key.as_str()) {
            (Some(argument), _) => drop(arguments.insert((*argument).to_owned(), value.clone())),
            (None, "threadId" | "turnId" | "expectedTurnId") => {}
            (None, "excludeTurns") => {
                let include = value.as_bool().is_some_and(|exclude| !exclude);
                arguments.insert("include_turns".to_owned(), json!(include));
            }
            (None, key) => return Err(format!("{method} {key}")),
        }
    }
    let text = |key: &str| params[key].as_str().map(str::to_owned);
    Ok(Words {
        function,
        thread: text("threadId"),
        turn: text("expectedTurnId").or_else(|| text("turnId")),
        arguments,
    })
}

const MODES: [&str; 2] = ["approvalPolicy", "approvalsReviewer"];
const SANDBOXES: [&str; 2] = ["sandbox", "sandboxPolicy"];

/// The keys of start, resume and fork.
const OF_CALL: &[(&str, &str)] = &[
    ("config", "config"),
    ("cwd", "cwd"),
    ("model", "model"),
    ("modelProvider", "model_provider"),
    ("serviceTier", "service_tier"),
];

/// The keys of a turn.
const OF_TURN: &[(&str, &str)] = &[
    ("input", "input"),
    ("cwd", "cwd"),
    ("effort", "effort"),
    ("model", "model"),
    ("serviceTier", "service_tier"),
    ("serviceTierForTurn", "turn_service_tier"),
];

/// The approval mode that stands for the request's approval policy and reviewer.
fn mode(method: &str, params: &Value) -> Result<Option<&'static str>, String> {
    match (params["approvalPolicy"].clone(), params["approvalsReviewer"].as_str()) {
        (Value::Null, None) => Ok(None),
        (Value::String(policy), None) if policy == "never" => Ok(Some("deny_all")),
        (Value::String(policy), Some("auto_review" | "guardian_subagent"))
            if policy == "on-request" =>
        {
            Ok(Some("auto_review"))
        }
        (policy, reviewer) => {
            let reviewer = reviewer.unwrap_or("none");
            Err(format!("{method} approvalPolicy={policy} approvalsReviewer={reviewer}"))
        }
    }
}

/// The preset that stands for the request's sandbox.
fn sandbox(method: &str, params: &Value) -> Result<Option<&'static str>, String> {
    let mode = plain(&params["sandbox"]);
    let policy = plain(&params["sandboxPolicy"]);
    let asked = if mode.is_empty() { policy } else { mode };
    let preset = match asked.as_str() {
        "" => None,
        "read-only" | "readOnly" => Some("read-only"),
        "workspace-write" | "workspaceWrite" => Some("workspace-write"),
        "danger-full-access" | "dangerFullAccess" => Some("full-access"),
        other => return Err(format!("{method} sandboxPolicy={other}")),
    };
    Ok(preset)
}

/// A value as a word: a sandbox policy whose other fields are the defaults is its type.
fn plain(value: &Value) -> String {
    let is_default = |(key, value): (&String, &Value)| {
        let empty = *value == json!(false) || *value == json!([]) || value.is_null();
        key == "type" || empty
    };
    match value {
        Value::Null => String::new(),
        Value::String(word) => word.clone(),
        Value::Object(fields) if fields.iter().all(is_default) && fields.contains_key("type") => {
            plain(&value["type"])
        }
        other => other.to_string(),
    }
}

/// What a request or a call wishes, word by word, without what it is about.
pub fn wishes(fields: &Value, places: &Places) -> BTreeMap<String, String> {
    let about = |key: &str| SUBJECTS.contains(&key);
    let fields = fields.as_object().into_iter().flatten();
    let folder = |text: String| {
        let folders = [(&places.workspace, "WS"), (&places.home, "HOME"), (&places.outside, "OUT")];
        folders
            .iter()
            .fold(text, |text, (folder, name)| text.replace(&folder.display().to_string(), name))
    };
    let wished = fields.filter(|(key, value)| !about(key) && !value.is_null());
    wished.map(|(key, value)| (key.clone(), folder(plain(value)))).collect()
}

/// The wishes that the SDK must send for a call with these arguments.
pub fn due(method: &str, asked: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut due = BTreeMap::new();
    let starts = (method == "thread/start").then_some(START_MODE);
    let mode = asked.get("approval_mode").map(String::as_str).or(starts);
    let (policy, reviewer) = match mode {
        Some("deny_all") => (Some("never"), None),
        Some(_) => (Some("on-request"), Some("auto_review")),
        None => (None, None),
    };
    for (key, word) in MODES.into_iter().zip([policy, reviewer]) {
        due.extend(word.map(|word| (key.to_owned(), word.to_owned())));
    }
    for (argument, word) in asked {
        let of_turn = method == "turn/start";
        let (key, word) = match (argument.as_str(), word.as_str()) {
            ("approval_mode", _) => continue,
            ("sandbox", "full-access") if of_turn => ("sandboxPolicy", "dangerFullAccess"),
            ("sandbox", "read-only") if of_turn => ("sandboxPolicy", "readOnly"),
            ("sandbox", _) if of_turn => ("sandboxPolicy", "workspaceWrite"),
            ("sandbox", "full-access") => ("sandbox", "danger-full-access"),
            (argument, word) => {
                let shared = OF_CALL.iter().chain(OF_TURN);
                let key = shared.into_iter().find(|(_, spelled)| *spelled == argument);
                (key.map_or(argument, |(key, _)| *key), word)
            }
        };
        due.insert(key.to_owned(), word.to_owned());
    }
    due
}

/// Whether a wish of a request is its approval policy or its reviewer.
pub fn is_of_mode(key: &str) -> bool {
    MODES.contains(&key)
}

/// The order that opens a client on an executable.
pub fn open(executable: &Path, environment: &BTreeMap<String, String>, directory: &Path) -> Value {
    json!({ "executable": executable, "environment": environment, "directory": directory })
}

/// The order to make a call.
pub fn order(call: u32, words: &Words, deadline_s: u64) -> Value {
    let Words { function, thread, turn, arguments } = words;
    json!({
        "call": call,
        "function": function,
        "thread": thread,
        "turn": turn,
        "arguments": arguments,
        "deadline_s": deadline_s,
    })
}

/// The orders of the shim.
const ORDERS: [&str; 4] = ["open", "call", "kill", "close"];

/// Whether a line is an order to the shim, and not one of the protocol.
pub fn is_order(line: &Value) -> bool {
    line["method"].as_str().is_some_and(|method| ORDERS.contains(&method))
}

/// Whether a line is a report of the shim.
pub fn is_report(line: &Value) -> bool {
    line["method"].as_str().is_some_and(|method| method.starts_with("client/"))
}

/// The line to the server that a report repeats.
pub fn sent(report: &Value) -> Option<Value> {
    let line = report["params"]["line"].as_str().filter(|_| report["method"] == "client/sent");
    line.and_then(|line| serde_json::from_str(line).ok())
}

/// The call that an order makes, in Python.
pub fn called(order: &Value) -> Option<String> {
    let params = &order["params"];
    let function = params["function"].as_str().filter(|_| order["method"] == "call")?;
    let owner = if function.starts_with("thread_") {
        "codex"
    } else {
        params["turn"].as_str().or(params["thread"].as_str())?
    };
    let arguments = params["arguments"].as_object().into_iter().flatten();
    let arguments = arguments.map(|(name, value)| format!("{name}={}", python(value)));
    Some(format!("{owner}.{function}({})", arguments.collect::<Vec<_>>().join(", ")))
}

fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

/// What the shim reports, where a message is the shim's and not the server's.
pub fn event(message: &Message) -> Option<Event> {
    let Message::Notification { method, params, .. } = message else { return None };
    let call = || params["call"].as_u64().and_then(|call| call.try_into().ok()).unwrap_or(0);
    let text = |key: &str| params[key].as_str().unwrap_or_default().to_owned();
    let is = |key: &str| params[key] == json!(true);
    Some(match method.strip_prefix("client/")? {
        "hello" | "ready" => Event::Hello,
        "sent" => Event::Sent { line: text("line") },
        "returned" => {
            let thread = params["value"]["thread"].as_str().map(str::to_owned);
            Event::Returned { call: call(), thread }
        }
        "raised" => Event::Raised {
            call: call(),
            error: text("error"),
            sdk: is("sdk"),
            message: text("message"),
        },
        "unsayable" => Event::Unsayable { call: call(), what: text("what") },
        "overdue" => {
            Event::Overdue { call: call(), seconds: params["seconds"].as_u64().unwrap_or_default() }
        }
        "streamed" => Event::Streamed { call: call() },
        "ended" => Event::Ended {
            code: params["code"].as_i64().and_then(|code| code.try_into().ok()),
            stderr: text("stderr"),
        },
        "closed" => Event::Closed { left: is("left") },
        _ => return None,
    })
}

/// A line of the SDK's; none where it is not one of JSON-RPC.
pub fn line(text: &str) -> Option<Line> {
    let line: Value = serde_json::from_str(text).ok()?;
    let id = match &line["id"] {
        Value::Number(number) => Some(rpc::Id::Number(number.as_i64()?)),
        Value::String(text) => Some(rpc::Id::Text(text.clone())),
        _ => None,
    };
    Some(match (id, line["method"].as_str()) {
        (Some(id), Some(method)) => {
            let params = line["params"].clone();
            Line::Request { id, method: method.to_owned(), params }
        }
        (Some(id), None) => {
            let decision = line["result"]["decision"].as_str().unwrap_or_default();
            Line::Answer { id, approves: decision.starts_with("accept") }
        }
        (None, _) => Line::Notification,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::{Value, json};

    use super::{due, wishes, words};
    use crate::protocol::policy::Places;
    use crate::protocol::requests::Call;

    /// The call of a request, and what it must send.
    fn check(method: &'static str, params: Value, expected: Expect) {
        let folder = |name: &str| format!("/case/{name}").into();
        let (workspace, home, outside) = (folder("ws"), folder("home"), folder("out"));
        let places = Places { workspace, home, outside };
        let shown = match words(&Call { method, params }, true) {
            Err(what) => format!("cannot be said: {what}"),
            Ok(words) => {
                let asked = wishes(&Value::Object(words.arguments.clone()), &places);
                format!("{}({asked:?})\n{:?}", words.function, due(method, &asked))
            }
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_start_without_a_mode_sends_auto_review_and_no_other_call_sends_one() {
        check(
            "thread/start",
            json!({ "cwd": "/case/ws" }),
            expect![[r#"
            thread_start({"cwd": "WS"})
            {"approvalPolicy": "on-request", "approvalsReviewer": "auto_review", "cwd": "WS"}"#]],
        );
        check(
            "thread/resume",
            json!({ "threadId": "x" }),
            expect![[r#"
            thread_resume({})
            {}"#]],
        );
        check(
            "turn/start",
            json!({ "threadId": "x", "input": [] }),
            expect![[r#"
            run({})
            {}"#]],
        );
    }

    #[test]
    fn a_mode_stands_for_its_policy_and_reviewer_and_a_preset_for_its_sandbox() {
        let denies = json!({ "approvalPolicy": "never", "sandbox": "danger-full-access" });
        check(
            "thread/fork",
            denies,
            expect![[r#"
            thread_fork({"approval_mode": "deny_all", "sandbox": "full-access"})
            {"approvalPolicy": "never", "sandbox": "danger-full-access"}"#]],
        );
        let reviews = json!({
            "approvalPolicy": "on-request", "approvalsReviewer": "auto_review",
            "sandboxPolicy": { "type": "workspaceWrite", "writableRoots": [], "networkAccess": false },
        });
        check(
            "turn/start",
            reviews,
            expect![[r#"
            run({"approval_mode": "auto_review", "sandbox": "workspace-write"})
            {"approvalPolicy": "on-request", "approvalsReviewer": "auto_review", "sandboxPolicy": "workspaceWrite"}"#]],
        );
    }

    #[test]
    fn what_the_sdk_has_no_word_for_cannot_be_said() {
        check(
            "turn/start",
            json!({ "approvalPolicy": "untrusted" }),
            expect![[
                r#"cannot be said: turn/start approvalPolicy="untrusted" approvalsReviewer=none"#
            ]],
        );
        check(
            "thread/start",
            json!({ "permissions": "tight" }),
            expect!["cannot be said: thread/start permissions"],
        );
        check(
            "thread/settings/update",
            json!({}),
            expect!["cannot be said: thread/settings/update"],
        );
        let network = json!({ "sandboxPolicy": { "type": "readOnly", "networkAccess": true } });
        check(
            "turn/start",
            network,
            expect![[
                r#"cannot be said: turn/start sandboxPolicy={"type":"readOnly","networkAccess":true}"#
            ]],
        );
    }
}
