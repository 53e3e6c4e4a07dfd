//! `begin`: `turn/start`, up to the moment when the model is asked.

use std::fmt;

use arbitrary::Unstructured;
use proptest::prelude::Strategy;
use proptest::strategy::BoxedStrategy;

use super::run::{Run, turn_request};
use crate::policy::TurnOverrides;
use crate::program::generate::bytes;
use crate::program::generate::overrides::DrawContext;
use crate::program::generate::values::threads;
use crate::program::line::{Line, Problem};
use crate::program::operation::{OpKind, Operation, OverridesOf};
use crate::program::reply::TurnEnd;
use crate::program::request::{Request, RequestContext};
use crate::program::simplify;
use crate::program::thread::ThreadRef;
use crate::program::values::turn_overrides;

/// `turn/start`, up to the moment when the model is asked; the turn then runs until `finish`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Begin {
    /// The thread whose turn it is.
    pub thread: ThreadRef,
    pub overrides: TurnOverrides,
}

impl Begin {
    pub fn strategy(cx: &DrawContext) -> BoxedStrategy<Begin> {
        (threads(), cx.turn()).prop_map(|(thread, overrides)| Begin { thread, overrides }).boxed()
    }
}

impl Operation for Begin {
    const VERB: &'static str = "begin";
    const KIND: OpKind = Run::KIND;
    const HELP: &'static [(&'static str, &'static str)] = &[(
        "begin t0 …",
        "a turn that the model holds; the lines up to its `finish` happen while it runs",
    )];

    fn parse(line: &mut Line) -> Result<Begin, Problem> {
        Ok(Begin { thread: line.thread()?, overrides: turn_overrides(line)? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.thread, self.overrides)
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Begin> {
        Ok(Begin { thread: bytes::thread(bytes)?, overrides: bytes::turn(bytes)? })
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.thread)
    }

    fn overrides(&mut self) -> Option<OverridesOf<'_>> {
        Some(OverridesOf::Turn(&mut self.overrides))
    }

    fn leaves_turn(&self) -> Option<TurnEnd> {
        Some(TurnEnd::Running)
    }

    fn request(&self, _: RequestContext) -> Option<Request> {
        Some(turn_request("go on", &self.overrides, None))
    }

    fn can_be_killed(&self) -> bool {
        true
    }

    fn simpler(&self) -> Vec<Begin> {
        let fewer = simplify::turn(&self.overrides).into_iter();
        fewer.map(|overrides| Begin { overrides, ..self.clone() }).collect()
    }
}
