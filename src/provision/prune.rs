//! Frees the cache of the releases that were not used for longest.
//!
//! A release that a process uses stays, and is reported as in use. A broken entry goes in any case.
//! An entry is moved away before it is removed, so that no process finds half of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use semver::Version;

use crate::provision::cache::{self, io_error, size_of_tree};
use crate::provision::range::Span;
use crate::provision::{Cache, Cached, Error, OnProgress, Progress, Spec, lease};

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Keep {
    /// So many, those used last.
    Last(usize),
    /// Those used last that take together at most so many bytes.
    Within(u64),
    /// All but those that these words name.
    Without(Vec<Span>),
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pruned {
    /// In the order in which they went.
    pub freed: Vec<Freed>,
    /// What should have gone and stays, since a process uses it.
    pub in_use: Vec<Version>,
    /// The bytes of the releases that stay.
    pub left: u64,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Freed {
    /// `None` for a broken entry.
    pub version: Option<Version>,
    pub path: PathBuf,
    pub bytes: u64,
}

/// Frees the cache of everything but what is to stay.
///
/// # Errors
/// Those of the file system and of the lock, and [`Error::NotCached`] for a release that is to go
/// and is not there.
pub fn prune(
    cache: &Cache,
    keep: &Keep,
    on_progress: &mut OnProgress<'_>,
) -> Result<Pruned, Error> {
    if !cache.servers().exists() {
        return Ok(Pruned::default());
    }
    let _lock = cache.lock(on_progress)?;
    prune_locked(cache, keep)
}

/// Brings the cache below its limit, where it has one. The caller holds the lock.
pub(super) fn prune_to_limit(cache: &Cache, on_progress: &mut OnProgress<'_>) -> Result<(), Error> {
    let Some(limit) = cache.limit else {
        return Ok(());
    };
    for Freed { version, bytes, .. } in prune_locked(cache, &Keep::Within(limit))?.freed {
        if let Some(version) = version {
            // It is gone already: nothing is left that could be stopped.
            let _ = on_progress(&Progress::Freed { version, bytes });
        }
    }
    Ok(())
}

fn prune_locked(cache: &Cache, keep: &Keep) -> Result<Pruned, Error> {
    let mut pruned = Pruned { freed: remove_broken(cache)?, ..Pruned::default() };
    let mut cached = cache.entries()?;
    if let Keep::Without(spans) = keep {
        let is_cached = |span: &&Span| cached.iter().any(|entry| names(span, entry));
        if let Some(absent) = spans.iter().find(|span| !is_cached(span)) {
            return Err(Error::NotCached { text: absent.to_string() });
        }
    }
    let mut count = cached.len();
    pruned.left = cached.iter().map(|entry| entry.bytes).sum();
    // Of two that were used at the same time, the older release goes first.
    cached.sort_by(|a, b| (a.used_ns, &a.version).cmp(&(b.used_ns, &b.version)));
    for entry in cached {
        let goes = match keep {
            Keep::Last(stay) => count > *stay,
            Keep::Within(bytes) => pruned.left > *bytes,
            Keep::Without(spans) => spans.iter().any(|span| names(span, &entry)),
        };
        if !goes {
            continue;
        }
        let Ok(_sole) = lease::sole(&entry.entry.join(cache::MANIFEST)) else {
            pruned.in_use.push(entry.version);
            continue;
        };
        remove(cache, &entry.entry)?;
        count -= 1;
        pruned.left -= entry.bytes;
        let Cached { version, entry: path, bytes, .. } = entry;
        pruned.freed.push(Freed { version: Some(version), path, bytes });
    }
    Ok(pruned)
}

fn names(span: &Span, cached: &Cached) -> bool {
    match span {
        Span::One(Spec::Version(version)) => *version == cached.version,
        Span::One(Spec::Path(path)) => *path == cached.path,
        Span::One(Spec::Latest) => false,
        Span::Range(range) => range.contains_exactly(&cached.version),
    }
}

fn remove_broken(cache: &Cache) -> Result<Vec<Freed>, Error> {
    cache.sweep();
    let whole: BTreeSet<PathBuf> =
        cache.entries()?.into_iter().map(|cached| cached.entry).collect();
    let servers = cache.servers();
    let found = servers.read_dir().map_err(io_error("read", &servers))?;
    let mut freed = Vec::new();
    for path in found.flatten().map(|entry| entry.path()) {
        if !path.is_dir() || whole.contains(&path) {
            continue;
        }
        if let Ok(_sole) = lease::sole(&path.join(cache::MANIFEST)) {
            let bytes = size_of_tree(&path);
            remove(cache, &path)?;
            freed.push(Freed { version: None, path, bytes });
        }
    }
    Ok(freed)
}

fn remove(cache: &Cache, entry: &Path) -> Result<(), Error> {
    let scratch = cache.scratch()?;
    fs::rename(entry, scratch.path().join("old/entry")).map_err(io_error("move away", entry))?;
    scratch.close().map_err(io_error("remove", entry))
}
