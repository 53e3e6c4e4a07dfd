//! A server's home (`CODEX_HOME`): its folders, its config.toml, its rollouts and databases.
//!
//! All homes of a process lie below one root, on tmpfs where there is enough of it. The root is
//! removed when the process ends; one that a killed process left behind is removed at the next
//! start.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use crate::policy::Defaults;
use crate::policy::profile::SECRET;
use crate::program::reply::Probe;
use crate::protocol::policy::Places;
use crate::protocol::probe::RULE;

mod config;
mod copy;
mod mount_points;
pub mod root;
mod stragglers;

use sha2::{Digest, Sha256};

use self::root::Root;

/// The file in a home that says what threads begin with.
pub(crate) const CONFIG: &str = "config.toml";

/// The folder of a project that has its own config.toml.
const PROJECT_FOLDER: &str = ".codex";

/// A certificate authority whose key was thrown away. A server that trusts only this one does not
/// load the system's list for each request, which costs more CPU than the request; it talks to
/// nothing but loopback, and there without TLS.
const CERTIFICATE: &str = include_str!("home/certificate.pem");

/// An MCP server whose tool asks the user a question.
const ELICITATION: &str = include_str!("home/elicitation.py");

/// A server asks this script for the name of the system at its start, for a third of the CPU that
/// the start takes. Where it cannot be run, the server reads the same from /etc/os-release.
const SYSTEM_NAME: &str = "lsb_release";

/// The names of a database and of its journals have this in them.
const DATABASE: &str = ".sqlite";

/// The key of the delay after which an idle thread without a subscriber is unloaded.
const UNLOAD_DELAY: &str = "thread_unload_delay_secs";

/// The shortest delay in which a client can still do something with the thread.
const UNLOAD_DELAY_SECS: i64 = 1;

/// The folders of one worker's server.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    places: Places,
    workspaces: u32,
    targets: u32,
    /// Whether an idle thread without a subscriber is unloaded soon.
    unloads_soon: bool,
    /// The probes of the case, for which config offers the model further tools.
    probes: BTreeSet<Probe>,
}

