//! [core] Requests that must be refused.
//!
//! A right request, bent in one place so that it violates the release's schema or speaks of a
//! thread that never was. Whatever is bent says nothing that a server could do by mistake: what
//! cannot be bent in the way that is asked for has no spelling.

use serde_json::{Value, json};

use super::acts::{self, Target};
use super::call::{self, Call, NEVER_ISSUED};
use super::policy::Places;
use crate::op::{Act, Method, Wrong};
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
        Method::Start => call::start(nothing, false, places),
        Method::Run => {
            let overrides = &TurnOverrides::default();
            call::turn(call::Turn { thread, prompt: "one", overrides, flaw: None }, places)
        }
        Method::Fork => {
            let fork = call::Fork { thread, overrides: nothing, cut: None, ephemeral: false };
            call::fork(fork, places)
        }
        Method::Resume => call::resume(thread, nothing, places),
        Method::Settings => call::settings(thread, &TurnOverrides::default(), places),
        Method::Steer => call::steer(thread, turn),
        Method::Retune => call::retune(thread, turn, &Reviewer::User),
        Method::Interrupt => call::interrupt(thread, turn),
        Method::Act(act) => acts::act(act, target),
    }
}

/// A key of the method with a value that its enumeration does not have.
fn unknown(method: Method) -> Option<(&'static str, Value)> {
    let input = json!([{ "type": "scent", "text": "roses" }]);
    match method {
        Method::Start | Method::Run | Method::Fork | Method::Resume | Method::Settings => {
            Some(("approvalPolicy", json!("sometimes")))
        }
        Method::Retune => Some(("approvalsReviewer", json!("somebody"))),
        Method::Steer | Method::Act(Act::Queue) => Some(("input", input)),
        Method::Act(Act::Goal) => Some(("status", json!("forgotten"))),
        Method::Act(Act::Review) => Some(("target", json!({ "type": "everything" }))),
        Method::Act(Act::List) => Some(("sortKey", json!("beauty"))),
        Method::Interrupt | Method::Act(_) => None,
    }
}

/// A key of the method with a value of another type.
fn mistyped(method: Method) -> (&'static str, Value) {
    match method {
        Method::Start => ("cwd", json!(7)),
        Method::Act(Act::List) => ("limit", json!("many")),
        _ => (THREAD, json!(7)),
    }
}

fn has_thread(method: Method) -> bool {
    !matches!(method, Method::Start | Method::Act(Act::List))
}

/// Whoever unsubscribes from a thread that is not there is told so, and not refused.
fn refuses_strangers(method: Method) -> bool {
    has_thread(method)
        && !matches!(method, Method::Act(Act::Unsubscribe) | Method::Act(Act::Unload))
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
        check(Wrong::UnknownValue, expect![[r#""#]]);
    }

    #[test]
    fn a_text_is_given_as_a_number() {
        check(Wrong::WrongType, expect![[r#""#]]);
    }

    #[test]
    fn what_is_required_is_left_out() {
        check(Wrong::MissingField, expect![[r#""#]]);
    }

    #[test]
    fn a_thread_that_never_was_is_named() {
        check(Wrong::UnknownThread, expect![[r#""#]]);
    }
}
