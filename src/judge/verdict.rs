//! The nouns of a verdict: findings, notices, and what was compared.
//!
//! A finding is one breach of one clause. What was compared is counted in cells, so that a clause
//! that was never tested can be reported as such.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::origin::Origin;
use super::releases::HomeHistory;
use super::signature::Signature;
use crate::contract::{Clause, Strength};
use crate::model::life::Facts;
use crate::policy::{Dimension, Policy, Profiles};
use crate::program::operation::OpKind;
use crate::program::thread::ThreadName;
use crate::trace::view::View;

/// One breach of one clause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub clause: Clause,
    /// How firmly the sources stand behind it, in this dimension.
    pub strength: Strength,
    /// None where the finding is not about a value.
    pub dimension: Option<Dimension>,
    /// The step that shows it: the first, or the first at which it widens.
    #[serde(default)]
    pub step: usize,
    pub kind: OpKind,
    #[serde(skip)]
    pub thread: Option<ThreadName>,
    #[serde(default)]
    pub views: BTreeSet<View>,
    /// The form of what was expected, as it stands in the signature.
    pub form: String,
    pub expected: String,
    pub seen: String,
    /// The form of what was seen, where it is a value.
    pub seen_form: Option<String>,
    /// Where the wrong value comes from: the first that fits.
    pub origin: Origin,
    /// The other origins that fit.
    #[serde(default)]
    pub also_fits: Vec<Origin>,
    /// What is known of the thread that the step reads.
    #[serde(default)]
    pub facts: Facts,
    /// Whether what was seen allows more than what was expected, and nothing less.
    #[serde(default)]
    pub widened: bool,
    /// Whether it allows some things more and others less.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub both_ways: bool,
    /// What it would be if another branch had happened, which is as near to what was observed. One
    /// of them may be a fault that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Finding>,
    /// None where the finding is not about a value.
    #[serde(skip)]
    pub policies: Option<PolicyPair>,
    #[serde(flatten)]
    pub home_history: HomeHistory,
}

/// What was expected and what was seen, as whole policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyPair {
    pub expected: Policy,
    /// The same with the value that was seen.
    pub seen: Policy,
    /// What named profiles meant then.
    pub profiles: Profiles,
}

/// Something to know that breaks no clause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// The clause it is listed under.
    pub clause: Clause,
    pub step: usize,
    /// A sentence; equal notices have equal texts.
    pub text: String,
}

/// How often a clause was tested, and with what outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Count {
    /// Comparisons, and other answers that rested on the clause.
    #[serde(rename = "fired")]
    pub tested: u64,
    pub compared: u64,
    pub held: u64,
    /// Comparisons that did not agree.
    pub broken: u64,
}

/// What a comparison was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cell {
    pub clause: Clause,
    /// None where an answer rested on the clause, which was not compared directly.
    pub view: Option<View>,
    /// None where it was not about a value.
    pub dimension: Option<Dimension>,
}

/// What the judge makes of one trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The breaches, one for each signature and form of what was seen, in the order in which they
    /// showed.
    pub findings: Vec<Finding>,
    pub notices: Vec<Notice>,
    /// Why the trace says nothing, where the harness had trouble.
    pub inconclusive: Option<String>,
    pub tally: BTreeMap<Cell, Count>,
    pub performed: BTreeSet<usize>,
    /// The steps that the release lacks, and what it lacks for each.
    pub left_out: BTreeMap<usize, String>,
    /// The clauses that these steps were to test.
    pub withheld: BTreeSet<Clause>,
}

impl Finding {
    /// What deduplication, shrinking and known deviations go by.
    pub fn signature(&self) -> Signature {
        Signature {
            clause: self.clause,
            dimension: self.dimension,
            kind: self.kind,
            form: self.form.clone(),
            origin: self.origin,
        }
    }

    /// The order in which findings are shown: those that allow more first, then those that allow
    /// more and less.
    pub fn rank(&self) -> impl Ord + use<> {
        (!self.widened, !self.both_ways)
    }

    /// Whether another finding has the same signature, and shows the same form of a wrong value
    /// of such a thread, on the same release and after the same others.
    pub fn is_like(&self, other: &Finding) -> bool {
        let same = self.signature() == other.signature() && self.seen_form == other.seen_form;
        same && self.home_history == other.home_history && self.facts.is_like(&other.facts)
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, more: Count) {
        self.tested += more.tested;
        self.compared += more.compared;
        self.held += more.held;
        self.broken += more.broken;
    }
}

impl Verdict {
    pub fn shows(&self, signature: &Signature) -> bool {
        self.findings.iter().any(|finding| finding.signature() == *signature)
    }

    pub(super) fn count(&mut self, cell: Cell, held: bool) {
        let compared = u64::from(cell.view.is_some());
        let (held, broken) = (u64::from(held), u64::from(!held));
        *self.tally.entry(cell).or_default() += Count { tested: 1, compared, held, broken };
    }
}
