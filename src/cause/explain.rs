//! What a finding depends on, and what it does not.
//!
//! `Explaining` proposes programs that differ in one point, and learns what each one showed. What
//! shows with every word that was tried does not matter; what fails with one of them matters. A
//! fact that no shorter program does without matters too. Runs nothing itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::scope::{Scope, origins};
use super::variations::{Point, Subject, Variation};
use crate::judge::origin::Origin;
use crate::judge::verdict::Finding;
use crate::model::life::{Fact, NEVER_SET, NO, YES};
use crate::program::Program;

/// What was tried at one point: the words with which it shows, and those with which it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tried {
    pub shows: BTreeSet<String>,
    pub not: BTreeSet<String>,
}

/// A cause: what a finding depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    pub scope: Scope,
    pub tried: BTreeMap<Point, Tried>,
    /// The values that were wrong, one of each dimension and form.
    pub values: Vec<Finding>,
    subject: Subject,
}

/// An explanation in the making.
#[derive(Debug)]
pub struct Explaining {
    subject: Subject,
    left: VecDeque<Variation>,
    tried: BTreeMap<Point, Tried>,
    shown: Vec<Finding>,
    widening: Option<Widening>,
}

/// A varied program that allows more than it should.
#[derive(Clone, Debug)]
pub struct Widening {
    pub program: Program,
    pub finding: Finding,
}

impl PartialEq for Subject {
    fn eq(&self, other: &Subject) -> bool {
        self.program == other.program && self.finding == other.finding
    }
}

impl Explaining {
    pub fn new(program: &Program, finding: &Finding) -> Explaining {
        let subject = Subject::new(program, finding);
        let left = subject.variations().into();
        let shown = vec![finding.clone()];
        Explaining { subject, left, tried: BTreeMap::new(), shown, widening: None }
    }

    /// The next program to run, or none.
    pub fn propose(&self) -> Option<&Program> {
        self.left.front().map(|next| &next.program)
    }

    /// Says what the proposed program showed, without what other causes explain.
    pub fn tell(&mut self, findings: &[Finding]) {
        let variation = self.left.pop_front().expect("it was proposed");
        let akin = findings.iter().filter(|finding| self.is_akin(&variation, finding));
        let akin: Vec<Finding> = akin.cloned().collect();
        let widening = akin.iter().find(|finding| finding.widened);
        if let Some(finding) = widening.filter(|_| self.widening.is_none()) {
            let program = variation.program.clone();
            self.widening = Some(Widening { program, finding: finding.clone() });
        }
        let Variation { point, word, .. } = variation;
        let base = self.subject.word(point);
        let tried = self.tried.entry(point).or_default();
        tried.shows.extend(base);
        let is_shown = |word: &str| match point {
            Point::Dimension => {
                let shown = akin.iter().filter_map(|finding| finding.dimension);
                shown.into_iter().any(|dimension| dimension.to_string() == word)
            }
            _ => !akin.is_empty(),
        };
        // Without a restart a thread may be unloaded all the same.
        if point == Point::Loaded && !akin.is_empty() {
            let words = akin.iter().filter_map(|finding| finding.facts.word(Fact::Loaded));
            tried.shows.extend(words.map(str::to_owned));
            self.shown.extend(akin);
            return;
        }
        for word in word.split(' ') {
            if is_shown(word) {
                tried.shows.insert(word.to_owned());
            } else {
                tried.not.insert(word.to_owned());
            }
        }
        self.shown.extend(akin);
    }

    /// Whether one of these findings shows what the proposed program is to show.
    pub fn is_shown(&self, findings: &[Finding]) -> bool {
        let next = self.left.front();
        next.is_some_and(|next| findings.iter().any(|each| self.is_akin(next, each)))
    }

