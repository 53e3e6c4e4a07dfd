//! The results as `junit.xml`, for what shows tests: a test case for each clause in each dimension.
//!
//! A new finding is a failure, with its program. What the list of known deviations excuses, what
//! could not be reproduced and what was not compared is skipped, with the reason.

use maud::{Markup, html};

use super::finding::FindingText;
use super::results::Results;
use super::style::Style;
use super::words::{self, plural};
use crate::campaign::FindingReport;
use crate::contract::{Clause, row};
use crate::judge::record::Status;
use crate::judge::verdict::Count;
use crate::matrix::Row;

/// The width of the programs, in columns.
const WIDTH: usize = 96;

/// How a test case ended.
enum Ending<'a> {
    Passed,
    Failed(Vec<&'a FindingReport>),
    Skipped(String),
}

struct TestCase<'a> {
    row: Row,
    ending: Ending<'a>,
}

/// The file.
pub fn xml(results: &Results<'_>) -> String {
    let cases = cases(results);
    let count = |is: fn(&Ending<'_>) -> bool| cases.iter().filter(|case| is(&case.ending)).count();
    let failures = count(|ending| matches!(ending, Ending::Failed(_)));
    let skipped = count(|ending| matches!(ending, Ending::Skipped(_)));
    let errors = usize::from(!results.outcome.inconclusive.is_empty());
    let name = format!("policy inheritance on {}", results.server());
    let time = format!("{:.3}", results.outcome.wall.as_secs_f64());
    let tests = cases.len() + errors;
    let suite = html! {
        testsuites name="heirloom" tests=(tests) failures=(failures) errors=(errors) {
            testsuite name=(name) tests=(tests) failures=(failures) errors=(errors)
                skipped=(skipped) time=(time) {
                (properties(results))
                @for case in &cases { (case.element(results)) }
                @if errors > 0 { (trouble(results)) }
            }
        }
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", suite.into_string())
}

/// Every clause in each dimension in which it was tested, and the clauses that were not.
fn cases<'a>(results: &Results<'a>) -> Vec<TestCase<'a>> {
    let mut cases: Vec<TestCase<'a>> = Vec::new();
    let mut counts = results.counts();
    for report in &results.outcome.findings {
        counts.entry(row_of(report)).or_default();
    }
    for (row, count) in counts {
        cases.push(TestCase { row, ending: ending(results, row, count) });
    }
    for clause in results.untested() {
        if !cases.iter().any(|case| case.row.clause == clause) {
            let why = if results.outcome.withheld.contains(&clause) {
                "not tested: this release does not support the steps that it needs"
            } else {
                "not tested by these cases"
            };
            let row = Row { clause, dimension: None };
            cases.push(TestCase { row, ending: Ending::Skipped(why.to_owned()) });
        }
    }
    cases.sort_by_key(|case| case.row);
    cases
}

fn row_of(report: &FindingReport) -> Row {
    Row { clause: report.finding.clause, dimension: report.finding.dimension }
}

fn ending<'a>(results: &Results<'a>, row: Row, count: Count) -> Ending<'a> {
    let here: Vec<&FindingReport> =
        results.outcome.findings.iter().filter(|report| row_of(report) == row).collect();
    let new: Vec<&FindingReport> =
        here.iter().copied().filter(|report| report.status == Status::New).collect();
    if !new.is_empty() {
        return Ending::Failed(new);
    }
    if let Some(report) = here.first() {
        return Ending::Skipped(excused(results, report));
    }
    match (count.compared, count.broken) {
        (0, _) => Ending::Skipped(
            "tested only indirectly: a breach would show under another clause".to_owned(),
        ),
        (_, 0) => Ending::Passed,
        (_, broken) => Ending::Skipped(format!(
            "{} did not agree, which has no finding of its own",
            plural(broken, "comparison")
        )),
    }
}

