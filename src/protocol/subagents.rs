//! The tools by which a model spawns a subagent and gives it work.
//!
//! They have a namespace of their own, and every release tried offers them without a switch. The
//! result of a call names the subagent, or says why there is none.

use serde_json::{Value, json};

/// The tools' namespace.
pub const NAMESPACE: &str = "multi_agent_v1";

/// The header value of a subagent's requests.
pub const SUBAGENT: &str = "collab_spawn";

/// The header value of a review's requests. A review is not a thread to the client.
pub const REVIEW: &str = "review";

/// A tool and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The tool's name.
    pub tool: &'static str,
    /// Its arguments, as JSON text.
    pub arguments: String,
}

/// The call that spawns a subagent.
#[must_use]
pub fn spawn() -> ToolCall {
    let arguments = json!({ "message": "do it", "agent_type": "default" }).to_string();
    ToolCall { tool: "spawn_agent", arguments }
}

/// The call that gives the subagent with this thread id another task.
#[must_use]
pub fn task(subagent: &str) -> ToolCall {
    let arguments = json!({ "target": subagent, "message": "do more" }).to_string();
    ToolCall { tool: "send_input", arguments }
}

/// The thread id of the subagent, from the result of the call that spawned it.
#[must_use]
pub fn spawned_id(result: &str) -> Option<String> {
    let result: Value = serde_json::from_str(result).ok()?;
    Some(result.get("agent_id")?.as_str()?.to_owned())
}

/// Whether the subagent has accepted the task, from the result of the call.
#[must_use]
pub fn has_accepted(result: &str) -> bool {
    let result = serde_json::from_str::<Value>(result);
    result.is_ok_and(|result| result.get("submission_id").is_some())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    fn check(result: &str, expected: Expect) {
        expected.assert_eq(&format!(
            "{:?} {}",
            super::spawned_id(result),
            super::has_accepted(result)
        ));
    }

    #[test]
    fn a_result_names_the_subagent() {
        check(r#"{"agent_id":"kid","nickname":"Faraday"}"#, expect![[r#"Some("kid") false"#]]);
    }

    #[test]
    fn a_result_says_that_a_task_is_taken() {
        check(r#"{"submission_id":"one"}"#, expect!["None true"]);
    }

    #[test]
    fn other_words_are_no_success() {
        check("unsupported call: spawn_agent", expect!["None false"]);
    }
}
