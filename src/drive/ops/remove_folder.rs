//! `remove-folder` removes a folder that lies below one of the run's own.

use super::Perform;
use crate::drive::run::{Aborted, Runner};
use crate::program::ops::remove_folder::RemoveFolder;

impl Perform for RemoveFolder {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        match run.active.home.remove_folder(&self.folder) {
            Ok(()) => Ok(()),
            Err(error) => run.trouble(format!("cannot remove {}: {error}", self.folder)),
        }
    }
}
