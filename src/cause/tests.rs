//! Lists of known deviations: what is read, what is refused, and what is excused.
//!
//! A refused row is named by its line.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use toml::value::Datetime;

use super::Known;
use crate::judge::judge;
use crate::judge::releases::HomeHistory;
use crate::judge::verdict::Finding;
use crate::trace::Trace;

const CASE: &str = "# heirloom case v1\nconfig\naudit\n";

/// A run of 0.144.4 that shows on-request in the place of never.
const TRACE: &str = include_str!("../../tests/traces/r4-ap-resume-never-config.trace");

fn check(list: &str, expected: Expect) {
    let read = Known::parse(list, |_| Ok(CASE.to_owned()));
    expected.assert_eq(&match read {
        Ok(known) => format!("{} rows", known.rows.len()),
        Err(error) => error.to_string().replace([';', ','], "\n ").replace(": ", ":\n  "),
    });
}

fn row(signature: &str, rest: &str) -> String {
    format!("[[deviation]]\nsignature = \"{signature}\"\ncase = \"a.case\"\n{rest}\n")
}

/// A row about R4 with these releases and these wrong forms.
fn resumes(releases: &str, seen: &str) -> String {
    let rest = format!("releases = \"{releases}\"\nseen = {seen}\nreason = \"x\"");
    row("R4/AP/resume/never/config", &rest)
}

#[test]
fn a_row_with_a_reason_is_read() {
    check(&resumes("=0.144.4", "\"on-request\""), expect!["1 rows"]);
    check(&resumes("=0.144.4", "[\"on-request\", \"untrusted\"]"), expect!["1 rows"]);
}

