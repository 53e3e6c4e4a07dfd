//! JSON-RPC lines: JSON-RPC 2.0 without the `jsonrpc` member, one message a line.
//!
//! Reads a line of the server into a `Message`, and writes the lines of a client. A line that is
//! not a message becomes a `Malformed` with the reason and an excerpt; nothing is guessed or
//! repaired.

use std::fmt;

use serde_json::{Map, Value, json};

/// How much of a malformed line is kept: enough to recognise it, little enough for a report.
pub const EXCERPT_BYTES: usize = 400;

/// The id of a request: our client counts, a server may also use text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// A whole number.
    Number(i64),
    /// Any text.
    Text(String),
}

/// A well-formed line.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// The answer to a request of ours.
    Answer {
        /// The id of that request.
        id: Id,
        /// The result or the error.
        outcome: Result<Value, RpcError>,
    },
    /// A message of the server that wants no answer.
    Notification {
        /// Its method.
        method: String,
        /// Its parameters, `null` where there are none.
        params: Value,
        /// The other members of the line.
        beside: Map<String, Value>,
    },
    /// A request of the server, which waits for the answer.
    Request {
        /// The id that the answer must name.
        id: Id,
        /// Its method.
        method: String,
        /// Its parameters, `null` where there are none.
        params: Value,
    },
}

/// JSON-RPC's code for an unknown method.
const METHOD_NOT_FOUND: i64 = -32601;

/// The error object of JSON-RPC.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message} (code {code})")]
pub struct RpcError {
    /// The JSON-RPC error code; the server uses -32600 for nearly everything.
    pub code: i64,
    /// The error message.
    pub message: String,
    /// Further data.
    pub data: Option<Value>,
}

/// A line that is not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a message: {reason}, in {excerpt:?}")]
pub struct Malformed {
    /// Why it is not a message.
    pub reason: String,
    /// The start of the line, at most [`EXCERPT_BYTES`].
    pub excerpt: String,
}

/// How much of the protocol a client asks for in `initialize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// The stable methods and fields.
    Stable,
    /// Also the methods and fields marked experimental.
    Experimental,
}

/// Reads one line, with or without its end.
///
/// # Errors
/// A line that is not one well-formed request, notification or answer is `Malformed`.
pub fn parse(line: &str) -> Result<Message, Malformed> {
    let line = line.trim_end_matches(['\n', '\r']);
    read(line).map_err(|reason| Malformed::new(reason, line.as_bytes()))
}

/// Whether a server refused a request because it does not know the method: it says so by JSON-RPC's
/// code, or by naming the method as an unknown variant.
pub fn is_unknown_method(method: &str, code: i64, message: &str) -> bool {
    code == METHOD_NOT_FOUND || message.contains(&format!("unknown variant `{method}`"))
}

/// The line of a request, without its end.
#[must_use]
pub fn request(id: &Id, method: &str, params: Value) -> String {
    with_params(json!({ "id": id.to_json(), "method": method }), params)
}

/// The line of a notification, without its end.
#[must_use]
pub fn notification(method: &str, params: Value) -> String {
    with_params(json!({ "method": method }), params)
}

/// The line that answers a request of the server, without its end.
#[must_use]
pub fn answer(id: &Id, result: Value) -> String {
    json!({ "id": id.to_json(), "result": result }).to_string()
}

/// The line that refuses a request of the server, without its end.
#[must_use]
pub fn refusal(id: &Id, code: i64, message: &str) -> String {
    json!({ "id": id.to_json(), "error": { "code": code, "message": message } }).to_string()
}

/// Method and parameters of the first request on a connection.
#[must_use]
pub fn initialize(client: &str, surface: Surface) -> (&'static str, Value) {
    let version = env!("CARGO_PKG_VERSION");
    let params = json!({
        "clientInfo": { "name": client, "title": client, "version": version },
        "capabilities": { "experimentalApi": surface == Surface::Experimental },
    });
    ("initialize", params)
}

/// Method and parameters of the notification that follows the answer to [`initialize`].
#[must_use]
pub fn initialized() -> (&'static str, Value) {
    ("initialized", Value::Null)
}

impl Message {
    /// The line as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Message::Answer { id, outcome: Ok(result) } => {
                json!({ "id": id.to_json(), "result": result })
            }
            Message::Answer { id, outcome: Err(error) } => {
                json!({ "id": id.to_json(), "error": error.to_json() })
            }
            Message::Notification { method, params, .. } => {
                json!({ "method": method, "params": params })
            }
            Message::Request { id, method, params } => {
                json!({ "id": id.to_json(), "method": method, "params": params })
            }
        }
    }
}

impl RpcError {
    /// The error object as it came.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        error
    }
}

impl Id {
    fn read(value: &Value) -> Result<Id, String> {
        match value {
            Value::String(text) => Ok(Id::Text(text.clone())),
            Value::Number(number) => number
                .as_i64()
                .map(Id::Number)
                .ok_or_else(|| format!("the id {number} is not a whole number")),
            other => Err(format!("the id is {}", kind(other))),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Id::Number(number) => json!(number),
            Id::Text(text) => json!(text),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Number(number) => write!(out, "{number}"),
            Id::Text(text) => write!(out, "{text:?}"),
        }
    }
}

impl Malformed {
    /// Only the start of the line is kept.
    #[must_use]
    pub fn new(reason: impl Into<String>, line: &[u8]) -> Malformed {
        let kept = &line[..line.len().min(EXCERPT_BYTES)];
        let excerpt = String::from_utf8_lossy(kept).into_owned();
        Malformed { reason: reason.into(), excerpt }
    }
}

