//! Frees the cache of what was not used for longest.
//!
//! What goes is chosen by number, by size or by name; a release that some process uses stays, and
//! is told as in use. What is broken goes in any case. An entry is moved away before it is removed,
//! so that nobody finds half of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use semver::Version;

use crate::provision::cache::{self, failed};
use crate::provision::range::Span;
use crate::provision::{Cache, Cached, Error, Progress, Spec, Tell, lease, tree};

/// What is to stay.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Keep {
    /// So many releases, those used last.
    Last(usize),
    /// The releases used last that have together at most so many bytes.
    Within(u64),
    /// All but the releases that these words name.
    Without(Vec<Span>),
}

/// What came of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pruned {
    /// What went, in order.
    pub freed: Vec<Freed>,
    /// What was to go and stays, since somebody uses it.
    pub in_use: Vec<Version>,
    /// The bytes of the releases that stay.
    pub left: u64,
}

/// Something that went.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Freed {
    /// The release; none for an entry that could not be read or was broken.
    pub version: Option<Version>,
    /// Where it was.
    pub path: PathBuf,
    /// What it took.
    pub bytes: u64,
}

/// Frees the cache of everything but what is to stay.
///
/// # Errors
/// Those of the file system and of the lock, and [`Error::NotCached`] for a release that is to go
/// and is not there.
pub fn prune(cache: &Cache, keep: &Keep, tell: &mut Tell<'_>) -> Result<Pruned, Error> {
    if !cache.servers().exists() {
        return Ok(Pruned::default());
    }
    let _lock = cache.lock(tell)?;
    free(cache, keep)
}

/// Brings the cache below its limit, where it has one. Only for who holds the lock.
pub(super) fn trim(cache: &Cache, tell: &mut Tell<'_>) -> Result<(), Error> {
    let Some(limit) = cache.limit else {
        return Ok(());
    };
    for Freed { version, bytes, .. } in free(cache, &Keep::Within(limit))?.freed {
        if let Some(version) = version {
            // What is freed is freed: there is nothing to break off.
            let _ = tell(&Progress::Freed { version, bytes });
        }
    }
    Ok(())
}

/// Frees it. Only for who holds the lock.
fn free(cache: &Cache, keep: &Keep) -> Result<Pruned, Error> {
    let mut pruned = Pruned { freed: broken(cache)?, ..Pruned::default() };
    let cached = cache.entries()?;
    if let Keep::Without(spans) = keep {
        spans.iter().try_for_each(|span| known(span, &cached))?;
    }
    let mut count = cached.len();
    pruned.left = cached.iter().map(|one| one.bytes).sum();
    for one in in_order(cached) {
        let goes = match keep {
            Keep::Last(stay) => count > *stay,
            Keep::Within(bytes) => pruned.left > *bytes,
            Keep::Without(spans) => spans.iter().any(|span| names(span, &one)),
        };
        if goes && release(cache, &one, &mut pruned)? {
            count -= 1;
            pruned.left -= one.bytes;
        }
    }
    Ok(pruned)
}

/// What was not used for longest first; of two that were used together, the older release.
fn in_order(mut cached: Vec<Cached>) -> Vec<Cached> {
    cached.sort_by(|one, other| (one.used_ns, &one.version).cmp(&(other.used_ns, &other.version)));
    cached
}

fn names(span: &Span, cached: &Cached) -> bool {
    match span {
        Span::One(Spec::Version(version)) => *version == cached.version,
        Span::One(Spec::Path(path)) => *path == cached.path,
        Span::One(Spec::Latest) => false,
        Span::Range(range) => range.contains(&cached.version),
    }
}

fn known(span: &Span, cached: &[Cached]) -> Result<(), Error> {
    match cached.iter().any(|one| names(span, one)) {
        true => Ok(()),
        false => Err(Error::NotCached { text: span.to_string() }),
    }
}

/// Removes an entry unless it is in use, and says whether it went.
fn release(cache: &Cache, one: &Cached, pruned: &mut Pruned) -> Result<bool, Error> {
    let Ok(_sole) = lease::sole(&one.entry.join(cache::MANIFEST)) else {
        pruned.in_use.push(one.version.clone());
        return Ok(false);
    };
    remove(cache, &one.entry)?;
    let freed =
        Freed { version: Some(one.version.clone()), path: one.entry.clone(), bytes: one.bytes };
    pruned.freed.push(freed);
    Ok(true)
}

/// Removes what is no entry that could be used.
fn broken(cache: &Cache) -> Result<Vec<Freed>, Error> {
    cache.sweep();
    let whole: BTreeSet<PathBuf> = cache.entries()?.into_iter().map(|one| one.entry).collect();
    let servers = cache.servers();
    let found = servers.read_dir().map_err(failed("read", &servers))?;
    let mut freed = Vec::new();
    for path in found.flatten().map(|entry| entry.path()) {
        if !path.is_dir() || whole.contains(&path) {
            continue;
        }
        if let Ok(_sole) = lease::sole(&path.join(cache::MANIFEST)) {
            let bytes = tree::bytes(&path);
            remove(cache, &path)?;
            freed.push(Freed { version: None, path, bytes });
        }
    }
    Ok(freed)
}

fn remove(cache: &Cache, entry: &Path) -> Result<(), Error> {
    let room = cache.room()?;
    fs::rename(entry, room.path().join("old/entry")).map_err(failed("move away", entry))?;
    room.close().map_err(failed("remove", entry))
}
