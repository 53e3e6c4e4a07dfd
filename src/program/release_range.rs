//! A range of releases, such as `0.144..0.169`.
//!
//! Both ends belong to it, and an end may name a minor version as a whole. A single release or a
//! single minor version is a range too.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use semver::Version;

/// The first minor version that the suite was tried on.
const OLDEST: End = End::Minor(0, 131);

/// Whether heirloom was never tried on a release, since it is older than all others.
pub fn is_untried(release: &Version) -> bool {
    (release.major, release.minor) < (0, 131)
}

/// Releases from one to another, both included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRange {
    first: End,
    /// `None` only in the default, which goes up to whatever is newest.
    last: Option<End>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// Every release of a minor version, its prereleases included.
    Minor(u64, u64),
    Release(Version),
}

impl Default for ReleaseRange {
    /// Every release from the oldest that the suite was tried on.
    fn default() -> ReleaseRange {
        ReleaseRange { first: OLDEST, last: None }
    }
}

impl ReleaseRange {
    /// From one release to another, both included; a prerelease counts as its release.
    pub fn between(first: &Version, last: &Version) -> ReleaseRange {
        let end = |version: &Version| End::Release(without_prerelease(version));
        ReleaseRange { first: end(first), last: Some(end(last)) }
    }

    /// Reads the range of a known deviation, also as earlier versions of heirloom wrote it:
    /// `>=0.131.0, <=0.144.4`, `=0.144.4` or `0.144.*`.
    ///
    /// # Errors
    /// A text that is not a range, or that names a prerelease.
    pub fn of_known_deviation(text: &str) -> Result<ReleaseRange, String> {
        let written = written_as_requirement(text);
        let range = written.as_deref().unwrap_or(text).parse::<ReleaseRange>();
        let is_prerelease =
            |end: &End| matches!(end, End::Release(version) if !version.pre.is_empty());
        let problem = match range {
            Ok(range) if range.ends().any(is_prerelease) => {
                "it names a prerelease, which counts as its release; name that".to_owned()
            }
            Ok(range) => return Ok(range),
            Err(problem) => problem,
        };
        Err(format!("`{text}` is not a range of releases: {problem}"))
    }

    /// Whether the range holds a release; a prerelease counts as its release.
    pub fn contains(&self, release: &Version) -> bool {
        self.contains_exactly(&without_prerelease(release))
    }

    /// As [`ReleaseRange::contains`], but a prerelease comes before its release.
    pub fn contains_exactly(&self, version: &Version) -> bool {
        let version = End::Release(version.clone());
        self.first.compare(&version).is_le()
            && self.last.as_ref().is_none_or(|last| last.compare(&version).is_ge())
    }

    /// Whether every release of the range is older; a prerelease counts as its release.
    pub fn ends_before(&self, release: &Version) -> bool {
        let release = End::Release(without_prerelease(release));
        self.last.as_ref().is_some_and(|last| last.compare(&release).is_lt())
    }

    /// The same up to a release; a prerelease counts as its release.
    pub fn until(&self, last: &Version) -> ReleaseRange {
        let last = End::Release(without_prerelease(last));
        ReleaseRange { first: self.first.clone(), last: Some(last) }
    }

    /// Whether the range begins or ends at this very release.
    pub fn names(&self, version: &Version) -> bool {
        self.ends().any(|end| matches!(end, End::Release(named) if named == version))
    }

    fn ends(&self) -> impl Iterator<Item = &End> {
        std::iter::once(&self.first).chain(&self.last)
    }

    /// Whether some release may lie in both ranges.
    pub fn overlaps(&self, other: &ReleaseRange) -> bool {
        let begins_before_end_of = |one: &ReleaseRange, other: &ReleaseRange| {
            other.last.as_ref().is_none_or(|last| one.first.compare(last).is_le())
        };
        begins_before_end_of(self, other) && begins_before_end_of(other, self)
    }
}

impl End {
    /// A minor version is equal to each of its releases.
    fn compare(&self, other: &End) -> Ordering {
        match (self, other) {
            (End::Release(one), End::Release(other)) => one.cmp(other),
            _ => self.minor().cmp(&other.minor()),
        }
    }

    fn minor(&self) -> (u64, u64) {
        match self {
            End::Minor(major, minor) => (*major, *minor),
            End::Release(version) => (version.major, version.minor),
        }
    }
}

impl fmt::Display for ReleaseRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.last {
            None => write!(f, "{}..", self.first),
            Some(last) if *last == self.first => last.fmt(f),
            Some(last) => write!(f, "{}..{last}", self.first),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Minor(major, minor) => write!(f, "{major}.{minor}"),
            End::Release(version) => version.fmt(f),
        }
    }
}

impl FromStr for ReleaseRange {
    type Err = String;

    /// A range without an end is refused: what it means would change with every release.
    fn from_str(text: &str) -> Result<ReleaseRange, String> {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        if first.is_empty() || last.is_empty() {
            let absent = if first.is_empty() { "first" } else { "last" };
            return Err(format!("it has no {absent} release; write both ends, as 0.144..0.169"));
        }
        let range = ReleaseRange { first: first.parse()?, last: Some(last.parse()?) };
        match &range.last {
            Some(end) if end.compare(&range.first).is_lt() => {
                Err(format!("it ends before it begins; write {last}..{first}"))
            }
            _ => Ok(range),
        }
    }
}

