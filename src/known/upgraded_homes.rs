//! What runs say of homes that moved from one release to another.
//!
//! Kept apart from what shows on homes of one release, since the one says nothing of the other.
//! What no row excuses becomes a row with `from`, one for each release that shows it and the newest
//! that had the home before.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::Known;
use super::update::{Evidence, Proposed, Sighting, excused};
use crate::judge::signature::Signature;
use crate::program::release_range::ReleaseRange;

/// What is shown on a home that another release had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// What is shown.
    pub shown: Sighting,
    /// The releases that had the home before.
    pub before: BTreeSet<Version>,
}

impl Evidence {
    /// What is shown on moved homes alone and not excused: a row for each release, and for the
    /// newest that had the home before it, since one must be named and no run says more.
    pub(super) fn proposed_for_moved(&self, known: &Known, plain: &[Proposed]) -> Vec<Proposed> {
        let mut rows: BTreeMap<(&Signature, &Version, &Version), Proposed> = BTreeMap::new();
        for Moved { shown, before } in &self.moved {
            let is_plain = plain.iter().any(|proposed| proposed.covers(shown));
            let Some(from) = before.last().filter(|_| !is_plain) else { continue };
            if excused(known, shown, before) {
                continue;
            }
            let row = rows.entry((&shown.signature, &shown.release, from));
            let row = row.or_insert_with(|| Proposed {
                signature: shown.signature.clone(),
                seen: BTreeSet::new(),
                widened: false,
                releases: ReleaseRange::between(&shown.release, &shown.release),
                from: Some(ReleaseRange::between(from, from)),
                reason: format!("on a home that {from} had before, {}", shown.reason),
                case: format!("{}-from-{}", shown.case, from.to_string().replace('.', "-")),
                release: shown.release.clone(),
            });
            row.seen.extend(shown.form.clone());
            row.widened |= shown.widened;
        }
        rows.into_values().collect()
    }
}

impl Proposed {
    /// Whether it will excuse this, on whatever home.
    fn covers(&self, shown: &Sighting) -> bool {
        let form = shown.form.as_ref().is_none_or(|form| self.seen.contains(form));
        self.signature == shown.signature && form && self.releases.contains(&shown.release)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use semver::Version;

    use super::Moved;
    use crate::known::Known;
    use crate::known::update::{Change, Evidence, Sighting, changes};

    const CASE: &str = "# heirloom case v1\nconfig\nrestart graceful server=0.144.4\naudit\n";

    const LIST: &str = "[[deviation]]\nsignature = \"R4/AP/resume/never/config\"\n\
        seen = \"on-request\"\nreleases = \"=0.169.0\"\nfrom = \"=0.144.4\"\nreason = \"x\"\n\
        case = \"a.case\"\n";

    fn version(text: &str) -> Version {
        text.parse().expect("it is a version")
    }

    fn shown(form: &str) -> Sighting {
        Sighting {
            release: version("0.169.0"),
            signature: "R4/AP/resume/never/config".parse().expect("it is a signature"),
            form: Some(form.to_owned()),
            widened: false,
            reason: "a resume says no".to_owned(),
            case: "r4".to_owned(),
        }
    }

    fn after(form: &str, before: &[&str]) -> Moved {
        Moved { shown: shown(form), before: before.iter().map(|text| version(text)).collect() }
    }

    /// What runs would change in a list that excuses on-request on homes from 0.144.4.
    fn check(evidence: &Evidence, expected: Expect) {
        let known = Known::parse(LIST, |_| Ok(CASE.to_owned())).expect("it is a list");
        let told = changes(&known, evidence).into_iter().map(|change| match change {
            Change::Add(proposed) => format!("{}\n", proposed.lines("b.case").join("\n")),
            other => format!("{other:?}\n"),
        });
        expected.assert_eq(&told.collect::<String>());
    }

    #[test]
    fn what_shows_on_homes_of_another_release_becomes_a_row_with_from() {
        let moved = vec![after("on-request", &["0.131.0"]), after("on-request", &["0.144.4"])];
        check(
            &Evidence { moved, ..Evidence::default() },
            expect![[r#"
                [[deviation]]
                signature = "R4/AP/resume/never/config"
                seen = "on-request"
                releases = "0.169.0"
                from = "0.131.0"
                reason = "on a home that 0.131.0 had before, a resume says no"
                case = "b.case"
            "#]],
        );
    }

    #[test]
    fn what_shows_without_a_move_too_needs_no_row_with_from() {
        let (moved, plain) = (vec![after("untrusted", &["0.131.0"])], shown("untrusted"));
        let asked = [(plain.release.clone(), [plain.signature.clone()].into())].into();
        check(
            &Evidence { moved, asked, shown: vec![plain] },
            expect![[r#"
                [[deviation]]
                signature = "R4/AP/resume/never/config"
                seen = "untrusted"
                releases = "0.169.0"
                reason = "a resume says no"
                case = "b.case"
            "#]],
        );
    }
}
