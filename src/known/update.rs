//! What runs say about a list of known deviations, and the list as they would have it.
//!
//! A row whose range holds a release that was asked for it and did not show it is narrowed to
//! those that do, or goes where none does; what is shown and not excused becomes a row. Nothing is
//! said of releases that were not asked. The text is edited in place: what a person wrote between
//! the rows stays.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::upgraded_homes::Moved;
use super::{Known, Row};
use crate::judge::signature::Signature;
use crate::program::release_range::ReleaseRange;

/// What stands above a row that excuses what allows more than was due: it may be a vulnerability,
/// and a list is published.
pub const WIDENING: &str = "# WIDENED: see SECURITY.md before publishing";

/// What was shown on releases, and what they tried.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Each release with the signatures that it was asked for, by a case that shows them somewhere,
    /// whether or not it shows them.
    pub asked: BTreeMap<Version, BTreeSet<Signature>>,
    /// Everything that was shown and confirmed, on homes of one release.
    pub shown: Vec<Sighting>,
    /// The same on homes that another release had before.
    pub moved: Vec<Moved>,
}

/// A signature that a release shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The release.
    pub release: Version,
    /// The signature.
    pub signature: Signature,
    /// The form of the wrong value, where it is one.
    pub form: Option<String>,
    /// Whether it allows more than was due.
    pub widened: bool,
    /// What it is, in a sentence.
    pub reason: String,
    /// The name of its case, without folder and ending.
    pub case: String,
}

/// One change of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The row at this line holds for less than it says.
    Narrow {
        /// The line where it begins.
        line: usize,
        /// Its signature.
        signature: Signature,
        /// What it says.
        from: ReleaseRange,
        /// What the runs support.
        to: ReleaseRange,
    },
    /// No release that was asked shows what the row at this line excuses.
    Remove {
        /// The line where it begins.
        line: usize,
        /// Its signature.
        signature: Signature,
    },
    /// Something is shown that no row excuses.
    Add(Proposed),
}

/// A row that is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// Its signature.
    pub signature: Signature,
    /// The wrong forms.
    pub seen: BTreeSet<String>,
    /// Whether one of them allows more than was due.
    pub widened: bool,
    /// The releases that show it.
    pub releases: ReleaseRange,
    /// The releases that had the home before, where it shows on such homes.
    pub from: Option<ReleaseRange>,
    /// What it is, in a sentence.
    pub reason: String,
    /// The name of its case, without folder and ending.
    pub case: String,
    /// The first of the releases, whose case it is.
    pub release: Version,
}

/// What the runs would have changed, in the order of the list.
pub fn changes(known: &Known, evidence: &Evidence) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut kept = Vec::new();
    for row in &known.rows {
        // Its own replay says whether it shows; what is shown elsewhere says nothing of such homes.
        if row.from.is_some() {
            kept.push(row.clone());
            continue;
        }
        let runs = evidence.runs(row);
        // What shows only sometimes is not missed when it does not.
        match (runs.split_last(), evidence.asks(row) && !row.racy) {
            (_, false) => kept.push(row.clone()),
            (None, true) => {
                let (line, signature) = (row.line, row.signature.clone());
                changes.push(Change::Remove { line, signature });
            }
            (Some((last, before)), true) => {
                let narrowed = narrowed(row, last, (before, evidence));
                kept.push(Row { releases: narrowed.clone(), ..row.clone() });
                if narrowed != row.releases {
                    let (line, signature) = (row.line, row.signature.clone());
                    let from = row.releases.clone();
                    changes.push(Change::Narrow { line, signature, from, to: narrowed });
                }
            }
        }
    }
    let known = Known { rows: kept };
    let plain = evidence.proposed(&known);
    let moved = evidence.proposed_for_moved(&known, &plain);
    changes.extend(plain.into_iter().chain(moved).map(Change::Add));
    changes
}

/// The range of a row as the runs support it: as it is where every release that was asked shows it.
fn narrowed(
    row: &Row,
    last: &(Version, Version),
    (before, evidence): (&[(Version, Version)], &Evidence),
) -> ReleaseRange {
    let inside = evidence.asking(&row.signature).into_iter();
    let mut inside = inside.filter(|release| row.releases.contains(release));
    let shows = |release: &Version| *release >= last.0 && *release <= last.1;
    match before.is_empty() && inside.all(|release| shows(&release)) {
        true => row.releases.clone(),
        false => ReleaseRange::between(&last.0, &last.1),
    }
}

