//! The word for a server, read and printed.
//!
//! A version, `latest`, or a path; the pinned release where nothing is said. Reads no file but to
//! see whether one of that name is here.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use semver::Version;

use crate::provision::{Error, PINNED, Spec};

impl FromStr for Spec {
    type Err = Error;

    /// Reads a version, which may be written as a tag is (`v0.169.0`), `latest`, or a path. A word
    /// without a slash is a path only if such a file is here; a path with one is not looked at yet.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        match Version::parse(text.strip_prefix('v').unwrap_or(text)) {
            Ok(version) => Ok(Self::Version(version)),
            Err(_) if text.contains('/') || Path::new(text).exists() => Ok(Self::Path(text.into())),
            Err(_) => Err(Error::NoSpec { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => version.fmt(f),
            Self::Latest => f.write_str("latest"),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

impl Default for Spec {
    fn default() -> Self {
        Self::Version(Version::parse(PINNED).expect("the pinned release is a version"))
    }
}
