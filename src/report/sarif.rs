//! The results as `results.sarif` (SARIF 2.1.0), for what shows alerts: a rule for each clause, a
//! result for each cause.
//!
//! The fingerprint of a result depends on what the cause is: the operations, the settings, where
//! the wrong value comes from and the facts of the thread's life. Another seed, another run and
//! other names leave it as it is, as long as the campaign explains the cause in the same way.

use std::collections::{BTreeMap, BTreeSet};

use itertools::Itertools;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::finding::FindingText;
use super::results::{Entry, Results, case_line, status_words};
use super::style::Style;
use super::words::{self, plural};
use crate::campaign::{Conclusion, FindingReport};
use crate::cause::record::CauseRecord;
use crate::cause::scope::Scope;
use crate::contract::{Clause, Row, Strength, all};
use crate::judge::record::Status;
use crate::model::life::Fact;

/// The schema of the form.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The name of the fingerprint; a change of the way it is made gets another number.
const FINGERPRINT: &str = "heirloomCause/v1";

/// The only fingerprint that GitHub compares.
const GITHUB_FINGERPRINT: &str = "primaryLocationLineHash";

/// Stands for the folder of the results, below which every file is named.
const FOLDER: &str = "RESULTS";

/// The width of the programs, in columns.
const WIDTH: usize = 96;

/// The file.
pub fn text(results: &Results<'_>) -> String {
    let entries = results.entries();
    let mut identities = BTreeMap::new();
    let shown = entries.iter().filter_map(|entry| {
        let identity = entry_identity(entry);
        let before: &mut u32 = identities.entry(identity.clone()).or_default();
        // Two causes with one description differ by their order.
        let apart = if *before > 0 { format!("{identity};{before}") } else { identity };
        let result = result(results, entry, &digest(&apart))?;
        *before += 1;
        Some(result)
    });
    let driver = json!({
        "name": "heirloom",
        "version": env!("CARGO_PKG_VERSION"),
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "shortDescription": { "text": env!("CARGO_PKG_DESCRIPTION") },
        "rules": all().iter().map(rule).collect::<Vec<_>>(),
    });
    let about = "the folder of the results";
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": driver },
            "automationDetails": { "id": format!("heirloom/{}/", results.server()) },
            "originalUriBaseIds": { FOLDER: { "description": { "text": about } } },
            "columnKind": "unicodeCodePoints",
            "invocations": [invocation(results)],
            "results": shown.collect::<Vec<_>>(),
        }],
    });
    let text = serde_json::to_string_pretty(&log).expect("a log is plain values");
    format!("{text}\n")
}

fn rule(row: &Row) -> Value {
    let clause = row.clause;
    let sources = row.sources.join(", ");
    let strength = row.default;
    let meaning = strength.meaning();
    json!({
        "id": clause.to_string(),
        "name": clause.titled(),
        "shortDescription": { "text": clause.titled() },
        "fullDescription": { "text": row.text },
        "help": {
            "text": format!("{}\nSources: {sources}\nStrength {strength}: {meaning}", row.text),
            "markdown": format!("{}\n\n**Sources:** {sources}\n\n**Strength {strength}:** {meaning}", row.text),
        },
        "defaultConfiguration": { "level": level(strength) },
        "properties": { "tags": ["policy inheritance", row.section] },
    })
}

/// A conformance failure is an error, anything else a warning.
fn level(strength: Strength) -> &'static str {
    if strength.binds() { "error" } else { "warning" }
}

fn invocation(results: &Results<'_>) -> Value {
    let conclusion = results.outcome.conclusion();
    let reasons = results.outcome.inconclusive.iter();
    let notifications = reasons.map(|(reason, count)| {
        let text = format!("{} without a verdict: {reason}", plural(*count, "case"));
        json!({ "level": "warning", "message": { "text": text } })
    });
    let failed = matches!(conclusion, Conclusion::Trouble | Conclusion::NothingRan);
    json!({
        "executionSuccessful": !failed,
        "exitCode": conclusion as u8,
        "commandLine": results.again,
        "toolExecutionNotifications": notifications.collect::<Vec<_>>(),
    })
}

