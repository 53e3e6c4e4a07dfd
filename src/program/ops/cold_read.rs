//! `cold-read`: a resume by a second process, on a copy of the home.

use std::fmt;

use arbitrary::Unstructured;
use proptest::prelude::Strategy;

use super::resume::Resume;
use crate::program::generate::bytes;
use crate::program::generate::overrides::DrawContext;
use crate::program::generate::shape::Rare;
use crate::program::generate::values::threads;
use crate::program::line::{Line, Problem};
use crate::program::operation::{Draw, OpKind, Operation};
use crate::program::thread::ThreadRef;

/// A cold `thread/resume` in a second process, on a copy of the home.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColdRead {
    /// The thread that is read.
    pub thread: ThreadRef,
}

impl Operation for ColdRead {
    const VERB: &'static str = "cold-read";
    const KIND: OpKind = Resume::KIND;
    const HELP: &'static [(&'static str, &'static str)] = &[(
        "cold-read t0",
        "a resume by a second process on a copy of the home, to read what is stored",
    )];

    fn parse(line: &mut Line) -> Result<ColdRead, Problem> {
        Ok(ColdRead { thread: line.thread()? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.thread)
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<ColdRead> {
        Ok(ColdRead { thread: bytes::thread(bytes)? })
    }

    fn draw(cx: &DrawContext) -> Vec<Draw<ColdRead>> {
        Draw::new(
            if cx.shape.has(Rare::ColdRead) { 5 } else { 0 },
            threads().prop_map(|thread| ColdRead { thread }).boxed(),
        )
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.thread)
    }
}
