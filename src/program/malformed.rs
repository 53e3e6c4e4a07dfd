//! Requests that must be refused: a valid one, wrong in one place.
//!
//! The result violates the release's schema or names a thread that never existed, and says nothing
//! that a server could do by mistake. A method that cannot be wrong in a way has no such request.

use std::fmt;

use arbitrary::Unstructured;
use proptest::prelude::Strategy;
use proptest::sample::select;
use strum::IntoEnumIterator;

use super::generate::bytes;
use super::generate::overrides::DrawContext;
use super::generate::values::threads;
use super::line::{Line, Problem, problem};
use super::operation::{Draw, Operation};
use super::ops::invalid::{Invalid, Wrong};
use super::ops::samples;
use super::request::{Back, Param, Request, RequestContext};
use super::thread::ThreadRef;

/// A context for the words alone.
const ANY: RequestContext = RequestContext { back: Back::Revert, number: 0 };

/// Whose request is wrong: none where the method cannot be wrong in this way.
pub fn malformed(invalid: &Invalid, cx: RequestContext) -> Option<Request> {
    let sample = samples(cx).into_iter().find(|sample| sample.word == invalid.method)?;
    let mut request = sample.request;
    match invalid.wrong {
        Wrong::UnknownValue => {
            let (key, value) = sample.unknown_value?;
            request.params.push(Param::Value(key, value));
        }
        Wrong::WrongType => {
            let (key, value) = sample.wrong_type;
            request.params.push(Param::Value(key, value));
        }
        Wrong::MissingField if request.has_thread() => {
            request.params.retain(|param| *param != Param::Thread);
        }
        // Nothing else is required of these than that there are parameters at all.
        Wrong::MissingField => request.params = vec![Param::Null],
        Wrong::UnknownThread if sample.refuses_unknown_thread => {
            request.params.push(Param::NeverIssued("threadId"));
        }
        Wrong::UnknownThread => return None,
        Wrong::BeforeInitialize => {}
    }
    Some(request)
}

fn methods() -> Vec<&'static str> {
    samples(ANY).into_iter().map(|sample| sample.word).collect()
}

