//! `subagent-turn`: the model gives its subagent another task.

use std::fmt;

use arbitrary::Unstructured;
use proptest::prelude::Strategy;

use crate::program::generate::bytes;
use crate::program::generate::overrides::DrawContext;
use crate::program::generate::shape::Rare;
use crate::program::generate::values::threads;
use crate::program::line::{Line, Problem};
use crate::program::operation::{Draw, Operation};
use crate::program::thread::ThreadRef;

/// A turn of the parent in which the model gives its subagent another task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubagentTurn {
    pub thread: ThreadRef,
}

impl Operation for SubagentTurn {
    const VERB: &'static str = "subagent-turn";
    const HELP: &'static [(&'static str, &'static str)] =
        &[("subagent-turn t1", "the model gives the subagent t1 another task")];

    fn parse(line: &mut Line) -> Result<SubagentTurn, Problem> {
        Ok(SubagentTurn { thread: line.thread()? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.thread)
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<SubagentTurn> {
        Ok(SubagentTurn { thread: bytes::thread(bytes)? })
    }

    fn draw(cx: &DrawContext) -> Vec<Draw<SubagentTurn>> {
        Draw::new(
            if cx.shape.has(Rare::Subagents) { 1 } else { 0 },
            threads().prop_map(|thread| SubagentTurn { thread }).boxed(),
        )
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.thread)
    }
}