/// A cause, or a finding without one; none where no finding is left of it.
fn result(results: &Results<'_>, entry: &Entry<'_>, fingerprint: &str) -> Option<Value> {
    let example = entry.example()?;
    let clause = example.finding.clause;
    let others = entry.findings.iter().skip(1).enumerate().map(|(at, report)| {
        let what = words::clause(report.finding.clause, report.finding.dimension);
        let mut location = location(results, report);
        location["id"] = json!(at + 1);
        location["message"] = json!({ "text": what });
        location
    });
    let level = match entry.status() {
        Status::Flaky => "note",
        _ => level(example.finding.strength),
    };
    Some(json!({
        "ruleId": clause.to_string(),
        "ruleIndex": all().iter().position(|row| row.clause == clause),
        "level": level,
        "kind": "fail",
        "message": message(results, entry, example),
        "locations": [location(results, example)],
        "relatedLocations": others.collect::<Vec<_>>(),
        "partialFingerprints": { FINGERPRINT: fingerprint, GITHUB_FINGERPRINT: fingerprint },
        "suppressions": suppressions(entry),
        "properties": properties(entry, example),
    }))
}

fn location(results: &Results<'_>, report: &FindingReport) -> Value {
    let line = case_line(report, results.commands);
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": report.record.case, "uriBaseId": FOLDER },
            "region": { "startLine": line },
        },
    })
}

fn message(results: &Results<'_>, entry: &Entry<'_>, example: &FindingReport) -> Value {
    let finding = &example.finding;
    let widened =
        if entry.widened() { format!(" ({})", words::ALLOWS_MORE) } else { String::new() };
    let title = entry.title();
    let (expected, seen) = (&finding.expected, words::seen(finding));
    let clause = words::clause(finding.clause, finding.dimension);
    let head = format!("{title}{widened}. {clause}: expected {expected}, seen {seen}.");
    let called = &results.invocation.program;
    let program = FindingText::for_terminal(example, results.commands, called);
    let program = program.text(&Style::plain(WIDTH));
    let fence = words::fence(&program);
    json!({ "text": head, "markdown": format!("{head}\n\n{fence}text\n{program}{fence}\n") })
}

/// A result that is not new carries the reason of its row.
fn suppressions(entry: &Entry<'_>) -> Value {
    let status = match entry.status() {
        Status::Known => "accepted",
        Status::Carried => "underReview",
        Status::New | Status::Flaky => return json!([]),
    };
    let reason = entry.excuse().unwrap_or("a known deviation");
    json!([{ "kind": "external", "status": status, "justification": reason }])
}

fn properties(entry: &Entry<'_>, example: &FindingReport) -> Value {
    let clauses: Vec<String> = entry.clauses().iter().map(ToString::to_string).collect();
    let dimensions: Vec<&str> =
        entry.dimensions().into_iter().map(crate::cause::words::dimension).collect();
    let list =
        |of: fn(&CauseRecord) -> &Vec<String>| entry.cause.map(of).cloned().unwrap_or_default();
    json!({
        "status": status_words(entry.status()),
        "widened": entry.widened(),
        "cause": entry.cause.map(|cause| &cause.id),
        "clauses": clauses,
        "settings": dimensions,
        "strength": example.finding.strength,
        "matters": list(|cause| &cause.matters),
        "doesNotMatter": list(|cause| &cause.does_not_matter),
        "probe": example.record.probe.as_ref().map(words::probe),
        "confirmed": words::confirmed(example),
    })
}

/// The same for the same cause in every run.
fn entry_identity(entry: &Entry<'_>) -> String {
    let identity = match (entry.cause, entry.example()) {
        (Some(cause), _) => identity(&cause.scope),
        (None, Some(report)) => report.finding.signature().to_string(),
        (None, None) => String::new(),
    };
    let history = entry.example().map(|report| &report.finding.home_history);
    let upgraded = history.is_some_and(|history| !history.before.is_empty());
    if upgraded { format!("{identity};upgraded") } else { identity }
}

