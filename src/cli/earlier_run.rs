//! A run that is over: read back, and compared with one that has just ended.

use std::path::Path;

use super::failure::Failure;
use crate::campaign::Outcome;
use crate::report::read_outcome::Kept;

/// Says what changed since an earlier run, if there is one.
pub(super) fn compare(outcome: &mut Outcome, before: Option<&Kept>) {
    outcome.since =
        before.map(|before| outcome.since(&before.outcome, before.folder.display().to_string()));
}

/// Reads the folder of an earlier run.
pub(super) fn kept(folder: &Path) -> Result<Kept, Failure> {
    Kept::read(folder).map_err(Failure::Usage)
}