#[test]
fn a_row_without_reason_or_link_is_refused() {
    let list = row("R4/AP/resume/never/config", "releases = \"=0.144.4\"\nseen = \"on-request\"");
    check(
        &list,
        expect![[r#"
            line 1:
              R4/AP/resume/never/config has neither reason nor link
              say why it is excused"#]],
    );
}

#[test]
fn rows_of_one_signature_may_share_releases_and_forms() {
    let once = resumes(">=0.131.0, <=0.144.4", "[\"on-request\", \"untrusted\"]");
    let again = resumes("0.144.*", "\"untrusted\"");
    check(&format!("{once}{again}"), expect!["2 rows"]);
    check(&format!("{once}{}", resumes("0.144.*", "\"granular\"")), expect!["2 rows"]);
    check(&format!("{once}{}", resumes("0.145.*", "\"untrusted\"")), expect!["2 rows"]);
}

#[test]
fn a_row_that_no_run_can_support_is_refused_with_the_line_of_its_range() {
    check(
        &resumes("<0.150.0", "\"on-request\""),
        expect![[r#"
            line 4:
              `<0.150.0` is not a range of releases:
              `<0.150.0` is not a release or a minor version
              write a range as 0.144..0.169"#]],
    );
    check(
        &resumes("*", "\"on-request\""),
        expect![[r#"
            line 4:
              `*` is not a range of releases:
              `*` is not a release or a minor version
              write a range as 0.144..0.169"#]],
    );
}

#[test]
fn a_row_that_does_not_say_which_wrong_value_it_excuses_is_refused() {
    let rest = "releases = \"=0.144.4\"\nreason = \"x\"";
    check(
        &row("R4/AP/resume/never/config", rest),
        expect![[r#"
        line 1:
          R4/AP/resume/never/config does not say which wrong value it excuses
          add its form
          as `seen = "read-only"`
          or several
          as `seen = ["read-only"
          …]`"#]],
    );
    check(&row("W3/-/run/ended/unknown", rest), expect!["1 rows"]);
    check(
        &row("W3/-/run/ended/unknown", &format!("{rest}\nseen = \"x\"")),
        expect![[r#"
            line 6:
              W3/-/run/ended/unknown is not about a value
              remove `seen`"#]],
    );
}

#[test]
fn a_row_with_an_unknown_word_names_it() {
    let rest = "releases = \"=0.144.4\"\nseen = \"never\"\nreason = \"x\"";
    check(
        &row("R99/AP/resume/never/config", rest),
        expect![[r#"
            line 2:
              `R99/AP/resume/never/config` is not a signature
              expected clause/dimension/kind/form/origin
              as `R4/AP/resume/never/config`
              `R99` is not a clause"#]],
    );
    check(
        &row("R4/XX/resume/never/config", rest),
        expect![[r#"
            line 2:
              `R4/XX/resume/never/config` is not a signature
              expected clause/dimension/kind/form/origin
              as `R4/AP/resume/never/config`
              `XX` is not a dimension"#]],
    );
    check(
        &row("R4/AP/leap/never/config", rest),
        expect![[r#"
            line 2:
              `R4/AP/leap/never/config` is not a signature
              expected clause/dimension/kind/form/origin
              as `R4/AP/resume/never/config`
              `leap` is not a kind of operation"#]],
    );
}

#[test]
fn a_wrong_value_of_a_form_that_the_dimension_has_not_is_refused() {
    check(
        &resumes("=0.144.4", "[\"nonsense\"]"),
        expect![[r#"
            line 5:
              `nonsense` is not a form of AP
              it has untrusted
              on-failure
              on-request
              never
              granular
              odd
              sandbox_approval:on
              sandbox_approval:off
              rules:on
              rules:off
              request_permissions:on
              request_permissions:off
              mcp_elicitations:on
              mcp_elicitations:off"#]],
    );
    check(
        &resumes("banana", "\"never\""),
        expect![[r#"
            line 4:
              `banana` is not a range of releases:
              `banana` is not a release or a minor version
              write a range as 0.144..0.169"#]],
    );
}

#[test]
fn a_row_of_another_form_is_refused() {
    let rest = "releases = \"=0.144.4\"\nreason = \"x\"";
    check(
        &row("R4/AP", rest),
        expect![[r#"
            line 2:
              `R4/AP` is not a signature
              expected clause/dimension/kind/form/origin
              as `R4/AP/resume/never/config`"#]],
    );
    check(
        &format!("{}expires = \"soon\"", resumes("=0.144.4", "\"odd\"")),
        expect![[r#"
            line 7:
              `soon` is not a date
              write it like 2027-06-01"#]],
    );
}

#[test]
fn a_row_excuses_its_releases_and_its_wrong_value_and_nothing_else() {
    let trace: Trace = TRACE.parse().expect("the stored trace is one");
    let finding = judge(&trace).findings.remove(0);
    let list = resumes("=0.144.4", "\"on-request\"");
    let known = Known::parse(&list, |_| Ok(CASE.to_owned())).expect("it is a list");
    let excused = |finding: &Finding, release: &str| {
        let home_history = HomeHistory { release: release.parse().ok(), before: BTreeSet::new() };
        known.excuses(&Finding { home_history, ..finding.clone() }).is_some()
    };
    let other = Finding { seen_form: Some("untrusted".to_owned()), ..finding.clone() };
    let answers = [
        excused(&finding, "0.144.4"),
        excused(&finding, "0.144.5"),
        excused(&finding, "no release"),
        excused(&other, "0.144.4"),
    ];
    expect!["[true, false, false, false]"].assert_eq(&format!("{answers:?}"));
}

#[test]
fn a_row_excuses_what_a_finding_would_be_if_another_branch_had_happened() {
    let trace: Trace = TRACE.parse().expect("the stored trace is one");
    let known = judge(&trace).findings.remove(0);
    let new = Finding { seen_form: Some("untrusted".to_owned()), ..known.clone() };
    let list = resumes("=0.144.4", "\"on-request\"");
    let list = Known::parse(&list, |_| Ok(CASE.to_owned())).expect("it is a list");
    let excused = |otherwise: &[&Finding]| {
        let otherwise = otherwise.iter().copied().cloned().collect();
        list.excuses(&Finding { otherwise, ..new.clone() }).is_some()
    };
    let answers = [excused(&[]), excused(&[&new]), excused(&[&new, &known])];
    expect!["[false, false, true]"].assert_eq(&format!("{answers:?}"));
}

const MOVES: &str = "# heirloom case v1\nconfig\nrestart graceful server=0.144.4\n\
    restart graceful server=main\naudit\n";

#[test]
fn a_row_about_homes_that_moved_excuses_what_shows_on_such_homes_alone() {
    let trace: Trace = TRACE.parse().expect("the stored trace is one");
    let finding = judge(&trace).findings.remove(0);
    let list = resumes("=0.169.0", "\"on-request\"\nfrom = \"=0.144.4\"");
    let known = Known::parse(&list, |_| Ok(MOVES.to_owned())).expect("it is a list");
    let version = |text: &str| text.parse().expect("it is a version");
    let excused = |before: &[&str]| {
        let before = before.iter().map(|text| version(text)).collect();
        let home_history = HomeHistory { release: Some(version("0.169.0")), before };
        known.excuses(&Finding { home_history, ..finding.clone() }).is_some()
    };
    let answers = [excused(&[]), excused(&["0.144.4"]), excused(&["0.131.0"])];
    let due = ["0.169.0", "0.144.4"].map(|text| known.due(Some(&version(text))).count());
    expect!["[false, true, false] [1, 0]"].assert_eq(&format!("{answers:?} {due:?}"));
}

#[test]
fn a_row_about_homes_that_moved_is_due_where_its_case_moves_such_a_home() {
    let due = |releases: &str, from: &str, checked: &str| {
        let list = resumes(releases, &format!("\"on-request\"{from}"));
        let known = Known::parse(&list, |_| Ok(MOVES.to_owned())).expect("it is a list");
        known.due(Some(&checked.parse().expect("it is a version"))).count()
    };
    let after = "\nfrom = \"=0.144.4\"";
    let answers = [
        due("=0.169.0", after, "0.169.0"),
        due("=0.169.0", "\nfrom = \"=0.131.0\"", "0.169.0"),
        due("=0.144.4", after, "0.144.4"),
        due("=0.144.4", "", "0.144.4"),
    ];
    expect!["[1, 0, 0, 1]"].assert_eq(&format!("{answers:?}"));
}

#[test]
fn rows_about_homes_of_other_releases_stand_beside_one_another() {
    let moved = |from: &str| resumes("=0.169.0", &format!("\"never\"\nfrom = \"{from}\""));
    let moving = |list: &str, expected: Expect| {
        let read = Known::parse(list, |_| Ok(MOVES.to_owned()));
        expected.assert_eq(&match read {
            Ok(known) => format!("{} rows", known.rows.len()),
            Err(error) => error.to_string().replace("; ", "\n"),
        });
    };
    moving(&format!("{}{}", moved("=0.144.4"), moved("=0.131.0")), expect!["2 rows"]);
    let whole = resumes("=0.169.0", "\"never\"");
    moving(&format!("{whole}{}", moved("=0.144.4")), expect!["2 rows"]);
    moving(
        &moved("<0.144.4"),
        expect![[r#"
            line 6: `<0.144.4` is not a range of releases: `<0.144.4` is not a release or a minor version
            write a range as 0.144..0.169"#]],
    );
}

#[test]
fn a_row_about_homes_that_moved_has_a_case_that_moves_one() {
    check(
        &resumes("=0.169.0", "\"never\"\nfrom = \"=0.144.4\""),
        expect![[r#"
            line 3:
              the case a.case does not upgrade a home
              but the row has `from`
              add a line such as `restart graceful release=0.144.4`
              or remove `from`"#]],
    );
}

#[test]
fn rows_in_one_line_are_compared_too() {
    let row = "{signature = \"W3/-/run/ended/unknown\", releases = \"=0.144.4\", \
               reason = \"x\", case = \"a\"}";
    check(&format!("deviation = [{row}, {row}]"), expect!["2 rows"]);
}

#[test]
fn a_row_expires_after_its_day_in_quotes_or_without() {
    for day in ["2027-06-01", "\"2027-06-01\""] {
        let list = format!("{}expires = {day}", resumes("=0.144.4", "\"on-request\""));
        let known = Known::parse(&list, |_| Ok(CASE.to_owned())).expect("it is a list");
        let date = |text: &str| {
            text.parse::<Datetime>().ok().and_then(|day| day.date).expect("it is a date")
        };
        let expired = |day: &str| known.expired(date(day)).count();
        assert_eq!([expired("2027-06-01"), expired("2027-06-02")], [0, 1]);
    }
}

#[test]
fn a_newer_release_carries_a_deviation_over_and_an_older_one_does_not() {
    let trace: Trace = TRACE.parse().expect("the stored trace is one");
    let finding = judge(&trace).findings.remove(0);
    let list = resumes("0.144.4..0.150.0", "\"on-request\"");
    let known = Known::parse(&list, |_| Ok(CASE.to_owned())).expect("it is a list");
    let standing = |release: &str| {
        let home_history = HomeHistory { release: release.parse().ok(), before: BTreeSet::new() };
        let finding = Finding { home_history, ..finding.clone() };
        known.standing(&finding, None).map(|standing| standing.carried)
    };
    let answers = ["0.131.0", "0.144.4", "0.150.0-alpha.1", "0.151.0", "no release"].map(standing);
    expect!["[None, Some(false), Some(false), Some(true), None]"]
        .assert_eq(&format!("{answers:?}"));
    let release = |text: &str| text.parse().expect("it is a version");
    let outlived =
        ["0.131.0", "0.150.0", "0.151.0"].map(|text| known.outlived(Some(&release(text))).count());
    assert_eq!(outlived, [0, 0, 1]);
}

#[test]
fn a_deviation_that_was_repaired_is_new_where_it_comes_back() {
    let trace: Trace = TRACE.parse().expect("the stored trace is one");
    let finding = judge(&trace).findings.remove(0);
    let list = "[[cause]]\nid = \"lost\"\ntitle = \"x\"\nclauses = \"R4\"\ndimensions = \"AP\"\n\
                wrong = \"config\"\nreleases = \"0.144.4..0.150.0\"\nrepaired = \"0.155.0\"\n\
                reason = \"x\"\ncase = \"a.case\"\n";
    let known = Known::parse(list, |_| Ok(CASE.to_owned())).expect("it is a list");
    let releases = ["0.150.0", "0.151.0", "0.155.0", "0.169.0"].map(|text| {
        let release: semver::Version = text.parse().expect("it is a version");
        let home_history = HomeHistory { release: Some(release.clone()), before: BTreeSet::new() };
        let finding = Finding { home_history, ..finding.clone() };
        let standing = known.standing(&finding, None).map(|standing| standing.carried);
        (standing, known.outlived(Some(&release)).count())
    });
    assert_eq!(releases, [(Some(false), 0), (Some(true), 1), (None, 0), (None, 0)]);
    let early = list.replace("0.155.0", "0.150.0");
    let error = Known::parse(&early, |_| Ok(CASE.to_owned())).expect_err("it is too early");
    expect!["line 8: 0.150.0 does not come after 0.144.4..0.150.0, where the deviation shows"]
        .assert_eq(&error.to_string());
}

#[test]
fn the_same_wrong_value_of_a_thread_with_other_facts_is_not_excused() {
    let trace: Trace = TRACE.parse().expect("the stored trace is one");
    let finding = judge(&trace).findings.remove(0);
    let excused = |facts: &str| {
        let list = format!(
            "[[cause]]\nid = \"lost\"\ntitle = \"x\"\nclauses = \"R4\"\ndimensions = \"AP\"\n\
             wrong = \"config\"\nfacts = {{ {facts} }}\nreleases = \"0.144.4\"\nreason = \"x\"\n\
             case = \"a.case\"\n"
        );
        let known = Known::parse(&list, |_| Ok(CASE.to_owned())).expect("it is a list");
        known.excuses(&finding).is_some()
    };
    let answers = [
        excused("began = \"run\""),
        excused("began = \"name\""),
        excused("loaded = \"no\", last-turn = [\"failed\", \"completed\"]"),
        excused("subscribed = \"no\""),
    ];
    assert_eq!(answers, [true, false, true, false]);
}

#[test]
fn the_list_that_is_built_in_can_be_read() {
    let known = Known::embedded();
    assert!(known.rows.iter().all(|row| row.program.lines() > 0), "every case has lines");
}
