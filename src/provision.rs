//! Provides a server by version or path: fetched with npm or pip, verified, and cached; and the
//! Python SDK likewise.
//!
//! A package must have the digest that `ci/servers.lock` states, or for other releases the one in
//! the client's own metadata. A half-finished download is never used: a package is unpacked beside
//! its place and moved there at the end, under a lock. Reads no argument and no environment
//! variable; npm and pip read theirs.

mod cache;
mod child;
mod client;
mod digest;
pub mod fetch;
mod identify;
pub mod lease;
mod npm;
mod package;
pub mod pins;
mod pip;
mod progress_reader;
pub mod prune;
pub mod python;
pub mod range;
pub mod resolve;
pub mod sdk;
pub mod sdk_error;
mod spec;
mod unpack;

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use etcetera::BaseStrategy;
use semver::Version;

use self::lease::Lease;

/// The release that is checked by default.
pub const PINNED: &str = "0.169.0";

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Spec {
    /// A release, such as `0.169.0` or `0.131.0-alpha.8`.
    Version(Version),
    /// The newest release, looked up each time.
    Latest,
    /// An executable on this machine.
    Path(PathBuf),
}

/// A server that can be started.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Executable {
    pub spec: Spec,
    /// The native executable, absolute; its helper executables lie where it looks for them.
    pub path: PathBuf,
    /// `None` when the executable runs and states no version.
    pub version: Option<Version>,
    /// `sha256:` and the sha256 of the executable itself in hex: the same for every client.
    pub digest: String,
    /// Keeps the executable in the cache; hold it for as long as the executable is used.
    pub lease: Lease,
}

/// A release in the cache.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cached {
    pub version: Version,
    pub path: PathBuf,
    /// Its folder in the cache.
    pub entry: PathBuf,
    /// The size of all its files.
    pub bytes: u64,
    /// When it was last provided, in nanoseconds since 1970.
    pub used_ns: i64,
    /// Whether `ci/servers.lock` has a row for it.
    pub pinned: bool,
}

/// A program that fetches packages.
#[derive(
    Clone, Copy, Debug, Eq, PartialEq, strum::Display, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Client {
    Npm,
    Pip,
}

/// How npm and pip are called: a program and its first arguments, tried in order until one is
/// found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Clients {
    pub npm: Vec<Vec<String>>,
    pub pip: Vec<Vec<String>>,
}

/// The work under way, reported at least every tenth of a second while a client works.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Progress {
    /// Another process fetches into the same cache.
    Waiting,
    /// A client is asked which releases it has.
    Asking { client: Client },
    Fetching {
        client: Client,
        version: Version,
        bytes: u64,
        /// The size of the package, where it is known beforehand.
        total: Option<u64>,
    },
    /// pip fetches or installs the Python SDK; so much of it is there.
    FetchingSdk { version: Version, bytes: u64 },
    /// The package, or later the executable, is read for its digest.
    Verifying { bytes: u64, total: u64 },
    /// How much of the package was read while it is unpacked.
    Unpacking { bytes: u64, total: u64 },
    /// A release was removed to keep the cache below its limit.
    Freed { version: Version, bytes: u64 },
    /// The release is in the cache.
    Ready { version: Version },
}

/// Hears of progress; `Break` stops the work, and the clients with it.
pub type OnProgress<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + 'a;

/// The environment variable that names the folder of fetched servers.
pub const CACHE_VARIABLE: &str = "HEIRLOOM_CACHE";

/// The folder of fetched servers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cache {
    root: PathBuf,
    limit: Option<u64>,
}

