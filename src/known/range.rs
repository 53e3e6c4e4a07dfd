//! The releases that a row holds for.
//!
//! Written as a range of semver with a first and a last: a row that has no end would excuse
//! releases that nobody has run. A prerelease counts as its release.

use std::fmt;
use std::str::FromStr;

use semver::{Comparator, Op, Version, VersionReq};

/// A range of releases with both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    written: VersionReq,
    /// The first that may lie in it.
    from: Version,
    /// The first past it.
    before: Version,
}

impl Range {
    /// From one release to another, both included.
    pub fn between(first: &Version, last: &Version) -> Range {
        let (first, last) = (released(first), released(last));
        let text = match first == last {
            true => format!("={first}"),
            false => format!(">={first}, <={last}"),
        };
        text.parse().expect("a range of two releases has both ends")
    }

    /// Whether a release lies in it.
    pub fn contains(&self, release: &Version) -> bool {
        self.written.matches(&released(release))
    }

    /// Whether a release may lie in both.
    pub fn overlaps(&self, other: &Range) -> bool {
        self.from < other.before && other.from < self.before
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.fmt(f)
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Range, String> {
        let none = |_| {
            format!(
                "`{text}` is no range of releases; write the first and the last that show it, as \
                 `>=0.150.0, <=0.169.0`"
            )
        };
        let written: VersionReq = text.parse().map_err(none)?;
        if written.comparators.iter().any(|one| !one.pre.is_empty()) {
            return Err(format!(
                "`{text}` names a prerelease, which counts as its release; name that"
            ));
        }
        let from = written.comparators.iter().filter_map(first).max();
        let before = written.comparators.iter().filter_map(past).min();
        match (from, before) {
            (Some(from), Some(before)) if from < before => Ok(Range { written, from, before }),
            (Some(_), Some(_)) => Err(format!("`{text}` has no release in it")),
            (from, _) => {
                let end = if from.is_some() { "last" } else { "first" };
                Err(format!(
                    "`{text}` is too wide: it has no {end} release, and no run supports it; write \
                     the first and the last that show it, as `>=0.150.0, <=0.169.0`"
                ))
            }
        }
    }
}

/// The release that a prerelease counts as.
fn released(version: &Version) -> Version {
    Version::new(version.major, version.minor, version.patch)
}

/// The first release that a comparator lets in, where it says one.
fn first(one: &Comparator) -> Option<Version> {
    let named = Version::new(one.major, one.minor.unwrap_or(0), one.patch.unwrap_or(0));
    match one.op {
        Op::Exact | Op::GreaterEq | Op::Tilde | Op::Caret | Op::Wildcard => Some(named),
        Op::Greater => Some(next(one)),
        _ => None,
    }
}

/// The first release past those that a comparator lets in, where it says one.
fn past(one: &Comparator) -> Option<Version> {
    let Comparator { major, minor, patch, .. } = *one;
    match one.op {
        Op::Exact | Op::LessEq | Op::Wildcard => Some(next(one)),
        Op::Less => Some(Version::new(major, minor.unwrap_or(0), patch.unwrap_or(0))),
        Op::Tilde => Some(next(&Comparator { patch: None, ..one.clone() })),
        Op::Caret => Some(match (major, minor, patch) {
            (0, Some(0), Some(patch)) => Version::new(0, 0, patch.saturating_add(1)),
            (0, Some(minor), _) => Version::new(0, minor.saturating_add(1), 0),
            _ => Version::new(major.saturating_add(1), 0, 0),
        }),
        _ => None,
    }
}

/// The first release after all that a comparator's version may mean.
fn next(one: &Comparator) -> Version {
    match (one.minor, one.patch) {
        (Some(minor), Some(patch)) => Version::new(one.major, minor, patch.saturating_add(1)),
        (Some(minor), None) => Version::new(one.major, minor.saturating_add(1), 0),
        (None, _) => Version::new(one.major.saturating_add(1), 0, 0),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use semver::Version;

    use super::Range;

    /// The releases, of some that stand close together, that lie in a range.
    fn check(text: &str, expected: Expect) {
        let some = ["0.131.0-alpha.8", "0.131.0", "0.143.9", "0.144.4", "0.144.5", "0.150.0"];
        let some = some.map(|text| text.parse::<Version>().expect("it is a version"));
        expected.assert_eq(&match text.parse::<Range>() {
            Ok(range) => {
                let inside = some.iter().filter(|version| range.contains(version));
                inside.map(ToString::to_string).collect::<Vec<_>>().join(" ")
            }
            Err(problem) => problem.replace([':', ';'], "\n "),
        });
    }

    #[test]
    fn a_range_has_both_ends() {
        check(">=0.131.0, <=0.144.4", expect!["0.131.0-alpha.8 0.131.0 0.143.9 0.144.4"]);
        check("=0.144.4", expect!["0.144.4"]);
        check("0.144.*", expect!["0.144.4 0.144.5"]);
        check("~0.144.5", expect!["0.144.5"]);
        check(">0.143, <0.150", expect!["0.144.4 0.144.5"]);
    }

    #[test]
    fn a_range_without_an_end_is_too_wide() {
        for text in ["*", "<0.150.0", ">=0.144"] {
            let problem = text.parse::<Range>().expect_err("it has no end");
            assert!(problem.contains("is too wide"), "{problem}");
        }
    }

    #[test]
    fn a_range_with_nothing_in_it_is_refused() {
        check(">=0.150.0, <0.144.0", expect!["`>=0.150.0, <0.144.0` has no release in it"]);
        check("9", expect![""]);
        check(
            "=18446744073709551615.0.18446744073709551615",
            expect!["`=18446744073709551615.0.18446744073709551615` has no release in it"],
        );
        check(
            "soon",
            expect![[r#"
                `soon` is no range of releases
                  write the first and the last that show it, as `>=0.150.0, <=0.169.0`"#]],
        );
        check(
            "=0.131.0-alpha.8",
            expect![[r#"
                `=0.131.0-alpha.8` names a prerelease, which counts as its release
                  name that"#]],
        );
    }

    #[test]
    fn ranges_that_share_a_release_overlap() {
        let range = |text: &str| text.parse::<Range>().expect("it is a range");
        let pairs =
            [("=0.144.4", "0.144.*"), ("<=0.144.4, >0.1", "=0.144.5"), ("~0.144", "0.145.*")];
        let told = pairs.map(|(one, other)| range(one).overlaps(&range(other)));
        expect!["[true, false, false]"].assert_eq(&format!("{told:?}"));
    }

    #[test]
    fn what_runs_have_shown_is_a_range() {
        let version = |text: &str| text.parse::<Version>().expect("it is a version");
        let (first, last) = (version("0.131.0-alpha.8"), version("0.144.4"));
        let told = [Range::between(&first, &last), Range::between(&last, &last)];
        expect![[r#"[">=0.131.0, <=0.144.4", "=0.144.4"]"#]]
            .assert_eq(&format!("{:?}", told.map(|range| range.to_string())));
    }
}
