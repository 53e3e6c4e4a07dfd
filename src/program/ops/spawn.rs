//! `spawn`: the model starts a subagent.

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
use crate::program::thread::{ThreadName, ThreadRef};
use crate::program::values::{self, Arrow};

/// A turn in which the model spawns a subagent, which becomes a thread of the program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spawn {
    pub thread: ThreadRef,
    pub new: ThreadName,
    /// What the subagent's model asks for in its first turn.
    pub probe: Option<ProbeScript>,
}

impl Operation for Spawn {
    const VERB: &'static str = "spawn";
    const HELP: &'static [(&'static str, &'static str)] =
        &[("spawn t0 -> t1", "a turn in which the model spawns the subagent t1")];

    fn parse(line: &mut Line) -> Result<Spawn, Problem> {
        let (thread, new) = (line.thread()?, line.new_thread()?);
        Ok(Spawn { thread, new, probe: values::probe(line)? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.thread, Arrow(self.probe))
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Spawn> {
        let thread = bytes::thread(bytes)?;
        Ok(Spawn { thread, new: ThreadName::NEW, probe: bytes::rare_probe(bytes)? })
    }

    fn draw(cx: &DrawContext) -> Vec<Draw<Spawn>> {
        let weight = if cx.shape.has(Rare::Subagents) { 2 } else { 0 };
        let spawn = (threads(), rare_probes(&cx.shape)).prop_map(|(thread, probe)| Spawn {
            thread,
            new: ThreadName::NEW,
            probe,
        });
        Draw::new(weight, spawn.boxed())
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.thread)
    }

    fn creates(&mut self) -> Option<&mut ThreadName> {
        Some(&mut self.new)
    }

    fn probe(&self) -> Option<ProbeScript> {
        self.probe
    }

    fn simpler(&self) -> Vec<Spawn> {
        let plainer = simpler_probe(self.probe).into_iter();
        plainer.map(|probe| Spawn { probe, ..self.clone() }).collect()
    }

    fn changes_policy(&self) -> bool {
        true
    }
}
