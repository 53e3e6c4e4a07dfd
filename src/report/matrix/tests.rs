//! A matrix of four releases that was made by hand, printed in every form.
//!
//! R4 is broken on the first two, the third could not be had, the fourth repairs it; T9 cannot be
//! asked of the first. The finding is judged from a stored trace.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use expect_test::{Expect, expect};

use super::changes::Upgrade;
use super::json::Document;
use super::{files, page, text};
use crate::campaign::{FindingReport, Subject};
use crate::cause::Known;
use crate::cause::explain::Explaining;
use crate::cause::record::CauseRecord;
use crate::cause::update::{Change, changes};
use crate::contract::Clause;
use crate::judge::judge;
use crate::judge::record::{Confirmed, FindingRecord, Status};
use crate::judge::verdict::Count;
use crate::matrix::record::{Key, Record};
use crate::matrix::store::Store;
use crate::matrix::{Column, Matrix, Outcome, Results, Row};
use crate::policy::Dimension;
use crate::report::clause_history::ClauseHistory;
use crate::report::read_results::Read;
use crate::report::style::Style;
use crate::trace::Trace;

const TRACE: &str = include_str!("../../../tests/traces/r4-ap-resume-never-config.trace");

pub(super) fn report(status: Status) -> FindingReport {
    let trace: Trace = TRACE.parse().expect("the stored trace is one");
    let report = FindingReport::new(judge(&trace).findings.remove(0), trace);
    let record = FindingRecord {
        status,
        cause: (status == Status::New).then(|| "r4-resume".to_owned()),
        token: "r1-s1-c3-o12".to_owned(),
        confirmed: Confirmed { shown: 5, runs: 5 },
        shrink_runs: 9,
        found_after: Duration::from_millis(3_140),
        ..report.record
    };
    FindingReport { record, stderr: "last <words>\n".to_owned(), ..report }
}

/// The cause of the finding, as far as it is explained without a run.
fn cause(report: &FindingReport, id: &str) -> CauseRecord {
    let explanation = Explaining::new(&report.trace.program, &report.finding).explanation();
    CauseRecord {
        id: id.to_owned(),
        findings: vec![report.id.clone()],
        case: report.record.case.clone(),
        does_not_matter: vec!["the restart (graceful, kill)".to_owned()],
        ..CauseRecord::new(&explanation, &report.finding)
    }
}

pub(super) fn key() -> Key {
    Key {
        revision: 1,
        seed: 1,
        cases: 20,
        max_ops: 12,
        confirmations: 5,
        profile: "default".to_owned(),
    }
}

pub(super) fn results(
    release: &str,
    findings: Vec<FindingReport>,
    untestable: &[Clause],
) -> Results {
    let causes = findings.iter().filter_map(|one| Some(cause(one, one.cause.as_ref()?)));
    let resumes = Row { clause: Clause::R4, dimension: Some(Dimension::AP) };
    let notices = Row { clause: Clause::T9, dimension: None };
    let heard = if untestable.is_empty() { 7 } else { 0 };
    Results {
        subject: Subject {
            spec: release.to_owned(),
            version: release.parse().ok(),
            digest: format!("sha256:00ff{release}"),
            others: Vec::new(),
            client: None,
        },
        cases: 20,
        steps: 160,
        wall: Duration::from_secs(65),
        tally: BTreeMap::from([
            (resumes, Count { tested: 12, compared: 12, ..Count::default() }),
            (notices, Count { tested: heard + 3, compared: heard, ..Count::default() }),
        ]),
        untestable: untestable.iter().copied().collect(),
        asked: BTreeSet::from([report(Status::New).finding.signature()]),
        programs: BTreeSet::from([report(Status::New).trace.program.to_string()]),
        causes: causes.collect(),
        findings,
        inconclusive: BTreeMap::new(),
        interrupted: false,
        stored: false,
    }
}

pub(super) fn column(release: &str, findings: Vec<FindingReport>, untestable: &[Clause]) -> Column {
    let results = results(release, findings, untestable);
    let version = results.subject.version.clone();
    Column { label: release.to_owned(), version, outcome: Outcome::Ran(Box::new(results)) }
}