impl Evidence {
    /// The releases that were asked for a signature, in order.
    fn asking(&self, signature: &Signature) -> Vec<Version> {
        let asked = self.asked.iter().filter(|(_, signatures)| signatures.contains(signature));
        asked.map(|(release, _)| release.clone()).collect()
    }

    /// Whether a release of a row's range was asked for it.
    fn asks(&self, row: &Row) -> bool {
        self.asking(&row.signature).iter().any(|release| row.releases.contains(release))
    }

    /// The unbroken rows of releases in a row's range that show what it excuses.
    fn runs(&self, row: &Row) -> Vec<(Version, Version)> {
        let excused = |shown: &&Sighting| {
            let form = shown.form.as_ref().is_none_or(|form| row.seen.contains(form));
            shown.signature == row.signature && form && row.releases.contains(&shown.release)
        };
        let shown: BTreeSet<&Version> =
            self.shown.iter().filter(excused).map(|shown| &shown.release).collect();
        unbroken(&self.asking(&row.signature), &shown)
    }

    /// What is shown and not excused, a row for each unbroken row of releases.
    fn proposed(&self, known: &Known) -> Vec<Proposed> {
        let mut new: BTreeMap<&Signature, Vec<&Sighting>> = BTreeMap::new();
        for shown in self.shown.iter().filter(|shown| !excused(known, shown, &BTreeSet::new())) {
            new.entry(&shown.signature).or_default().push(shown);
        }
        let mut proposed = Vec::new();
        for (signature, shown) in new {
            let releases: BTreeSet<&Version> = shown.iter().map(|one| &one.release).collect();
            for (first, last) in unbroken(&self.asking(signature), &releases) {
                let inside = |one: &&&Sighting| one.release >= first && one.release <= last;
                let of_run: Vec<&&Sighting> = shown.iter().filter(inside).collect();
                let Some(one) = of_run.iter().find(|one| one.release == first) else { continue };
                proposed.push(Proposed {
                    signature: signature.clone(),
                    seen: of_run.iter().filter_map(|one| one.form.clone()).collect(),
                    widened: of_run.iter().any(|one| one.widened),
                    releases: ReleaseRange::between(&first, &last),
                    from: None,
                    reason: one.reason.clone(),
                    case: one.case.clone(),
                    release: first,
                });
            }
        }
        proposed
    }
}

pub(super) fn excused(known: &Known, shown: &Sighting, before: &BTreeSet<Version>) -> bool {
    known.on(Some(&shown.release)).any(|row| {
        let form = shown.form.as_ref().is_none_or(|form| row.seen.contains(form));
        let from = |range: &ReleaseRange| before.iter().any(|release| range.contains(release));
        row.signature == shown.signature && form && row.from.as_ref().is_none_or(from)
    })
}

/// The first and last of each row of releases, one after another of those asked, that show.
fn unbroken(asked: &[Version], shown: &BTreeSet<&Version>) -> Vec<(Version, Version)> {
    let runs = asked.chunk_by(|one, other| shown.contains(one) == shown.contains(other));
    let shows = runs.filter(|run| run.first().is_some_and(|first| shown.contains(first)));
    shows.filter_map(|run| Some((run.first()?.clone(), run.last()?.clone()))).collect()
}