impl Home {
    /// A new home below a root, with the content of a template where there is one.
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
        let mut home = Home {
            folder,
            places,
            workspaces: 0,
            targets: 0,
            unloads_soon: false,
            probes: BTreeSet::new(),
        };
        for place in [&home.places.outside, &home.scratch(), &home.temp()] {
            fs::create_dir_all(place)?;
        }
        fs::write(home.certificate(), CERTIFICATE)?;
        fs::create_dir(home.programs())?;
        // An empty file is not a program, whatever its mode says.
        File::create(home.programs().join(SYSTEM_NAME))?
            .set_permissions(Permissions::from_mode(0o755))?;
        match template {
            Some(template) => copy(template, &home.places.home)?,
            None => fs::create_dir_all(&home.places.home)?,
        }
        let rules = home.places.home.join("rules");
        fs::create_dir_all(&rules)?;
        fs::write(rules.join("default.rules"), RULE)?;
        home.renew_workspace()?;
        Ok(home)
    }

    /// Copies the home as it is into a template for other homes.
    ///
    /// # Errors
    /// A file that cannot be copied.
    pub fn save_template(&self, template: &Path) -> io::Result<()> {
        copy(&self.places.home, template)
    }

    /// The folders of the run.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// The folder that the others lie in, but for the one outside.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The server's `HOME`, where nothing of the user's lies.
    pub fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }

    /// The server's temporary folder.
    pub fn temp(&self) -> PathBuf {
        self.folder.join("temp")
    }

    /// The file of the one certificate authority that the server trusts.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }

    /// The folder that the server searches for programs first.
    pub fn programs(&self) -> PathBuf {
        self.folder.join("programs")
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
        remove_if_there(&self.socket())
    }

    /// Removes what servers from 0.169 on leave of a socket in the system's temporary folder: the
    /// socket and its lock, named by the digest of the path that they were given. The folder is
    /// shared with other servers of this user, and stays: each of them binds it into its sandboxes,
    /// and without it no command of theirs could be sandboxed.
    fn remove_socket_elsewhere(&self) {
        let Ok(owner) = fs::metadata(&self.folder).map(|folder| folder.uid()) else { return };
        let folder = PathBuf::from(format!("/tmp/codex-daemon-{owner}"));
        let digest = Sha256::digest(self.socket().as_os_str().as_bytes());
        let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        for file in [format!("{name}.lock"), name] {
            drop(fs::remove_file(folder.join(file)));
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

    /// A new path for a probe to write to, in the workspace or outside it.
    ///
    /// # Errors
    /// A file that is there and cannot be removed.
    pub fn probe_target(&mut self, inside: bool) -> io::Result<PathBuf> {
        self.targets += 1;
        let folder = if inside { &self.places.workspace } else { &self.places.outside };
        let target = folder.join(format!("probe{}", self.targets));
        remove_if_there(&target)?;
        Ok(target)
    }

    /// A file in the folder of the workspace that a profile may deny.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn secret_file(&self) -> io::Result<PathBuf> {
        let folder = PathBuf::from(self.places.path(SECRET));
        // Where it was not there, a sandbox may have left an empty file in its place.
        if folder.is_file() {
            fs::remove_file(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let file = folder.join("file");
        fs::write(&file, "a secret\n")?;
        Ok(file)
    }

    /// Makes the folders of these paths that lie below the workspace or the folder outside.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn make_folders<'a>(&self, paths: impl Iterator<Item = &'a str>) -> io::Result<()> {
        let Places { workspace, outside, .. } = &self.places;
        let mut own = paths.map(Path::new).filter(|path| {
            let plain = path.components().all(|part| !matches!(part, Component::ParentDir));
            plain && (path.starts_with(workspace) || path.starts_with(outside))
        });
        own.try_for_each(fs::create_dir_all)
    }

    /// Removes a folder, which is named by a word of the run's places.
    ///
    /// # Errors
    /// A folder that is there and cannot be removed.
    pub fn remove_folder(&self, word: &str) -> io::Result<()> {
        match fs::remove_dir_all(self.places.path(word)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether a probe has written its file, which is then removed.
    pub fn take_probe_file(&self, target: &Path) -> bool {
        let was_written = target.exists();
        // A file that cannot be removed goes with its folder, and its name is not used again.
        drop(fs::remove_file(target));
        was_written
    }

    /// Whether an idle thread without a subscriber is unloaded after a second, from the next
    /// [`Home::configure`] on, instead of after the server's own delay of a minute or more. A
    /// release that does not know the key, such as 0.144, keeps its own delay.
    pub fn unload_soon(&mut self, soon: bool) {
        self.unloads_soon = soon;
    }

    /// Offers the model the tools of these probes, from the next [`Home::configure`] on. A release
    /// that does not know the key does not have the tool.
    ///
    /// # Errors
    /// A program of a tool that cannot be written.
    pub fn offer_tools(&mut self, probes: BTreeSet<Probe>) -> io::Result<()> {
        if probes.contains(&Probe::Elicit) {
            fs::write(self.elicitation(), ELICITATION)?;
        }
        self.probes = probes;
        Ok(())
    }

    /// The program that asks the user a question.
    fn elicitation(&self) -> PathBuf {
        self.folder.join("elicitation.py")
    }

    /// Removes the server's databases. No server may run on the home meanwhile.
    ///
    /// # Errors
    /// A file that cannot be removed.
    pub fn remove_databases(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.places.home)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().contains(DATABASE) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Writes config.toml, and the one of the project in the workspace.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn configure(&self, defaults: &Defaults, model_url: &str) -> io::Result<()> {
        let text = self.config_text(defaults, model_url);
        fs::write(self.places.home.join(CONFIG), text)?;
        if defaults.profiles.values().any(|profile| profile.denies_secret) {
            self.secret_file()?;
        }
        let folder = self.places.workspace.join(PROJECT_FOLDER);
        match config::project(defaults) {
            Some(project) => {
                fs::create_dir_all(&folder)?;
                fs::write(folder.join(CONFIG), project.to_string())
            }
            None => remove_if_there(&folder.join(CONFIG)),
        }
    }

    /// What config.toml says now.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn read_config(&self) -> io::Result<String> {
        fs::read_to_string(self.places.home.join(CONFIG))
    }

    /// The text of config.toml.
    pub(crate) fn config_text(&self, defaults: &Defaults, model_url: &str) -> String {
        let mut config = config::config(defaults, model_url, &self.places);
        if self.unloads_soon {
            config.insert(UNLOAD_DELAY.to_owned(), UNLOAD_DELAY_SECS.into());
        }
        config::offer_tools(&mut config, &self.probes, &self.elicitation());
        config.to_string()
    }

    /// Takes over the config.toml of another home.
    ///
    /// # Errors
    /// A file that cannot be copied.
    pub fn take_config(&self, other: &Home) -> io::Result<()> {
        fs::copy(other.places.home.join(CONFIG), self.places.home.join(CONFIG)).map(drop)
    }
}

impl Drop for Home {
    /// A file that cannot be removed now goes with the root.
    fn drop(&mut self) {
        self.remove_socket_elsewhere();
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Copies a folder. Links are left out: a home has none that matter.
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
