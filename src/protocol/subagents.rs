//! How a model spawns a subagent and speaks to it.
//!
//! Tools of a namespace of their own, as every release tried offers them without a switch. The
//! result of a call says whose the subagent is, or in words why there is none.

use serde_json::{Value, json};

/// The tools' namespace.
pub const NAMESPACE: &str = "multi_agent_v1";

/// The mark of a request that is a subagent's own.
pub const SUBAGENT: &str = "collab_spawn";

/// The mark of a request of a review, which has no thread of its own in the client's eyes.
pub const REVIEW: &str = "review";

/// A tool and its arguments, as JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The tool's name.
    pub tool: &'static str,
    /// Its arguments.
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

/// The thread id of the subagent, by the result of the call that spawned it.
#[must_use]
pub fn spawned(result: &str) -> Option<String> {
    let result: Value = serde_json::from_str(result).ok()?;
    Some(result.get("agent_id")?.as_str()?.to_owned())
}

/// Whether the subagent has taken the task, by the result of the call.
#[must_use]
pub fn took(result: &str) -> bool {
    let result = serde_json::from_str::<Value>(result);
    result.is_ok_and(|result| result.get("submission_id").is_some())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    fn check(result: &str, expected: Expect) {
        expected.assert_eq(&format!("{:?} {}", super::spawned(result), super::took(result)));
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
