//! What the driver writes into a home, and what it reads from it.
//!
//! Files are read while no server runs. After a kill the state database may be some milliseconds
//! behind the replies, which breaks no clause: it is read only after an exit.

use super::run::{Aborted, Runner};
use crate::policy::{Defaults, Permissions};
use crate::protocol::config_file::statements;
use crate::trace::Observation;
use crate::transcript::Entry;

impl Runner<'_> {
    pub(super) fn configure(&mut self, defaults: &Defaults) -> Result<(), Aborted> {
        let url = self.model.base_url();
        match self.active.home.configure(defaults, &url) {
            Ok(()) => {
                let home = &self.active.home;
                self.recorder.tape.record(|| Entry::Config(home.config_text(defaults, &url)));
                self.config.clear();
                self.read_config();
                Ok(())
            }
            Err(error) => self.trouble(format!("cannot write config.toml: {error}; free space")),
        }
    }

    /// Records what config.toml states, where it is not as it was when it was read last.
    pub(super) fn read_config(&mut self) {
        let home = &self.active.home;
        // A file that is gone or cannot be read is the server's own trouble, which shows elsewhere.
        let Ok(text) = home.read_config() else { return };
        if text == self.config {
            return;
        }
        if let Some(states) = statements(&text, home.places()) {
            self.recorder.record(Observation::ConfigFile { states });
        }
        self.config = text;
    }

    /// Records the policy that each thread's rollout file holds.
    pub(super) fn read_rollouts(&mut self) -> Result<(), Aborted> {
        let threads = self.recorder.threads.values();
        let files: Vec<_> =
            threads.filter_map(|thread| Some((thread.id.clone(), thread.path.clone()?))).collect();
        for (id, path) in files {
            match self.active.home.rollout(&path, &id) {
                Ok(policy) => {
                    let thread = self.recorder.label(&id);
                    self.recorder.record(Observation::Rollout { thread, policy });
                }
                Err(error) => {
                    let path = path.display();
                    return self.trouble(format!("cannot read {path}: {error}; run it again"));
                }
            }
        }
        Ok(())
    }

    /// Records the row of each thread that has one in the state database.
    pub(super) fn read_state_db(&mut self) {
        let threads = self.recorder.threads.values();
        let ids: Vec<String> = threads.map(|thread| thread.id.clone()).collect();
        let rows = match self.active.home.stored(&ids) {
            Ok(rows) => rows,
            Err(error) => {
                self.recorder.record(Observation::NotTaken { reason: error.to_string() });
                return;
            }
        };
        for (id, stored) in rows {
            let thread = self.recorder.label(&id);
            let permissions = stored.sandbox.map(Permissions::Legacy);
            let approval = stored.approval;
            self.recorder.record(Observation::Store { thread, approval, permissions });
        }
    }
}
