//! A cause as a campaign reports it and as files keep it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::explain::{Explanation, Tried};
use super::scope::Scope;
use super::variations::Point;
use super::words;
use crate::contract::Clause;
use crate::judge::record::{FindingRecord, Status};
use crate::judge::verdict::Finding;
use crate::policy::Dimension;
use crate::program::operation::OpKind;

/// A cause, and the findings that it explains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CauseRecord {
    /// Unique in its run; of a known cause, the id of its row.
    pub id: String,
    pub title: String,
    pub status: Status,
    #[serde(default)]
    pub clauses: BTreeSet<Clause>,
    #[serde(default)]
    pub operations: BTreeSet<OpKind>,
    #[serde(default)]
    pub dimensions: BTreeSet<Dimension>,
    /// Whether one of its findings widens.
    #[serde(default)]
    pub widened: bool,
    /// What it depends on, in words.
    #[serde(default)]
    pub matters: Vec<String>,
    #[serde(default)]
    pub does_not_matter: Vec<String>,
    /// What was not tried, and why.
    #[serde(default)]
    pub not_tried: Vec<String>,
    /// The ids of its findings.
    #[serde(default)]
    pub findings: Vec<String>,
    /// The values that were wrong.
    #[serde(default)]
    pub values: Vec<WrongValue>,
    /// The case file, below the folder of the file that has this record; of a known cause, as the
    /// list spells it.
    #[serde(default)]
    pub case: String,
    #[serde(default)]
    pub shrink_runs: u32,
    #[serde(default)]
    pub explain_runs: u32,
    /// What it explains, and a row of the known list would.
    #[serde(default)]
    pub scope: Scope,
    /// At each point that was varied, the words with which it shows and those with which not.
    #[serde(default)]
    pub tried: BTreeMap<Point, Tried>,
}

/// A wrong value of a cause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WrongValue {
    pub dimension: Option<Dimension>,
    pub clause: Clause,
    pub operation: OpKind,
    pub expected: String,
    pub seen: String,
}

impl CauseRecord {
    /// A cause that was explained; `finding` is the one that it was explained from.
    pub fn new(explanation: &Explanation, finding: &Finding) -> CauseRecord {
        let mut record = CauseRecord {
            id: words::id(&explanation.scope, finding),
            title: words::title(&explanation.scope, finding),
            ..CauseRecord::empty(Status::New)
        };
        record.describe(explanation);
        record
    }

    pub fn empty(status: Status) -> CauseRecord {
        CauseRecord {
            id: String::new(),
            title: String::new(),
            status,
            clauses: BTreeSet::new(),
            operations: BTreeSet::new(),
            dimensions: BTreeSet::new(),
            widened: false,
            matters: Vec::new(),
            does_not_matter: Vec::new(),
            not_tried: Vec::new(),
            findings: Vec::new(),
            values: Vec::new(),
            case: String::new(),
            shrink_runs: 0,
            explain_runs: 0,
            scope: Scope::default(),
            tried: BTreeMap::new(),
        }
    }

    /// The same cause on another release, of which this is the first finding there.
    pub fn shown_by(&self, finding: &FindingRecord) -> CauseRecord {
        let mut record = CauseRecord {
            clauses: BTreeSet::new(),
            operations: BTreeSet::new(),
            dimensions: BTreeSet::new(),
            widened: false,
            values: Vec::new(),
            findings: vec![finding.id.clone()],
            case: finding.case.clone(),
            shrink_runs: 0,
            explain_runs: 0,
            ..self.clone()
        };
        record.add_value(&finding.finding);
        record
    }

    /// Takes over what is known of the cause by now.
    pub fn describe(&mut self, explanation: &Explanation) {
        let Explanation { scope, tried, .. } = explanation;
        self.matters = words::matters(scope, tried);
        self.does_not_matter = words::does_not_matter(tried);
        self.not_tried = words::not_tried(&explanation.not_tried());
        self.tried.clone_from(tried);
        self.scope.clone_from(scope);
        for finding in &explanation.values {
            self.add_value(finding);
        }
    }

    /// Adds what a finding says of the cause.
    pub fn add_value(&mut self, finding: &Finding) {
        self.clauses.insert(finding.clause);
        self.operations.insert(finding.kind);
        self.dimensions.extend(finding.dimension);
        self.widened |= finding.widened;
        let value = WrongValue::of(finding);
        if !self.values.contains(&value) {
            self.values.push(value);
            self.values.sort();
        }
    }
}

impl WrongValue {
    fn of(finding: &Finding) -> WrongValue {
        let Finding { dimension, clause, kind, form, expected, seen, seen_form, .. } = finding;
        // The form of a secondary value says nothing.
        let forms = seen_form.clone().map(|seen| (form.clone(), seen));
        let forms = forms.filter(|_| dimension.is_some_and(Dimension::is_primary));
        let (expected, seen) = forms.unwrap_or_else(|| (expected.clone(), seen.clone()));
        WrongValue { dimension: *dimension, clause: *clause, operation: *kind, expected, seen }
    }
}
