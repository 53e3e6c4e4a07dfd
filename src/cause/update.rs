//! The changes that runs suggest for a list of known deviations.
//!
//! A row is narrowed to the releases that show it, or removed if none of those that were asked
//! does; a row that a newer release shows too is widened; what is shown and not excused becomes a
//! row. Releases that were not asked change nothing. The text is edited in place, so that what a
//! person wrote stays.

use super::evidence::{Evidence, Proposed};
use super::ids::unused;
use super::row_text::{RowText, WIDENING};
use super::{Known, Row};
use crate::program::release_range::ReleaseRange;

/// The reason of a row that no person has looked at.
pub const NO_REASON: &str = "not looked into yet";

/// One change of the list.
#[derive(Clone, Debug)]
pub enum Change {
    /// A row holds for other releases than it says.
    Releases {
        /// The line where it begins.
        line: usize,
        id: String,
        from: ReleaseRange,
        to: ReleaseRange,
        /// Whether newer releases show it too.
        widens: bool,
    },
    /// No release that was asked shows what a row excuses.
    Remove {
        /// The line where it begins.
        line: usize,
        id: String,
    },
    /// Something is shown that no row excuses.
    Add(Box<Proposed>),
}

/// The changes, in the order of the list.
pub fn changes(known: &Known, evidence: &Evidence) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut kept = Vec::new();
    for row in &known.rows {
        match after(row, evidence) {
            None => changes.push(Change::Remove { line: row.line, id: row.id.clone() }),
            Some(to) => {
                if to != row.releases {
                    changes.push(Change::Releases {
                        line: row.line,
                        id: row.id.clone(),
                        widens: evidence.carried(row).is_some(),
                        from: row.releases.clone(),
                        to: to.clone(),
                    });
                }
                kept.push(Row { releases: to, ..row.clone() });
            }
        }
    }
    let mut ids: Vec<String> = known.rows.iter().map(|row| row.id.clone()).collect();
    let known = Known { rows: kept };
    let new = evidence.proposed(&known);
    let upgraded = evidence.proposed_for_upgraded_homes(&known, &new);
    for mut proposed in new.into_iter().chain(upgraded) {
        proposed.id = unused(&proposed.id, &ids);
        ids.push(proposed.id.clone());
        changes.push(Change::Add(Box::new(proposed)));
    }
    changes
}

/// The releases for which a row holds; none where no release that was asked shows it.
fn after(row: &Row, evidence: &Evidence) -> Option<ReleaseRange> {
    if let Some(wider) = evidence.carried(row) {
        return Some(wider);
    }
    // The case of a row about upgraded homes is replayed; runs on other homes say nothing about
    // it. A racy deviation may stay away.
    if row.from.is_some() || row.racy || !evidence.asks(row) {
        return Some(row.releases.clone());
    }
    evidence.supported(row)
}

/// The text of a list with the changes made. `row` gives the lines of a proposed row.
pub fn edited(text: &str, changes: &[Change], row: impl Fn(&Proposed) -> Vec<String>) -> String {
    let releases = |at: usize| {
        changes.iter().find_map(|change| match change {
            Change::Releases { line, to, .. } if *line == at => Some(to),
            _ => None,
        })
    };
    let removed = |at: usize| {
        changes.iter().any(|change| matches!(change, Change::Remove { line, .. } if *line == at))
    };
    let mut lines = Vec::new();
    for (line, of_row) in text.lines().zip(owners(text)) {
        if removed(of_row) {
            continue;
        }
        match releases(of_row) {
            Some(to) if line.split('=').next().is_some_and(|key| key.trim() == "releases") => {
                lines.push(with_releases(line, to));
            }
            _ => lines.push(line.to_owned()),
        }
    }
    for change in changes {
        if let Change::Add(proposed) = change {
            lines.push(String::new());
            lines.extend(row(proposed));
        }
    }
    format!("{}\n", lines.join("\n").trim_end())
}

/// For each line the line where its row begins. Comments right above a row are a person's, and
/// belong to none; the one about a widening belongs to the row below it.
fn owners(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let (mut begins, mut owners) = (0, Vec::new());
    for (index, line) in lines.iter().enumerate() {
        let after = lines[index..].iter().position(|line| !line.starts_with('#'));
        let header = after.map(|after| index + after).filter(|at| lines[*at].starts_with("[["));
        if let Some(header) = header {
            begins = header + 1;
        }
        let is_remark = header.is_some() && line.starts_with('#') && *line != WIDENING;
        owners.push(if is_remark { 0 } else { begins });
    }
    owners
}

/// The line with another range; a comment behind it stays.
fn with_releases(line: &str, to: &ReleaseRange) -> String {
    let quote = |letter: char| ['"', '\''].contains(&letter);
    let comment = line.split(quote).nth(2).map(str::trim_end).unwrap_or_default();
    format!("releases = \"{to}\"{comment}")
}

