//! Keeps fetched servers.
//!
//! An entry is a directory with a manifest, moved into its place whole. Whoever writes holds the
//! lock of the cache, so what lies beside the entries then was left by somebody who was killed, and
//! is swept. Readers take no lock: an entry that differs from its manifest is as good as none.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{after, bounded, select, tick};
use semver::Version;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::provision::lease::Lease;
use crate::provision::{
    Cache, Cached, Client, Error, Executable, Progress, Spec, Tell, child, identify, lease, pins,
    tree,
};

/// How long another process may hold the lock: a download by npm and then one by pip, each up to
/// its deadline, and unpacking on a slow disk.
const LOCK_DEADLINE: Duration = Duration::from_secs(40 * 60);

/// The file in an entry that says what is in it.
pub(super) const MANIFEST: &str = "heirloom.toml";

/// How the names of half-done work begin.
const ROOM: &str = ".fetch-";

/// What an entry holds.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The release, as its executable states it.
    pub(super) version: Version,
    /// npm's name of the platform.
    pub(super) platform: String,
    /// Who brought it.
    pub(super) client: Client,
    /// The digest of the package, as that client spells it.
    pub(super) package: String,
    /// Where the executable is, relative to the entry.
    pub(super) executable: PathBuf,
    /// The digest of the executable.
    pub(super) digest: String,
    /// The size of the executable.
    pub(super) size: u64,
    /// When the executable was written, in nanoseconds since 1970.
    pub(super) modified_ns: i64,
    /// The size of all files together, but for the manifest.
    pub(super) bytes: u64,
}

/// A place in the cache, whether or not something is there.
pub(super) struct Entry {
    path: PathBuf,
    version: Version,
}

impl Cache {
    pub(super) fn servers(&self) -> PathBuf {
        self.root.join("servers")
    }

    /// The place of this release.
    pub(super) fn entry(&self, version: &Version, platform: &str) -> Entry {
        let path = self.servers().join(format!("{version}-{platform}"));
        Entry { path, version: version.clone() }
    }

    /// Waits for the right to write; it ends with the file.
    pub(super) fn lock(&self, tell: &mut Tell<'_>) -> Result<File, Error> {
        let servers = self.servers();
        fs::create_dir_all(&servers).map_err(failed("create", &servers))?;
        let path = servers.join("lock");
        let open = File::options().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) => {}
            Err(fs::TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
        }
        // A wait that is given up leaves its thread behind, which frees the lock as it gets it.
        let (send, locked) = bounded(0);
        thread::spawn(move || send.send(file.lock().map(|()| file)));
        let (over, ticks) = (after(LOCK_DEADLINE), tick(child::TICK));
        loop {
            select! {
                recv(locked) -> file => {
                    let file = file.expect("the waiting thread sends before it ends");
                    return file.map_err(failed("lock", &path));
                }
                recv(ticks) -> _ => if tell(&Progress::Waiting).is_break() {
                    return Err(Error::Stopped);
                },
                recv(over) -> _ => {
                    return Err(Error::Busy { path, minutes: LOCK_DEADLINE.as_secs() / 60 });
                }
            }
        }
    }

    /// Removes what others left half done. Only for who holds the lock.
    pub(super) fn sweep(&self) {
        let entries = self.servers().read_dir().into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(ROOM)) {
            // A client that outlived its caller may still write in there; the next sweep finds what
            // this one cannot remove.
            let _ = fs::remove_dir_all(entry.path());
        }
    }

    /// A directory for half-done work beside the entries.
    pub(super) fn room(&self) -> Result<TempDir, Error> {
        let servers = self.servers();
        let room = tempfile::Builder::new().prefix(ROOM).tempdir_in(&servers);
        let room = room.map_err(failed("create a directory in", &servers))?;
        for name in ["npm", "out", "tmp", "old", "entry"] {
            let path = room.path().join(name);
            fs::create_dir(&path).map_err(failed("create", &path))?;
        }
        Ok(room)
    }

    /// The entries whose manifest and executable agree, oldest release first.
    pub(super) fn entries(&self) -> Result<Vec<Cached>, Error> {
        let servers = self.servers();
        let found = match servers.read_dir() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            found => found.map_err(failed("read", &servers))?,
        };
        let rows = pins::rows();
        let mut cached: Vec<_> = found
            .flatten()
            .filter(|entry| !entry.file_name().to_string_lossy().starts_with(ROOM))
            .filter_map(|entry| {
                let manifest = sound(&entry.path())?;
                let pinned = rows.iter().any(|row| {
                    row.version == manifest.version && row.platform == manifest.platform
                });
                let (entry, bytes) = (entry.path(), manifest.bytes);
                let path = entry.join(&manifest.executable);
                let used_ns = lease::used_ns(&entry.join(MANIFEST));
                Some(Cached { version: manifest.version, path, entry, bytes, used_ns, pinned })
            })
            .collect();
        cached.sort_by(|a, b| (&a.version, &a.path).cmp(&(&b.version, &b.path)));
        Ok(cached)
    }
}

impl Entry {
    /// The server that is here, if it is whole; it stays for as long as it is held.
    pub(super) fn executable(&self) -> Option<Executable> {
        let lease = Lease::take(&self.path.join(MANIFEST))?;
        let manifest = sound(&self.path).filter(|manifest| manifest.version == self.version)?;
        Some(Executable {
            spec: Spec::Version(manifest.version.clone()),
            path: std::path::absolute(self.path.join(&manifest.executable)).ok()?,
            version: Some(manifest.version),
            digest: manifest.digest,
            lease,
        })
    }

    /// Moves the tree at `room/entry` here with its manifest; what was here goes. Only for who
    /// holds the lock.
    pub(super) fn install(&self, room: &Path, manifest: &Manifest) -> Result<(), Error> {
        let tree = room.join("entry");
        let path = tree.join(MANIFEST);
        let text = toml::to_string(manifest).expect("a manifest is plain values");
        let write = || -> io::Result<()> {
            let mut file = File::create_new(&path)?;
            io::Write::write_all(&mut file, text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(failed("write", &path))?;
        match fs::rename(&self.path, room.join("old/entry")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("move away", &self.path)(error));
            }
            _ => {}
        }
        fs::rename(&tree, &self.path).map_err(failed("move a server to", &self.path))?;
        let parent = self.path.parent().unwrap_or(&self.path);
        File::open(parent).and_then(|file| file.sync_all()).map_err(failed("sync", parent))
    }
}

/// What is known of an executable without reading it: its size, and when it was written.
pub(super) fn stamp(path: &Path) -> io::Result<(u64, i64)> {
    let about = path.metadata()?;
    Ok((about.len(), about.mtime() * 1_000_000_000 + about.mtime_nsec()))
}

/// The manifest of an entry that agrees with it.
///
/// The executable is read again only when its time is another, as after a copy: reading 300 MB at
/// each start costs more than most starts.
fn sound(entry: &Path) -> Option<Manifest> {
    let text = fs::read_to_string(entry.join(MANIFEST)).ok()?;
    let manifest: Manifest = toml::from_str(&text).ok()?;
    let path = entry.join(&manifest.executable);
    let mode = path.metadata().ok()?.permissions().mode();
    let (size, modified_ns) = stamp(&path).ok()?;
    let whole = mode & 0o111 != 0
        && size == manifest.size
        && tree::bytes(entry) == manifest.bytes + tree::bytes(&entry.join(MANIFEST))
        && (modified_ns == manifest.modified_ns
            || identify::fingerprint(&mut File::open(&path).ok()?).ok()? == manifest.digest);
    whole.then_some(manifest)
}

/// The error of an action on a path.
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}
