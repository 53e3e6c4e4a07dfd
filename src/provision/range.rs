//! Several releases in a word: `0.144..0.169` and its like.
//!
//! Both ends of a range are in it, and an end may name a minor version as a whole. Ranges are about
//! what is published for this platform; a prerelease is taken only where an end names it, or as the
//! last of a minor version that has no other. Gives releases in order, each once, then paths.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::str::FromStr;

use semver::{Prerelease, Version};

use crate::provision::{Clients, Error, Spec, Tell, fetch};

/// The first release that the suite was tried on: where a range begins that does not say where.
pub const OLDEST: &str = "0.131";

/// What is said of a range without an end: what it means would change with every release.
const OPEN: &str = "a range has both ends in it; write it like 0.144..0.169";

/// A word that names one release or several.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Span {
    /// One server.
    One(Spec),
    /// All releases from one to another.
    Range(Range),
}

/// Releases from one to another, both included.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Range {
    text: String,
    bounds: (Bound<Version>, Bound<Version>),
}

/// Which releases of a range are meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Every {
    /// All of them.
    Release,
    /// The last of each minor version.
    Minor,
}

impl Default for Range {
    /// All releases from the oldest that the suite knows.
    fn default() -> Self {
        range(OLDEST, "").expect("the oldest release begins a range")
    }
}

impl FromStr for Span {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let none = |why: &str| Error::NoSpan { text: text.to_owned(), why: why.to_owned() };
        let is_path = text.contains('/');
        if let Some((from, to)) = text.split_once("..").filter(|_| !is_path) {
            let open = from.is_empty() || to.is_empty();
            let range = if open { Err(OPEN.to_owned()) } else { range(from, to) };
            return range.map(Span::Range).map_err(|why| none(&why));
        }
        if minor(text).is_some() {
            return range(text, text).map(Span::Range).map_err(|why| none(&why));
        }
        let unread = |error| match error {
            Error::NoSpec { .. } => none("it is neither a release, a range, `latest`, nor a file"),
            error => error,
        };
        text.parse().map(Span::One).map_err(unread)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(spec) => spec.fmt(f),
            Self::Range(range) => f.write_str(&range.text),
        }
    }
}

impl Range {
    /// Whether a release lies in it.
    #[must_use]
    pub fn contains(&self, version: &Version) -> bool {
        self.bounds.contains(version)
    }

    /// The releases that are meant by it, of those that there are.
    #[must_use]
    pub fn among(&self, every: Every, published: &BTreeSet<Version>) -> Vec<Version> {
        let taken = |version: &&Version| self.takes(version, published);
        let inside: Vec<&Version> = published.iter().filter(taken).collect();
        let last = |index: usize| {
            inside.get(index + 1).is_none_or(|next| line(next) != line(inside[index]))
        };
        let meant = |index: usize| every == Every::Release || last(index);
        (0..inside.len()).filter(|index| meant(*index)).map(|index| inside[index].clone()).collect()
    }

    fn takes(&self, version: &Version, published: &BTreeSet<Version>) -> bool {
        let is_end = |bound: &Bound<Version>| *bound == Bound::Included(version.clone());
        let named = is_end(&self.bounds.0) || is_end(&self.bounds.1);
        let same = || published.iter().filter(|other| line(other) == line(version));
        let alone = || same().all(|other| !other.pre.is_empty());
        let stands_for_it = || alone() && same().next_back() == Some(version);
        self.contains(version) && (version.pre.is_empty() || named || stands_for_it())
    }
}

/// The servers that the words name: releases in order, each once, then paths as they were given.
/// The clients are asked only where a word needs them.
///
/// # Errors
/// A range in which nothing is published, or clients that cannot say what is.
pub fn servers(
    clients: &Clients,
    (spans, every): (&[Span], Every),
    tell: &mut Tell<'_>,
) -> Result<Vec<Spec>, Error> {
    let ranges = spans.iter().any(|span| matches!(span, Span::Range(_)));
    let published = if ranges { fetch::published(clients, tell)? } else { BTreeSet::new() };
    let (mut releases, mut paths) = (BTreeSet::new(), Vec::new());
    for span in spans {
        match span {
            Span::One(Spec::Version(version)) => drop(releases.insert(version.clone())),
            Span::One(Spec::Latest) => drop(releases.insert(fetch::latest(clients, tell)?)),
            Span::One(path) if paths.contains(path) => {}
            Span::One(path) => paths.push(path.clone()),
            Span::Range(range) => {
                let found = range.among(every, &published);
                if found.is_empty() {
                    return Err(empty(range, &published));
                }
                releases.extend(found);
            }
        }
    }
    Ok(releases.into_iter().map(Spec::Version).chain(paths).collect())
}

fn empty(range: &Range, published: &BTreeSet<Version>) -> Error {
    let ends = published.first().zip(published.last());
    let ends = ends.map_or("there are none".to_owned(), |(first, last)| {
        format!("they go from {first} to {last}")
    });
    Error::EmptySpan { text: range.text.clone(), ends }
}

/// The minor version that a release belongs to.
fn line(version: &Version) -> (u64, u64) {
    (version.major, version.minor)
}

