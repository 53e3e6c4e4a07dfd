//! `resume`: `thread/resume`.

use std::fmt;

use arbitrary::Unstructured;
use proptest::prelude::Strategy;
use proptest::strategy::BoxedStrategy;
use serde_json::Value;

use crate::policy::CallOverrides;
use crate::program::generate::bytes;
use crate::program::generate::overrides::DrawContext;
use crate::program::generate::values::threads;
use crate::program::line::{Line, Problem};
use crate::program::operation::{Draw, Operation, OverridesOf};
use crate::program::request::{Param, Request, RequestContext, Sample};
use crate::program::simplify;
use crate::program::thread::ThreadRef;
use crate::program::values::call_overrides;

/// `thread/resume`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resume {
    /// The thread that is resumed.
    pub thread: ThreadRef,
    pub overrides: CallOverrides,
}

impl Resume {
    pub fn plain(thread: ThreadRef) -> Resume {
        Resume { thread, overrides: CallOverrides::default() }
    }

    pub fn strategy(cx: &DrawContext) -> BoxedStrategy<Resume> {
        (threads(), cx.call()).prop_map(|(thread, overrides)| Resume { thread, overrides }).boxed()
    }
}

impl Operation for Resume {
    const VERB: &'static str = "resume";
    const HELP: &'static [(&'static str, &'static str)] = &[("resume t0 …", "`thread/resume`")];
    const PARALLEL: bool = true;
    const SECOND_CLIENT: bool = true;

    fn parse(line: &mut Line) -> Result<Resume, Problem> {
        Ok(Resume { thread: line.thread()?, overrides: call_overrides(line)? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.thread, self.overrides)
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Resume> {
        Ok(Resume { thread: bytes::thread(bytes)?, overrides: bytes::call(bytes)? })
    }

    fn draw(cx: &DrawContext) -> Vec<Draw<Resume>> {
        Draw::new(2 * cx.shape.resumes + 2, Resume::strategy(cx))
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.thread)
    }

    fn overrides(&mut self) -> Option<OverridesOf<'_>> {
        Some(OverridesOf::Call(&mut self.overrides))
    }

    fn request(&self, _: RequestContext) -> Option<Request> {
        let params = [Param::Call(self.overrides.clone()), Param::Thread];
        Some(Request::new("thread/resume", params))
    }

    fn samples(cx: RequestContext) -> Vec<Sample> {
        let request = Resume::plain(ThreadRef::Unknown).request(cx);
        let sample = Sample::new(Self::VERB, request.expect("a resume has a request"));
        vec![sample.with_unknown_value("approvalPolicy", Value::from("sometimes"))]
    }

    fn can_be_killed(&self) -> bool {
        true
    }

    fn simpler(&self) -> Vec<Resume> {
        let fewer = simplify::call(&self.overrides).into_iter();
        fewer.map(|overrides| Resume { overrides, ..self.clone() }).collect()
    }

    fn changes_policy(&self) -> bool {
        true
    }
}
