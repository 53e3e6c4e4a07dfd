//! Matrices made by hand: causes of several releases, and releases that did not run to their end.
//!
//! Every finding is that of a stored trace, with other words for how its thread began.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use expect_test::{Expect, expect};

use super::{CauseCell, Column, Matrix, Outcome, Period, Results, Row};
use crate::campaign::{FindingReport, Subject};
use crate::cause::Known;
use crate::cause::record::CauseRecord;
use crate::cause::scope::Scope;
use crate::contract::Clause;
use crate::judge::judge;
use crate::judge::record::Status;
use crate::judge::verdict::Count;
use crate::model::life::{Fact, Facts};
use crate::policy::Dimension;
use crate::trace::Trace;

const TRACE: &str = include_str!("../../tests/traces/r4-ap-resume-never-config.trace");

/// Where the finding of the trace stands.
const PLACE: Row = Row { clause: Clause::R4, dimension: Some(Dimension::AP) };

/// A cause and its finding.
pub(super) struct Found {
    pub(super) cause: CauseRecord,
    pub(super) report: FindingReport,
}

/// A cause whose finding is on a thread that began with `began`, and that explains findings on
/// threads that began with `explains`; with any, if there are none.
pub(super) fn found(id: &str, began: &str, explains: &[&str]) -> Found {
    let trace: Trace = TRACE.parse().expect("the stored trace is one");
    let mut report = FindingReport::new(judge(&trace).findings.remove(0), trace);
    report.record.finding.facts = Facts(BTreeMap::from([(Fact::Began, began.to_owned())]));
    report.record.cause = Some(id.to_owned());
    report.record.id = format!("{}-of-{id}", report.record.id);
    let words: BTreeSet<String> = explains.iter().map(|word| (*word).to_owned()).collect();
    let facts = if words.is_empty() { BTreeMap::new() } else { [(Fact::Began, words)].into() };
    let scope = Scope { dimensions: [Dimension::AP].into(), facts, ..Scope::default() };
    let mut cause = CauseRecord {
        id: id.to_owned(),
        title: format!("title of {id}"),
        scope,
        findings: vec![report.id.clone()],
        case: report.record.case.clone(),
        ..CauseRecord::empty(Status::New)
    };
    cause.add_value(&report.finding);
    Found { cause, report }
}

/// The results of a release that compared the place of the findings, and was asked for them.
fn results(release: &str, found: Vec<Found>) -> Results {
    let (causes, findings): (Vec<_>, Vec<_>) =
        found.into_iter().map(|one| (one.cause, one.report)).unzip();
    let (spec, digest) = (release.to_owned(), format!("sha256:{release}"));
    let count = Count { tested: 9, compared: 9, held: 9, broken: 0 };
    Results {
        subject: Subject {
            spec,
            version: release.parse().ok(),
            digest,
            others: Vec::new(),
            client: None,
        },
        cases: 9,
        steps: 90,
        wall: Duration::from_secs(1),
        tally: BTreeMap::from([(PLACE, count)]),
        untestable: BTreeSet::new(),
        asked: BTreeSet::from([self::found("any", "run", &[]).report.finding.signature()]),
        programs: BTreeSet::from([self::found("any", "run", &[]).report.trace.program.to_string()]),
        findings,
        causes,
        inconclusive: BTreeMap::new(),
        interrupted: false,
        stored: false,
    }
}

fn column(results: Results) -> Column {
    let (label, version) = (results.subject.spec.clone(), results.subject.version.clone());
    Column { label, version, outcome: Outcome::Ran(Box::new(results)) }
}

fn missing(release: &str) -> Column {
    let outcome = Outcome::NotRun("no network".to_owned());
    Column { label: release.to_owned(), version: release.parse().ok(), outcome }
}

fn word(cell: &CauseCell) -> String {
    match cell {
        CauseCell::Shows(showing) => format!("shows {}", showing.findings.len()),
        CauseCell::Absent => "absent".to_owned(),
        CauseCell::Unsupported => "unsupported".to_owned(),
        CauseCell::Unknown => "unknown".to_owned(),
    }
}

