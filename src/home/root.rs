//! The folder of all homes of this process.
//!
//! `heirloom-XXXX.lock` stands beside the folder `heirloom-XXXX` and is locked until the process
//! ends, however that happens. A process that gets the lock of another root may remove both.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::mount_points::MountPoints;
use super::stragglers;

const PREFIX: &str = "heirloom-";
const LOCK: &str = "lock";

/// Where files lie that no sandbox may write to: not in a temporary folder, which a workspace may
/// write to, and not below /dev, which a sandbox has a copy of.
const OUTSIDE: &str = "/var/tmp";

/// The room that homes may need on tmpfs: a prepared home has 3 MB, grows by 100 kB a case, and is
/// renewed after a bounded number of cases.
const TMPFS_BYTES_MIN: u64 = 1 << 30;

/// The room that a case may need: a home with its databases, and the files that turns write.
const CASE_BYTES_MIN: u64 = 64 << 20;

/// The folder of this process's homes; removed when dropped.
#[derive(Debug)]
pub struct Root {
    folder: PathBuf,
    lock_path: PathBuf,
    /// Held, not read.
    _lock: File,
    homes: AtomicU32,
    /// The root of the folders outside the homes' sandboxes.
    outside: Option<Box<Root>>,
    /// Held, not read.
    _mount_points: Option<MountPoints>,
}

impl Root {
    /// Removes the roots of dead processes, and makes one on tmpfs, or where no sandbox may write: a
    /// thread may write into the temporary folder, wherever its workspace lies.
    ///
    /// # Errors
    /// A folder or a lock that cannot be made.
    pub fn create() -> io::Result<Root> {
        let temporary = std::env::temp_dir();
        let memory = Path::new("/dev/shm");
        sweep(&temporary);
        sweep(memory);
        sweep(Path::new(OUTSIDE));
        let places = roomy_tmpfs(memory).then_some(memory).into_iter();
        let mut places = places.chain([Path::new(OUTSIDE), &temporary]).map(Root::below);
        let first = places.find(Result::is_ok).unwrap_or_else(|| Root::below(&temporary));
        let mut root = first?;
        // Without it these folders lie beside the homes. Probes count only after a check that the
        // sandbox works there.
        root.outside = Root::below(Path::new(OUTSIDE)).ok().map(Box::new);
        root._mount_points = root._lock.try_clone().ok().map(MountPoints::since);
        Ok(root)
    }

    /// Makes a root in this folder.
    ///
    /// # Errors
    /// A folder or a lock that cannot be made.
    pub fn below(base: &Path) -> io::Result<Root> {
        loop {
            let made = tempfile::Builder::new().prefix(PREFIX).suffix(".lock").tempfile_in(base)?;
            let (lock, lock_path) = made.keep().map_err(|error| error.error)?;
            lock.lock()?;
            if is_same_file(&lock, &lock_path) {
                let folder = lock_path.with_extension("");
                fs::create_dir(&folder)?;
                let homes = AtomicU32::new(0);
                return Ok(Root {
                    folder,
                    lock_path,
                    _lock: lock,
                    homes,
                    outside: None,
                    _mount_points: None,
                });
            }
        }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Whether there is room for a case: on a full disk a server shows the disk's faults.
    pub fn has_room(&self) -> bool {
        free_bytes(&self.folder).is_none_or(|bytes| bytes >= CASE_BYTES_MIN)
    }

    /// A new folder where the sandbox lets no thread of a home write.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn outside(&self) -> io::Result<PathBuf> {
        self.outside.as_deref().unwrap_or(self).folder()
    }

    /// A new folder below the root.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn folder(&self) -> io::Result<PathBuf> {
        let number = self.homes.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(number.to_string());
        fs::create_dir(&folder)?;
        Ok(folder)
    }
}

impl Drop for Root {
    /// A folder that cannot be removed is left for the next sweep, with the lock file that marks
    /// it.
    fn drop(&mut self) {
        remove(&self.folder, &self.lock_path);
    }
}

/// Removes a root with the processes in it, and its lock file once the root is gone.
fn remove(folder: &Path, lock_path: &Path) {
    stragglers::kill_below(folder);
    drop(fs::remove_dir_all(folder));
    if !folder.exists() {
        drop(fs::remove_file(lock_path));
    }
}

/// A lock file may have been swept after it was made and before it was locked.
fn is_same_file(lock: &File, path: &Path) -> bool {
    match (lock.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Removes the roots whose process has ended. Those of other users, or in use, stay.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else {
        return;
    };
    let locks = entries.flatten().map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(PREFIX) && path.extension().is_some_and(|end| end == LOCK)
    });
    for path in locks {
        let Ok(lock) = File::open(&path) else {
            continue;
        };
        if !matches!(lock.try_lock(), Err(TryLockError::WouldBlock | TryLockError::Error(_))) {
            remove(&path.with_extension(""), &path);
        }
    }
}

/// The free bytes of a folder's file system, where the system tells.
#[cfg_attr(
    target_os = "linux",
    expect(clippy::useless_conversion, reason = "the counts are 32 bits wide on other systems")
)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let stat = nix::sys::statvfs::statvfs(folder).ok()?;
    Some(u64::from(stat.blocks_available()) * u64::from(stat.fragment_size()))
}

#[cfg(target_os = "linux")]
fn roomy_tmpfs(folder: &Path) -> bool {
    use nix::sys::statfs::{TMPFS_MAGIC, statfs};
    let memory = statfs(folder).is_ok_and(|stat| stat.filesystem_type() == TMPFS_MAGIC);
    memory && free_bytes(folder).is_some_and(|bytes| bytes >= TMPFS_BYTES_MIN)
}

#[cfg(not(target_os = "linux"))]
fn roomy_tmpfs(_: &Path) -> bool {
    false
}
