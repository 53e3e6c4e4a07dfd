//! `spawn`: the model starts a subagent.

use std::fmt;

use arbitrary::Unstructured;
use proptest::prelude::Strategy;

use crate::program::generate::bytes;
use crate::program::generate::overrides::DrawContext;
use crate::program::generate::shape::Rare;
use crate::program::generate::values::threads;
use crate::program::line::{Line, Problem};
use crate::program::operation::{Draw, Operation};
use crate::program::thread::{ThreadName, ThreadRef};

/// A turn in which the model spawns a subagent, which becomes a thread of the program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spawn {
    pub thread: ThreadRef,
    pub new: ThreadName,
}

impl Operation for Spawn {
    const VERB: &'static str = "spawn";
    const HELP: &'static [(&'static str, &'static str)] =
        &[("spawn t0 -> t1", "a turn in which the model spawns the subagent t1")];

    fn parse(line: &mut Line) -> Result<Spawn, Problem> {
        Ok(Spawn { thread: line.thread()?, new: line.new_thread()? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.thread)
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Spawn> {
        Ok(Spawn { thread: bytes::thread(bytes)?, new: ThreadName::NEW })
    }

    fn draw(cx: &DrawContext) -> Vec<Draw<Spawn>> {
        let weight = if cx.shape.has(Rare::Subagents) { 2 } else { 0 };
        let spawn = threads().prop_map(|thread| Spawn { thread, new: ThreadName::NEW });
        Draw::new(weight, spawn.boxed())
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.thread)
    }

    fn creates(&mut self) -> Option<&mut ThreadName> {
        Some(&mut self.new)
    }

    fn changes_policy(&self) -> bool {
        true
    }
}
