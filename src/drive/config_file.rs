//! The config.toml of a home, as it is written and as it is read again.

use super::run::{Aborted, Runner};
use crate::policy::Defaults;
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
}