    /// The number of a cause that explains the finding and shows in the proposed program, which
    /// differs in one point: its own program could not take the finding's values then.
    pub fn joins<'a>(
        &self,
        mut scopes: impl Iterator<Item = &'a Scope>,
        findings: &[Finding],
    ) -> Option<usize> {
        let next = self.left.front()?;
        scopes.position(|scope| {
            let shows = |finding: &Finding| scope.explains(finding) && self.is_akin(next, finding);
            scope.explains(&self.subject.finding) && findings.iter().any(shows)
        })
    }

    /// Whether a finding shows the same cause in a program that differs in one point: not later than
    /// at the step that takes the place of the one that shows it.
    fn is_akin(&self, variation: &Variation, other: &Finding) -> bool {
        let own = &self.subject.finding;
        let point = variation.point;
        let after = self.subject.program.lines().saturating_sub(self.subject.reader);
        let is_later = other.step + after > variation.program.lines();
        if own.home_history.release != other.home_history.release || is_later {
            return false;
        }
        match (own.dimension, other.dimension) {
            (None, None) => {
                let same = point == Point::Reader || own.kind == other.kind;
                same && own.clause == other.clause && own.form == other.form
            }
            (Some(one), Some(other_dimension)) => {
                let own_origins = possible_origins(own);
                let same = one == other_dimension || point == Point::Dimension;
                let reader = matches!(point, Point::Reader | Point::Loaded);
                let kind = reader || own.kind == other.kind;
                same && kind && origins(other).any(|origin| own_origins.contains(&origin))
            }
            _ => false,
        }
    }

    /// A program that widens, where one was tried.
    pub fn widening(&self) -> Option<&Widening> {
        self.widening.as_ref()
    }

    /// What is known by now.
    pub fn explanation(self) -> Explanation {
        let scope = self.scope();
        let mut values: Vec<Finding> = Vec::new();
        for finding in &self.shown {
            let same = |other: &Finding| {
                other.dimension == finding.dimension && other.seen_form == finding.seen_form
            };
            if !values.iter().any(same) {
                values.push(finding.clone());
            }
        }
        Explanation { scope, tried: self.tried, values, subject: self.subject }
    }

    fn scope(&self) -> Scope {
        let shown = || self.shown.iter();
        let sets: Vec<BTreeSet<Origin>> = shown().map(possible_origins).collect();
        let common = sets.iter().skip(1).fold(sets[0].clone(), |all, one| &all & one);
        let wrong = match self.subject.finding.dimension {
            None => BTreeSet::new(),
            Some(_) if common.is_empty() => sets[0].clone(),
            Some(_) => common,
        };
        let fails =
            |point: Point| self.tried.get(&point).is_some_and(|tried| !tried.not.is_empty());
        let of_own = shown().filter(|one| one.dimension == self.subject.finding.dimension);
        let expected = fails(Point::Value).then(|| of_own.map(|one| one.form.clone()).collect());
        Scope {
            clauses: shown().map(|one| one.clause).collect(),
            operations: shown().map(|one| one.kind).collect(),
            dimensions: shown().filter_map(|one| one.dimension).collect(),
            expected: expected.unwrap_or_default(),
            wrong,
            seen: BTreeSet::new(),
            facts: self.facts(),
        }
    }

    /// The facts that matter, each with the words with which it shows.
    fn facts(&self) -> BTreeMap<Fact, BTreeSet<String>> {
        let mut facts = BTreeMap::new();
        for fact in self.subject.finding.facts.0.keys() {
            let words = self.shown.iter().filter_map(|one| one.facts.word(*fact));
            let words: BTreeSet<String> = words.map(str::to_owned).collect();
            let tried = self.tried.iter().find(|(point, _)| point.fact() == Some(*fact));
            let fails = tried.is_some_and(|(_, tried)| !tried.not.is_empty());
            let free = words.len() > 1 && !fails;
            if !free && (fails || words.iter().all(|word| !is_plain(*fact, word))) {
                facts.insert(*fact, words);
            }
        }
        facts
    }
}