pub(super) fn missing(release: &str) -> Column {
    Column {
        label: release.to_owned(),
        version: release.parse().ok(),
        outcome: Outcome::NotRun("cannot fetch it: <no network>".to_owned()),
    }
}

pub(super) fn matrix() -> Matrix {
    let columns = vec![
        column("0.131.0", vec![report(Status::New)], &[Clause::T9]),
        column("0.144.4", vec![report(Status::New)], &[]),
        missing("0.150.0"),
        column("0.169.0", vec![report(Status::Flaky)], &[]),
    ];
    Matrix::new(columns, &Known::default())
}

pub(super) fn check(text: &str, expected: Expect) {
    expected.assert_eq(text);
}

/// Columns before the text of a row.
const LABEL: usize = 16;

/// A text without the lines of a list of clauses but its first.
fn without_clauses(text: &str) -> String {
    let is_of_list = |line: &&str| {
        let text = line.strip_prefix(&" ".repeat(LABEL)).unwrap_or_default();
        text.split(' ').next().is_some_and(|first| first.parse::<Clause>().is_ok())
    };
    text.lines().filter(|line| !is_of_list(line)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_terminal_shows_what_breaks_what_cannot_be_asked_and_what_changed_when() {
    check(
        &without_clauses(&text(&matrix(), &Style::plain(80))),
        expect![[r#"
            Cause                             0.131.0      0.144.4      0.150.0      0.169.0
            after `resume`, the             WIDENED 1    WIDENED 1            ?           no
              approval policy is
              config.toml's default
              instead of the thread's
              own, if the thread is
              not loaded
                since 0.131.0 at least, until 0.144.4 (not 0.169.0)

                                                0.131.0    0.144.4    0.150.0    0.169.0
            T9 change notification                    -      holds          ?      holds
            R4 cold resume · approval policy    WIDENED    WIDENED          ?      holds

              holds         wherever it was tested: none
              not tested    on any release: G1 order of precedence, G2 null override,
              signs         WIDENED: broken, and the release allows more than it should; a
                            number: by so many findings; in brackets: a known deviation; no:
                            the release does not show it; -: the release does not support
                            it; .: not tested; ?: not known (the release was not run to its
                            end, or was not asked)
              0.131.0       20 cases, 1 finding, 1 min 5 s
              0.144.4       20 cases, 1 finding, 1 min 5 s
              0.150.0       not run: cannot fetch it: <no network>
              0.169.0       20 cases, 1 finding, 1 min 5 s
              incomplete    1 of 4 releases not run: 0.150.0

            What changed when
              0.169.0       R4 cold resume · approval policy is repaired (compared with
                            0.144.4): A cold resume (after a restart or an unload) restores
                            the approval policy (AP).
        "#]],
    );
}

#[test]
fn releases_that_do_not_fit_beside_each_other_stand_below() {
    let narrow = text(&matrix(), &Style::plain(40));
    check(
        &narrow.lines().take(9).map(|line| format!("{line}\n")).collect::<String>(),
        expect![[r#"
            Cause                             0.131.0
            after `resume`, the             WIDENED 1
              approval policy is
              config.toml's default
              instead of the thread's
              own, if the thread is
              not loaded
                since 0.131.0 at least, until
                0.144.4 (not 0.169.0)
        "#]],
    );
}

#[test]
fn a_cause_is_dated_on_the_releases_of_the_server_for_each_client() {
    let dated = |last: Status| {
        let columns = [("python=0.1.0", Status::Flaky), ("python=0.2.0", last)];
        let columns = columns.into_iter().flat_map(|(client, last)| {
            let column = |server: &str, status| {
                column(&format!("{server} {client}"), vec![report(status)], &[])
            };
            [column("0.131.0", Status::New), column("0.169.0", last)]
        });
        let matrix = Matrix::new(columns.collect(), &Known::default());
        super::causes::dates(&matrix, &matrix.causes[0])
    };
    check(&dated(Status::Flaky), expect!["until 0.131.0 (not 0.169.0)"]);
    check(
        &dated(Status::New),
        expect!["python=0.1.0: until 0.131.0 (not 0.169.0); python=0.2.0: since 0.131.0 at least"],
    );
}

#[test]
fn an_upgrade_is_described_in_words_with_programs() {
    let matrix = matrix();
    let both = [(1, 3), (0, 1)];
    let texts =
        both.map(|(from, to)| Upgrade { matrix: &matrix, from, to }.text(&Style::plain(80)));
    check(
        &without_clauses(&texts.join("\n====\n")),
        expect![[r#"
            From codex 0.144.4 to 0.169.0

            1 cause disappears
              after `resume`, the approval policy is config.toml's default instead of the
                thread's own, if the thread is not loaded (WIDENED, 1 finding,
                R4 cold resume)

            1 clause is repaired
              R4 cold resume · approval policy
                A cold resume (after a restart or an unload) restores the approval policy
                (AP).
              on 0.144.4    expected never, seen on-request; it allows MORE than it should

                config  approval=on-request reviewer=user sandbox=read-only
                start   approval=never                -> t0
                run     t0 "turn 1"                   <- text "ok"
                audit
              >   resume  t0
                  ^ R4: expected never, seen on-request; the audit restarts the server and
                    resumes t0 from disk


              still broken  in the same way on both: none
              holds         on both: 1 clause
              not known     not tested on both: G1 order of precedence, G2 null override,

            ====
            From codex 0.131.0 to 0.144.4

            1 cause stays
              after `resume`, the approval policy is config.toml's default instead of the
                thread's own, if the thread is not loaded (WIDENED, 1 finding,
                R4 cold resume)

            1 clause can be tested that could not before
              T9 change notification
                An effective change by turn/start or settings/update emits
                `thread/settings/updated` with the new values; an equal value emits none,
                and start, resume and fork emit none. From 0.133.

              still broken  in the same way on both: R4 cold resume (approval policy)
              holds         on both: 0 clauses
              not known     not tested on both: G1 order of precedence, G2 null override,
        "#]],
    );
}

#[test]
fn an_upgrade_begins_with_the_causes_that_appear_and_those_of_which_nothing_is_known() {
    let matrix = matrix();
    let both = [(3, 1), (2, 1)];
    let texts =
        both.map(|(from, to)| Upgrade { matrix: &matrix, from, to }.text(&Style::plain(80)));
    let begin = |text: &String| text.lines().take(13).collect::<Vec<_>>().join("\n");
    check(
        &texts.each_ref().map(begin).join("\n====\n"),
        expect![[r#"
            From codex 0.169.0 to 0.144.4

            1 cause appears
              after `resume`, the approval policy is config.toml's default instead of the
                thread's own, if the thread is not loaded (WIDENED, 1 finding,
                R4 cold resume)

                config  approval=on-request reviewer=user sandbox=read-only
                start   approval=never                -> t0
                run     t0 "turn 1"                   <- text "ok"
                audit
              >   resume  t0
                  ^ R4: expected never, seen on-request; the audit restarts the server and
            ====
            From codex 0.150.0 to 0.144.4

            1 cause is not known
              after `resume`, the approval policy is config.toml's default instead of the
                thread's own, if the thread is not loaded (WIDENED, 1 finding,
                R4 cold resume)

              no clause changes among those that were tested on both

              still broken  in the same way on both: none
              holds         on both: 0 clauses
              not known     not tested on both: G1 order of precedence, G2 null override,
                            G3 lasting override, G4 independent settings,"#]],
    );
}

/// The document as version 2 had it.
fn text_of_version_2(value: &serde_json::Value) -> String {
    let mut older = value.clone();
    older["schema"] = "heirloom matrix v2".into();
    older.as_object_mut().expect("it is an object").remove("causes");
    for release in older["releases"].as_array_mut().expect("it is a list") {
        release.as_object_mut().expect("it is an object").remove("interrupted");
    }
    older.to_string()
}

#[test]
fn a_document_has_the_keys_that_its_schema_promises_and_is_read_again() {
    let document = Document::new(&matrix(), key());
    let text = serde_json::to_string(&document).expect("a document is plain values");
    let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let keys = |value: &serde_json::Value| {
        let keys = value.as_object().expect("it is an object").keys();
        keys.map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    let mut lines = vec![keys(&value)];
    for list in ["releases", "cells", "findings", "turns"] {
        lines.push(format!("{list}: {}", keys(&value[list][0])));
    }
    lines.push(serde_json::to_string(&document.causes).expect("causes are plain values"));
    let of_resumes = document.cells.iter().filter(|cell| cell.clause == Clause::R4);
    for cell in of_resumes {
        lines.push(serde_json::to_string(cell).expect("a cell is plain values"));
    }
    lines.push(serde_json::to_string(&document.findings[1]).expect("a finding is plain values"));
    let again = Document::read(&text).expect("it is read again");
    assert_eq!(serde_json::to_string(&again).ok(), Some(text), "nothing is lost");
    let older = text_of_version_2(&value);
    assert!(Document::read(&older).is_ok_and(|old| old.causes.is_empty()), "version 2 is read");
    lines.push(Document::read("{\"schema\":\"x\"}").expect_err("it is of another schema"));
    check(
        &lines.join("\n"),
        expect![[r#"
            schema heirloom revision seed cases max_ops confirmations profile releases causes cells findings turns
            releases: release version digest not_run interrupted cases steps wall_seconds inconclusive asked
            cells: clause dimension release state fired widened known signatures case
            findings: release known since after finding
            turns: clause dimension from to gained lost
            [{"id":"r4-resume","title":"after `resume`, the approval policy is config.toml's default instead of the thread's own, if the thread is not loaded","status":"new","widened":true,"clauses":["R4"],"dimensions":["AP"],"matters":["the thread is not loaded"],"does_not_matter":["the restart (graceful, kill)"],"since":"0.131.0","until":"0.144.4","periods":[{"first":"0.131.0","last":"0.144.4","before":null,"after":"0.169.0"}],"releases":{"0.131.0":"shows","0.144.4":"shows","0.150.0":"unknown","0.169.0":"absent"},"case":"cases/0.144.4/r4-ap-resume-never-config.case"}]
            {"clause":"R4","dimension":"AP","release":"0.131.0","state":"broken","fired":12,"widened":true,"known":false,"signatures":["R4/AP/resume/never/config"],"case":"cases/0.131.0/r4-ap-resume-never-config.case"}
            {"clause":"R4","dimension":"AP","release":"0.144.4","state":"broken","fired":12,"widened":true,"known":false,"signatures":["R4/AP/resume/never/config"],"case":"cases/0.144.4/r4-ap-resume-never-config.case"}
            {"clause":"R4","dimension":"AP","release":"0.150.0","state":"unknown","fired":0,"widened":false,"known":false,"signatures":[],"case":null}
            {"clause":"R4","dimension":"AP","release":"0.169.0","state":"holds","fired":12,"widened":false,"known":false,"signatures":[],"case":null}
            {"release":"0.144.4","known":false,"since":"0.131.0","after":null,"finding":{"id":"r4-ap-resume-never-config","status":"new","signature":"R4/AP/resume/never/config","clause":"R4","strength":"N","dimension":"AP","step":3,"kind":"resume","views":["reply"],"form":"never","expected":"never","seen":"on-request","seen_form":"on-request","origin":"config","also_fits":[],"facts":{"began":"run","broken-off":"nothing","broken-beginning":"no","last-turn":"completed","loaded":"no","since":"restart","set-by":"start","archived":"no","reverted":"no","parent":"none","full-disk":"no","features":"full"},"widened":true,"release":"0.144.4","before":[],"confirmed":{"shown":5,"runs":5},"steps":2,"shrink_runs":9,"found_after_seconds":3.14,"case":"cases/0.144.4/r4-ap-resume-never-config.case","token":"r1-s1-c3-o12","cause":"r4-resume","probe":null}}
            its schema is `x`, not `heirloom matrix v3`"#]],
    );
}

#[test]
fn a_broken_cell_of_the_page_leads_to_its_program() {
    let page = page::html(&matrix(), &key());
    let ids: BTreeSet<&str> =
        page.split("id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let links: BTreeSet<&str> =
        page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(!links.is_empty() && links.is_subset(&ids), "{links:?} lead to {ids:?}");
    assert!(!page.contains("<no network>") && page.contains("&lt;no network&gt;"), "it is escaped");
    assert!(!page.contains("<script") && !page.contains("http"), "it asks nobody for anything");
    let (causes, clauses) = (page.find(">Cause by release<"), page.find(">Clause by release<"));
    assert!(causes.is_some() && causes < clauses, "it leads with the causes");
    let row = page.split("<tbody><tr>").nth(1).and_then(|rest| rest.split("</tr>").next());
    let row = row.expect("there is a cause").replace("<td", "\n<td");
    let of = |class: &str| page.matches(&format!("class=\"{class}\"")).count();
    // One of each is in the legend, and a tag on the card.
    check(
        &format!("widened {} holds {} none {}\n{row}", of("widened"), of("holds"), of("none")),
        expect![[r##"
            widened 5 holds 5 none 7
            <th scope="row"><a href="#cause-r4-resume">after <code>resume</code>, the approval policy is config.toml's default instead of the thread's own, if the thread is not loaded</a><span class="tag widened">allows more</span></th>
            <td class="widened"><a href="#cause-r4-resume">▲ 1</a></td>
            <td class="widened"><a href="#cause-r4-resume">▲ 1</a></td>
            <td class="none">?</td>
            <td class="holds">✓</td>
            <td class="dates">since 0.131.0 at least, until 0.144.4 (not 0.169.0)</td>"##]],
    );
}

#[test]
fn releases_that_did_not_run_are_counted_and_nothing_is_said_of_their_changes() {
    let mut stopped = results("0.144.4", Vec::new(), &[]);
    stopped.interrupted = true;
    let stopped = Column { outcome: Outcome::Ran(Box::new(stopped)), ..missing("0.144.4") };
    let whole = || column("0.144.4", Vec::new(), &[]);
    let all = [
        vec![missing("0.131.0"), missing("0.169.0")],
        vec![stopped, missing("0.169.0")],
        vec![whole(), column("0.169.0", Vec::new(), &[])],
    ];
    let words = ["each", "of 2 releases", "known, because", "no change", "No change", "<td>20"];
    let texts = all.map(|columns| {
        let matrix = Matrix::new(columns, &Known::default());
        let page = page::html(&matrix, &key()).replace("<p>", "\n");
        let page = page.replace(" The same", "\nThe same").replace("<td>", "\n<td>");
        let terminal = text(&matrix, &Style::plain(80));
        let lines = terminal.lines().chain(page.lines());
        let lines = lines.filter(|line| words.iter().any(|word| line.contains(word)));
        let cut = |line: &str| line.trim().chars().take(85).collect::<String>();
        lines.map(|line| format!("{}\n", cut(line))).collect::<String>()
    });
    check(
        &texts.join("\n"),
        expect![[r#"
            incomplete    2 of 2 releases not run: 0.131.0, 0.169.0
            not known, because no release ran
            <strong>2 of 2 releases not run: 0.131.0, 0.169.0</strong>. What is not known of them
            Not known, because no release ran.</p><ul class="turns"></ul></section><section class
            None.</p></section><section class="on-demand" id="clauses"><h2>Clauses</h2><p class="

            incomplete    1 of 2 releases not run: 0.169.0; 1 of 2 releases stopped early:
            not known, because only one release ran
            <strong>1 of 2 releases not run: 0.169.0; 1 of 2 releases stopped early: 0.144.4</str
            Not known, because only one release ran.</p><ul class="turns"></ul></section><section
            None.</p></section><section class="on-demand" id="clauses"><h2>Clauses</h2><p class="
            <td>20, stopped early</td>
            <td>0</td></tr><tr><th scope="row">0.169.0</th><td colspan="4">not run: cannot fetch 

            no change between these releases
            Does a thread keep the policy that it was given: through turns, forks, restarts and r
            No change between these releases.</p><ul class="turns"></ul></section><section class=
            None.</p></section><section class="on-demand" id="clauses"><h2>Clauses</h2><p class="
            <td>20</td>
            <td>20</td>
            <td>0</td></tr></tbody></table></div><p class="faint">Made by heirloom 0.1.0, model r
        "#]],
    );
}

#[test]
fn what_was_run_is_found_again_with_its_findings() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = Store::at(folder.path()).expect("an empty folder is taken");
    let ran = results("0.144.4", vec![report(Status::New)], &[]);
    store.keep("0.144.4", &ran, &key()).expect("it can be written");
    let version = "0.144.4".parse().expect("it is a version");
    let again = store.of_release(&version, &key()).expect("it is found");
    let same = |results: &Results| {
        serde_json::to_string(&Record::new(key(), results)).expect("a record is plain values")
    };
    assert_eq!(same(&again), same(&ran));
    let other = Key { seed: 2, ..key() };
    let digest = &ran.subject.digest;
    let texts = [
        again.stored,
        store.of_release(&version, &other).is_some(),
        store.of_digest("0.144.4", digest, &key()).is_some(),
        store.of_digest("0.144.4", "sha256:other", &key()).is_some(),
    ];
    check(&format!("{texts:?}"), expect!["[true, false, true, false]"]);
}

#[test]
fn cases_that_said_nothing_are_kept_with_their_reason_and_what_was_stopped_is_not() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = Store::at(folder.path()).expect("an empty folder is taken");
    let silent = BTreeMap::from([("the server did not answer in 20 s".to_owned(), 2)]);
    let silent = Results { inconclusive: silent, ..results("0.144.4", Vec::new(), &[]) };
    let stopped = Results { interrupted: true, ..results("0.150.0", Vec::new(), &[]) };
    let idle = Results { cases: 0, ..results("0.169.0", Vec::new(), &[]) };
    let lines = [silent, stopped, idle].map(|ran| {
        let version = ran.subject.version.clone().expect("it has one");
        store.keep(&version.to_string(), &ran, &key()).expect("it can be written");
        let again = store.of_release(&version, &key()).map(|results| {
            let label = version.to_string();
            let outcome = Outcome::Ran(Box::new(results));
            let columns = vec![Column { label, version: Some(version.clone()), outcome }];
            text(&Matrix::new(columns, &Known::default()), &Style::plain(80))
        });
        let again = again.unwrap_or_else(|| format!("  {version} is run again\n"));
        let of_it = again.lines().filter(|line| line.starts_with(&format!("  {version}")));
        of_it.map(|line| format!("{}\n", line.trim())).collect::<String>()
    });
    let record = Record::new(key(), &results("0.144.4", Vec::new(), &[]));
    let mut older = serde_json::to_value(record).expect("a record is plain values");
    older["schema"] = "heirloom release v2".into();
    let older: Record = serde_json::from_value(older).expect("it has the same keys");
    assert!(older.results(&key()).is_none(), "a release with an older record is run again");
    check(
        &lines.concat(),
        expect![[r#"
              0.144.4       20 cases, 0 findings, 2 cases inconclusive, 1 min 5 s, run
              0.150.0 is run again
              0.169.0 is run again
        "#]],
    );
}

#[test]
fn every_broken_cell_has_its_case_beside_the_document() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    files::write(folder.path(), &matrix(), &key()).expect("it can be written");
    let document =
        std::fs::read_to_string(folder.path().join(files::DOCUMENT)).expect("it is there");
    let document = Document::read(&document).expect("it is one");
    let cases: BTreeSet<String> = document.cells.into_iter().filter_map(|cell| cell.case).collect();
    for case in &cases {
        let text = std::fs::read_to_string(folder.path().join(case)).expect("it is there");
        assert!(text.parse::<crate::program::Program>().is_ok(), "{case} is a case");
    }
    check(
        &cases.into_iter().collect::<Vec<_>>().join("\n"),
        expect![[r#"
            cases/0.131.0/r4-ap-resume-never-config.case
            cases/0.144.4/r4-ap-resume-never-config.case"#]],
    );
}

/// The matrix without the release that could not be had.
fn whole() -> Matrix {
    let columns = matrix().columns.into_iter().filter(|column| column.results().is_some());
    Matrix::new(columns.collect(), &Known::default())
}

#[test]
fn results_that_did_not_come_to_their_end_are_no_evidence() {
    let mut stopped = whole().columns;
    if let Outcome::Ran(results) = &mut stopped[1].outcome {
        results.interrupted = true;
    }
    let stopped = Matrix::new(stopped, &Known::default());
    let refused = [matrix(), stopped, whole()].map(|matrix| {
        let folder = tempfile::tempdir().expect("a folder can be made");
        files::write(folder.path(), &matrix, &key()).expect("it can be written");
        let read = Read::from(folder.path()).expect("it is a matrix");
        read.evidence().expect("the other releases are evidence");
        format!("left out: {}", read.left_out().join(", "))
    });
    let folder = tempfile::tempdir().expect("a folder can be made");
    let summary = "{\"schema\":\"heirloom summary v3\",\"interrupted\":true}";
    std::fs::write(folder.path().join("summary.json"), summary).expect("it can be written");
    let run = Read::from(folder.path()).expect("it is a run").evidence();
    let run = run.expect_err("it was stopped").replace(&folder.path().display().to_string(), "RUN");
    check(
        &format!("{}\n{run}", refused.join("\n")),
        expect![[r#"
            left out: 0.150.0 was not run (cannot fetch it: <no network>); run the matrix again to its end, or without 0.150.0
            left out: 0.144.4 was stopped early; run the matrix again to its end, or without 0.144.4
            left out: 
            the run in RUN was interrupted, so it shows nothing; run it again"#]],
    );
}

#[test]
fn a_case_of_a_matrix_leads_to_the_title_of_its_cause() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut columns = whole().columns;
    if let Outcome::Ran(results) = &mut columns[0].outcome {
        // Each release names its causes without knowledge of the others.
        results.causes[0].id = "elsewhere".to_owned();
        results.findings[0].record.cause = Some("elsewhere".to_owned());
    }
    let matrix = Matrix::new(columns, &Known::default());
    files::write(folder.path(), &matrix, &key()).expect("it can be written");
    let cases = folder.path().join("cases");
    let name = "r4-ap-resume-never-config.case";
    let titles = ["0.131.0", "0.144.4", "0.169.0"].map(|release| {
        let case = cases.join(release).join(name);
        let found = Read::around(&case).expect("the matrix is above it");
        found.cause_of(&case).unwrap_or("none: it is flaky").to_owned()
    });
    check(
        &titles.join("\n"),
        expect![[r#"
            after `resume`, the approval policy is config.toml's default instead of the thread's own, if the thread is not loaded
            after `resume`, the approval policy is config.toml's default instead of the thread's own, if the thread is not loaded
            none: it is flaky"#]],
    );
}

#[test]
fn a_matrix_that_is_read_again_narrows_a_row_and_tells_of_a_clause() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    files::write(folder.path(), &whole(), &key()).expect("it can be written");
    let list = "[[deviation]]\nsignature = \"R4/AP/resume/never/config\"\n\
                seen = \"on-request\"\nreleases = \">=0.131.0, <=0.169.0\"\n\
                reason = \"it is so\"\ncase = \"a.case\"\n";
    let known = Known::parse(list, |_| Ok(report(Status::New).trace.program.to_string()));
    let known = known.expect("it is a list");
    let read = Read::from(folder.path()).expect("it is a matrix");
    let evidence = read.evidence().expect("every release ran to its end");
    let changes = changes(&known, &evidence);
    let list_folder = folder.path().to_owned();
    let called = "heirloom".to_owned();
    let history = ClauseHistory { run: None, matrix: Some(read), known, list_folder, called };
    let resumes = history.text(Clause::R4, &Style::plain(80));
    let notices = history.text(Clause::T9, &Style::plain(80));
    let changes = changes.iter().map(|change| match change {
        Change::Releases { line, from, to, .. } => format!("line {line}: {from} to {to}\n"),
        other => format!("{other:?}\n"),
    });
    let all = format!("{}{resumes}{notices}", changes.collect::<String>());
    check(
        &all.replace(&folder.path().display().to_string(), "FOLDER"),
        expect![[r#"
            line 1: 0.131.0..0.169.0 to 0.131.0..0.144.4

            Runs
              last run      there is none here; `heirloom check` makes one
              releases      broken by 0.131.0 (approval policy WIDENED); 0.144.4 (approval
                            policy WIDENED)
                            FOLDER
              cause         after `resume`, the approval policy is config.toml's default
                            instead of the thread's own, if the thread is not loaded
                            (WIDENED, new, on 0.131.0 to 0.144.4)
              see it        heirloom replay FOLDER/cases/0.144.4/r4-ap-resume-never-config.case --server 0.144.4
              known         it is so (in 0.131.0..0.169.0)
                            its case is a.case

            Runs
              last run      there is none here; `heirloom check` makes one
              releases      no release breaks it; it was tested 14 times
                            FOLDER
        "#]],
    );
}
