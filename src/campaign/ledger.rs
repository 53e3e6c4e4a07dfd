//! [shell] What a campaign has seen so far.
//!
//! Takes verdicts in the order of their index and adds them up; knows which signatures are new.
//! Counts and remembers, decides nothing about a verdict.

use std::collections::{BTreeMap, BTreeSet};

use super::{Noticed, Told, token::Token};
use crate::contract::Clause;
use crate::judge::signature::Signature;
use crate::judge::{Cell, Tally, Verdict};

/// The sums.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) cases: u64,
    pub(super) steps: u64,
    pub(super) tally: BTreeMap<Cell, Tally>,
    pub(super) inconclusive: BTreeMap<String, u64>,
    pub(super) told: Vec<Told>,
    pub(super) stale: Vec<(Signature, String)>,
    /// Whether a signature has shown with more allowed than was due.
    seen: BTreeMap<Signature, bool>,
    notices: BTreeMap<(Clause, String), (u64, Token)>,
}

impl Ledger {
    /// Adds a case.
    pub(super) fn add(&mut self, token: Token, steps: usize, verdict: &Verdict) {
        self.cases += 1;
        self.steps += u64::try_from(steps).expect("a plan has fewer than 2^64 lines");
        for (cell, tally) in &verdict.tally {
            let sum = self.tally.entry(*cell).or_default();
            sum.fired += tally.fired;
            sum.held += tally.held;
            sum.broken += tally.broken;
        }
        let texts: BTreeSet<_> =
            verdict.notices.iter().map(|notice| (notice.clause, notice.text.clone())).collect();
        for key in texts {
            self.notices.entry(key).or_insert((0, token)).0 += 1;
        }
        if let Some(reason) = &verdict.inconclusive {
            *self.inconclusive.entry(reason.clone()).or_default() += 1;
        }
    }

    /// Whether a signature shows for the first time, or for the first time with more allowed than
    /// was due, which is the worse case and the one to tell.
    pub(super) fn is_first(&mut self, signature: &Signature, widened: bool) -> bool {
        let before = self.seen.insert(signature.clone(), widened);
        let worst = widened || before == Some(true);
        self.seen.insert(signature.clone(), worst);
        before.is_none_or(|before| widened && !before)
    }

    /// Keeps a finding in the place of a milder one of its signature.
    pub(super) fn keep(&mut self, told: Told) {
        let signature = told.finding.signature();
        let same = self.told.iter_mut().find(|other| other.finding.signature() == signature);
        match same {
            None => self.told.push(told),
            Some(other) if told.finding.widened || !other.finding.widened => *other = told,
            Some(_) => {}
        }
    }

    /// Every notice with its count.
    pub(super) fn noticed(&self) -> Vec<Noticed> {
        let noticed = self.notices.iter().map(|((clause, text), (count, token))| Noticed {
            clause: *clause,
            text: text.clone(),
            count: *count,
            token: token.to_string(),
        });
        noticed.collect()
    }

    /// The findings, widened first, then by clause.
    pub(super) fn findings(&mut self) -> Vec<Told> {
        let mut told = std::mem::take(&mut self.told);
        told.sort_by_key(|told| {
            (told.status, !told.finding.widened, told.finding.signature().clone())
        });
        told
    }
}
