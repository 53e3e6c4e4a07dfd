//! `finish`: the end of a turn that runs.

use std::fmt;

use arbitrary::Unstructured;
use strum::{Display, EnumIter, EnumString};

use super::run::Run;
use crate::program::generate::bytes;
use crate::program::line::{Line, Problem};
use crate::program::operation::{OpKind, Operation};
use crate::program::reply::{ProbeScript, TurnEnd, simpler_probe};
use crate::program::request::{Param, Request, RequestContext, Sample};
use crate::program::thread::ThreadRef;
use crate::program::values::{self, Arrow};

/// The end of a turn that runs; nothing where no turn runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Finish {
    /// The thread whose turn ends.
    pub thread: ThreadRef,
    pub end: End,
    /// What the model asks for before a turn completes.
    pub probe: Option<ProbeScript>,
}

/// How a running turn ends.
#[derive(
    Clone, Copy, Debug, Display, EnumIter, EnumString, PartialEq, Eq, PartialOrd, Ord, Hash,
)]
#[strum(serialize_all = "kebab-case")]
pub enum End {
    /// The model goes on, and the turn completes.
    Complete,
    Interrupt,
}

impl Operation for Finish {
    const VERB: &'static str = "finish";
    const KIND: OpKind = Run::KIND;
    const HELP: &'static [(&'static str, &'static str)] = &[
        (
            "finish t0 complete",
            "the end of a turn that was begun; `interrupt`: by `turn/interrupt`",
        ),
        (
            "finish t0 complete <- probe …",
            "the model asks for a command or a patch first; so it does in the turns of goal, queue, \
             review, spawn and subagent-turn",
        ),
    ];

    fn parse(line: &mut Line) -> Result<Finish, Problem> {
        let (thread, end) = (line.thread()?, line.one_of("way to end a turn")?);
        let probe = if end == End::Complete { values::probe(line)? } else { None };
        Ok(Finish { thread, end, probe })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.thread, self.end, Arrow(self.probe))
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Finish> {
        let (thread, end) = (bytes::thread(bytes)?, bytes::choose(bytes)?);
        let probe = bytes::rare_probe(bytes)?.filter(|_| end == End::Complete);
        Ok(Finish { thread, end, probe })
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.thread)
    }

    fn leaves_turn(&self) -> Option<TurnEnd> {
        Some(match self.end {
            End::Complete => TurnEnd::Completed,
            End::Interrupt => TurnEnd::Interrupted,
        })
    }

    fn probe(&self) -> Option<ProbeScript> {
        self.probe
    }

    fn request(&self, _: RequestContext) -> Option<Request> {
        (self.end == End::Interrupt).then(interrupt)
    }

    fn samples(_: RequestContext) -> Vec<Sample> {
        vec![Sample::new("interrupt", interrupt())]
    }

    fn can_be_killed(&self) -> bool {
        self.end == End::Interrupt
    }

    fn simpler(&self) -> Vec<Finish> {
        let completed = Finish { end: End::Complete, ..self.clone() };
        let plainer = simpler_probe(self.probe).into_iter();
        let plainer = plainer.map(|probe| Finish { probe, ..self.clone() });
        (completed != *self).then_some(completed).into_iter().chain(plainer).collect()
    }
}

/// `turn/interrupt` of the turn that runs.
pub fn interrupt() -> Request {
    Request::new("turn/interrupt", [Param::Thread, Param::RunningTurn("turnId")])
}
