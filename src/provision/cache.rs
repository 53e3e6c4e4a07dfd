//! The folder of fetched servers.
//!
//! An entry is a folder with a manifest, and is moved into its place whole. Whoever writes holds
//! the lock of the cache: anything else beside the entries was left by a killed process, and is
//! swept. Readers take no lock: an entry that differs from its manifest does not count.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::{after, select, tick};
use semver::Version;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::provision::lease::Lease;
use crate::provision::{
    Cache, Cached, Client, Error, Executable, OnProgress, Progress, Spec, child, identify, lease,
    pins,
};

/// How long another process may hold the lock: a download by npm and then one by pip, each up to
/// its deadline, and unpacking on a slow disk.
const LOCK_DEADLINE: Duration = Duration::from_secs(40 * 60);

pub(super) const MANIFEST: &str = "heirloom.toml";

/// How the names of scratch folders begin.
const SCRATCH: &str = ".fetch-";

#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The release, as its executable states it.
    pub(super) version: Version,
    /// npm's name of the platform.
    pub(super) platform: String,
    pub(super) client: Client,
    /// The digest of the package, as that client spells it.
    pub(super) package: String,
    /// Where the executable is, relative to the entry.
    pub(super) executable: PathBuf,
    /// The executable's digest, size, and time of its last change, in nanoseconds since 1970.
    pub(super) digest: String,
    pub(super) size: u64,
    pub(super) modified_ns: i64,
    /// The size of all files but the manifest.
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

    /// The folder of the SDK's clients.
    pub(super) fn clients(&self) -> PathBuf {
        self.root.join("clients")
    }

    pub(super) fn entry(&self, version: &Version, platform: &str) -> Entry {
        let path = self.servers().join(format!("{version}-{platform}"));
        Entry { path, version: version.clone() }
    }

    /// Waits for the lock, which ends with the file.
    pub(super) fn lock(&self, on_progress: &mut OnProgress<'_>) -> Result<File, Error> {
        lock(&self.servers(), on_progress)
    }

    /// Removes what others left half done. The caller holds the lock.
    pub(super) fn sweep(&self) {
        sweep(&self.servers());
    }

    /// A folder for half-done work beside the entries.
    pub(super) fn scratch(&self) -> Result<TempDir, Error> {
        scratch(&self.servers())
    }

    /// The entries whose manifest and executable agree, oldest release first.
    pub(super) fn entries(&self) -> Result<Vec<Cached>, Error> {
        let servers = self.servers();
        let found = match servers.read_dir() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            found => found.map_err(io_error("read", &servers))?,
        };
        let rows = pins::rows();
        let mut cached: Vec<_> = found
            .flatten()
            .filter(|entry| !is_scratch(entry))
            .filter_map(|entry| {
                let manifest = valid_manifest(&entry.path())?;
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
    /// The server that is here, if it is whole; the result holds it in the cache.
    pub(super) fn executable(&self) -> Option<Executable> {
        let lease = Lease::take(&self.path.join(MANIFEST))?;
        let manifest =
            valid_manifest(&self.path).filter(|manifest| manifest.version == self.version)?;
        Some(Executable {
            spec: Spec::Version(manifest.version.clone()),
            path: std::path::absolute(self.path.join(&manifest.executable)).ok()?,
            version: Some(manifest.version),
            digest: manifest.digest,
            lease,
        })
    }

    /// Moves the tree at `scratch/entry` here with its manifest, in the place of what was here. The
    /// caller holds the lock.
    pub(super) fn install(&self, scratch: &Path, manifest: &Manifest) -> Result<(), Error> {
        install(&self.path, scratch, manifest)
    }
}

/// Waits for the lock of a folder of entries, which ends with the file.
pub(super) fn lock(folder: &Path, on_progress: &mut OnProgress<'_>) -> Result<File, Error> {
    fs::create_dir_all(folder).map_err(io_error("create", folder))?;
    let path = folder.join("lock");
    let open = File::options().create(true).truncate(false).write(true).open(&path);
    let file = open.map_err(io_error("open", &path))?;
    let (over, ticks) = (after(LOCK_DEADLINE), tick(child::TICK));
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) => {}
            Err(fs::TryLockError::Error(error)) => return Err(io_error("lock", &path)(error)),
        }
        select! {
            recv(ticks) -> _ => if on_progress(&Progress::Waiting).is_break() {
                return Err(Error::Stopped);
            },
            recv(over) -> _ => {
                return Err(Error::Busy { path, minutes: LOCK_DEADLINE.as_secs() / 60 });
            }
        }
    }
}

