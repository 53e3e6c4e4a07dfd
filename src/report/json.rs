//! Events as JSON, one object a line.
//!
//! The first line names the schema. Every object has `event` and the keys of that event; a finding
//! is the same object here and in the summary. A reader skips unknown keys and events.

use serde_json::{Value, json};

use super::summary::Summary;
use super::words;
use crate::campaign::Event;

/// The schema of the lines.
pub const SCHEMA: &str = "heirloom events v3";

/// One event as a JSON object.
pub fn event(event: &Event) -> Value {
    match event {
        Event::Began { subject, seed, jobs, cases, time } => json!({
            "event": "began",
            "schema": SCHEMA,
            "server": subject,
            "seed": seed,
            "jobs": jobs,
            "cases": cases,
            "time_seconds": time.map(|time| time.as_secs_f64()),
        }),
        Event::NoSchema { reason } => json!({ "event": "no schema", "reason": reason }),
        Event::NoSandbox { reason } => json!({ "event": "no sandbox", "reason": reason }),
        Event::Case { index, steps, signatures, inconclusive, .. } => json!({
            "event": "case",
            "index": index,
            "steps": steps,
            "signatures": signatures,
            "inconclusive": inconclusive,
        }),
        Event::Found { signature, index, row } => json!({
            "event": "found",
            "signature": signature,
            "index": index,
            "known": row.is_some(),
            "row": row,
        }),
        Event::Shrinking { signature, runs, lines } => json!({
            "event": "shrinking", "signature": signature, "runs": runs, "lines": lines,
        }),
        Event::Explaining { signature, runs, most } => json!({
            "event": "explaining", "signature": signature, "runs": runs, "most": most,
        }),
        Event::Confirming { signature, done, runs } => json!({
            "event": "confirming", "signature": signature, "done": done, "runs": runs,
        }),
        Event::Waiting => json!({ "event": "waiting" }),
        Event::Cause(report) => json!({ "event": "cause", "cause": report.record }),
        Event::StaleCheck { done, rows } => json!({
            "event": "stale check", "done": done, "rows": rows,
        }),
        Event::FindingReport(report) => json!({
            "event": "finding",
            "finding": report.record,
            "program": report.trace.program.to_string(),
        }),
        Event::Stale(stale) => json!({
            "event": "stale",
            "id": stale.id,
            "case": stale.case,
            "line": stale.line,
            "why": words::stale(stale),
        }),
        Event::Gone(gone) => json!({ "event": "gone", "id": gone.id, "title": gone.title }),
        Event::Ended(outcome) => json!({
            "event": "ended",
            "summary": Summary::new(outcome),
        }),
    }
}
