//! The results as `summary.md`, for an issue and for the summary of a job: the verdict, a table of
//! the causes, and the programs folded.

use itertools::Itertools;

use super::finding::FindingText;
use super::results::{Entry, Results, status_words};
use super::style::Style;
use super::words::{self, plural};
use crate::campaign::Outcome;

/// The width of the programs, in columns.
const WIDTH: usize = 96;

/// Most bytes of the text: the body of an issue on GitHub has 65536 characters.
const LENGTH_MAX: usize = 60_000;

/// Longest title in the table, in characters.
const TITLE_MAX: usize = 300;

/// The file.
pub fn text(results: &Results<'_>) -> String {
    let outcome = results.outcome;
    let (server, verdict) = (results.server(), words::verdict(outcome));
    let mut text = format!("# {} {}\n\n", line(&server), line(&verdict));
    text.push_str(&effort(results));
    let entries = results.entries();
    if !entries.is_empty() {
        text.push_str(&table(&entries));
    }
    text.push_str(&remarks(results));
    let mut omitted = 0;
    for entry in &entries {
        let program = program(results, entry);
        if text.len() + program.len() > LENGTH_MAX {
            omitted += 1;
        } else {
            text.push_str(&program);
        }
    }
    if omitted > 0 {
        let programs = plural(omitted, "more program");
        text.push_str(&format!("{programs} would not fit here; `report.html` has them all.\n"));
    }
    text
}

fn effort(results: &Results<'_>) -> String {
    let Outcome { subject, seed, cases, steps, wall, .. } = results.outcome;
    let ran = format!(
        "{} with {} on {}, {}, seed {seed}, exit code {}.",
        plural(*cases, "case"),
        plural(*steps, "step"),
        line(&words::server(subject)),
        words::time(*wall),
        results.outcome.conclusion() as u8,
    );
    format!("{ran}\n\n```sh\n{}\n```\n\n", results.again)
}

fn table(entries: &[Entry<'_>]) -> String {
    let rows = entries.iter().map(|entry| {
        let widened = if entry.widened() { "**WIDENED** " } else { "" };
        let clauses = entry.clauses().iter().map(|clause| clause.titled()).join(", ");
        let title = cell(&words::shortened(&entry.title(), TITLE_MAX));
        let (status, findings) = (status_words(entry.status()), entry.findings.len());
        format!("| {widened}{title} | {status} | {findings} | {} |\n", cell(&clauses))
    });
    let rows = rows.collect::<String>();
    format!("| cause | status | findings | breaks |\n|---|---|---|---|\n{rows}\n")
}

/// What is not a cause and still worth a line.
fn remarks(results: &Results<'_>) -> String {
    let outcome = results.outcome;
    let mut lines = Vec::new();
    lines.extend(outcome.since.iter().flat_map(words::since));
    for (reason, count) in &outcome.inconclusive {
        lines.push(format!("{} without a verdict: {reason}", plural(*count, "case")));
    }
    for stale in &outcome.stale {
        lines.push(format!("stale known deviation {}: {}", stale.id, words::stale(stale)));
    }
    for gone in &outcome.gone {
        lines.push(format!("gone on this release: {}", gone.title));
    }
    for notice in &outcome.notices {
        let (clause, cases) = (notice.clause.titled(), plural(notice.count, "case"));
        lines.push(format!("notice, no breach: {clause}: {} ({cases})", notice.text));
    }
    let untested = results.untested();
    if !untested.is_empty() {
        let clauses = untested.iter().map(|clause| clause.titled()).join(", ");
        lines.push(format!("not tested: {clauses}"));
    }
    if lines.is_empty() {
        return String::new();
    }
    let lines = lines.iter().map(|text| format!("* {}\n", line(text)));
    format!("{}\n", lines.collect::<String>())
}

/// The program of a cause, folded.
fn program(results: &Results<'_>, entry: &Entry<'_>) -> String {
    let Some(example) = entry.example() else { return String::new() };
    let called = &results.invocation.program;
    let finding = FindingText::for_terminal(example, results.commands, called);
    let finding = finding.text(&Style::plain(WIDTH));
    let mut facts = String::new();
    let lists = entry.cause.map_or_else(Vec::new, |cause| {
        vec![("Matters", &cause.matters), ("No matter", &cause.does_not_matter)]
    });
    for (label, all) in lists {
        if !all.is_empty() {
            facts.push_str(&format!("* {label}: {}\n", line(&all.join("; "))));
        }
    }
    if let Some(reason) = entry.excuse() {
        facts.push_str(&format!("* Excused: {}\n", line(reason)));
    }
    let (title, status) = (summary(&entry.title()), status_words(entry.status()));
    let fence = words::fence(&finding);
    format!(
        "<details>\n<summary>{title} ({status})</summary>\n\n{facts}\n{fence}text\n{finding}\
         {fence}\n\n</details>\n\n"
    )
}

/// A text on one line, in which only code between backticks is marked up.
fn line(text: &str) -> String {
    let text = text.split_whitespace().join(" ").replace('&', "&amp;").replace('<', "&lt;");
    let parts = text.split('`').enumerate().map(|(at, part)| {
        // Within code nothing is marked up, and an entity is not read.
        if at % 2 == 1 { part.replace("&lt;", "<").replace("&amp;", "&") } else { escaped(part) }
    });
    parts.collect::<Vec<_>>().join("`")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if "*_[]\\".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// The same within a row of a table.
fn cell(text: &str) -> String {
    line(text).replace('|', "\\|")
}

/// The same as HTML.
fn summary(text: &str) -> String {
    let text = text.split_whitespace().join(" ").replace('&', "&amp;").replace('<', "&lt;");
    let parts = text.split('`').enumerate().map(|(at, part)| {
        if at % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() }
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{LENGTH_MAX, cell, summary, text};
    use crate::judge::record::Status;
    use crate::report::tests::{self, outcome, report};

    fn check(text: &str, expected: Expect) {
        expected.assert_eq(text);
    }

    #[test]
    fn words_of_a_server_are_not_read_as_markup() {
        let title = "after `a <b> *` | seen <script> & *x* [y]\nnext";
        check(
            &format!("{}\n{}", cell(title), summary(title)),
            expect![[r#"
                after `a <b> *` \| seen &lt;script> &amp; \*x\* \[y\] next
                after <code>a &lt;b> *</code> | seen &lt;script> &amp; *x* [y] next"#]],
        );
    }

    #[test]
    fn a_summary_with_many_causes_fits_into_an_issue_and_says_how_many_are_left_out() {
        let outcome = outcome((0..60).map(|_| report(Status::New)).collect());
        let text = text(&tests::results(&outcome));
        assert!(text.len() < LENGTH_MAX + 100, "{}", text.len());
        check(
            text.lines().last().unwrap_or_default(),
            expect!["37 more programs would not fit here; `report.html` has them all."],
        );
    }
}