impl Operation for Invalid {
    const VERB: &'static str = "invalid";
    const HELP: &'static [(&'static str, &'static str)] = &[(
        "invalid t0 run unknown-value",
        "a request that must be refused: its method, and what is wrong with it",
    )];

    fn parse(line: &mut Line) -> Result<Invalid, Problem> {
        let thread = line.thread()?;
        let word = line.word().unwrap_or_default();
        let methods = methods();
        let Some(method) = methods.iter().find(|method| **method == word) else {
            let expected = methods.join(", ");
            return problem(format!("`{word}` is not a method; expected one of {expected}"));
        };
        Ok(Invalid { thread, method, wrong: line.one_of("way to be wrong")? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.thread, self.method, self.wrong)
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Invalid> {
        let thread = bytes::thread(bytes)?;
        let method = *bytes.choose(&methods())?;
        Ok(Invalid { thread, method, wrong: bytes::choose(bytes)? })
    }

    fn draw(cx: &DrawContext) -> Vec<Draw<Invalid>> {
        let wrongs = select(Wrong::iter().collect::<Vec<_>>());
        let invalid = (threads(), select(methods()), wrongs)
            .prop_map(|(thread, method, wrong)| Invalid { thread, method, wrong });
        Draw::then_read(cx.shape.invalid, invalid.boxed())
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.thread)
    }

    fn must_be_refused(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{ANY, malformed, methods};
    use crate::program::ops::invalid::{Invalid, Wrong};
    use crate::program::request::{Back, RequestContext};
    use crate::program::thread::ThreadRef;
    use crate::protocol::policy::Places;
    use crate::protocol::requests::{Ids, call};

    /// Each method's request that is wrong in this way, as JSON.
    fn check(wrong: Wrong, cx: RequestContext, expected: Expect) {
        let ids =
            Ids { running: Some("U".to_owned()), turns: vec!["U".to_owned()], ..Ids::of("T") };
        let places = Places { workspace: "/w".into(), home: "/h".into(), outside: "/o".into() };
        let line = |method: &'static str| {
            let invalid = Invalid { thread: ThreadRef::Unknown, method, wrong };
            let request = malformed(&invalid, RequestContext { number: 7, ..cx });
            let call = request.map(|request| call(&request, &ids, &places));
            let call = call.map(|call| format!("{} {}", call.method, call.params));
            format!("{}\n", call.unwrap_or_else(|| format!("{method}: none")))
        };
        expected.assert_eq(&methods().into_iter().map(line).collect::<String>());
    }

    #[test]
    fn an_enumeration_gets_a_value_that_it_does_not_have() {
        check(
            Wrong::UnknownValue,
            ANY,
            expect![[r#"
                thread/start {"cwd":"/w","approvalPolicy":"sometimes"}
                turn/start {"input":[{"type":"text","text":"one"}],"threadId":"T","approvalPolicy":"sometimes"}
                interrupt: none
                turn/steer {"threadId":"T","expectedTurnId":"U","input":[{"type":"scent","text":"roses"}]}
                turn/settings/update {"threadId":"T","turnId":"U","approvalsReviewer":"somebody"}
                thread/settings/update {"threadId":"T","approvalPolicy":"sometimes"}
                thread/fork {"threadId":"T","approvalPolicy":"sometimes"}
                thread/resume {"threadId":"T","approvalPolicy":"sometimes"}
                name: none
                read: none
                thread/list {"sortKey":"beauty"}
                archive: none
                unarchive: none
                unsubscribe: none
                revert: none
                compact: none
                shell: none
                review/start {"target":{"type":"everything"},"threadId":"T"}
                thread/goal/set {"objective":"done","status":"forgotten","tokenBudget":1,"threadId":"T"}
                thread/queue/add {"clientUserMessageId":"message-7","input":[{"type":"scent","text":"roses"}],"threadId":"T"}
                inject: none
            "#]],
        );
    }

    #[test]
    fn a_text_is_sent_as_a_number() {
        check(
            Wrong::WrongType,
            ANY,
            expect![[r#"
                thread/start {"cwd":7}
                turn/start {"input":[{"type":"text","text":"one"}],"threadId":7}
                turn/interrupt {"threadId":7,"turnId":"U"}
                turn/steer {"threadId":7,"expectedTurnId":"U","input":[{"type":"text","text":"and more"}]}
                turn/settings/update {"threadId":7,"turnId":"U","approvalsReviewer":"user"}
                thread/settings/update {"threadId":7}
                thread/fork {"threadId":7}
                thread/resume {"threadId":7}
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
    fn a_required_field_is_left_out() {
        check(
            Wrong::MissingField,
            ANY,
            expect![[r#"
                thread/start null
                turn/start {"input":[{"type":"text","text":"one"}]}
                turn/interrupt {"turnId":"U"}
                turn/steer {"expectedTurnId":"U","input":[{"type":"text","text":"and more"}]}
                turn/settings/update {"turnId":"U","approvalsReviewer":"user"}
                thread/settings/update {}
                thread/fork {}
                thread/resume {}
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
    fn a_thread_that_never_existed_is_named() {
        check(
            Wrong::UnknownThread,
            ANY,
            expect![[r#"
                start: none
                turn/start {"input":[{"type":"text","text":"one"}],"threadId":"00000000-0000-7000-8000-000000000000"}
                turn/interrupt {"threadId":"00000000-0000-7000-8000-000000000000","turnId":"U"}
                turn/steer {"threadId":"00000000-0000-7000-8000-000000000000","expectedTurnId":"U","input":[{"type":"text","text":"and more"}]}
                turn/settings/update {"threadId":"00000000-0000-7000-8000-000000000000","turnId":"U","approvalsReviewer":"user"}
                thread/settings/update {"threadId":"00000000-0000-7000-8000-000000000000"}
                thread/fork {"threadId":"00000000-0000-7000-8000-000000000000"}
                thread/resume {"threadId":"00000000-0000-7000-8000-000000000000"}
                thread/name/set {"name":"a name","threadId":"00000000-0000-7000-8000-000000000000"}
                thread/read {"threadId":"00000000-0000-7000-8000-000000000000"}
                list: none
                thread/archive {"threadId":"00000000-0000-7000-8000-000000000000"}
                thread/unarchive {"threadId":"00000000-0000-7000-8000-000000000000"}
                unsubscribe: none
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

    #[test]
    fn a_request_before_initialize_is_valid_by_itself() {
        check(
            Wrong::BeforeInitialize,
            ANY,
            expect![[r#"
                thread/start {"cwd":"/w"}
                turn/start {"input":[{"type":"text","text":"one"}],"threadId":"T"}
                turn/interrupt {"threadId":"T","turnId":"U"}
                turn/steer {"threadId":"T","expectedTurnId":"U","input":[{"type":"text","text":"and more"}]}
                turn/settings/update {"threadId":"T","turnId":"U","approvalsReviewer":"user"}
                thread/settings/update {"threadId":"T"}
                thread/fork {"threadId":"T"}
                thread/resume {"threadId":"T"}
                thread/name/set {"name":"a name","threadId":"T"}
                thread/read {"threadId":"T"}
                thread/list {}
                thread/archive {"threadId":"T"}
                thread/unarchive {"threadId":"T"}
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
            Wrong::BeforeInitialize,
            RequestContext { back: Back::Rollback, ..ANY },
            expect![[r#"
                thread/start {"cwd":"/w"}
                turn/start {"input":[{"type":"text","text":"one"}],"threadId":"T"}
                turn/interrupt {"threadId":"T","turnId":"U"}
                turn/steer {"threadId":"T","expectedTurnId":"U","input":[{"type":"text","text":"and more"}]}
                turn/settings/update {"threadId":"T","turnId":"U","approvalsReviewer":"user"}
                thread/settings/update {"threadId":"T"}
                thread/fork {"threadId":"T"}
                thread/resume {"threadId":"T"}
                thread/name/set {"name":"a name","threadId":"T"}
                thread/read {"threadId":"T"}
                thread/list {}
                thread/archive {"threadId":"T"}
                thread/unarchive {"threadId":"T"}
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