impl FromStr for End {
    type Err = String;

    fn from_str(text: &str) -> Result<End, String> {
        let minor = || {
            let (major, minor) = text.split_once('.')?;
            Some(End::Minor(number(major)?, number(minor)?))
        };
        let release = || Version::parse(text).ok().map(End::Release);
        minor().or_else(release).ok_or_else(|| {
            format!("`{text}` is not a release or a minor version; write a range as 0.144..0.169")
        })
    }
}

fn number(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// The range that a semver requirement stands for.
fn written_as_requirement(text: &str) -> Option<String> {
    if let Some(one) = text.strip_prefix('=').or_else(|| text.strip_suffix(".*")) {
        return Some(one.trim().to_owned());
    }
    let bound = |sign| text.split(',').find_map(|part| part.trim().strip_prefix(sign));
    let (first, last) = (bound(">="), bound("<="));
    let ends = [first, last].map(|end| end.unwrap_or_default().trim());
    (first.is_some() || last.is_some()).then(|| ends.join(".."))
}

fn without_prerelease(version: &Version) -> Version {
    Version::new(version.major, version.minor, version.patch)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use semver::Version;

    use super::ReleaseRange;

    fn version(text: &str) -> Version {
        text.parse().expect("it is a version")
    }

    /// How a known deviation's range prints, and which of some close releases it holds.
    fn check(text: &str, expected: Expect) {
        let some = ["0.131.0-alpha.8", "0.131.0", "0.143.9", "0.144.4", "0.144.5", "0.150.0"];
        expected.assert_eq(&match ReleaseRange::of_known_deviation(text) {
            Ok(range) => {
                let inside = some.iter().filter(|text| range.contains(&version(text)));
                format!("{range}: {}", inside.copied().collect::<Vec<_>>().join(" "))
            }
            Err(problem) => problem.replace("; ", ";\n"),
        });
    }

    #[test]
    fn both_ends_belong_to_a_range_and_a_prerelease_counts_as_its_release() {
        check(
            "0.131.0..0.144.4",
            expect!["0.131.0..0.144.4: 0.131.0-alpha.8 0.131.0 0.143.9 0.144.4"],
        );
        check("0.143..0.144", expect!["0.143..0.144: 0.143.9 0.144.4 0.144.5"]);
        check("0.144.4", expect!["0.144.4: 0.144.4"]);
        check("0.144", expect!["0.144: 0.144.4 0.144.5"]);
    }

    #[test]
    fn the_older_spelling_is_read() {
        check(
            ">=0.131.0, <=0.144.4",
            expect!["0.131.0..0.144.4: 0.131.0-alpha.8 0.131.0 0.143.9 0.144.4"],
        );
        check("=0.144.4", expect!["0.144.4: 0.144.4"]);
        check("0.144.*", expect!["0.144: 0.144.4 0.144.5"]);
        check(
            ">=0.144",
            expect![[r#"
                `>=0.144` is not a range of releases: it has no last release;
                write both ends, as 0.144..0.169"#]],
        );
    }

    #[test]
    fn a_text_that_is_not_a_range_is_refused_with_what_to_write() {
        check(
            "0.144..",
            expect![[r#"
                `0.144..` is not a range of releases: it has no last release;
                write both ends, as 0.144..0.169"#]],
        );
        check(
            "..0.144",
            expect![[r#"
                `..0.144` is not a range of releases: it has no first release;
                write both ends, as 0.144..0.169"#]],
        );
        check(
            "<0.144",
            expect![[r#"
                `<0.144` is not a range of releases: `<0.144` is not a release or a minor version;
                write a range as 0.144..0.169"#]],
        );
        check(
            "0.150.0..0.144",
            expect![[r#"
                `0.150.0..0.144` is not a range of releases: it ends before it begins;
                write 0.144..0.150.0"#]],
        );
        check(
            "=0.131.0-alpha.8",
            expect![[r#"
                `=0.131.0-alpha.8` is not a range of releases: it names a prerelease, which counts as its release;
                name that"#]],
        );
    }

    #[test]
    fn ranges_that_share_a_release_overlap() {
        let pairs = [("0.144.4", "0.144"), ("0.1..0.144.4", "0.144.5"), ("0.144", "0.145..0.150")];
        let range = |text: &str| text.parse::<ReleaseRange>().expect("it is a range");
        let overlap = pairs.map(|(one, other)| range(one).overlaps(&range(other)));
        expect!["[true, false, false]"].assert_eq(&format!("{overlap:?}"));
    }

    #[test]
    fn a_prerelease_at_an_end_counts_as_its_release() {
        let (first, last) = (version("0.131.0-alpha.8"), version("0.144.4"));
        let ranges = [ReleaseRange::between(&first, &last), ReleaseRange::between(&last, &last)];
        expect!["0.131.0..0.144.4 0.144.4"].assert_eq(&ranges.map(|it| it.to_string()).join(" "));
    }
}
