//! Campaigns and matrices for people and programs: terminal, JSON lines, files.
//!
//! Progress goes to stderr, results to stdout, everything to the folder of the run. Nothing is
//! decided here: verdicts, statuses and exit codes come from the campaign.

use crate::campaign::{FindingReport, Outcome};
use crate::cause::record::CauseRecord;
use crate::judge::record::Status;

pub mod cause;
pub mod finding;
pub mod listing;
pub mod style;
pub mod timeline;
pub mod words;
#[cfg(feature = "cli")]
pub mod annotations;
#[cfg(feature = "cli")]
pub mod campaign_report;
#[cfg(feature = "cli")]
pub mod clause_history;
#[cfg(feature = "cli")]
pub mod clauses;
#[cfg(feature = "cli")]
pub mod coverage;
#[cfg(feature = "cli")]
pub mod download_progress;
#[cfg(feature = "cli")]
pub mod export;
#[cfg(feature = "cli")]
pub mod final_summary;
#[cfg(feature = "cli")]
pub mod invocation;
#[cfg(feature = "cli")]
pub mod json;
#[cfg(feature = "cli")]
pub mod junit;
#[cfg(feature = "cli")]
pub mod live;
#[cfg(feature = "cli")]
pub mod markdown;
#[cfg(feature = "cli")]
pub mod matrix;
#[cfg(feature = "cli")]
pub mod page;
#[cfg(feature = "cli")]
pub mod progress;
#[cfg(feature = "cli")]
pub mod read_outcome;
#[cfg(feature = "cli")]
pub mod read_results;
#[cfg(feature = "cli")]
pub mod results;
#[cfg(feature = "cli")]
pub mod run_folder;
#[cfg(feature = "cli")]
pub mod sarif;
#[cfg(feature = "cli")]
pub mod stdout;
#[cfg(feature = "cli")]
pub mod summary;
#[cfg(all(test, feature = "cli"))]
mod tests;

/// What is printed of a campaign before its summary.
pub enum Block<'a> {
    /// A cause, with the finding that it was explained from.
    Cause(&'a CauseRecord, &'a FindingReport),
    /// A finding without a cause: it is flaky, or the campaign was stopped before.
    Finding(&'a FindingReport),
}

/// The causes that are not known, then the findings that have none.
pub fn blocks(outcome: &Outcome) -> Vec<Block<'_>> {
    let new = outcome.causes.iter().filter(|cause| cause.status == Status::New);
    let of_cause = |cause: &CauseRecord| {
        let first = |report: &&FindingReport| report.record.case == cause.case;
        outcome.findings.iter().find(first)
    };
    let causes = new.filter_map(|cause| Some(Block::Cause(cause, of_cause(cause)?)));
    let alone = outcome.findings.iter().filter(|report| report.cause.is_none());
    causes.chain(alone.map(Block::Finding)).collect()
}
