//! The folder of stored results: a file for each release and key.
//!
//! A release is found again by its version, so that a server which has left the cache need not be
//! fetched; a server given by path, by its digest. A file that cannot be read counts as missing.

use std::path::{Path, PathBuf};
use std::{fs, io};

use semver::Version;

use super::Results;
use super::record::{Key, Record};

/// Characters of a digest in a file's name: enough to tell releases apart.
const DIGEST_CHARS: usize = 12;

/// The folder of the results below the folder of a matrix.
const RELEASES: &str = "releases";

#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// A folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NoStore {
    #[error(
        "cannot keep a matrix in {}: something else is in it; name another with --out",
        .0.display()
    )]
    Taken(PathBuf),
    #[error("cannot make the folder {}: {source}; name another with --out", path.display())]
    Refused { path: PathBuf, source: io::Error },
}

impl Store {
    /// The store below a folder that is new, empty, or that of an earlier matrix.
    ///
    /// # Errors
    /// Something else is in it, or it cannot be made.
    pub fn at(folder: &Path) -> Result<Store, NoStore> {
        let refused = |source| NoStore::Refused { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(refused)?;
        let releases = folder.join(RELEASES);
        let empty = folder.read_dir().map_err(refused)?.next().is_none();
        if !empty && !releases.is_dir() {
            return Err(NoStore::Taken(folder.to_owned()));
        }
        fs::create_dir_all(&releases).map_err(refused)?;
        Ok(Store { folder: releases })
    }

    /// The results of a release.
    pub fn of_release(&self, version: &Version, key: &Key) -> Option<Results> {
        let (begin, end) = (format!("{version}-"), format!("-{}.json", key.name()));
        let fits = |name: &str| name.starts_with(&begin) && name.ends_with(&end);
        let entries = self.folder.read_dir().ok()?.flatten();
        let mut paths: Vec<PathBuf> = entries
            .filter(|entry| entry.file_name().to_str().is_some_and(fits))
            .map(|entry| entry.path())
            .collect();
        paths.sort();
        let found = paths.iter().find_map(|path| read(path, key));
        found.filter(|results| results.subject.version.as_ref() == Some(version))
    }

    /// The results of the server with this digest.
    pub fn of_digest(&self, label: &str, digest: &str, key: &Key) -> Option<Results> {
        let found = read(&self.path(label, digest, key), key);
        found.filter(|results| results.subject.digest == digest)
    }

    /// Keeps results of which cases ran and were not stopped. Inconclusive cases are a part of
    /// them, since they would be inconclusive again.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&self, label: &str, results: &Results, key: &Key) -> io::Result<()> {
        if results.interrupted || results.cases == 0 {
            return Ok(());
        }
        let path = self.path(label, &results.subject.digest, key);
        let record = Record::new(key.clone(), results);
        let text = serde_json::to_string(&record).expect("a record is plain values");
        let half = path.with_extension("half");
        fs::write(&half, format!("{text}\n"))?;
        fs::rename(&half, &path)
    }

    fn path(&self, label: &str, digest: &str, key: &Key) -> PathBuf {
        let label = label.replace(|sign: char| !sign.is_ascii_alphanumeric() && sign != '.', "_");
        let digest = digest.rsplit(':').next().unwrap_or(digest);
        let digest: String = digest.chars().take(DIGEST_CHARS).collect();
        self.folder.join(format!("{label}-{digest}-{}.json", key.name()))
    }
}

fn read(path: &Path, key: &Key) -> Option<Results> {
    let text = fs::read_to_string(path).ok()?;
    serde_json::from_str::<Record>(&text).ok()?.results(key)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::Store;

    #[test]
    fn a_folder_with_something_else_in_it_is_refused() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        std::fs::write(folder.path().join("letter"), "x").expect("it can be written");
        let refused = Store::at(folder.path()).expect_err("something is in it").to_string();
        expect!["cannot keep a matrix in FOLDER: something else is in it; name another with --out"]
            .assert_eq(&refused.replace(&folder.path().display().to_string(), "FOLDER"));
    }
}
