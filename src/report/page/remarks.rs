//! What is not a cause and still worth a line: notices, trouble, stale rows, what was left out and
//! what was not tested.

use itertools::Itertools;
use maud::{Markup, html};

use super::phrases::code;
use crate::contract::Clause;
use crate::report::results::Results;
use crate::report::words::{self, plural};

pub(super) fn section(results: &Results<'_>) -> Markup {
    let all = [
        ("Inconclusive", inconclusive(results)),
        ("Stale", stale(results)),
        ("Gone", gone(results)),
        ("Notices", notices(results)),
        ("Left out", left_out(results)),
        ("Not tested", untested(results)),
    ];
    html! {
        section #remarks aria-labelledby="remarks-head" {
            h2 #remarks-head { "Remarks" }
            @if all.iter().all(|(_, lines)| lines.is_empty()) { p { "Nothing." } }
            dl {
                @for (label, lines) in &all {
                    @if !lines.is_empty() {
                        dt { (label) }
                        dd { @for line in lines { p { (code(line)) } } }
                    }
                }
            }
        }
    }
}

fn inconclusive(results: &Results<'_>) -> Vec<String> {
    let reasons = results.outcome.inconclusive.iter();
    reasons.map(|(reason, count)| format!("{}: {reason}", plural(*count, "case"))).collect()
}

fn stale(results: &Results<'_>) -> Vec<String> {
    let rows = results.outcome.stale.iter();
    rows.map(|stale| format!("{}: {}; {}", stale.id, stale.title, words::stale(stale))).collect()
}

fn gone(results: &Results<'_>) -> Vec<String> {
    let rows = results.outcome.gone.iter();
    rows.map(|gone| format!("{} (a known deviation of an older release)", gone.title)).collect()
}

fn notices(results: &Results<'_>) -> Vec<String> {
    let notices = results.outcome.notices.iter().map(|notice| {
        let (clause, cases) = (notice.clause.titled(), plural(notice.count, "case"));
        format!("{clause} (no breach): {} ({cases})", notice.text)
    });
    notices.collect()
}

fn left_out(results: &Results<'_>) -> Vec<String> {
    let all = &results.outcome.left_out;
    if all.is_empty() {
        return Vec::new();
    }
    let steps = plural(all.values().sum::<u64>(), "step");
    let each = all.iter().map(|(what, count)| format!("{what} ({count})")).join(", ");
    vec![format!("{steps}, because this release does not support them: {each}")]
}

fn untested(results: &Results<'_>) -> Vec<String> {
    let outcome = results.outcome;
    let (unsupported, silent): (Vec<Clause>, Vec<Clause>) =
        results.untested().into_iter().partition(|clause| outcome.withheld.contains(clause));
    let sandbox = outcome
        .no_sandbox
        .iter()
        .map(|why| format!("{}: this machine cannot sandbox commands: {why}", Clause::E2.titled()));
    let listed = |clauses: &[Clause], why: &str| {
        let list = clauses.iter().map(|clause| clause.titled()).join(", ");
        (!clauses.is_empty()).then(|| format!("{why}: {list}"))
    };
    let silent = listed(&silent, "Not reached by these cases");
    let unsupported = listed(&unsupported, "This release does not support the steps");
    sandbox.chain(unsupported).chain(silent).collect()
}