fn digest(identity: &str) -> String {
    let digest = Sha256::digest(identity.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a cause is, without the parts of its scope that depend on the program by which a run came
/// upon it: the values, the clauses that the same wrong value breaks, and how the thread was loaded.
fn identity(scope: &Scope) -> String {
    let Scope { clauses, operations, dimensions, wrong, facts, .. } = scope;
    // Without a value, the clause is all that tells one from another.
    let none = BTreeSet::new();
    let clauses: &BTreeSet<Clause> = if dimensions.is_empty() { clauses } else { &none };
    let facts = facts.iter().filter(|(fact, _)| !matches!(fact, Fact::Since | Fact::Loaded));
    let facts = facts.map(|(fact, words)| format!("{fact}={}", words.iter().join(",")));
    [
        clauses.iter().join(","),
        operations.iter().join(","),
        dimensions.iter().join(","),
        wrong.iter().join(","),
        facts.collect::<Vec<_>>().join(","),
    ]
    .join(";")
}

#[cfg(test)]
mod tests {
    use super::{identity, text};
    use crate::campaign::Outcome;
    use crate::cause::record::CauseRecord;
    use crate::cause::scope::Scope;
    use crate::contract::Clause;
    use crate::judge::record::Status;
    use crate::model::life::Fact;
    use crate::report::tests::{self, outcome, report};

    /// Fingerprints of a campaign, one for each result.
    fn fingerprints(change: fn(&mut CauseRecord)) -> Vec<String> {
        let mut outcome = outcome(vec![report(Status::New), report(Status::Flaky)]);
        outcome.causes.iter_mut().for_each(change);
        fingerprints_of(&outcome)
    }

    fn fingerprints_of(outcome: &Outcome) -> Vec<String> {
        let log = text(&tests::results(outcome));
        let log: serde_json::Value = serde_json::from_str(&log).expect("it is JSON");
        let results = log["runs"][0]["results"].as_array().expect("it has results");
        let prints = results.iter().map(|result| &result["partialFingerprints"]);
        prints.map(|prints| prints[super::FINGERPRINT].to_string()).collect()
    }

    #[test]
    fn a_fingerprint_depends_on_the_cause_and_not_on_names_or_what_else_a_run_saw() {
        let first = fingerprints(|_| {});
        let renamed = fingerprints(|cause| {
            cause.title = "another".to_owned();
            cause.scope.expected.insert("granular".to_owned());
            cause.scope.clauses.insert(Clause::F4);
            cause.scope.facts.remove(&Fact::Since);
        });
        let other = fingerprints(|cause| {
            cause.scope.facts.insert(Fact::Archived, ["yes".to_owned()].into());
        });
        assert_eq!(first.len(), 2, "a result for the cause, one for the flaky finding");
        assert_ne!(first[0], first[1]);
        assert_eq!(first, renamed);
        assert_ne!(first[0], other[0]);
        assert_eq!(first[1], other[1]);
    }

    #[test]
    fn a_fault_of_upgraded_homes_is_told_from_the_same_without_an_upgrade() {
        let print = |before: &[&str]| {
            let mut report = report(Status::Flaky);
            let before = before.iter().filter_map(|release| release.parse().ok());
            report.record.finding.home_history.before = before.collect();
            fingerprints_of(&outcome(vec![report]))
        };
        assert_ne!(print(&[]), print(&["0.131.0"]));
        assert_eq!(print(&["0.140.0"]), print(&["0.131.0"]));
    }

    #[test]
    fn two_causes_that_are_described_alike_have_two_fingerprints() {
        let one = |signature: &str| {
            let mut other = report(Status::Flaky);
            other.record.id = signature.to_owned();
            other
        };
        let both = fingerprints_of(&outcome(vec![one("a"), one("b")]));
        let alone = fingerprints_of(&outcome(vec![one("a")]));
        assert_ne!(both[0], both[1]);
        assert_eq!(both[0], alone[0]);
    }

    #[test]
    fn causes_about_no_value_are_told_apart_by_their_clauses() {
        let of = |clause| {
            let clauses = [clause].into();
            identity(&Scope { clauses, ..Scope::default() })
        };
        assert_ne!(of(Clause::W3), of(Clause::W4));
    }
}
