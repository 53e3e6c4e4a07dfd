//! A copy of a home for a second server, beside the first.
//!
//! config.toml and the sessions, and nothing else: databases hold absolute paths into the live
//! home, locks are the first server's, and a resume through either has changed the live home. The
//! copy's model is its own, so no request of its server counts as the first one's.

use std::fs;
use std::io;
use std::path::Path;

use super::root::Root;
use super::{Home, copy};
use crate::protocol::policy::Places;

/// The folder of the rollouts, within a server's home.
const SESSIONS: &str = "sessions";

const CONFIG: &str = "config.toml";

impl Home {
    /// A copy of what a cold resume needs, with another model: (the live home's URL, the copy's).
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn copied(&self, root: &Root, (live_url, url): (&str, &str)) -> io::Result<Home> {
        let folder = root.folder()?;
        let places = Places { home: folder.join("home"), ..self.places.clone() };
        let copied = Home { folder, places, workspaces: 0, targets: 0, unloads_soon: false };
        for place in [&copied.places.home, &copied.scratch(), &copied.temp()] {
            fs::create_dir_all(place)?;
        }
        let config = fs::read_to_string(self.places.home.join(CONFIG))?;
        fs::write(copied.places.home.join(CONFIG), config.replace(live_url, url))?;
        let sessions = self.places.home.join(SESSIONS);
        if sessions.exists() {
            copy(&sessions, &copied.places.home.join(SESSIONS))?;
        }
        Ok(copied)
    }

    /// Whether a path lies in the server's home, by its plain name or by where links lead.
    pub fn holds(&self, path: &Path) -> bool {
        let home = &self.places.home;
        let real = fs::canonicalize(home).is_ok_and(|real| path.starts_with(real));
        path.starts_with(home) || real
    }
}
