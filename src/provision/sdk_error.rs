//! Why there is no Python SDK, in words that show the way out.

use semver::Version;

use super::Error;

/// The name of the SDK's package.
pub const PACKAGE: &str = "openai-codex";

/// The oldest Python that the SDK runs on: every release so far says so.
pub const OLDEST: (u32, u32) = (3, 10);

/// How errors call the file of digests.
const DIGESTS: &str = "ci/clients.lock";

/// What pip and npm say where a name is not found, or nothing answers.
const NETWORK: [&str; 5] = [
    "name resolution",
    "Failed to establish a new connection",
    "Network is unreachable",
    "Connection refused",
    "(from versions: none)",
];

/// Why there is no SDK.
#[derive(Debug, thiserror::Error)]
pub enum NoSdk {
    #[error(
        "`{text}` does not name a client: give `python` or `python-async`, with a release as \
         `python=0.163.0`"
    )]
    NoSpec { text: String },
    #[error("cannot run the Python SDK: no Python was found; install Python {}.{} or newer", OLDEST.0, OLDEST.1)]
    NoPython,
    #[error(
        "cannot run the Python SDK: the Python found is {version}, and the SDK needs \
         {}.{} or newer; install one",
        OLDEST.0, OLDEST.1
    )]
    OldPython { version: String },
    #[error(
        "cannot fetch {PACKAGE}: Python {python} has no pip; install it, as with `python3 -m \
         ensurepip`"
    )]
    NoPip { python: String },
    #[error(
        "cannot make a virtual environment for {PACKAGE}; install Python's venv module\n  python: \
         {said}"
    )]
    NoEnvironment { said: String },
    #[error(
        "{PACKAGE} {version} is not published{}; name another",
        newest.as_ref().map(|newest| format!(", and {newest} is the newest")).unwrap_or_default()
    )]
    UnknownVersion { version: Version, newest: Option<Version> },
    #[error("cannot fetch {PACKAGE}: {0}\n  pip: {1}")]
    Pip(Problem, String),
    #[error(
        "cannot trust the wheel of {PACKAGE} {version}: its digest is {found}, {DIGESTS} says \
         {expected}; nothing was kept; try again"
    )]
    WrongDigest { version: Version, found: String, expected: String },
    #[error("cannot use {PACKAGE} {version}: {why}; nothing was kept; name another release")]
    Broken { version: Version, why: String },
    #[error(transparent)]
    Other(#[from] Error),
}

/// What pip's own words come down to, and the way out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, strum::Display)]
pub enum Problem {
    #[strum(to_string = "no room is left; free some, or set HEIRLOOM_CACHE to a folder with room")]
    NoRoom,
    #[strum(
        to_string = "no package registry can be reached; check the network, or name a release \
                         that `heirloom clients` lists"
    )]
    NoNetwork,
    #[strum(to_string = "pip finds no such release")]
    Unknown,
    #[strum(to_string = "pip did not bring it; see what it says")]
    Unclear,
}

impl Problem {
    pub(super) fn of(said: &str) -> Problem {
        let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
        if says(&["No space left", "Disk quota"]) {
            Problem::NoRoom
        } else if says(&NETWORK) {
            Problem::NoNetwork
        } else if says(&["No matching distribution"]) {
            Problem::Unknown
        } else {
            Problem::Unclear
        }
    }
}

impl NoSdk {
    /// Whether the user asked for something impossible, rather than something went wrong.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            NoSdk::NoSpec { .. } | NoSdk::UnknownVersion { .. } => true,
            NoSdk::Other(error) => error.is_usage(),
            _ => false,
        }
    }
}
