//! The changes that runs suggest for a list of known deviations.
//!
//! A row is narrowed to the releases that show it, or removed if none of those that were asked
//! does; what is shown and not excused becomes a row. Releases that were not asked change nothing.
//! The text is edited in place: comments between the rows stay.

use super::evidence::{Evidence, Proposed};
use super::{Known, Row};
use crate::judge::signature::Signature;
use crate::program::release_range::ReleaseRange;

/// The comment above a row that excuses a widening: it may be a vulnerability, and lists are
/// published.
pub const WIDENING: &str = "# WIDENED: see SECURITY.md before publishing";

/// One change of the list.
#[derive(Clone, Debug)]
pub enum Change {
    /// A row holds for fewer releases than it says.
    Narrow {
        /// The line where it begins.
        line: usize,
        signature: Signature,
        from: ReleaseRange,
        to: ReleaseRange,
    },
    /// No release that was asked shows what a row excuses.
    Remove {
        /// The line where it begins.
        line: usize,
        signature: Signature,
    },
    /// Something is shown that no row excuses.
    Add(Box<Proposed>),
}

/// The changes, in the order of the list.
pub fn changes(known: &Known, evidence: &Evidence) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut kept = Vec::new();
    for row in &known.rows {
        // The case of a row about upgraded homes is replayed; runs on other homes say nothing about
        // it. A racy deviation may stay away.
        if row.from.is_some() || row.racy || !evidence.asks(row) {
            kept.push(row.clone());
            continue;
        }
        let (line, signature) = (row.line, row.signature.clone());
        let Some(to) = evidence.supported(row) else {
            changes.push(Change::Remove { line, signature });
            continue;
        };
        kept.push(Row { releases: to.clone(), ..row.clone() });
        if to != row.releases {
            changes.push(Change::Narrow { line, signature, from: row.releases.clone(), to });
        }
    }
    let known = Known { rows: kept };
    let new = evidence.proposed(&known);
    let upgraded = evidence.proposed_for_upgraded_homes(&known, &new);
    changes.extend(new.into_iter().chain(upgraded).map(|new| Change::Add(Box::new(new))));
    changes
}

/// The text of a list with the changes made. `row` gives the lines of a proposed row.
pub fn edited(text: &str, changes: &[Change], row: impl Fn(&Proposed) -> Vec<String>) -> String {
    let narrowed = |at: usize| {
        changes.iter().find_map(|change| match change {
            Change::Narrow { line, to, .. } if *line == at => Some(to),
            _ => None,
        })
    };
    let removed = |at: usize| {
        changes.iter().any(|change| matches!(change, Change::Remove { line, .. } if *line == at))
    };
    let (mut begins, mut lines) = (0, Vec::new());
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("[[") {
            begins = index + 1;
        }
        // The comment about a widening belongs to the row below it.
        let of_row = if line == WIDENING { index + 2 } else { begins };
        if removed(of_row) {
            continue;
        }
        match narrowed(of_row) {
            Some(to) if line.trim_start().starts_with("releases") => {
                lines.push(format!("releases = \"{to}\""));
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

impl Proposed {
    /// The name of its case, without folder and ending.
    pub fn file_stem(&self) -> String {
        let stem = self.example.finding.signature().file_stem();
        let from = self.from.as_ref().map(|from| format!("-from-{from}").replace('.', "-"));
        stem + &from.unwrap_or_default()
    }

    /// The row as it stands in a list, with the path of its case and a reason.
    pub fn lines(&self, case: &str, reason: &str) -> Vec<String> {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let forms: Vec<String> = self.seen.iter().map(|form| quoted(form)).collect();
        let seen = match forms.as_slice() {
            [] => None,
            [form] => Some(format!("seen = {form}")),
            forms => Some(format!("seen = [{}]", forms.join(", "))),
        };
        let signature = self.example.finding.signature().to_string();
        let reason = match &self.from {
            None => reason.to_owned(),
            Some(from) => format!("on a home that {from} used before, {reason}"),
        };
        let from = self.from.as_ref().map(|from| format!("from = {}", quoted(&from.to_string())));
        let lines = [
            self.widened.then(|| WIDENING.to_owned()),
            Some("[[deviation]]".to_owned()),
            Some(format!("signature = {}", quoted(&signature))),
            seen,
            Some(format!("releases = {}", quoted(&self.releases.to_string()))),
            from,
            Some(format!("reason = {}", quoted(&reason))),
            Some(format!("case = {}", quoted(case))),
        ];
        lines.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use semver::Version;

    use super::{Change, Proposed, WIDENING, changes, edited};
    use crate::cause::Known;
    use crate::cause::evidence::Evidence;
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
        proposed.lines(&format!("cases/{}.case", proposed.file_stem()), "a resume says \"no\"")
    }

    fn check(evidence: &Evidence, expected: Expect) {
        let known = Known::parse(LIST, |_| Ok(CASE.to_owned())).expect("it is a list");
        let changes = changes(&known, evidence);
        let after = edited(LIST, &changes, lines);
        let read = Known::parse(&after, |_| Ok(CASE.to_owned())).expect("it is a list again");
        assert!(super::changes(&read, evidence).is_empty(), "nothing is left to change");
        let text = changes.iter().map(|change| match change {
            Change::Narrow { line, from, to, .. } => format!("line {line}: {from} to {to}\n"),
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
                [[deviation]]
                signature = "R4/AP/resume/on-request/config"
                seen = "never"
                releases = "0.144.4"
                reason = 'a resume says "no"'
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
        let after = edited(LIST, &changes, lines);
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
            case = "cases/r4-ap-resume-never-config.case"
        "##]]
        .assert_eq(&after);
    }
}
