//! `start`: `thread/start`.

use std::fmt;

use arbitrary::Unstructured;
use proptest::prelude::Strategy;
use serde_json::{Value, json};

use crate::policy::CallOverrides;
use crate::program::generate::bytes;
use crate::program::generate::overrides::DrawContext;
use crate::program::generate::shape::Rare;
use crate::program::line::{Line, Problem};
use crate::program::operation::{Draw, Operation, OverridesOf};
use crate::program::request::{Param, Request, RequestContext, Sample};
use crate::program::simplify;
use crate::program::thread::ThreadName;
use crate::program::values::{call_overrides, ephemeral};

/// `thread/start`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Start {
    pub overrides: CallOverrides,
    /// Whether the thread is kept in memory alone.
    pub ephemeral: bool,
    pub new: ThreadName,
}

impl Start {
    /// A start whose thread has no name yet.
    pub fn drawn(overrides: CallOverrides, ephemeral: bool) -> Start {
        Start { overrides, ephemeral, new: ThreadName::NEW }
    }
}

impl Operation for Start {
    const VERB: &'static str = "start";
    const HELP: &'static [(&'static str, &'static str)] =
        &[("start … -> t0", "`thread/start`; the new thread is called t0 from here on")];
    const PARALLEL: bool = true;
    const SECOND_CLIENT: bool = true;

    fn parse(line: &mut Line) -> Result<Start, Problem> {
        Ok(Start {
            new: line.new_thread()?,
            overrides: call_overrides(line)?,
            ephemeral: line.switch("ephemeral")?,
        })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = format!("{}{}", self.overrides, ephemeral(self.ephemeral));
        f.write_str(words.trim_start())
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Start> {
        Ok(Start::drawn(bytes::call(bytes)?, bytes::rarely(bytes)?))
    }

    fn draw(cx: &DrawContext) -> Vec<Draw<Start>> {
        let start = |ephemeral| {
            cx.start().prop_map(move |overrides| Start::drawn(overrides, ephemeral)).boxed()
        };
        let mut all = Draw::new(2, start(false));
        if cx.shape.has(Rare::Ephemeral) {
            all.extend(Draw::new(3, start(true)));
        }
        all
    }

    fn creates(&mut self) -> Option<&mut ThreadName> {
        Some(&mut self.new)
    }

    fn overrides(&mut self) -> Option<OverridesOf<'_>> {
        Some(OverridesOf::Call(&mut self.overrides))
    }

    fn request(&self, _: RequestContext) -> Option<Request> {
        let mut params = vec![Param::Call(self.overrides.clone()), Param::Workspace];
        params.extend(self.ephemeral.then(|| Param::Value("ephemeral", json!(true))));
        Some(Request::new("thread/start", params))
    }

    fn samples(cx: RequestContext) -> Vec<Sample> {
        let request = Start::drawn(CallOverrides::default(), false).request(cx);
        let request = request.expect("a start has a request");
        let sample = Sample::new(Self::VERB, request);
        vec![Sample {
            wrong_type: ("cwd", json!(7)),
            ..sample.with_unknown_value("approvalPolicy", Value::from("sometimes"))
        }]
    }

    fn can_be_killed(&self) -> bool {
        true
    }

    fn simpler(&self) -> Vec<Start> {
        let fewer = simplify::call(&self.overrides).into_iter();
        let fewer = fewer.map(|overrides| Start { overrides, ..self.clone() });
        fewer.chain(self.ephemeral.then(|| Start { ephemeral: false, ..self.clone() })).collect()
    }

    fn changes_policy(&self) -> bool {
        true
    }
}
