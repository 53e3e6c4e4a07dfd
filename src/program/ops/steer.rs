//! `steer`: `turn/steer`.

use std::fmt;

use arbitrary::Unstructured;
use serde_json::json;

use crate::program::generate::bytes;
use crate::program::line::{Line, Problem};
use crate::program::operation::Operation;
use crate::program::request::{Param, Request, RequestContext, Sample};
use crate::program::thread::ThreadRef;

/// `turn/steer`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Steer {
    /// The thread whose turn is steered.
    pub thread: ThreadRef,
}

impl Operation for Steer {
    const VERB: &'static str = "steer";
    const HELP: &'static [(&'static str, &'static str)] = &[("steer t0", "`turn/steer`")];

    fn parse(line: &mut Line) -> Result<Steer, Problem> {
        Ok(Steer { thread: line.thread()? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.thread)
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Steer> {
        Ok(Steer { thread: bytes::thread(bytes)? })
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.thread)
    }

    fn request(&self, _: RequestContext) -> Option<Request> {
        let input = json!([{ "type": "text", "text": "and more" }]);
        let params =
            [Param::Thread, Param::RunningTurn("expectedTurnId"), Param::Value("input", input)];
        Some(Request::new("turn/steer", params))
    }

    fn samples(cx: RequestContext) -> Vec<Sample> {
        let request = Steer { thread: ThreadRef::Unknown }.request(cx);
        let sample = Sample::new(Self::VERB, request.expect("steering has a request"));
        vec![sample.with_unknown_value("input", json!([{ "type": "scent", "text": "roses" }]))]
    }

    fn can_be_killed(&self) -> bool {
        true
    }
}
