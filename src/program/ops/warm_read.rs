//! `warm-read`: a resume of a loaded thread, to read its policy.

use std::fmt;

use arbitrary::Unstructured;
use proptest::prelude::Strategy;

use super::resume::Resume;
use crate::program::generate::bytes;
use crate::program::generate::overrides::DrawContext;
use crate::program::generate::values::threads;
use crate::program::line::{Line, Problem};
use crate::program::operation::{Draw, OpKind, Operation};
use crate::program::thread::ThreadRef;

/// A `thread/resume` without overrides of a thread that is loaded; skipped where it is not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WarmRead {
    /// The thread that is read.
    pub thread: ThreadRef,
}

impl Operation for WarmRead {
    const VERB: &'static str = "warm-read";
    const KIND: OpKind = Resume::KIND;
    const SECOND_CLIENT: bool = true;
    const HELP: &'static [(&'static str, &'static str)] =
        &[("warm-read t0", "a resume of a loaded thread, to read its policy")];

    fn parse(line: &mut Line) -> Result<WarmRead, Problem> {
        Ok(WarmRead { thread: line.thread()? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.thread)
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<WarmRead> {
        Ok(WarmRead { thread: bytes::thread(bytes)? })
    }

    fn draw(_: &DrawContext) -> Vec<Draw<WarmRead>> {
        Draw::new(4, threads().prop_map(|thread| WarmRead { thread }).boxed())
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.thread)
    }
}
