//! Fetches a server by version or path, verified and cached.
//!
//! A version comes whole from the npm client, else from pip; its package must have the digest that
//! `ci/servers.lock` states, or for other releases the one that the client's own metadata states.
//! What is half done is never used: a package is unpacked beside its place and moved there at the
//! end, under a lock. Reads no argument and no variable of its own; the clients keep theirs.

mod cache;
mod child;
mod client;
mod digest;
mod fetch;
mod identify;
pub mod lease;
mod npm;
mod pins;
mod pip;
pub mod prune;
pub mod range;
mod spec;
#[cfg(test)]
mod tests;
mod tree;
mod unpack;
mod progress_reader;

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use etcetera::BaseStrategy;
use semver::Version;

use self::lease::Lease;

/// The release that is meant when nothing is said.
pub const PINNED: &str = "0.169.0";

/// Which server is wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Spec {
    /// A release, such as `0.169.0` or `0.131.0-alpha.8`.
    Version(Version),
    /// The newest release that the clients know, asked each time.
    Latest,
    /// An executable that is already here.
    Path(PathBuf),
}

/// A server that can be started.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Executable {
    /// What was asked for.
    pub spec: Spec,
    /// The native executable, absolute; its helper executables lie where it looks for them.
    pub path: PathBuf,
    /// What the executable said to `--version`; `None` when it runs and states no version.
    pub version: Option<Version>,
    /// `sha256:` and the sha256 of the executable itself in hex: the same for every client.
    pub digest: String,
    /// Keeps it in the cache; to be held for as long as the executable is used.
    pub lease: Lease,
}

/// A release in the cache.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cached {
    /// The release.
    pub version: Version,
    /// Its executable.
    pub path: PathBuf,
    /// Its place in the cache.
    pub entry: PathBuf,
    /// The size of its files together.
    pub bytes: u64,
    /// When it was last provided, in nanoseconds since 1970.
    pub used_ns: i64,
    /// Whether `ci/servers.lock` has a row for it.
    pub pinned: bool,
}

/// A row of `ci/servers.lock`: a release on one platform, and what its packages must be.
#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    /// The release.
    pub version: Version,
    /// npm's name of the platform: `linux-x64`.
    pub platform: String,
    /// The integrity of the npm package, `sha512-` and base64.
    pub npm: Option<String>,
    /// The size of the npm package.
    pub npm_bytes: Option<u64>,
    /// The sha256 of the wheel in hex.
    pub wheel: Option<String>,
}

/// A package client.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Client {
    /// Node's.
    Npm,
    /// Python's.
    Pip,
}

/// The commands by which the clients are called: a program and its first arguments, tried in order
/// until one is found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Clients {
    /// Ways to call npm.
    pub npm: Vec<Vec<String>>,
    /// Ways to call pip.
    pub pip: Vec<Vec<String>>,
}

/// What is being done; told at least every tenth of a second while a client works.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Progress {
    /// Another process fetches into the same cache.
    Waiting,
    /// A client is asked what it has.
    Asking {
        /// The one asked.
        client: Client,
    },
    /// A client downloads.
    Fetching {
        /// The one that downloads.
        client: Client,
        /// The release.
        version: Version,
        /// What has arrived.
        bytes: u64,
        /// The whole, where it is known beforehand.
        total: Option<u64>,
    },
    /// The package, or later the executable, is read for its digest.
    Verifying {
        /// What was read.
        bytes: u64,
        /// The whole.
        total: u64,
    },
    /// The package is unpacked.
    Unpacking {
        /// What was read of the package.
        bytes: u64,
        /// The whole package.
        total: u64,
    },
    /// A release was not used for longest, and went for the cache to stay below its limit.
    Freed {
        /// The release.
        version: Version,
        /// What it took.
        bytes: u64,
    },
    /// The release stands in the cache.
    Ready {
        /// The release.
        version: Version,
    },
}

/// Hears of progress; `Break` stops the work, and the clients with it.
pub type Tell<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + 'a;

