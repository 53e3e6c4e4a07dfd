//! Measures a tree of files.
//!
//! What vanishes while it looks counts as nothing: a client may be at work in there.

use std::path::Path;

/// The sizes of all files at or below `path`; links are not followed.
pub(super) fn bytes(path: &Path) -> u64 {
    match path.symlink_metadata() {
        Ok(about) if about.is_file() => about.len(),
        Ok(about) if about.is_dir() => {
            let entries = path.read_dir().into_iter().flatten().flatten();
            entries.map(|entry| bytes(&entry.path())).sum()
        }
        _ => 0,
    }
}
