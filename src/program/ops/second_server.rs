//! `second-server`: another server on the same home.

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

/// A second server on the same home, which tries to resume the thread.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecondServer {
    /// The thread that it tries to resume.
    pub thread: ThreadRef,
}

impl Operation for SecondServer {
    const VERB: &'static str = "second-server";
    const HELP: &'static [(&'static str, &'static str)] =
        &[("second-server t0", "a second server on the same home tries to resume the thread")];

    fn parse(line: &mut Line) -> Result<SecondServer, Problem> {
        Ok(SecondServer { thread: line.thread()? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.thread)
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<SecondServer> {
        Ok(SecondServer { thread: bytes::thread(bytes)? })
    }

    fn draw(cx: &DrawContext) -> Vec<Draw<SecondServer>> {
        Draw::new(
            if cx.shape.has(Rare::Unload) { 2 } else { 0 },
            threads().prop_map(|thread| SecondServer { thread }).boxed(),
        )
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.thread)
    }
}
