//! The folder of all homes of this process, and the sweep of those that were left behind.
//!
//! `heirloom-XXXX.lock` stands beside the folder `heirloom-XXXX` and is locked as long as the
//! process lives, however it ends. Whoever gets the lock of another may remove both.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

const PREFIX: &str = "heirloom-";
const LOCK: &str = "lock";

/// Where a folder lies that no sandbox counts as its own: neither a temporary folder, which a
/// workspace may write to, nor below /dev, which a sandbox has a copy of.
const OUTSIDE: &str = "/var/tmp";

/// Room that homes may need on tmpfs: a home is 3 MB prepared, grows by 100 kB a case, and is
/// renewed after a bounded number of them.
const TMPFS_BYTES_MIN: u64 = 1 << 30;

/// Room that a case may need: a home with its databases, and what turns write.
const CASE_BYTES_MIN: u64 = 64 << 20;

/// The folder of this process's homes; removed when dropped.
#[derive(Debug)]
pub struct Root {
    folder: PathBuf,
    lock_path: PathBuf,
    /// Held, not read.
    _lock: File,
    homes: AtomicU32,
    /// Where what lies outside the homes' sandboxes lies.
    outside: Option<Box<Root>>,
}

impl Root {
    /// Sweeps what dead processes left, and makes a folder on tmpfs or in the temporary folder.
    ///
    /// # Errors
    /// A folder or a lock that cannot be made.
    pub fn create() -> io::Result<Root> {
        let temporary = std::env::temp_dir();
        let memory = Path::new("/dev/shm");
        sweep(&temporary);
        sweep(memory);
        sweep(Path::new(OUTSIDE));
        let mut root = match roomy_tmpfs(memory) {
            true => Root::below(memory).or_else(|_| Root::below(&temporary)),
            false => Root::below(&temporary),
        }?;
        // Without it the folder lies beside the homes, and whether a sandbox holds is found out
        // before anything is made of it.
        root.outside = Root::below(Path::new(OUTSIDE)).ok().map(Box::new);
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
            if is_still(&lock, &lock_path) {
                let folder = lock_path.with_extension("");
                fs::create_dir(&folder)?;
                let homes = AtomicU32::new(0);
                return Ok(Root { folder, lock_path, _lock: lock, homes, outside: None });
            }
        }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Whether there is room for a case: a server on a full disk shows the disk's faults.
    pub fn has_room(&self) -> bool {
        free_bytes(&self.folder).is_none_or(|bytes| bytes >= CASE_BYTES_MIN)
    }

    /// A new folder outside whatever a sandbox lets a home's threads write to.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn outside(&self) -> io::Result<PathBuf> {
        self.outside.as_deref().unwrap_or(self).folder()
    }

    /// A new folder below it.
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
    /// What cannot be removed is left for the next sweep, with the lock file by which it is found.
    fn drop(&mut self) {
        remove(&self.folder, &self.lock_path);
    }
}

/// Removes a root, and its lock file once the root is gone.
fn remove(folder: &Path, lock_path: &Path) {
    drop(fs::remove_dir_all(folder));
    if !folder.exists() {
        drop(fs::remove_file(lock_path));
    }
}

/// Between its making and its locking a lock file may have been swept.
fn is_still(lock: &File, path: &Path) -> bool {
    match (lock.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Removes the roots whose process is gone. What belongs to others, or is in use, stays.
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

/// The bytes that are free where a folder lies, where the system tells.
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
