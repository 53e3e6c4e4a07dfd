//! Requests that must be refused.
//!
//! A right request, bent in one place so that it violates the release's schema or speaks of a
//! thread that never was. Whatever is bent says nothing that a server could do by mistake: what
//! cannot be bent in the way that is asked for has no spelling.

use serde_json::{Value, json};

use super::acts::{self, Target};
use super::policy::Places;
use super::requests::{self, Call, NEVER_ISSUED};
use crate::op::{Action, Method, Wrong};
use crate::policy::{CallOverrides, Reviewer, TurnOverrides};

/// The key of the thread that a request speaks of.
const THREAD: &str = "threadId";

/// The request that is wrong in this way, where there is one.
pub fn spell(method: Method, wrong: Wrong, target: Target<'_>, places: &Places) -> Option<Call> {
    let mut call = right(method, target, places);
    match wrong {
        Wrong::UnknownValue => {
            let (key, value) = unknown(method)?;
            call.params[key] = value;
        }
        Wrong::WrongType => {
            let (key, value) = mistyped(method);
            call.params[key] = value;
        }
        Wrong::MissingField if has_thread(method) => {
            call.params.as_object_mut().and_then(|params| params.shift_remove(THREAD))?;
        }
        // Nothing else is required of these than that there are parameters at all.
        Wrong::MissingField => call.params = Value::Null,
        Wrong::UnknownThread if refuses_strangers(method) => {
            call.params[THREAD] = json!(NEVER_ISSUED);
        }
        Wrong::UnknownThread => return None,
        Wrong::BeforeInitialize => {}
    }
    Some(call)
}

/// A request of the method with nothing wrong.
fn right(method: Method, target: Target<'_>, places: &Places) -> Call {
    let (thread, turn) = (target.thread, target.turn.unwrap_or(NEVER_ISSUED));
    let nothing = &CallOverrides::default();
    match method {
        Method::Start => requests::start(nothing, false, places),
        Method::Run => {
            let overrides = &TurnOverrides::default();
            requests::turn(requests::Turn { thread, prompt: "one", overrides, flaw: None }, places)
        }
        Method::Fork => {
            let fork = requests::Fork { thread, overrides: nothing, cut: None, ephemeral: false };
            requests::fork(fork, places)
        }
        Method::Resume => requests::resume(thread, nothing, places),
        Method::Settings => requests::settings(thread, &TurnOverrides::default(), places),
        Method::Steer => requests::steer(thread, turn),
        Method::TurnSettings => requests::retune(thread, turn, &Reviewer::User),
        Method::Interrupt => requests::interrupt(thread, turn),
        Method::Action(act) => acts::act(act, target),
    }
}

/// A key of the method with a value that its enumeration does not have.
fn unknown(method: Method) -> Option<(&'static str, Value)> {
    let input = json!([{ "type": "scent", "text": "roses" }]);
    match method {
        Method::Start | Method::Run | Method::Fork | Method::Resume | Method::Settings => {
            Some(("approvalPolicy", json!("sometimes")))
        }
        Method::TurnSettings => Some(("approvalsReviewer", json!("somebody"))),
        Method::Steer | Method::Action(Action::Queue) => Some(("input", input)),
        Method::Action(Action::Goal) => Some(("status", json!("forgotten"))),
        Method::Action(Action::Review) => Some(("target", json!({ "type": "everything" }))),
        Method::Action(Action::List) => Some(("sortKey", json!("beauty"))),
        Method::Interrupt | Method::Action(_) => None,
    }
}

/// A key of the method with a value of another type.
fn mistyped(method: Method) -> (&'static str, Value) {
    match method {
        Method::Start => ("cwd", json!(7)),
        Method::Action(Action::List) => ("limit", json!("many")),
        _ => (THREAD, json!(7)),
    }
}

fn has_thread(method: Method) -> bool {
    !matches!(method, Method::Start | Method::Action(Action::List))
}

