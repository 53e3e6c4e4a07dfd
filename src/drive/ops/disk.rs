//! `disk` limits the size of files that the server can write, or lifts the limit.

use super::Perform;
use crate::drive::run::{Aborted, Runner};
use crate::program::ops::disk::Disk;

impl Perform for Disk {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        run.limit_files(self.full)
    }
}