/// The text of a list with the changes made. `case` gives the path of a proposed row's case as the
/// list is to spell it.
pub fn edited(text: &str, changes: &[Change], case: impl Fn(&Proposed) -> String) -> String {
    let narrowed = |at: usize| {
        changes.iter().find_map(|change| match change {
            Change::Narrow { line, to, .. } if *line == at => Some(to),
            _ => None,
        })
    };
    let removed = |at: usize| {
        changes.iter().any(|change| matches!(change, Change::Remove { line, .. } if *line == at))
    };
    let (mut row, mut lines) = (0, Vec::new());
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("[[") {
            row = index + 1;
        }
        match narrowed(row) {
            // It belongs to the row below it.
            _ if line == WIDENING && !removed(index + 2) => lines.push(line.to_owned()),
            _ if line == WIDENING || removed(row) => {}
            Some(to) if line.trim_start().starts_with("releases") => {
                lines.push(format!("releases = \"{to}\""));
            }
            _ => lines.push(line.to_owned()),
        }
    }
    for change in changes {
        if let Change::Add(proposed) = change {
            lines.push(String::new());
            lines.extend(proposed.lines(&case(proposed)));
        }
    }
    let text = lines.join("\n");
    format!("{}\n", text.trim_end())
}

impl Proposed {
    /// The row as it stands in a list.
    pub fn lines(&self, case: &str) -> Vec<String> {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let forms: Vec<String> = self.seen.iter().map(|form| quoted(form)).collect();
        let seen = match forms.as_slice() {
            [] => None,
            [one] => Some(format!("seen = {one}")),
            forms => Some(format!("seen = [{}]", forms.join(", "))),
        };
        let signature = quoted(&self.signature.to_string());
        let widening = self.widened.then(|| WIDENING.to_owned());
        let head = ["[[deviation]]".to_owned(), format!("signature = {signature}")];
        let releases = [format!("releases = {}", quoted(&self.releases.to_string()))];
        let from = self.from.iter().map(|from| format!("from = {}", quoted(&from.to_string())));
        let tail =
            [format!("reason = {}", quoted(&self.reason)), format!("case = {}", quoted(case))];
        let before = widening.into_iter().chain(head);
        before.chain(seen).chain(releases).chain(from).chain(tail).collect()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use semver::Version;

    use super::{Change, Evidence, Proposed, Sighting, WIDENING, changes, edited};
    use crate::judge::signature::Signature;
    use crate::known::Known;

    const CASE: &str = "# heirloom case v1\nconfig\naudit\n";

    const LIST: &str = "# A word before.\n\n[[deviation]]\n\
        signature = \"R4/AP/resume/never/config\"\nseen = \"on-request\"\n\
        releases = \">=0.131.0, <=0.169.0\"\nreason = \"x\"\ncase = \"a.case\"\n\n\
        [[deviation]]\nsignature = \"R5/RV/resume/user/config\"\nseen = \"auto_review\"\n\
        releases = \"=0.144.4\"\nreason = \"x\"\ncase = \"b.case\"\n";

    fn version(text: &str) -> Version {
        text.parse().expect("it is a version")
    }

    /// Releases that were asked for R4 in AP, and the wrong form that each of them shows.
    fn evidence(releases: &[(&str, Option<&str>)]) -> Evidence {
        let mut evidence = Evidence::default();
        let signature: Signature = "R4/AP/resume/never/config".parse().expect("it is a signature");
        for (release, form) in releases {
            let asked = evidence.asked.entry(version(release)).or_default();
            asked.insert(signature.clone());
            let shown = form.map(|form| Sighting {
                release: version(release),
                signature: signature.clone(),
                form: Some(form.to_owned()),
                widened: form == "never",
                reason: "a resume says \"no\"".to_owned(),
                case: "r4-ap-resume-never-config".to_owned(),
            });
            evidence.shown.extend(shown);
        }
        evidence
    }

    fn check(evidence: &Evidence, expected: Expect) {
        let known = Known::parse(LIST, |_| Ok(CASE.to_owned())).expect("it is a list");
        let changes = changes(&known, evidence);
        let case = |proposed: &Proposed| format!("cases/{}.case", proposed.case);
        let after = edited(LIST, &changes, case);
        let read = Known::parse(&after, |_| Ok(CASE.to_owned())).expect("it is a list again");
        assert!(super::changes(&read, evidence).is_empty(), "nothing is left to change");
        let told = changes.iter().map(|change| match change {
            Change::Narrow { line, from, to, .. } => format!("line {line}: {from} to {to}\n"),
            Change::Remove { line, .. } => format!("line {line}: goes\n"),
            Change::Add(proposed) => format!("{}\n", proposed.lines(&case(proposed)).join("\n")),
        });
        expected.assert_eq(&told.collect::<String>());
    }

    #[test]
    fn a_row_that_every_run_supports_stays() {
        check(
            &evidence(&[("0.131.0", Some("on-request")), ("0.169.0", Some("on-request"))]),
            expect![],
        );
    }

    #[test]
    fn a_new_row_that_excuses_what_widens_says_so_and_goes_with_what_says_it() {
        let mut shown = evidence(&[("0.144.4", Some("never"))]);
        let other = "R4/AP/resume/on-request/config".parse().expect("it is a signature");
        shown.shown[0].signature = other;
        let signature = shown.shown[0].signature.clone();
        shown.asked = [(version("0.144.4"), [signature].into())].into();
        check(
            &shown,
            expect![[r##"
                # WIDENED: see SECURITY.md before publishing
                [[deviation]]
                signature = "R4/AP/resume/on-request/config"
                seen = "never"
                releases = "0.144.4"
                reason = 'a resume says "no"'
                case = "cases/r4-ap-resume-never-config.case"
            "##]],
        );
        let marked = LIST.replace("[[deviation]]", &format!("{WIDENING}\n[[deviation]]"));
        let known = Known::parse(&marked, |_| Ok(CASE.to_owned())).expect("it is a list");
        let none = evidence(&[("0.144.4", None)]);
        let after = edited(&marked, &super::changes(&known, &none), |_| String::new());
        assert_eq!(after.matches(WIDENING).count(), after.matches("[[deviation]]").count());
    }

    #[test]
    fn a_row_that_is_too_wide_is_narrowed_to_what_the_runs_support() {
        let releases =
            [("0.131.0", Some("on-request")), ("0.147.0", Some("on-request")), ("0.148.0", None)];
        check(
            &evidence(&releases),
            expect![[r#"
                line 3: 0.131.0..0.169.0 to 0.131.0..0.147.0
            "#]],
        );
    }

    #[test]
    fn a_gap_in_a_row_makes_two_of_it() {
        let releases =
            [("0.131.0", Some("on-request")), ("0.144.4", None), ("0.169.0", Some("on-request"))];
        check(
            &evidence(&releases),
            expect![[r#"
                line 3: 0.131.0..0.169.0 to 0.169.0
                [[deviation]]
                signature = "R4/AP/resume/never/config"
                seen = "on-request"
                releases = "0.131.0"
                reason = 'a resume says "no"'
                case = "cases/r4-ap-resume-never-config.case"
            "#]],
        );
    }

    #[test]
    fn a_row_that_no_release_shows_goes() {
        check(
            &evidence(&[("0.150.0", None)]),
            expect![[r#"
            line 3: goes
        "#]],
        );
    }

    #[test]
    fn another_wrong_value_becomes_another_row() {
        let releases = [("0.144.4", Some("on-request")), ("0.169.0", Some("untrusted"))];
        check(
            &evidence(&releases),
            expect![[r#"
                line 3: 0.131.0..0.169.0 to 0.144.4
                [[deviation]]
                signature = "R4/AP/resume/never/config"
                seen = "untrusted"
                releases = "0.169.0"
                reason = 'a resume says "no"'
                case = "cases/r4-ap-resume-never-config.case"
            "#]],
        );
    }

    #[test]
    fn releases_that_were_not_asked_say_nothing() {
        check(&Evidence::default(), expect![]);
    }

    #[test]
    fn what_a_person_wrote_between_the_rows_stays() {
        let known = Known::parse(LIST, |_| Ok(CASE.to_owned())).expect("it is a list");
        let changes =
            changes(&known, &evidence(&[("0.150.0", None), ("0.151.0", Some("untrusted"))]));
        let after = edited(LIST, &changes, |proposed| format!("{}.case", proposed.case));
        expect![[r##"
            # A word before.

            [[deviation]]
            signature = "R5/RV/resume/user/config"
            seen = "auto_review"
            releases = "=0.144.4"
            reason = "x"
            case = "b.case"

            [[deviation]]
            signature = "R4/AP/resume/never/config"
            seen = "untrusted"
            releases = "0.151.0"
            reason = 'a resume says "no"'
            case = "r4-ap-resume-never-config.case"
        "##]]
        .assert_eq(&after);
    }
}
