//! The model's side of the conversation.
//!
//! Reads what the server asks the model, and spells what a model answers as server-sent events.
//! Whose request it is stands in its headers alone. Spells one event at a time, so that whoever
//! plays them decides when each goes out. Knows no script and no connection.

use std::sync::OnceLock;

use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// Where the server asks, below its `base_url`.
pub const RESPONSES: &str = "/responses";

/// Where the server asks for the list of models, below its `base_url`.
pub const MODELS: &str = "/models";

/// The content type of an event stream.
pub const EVENT_STREAM: &str = "text/event-stream";

/// The content type of everything else.
pub const JSON: &str = "application/json";

/// One request of the server to the model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRequest {
    /// The server's id of the thread that asks: the header `thread-id`.
    pub thread: Option<String>,
    /// What kind of helper asks, if not the thread itself: `guardian`, `review`, `collab_spawn`.
    pub subagent: Option<String>,
    /// The server's id of the thread that the helper works for.
    pub parent: Option<String>,
    /// The body as it came: well-formed JSON.
    text: Vec<u8>,
    /// The same, read when somebody looks: most requests are only counted.
    body: OnceLock<Value>,
}

impl ModelRequest {
    /// Reads a request from its headers, asked for by their lower-case names, and its body.
    ///
    /// # Errors
    /// When the body is not JSON, in words.
    pub fn read<'a>(
        header: impl Fn(&str) -> Option<&'a str>,
        body: &[u8],
    ) -> Result<ModelRequest, String> {
        serde_json::from_slice::<IgnoredAny>(body)
            .map_err(|error| format!("not JSON ({error})"))?;
        let text = |name: &str| header(name).map(str::to_owned);
        let subagent = text("x-openai-subagent");
        // 0.131 names a helper's parent by its session.
        let session = subagent.as_ref().and_then(|_| text("session-id"));
        Ok(ModelRequest {
            thread: text("thread-id"),
            subagent,
            parent: text("x-codex-parent-thread-id").or(session),
            text: body.to_vec(),
            body: OnceLock::new(),
        })
    }

    /// The request, as it came; `null` where it holds a number that no JSON reader of ours can.
    #[must_use]
    pub fn body(&self) -> &Value {
        self.body.get_or_init(|| serde_json::from_slice(&self.text).unwrap_or_default())
    }

    /// Whether the reviewing model is asked.
    #[must_use]
    pub fn is_review(&self) -> bool {
        self.subagent.as_deref() == Some("guardian")
    }

    /// The results of calls that it carries, oldest first: id of the call, text of the result.
    #[must_use]
    pub fn outputs(&self) -> Vec<(&str, String)> {
        self.input().iter().filter_map(output).collect()
    }

    /// What the developer, which is the server, tells the model, oldest first.
    #[must_use]
    pub fn developer_texts(&self) -> Vec<&str> {
        self.texts("developer")
    }

    /// What the person tells the model, the server's own notes in that voice among it.
    #[must_use]
    pub fn user_texts(&self) -> Vec<&str> {
        self.texts("user")
    }

    /// What the server says about the turn beside the conversation, on releases that do.
    #[must_use]
    pub fn turn_metadata(&self) -> Option<Value> {
        let text = self.body()["client_metadata"]["x-codex-turn-metadata"].as_str()?;
        serde_json::from_str(text).ok()
    }

    fn texts(&self, role: &str) -> Vec<&str> {
        let said = self.input().iter().filter(|item| item["role"] == role);
        let parts = said.filter_map(|item| item["content"].as_array()).flatten();
        parts.filter_map(|part| part["text"].as_str()).collect()
    }

    fn input(&self) -> &[Value] {
        self.body()["input"].as_array().map_or(&[], Vec::as_slice)
    }
}

/// The event that opens every answer.
#[must_use]
pub fn created(id: &str) -> String {
    event(&json!({ "type": "response.created", "response": { "id": id } }))
}

/// The event of a message of the assistant.
#[must_use]
pub fn message(id: &str, text: &str) -> String {
    done(&json!({
        "type": "message",
        "role": "assistant",
        "id": format!("message-{id}"),
        "content": [{ "type": "output_text", "text": text }],
    }))
}

/// The event of a call of a tool, its arguments spelled as JSON text.
#[must_use]
pub fn call(call: &str, tool: &str, arguments: &str) -> String {
    done(&json!({
        "type": "function_call",
        "call_id": call,
        "name": tool,
        "arguments": arguments,
    }))
}