/// Why a finding that is not new does not fail.
fn excused(results: &Results<'_>, report: &FindingReport) -> String {
    let causes = results.outcome.causes.iter();
    let title = causes
        .filter(|cause| Some(&cause.id) == report.cause.as_ref())
        .map(|cause| cause.title.clone())
        .next()
        .unwrap_or_else(|| words::signature(&report.finding.signature()));
    match report.status {
        Status::Known => format!("known deviation: {title}"),
        Status::Carried => format!("known deviation, carried over from an older release: {title}"),
        Status::New | Status::Flaky => {
            format!("flaky: {title}; seen once and not reproduced")
        }
    }
}

impl TestCase<'_> {
    fn element(&self, results: &Results<'_>) -> Markup {
        let Row { clause, dimension } = self.row;
        let name = dimension.map_or("the clause itself", crate::cause::words::dimension);
        html! {
            testcase classname=(class(clause)) name=(name) time="0" {
                @match &self.ending {
                    Ending::Passed => {}
                    Ending::Skipped(why) => { skipped message=(legal(why)) {} }
                    Ending::Failed(reports) => {
                        @let message = reports.iter().map(|report| words::subject(&report.finding));
                        @let message = message.collect::<Vec<_>>().join("; ");
                        failure type=(kind(reports)) message=(legal(&message)) {
                            @for report in reports { (legal(&program(results, report))) }
                        }
                    }
                }
            }
        }
    }
}

/// What a viewer sorts test cases by: the section and the clause.
fn class(clause: Clause) -> String {
    format!("{}.{}", row(clause).section, clause.titled())
}

fn kind(reports: &[&FindingReport]) -> &'static str {
    if reports.iter().any(|report| report.finding.widened) { "WIDENED" } else { "deviation" }
}

/// The finding as the terminal has it.
fn program(results: &Results<'_>, report: &FindingReport) -> String {
    let called = &results.invocation.program;
    FindingText::for_terminal(report, results.commands, called).text(&Style::plain(WIDTH))
}

fn properties(results: &Results<'_>) -> Markup {
    let outcome = results.outcome;
    let digest = outcome.subject.digest.clone();
    let known = outcome.causes.iter().filter(|cause| cause.status != Status::New).count();
    let all = [
        ("server", words::server(&outcome.subject)),
        ("server digest", digest),
        ("seed", outcome.seed.to_string()),
        ("cases", outcome.cases.to_string()),
        ("known causes", known.to_string()),
        ("verdict", words::verdict(outcome)),
        ("run again", results.again.to_owned()),
    ];
    html! {
        properties {
            @for (name, value) in all { property name=(name) value=(legal(&value)) {} }
        }
    }
}

/// Cases without a verdict.
fn trouble(results: &Results<'_>) -> Markup {
    let reasons = results.outcome.inconclusive.iter();
    let reasons = reasons.map(|(reason, count)| format!("{}: {reason}", plural(*count, "case")));
    let text = reasons.collect::<Vec<_>>().join("\n");
    html! {
        testcase classname="heirloom" name="every case has a verdict" time="0" {
            error type="inconclusive" message="not every case could be judged" { (legal(&text)) }
        }
    }
}

