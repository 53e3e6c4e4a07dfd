//! `settings`: a change of settings, up to its notice.
//!
//! The answer only says that the request arrived.

use super::Perform;
use crate::drive::run::{Aborted, Runner};
use crate::program::ops::settings::Settings;

impl Perform for Settings {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        self.ask(run)?;
        if run.refused() {
            return Ok(());
        }
        run.await_notice(self.thread, &self.overrides.clone().cleared())
    }

    fn as_settings(&self) -> Option<&Settings> {
        Some(self)
    }
}