impl Proposed {
    /// The row as it stands in a list, with the path of its case and a title.
    pub fn lines(&self, case: &str, title: &str) -> Vec<String> {
        let title = match &self.from {
            None => title.to_owned(),
            Some(from) => format!("on a home that {from} used before, {title}"),
        };
        let from = self.from.as_ref().map(|from| ReleaseRange::between(from, from));
        let row = RowText {
            id: &self.id,
            title: &title,
            scope: &self.scope,
            releases: &self.releases,
            repaired: None,
            from: from.as_ref(),
            reason: Some(NO_REASON),
            link: None,
            case,
            racy: false,
            expires: None,
            widened: self.widened,
        };
        row.lines()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use semver::Version;

    use super::{Change, Proposed, WIDENING, changes, edited};
    use crate::cause::Known;
    use crate::cause::evidence::Evidence;
    use crate::cause::record::CauseRecord;
    use crate::judge::record::FindingRecord;
    use crate::judge::signature::Signature;

    const CASE: &str = "# heirloom case v1\nconfig\naudit\n";

    const LIST: &str = "# A word before.\n\n[[deviation]]\n\
        signature = \"R4/AP/resume/never/config\"\nseen = \"on-request\"\n\
        releases = \">=0.131.0, <=0.169.0\"\nreason = \"x\"\ncase = \"a.case\"\n\n\
        [[deviation]]\nsignature = \"R5/RV/resume/user/config\"\nseen = \"auto_review\"\n\
        releases = \"=0.144.4\"\nreason = \"x\"\ncase = \"b.case\"\n";

    fn version(text: &str) -> Version {
        text.parse().expect("it is a version")
    }

    fn finding(release: &str, signature: &str, form: &str) -> FindingRecord {
        let widened = form == "never";
        serde_json::from_value(serde_json::json!({
            "status": "new", "signature": signature, "release": release, "widened": widened,
            "expected": "never", "seen": form, "seen_form": form,
        }))
        .expect("it is a record")
    }

    /// Releases that were asked for a signature, and the wrong form that each of them shows.
    fn evidence_of(signature: &str, releases: &[(&str, Option<&str>)]) -> Evidence {
        let asked: Signature = signature.parse().expect("it is a signature");
        let asked = releases.iter().map(|(release, _)| (version(release), [asked.clone()].into()));
        let findings = releases
            .iter()
            .filter_map(|(release, form)| form.map(|form| finding(release, signature, form)));
        Evidence::new(asked.collect(), findings)
    }

    fn evidence(releases: &[(&str, Option<&str>)]) -> Evidence {
        evidence_of("R4/AP/resume/never/config", releases)
    }

    fn lines(proposed: &Proposed) -> Vec<String> {
        proposed.lines(&format!("cases/{}.case", proposed.id), "a resume says \"no\"")
    }

    fn check(evidence: &Evidence, expected: Expect) {
        let known = Known::parse(LIST, |_| Ok(CASE.to_owned())).expect("it is a list");
        let changes = changes(&known, evidence);
        let after = edited(LIST, &changes, lines);
        let read = Known::parse(&after, |_| Ok(CASE.to_owned())).expect("it is a list again");
        assert!(super::changes(&read, evidence).is_empty(), "nothing is left to change");
        let text = changes.iter().map(|change| match change {
            Change::Releases { line, from, to, .. } => format!("line {line}: {from} to {to}\n"),
            Change::Remove { line, .. } => format!("line {line}: goes\n"),
            Change::Add(proposed) => format!("{}\n", lines(proposed).join("\n")),
        });
        expected.assert_eq(&text.collect::<String>());
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
        check(
            &evidence_of("R4/AP/resume/on-request/config", &[("0.144.4", Some("never"))]),
            expect![[r##"
                # WIDENED: see SECURITY.md before publishing
                [[cause]]
                id = "r4-ap-resume-on-request-config"
                title = 'a resume says "no"'
                clauses = "R4"
                operations = "resume"
                dimensions = "AP"
                expected = "on-request"
                wrong = "config"
                seen = "never"
                releases = "0.144.4"
                reason = "not looked into yet"
                case = "cases/r4-ap-resume-on-request-config.case"
            "##]],
        );
        let marked = LIST.replace("[[deviation]]", &format!("{WIDENING}\n[[deviation]]"));
        let known = Known::parse(&marked, |_| Ok(CASE.to_owned())).expect("it is a list");
        let none = evidence(&[("0.144.4", None)]);
        let after = edited(&marked, &super::changes(&known, &none), lines);
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
                [[cause]]
                id = "r4-ap-resume-never-config-2"
                title = 'a resume says "no"'
                clauses = "R4"
                operations = "resume"
                dimensions = "AP"
                expected = "never"
                wrong = "config"
                seen = "on-request"
                releases = "0.131.0"
                reason = "not looked into yet"
                case = "cases/r4-ap-resume-never-config-2.case"
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
                [[cause]]
                id = "r4-ap-resume-never-config-2"
                title = 'a resume says "no"'
                clauses = "R4"
                operations = "resume"
                dimensions = "AP"
                expected = "never"
                wrong = "config"
                seen = "untrusted"
                releases = "0.169.0"
                reason = "not looked into yet"
                case = "cases/r4-ap-resume-never-config-2.case"
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
        let after = edited(LIST, &changes, lines);
        expect![[r##"
            # A word before.

            [[deviation]]
            signature = "R4/AP/resume/never/config"
            seen = "on-request"
            releases = ">=0.131.0, <=0.169.0"
            reason = "x"
            case = "a.case"

            [[deviation]]
            signature = "R5/RV/resume/user/config"
            seen = "auto_review"
            releases = "=0.144.4"
            reason = "x"
            case = "b.case"

            [[cause]]
            id = "r4-ap-resume-never-config-2"
            title = 'a resume says "no"'
            clauses = "R4"
            operations = "resume"
            dimensions = "AP"
            expected = "never"
            wrong = "config"
            seen = "untrusted"
            releases = "0.151.0"
            reason = "not looked into yet"
            case = "cases/r4-ap-resume-never-config-2.case"
        "##]]
        .assert_eq(&after);
    }

    #[test]
    fn a_newer_release_that_shows_it_widens_a_row() {
        check(
            &evidence(&[("0.170.0", Some("on-request")), ("0.171.0", None)]),
            expect![[r#"
            line 3: 0.131.0..0.169.0 to 0.131.0..0.170.0
        "#]],
        );
    }

    #[test]
    fn a_newer_release_that_no_longer_shows_it_leaves_a_row_as_it_is() {
        check(&evidence(&[("0.170.0", None)]), expect![""]);
    }

    #[test]
    fn a_cause_of_a_run_becomes_one_row_whatever_its_findings() {
        let release = || [finding("0.170.0", "R4/AP/resume/never/before", "on-request")];
        let findings = release().into_iter().chain([finding(
            "0.170.0",
            "R5/RV/resume/user/before",
            "auto_review",
        )]);
        let cause: CauseRecord = serde_json::from_value(serde_json::json!({
            "id": "older-value", "title": "a resume has an older value", "status": "new",
            "scope": { "clauses": ["R4", "R5"], "operations": ["resume"],
                "dimensions": ["AP", "RV"], "wrong": ["before"],
                "facts": { "last-turn": ["failed"] } },
            "findings": ["one"], "case": "causes/older-value.case",
        }))
        .expect("it is a record");
        let findings = findings.map(|record| FindingRecord { id: "one".to_owned(), ..record });
        let evidence = Evidence::new([].into(), findings).with_causes(vec![cause]);
        let known = Known::parse(LIST, |_| Ok(CASE.to_owned())).expect("it is a list");
        let rows = changes(&known, &evidence).into_iter().map(|change| match change {
            Change::Add(proposed) => lines(&proposed).join("\n"),
            other => format!("{other:?}"),
        });
        expect![[r#"
            [[cause]]
            id = "older-value"
            title = 'a resume says "no"'
            clauses = ["R4", "R5"]
            operations = "resume"
            dimensions = ["AP", "RV"]
            wrong = "before"
            facts = { last-turn = "failed" }
            releases = "0.170.0"
            reason = "not looked into yet"
            case = "cases/older-value.case""#]]
        .assert_eq(&rows.collect::<Vec<_>>().join("\n\n"));
    }

    #[test]
    fn a_remark_above_a_row_and_one_behind_its_range_stay() {
        let remark = "# Seen by two of us.\n[[deviation]]\nsignature = \"R5";
        let list = LIST.replace("[[deviation]]\nsignature = \"R5", remark);
        let list = list.replace("<=0.169.0\"", "<=0.169.0\" # as far as we know");
        let known = Known::parse(&list, |_| Ok(CASE.to_owned())).expect("it is a list");
        let runs = evidence(&[("0.147.0", Some("on-request")), ("0.148.0", None)]);
        let after = edited(&list, &changes(&known, &runs), lines);
        expect![[r##"
            # A word before.

            [[deviation]]
            signature = "R4/AP/resume/never/config"
            seen = "on-request"
            releases = "0.147.0" # as far as we know
            reason = "x"
            case = "a.case"

            # Seen by two of us.
            [[deviation]]
            signature = "R5/RV/resume/user/config"
            seen = "auto_review"
            releases = "=0.144.4"
            reason = "x"
            case = "b.case"
        "##]]
        .assert_eq(&after);
    }
}