fn read(line: &str) -> Result<Message, String> {
    let value = serde_json::from_str(line).map_err(|error| format!("not JSON ({error})"))?;
    let Value::Object(mut object) = value else {
        return Err(format!("the line is {}, not an object", kind(&value)));
    };
    let id = object.get("id").map(Id::read).transpose()?;
    let method = object.remove("method");
    match (id, method) {
        (None, None) => Err("neither id nor method".to_owned()),
        (Some(id), None) => Ok(Message::Answer { id, outcome: outcome(object)? }),
        (id, Some(Value::String(method))) => call(id, method, object),
        (_, Some(other)) => Err(format!("the method is {}", kind(&other))),
    }
}

fn call(id: Option<Id>, method: String, mut object: Map<String, Value>) -> Result<Message, String> {
    if object.contains_key("result") || object.contains_key("error") {
        return Err("both a method and an outcome".to_owned());
    }
    let params = object.remove("params").unwrap_or(Value::Null);
    Ok(match id {
        None => Message::Notification { method, params, beside: object },
        Some(id) => Message::Request { id, method, params },
    })
}

fn outcome(mut object: Map<String, Value>) -> Result<Result<Value, RpcError>, String> {
    match (object.remove("result"), object.remove("error")) {
        (Some(result), None) => Ok(Ok(result)),
        (None, Some(Value::Object(error))) => refused(error).map(Err),
        (None, Some(other)) => Err(format!("the error is {}, not an object", kind(&other))),
        (Some(_), Some(_)) => Err("both result and error".to_owned()),
        (None, None) => Err("an id without method, result or error".to_owned()),
    }
}

fn refused(mut error: Map<String, Value>) -> Result<RpcError, String> {
    let Some(code) = error.get("code").and_then(Value::as_i64) else {
        return Err("the error has no whole number as its code".to_owned());
    };
    let Some(Value::String(message)) = error.remove("message") else {
        return Err("the error has no text as its message".to_owned());
    };
    Ok(RpcError { code, message, data: error.remove("data") })
}

fn with_params(mut head: Value, params: Value) -> String {
    if !params.is_null() {
        head["params"] = params;
    }
    head.to_string()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::{Value, json};

    use super::{Id, Malformed, Message, Surface};

    fn check(line: &str, expected: Expect) {
        expected.assert_eq(&match super::parse(line) {
            Ok(Message::Answer { id, outcome: Err(error) }) => format!("{id} refused: {error}"),
            Ok(message) => format!("{message:?}"),
            Err(malformed) => malformed.reason,
        });
    }

    #[test]
    fn an_answer_is_read() {
        check(
            r#"{"id":7,"result":{"a":1}}"#,
            expect![[r#"Answer { id: Number(7), outcome: Ok(Object {"a": Number(1)}) }"#]],
        );
    }

    #[test]
    fn a_refusal_is_read() {
        check(
            r#"{"id":"x","error":{"code":-1,"message":"no"}}"#,
            expect![[r#""x" refused: no (code -1)"#]],
        );
    }

    #[test]
    fn a_notification_needs_no_params() {
        check(
            r#"{"method":"a/b"}"#,
            expect![[r#"Notification { method: "a/b", params: Null, beside: {} }"#]],
        );
    }

    #[test]
    fn a_request_of_the_server_is_read() {
        check(
            r#"{"id":0,"method":"ask","params":[1]}"#,
            expect![[r#"Request { id: Number(0), method: "ask", params: Array [Number(1)] }"#]],
        );
    }

    #[test]
    fn half_a_line_is_malformed() {
        check(
            r#"{"id":1,"res"#,
            expect!["not JSON (EOF while parsing a string at line 1 column 12)"],
        );
    }

    #[test]
    fn an_empty_line_is_malformed() {
        check("", expect!["not JSON (EOF while parsing a value at line 1 column 0)"]);
    }

    #[test]
    fn two_outcomes_are_malformed() {
        check(
            r#"{"id":1,"result":1,"error":{"code":1,"message":""}}"#,
            expect!["both result and error"],
        );
    }

    #[test]
    fn no_outcome_is_malformed() {
        check(r#"{"id":1}"#, expect!["an id without method, result or error"]);
    }

    #[test]
    fn a_null_id_is_malformed() {
        check(r#"{"id":null,"error":{"code":1,"message":""}}"#, expect!["the id is null"]);
    }

    #[test]
    fn an_error_without_a_code_is_malformed() {
        check(
            r#"{"id":1,"error":{"message":"no"}}"#,
            expect!["the error has no whole number as its code"],
        );
    }

    #[test]
    fn an_excerpt_is_short() {
        let line = "é".repeat(1_000);
        let seen = Malformed::new("long", line.as_bytes()).excerpt.len();
        expect!["400"].assert_eq(&seen.to_string());
    }

    #[test]
    fn the_lines_of_a_client_have_no_version() {
        let (method, params) = super::initialize("lab", Surface::Experimental);
        let id = Id::Number(1);
        let lines = [
            super::request(&id, "turn/start", json!({ "threadId": "t" })),
            super::notification("initialized", Value::Null),
            super::answer(&Id::Text("a".to_owned()), json!({ "decision": "decline" })),
            super::refusal(&id, -32601, "unknown"),
            super::request(&id, method, params["capabilities"].clone()),
        ];
        expect![[r#"
            {"id":1,"method":"turn/start","params":{"threadId":"t"}}
            {"method":"initialized"}
            {"id":"a","result":{"decision":"decline"}}
            {"id":1,"error":{"code":-32601,"message":"unknown"}}
            {"id":1,"method":"initialize","params":{"experimentalApi":true}}"#]]
        .assert_eq(&lines.join("\n"));
    }
}
