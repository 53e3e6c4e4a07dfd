//! The transcript of a run, a JSON object a line.

use itertools::Itertools;
use serde_json::json;

use super::subject::Exported;
use crate::transcript::Entry;

/// `sent` and `received` are lines of the protocol as they are, with placeholders for ids and
/// folders; a step is the line of the program.
pub(super) fn text(exported: &Exported) -> String {
    let steps = exported.program.with_audit();
    let line = |entry: &Entry| match entry {
        Entry::Step(step) => {
            let text = steps.get(*step).map(ToString::to_string);
            json!({ "step": text.unwrap_or_default() }).to_string()
        }
        entry => json!(entry).to_string(),
    };
    exported.transcript.entries.iter().map(line).join("\n") + "\n"
}