/// Whoever unsubscribes from a thread that is not there is told so, and not refused.
fn refuses_strangers(method: Method) -> bool {
    has_thread(method)
        && !matches!(method, Method::Action(Action::Unsubscribe) | Method::Action(Action::Unload))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::acts::{Back, Target};
    use super::super::policy::Places;
    use crate::op::{Method, Wrong};

    fn check(wrong: Wrong, expected: Expect) {
        let target = Target { thread: "T", turn: Some("U"), back: Back::Revert, number: 7 };
        let places = Places { workspace: "/w".into(), home: "/h".into(), outside: "/o".into() };
        let line = |method: Method| match super::spell(method, wrong, target, &places) {
            Some(call) => format!("{} {}\n", call.method, call.params),
            None => format!("{method:?}: none\n"),
        };
        let lines: String = Method::all().into_iter().map(line).collect();
        expected.assert_eq(&lines);
    }

    #[test]
    fn an_enumeration_is_given_what_it_does_not_have() {
        check(
            Wrong::UnknownValue,
            expect![[r#"
                thread/start {"cwd":"/w","approvalPolicy":"sometimes"}
                turn/start {"input":[{"type":"text","text":"one"}],"threadId":"T","approvalPolicy":"sometimes"}
                thread/fork {"threadId":"T","approvalPolicy":"sometimes"}
                thread/resume {"threadId":"T","approvalPolicy":"sometimes"}
                thread/settings/update {"threadId":"T","approvalPolicy":"sometimes"}
                turn/steer {"threadId":"T","expectedTurnId":"U","input":[{"type":"scent","text":"roses"}]}
                turn/settings/update {"threadId":"T","turnId":"U","approvalsReviewer":"somebody"}
                Interrupt: none
                Action(Name): none
                Action(Read): none
                thread/list {"sortKey":"beauty"}
                Action(Archive): none
                Action(Unarchive): none
                Action(Unsubscribe): none
                Action(Revert): none
                Action(Compact): none
                Action(Shell): none
                review/start {"target":{"type":"everything"},"threadId":"T"}
                thread/goal/set {"objective":"done","status":"forgotten","tokenBudget":1,"threadId":"T"}
                thread/queue/add {"clientUserMessageId":"message-7","input":[{"type":"scent","text":"roses"}],"threadId":"T"}
                Action(Inject): none
            "#]],
        );
    }

    #[test]
    fn a_text_is_given_as_a_number() {
        check(
            Wrong::WrongType,
            expect![[r#"
            thread/start {"cwd":7}
            turn/start {"input":[{"type":"text","text":"one"}],"threadId":7}
            thread/fork {"threadId":7}
            thread/resume {"threadId":7}
            thread/settings/update {"threadId":7}
            turn/steer {"threadId":7,"expectedTurnId":"U","input":[{"type":"text","text":"and more"}]}
            turn/settings/update {"threadId":7,"turnId":"U","approvalsReviewer":"user"}
            turn/interrupt {"threadId":7,"turnId":"U"}
            thread/name/set {"name":"a name","threadId":7}
            thread/read {"threadId":7}
            thread/list {"limit":"many"}
            thread/archive {"threadId":7}
            thread/unarchive {"threadId":7}
            thread/unsubscribe {"threadId":7}
            thread/revert {"beforeTurnId":"U","threadId":7}
            thread/compact/start {"threadId":7}
            thread/shellCommand {"command":"true","threadId":7}
            review/start {"target":{"type":"custom","instructions":"look at it"},"threadId":7}
            thread/goal/set {"objective":"done","status":"active","tokenBudget":1,"threadId":7}
            thread/queue/add {"clientUserMessageId":"message-7","input":[{"type":"text","text":"later"}],"threadId":7}
            thread/inject_items {"items":[{"type":"message","role":"user","content":[{"type":"input_text","text":"by the way"}]}],"threadId":7}
        "#]],
        );
    }

    #[test]
    fn what_is_required_is_left_out() {
        check(
            Wrong::MissingField,
            expect![[r#"
            thread/start null
            turn/start {"input":[{"type":"text","text":"one"}]}
            thread/fork {}
            thread/resume {}
            thread/settings/update {}
            turn/steer {"expectedTurnId":"U","input":[{"type":"text","text":"and more"}]}
            turn/settings/update {"turnId":"U","approvalsReviewer":"user"}
            turn/interrupt {"turnId":"U"}
            thread/name/set {"name":"a name"}
            thread/read {}
            thread/list null
            thread/archive {}
            thread/unarchive {}
            thread/unsubscribe {}
            thread/revert {"beforeTurnId":"U"}
            thread/compact/start {}
            thread/shellCommand {"command":"true"}
            review/start {"target":{"type":"custom","instructions":"look at it"}}
            thread/goal/set {"objective":"done","status":"active","tokenBudget":1}
            thread/queue/add {"clientUserMessageId":"message-7","input":[{"type":"text","text":"later"}]}
            thread/inject_items {"items":[{"type":"message","role":"user","content":[{"type":"input_text","text":"by the way"}]}]}
        "#]],
        );
    }

    #[test]
    fn a_thread_that_never_was_is_named() {
        check(
            Wrong::UnknownThread,
            expect![[r#"
                Start: none
                turn/start {"input":[{"type":"text","text":"one"}],"threadId":"00000000-0000-7000-8000-000000000000"}
                thread/fork {"threadId":"00000000-0000-7000-8000-000000000000"}
                thread/resume {"threadId":"00000000-0000-7000-8000-000000000000"}
                thread/settings/update {"threadId":"00000000-0000-7000-8000-000000000000"}
                turn/steer {"threadId":"00000000-0000-7000-8000-000000000000","expectedTurnId":"U","input":[{"type":"text","text":"and more"}]}
                turn/settings/update {"threadId":"00000000-0000-7000-8000-000000000000","turnId":"U","approvalsReviewer":"user"}
                turn/interrupt {"threadId":"00000000-0000-7000-8000-000000000000","turnId":"U"}
                thread/name/set {"name":"a name","threadId":"00000000-0000-7000-8000-000000000000"}
                thread/read {"threadId":"00000000-0000-7000-8000-000000000000"}
                Action(List): none
                thread/archive {"threadId":"00000000-0000-7000-8000-000000000000"}
                thread/unarchive {"threadId":"00000000-0000-7000-8000-000000000000"}
                Action(Unsubscribe): none
                thread/revert {"beforeTurnId":"U","threadId":"00000000-0000-7000-8000-000000000000"}
                thread/compact/start {"threadId":"00000000-0000-7000-8000-000000000000"}
                thread/shellCommand {"command":"true","threadId":"00000000-0000-7000-8000-000000000000"}
                review/start {"target":{"type":"custom","instructions":"look at it"},"threadId":"00000000-0000-7000-8000-000000000000"}
                thread/goal/set {"objective":"done","status":"active","tokenBudget":1,"threadId":"00000000-0000-7000-8000-000000000000"}
                thread/queue/add {"clientUserMessageId":"message-7","input":[{"type":"text","text":"later"}],"threadId":"00000000-0000-7000-8000-000000000000"}
                thread/inject_items {"items":[{"type":"message","role":"user","content":[{"type":"input_text","text":"by the way"}]}],"threadId":"00000000-0000-7000-8000-000000000000"}
            "#]],
        );
    }
}
