//! The stored form of the results on one release.
//!
//! An object with its schema and the key of what was run. Findings are kept with their traces, and
//! judged again when they are read, so that the judge of today has the last word. If a record
//! cannot be read, or has another key, the release is run again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Results, Row};
use crate::campaign::{Campaign, FindingReport, Subject};
use crate::cause::record::CauseRecord;
use crate::contract::Clause;
use crate::judge::judge;
use crate::judge::record::FindingRecord;
use crate::judge::signature::Signature;
use crate::judge::verdict::{Count, Finding};
use crate::model::REVISION;
use crate::trace::Trace;

/// The schema that is written, and the only one that is read. Version 2 has no causes, and only a
/// run can explain a finding: a release with such a record is run again.
pub const SCHEMA: &str = "heirloom release v3";

/// Everything that the results depend on, apart from the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub revision: u32,
    pub seed: u64,
    pub cases: u64,
    /// Most operations in a case.
    pub max_ops: usize,
    /// Runs in fresh processes that confirm a finding.
    pub confirmations: u32,
    /// The product state of the server.
    pub profile: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    schema: String,
    key: Key,
    #[serde(flatten)]
    subject: Subject,
    cases: u64,
    steps: u64,
    wall_seconds: f64,
    tally: Vec<RowCount>,
    untestable: BTreeSet<Clause>,
    asked: BTreeSet<Signature>,
    #[serde(default)]
    programs: BTreeSet<String>,
    findings: Vec<KeptFinding>,
    #[serde(default)]
    causes: Vec<CauseRecord>,
    /// The reasons of inconclusive cases, and how many had each.
    inconclusive: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct RowCount {
    #[serde(flatten)]
    row: Row,
    #[serde(flatten)]
    count: Count,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct KeptFinding {
    #[serde(flatten)]
    record: FindingRecord,
    trace: String,
    stderr: String,
}

impl Key {
    /// The key of a campaign on servers in this state.
    pub fn new(campaign: &Campaign) -> Key {
        Key {
            revision: REVISION,
            seed: campaign.seed,
            cases: campaign.cases.unwrap_or(0),
            max_ops: campaign.max_ops,
            confirmations: campaign.confirmations,
            profile: campaign.features.to_string(),
        }
    }

    /// The key as a part of a file's name.
    pub fn name(&self) -> String {
        let Key { revision, seed, cases, max_ops, confirmations, profile } = self;
        format!("r{revision}-s{seed}-n{cases}-o{max_ops}-k{confirmations}-{profile}")
    }
}

impl Record {
    pub fn new(key: Key, results: &Results) -> Record {
        let tally = results.tally.iter().map(|(row, count)| RowCount { row: *row, count: *count });
        Record {
            schema: SCHEMA.to_owned(),
            key,
            subject: results.subject.clone(),
            cases: results.cases,
            steps: results.steps,
            wall_seconds: results.wall.as_secs_f64(),
            tally: tally.collect(),
            untestable: results.untestable.clone(),
            asked: results.asked.clone(),
            programs: results.programs.clone(),
            findings: results.findings.iter().map(KeptFinding::new).collect(),
            causes: results.causes.clone(),
            inconclusive: results.inconclusive.clone(),
        }
    }

    /// The results, if the record is of this key and everything in it can be read.
    pub fn results(self, key: &Key) -> Option<Results> {
        if self.schema != SCHEMA || self.key != *key {
            return None;
        }
        let findings: Option<Vec<FindingReport>> =
            self.findings.into_iter().map(KeptFinding::judged_again).collect();
        Some(Results {
            subject: self.subject,
            cases: self.cases,
            steps: self.steps,
            wall: Duration::try_from_secs_f64(self.wall_seconds).ok()?,
            tally: self.tally.into_iter().map(|one| (one.row, one.count)).collect(),
            untestable: self.untestable,
            asked: self.asked,
            programs: self.programs,
            findings: findings?,
            causes: self.causes,
            inconclusive: self.inconclusive,
            interrupted: false,
            stored: true,
        })
    }
}

impl KeptFinding {
    fn new(report: &FindingReport) -> KeptFinding {
        let FindingReport { record, trace, stderr, .. } = report.clone();
        KeptFinding { record, trace: trace.to_string(), stderr }
    }

    /// None if the trace cannot be read, or no longer shows the signature.
    fn judged_again(self) -> Option<FindingReport> {
        let KeptFinding { record, trace, stderr } = self;
        let report = judged_again(record, trace.parse().ok()?)?;
        Some(FindingReport { stderr, ..report })
    }
}

/// A kept finding as the judge of today sees its trace; none if it no longer shows the signature.
pub fn judged_again(mut record: FindingRecord, trace: Trace) -> Option<FindingReport> {
    let signature = record.finding.signature();
    let findings = judge(&trace).findings.into_iter();
    let same = findings.filter(|finding| finding.signature() == signature);
    // Two causes may show one signature in one program.
    let rank = |finding: &Finding| {
        let kept = &record.finding;
        (finding.facts != kept.facts, finding.seen_form != kept.seen_form)
    };
    record.finding = same.min_by_key(rank)?;
    let (unlike, probe_run, transcript) = (None, None, None);
    Some(FindingReport { record, trace, unlike, stderr: String::new(), probe_run, transcript })
}
