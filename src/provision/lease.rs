//! A lease keeps a release in the cache while it is in use.
//!
//! It is a shared lock on the manifest of the entry, which ends with the process that holds it,
//! however that ends. The time of the manifest is when the release was last provided.

use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::sys::stat::futimens;
use nix::sys::time::TimeSpec;

/// No process prunes the release while a clone of this lives. The lease of an executable outside
/// the cache holds nothing.
#[derive(Clone, Debug, Default)]
pub struct Lease(#[expect(dead_code, reason = "it is held, and never read")] Option<Arc<File>>);

/// How often, and with which pause, it is tried to lock an entry that is to go.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(10);

/// Another process uses the release.
#[derive(Clone, Copy, Debug)]
pub(super) struct InUse;

impl PartialEq for Lease {
    /// All leases are equal: a lease is not a property of an executable.
    fn eq(&self, _: &Lease) -> bool {
        true
    }
}

impl Eq for Lease {}

impl Lease {
    /// A lease of the entry with this manifest, which counts as used now; `None` when the entry is
    /// gone or about to go.
    pub(super) fn take(manifest: &Path) -> Option<Lease> {
        let file = File::open(manifest).ok()?;
        file.try_lock_shared().ok()?;
        // Another process may have pruned the entry between the two calls.
        let (ours, there) = (file.metadata().ok()?, manifest.metadata().ok()?);
        if (ours.dev(), ours.ino()) != (there.dev(), there.ino()) {
            return None;
        }
        // A cache that this user cannot write to keeps its times: others prune it.
        let _ = futimens(&file, &TimeSpec::UTIME_NOW, &TimeSpec::UTIME_NOW);
        Some(Lease(Some(Arc::new(file))))
    }
}

/// The right to remove the entry with this manifest, for as long as the file is held. An entry
/// without a manifest needs none.
pub(super) fn sole(manifest: &Path) -> Result<Option<File>, InUse> {
    let Ok(file) = File::open(manifest) else {
        return Ok(None);
    };
    // A child that is being started holds what its parent has just given up, until it is another
    // program. Nothing tells of that moment.
    for _ in 0..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::park_timeout(PAUSE),
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(Some(file)),
        }
    }
    Err(InUse)
}

/// When the entry with this manifest was last provided, in nanoseconds since 1970.
pub(super) fn used_ns(manifest: &Path) -> i64 {
    manifest.metadata().map_or(0, |about| about.mtime() * 1_000_000_000 + about.mtime_nsec())
}
