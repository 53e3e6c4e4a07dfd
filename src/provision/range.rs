//! A word that names one server or several: `latest`, a path, `0.144..0.169`.

use std::fmt;
use std::str::FromStr;

use semver::Version;

use crate::program::release_range::ReleaseRange;
use crate::provision::{Error, Spec};

/// One server, or every release of a range.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Span {
    One(Spec),
    Range(ReleaseRange),
}

impl FromStr for Span {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let unread = |why: &str| Error::NoSpan { text: text.to_owned(), why: why.to_owned() };
        let is_release = Version::parse(text).is_ok();
        match text.parse::<ReleaseRange>() {
            Ok(range) if !is_release => Ok(Self::Range(range)),
            Err(why) if text.contains("..") && !text.contains('/') => Err(unread(&why)),
            _ => text.parse().map(Self::One).map_err(|error| match error {
                Error::NoSpec { .. } => unread("it is not a release, a range, `latest` or a file"),
                error => error,
            }),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(spec) => spec.fmt(f),
            Self::Range(range) => range.fmt(f),
        }
    }
}
