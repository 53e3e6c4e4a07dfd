//! The conversation between the server and the model.
//!
//! Reads the server's requests, and writes a model's answers as server-sent events. The headers of
//! a request alone say which thread it belongs to. Each event is written by itself, so that the
//! caller decides when it goes out.

use std::sync::OnceLock;

use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// The path of a request to the model, below the `base_url`.
pub const RESPONSES: &str = "/responses";

/// The path of the list of models, below the `base_url`.
pub const MODELS: &str = "/models";

/// The content type of an event stream.
pub const EVENT_STREAM: &str = "text/event-stream";

/// The content type of everything else.
pub const JSON: &str = "application/json";

/// One request of the server to the model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRequest {
    /// The id of the thread: the header `thread-id`.
    pub thread: Option<String>,
    /// The kind of helper that asks, if not the thread itself: `guardian`, `review`,
    /// `collab_spawn`.
    pub subagent: Option<String>,
    /// The id of the thread that the helper works for.
    pub parent: Option<String>,
    /// The body as it came: well-formed JSON.
    text: Vec<u8>,
    /// The same, parsed at first use: most requests are only counted.
    body: OnceLock<Value>,
}

impl ModelRequest {
    /// `header` finds a header by its lower-case name.
    ///
    /// # Errors
    /// When the body is not JSON.
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

    /// The body; `null` where it holds a number that our JSON reader cannot read.
    #[must_use]
    pub fn body(&self) -> &Value {
        self.body.get_or_init(|| serde_json::from_slice(&self.text).unwrap_or_default())
    }

    /// Whether it asks the reviewing model.
    #[must_use]
    pub fn is_review(&self) -> bool {
        self.subagent.as_deref() == Some("guardian")
    }

    /// The results of tool calls, oldest first: id of the call, text of the result.
    #[must_use]
    pub fn outputs(&self) -> Vec<(&str, String)> {
        self.input().iter().filter_map(output).collect()
    }

    /// The developer messages, which the server itself writes, oldest first.
    #[must_use]
    pub fn developer_texts(&self) -> Vec<&str> {
        self.texts("developer")
    }

    /// The user messages, among them notes of the server's.
    #[must_use]
    pub fn user_texts(&self) -> Vec<&str> {
        self.texts("user")
    }

    /// The metadata of the turn, on releases that send it.
    #[must_use]
    pub fn turn_metadata(&self) -> Option<Value> {
        let text = self.body()["client_metadata"]["x-codex-turn-metadata"].as_str()?;
        serde_json::from_str(text).ok()
    }

    fn texts(&self, role: &str) -> Vec<&str> {
        let messages = self.input().iter().filter(|item| item["role"] == role);
        let parts = messages.filter_map(|item| item["content"].as_array()).flatten();
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

/// The model's call of a tool.
#[derive(Debug, Clone, Copy)]
pub struct ToolCall<'a> {
    /// Where the tool is from; `None` for the server's own tools.
    pub namespace: Option<&'a str>,
    /// The id that the result will name.
    pub call_id: &'a str,
    /// The tool's name.
    pub tool: &'a str,
    /// JSON text.
    pub arguments: &'a str,
}

impl ToolCall<'_> {
    /// The event of the call.
    #[must_use]
    pub fn event(&self) -> String {
        let mut item = json!({ "type": "function_call", "call_id": self.call_id });
        if let Some(namespace) = self.namespace {
            item["namespace"] = json!(namespace);
        }
        item["name"] = json!(self.tool);
        item["arguments"] = json!(self.arguments);
        done(&item)
    }
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

/// The event that ends a failed answer, with an error that no server tries again.
#[must_use]
pub fn failed(id: &str) -> String {
    let error = json!({ "code": "invalid_prompt", "message": "the script wants a failure" });
    event(&json!({ "type": "response.failed", "response": { "id": id, "error": error } }))
}

/// An empty list of models.
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

/// An event with this content, which names its type.
#[must_use]
pub fn event(content: &Value) -> String {
    let name = content["type"].as_str().unwrap_or_default();
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
    fn the_headers_name_the_thread_of_a_request() {
        let ModelRequest { thread, subagent, parent, .. } = request();
        check((thread, subagent, parent), expect![[r#"(Some("t"), None, None)"#]]);
    }

    #[test]
    fn results_of_calls_are_read() {
        check(request().outputs(), expect![[r#"[("a", "done"), ("b", "{\"ok\":true}")]"#]]);
    }

    #[test]
    fn developer_and_user_messages_are_told_apart() {
        let request = request();
        let texts = (request.developer_texts(), request.user_texts());
        check(texts, expect![[r#"(["one", "two"], ["hi"])"#]]);
    }

    #[test]
    fn the_metadata_of_the_turn_is_read() {
        let mode = request().turn_metadata().map(|turn| turn["sandbox_mode"].clone());
        check(mode, expect![[r#"Some(String("read-only"))"#]]);
    }

    #[test]
    fn a_body_that_is_not_json_is_refused() {
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
        let call = super::ToolCall { namespace: None, call_id: "c", tool: "exec", arguments: "{}" };
        let event = call.event();
        let item = event.split_once("\"item\":").map_or("", |(_, item)| item.trim_end());
        expect![[r#"{"type":"function_call","call_id":"c","name":"exec","arguments":"{}"}}"#]]
            .assert_eq(item);
    }
}
