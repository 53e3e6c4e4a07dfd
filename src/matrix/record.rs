//! The persisted form of what was found on one release.
//!
//! An object with its schema and the key of what was run. Findings are kept with their traces, and
//! judged again when they are read, so that nothing is said here that the trace does not show. What
//! cannot be read, or is of another key, is no record: the release is run again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::{Count, Results, Row};
use crate::campaign::confirm::id;
use crate::campaign::{Campaign, FindingReport, Status, Subject};
use crate::contract::Clause;
use crate::home::FeatureSet;
use crate::judge::judge;
use crate::judge::signature::Signature;
use crate::model::REVISION;
use crate::trace::Trace;

/// The schema that is written.
pub const SCHEMA: &str = "heirloom release v1";

/// Everything that the results on a release depend on, but for the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The model's revision.
    pub revision: u32,
    /// What the cases were drawn from.
    pub seed: u64,
    /// How many cases.
    pub cases: u64,
    /// Operations in a case at the most.
    pub max_ops: usize,
    /// Runs in fresh processes that confirm a finding.
    pub confirmations: u32,
    /// The product state of the server.
    pub profile: String,
}

/// What was found on one release.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    schema: String,
    key: Key,
    spec: String,
    version: Option<Version>,
    digest: String,
    cases: u64,
    steps: u64,
    wall_seconds: f64,
    tally: Vec<Tried>,
    untestable: BTreeSet<Clause>,
    asked: BTreeSet<Signature>,
    findings: Vec<Kept>,
    /// Why cases said nothing, and how many; an earlier heirloom kept no such results.
    #[serde(default)]
    inconclusive: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Tried {
    #[serde(flatten)]
    place: Row,
    #[serde(flatten)]
    count: Count,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    signature: Signature,
    status: Status,
    confirmed: (u32, u32),
    shrink_runs: u32,
    found_after_seconds: f64,
    token: String,
    trace: String,
    stderr: String,
}

impl Key {
    /// The key of a campaign on servers in this state.
    pub fn new(campaign: &Campaign, profile: FeatureSet) -> Key {
        Key {
            revision: REVISION,
            seed: campaign.seed,
            cases: campaign.cases.unwrap_or(0),
            max_ops: campaign.max_ops,
            confirmations: campaign.confirmations,
            profile: format!("{profile:?}").to_lowercase(),
        }
    }

    /// The key as a part of a file's name.
    pub fn name(&self) -> String {
        let Key { revision, seed, cases, max_ops, confirmations, profile } = self;
        format!("r{revision}-s{seed}-n{cases}-o{max_ops}-k{confirmations}-{profile}")
    }
}

impl Record {
    /// The record of results.
    pub fn new(key: Key, results: &Results) -> Record {
        let Subject { spec, version, digest, .. } = results.subject.clone();
        let tried = |(place, count): (&Row, &Count)| Tried { place: *place, count: *count };
        Record {
            schema: SCHEMA.to_owned(),
            key,
            spec,
            version,
            digest,
            cases: results.cases,
            steps: results.steps,
            wall_seconds: results.wall.as_secs_f64(),
            tally: results.tally.iter().map(tried).collect(),
            untestable: results.untestable.clone(),
            asked: results.asked.clone(),
            findings: results.findings.iter().map(Kept::new).collect(),
            inconclusive: results.inconclusive.clone(),
        }
    }

    /// The results, if the record is of this key and everything in it can be read.
    pub fn results(self, key: &Key) -> Option<Results> {
        let is_ours = self.schema == SCHEMA && self.key == *key;
        let findings: Option<Vec<FindingReport>> =
            is_ours.then(|| self.findings.into_iter().map(Kept::told).collect())?;
        let Record { spec, version, digest, .. } = self;
        let subject = Subject { spec, version, digest, others: Vec::new() };
        let tally = self.tally.into_iter().map(|tried| (tried.place, tried.count)).collect();
        Some(Results {
            subject,
            cases: self.cases,
            steps: self.steps,
            wall: Duration::try_from_secs_f64(self.wall_seconds).ok()?,
            tally,
            untestable: self.untestable,
            asked: self.asked,
            findings: findings?,
            inconclusive: self.inconclusive,
            interrupted: false,
            stored: true,
        })
    }
}

impl Kept {
    fn new(told: &FindingReport) -> Kept {
        Kept {
            signature: told.finding.signature(),
            status: told.status,
            confirmed: told.confirmed,
            shrink_runs: told.shrink_runs,
            found_after_seconds: told.found_after.as_secs_f64(),
            token: told.token.clone(),
            trace: told.trace.to_string(),
            stderr: told.stderr.clone(),
        }
    }

    fn told(self) -> Option<FindingReport> {
        let trace: Trace = self.trace.parse().ok()?;
        let mut findings = judge(&trace).findings.into_iter();
        let finding = findings.find(|finding| finding.signature() == self.signature)?;
        Some(FindingReport {
            id: id(&self.signature),
            status: self.status,
            finding,
            program: trace.program.clone(),
            trace,
            unlike: None,
            stderr: self.stderr,
            token: self.token,
            confirmed: self.confirmed,
            shrink_runs: self.shrink_runs,
            found_after: Duration::try_from_secs_f64(self.found_after_seconds).ok()?,
            excuse: None,
            deed: None,
        })
    }
}