/// A text without the characters that XML 1.0 has no form for.
fn legal(text: &str) -> String {
    let is_legal = |letter: &char| {
        !letter.is_control() && !matches!(letter, '\u{fffe}' | '\u{ffff}')
            || "\n\t".contains(*letter)
    };
    text.chars().filter(is_legal).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{legal, xml};
    use crate::judge::record::Status;
    use crate::report::tests::{outcome, report, results};

    /// The counts of the suite, and the test cases that are about the finding's clause or trouble.
    fn summary(statuses: &[Status]) -> String {
        let outcome = outcome(statuses.iter().copied().map(report).collect());
        let text = xml(&results(&outcome));
        let (_, counts) = text.split_once("<testsuite name=").expect("it has a suite");
        let counts = counts.split('>').next().unwrap_or_default();
        let cases = text.split("<testcase ").skip(1);
        let shown = cases.filter(|case| case.contains("R4 cold resume") || case.contains("<error"));
        let shown = shown.map(|case| {
            let head = case.split("  signature").next().unwrap_or(case);
            format!("{}\n", head.trim_end())
        });
        format!("{counts}\n{}", shown.collect::<String>())
    }

    #[test]
    fn a_new_finding_fails_its_clause_and_setting_with_its_program() {
        expect![[r#"
            "policy inheritance on codex 0.144.4" tests="86" failures="1" errors="1" skipped="70" time="125.000"
            classname="Resume.R4 cold resume" name="approval policy" time="0"><failure type="WIDENED" message="t0 has the wrong approval policy after `resume`">------------------------------------------------------------------------------------------------
            R4 cold resume · approval policy: new finding, WIDENED
            t0 has the wrong approval policy after `resume`
            ------------------------------------------------------------------------------------------------
              clause        R4 cold resume: A cold resume (after a restart or an unload) restores the
                            approval policy (AP).
              strength      N, a conformance failure: an upstream test or a published schema text asserts it
              expected      never
              seen          on-request
              WIDENED       the server allows MORE than it should
              origin        the value seen is the default in config.toml
              seen in       reply (the server's answer to the request)
              probe         proved: a patch of OUT/f was put to the user, where it had to be refused
              server        codex 0.144.4
              confirmed     in 5 of 5 runs in fresh processes

              The program; &gt; marks the step that shows it:

                config  approval=on-request reviewer=user sandbox=read-only
                start   approval=never                -&gt; t0
                run     t0 &quot;turn 1&quot;                   &lt;- text &quot;ok&quot;
                audit
              &gt;   resume  t0
                  ^ R4: expected never, seen on-request; the audit restarts the server and resumes t0 from
                    disk
            classname="heirloom" name="every case has a verdict" time="0"><error type="inconclusive" message="not every case could be judged">1 case: no room for a home; free space</error></testcase></testsuite></testsuites>
        "#]].assert_eq(&summary(&[Status::New, Status::Known]));
    }

    #[test]
    fn a_known_or_flaky_finding_is_skipped_with_its_title() {
        expect![[r#"
            "policy inheritance on codex 0.144.4" tests="86" failures="0" errors="1" skipped="71" time="125.000"
            classname="Resume.R4 cold resume" name="approval policy" time="0"><skipped message="known deviation: after `resume`, the approval policy is config.toml's default instead of the thread's own, if the thread is not loaded and `restart` loaded or unloaded it"></skipped></testcase>
            classname="heirloom" name="every case has a verdict" time="0"><error type="inconclusive" message="not every case could be judged">1 case: no room for a home; free space</error></testcase></testsuite></testsuites>
        "#]].assert_eq(&summary(&[Status::Known]));
        expect![[r#"
            "policy inheritance on codex 0.144.4" tests="86" failures="0" errors="1" skipped="71" time="125.000"
            classname="Resume.R4 cold resume" name="approval policy" time="0"><skipped message="known deviation, carried over from an older release: after `resume`, the approval policy is config.toml's default instead of the thread's own, if the thread is not loaded and `restart` loaded or unloaded it"></skipped></testcase>
            classname="heirloom" name="every case has a verdict" time="0"><error type="inconclusive" message="not every case could be judged">1 case: no room for a home; free space</error></testcase></testsuite></testsuites>
        "#]].assert_eq(&summary(&[Status::Carried]));
        expect![[r#"
            "policy inheritance on codex 0.144.4" tests="86" failures="0" errors="1" skipped="71" time="125.000"
            classname="Resume.R4 cold resume" name="approval policy" time="0"><skipped message="flaky: R4 cold resume · approval policy: after resume, config.toml's default instead of never; seen once and not reproduced"></skipped></testcase>
            classname="heirloom" name="every case has a verdict" time="0"><error type="inconclusive" message="not every case could be judged">1 case: no room for a home; free space</error></testcase></testsuite></testsuites>
        "#]].assert_eq(&summary(&[Status::Flaky]));
    }

    #[test]
    fn characters_that_xml_cannot_hold_are_left_out() {
        assert_eq!(legal("a\u{0}\u{1b}[31mb\n\u{fffe}c"), "a[31mb\nc");
    }
}
