//! A copy of a home for a second server beside the first.
//!
//! Only config.toml and the sessions are copied: databases hold absolute paths into the live home
//! and locks belong to the first server, and a resume through either has changed the live home. The
//! copy has a model of its own, so that its server's requests do not count as the first server's.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

use super::root::Root;
use super::{Home, copy};
use crate::protocol::policy::Places;

/// The folder of the rollouts in a home.
const SESSIONS: &str = "sessions";

const CONFIG: &str = "config.toml";

impl Home {
    /// A copy of the files that a cold resume needs, with the model at `copy_url` instead of the
    /// one at `live_url`.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn cold_copy(&self, root: &Root, live_url: &str, copy_url: &str) -> io::Result<Home> {
        let folder = root.folder()?;
        let places = Places { home: folder.join("home"), ..self.places.clone() };
        let copied = Home {
            folder,
            places,
            workspaces: 0,
            targets: 0,
            unloads_soon: false,
            probes: BTreeSet::new(),
        };
        for place in [&copied.places.home, &copied.scratch(), &copied.temp()] {
            fs::create_dir_all(place)?;
        }
        let config = fs::read_to_string(self.places.home.join(CONFIG))?;
        fs::write(copied.places.home.join(CONFIG), config.replace(live_url, copy_url))?;
        let sessions = self.places.home.join(SESSIONS);
        if sessions.exists() {
            copy(&sessions, &copied.places.home.join(SESSIONS))?;
        }
        Ok(copied)
    }

    /// Whether a path lies in the home, by its name or after following links.
    pub fn contains(&self, path: &Path) -> bool {
        let home = &self.places.home;
        path.starts_with(home) || fs::canonicalize(home).is_ok_and(|real| path.starts_with(real))
    }
}