/// The event of a call of a tool of a namespace.
#[must_use]
pub fn call_within(namespace: &str, call: &str, (tool, arguments): (&str, &str)) -> String {
    done(&json!({
        "type": "function_call",
        "call_id": call,
        "namespace": namespace,
        "name": tool,
        "arguments": arguments,
    }))
}

/// The event that ends a good answer.
#[must_use]
pub fn completed(id: &str) -> String {
    let usage = json!({
        "input_tokens": 1,
        "input_tokens_details": null,
        "output_tokens": 1,
        "output_tokens_details": null,
        "total_tokens": 2,
    });
    event(&json!({ "type": "response.completed", "response": { "id": id, "usage": usage } }))
}

/// The event that ends a bad answer, in a way that no server tries again.
#[must_use]
pub fn failed(id: &str) -> String {
    let error = json!({ "code": "invalid_prompt", "message": "the script wants a failure" });
    event(&json!({ "type": "response.failed", "response": { "id": id, "error": error } }))
}

/// The list of models: empty.
#[must_use]
pub fn no_models() -> String {
    json!({ "object": "list", "data": [], "models": [] }).to_string()
}

/// The body of a refusal by HTTP status.
#[must_use]
pub fn refused(message: &str) -> String {
    json!({ "error": { "message": message, "type": "scripted" } }).to_string()
}

fn output(item: &Value) -> Option<(&str, String)> {
    let kind = item["type"].as_str()?;
    if kind != "function_call_output" && kind != "custom_tool_call_output" {
        return None;
    }
    let text = match &item["output"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some((item["call_id"].as_str()?, text))
}

fn done(item: &Value) -> String {
    event(&json!({ "type": "response.output_item.done", "item": item }))
}

fn event(content: &Value) -> String {
    let name = content["type"].as_str().expect("every event above has a type");
    format!("event: {name}\ndata: {content}\n\n")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::ModelRequest;

    fn check(seen: impl std::fmt::Debug, expected: Expect) {
        expected.assert_eq(&format!("{seen:?}"));
    }

    fn request() -> ModelRequest {
        let header = |name: &str| (name == "thread-id").then_some("t");
        let body = json!({
            "input": [
                { "role": "developer", "content": [{ "text": "one" }, { "text": "two" }] },
                { "role": "user", "content": [{ "text": "hi" }] },
                { "type": "function_call_output", "call_id": "a", "output": "done" },
                { "type": "custom_tool_call_output", "call_id": "b", "output": { "ok": true } },
            ],
            "client_metadata": { "x-codex-turn-metadata": "{\"sandbox_mode\":\"read-only\"}" },
        });
        ModelRequest::read(header, body.to_string().as_bytes()).expect("the body is JSON")
    }

    #[test]
    fn the_headers_tell_whose_request_it_is() {
        let ModelRequest { thread, subagent, parent, .. } = request();
        check((thread, subagent, parent), expect![[r#"(Some("t"), None, None)"#]]);
    }

    #[test]
    fn results_of_calls_are_read() {
        check(request().outputs(), expect![[r#"[("a", "done"), ("b", "{\"ok\":true}")]"#]]);
    }

    #[test]
    fn the_voices_are_told_apart() {
        let request = request();
        let voices = (request.developer_texts(), request.user_texts());
        check(voices, expect![[r#"(["one", "two"], ["hi"])"#]]);
    }

    #[test]
    fn the_metadata_of_the_turn_is_read() {
        let mode = request().turn_metadata().map(|turn| turn["sandbox_mode"].clone());
        check(mode, expect![[r#"Some(String("read-only"))"#]]);
    }

    #[test]
    fn a_body_that_is_no_json_is_refused() {
        let refused = ModelRequest::read(|_| None, b"{");
        check(
            refused.err(),
            expect![[r#"Some("not JSON (EOF while parsing an object at line 1 column 1)")"#]],
        );
    }

    #[test]
    fn an_event_names_its_type_twice() {
        expect![[r#"
            event: response.created
            data: {"type":"response.created","response":{"id":"r"}}

        "#]]
        .assert_eq(&super::created("r"));
    }

    #[test]
    fn a_call_is_an_item() {
        let event = super::call("c", "exec", "{}");
        let item = event.split_once("\"item\":").map_or("", |(_, item)| item.trim_end());
        expect![[r#"{"type":"function_call","call_id":"c","name":"exec","arguments":"{}"}}"#]]
            .assert_eq(item);
    }
}