impl Explanation {
    /// The explanation of a cause that was explained elsewhere, where this program shows the finding;
    /// nothing of it was tried here.
    pub fn elsewhere(scope: &Scope, program: &Program, finding: &Finding) -> Explanation {
        Explanation {
            scope: scope.clone(),
            tried: BTreeMap::new(),
            values: vec![finding.clone()],
            subject: Subject::new(program, finding),
        }
    }

    /// The program that shows it.
    pub fn program(&self) -> &Program {
        &self.subject.program
    }

    /// Programs of this cause with the dimension and the values of a finding, and with its reader
    /// and its way to set the value where they can be had: if one shows the finding, this cause
    /// explains it. None where the facts of its thread or its wrong value are others.
    pub fn trial(&self, finding: &Finding) -> Option<Program> {
        let same_origin = self.scope.wrong.is_empty()
            || origins(finding).any(|one| self.scope.wrong.contains(&one));
        let own = &self.subject.finding;
        let about_value = own.dimension.is_some() == finding.dimension.is_some();
        if !same_origin || !about_value || !self.scope.holds(finding) {
            return None;
        }
        let mut subject = self.subject.clone();
        if let Some(program) = subject.read_by(finding.kind).filter(|_| finding.kind != own.kind) {
            subject.program = program;
        } else if finding.kind != own.kind {
            return None;
        }
        let setter = finding.facts.word(Fact::SetBy).unwrap_or_default();
        if own.facts.word(Fact::SetBy) != Some(setter)
            && let Some(program) = subject.set_by(setter)
        {
            subject.program = program;
        }
        let pair = super::substitution::Pair::of(finding);
        match (&subject.pair, pair) {
            (Some(old), Some(new)) if *old != new => subject.with_values(&new),
            (None, _) if finding.clause != own.clause || finding.form != own.form => None,
            _ => Some(subject.program),
        }
    }

    /// Whether a finding of a trial is the one that was to be shown.
    pub fn is_shown(wanted: &Finding, finding: &Finding) -> bool {
        let origins_of = possible_origins(wanted);
        wanted.dimension == finding.dimension
            && wanted.form == finding.form
            && wanted.kind == finding.kind
            && wanted.home_history.release == finding.home_history.release
            && (wanted.dimension.is_some() || wanted.clause == finding.clause)
            && origins(finding).any(|one| origins_of.contains(&one))
    }

    /// A finding that this cause explains, though its own runs did not show it.
    pub fn take(&mut self, finding: &Finding) {
        self.scope.clauses.insert(finding.clause);
        self.scope.operations.insert(finding.kind);
        self.scope.dimensions.extend(finding.dimension);
        if !self.scope.expected.is_empty() {
            self.scope.expected.insert(finding.form.clone());
        }
        self.values.push(finding.clone());
    }

    /// The points of which nothing was tried.
    pub fn not_tried(&self) -> BTreeSet<Point> {
        use strum::IntoEnumIterator;
        Point::iter().filter(|point| !self.tried.contains_key(point)).collect()
    }
}

/// Where the wrong value comes from: a value of unknown origin may be another thread's by chance.
fn possible_origins(finding: &Finding) -> BTreeSet<Origin> {
    let mut all: BTreeSet<Origin> = origins(finding).collect();
    if all.contains(&Origin::Unknown) {
        all.insert(Origin::OtherThread);
    }
    all
}

/// Whether a word says nothing of note: a thread that was started, ran a turn and completed it.
fn is_plain(fact: Fact, word: &str) -> bool {
    match fact {
        Fact::Began => ["run", "fork", "spawn", "nothing"].contains(&word),
        Fact::BrokenOff => word == "nothing",
        Fact::BrokenBeginning | Fact::FullDisk => word == NO,
        Fact::LastTurn => ["completed", "none"].contains(&word),
        Fact::Loaded => word == YES,
        Fact::Since | Fact::Features => true,
        Fact::Subscribed => word == YES,
        Fact::SetBy => word != "request-config" || word == NEVER_SET,
        Fact::Archived | Fact::Reverted => word == NO,
        Fact::Parent => word != "changed",
    }
}
