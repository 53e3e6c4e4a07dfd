//! `finish`: the end of a turn that runs.

use std::fmt;

use arbitrary::Unstructured;
use strum::{Display, EnumIter, EnumString};

use super::run::Run;
use crate::program::generate::bytes;
use crate::program::line::{Line, Problem};
use crate::program::operation::{OpKind, Operation};
use crate::program::reply::TurnEnd;
use crate::program::request::{Param, Request, RequestContext, Sample};
use crate::program::thread::ThreadRef;

/// The end of a turn that runs; nothing where no turn runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Finish {
    /// The thread whose turn ends.
    pub thread: ThreadRef,
    pub end: End,
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
    const HELP: &'static [(&'static str, &'static str)] = &[(
        "finish t0 complete",
        "the end of a turn that was begun; `interrupt`: by `turn/interrupt`",
    )];

    fn parse(line: &mut Line) -> Result<Finish, Problem> {
        Ok(Finish { thread: line.thread()?, end: line.one_of("way to end a turn")? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.thread, self.end)
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Finish> {
        Ok(Finish { thread: bytes::thread(bytes)?, end: bytes::choose(bytes)? })
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
        let interrupts = self.end == End::Interrupt;
        interrupts.then(|| Finish { end: End::Complete, ..self.clone() }).into_iter().collect()
    }
}

/// `turn/interrupt` of the turn that runs.
pub fn interrupt() -> Request {
    Request::new("turn/interrupt", [Param::Thread, Param::RunningTurn("turnId")])
}
