//! `configure` writes config.toml under the running server.

use super::Perform;
use crate::drive::run::{Aborted, Runner};
use crate::program::ops::configure::Configure;

impl Perform for Configure {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        run.configure(&self.defaults)
    }
}