/// Why there is no server. `package` is a release and its platform.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "`{text}` does not name a server: it is not a version, `latest` or a file; \
         give a release such as {PINNED}, or a path"
    )]
    NoSpec { text: String },
    #[error("`{text}` does not name releases: {why}")]
    NoSpan { text: String, why: String },
    #[error("no release in {text} is published for this platform; {ends}")]
    EmptySpan {
        text: String,
        /// The first and the last release that are published.
        ends: String,
    },
    #[error("cannot use {} as the server: {why}", path.display())]
    Unusable {
        path: PathBuf,
        /// Also says what to do.
        why: String,
    },
    #[error(
        "cannot fetch codex for {platform}: there are no packages for it; \
         pass --server PATH or set HEIRLOOM_SERVER"
    )]
    Platform { platform: String },
    #[error(
        "codex {package} is not published{}; name another, or pass --server PATH{answers}",
        newest.as_ref().map(|newest| format!(", and {newest} is the newest")).unwrap_or_default()
    )]
    UnknownVersion {
        package: String,
        /// The newest release, where it is known.
        newest: Option<Version>,
        /// What the clients said, each on a line of its own below the sentence.
        answers: String,
    },
    #[error(
        "cannot fetch codex {package}: neither npm nor pip was found; \
         install one of them, or pass --server PATH or set HEIRLOOM_SERVER"
    )]
    NoClient { package: String },
    #[error("cannot fetch codex {package}: {why}{answers}")]
    Unfetched {
        package: String,
        why: Unfetched,
        /// What the clients said, each on a line of its own below the sentence.
        answers: String,
    },
    #[error(
        "cannot trust the package of codex {package} from {client}: its digest is {found}, \
         {authority} says {expected}; nothing was kept; try again, or pass --server PATH"
    )]
    WrongDigest {
        package: String,
        client: Client,
        found: String,
        expected: String,
        /// Who states the expected digest.
        authority: &'static str,
    },
    #[error(
        "cannot use the package of codex {package}: {why}; nothing was kept; pass --server PATH"
    )]
    BadPackage { package: String, why: String },
    #[error("cannot free {text}: it is not in the cache; `heirloom servers` lists what is")]
    NotCached { text: String },
    #[error(
        "cannot lock {}: another process has held it for {minutes} minutes; end it and try again",
        path.display()
    )]
    Busy { path: PathBuf, minutes: u64 },
    #[error("cannot find the user's cache directory: {why}; set HEIRLOOM_CACHE to a directory")]
    NoCache { why: String },
    #[error(
        "cannot {action} {}: {source}; set HEIRLOOM_CACHE to a directory with room",
        path.display()
    )]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// The listener asked for it.
    #[error("stopped before the server was there; nothing was kept")]
    Stopped,
}

/// Why neither client brought a release, and the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub enum Unfetched {
    #[strum(to_string = "no room is left; free some, or set HEIRLOOM_CACHE to a folder with room")]
    NoRoom,
    #[strum(to_string = "no package registry can be reached; check the network, or pass --server \
                         PATH or set HEIRLOOM_SERVER")]
    NoNetwork,
    #[strum(
        to_string = "this pip asks for a newer Python; install npm or a newer Python, or pass \
                         --server PATH or set HEIRLOOM_SERVER"
    )]
    OldPython,
    #[strum(
        to_string = "npm and pip did not bring it; see what they say, or pass --server PATH or \
                         set HEIRLOOM_SERVER"
    )]
    Unclear,
}

impl Unfetched {
    /// What the clients' own words come down to.
    fn of(answers: &str) -> Unfetched {
        let says = |words: &[&str]| words.iter().any(|word| answers.contains(word));
        if says(&["ENOSPC", "No space left", "Disk quota"]) {
            Unfetched::NoRoom
        } else if says(&["Requires-Python", "Requires Python", "requires a different Python"]) {
            Unfetched::OldPython
        } else if says(&NETWORK) {
            Unfetched::NoNetwork
        } else {
            Unfetched::Unclear
        }
    }
}

/// What npm and pip say where a name is not found, or nothing answers.
const NETWORK: [&str; 12] = [
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "ETIMEDOUT",
    "ERR_SOCKET_TIMEOUT",
    "name resolution",
    "Failed to establish a new connection",
    "Network is unreachable",
    "(from versions: none)",
];

impl Error {
    /// Whether the user asked for something impossible, rather than something went wrong.
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

impl Clients {
    fn commands(&self, client: Client) -> &[Vec<String>] {
        match client {
            Client::Npm => &self.npm,
            Client::Pip => &self.pip,
        }
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
    /// The folder need not exist yet.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), limit: None }
    }

    /// The same cache with a limit in bytes. After a fetch the releases that were not used for
    /// longest go until the limit is kept, but never one that is in use or was just fetched.
    #[must_use]
    pub fn within(self, limit: u64) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// The folder that HEIRLOOM_CACHE names, else the user's cache, where the system wants caches
    /// to be.
    ///
    /// # Errors
    /// [`Error::NoCache`] for a user without a home.
    pub fn user() -> Result<Self, Error> {
        if let Some(root) = std::env::var_os(CACHE_VARIABLE).filter(|path| !path.is_empty()) {
            return Ok(Self::at(root));
        }
        let base = etcetera::choose_base_strategy()
            .map_err(|error| Error::NoCache { why: error.to_string() })?;
        Ok(Self::at(base.cache_dir().join("heirloom")))
    }
}

/// The releases in the cache, oldest first.
///
/// # Errors
/// [`Error::Io`] when the cache is there and cannot be read.
pub fn list(cache: &Cache) -> Result<Vec<Cached>, Error> {
    cache.entries()
}