fn range(from: &str, to: &str) -> Result<Range, String> {
    let expects = |end: &str| format!("`{end}` is no end of a range; write it like 0.144..0.169");
    let first = match from {
        "" => Bound::Unbounded,
        from => match (minor(from), Version::parse(from)) {
            (Some((major, minor)), _) => Bound::Included(before(major, minor)),
            (None, Ok(version)) => Bound::Included(version),
            (None, Err(_)) => return Err(expects(from)),
        },
    };
    let last = match to {
        "" => Bound::Unbounded,
        to => match (minor(to), Version::parse(to)) {
            (Some((major, minor)), _) => Bound::Excluded(before(major, minor + 1)),
            (None, Ok(version)) => Bound::Included(version),
            (None, Err(_)) => return Err(expects(to)),
        },
    };
    let text = if from == to { from.to_owned() } else { format!("{from}..{to}") };
    let backwards = match (&first, &last) {
        (Bound::Included(first), Bound::Included(last)) => first > last,
        (Bound::Included(first), Bound::Excluded(last)) => first >= last,
        _ => false,
    };
    match backwards {
        true => Err(format!("it ends before it begins; write {to}..{from}")),
        false => Ok(Range { text, bounds: (first, last) }),
    }
}

/// Reads a minor version, as `0.144`.
fn minor(text: &str) -> Option<(u64, u64)> {
    let (major, minor) = text.split_once('.')?;
    let digits = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let number = |word: &str| word.parse().ok().filter(|number| *number < u64::MAX);
    (digits(major) && digits(minor)).then(|| Some((number(major)?, number(minor)?)))?
}

/// What comes before everything of a minor version, its prereleases included.
fn before(major: u64, minor: u64) -> Version {
    let lowest = Prerelease::new("0").expect("a zero is a prerelease");
    Version { pre: lowest, ..Version::new(major, minor, 0) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use expect_test::{Expect, expect};
    use semver::Version;

    use super::{Every, Span};

    const PUBLISHED: [&str; 10] = [
        "0.130.0",
        "0.131.0-alpha.4",
        "0.131.0-alpha.22",
        "0.132.0-alpha.1",
        "0.132.0",
        "0.144.0",
        "0.144.6",
        "0.148.0-alpha.8",
        "0.148.0",
        "0.169.0",
    ];

    fn check(text: &str, expected: Expect) {
        let version = |text: &str| Version::parse(text).expect("it is a version");
        let published: BTreeSet<Version> = PUBLISHED.into_iter().map(version).collect();
        let list = |versions: Vec<Version>| {
            versions.iter().map(Version::to_string).collect::<Vec<_>>().join(" ")
        };
        expected.assert_eq(&match text.parse::<Span>() {
            Ok(Span::One(spec)) => format!("one {spec}"),
            Ok(Span::Range(range)) => {
                let all = list(range.among(Every::Release, &published));
                format!("all {all}\nminor {}", list(range.among(Every::Minor, &published)))
            }
            Err(error) => error.to_string().replace(": ", ":\n"),
        });
    }

    #[test]
    fn both_ends_of_a_range_are_in_it() {
        check(
            "0.132.0..0.144.6",
            expect![[r#"
                all 0.132.0 0.144.0 0.144.6
                minor 0.132.0 0.144.6"#]],
        );
    }

    #[test]
    fn an_end_may_name_a_minor_version_as_a_whole() {
        check(
            "0.144..0.169",
            expect![[r#"
                all 0.144.0 0.144.6 0.148.0 0.169.0
                minor 0.144.6 0.148.0 0.169.0"#]],
        );
    }

    #[test]
    fn a_minor_version_alone_is_all_of_it() {
        check(
            "0.144",
            expect![[r#"
                all 0.144.0 0.144.6
                minor 0.144.6"#]],
        );
    }

    #[test]
    fn the_last_prerelease_stands_for_a_minor_version_without_a_release() {
        check(
            "0.130..0.132",
            expect![[r#"
                all 0.130.0 0.131.0-alpha.22 0.132.0
                minor 0.130.0 0.131.0-alpha.22 0.132.0"#]],
        );
    }

    #[test]
    fn a_prerelease_that_an_end_names_is_in_it() {
        check(
            "0.148.0-alpha.8..0.169",
            expect![[r#"
                all 0.148.0-alpha.8 0.148.0 0.169.0
                minor 0.148.0 0.169.0"#]],
        );
    }

    #[test]
    fn a_release_and_a_path_are_one_each() {
        check("0.169.0", expect!["one 0.169.0"]);
        check("v0.169.0", expect!["one 0.169.0"]);
        check("../codex", expect!["one ../codex"]);
    }

    #[test]
    fn what_is_no_range_is_refused_with_what_to_write() {
        check(
            "0.169..0.144",
            expect![[r#"
                cannot tell releases from `0.169..0.144`:
                it ends before it begins; write 0.144..0.169"#]],
        );
        check(
            "0.144..x",
            expect![[r#"
                cannot tell releases from `0.144..x`:
                `x` is no end of a range; write it like 0.144..0.169"#]],
        );
        check(
            "0.144..",
            expect![[r#"
            cannot tell releases from `0.144..`:
            a range has both ends in it; write it like 0.144..0.169"#]],
        );
        check(
            "..0.144",
            expect![[r#"
            cannot tell releases from `..0.144`:
            a range has both ends in it; write it like 0.144..0.169"#]],
        );
        check(
            "newest",
            expect![[r#"
                cannot tell releases from `newest`:
                it is neither a release, a range, `latest`, nor a file"#]],
        );
    }
}
