//! The releases that a program needs.
//!
//! A test bed has the server that is checked and the other releases that were made ready. A program
//! that names another one is not run at all.

use semver::Version;

use super::test_bed::{Installed, ServerSlot, TestBed};
use crate::program::Program;
use crate::program::ops::restart::Server;

impl TestBed {
    /// Whether every release that a program names is ready.
    pub fn has(&self, program: &Program) -> bool {
        self.missing(program).is_none()
    }

    /// The first release of a program that is not ready.
    fn missing(&self, program: &Program) -> Option<Version> {
        let mut releases = program.releases().into_iter();
        releases.find(|release| self.slot(&Server::Release(release.clone())).is_none())
    }

    /// The server on whose home a program begins.
    ///
    /// # Errors
    /// In words, when a release that the program names is not ready.
    pub(super) fn first_slot(&self, program: &Program) -> Result<ServerSlot, String> {
        if let Some(release) = self.missing(program) {
            return Err(format!(
                "the program restarts with codex {release} (`release={release}`), which was not \
                 made ready; give it with --other {release}"
            ));
        }
        Ok(self.slot(program.begins_on()).expect("every release of the program is ready"))
    }

    /// The place of a server, where it is ready.
    pub(super) fn slot(&self, server: &Server) -> Option<ServerSlot> {
        let Server::Release(release) = server else {
            return Some(ServerSlot::Main);
        };
        let is = |installed: &Installed| installed.version.as_ref() == Some(release);
        if is(&self.main) {
            return Some(ServerSlot::Main);
        }
        self.others.iter().position(is).map(ServerSlot::Other)
    }
}