/// The causes of these columns, and how the place of the findings stands on each.
fn check(columns: Vec<Column>, expected: Expect) {
    let matrix = Matrix::new(columns, &Known::default());
    let label = |at: usize| matrix.columns[at].label.as_str();
    let period = |period: &Period| {
        let end = |at: Option<usize>| at.map_or("?", label);
        let Period { first, last, before, after } = *period;
        format!("{} | {} to {} | {}", end(before), label(first), label(last), end(after))
    };
    let mut text = String::new();
    for cause in &matrix.causes {
        let cells = cause.cells.iter().map(word).collect::<Vec<_>>().join(", ");
        let periods = cause.periods.iter().map(period).collect::<Vec<_>>().join("; ");
        text.push_str(&format!("{}: {cells} [{periods}]\n", cause.id));
    }
    let states: Vec<String> =
        matrix.rows[&PLACE].iter().map(|cell| format!("{:?}", cell.state)).collect();
    expected.assert_eq(&format!("{text}clause: {}\n", states.join(", ")));
}

#[test]
fn causes_of_two_releases_are_one_if_either_explains_the_finding_of_the_other() {
    check(
        vec![
            column(results("0.1.0", vec![found("name", "name", &["name"])])),
            column(results("0.2.0", vec![found("any", "run", &[])])),
            column(results("0.3.0", vec![found("goal", "goal", &["goal"])])),
        ],
        expect![[r#"
            any: shows 1, shows 1, shows 1 [? | 0.1.0 to 0.3.0 | ?]
            clause: Broken, Broken, Broken
        "#]],
    );
}

#[test]
fn causes_with_one_id_are_one_unless_the_id_has_a_number_of_its_release() {
    let numbered =
        || vec![found("resume", "name", &["name"]), found("resume-2", "goal", &["goal"])];
    check(
        vec![
            column(results("0.1.0", numbered())),
            column(results("0.2.0", vec![found("resume", "fork", &["fork"])])),
            column(results("0.3.0", vec![found("resume-2", "run", &["run"])])),
        ],
        expect![[r#"
            resume: shows 1, shows 1, absent [? | 0.1.0 to 0.2.0 | 0.3.0]
            resume-2: shows 1, absent, absent [? | 0.1.0 to 0.1.0 | 0.2.0]
            resume-2-2: absent, absent, shows 1 [0.2.0 | 0.3.0 to 0.3.0 | ?]
            clause: Broken, Broken, Broken
        "#]],
    );
}

#[test]
fn causes_that_one_release_tells_apart_stay_apart_and_a_broader_one_is_both() {
    let apart = || vec![found("name", "name", &["name"]), found("goal", "goal", &["goal"])];
    check(
        vec![
            column(results("0.1.0", apart())),
            column(results("0.2.0", vec![found("any", "run", &[])])),
            column(results("0.3.0", apart())),
        ],
        expect![[r#"
            any: shows 1, shows 1, shows 1 [? | 0.1.0 to 0.3.0 | ?]
            goal: shows 1, shows 1, shows 1 [? | 0.1.0 to 0.3.0 | ?]
            clause: Broken, Broken, Broken
        "#]],
    );
}

#[test]
fn a_cause_begins_after_a_release_that_was_asked_and_ends_before_one() {
    let shows = |release: &str| column(results(release, vec![found("name", "name", &["name"])]));
    let quiet = |release: &str| column(results(release, Vec::new()));
    let lacks = Results {
        untestable: BTreeSet::from([Clause::R4]),
        tally: BTreeMap::new(),
        ..results("0.0.9", Vec::new())
    };
    check(
        vec![
            column(lacks),
            quiet("0.1.0"),
            missing("0.2.0"),
            shows("0.3.0"),
            missing("0.4.0"),
            shows("0.5.0"),
            quiet("0.6.0"),
            shows("0.7.0"),
            missing("0.8.0"),
        ],
        expect![[r#"
            name: unsupported, absent, unknown, shows 1, unknown, shows 1, absent, shows 1, unknown [0.1.0 | 0.3.0 to 0.5.0 | 0.6.0; 0.6.0 | 0.7.0 to 0.7.0 | ?]
            clause: Untestable, Holds, Unknown, Broken, Unknown, Broken, Holds, Broken, Unknown
        "#]],
    );
}

#[test]
fn a_release_says_nothing_of_what_it_was_not_asked() {
    let shows = || column(results("0.1.0", vec![found("name", "name", &["name"])]));
    let unasked = |release: &str| Results {
        asked: [].into(),
        programs: [].into(),
        ..results(release, Vec::new())
    };
    // It ran the program by which another cause shows the signature.
    let otherwise = Results { programs: [].into(), ..results("0.8.0", Vec::new()) };
    let stopped = |results: Results| column(Results { interrupted: true, ..results });
    let open = Count { tested: 9, compared: 9, held: 8, broken: 1 };
    let open = Results { tally: BTreeMap::from([(PLACE, open)]), ..results("0.6.0", Vec::new()) };
    let early = Results { tally: BTreeMap::new(), ..results("0.5.0", Vec::new()) };
    let shown = results("0.7.0", vec![found("name", "name", &["name"])]);
    check(
        vec![
            shows(),
            // It ran to its end, but could not be had again for the program of the finding.
            column(unasked("0.2.0")),
            stopped(unasked("0.3.0")),
            // Asked before it was stopped: the clause held, the cause may still have shown.
            stopped(results("0.4.0", Vec::new())),
            stopped(early),
            // A comparison disagreed, and the stop came before anything was made of it.
            stopped(open),
            stopped(shown),
            column(otherwise),
        ],
        expect![[r#"
            name: shows 1, unknown, unknown, unknown, unknown, unknown, shows 1, unknown [? | 0.1.0 to 0.7.0 | ?]
            clause: Broken, Unknown, Unknown, Holds, Unknown, Unknown, Broken, Holds
        "#]],
    );
}

#[test]
fn an_interrupted_release_holds_what_it_compared_and_nothing_else() {
    let early = Results { tally: BTreeMap::new(), ..results("0.1.0", Vec::new()) };
    let compared = Results { asked: [].into(), ..results("0.2.0", Vec::new()) };
    let stopped = |results: Results| column(Results { interrupted: true, ..results });
    check(
        vec![stopped(early), stopped(compared)],
        expect![[r#"
        clause: Unknown, Holds
    "#]],
    );
}

#[test]
fn a_second_campaign_on_a_release_joins_its_causes() {
    let mut whole = results("0.1.0", vec![found("name", "name", &["name"])]);
    let more = vec![
        found("same", "name", &["name", "goal"]),
        found("name", "fork", &["fork"]),
        found("name-2", "spawn", &["spawn"]),
    ];
    whole.add(results("0.1.0", more));
    let causes = whole.causes.iter().map(|cause| format!("{}: {:?}\n", cause.id, cause.findings));
    let findings = whole.findings.iter().map(|report| {
        let cause = report.cause.as_deref().unwrap_or("none");
        format!("{} of {cause}\n", report.id)
    });
    let text = causes.chain(findings).collect::<String>();
    expect![[r#"
        name: ["r4-ap-resume-never-config-of-name"]
        name-3: ["r4-ap-resume-never-config-of-name-2"]
        name-2: ["r4-ap-resume-never-config-of-name-2-2"]
        r4-ap-resume-never-config-of-name of name
        r4-ap-resume-never-config-of-name-2 of name-3
        r4-ap-resume-never-config-of-name-2-2 of name-2
        18 cases
    "#]]
    .assert_eq(&format!("{text}{} cases\n", whole.cases));
}

#[test]
fn clauses_of_the_sdk_have_rows_where_a_client_tested_one() {
    let of_sdk = |tested: Option<Clause>| {
        let mut results = results("0.144.4", Vec::new());
        let count = Count { tested: 1, compared: 1, held: 1, broken: 0 };
        results.tally.extend(tested.map(|clause| (Row { clause, dimension: None }, count)));
        let matrix = Matrix::new(vec![column(results)], &Known::default());
        let clauses =
            matrix.rows.keys().map(|row| row.clause).filter(|clause| clause.is_about_sdk());
        clauses.collect::<Vec<_>>()
    };
    assert_eq!(of_sdk(None), []);
    assert_eq!(of_sdk(Some(Clause::K1)), [Clause::K1]);
}
