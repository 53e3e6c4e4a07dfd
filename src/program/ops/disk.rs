//! `disk`: the server's writes to files fail, or succeed again.

use std::fmt;

use arbitrary::Unstructured;

use crate::program::line::{Line, Problem, problem};
use crate::program::operation::Operation;

/// The server's writes to files begin to fail, as on a full disk, or succeed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Disk {
    /// Whether they fail from now on.
    pub full: bool,
}

impl Operation for Disk {
    const VERB: &'static str = "disk";
    const HELP: &'static [(&'static str, &'static str)] =
        &[("disk full, disk free", "the server's writes to files fail, and succeed again")];

    fn parse(line: &mut Line) -> Result<Disk, Problem> {
        match line.word().as_deref() {
            Some("full") => Ok(Disk { full: true }),
            Some("free") => Ok(Disk { full: false }),
            _ => problem("expected `disk full` or `disk free`"),
        }
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.full { "full" } else { "free" })
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Disk> {
        Ok(Disk { full: bytes.arbitrary()? })
    }
}
