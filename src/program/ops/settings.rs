//! `settings`: `thread/settings/update`.

use std::fmt;

use arbitrary::Unstructured;
use proptest::prelude::Strategy;
use proptest::strategy::BoxedStrategy;
use serde_json::Value;

use crate::policy::TurnOverrides;
use crate::program::generate::bytes;
use crate::program::generate::overrides::DrawContext;
use crate::program::generate::values::threads;
use crate::program::line::{Line, Problem};
use crate::program::operation::{Draw, Operation, OverridesOf};
use crate::program::request::{Param, Request, RequestContext, Sample};
use crate::program::simplify;
use crate::program::thread::ThreadRef;
use crate::program::values::settings_overrides;

/// `thread/settings/update`, up to its notice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Settings {
    /// The thread whose settings change.
    pub thread: ThreadRef,
    pub overrides: TurnOverrides,
}

impl Settings {
    /// Changes of any thread's settings.
    pub fn strategy(cx: &DrawContext) -> BoxedStrategy<Settings> {
        (threads(), cx.settings())
            .prop_map(|(thread, overrides)| Settings { thread, overrides })
            .boxed()
    }
}

impl Operation for Settings {
    const VERB: &'static str = "settings";
    const HELP: &'static [(&'static str, &'static str)] =
        &[("settings t0 …", "`thread/settings/update`, up to its notice")];
    const PARALLEL: bool = true;
    const SECOND_CLIENT: bool = true;

    fn parse(line: &mut Line) -> Result<Settings, Problem> {
        Ok(Settings { thread: line.thread()?, overrides: settings_overrides(line)? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.thread, self.overrides)
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Settings> {
        Ok(Settings { thread: bytes::thread(bytes)?, overrides: bytes::turn(bytes)? })
    }

    fn draw(cx: &DrawContext) -> Vec<Draw<Settings>> {
        Draw::then_read(2 * cx.shape.settings + 1, Settings::strategy(cx))
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.thread)
    }

    fn overrides(&mut self) -> Option<OverridesOf<'_>> {
        Some(OverridesOf::Turn(&mut self.overrides))
    }

    fn request(&self, _: RequestContext) -> Option<Request> {
        let params = [Param::Turn(self.overrides.clone()), Param::Thread];
        Some(Request::new("thread/settings/update", params))
    }

    fn samples(cx: RequestContext) -> Vec<Sample> {
        let thread = ThreadRef::Unknown;
        let request = Settings { thread, overrides: TurnOverrides::default() }.request(cx);
        let sample = Sample::new(Self::VERB, request.expect("settings have a request"));
        vec![sample.with_unknown_value("approvalPolicy", Value::from("sometimes"))]
    }

    fn can_be_killed(&self) -> bool {
        true
    }

    fn simpler(&self) -> Vec<Settings> {
        let fewer = simplify::turn(&self.overrides).into_iter();
        fewer.map(|overrides| Settings { overrides, ..self.clone() }).collect()
    }

    fn changes_policy(&self) -> bool {
        true
    }
}
