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
