//! What the sandbox of a command leaves outside the homes.
//!
//! Where a command may write to a folder, the sandbox of Linux mounts empty folders in it, so that
//! the command cannot make a repository or a config there. It makes them first where they are not
//! there yet, and removes them afterwards, unless it is killed. Most lie in a home and go with it.
//! Others lie in the system's temporary folder, or in the root of all files where a thread may write
//! everywhere.

use std::fs;
use std::path::{Path, PathBuf};

/// The folders outside the homes that a thread may be allowed to write to.
const WRITABLE: [&str; 2] = ["/tmp", "/"];

const NAMES: [&str; 4] = [".git", ".codex", ".agents", ".aws"];

/// Folders that were not there at first; those that are there and empty at the end are removed.
#[derive(Debug)]
pub(super) struct MountPoints(Vec<PathBuf>);

impl MountPoints {
    pub(super) fn new() -> MountPoints {
        MountPoints::below(WRITABLE.map(Path::new))
    }

    fn below<const N: usize>(folders: [&Path; N]) -> MountPoints {
        let paths = folders.into_iter().flat_map(|folder| NAMES.map(|name| folder.join(name)));
        MountPoints(paths.filter(|path| fs::symlink_metadata(path).is_err()).collect())
    }
}

impl Drop for MountPoints {
    fn drop(&mut self) {
        // It fails where the folder is not there or not empty, and is right to.
        self.0.iter().for_each(|path| drop(fs::remove_dir(path)));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::MountPoints;

    #[test]
    fn empty_folders_that_came_are_removed_and_all_others_stay() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = |name| folder.path().join(name);
        fs::create_dir(path(".git")).expect("it can be made");
        let mount_points = MountPoints::below([folder.path()]);
        for name in [".codex", ".agents", ".config"] {
            fs::create_dir(path(name)).expect("it can be made");
        }
        fs::write(path(".agents").join("file"), "").expect("it can be written");
        drop(mount_points);
        let there = [".git", ".codex", ".agents", ".config"].map(|name| path(name).exists());
        assert_eq!(there, [true, false, true, true]);
    }
}