/// Removes what others left half done in a folder of entries. The caller holds the lock.
pub(super) fn sweep(folder: &Path) {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    for entry in entries.filter(is_scratch) {
        // A client that outlived its caller may still write in there; the next sweep finds what
        // this one cannot remove.
        let _ = fs::remove_dir_all(entry.path());
    }
}

/// A folder for half-done work beside the entries of a folder.
pub(super) fn scratch(folder: &Path) -> Result<TempDir, Error> {
    let scratch = tempfile::Builder::new().prefix(SCRATCH).tempdir_in(folder);
    let scratch = scratch.map_err(io_error("create a directory in", folder))?;
    for name in ["npm", "out", "tmp", "old", "entry"] {
        let path = scratch.path().join(name);
        fs::create_dir(&path).map_err(io_error("create", &path))?;
    }
    Ok(scratch)
}

/// Moves the tree at `scratch/entry` to its place with its manifest, in the place of what was there.
/// The caller holds the lock.
pub(super) fn install(
    place: &Path,
    scratch: &Path,
    manifest: &impl Serialize,
) -> Result<(), Error> {
    let tree = scratch.join("entry");
    let path = tree.join(MANIFEST);
    let text = toml::to_string(manifest).expect("a manifest is plain values");
    let write = || -> io::Result<()> {
        let mut file = File::create_new(&path)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(io_error("write", &path))?;
    if place.exists() {
        fs::rename(place, scratch.join("old/entry")).map_err(io_error("move away", place))?;
    }
    fs::rename(&tree, place).map_err(io_error("move a server to", place))?;
    let parent = place.parent().unwrap_or(place);
    File::open(parent).and_then(|file| file.sync_all()).map_err(io_error("sync", parent))
}

/// The size of an executable, and when it was written, in nanoseconds since 1970.
pub(super) fn stamp(path: &Path) -> io::Result<(u64, i64)> {
    let about = path.metadata()?;
    Ok((about.len(), about.mtime() * 1_000_000_000 + about.mtime_nsec()))
}

/// The manifest of an entry, if it agrees with the files.
///
/// The executable is read again only when its time has changed, as after a copy: reading 300 MB at
/// each start costs more than most starts.
fn valid_manifest(entry: &Path) -> Option<Manifest> {
    let text = fs::read_to_string(entry.join(MANIFEST)).ok()?;
    let manifest: Manifest = toml::from_str(&text).ok()?;
    let path = entry.join(&manifest.executable);
    let mode = path.metadata().ok()?.permissions().mode();
    let (size, modified_ns) = stamp(&path).ok()?;
    let whole = mode & 0o111 != 0
        && size == manifest.size
        && size_of_tree(entry) == manifest.bytes + size_of_tree(&entry.join(MANIFEST))
        && (modified_ns == manifest.modified_ns
            || identify::fingerprint(&mut File::open(&path).ok()?).ok()? == manifest.digest);
    whole.then_some(manifest)
}

/// The sizes of all files at or below `path`; links are not followed. A file that vanishes
/// meanwhile counts as nothing: a client may be at work in there.
pub(super) fn size_of_tree(path: &Path) -> u64 {
    match path.symlink_metadata() {
        Ok(about) if about.is_file() => about.len(),
        Ok(about) if about.is_dir() => {
            let entries = path.read_dir().into_iter().flatten().flatten();
            entries.map(|entry| size_of_tree(&entry.path())).sum()
        }
        _ => 0,
    }
}

pub(super) fn is_scratch(entry: &fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with(SCRATCH)
}

pub(super) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}
