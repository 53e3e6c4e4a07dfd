//! A lease: a release in the cache that is in use is not pruned.
//!
//! A shared lock on its manifest, which ends with whoever holds it, however that ends. The time of
//! the manifest is when the release was last provided. Knows nothing of what is in an entry.

use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use nix::sys::stat::futimens;
use nix::sys::time::TimeSpec;

/// Holds a release in the cache: no process prunes it while a clone of this lives. One for an
/// executable outside the cache holds nothing.
#[derive(Clone, Debug, Default)]
pub struct Lease(#[expect(dead_code, reason = "it is held, and never read")] Option<Arc<File>>);

/// Somebody uses it.
#[derive(Clone, Copy, Debug)]
pub(super) struct InUse;

impl PartialEq for Lease {
    /// Leases are alike: what is held is not what is told of an executable.
    fn eq(&self, _: &Lease) -> bool {
        true
    }
}

impl Eq for Lease {}

impl Lease {
    /// A lease of the entry with this manifest, used now; `None` when it is gone or about to go.
    pub(super) fn take(manifest: &Path) -> Option<Lease> {
        let file = File::open(manifest).ok()?;
        file.try_lock_shared().ok()?;
        // Whoever pruned it between the two has moved it away.
        let (ours, there) = (file.metadata().ok()?, manifest.metadata().ok()?);
        if (ours.dev(), ours.ino()) != (there.dev(), there.ino()) {
            return None;
        }
        // A cache that only others may write keeps its times: it is theirs to prune.
        let _ = futimens(&file, &TimeSpec::UTIME_NOW, &TimeSpec::UTIME_NOW);
        Some(Lease(Some(Arc::new(file))))
    }
}

/// The right to remove the entry with this manifest, for as long as it is held; nothing has to be
/// held for an entry that has none.
pub(super) fn sole(manifest: &Path) -> Result<Option<File>, InUse> {
    let Ok(file) = File::open(manifest) else {
        return Ok(None);
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(InUse),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(file)),
    }
}

/// When the entry with this manifest was last provided, in nanoseconds since 1970.
pub(super) fn used_ns(manifest: &Path) -> i64 {
    manifest.metadata().map_or(0, |about| about.mtime() * 1_000_000_000 + about.mtime_nsec())
}
