//! What the sandbox of a command leaves outside the homes.
//!
//! Where a command may write to a folder, the sandbox of Linux mounts empty folders in it, so that
//! the command cannot make a repository or a config there. It makes them first where they are not
//! there yet, and removes them afterwards, unless it is killed. Most lie in a home and go with it.
//! Others lie in the system's temporary folder, or in the root of all files where a thread may write
//! everywhere.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The folders outside the homes that a thread may be allowed to write to.
const WRITABLE: [&str; 2] = ["/tmp", "/"];

const NAMES: [&str; 4] = [".git", ".codex", ".agents", ".aws"];

/// Such folders are removed at the end, where they are empty then and newer than a file. An older one
/// is another's.
#[derive(Debug)]
pub(super) struct MountPoints {
    begun: File,
    paths: Vec<PathBuf>,
}

impl MountPoints {
    pub(super) fn since(begun: File) -> MountPoints {
        MountPoints::below(WRITABLE.map(Path::new), begun)
    }

    fn below<const N: usize>(folders: [&Path; N], begun: File) -> MountPoints {
        let paths = folders.into_iter().flat_map(|folder| NAMES.map(|name| folder.join(name)));
        MountPoints { begun, paths: paths.collect() }
    }

    fn is_new(&self, path: &Path) -> io::Result<bool> {
        Ok(fs::symlink_metadata(path)?.modified()? >= self.begun.metadata()?.modified()?)
    }
}

impl Drop for MountPoints {
    fn drop(&mut self) {
        for path in &self.paths {
            if self.is_new(path).is_ok_and(|is_new| is_new) {
                // It fails where the folder is not empty, and is right to.
                drop(fs::remove_dir(path));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::SystemTime;

    use super::MountPoints;

    #[test]
    fn empty_folders_that_came_are_removed_and_all_others_stay() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = |name| folder.path().join(name);
        fs::create_dir(path(".git")).expect("it can be made");
        let old = File::open(path(".git")).and_then(|git| git.set_modified(SystemTime::UNIX_EPOCH));
        old.expect("its time can be set");
        let mount_points =
            MountPoints::below([folder.path()], tempfile::tempfile().expect("a file can be made"));
        for name in [".codex", ".agents", ".config"] {
            fs::create_dir(path(name)).expect("it can be made");
        }
        fs::write(path(".agents").join("file"), "").expect("it can be written");
        drop(mount_points);
        let there = [".git", ".codex", ".agents", ".config"].map(|name| path(name).exists());
        assert_eq!(there, [true, false, true, true]);
    }
}
