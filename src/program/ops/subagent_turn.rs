//! `subagent-turn`: the model gives its subagent another task.

use std::fmt;

use arbitrary::Unstructured;
use proptest::prelude::Strategy;

use crate::program::generate::bytes;
use crate::program::generate::overrides::DrawContext;
use crate::program::generate::shape::Rare;
use crate::program::generate::values::{rare_probes, threads};
use crate::program::line::{Line, Problem};
use crate::program::operation::{Draw, Operation};
use crate::program::reply::{ProbeScript, simpler_probe};
use crate::program::thread::ThreadRef;
use crate::program::values::{self, Arrow};

/// A turn of the parent in which the model gives its subagent another task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubagentTurn {
    pub thread: ThreadRef,
    /// What the subagent's model asks for.
    pub probe: Option<ProbeScript>,
}

impl Operation for SubagentTurn {
    const VERB: &'static str = "subagent-turn";
    const HELP: &'static [(&'static str, &'static str)] =
        &[("subagent-turn t1", "the model gives the subagent t1 another task")];

    fn parse(line: &mut Line) -> Result<SubagentTurn, Problem> {
        Ok(SubagentTurn { thread: line.thread()?, probe: values::probe(line)? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.thread, Arrow(self.probe))
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<SubagentTurn> {
        Ok(SubagentTurn { thread: bytes::thread(bytes)?, probe: bytes::rare_probe(bytes)? })
    }

    fn draw(cx: &DrawContext) -> Vec<Draw<SubagentTurn>> {
        Draw::new(
            if cx.shape.has(Rare::Subagents) { 1 } else { 0 },
            (threads(), rare_probes(&cx.shape))
                .prop_map(|(thread, probe)| SubagentTurn { thread, probe })
                .boxed(),
        )
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.thread)
    }

    fn probe(&self) -> Option<ProbeScript> {
        self.probe
    }

    fn simpler(&self) -> Vec<SubagentTurn> {
        let plainer = simpler_probe(self.probe).into_iter();
        plainer.map(|probe| SubagentTurn { probe, ..self.clone() }).collect()
    }
}
