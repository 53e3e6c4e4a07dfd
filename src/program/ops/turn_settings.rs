//! `turn-settings`: `turn/settings/update`.

use std::fmt;

use arbitrary::Unstructured;
use proptest::prelude::Strategy;
use proptest::strategy::BoxedStrategy;
use serde_json::Value;

use crate::policy::{Reviewer, Setting, TurnOverrides};
use crate::program::generate::bytes;
use crate::program::generate::overrides::DrawContext;
use crate::program::generate::values::{other_reviewer, threads};
use crate::program::line::{Line, Problem};
use crate::program::operation::Operation;
use crate::program::request::{Param, Request, RequestContext, Sample};
use crate::program::thread::ThreadRef;

/// `turn/settings/update` of the turn that runs, or of one that never existed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TurnSettings {
    /// The thread whose turn it is.
    pub thread: ThreadRef,
    /// The reviewer of that turn alone.
    pub reviewer: Reviewer,
}

impl TurnSettings {
    /// Changes of any thread's running turn.
    pub fn strategy(cx: &DrawContext) -> BoxedStrategy<TurnSettings> {
        (threads(), other_reviewer(&cx.defaults.policy().reviewer))
            .prop_map(|(thread, reviewer)| TurnSettings { thread, reviewer })
            .boxed()
    }
}

impl Operation for TurnSettings {
    const VERB: &'static str = "turn-settings";
    const HELP: &'static [(&'static str, &'static str)] =
        &[("turn-settings t0 reviewer=user", "`turn/settings/update`: of the running turn alone")];

    fn parse(line: &mut Line) -> Result<TurnSettings, Problem> {
        let thread = line.thread()?;
        let missing = || Problem("expected `reviewer=`, the reviewer of the running turn".into());
        Ok(TurnSettings { thread, reviewer: line.value_of("reviewer")?.ok_or_else(missing)? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} reviewer={}", self.thread, self.reviewer)
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<TurnSettings> {
        Ok(TurnSettings { thread: bytes::thread(bytes)?, reviewer: bytes::reviewer(bytes)? })
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.thread)
    }

    fn request(&self, _: RequestContext) -> Option<Request> {
        let reviewer = Setting::Set(self.reviewer.clone());
        let overrides = TurnOverrides { reviewer, ..TurnOverrides::default() };
        let params = [Param::Thread, Param::RunningTurn("turnId"), Param::Turn(overrides)];
        Some(Request::new("turn/settings/update", params))
    }

    fn samples(cx: RequestContext) -> Vec<Sample> {
        let settings = TurnSettings { thread: ThreadRef::Unknown, reviewer: Reviewer::User };
        let request = settings.request(cx).expect("turn settings have a request");
        let sample = Sample::new(Self::VERB, request);
        vec![sample.with_unknown_value("approvalsReviewer", Value::from("somebody"))]
    }

    fn can_be_killed(&self) -> bool {
        true
    }
}
