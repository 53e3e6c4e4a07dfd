//! Finds the servers that words such as `0.144..0.169` name.
//!
//! A range stands for the releases published for this platform. A prerelease is taken only where an
//! end of the range names it, or as the last of a minor version that has no other release.

use std::collections::BTreeSet;

use semver::Version;

use crate::program::release_range::ReleaseRange;
use crate::provision::range::Span;
use crate::provision::{Clients, Error, OnProgress, Spec, fetch};

/// Which releases of a range are meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Every {
    Release,
    /// The last release of each minor version.
    Minor,
}

/// The servers that the words name: releases in order, each once, then paths as they were given.
/// npm and pip are asked only where a word needs them.
///
/// # Errors
/// A range in which nothing is published, or neither npm nor pip can say what is.
pub fn servers(
    clients: &Clients,
    spans: &[Span],
    every: Every,
    on_progress: &mut OnProgress<'_>,
) -> Result<Vec<Spec>, Error> {
    let has_range = spans.iter().any(|span| matches!(span, Span::Range(_)));
    let published =
        if has_range { fetch::published(clients, on_progress)? } else { BTreeSet::new() };
    let (mut releases, mut paths) = (BTreeSet::new(), Vec::new());
    for span in spans {
        match span {
            Span::One(Spec::Version(version)) => {
                let newest = published.last().filter(|newest| version > newest);
                if let Some(newest) = newest.cloned() {
                    let (package, answers) = (version.to_string(), String::new());
                    return Err(Error::UnknownVersion { package, newest: Some(newest), answers });
                }
                releases.insert(version.clone());
            }
            Span::One(Spec::Latest) => drop(releases.insert(fetch::latest(clients, on_progress)?)),
            Span::One(path) if paths.contains(path) => {}
            Span::One(path) => paths.push(path.clone()),
            Span::Range(range) => {
                let found = published_in(range, every, &published);
                if found.is_empty() {
                    return Err(nothing_published_in(range, &published));
                }
                releases.extend(found);
            }
        }
    }
    Ok(releases.into_iter().map(Spec::Version).chain(paths).collect())
}

fn published_in(range: &ReleaseRange, every: Every, published: &BTreeSet<Version>) -> Vec<Version> {
    let is_meant = |version: &&Version| {
        version.pre.is_empty()
            || range.names(version)
            || is_last_of_unreleased_minor(version, published)
    };
    let inside = published.iter().filter(|version| range.contains_exactly(version));
    let mut found: Vec<Version> = inside.filter(is_meant).cloned().collect();
    if every == Every::Minor {
        found.reverse();
        found.dedup_by_key(|version| minor(version));
        found.reverse();
    }
    found
}

fn is_last_of_unreleased_minor(version: &Version, published: &BTreeSet<Version>) -> bool {
    let mut siblings = published.iter().filter(|other| minor(other) == minor(version));
    siblings.clone().all(|other| !other.pre.is_empty()) && siblings.next_back() == Some(version)
}

fn minor(version: &Version) -> (u64, u64) {
    (version.major, version.minor)
}

fn nothing_published_in(range: &ReleaseRange, published: &BTreeSet<Version>) -> Error {
    let ends = published.first().zip(published.last());
    let ends = ends.map_or("there are none".to_owned(), |(first, last)| {
        format!("they go from {first} to {last}")
    });
    Error::EmptySpan { text: range.to_string(), ends }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use expect_test::{Expect, expect};
    use semver::Version;

    use super::{Every, published_in};
    use crate::provision::range::Span;

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
                let all = list(published_in(&range, Every::Release, &published));
                format!("all {all}\nminor {}", list(published_in(&range, Every::Minor, &published)))
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
    fn a_word_that_names_no_releases_is_refused_with_what_to_write() {
        check(
            "0.169..0.144",
            expect![[r#"
                `0.169..0.144` does not name releases:
                it ends before it begins; write 0.144..0.169"#]],
        );
        check(
            "0.144..x",
            expect![[r#"
                `0.144..x` does not name releases:
                `x` is not a release or a minor version; write a range as 0.144..0.169"#]],
        );
        check(
            "0.144..",
            expect![[r#"
                `0.144..` does not name releases:
                it has no last release; write both ends, as 0.144..0.169"#]],
        );
        check(
            "..0.144",
            expect![[r#"
                `..0.144` does not name releases:
                it has no first release; write both ends, as 0.144..0.169"#]],
        );
        check(
            "newest",
            expect![[r#"
                `newest` does not name releases:
                it is not a release, a range, `latest` or a file"#]],
        );
    }
}