/// The directory where fetched servers are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cache {
    root: PathBuf,
    /// How many bytes its releases may take together.
    limit: Option<u64>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no [`Spec`].
    #[error(
        "cannot tell a server from `{text}`: neither a version, `latest`, nor a file; \
         give a release such as {PINNED}, or a path"
    )]
    NoSpec {
        /// The text.
        text: String,
    },
    /// The text names no releases.
    #[error("cannot tell releases from `{text}`: {why}")]
    NoSpan {
        /// The text.
        text: String,
        /// What is wrong with it, and what to write.
        why: String,
    },
    /// Nothing is published in a range.
    #[error("no release in {text} is published for this platform; {ends}")]
    EmptySpan {
        /// The range.
        text: String,
        /// The first and the last that are.
        ends: String,
    },
    /// The path leads to nothing that can be run.
    #[error("cannot use {} as the server: {why}", path.display())]
    Unusable {
        /// The path as given.
        path: PathBuf,
        /// What came back, and what to do.
        why: String,
    },
    /// There are no packages for this machine.
    #[error(
        "cannot fetch codex for {platform}: there are no packages for it; \
         pass --server PATH or set HEIRLOOM_SERVER"
    )]
    Platform {
        /// Operating system and architecture.
        platform: String,
    },
    /// Every client that is here knows no such release.
    #[error(
        "cannot fetch codex {what}: no such release: {said}; name another, or pass --server PATH"
    )]
    UnknownVersion {
        /// The release and the platform.
        what: String,
        /// What each client said.
        said: String,
    },
    /// Neither npm nor pip is here.
    #[error(
        "cannot fetch codex {what}: neither npm nor pip was found; \
         install one of them, or pass --server PATH or set HEIRLOOM_SERVER"
    )]
    NoClient {
        /// The release and the platform.
        what: String,
    },
    /// No client could bring it.
    #[error(
        "cannot fetch codex {what}: {said}; \
         check the network, or pass --server PATH or set HEIRLOOM_SERVER"
    )]
    Unfetched {
        /// The release and the platform.
        what: String,
        /// What each client said.
        said: String,
    },
    /// The package is not the one that was promised.
    #[error(
        "cannot trust the package of codex {what} from {client}: its digest is {seen}, \
         {authority} says {due}; nothing was kept; try again, or pass --server PATH"
    )]
    WrongDigest {
        /// The release and the platform.
        what: String,
        /// Who brought it.
        client: Client,
        /// The digest it has.
        seen: String,
        /// The digest it should have.
        due: String,
        /// Who states the latter.
        authority: &'static str,
    },
    /// The package holds something that it must not, or lacks what it must have.
    #[error("cannot use the package of codex {what}: {why}; nothing was kept; pass --server PATH")]
    BadPackage {
        /// The release and the platform.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// A release that is to go is not in the cache.
    #[error("cannot free {text}: it is not in the cache; `heirloom servers` lists what is")]
    NotCached {
        /// What was to go.
        text: String,
    },
    /// Another process holds the cache for longer than a fetch may take.
    #[error(
        "cannot lock {}: another process has held it for {minutes} minutes; end it and try again",
        path.display()
    )]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// How long it was waited for.
        minutes: u64,
    },
    /// There is no place for a cache.
    #[error("cannot find the user's cache directory: {why}; set HEIRLOOM_CACHE to a directory")]
    NoCache {
        /// What came back.
        why: String,
    },
    /// The cache could not be read or written.
    #[error(
        "cannot {action} {}: {source}; set HEIRLOOM_CACHE to a directory with room",
        path.display()
    )]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What came back.
        source: io::Error,
    },
    /// The listener asked for it.
    #[error("stopped before the server was there; nothing was kept")]
    Stopped,
}

impl Error {
    /// Whether the person asked for something that cannot be, rather than something went wrong.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::NoSpec { .. }
                | Self::NoSpan { .. }
                | Self::EmptySpan { .. }
                | Self::NotCached { .. }
                | Self::Unusable { .. }
                | Self::UnknownVersion { .. }
        )
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Npm => "npm",
            Self::Pip => "pip",
        })
    }
}

impl Default for Clients {
    fn default() -> Self {
        let command = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Self {
            npm: vec![command(&["npm"])],
            pip: vec![command(&["pip3"]), command(&["pip"]), command(&["python3", "-m", "pip"])],
        }
    }
}

impl Cache {
    /// The cache at this directory, which need not exist yet.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), limit: None }
    }

    /// The same cache with a limit, in bytes: what a fetch brings above it goes again, the releases
    /// that were not used for longest first, but never one that is in use or was just fetched.
    #[must_use]
    pub fn within(self, limit: u64) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// The cache of this user, where the system wants caches to be.
    ///
    /// # Errors
    /// [`Error::NoCache`] for a user without a home.
    pub fn user() -> Result<Self, Error> {
        let base = etcetera::choose_base_strategy()
            .map_err(|error| Error::NoCache { why: error.to_string() })?;
        Ok(Self::at(base.cache_dir().join("heirloom")))
    }
}

/// Provides the server that `spec` names: from the cache, else fetched into it by the clients.
///
/// # Errors
/// Any [`Error`]; none leaves anything half done behind that a later call would use.
pub fn provide(spec: &Spec, cache: &Cache, tell: &mut Tell<'_>) -> Result<Executable, Error> {
    provide_by(&Clients::default(), spec, cache, tell)
}

/// As [`provide`], with clients that are called otherwise than by their usual names.
///
/// # Errors
/// As [`provide`].
pub fn provide_by(
    clients: &Clients,
    spec: &Spec,
    cache: &Cache,
    tell: &mut Tell<'_>,
) -> Result<Executable, Error> {
    let version = match spec {
        Spec::Path(path) => return identify::by_path(path),
        Spec::Version(version) => version.clone(),
        Spec::Latest => fetch::latest(clients, tell)?,
    };
    let found = fetch::version(clients, &version, cache, tell)?;
    Ok(Executable { spec: spec.clone(), ..found })
}

/// The releases in the cache, oldest first.
///
/// # Errors
/// [`Error::Io`] when the cache is there and cannot be read.
pub fn list(cache: &Cache) -> Result<Vec<Cached>, Error> {
    cache.entries()
}

/// The rows of `ci/servers.lock`.
#[must_use]
pub fn pinned() -> Vec<Pinned> {
    pins::rows()
}
