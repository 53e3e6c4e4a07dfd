//! A home: its folders, its config.toml, and the rollouts in it.
//!
//! All homes of a process lie below one root with a lock file beside it, on tmpfs where there is
//! enough of it; the root goes when the process ends, and a root whose lock nobody holds is swept
//! at the next start. Reads files and says what they hold; starts nothing and waits for nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::policy::{Defaults, Policy};
use crate::protocol::policy::Places;
use crate::protocol::rollout;

mod config;
mod copy;
pub mod root;
pub mod store;

use self::root::Root;

/// Which features the server runs with: another product state each.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum FeatureSet {
    /// As released, but for what would reach for the network.
    #[default]
    Default,
    /// Without the features that have no part in policy; a third less CPU.
    Lean,
}

/// What the name of a database has in it, its journals included.
const DATABASE: &str = ".sqlite";

/// The key of the time after which an idle thread is unloaded that nobody hears.
const UNLOAD_DELAY: &str = "thread_unload_delay_secs";

/// The least that is more than nothing: a client can still do something with the thread.
const UNLOAD_DELAY_SECS: i64 = 1;

/// The folders of one worker's server.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    places: Places,
    workspaces: u32,
    targets: u32,
    /// Whether an idle thread that nobody hears is unloaded soon.
    unloads_soon: bool,
}

impl Home {
    /// A new home below a root, with the content of a prepared one where there is one.
    ///
    /// # Errors
    /// A folder that cannot be made or copied.
    pub fn new(root: &Root, template: Option<&Path>) -> io::Result<Home> {
        let folder = root.folder()?;
        let places = Places {
            workspace: folder.join("ws"),
            home: folder.join("home"),
            outside: root.outside()?,
        };
        let mut home = Home { folder, places, workspaces: 0, targets: 0, unloads_soon: false };
        for place in [&home.places.outside, &home.scratch(), &home.temp()] {
            fs::create_dir_all(place)?;
        }
        match template {
            Some(template) => copy(template, &home.places.home)?,
            None => fs::create_dir_all(&home.places.home)?,
        }
        home.renew_workspace()?;
        Ok(home)
    }

    /// Keeps the server's home as it is for others to begin with.
    ///
    /// # Errors
    /// A file that cannot be copied.
    pub fn keep(&self, template: &Path) -> io::Result<()> {
        copy(&self.places.home, template)
    }

    /// Where the server's folders lie.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// The folder that stands in for the person's own home.
    pub fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }

    /// The server's temporary folder.
    pub fn temp(&self) -> PathBuf {
        self.folder.join("temp")
    }

    /// Where the server listens when it has several clients.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// Removes the socket of a server that is gone.
    ///
    /// # Errors
    /// A file that is there and cannot be removed.
    pub fn clear_socket(&self) -> io::Result<()> {
        match fs::remove_file(self.socket()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Gives the next case a workspace of its own, and removes the last one.
    ///
    /// # Errors
    /// A folder that cannot be made or removed.
    pub fn renew_workspace(&mut self) -> io::Result<()> {
        if self.places.workspace.exists() {
            fs::remove_dir_all(&self.places.workspace)?;
        }
        self.workspaces += 1;
        self.places.workspace = self.folder.join(format!("ws{}", self.workspaces));
        fs::create_dir_all(&self.places.workspace)
    }

    /// A file of its own for a deed to write, in the workspace or outside it; none is there yet.
    ///
    /// # Errors
    /// A file that is there and cannot be removed.
    pub fn target(&mut self, inside: bool) -> io::Result<PathBuf> {
        self.targets += 1;
        let folder = if inside { &self.places.workspace } else { &self.places.outside };
        let target = folder.join(format!("deed{}", self.targets));
        match fs::remove_file(&target) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(target),
        }
    }

    /// Whether a deed has written its file, which is then removed.
    pub fn has_landed(&self, target: &Path) -> bool {
        let landed = target.exists();
        // What cannot be removed goes with its folder, and its name is not used again.
        drop(fs::remove_file(target));
        landed
    }

    /// Says whether an idle thread that nobody hears is unloaded after a second, from the next
    /// [`Home::configure`] on, and not after the server's own delay: a minute or more. A release
    /// that does not know the key keeps its own; 0.144 does not.
    pub fn unload_soon(&mut self, soon: bool) {
        self.unloads_soon = soon;
    }

    /// Removes the server's databases. To be called while no server runs on the home.
    ///
    /// # Errors
    /// A file that cannot be removed.
    pub fn forget(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.places.home)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().contains(DATABASE) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Writes config.toml anew.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn configure(
        &self,
        defaults: &Defaults,
        profile: FeatureSet,
        model_url: &str,
    ) -> io::Result<()> {
        let mut config = config::config(defaults, profile, model_url);
        if self.unloads_soon {
            config.insert(UNLOAD_DELAY.to_owned(), UNLOAD_DELAY_SECS.into());
        }
        let text = config.to_string();
        fs::write(self.places.home.join("config.toml"), text)
    }

    /// The policy that a thread's rollout file holds, if it holds one; an absent file holds none.
    ///
    /// # Errors
    /// A file that is there and cannot be read.
    pub fn rollout(&self, path: &Path, thread: &str) -> io::Result<Option<Policy>> {
        match fs::read(path) {
            Ok(bytes) => {
                let lines = String::from_utf8_lossy(&bytes);
                Ok(rollout::policy(&lines, thread, &self.places))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Home {
    /// What cannot be removed now goes with the root.
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// Copies a folder whole; links are not followed and not copied, for a home holds none that matter.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let target = to.join(entry.file_name());
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
