//! The requests of what is no matter of policy, and of the settled goals and queues.
//!
//! One spelling an act. Each is the smallest request that the releases take, and one that ends by
//! itself: a goal has a budget that its first turn spends, a command does nothing.

use serde_json::{Map, Value, json};

use super::requests::{Call, NEVER_ISSUED, of_thread};
use crate::op::Action;

/// The tokens that a goal may cost: less than any answer does, so that one turn pursues it.
const GOAL_TOKENS: u64 = 1;

/// What an act is done to.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The thread's id.
    pub thread: &'a str,
    /// The id of its last own turn, where it has one.
    pub turn: Option<&'a str>,
    /// How the release takes turns back.
    pub back: Back,
    /// A number that no other request of the run has.
    pub number: u32,
}

/// How a release takes turns back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// `thread/revert`, to before a turn.
    Revert,
    /// `thread/rollback`, by a number of turns.
    Rollback,
}

/// The request of an act.
pub fn act(act: Action, target: Target<'_>) -> Call {
    let (method, params) = match act {
        Action::Name => ("thread/name/set", json!({ "name": "a name" })),
        Action::Read => ("thread/read", json!({})),
        Action::List => return Call { method: "thread/list", params: json!({}) },
        Action::Archive => ("thread/archive", json!({})),
        Action::Unarchive => ("thread/unarchive", json!({})),
        Action::Unsubscribe | Action::Unload => ("thread/unsubscribe", json!({})),
        Action::Revert => back(target),
        Action::Compact => ("thread/compact/start", json!({})),
        Action::Shell => ("thread/shellCommand", json!({ "command": "true" })),
        Action::Review => {
            let instructions = json!({ "type": "custom", "instructions": "look at it" });
            ("review/start", json!({ "target": instructions }))
        }
        Action::Goal => (
            "thread/goal/set",
            json!({ "objective": "done", "status": "active", "tokenBudget": GOAL_TOKENS }),
        ),
        Action::Queue => {
            let id = format!("message-{}", target.number);
            ("thread/queue/add", json!({ "clientUserMessageId": id, "input": said("later") }))
        }
        Action::Inject => ("thread/inject_items", json!({ "items": [message("by the way")] })),
    };
    of_thread(method, target.thread, members(params))
}

/// The request that puts an end to a thread's goal.
pub fn clear_goal(thread: &str) -> Call {
    of_thread("thread/goal/clear", thread, Map::new())
}

fn back(target: Target<'_>) -> (&'static str, Value) {
    match target.back {
        Back::Revert => {
            ("thread/revert", json!({ "beforeTurnId": target.turn.unwrap_or(NEVER_ISSUED) }))
        }
        Back::Rollback => ("thread/rollback", json!({ "numTurns": 1 })),
    }
}

fn said(text: &str) -> Value {
    json!([{ "type": "text", "text": text }])
}

fn message(text: &str) -> Value {
    let content = json!([{ "type": "input_text", "text": text }]);
    json!({ "type": "message", "role": "user", "content": content })
}

fn members(params: Value) -> Map<String, Value> {
    match params {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{Back, Target};
    use crate::op::Action;

    fn check(back: Back, expected: Expect) {
        let target = Target { thread: "T", turn: Some("U"), back, number: 7 };
        let all = Action::ALL.map(|act| super::act(act, target));
        let lines = all.map(|call| format!("{} {}\n", call.method, call.params));
        expected.assert_eq(&lines.concat());
    }

    #[test]
    fn every_act_has_a_request() {
        check(
            Back::Revert,
            expect![[r#"
            thread/name/set {"name":"a name","threadId":"T"}
            thread/read {"threadId":"T"}
            thread/list {}
            thread/archive {"threadId":"T"}
            thread/unarchive {"threadId":"T"}
            thread/unsubscribe {"threadId":"T"}
            thread/unsubscribe {"threadId":"T"}
            thread/revert {"beforeTurnId":"U","threadId":"T"}
            thread/compact/start {"threadId":"T"}
            thread/shellCommand {"command":"true","threadId":"T"}
            review/start {"target":{"type":"custom","instructions":"look at it"},"threadId":"T"}
            thread/goal/set {"objective":"done","status":"active","tokenBudget":1,"threadId":"T"}
            thread/queue/add {"clientUserMessageId":"message-7","input":[{"type":"text","text":"later"}],"threadId":"T"}
            thread/inject_items {"items":[{"type":"message","role":"user","content":[{"type":"input_text","text":"by the way"}]}],"threadId":"T"}
        "#]],
        );
    }

    #[test]
    fn older_releases_roll_back() {
        check(
            Back::Rollback,
            expect![[r#"
            thread/name/set {"name":"a name","threadId":"T"}
            thread/read {"threadId":"T"}
            thread/list {}
            thread/archive {"threadId":"T"}
            thread/unarchive {"threadId":"T"}
            thread/unsubscribe {"threadId":"T"}
            thread/unsubscribe {"threadId":"T"}
            thread/rollback {"numTurns":1,"threadId":"T"}
            thread/compact/start {"threadId":"T"}
            thread/shellCommand {"command":"true","threadId":"T"}
            review/start {"target":{"type":"custom","instructions":"look at it"},"threadId":"T"}
            thread/goal/set {"objective":"done","status":"active","tokenBudget":1,"threadId":"T"}
            thread/queue/add {"clientUserMessageId":"message-7","input":[{"type":"text","text":"later"}],"threadId":"T"}
            thread/inject_items {"items":[{"type":"message","role":"user","content":[{"type":"input_text","text":"by the way"}]}],"threadId":"T"}
        "#]],
        );
    }
}
