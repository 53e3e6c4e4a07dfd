//! `restart` ends the server and starts it, or another one, on the same home.

use super::Perform;
use crate::drive::run::{Aborted, Runner};
use crate::program::ops::restart::{Restart, Stop};

impl Perform for Restart {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        run.restart(self)
    }

    fn spends_home(&self) -> bool {
        self.stop == Stop::Kill || self.release.is_some()
    }
}
