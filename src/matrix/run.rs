//! [shell] One release after another.
//!
//! While one runs, the next is fetched. A program that showed a signature on one release is the
//! first that is tried on the next, so that a deviation has the same program on all of them where
//! it can.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, bounded};

use super::record::Key;
use super::{Column, Count, Event, Outcome, Place, Results, Sweep};
use crate::campaign::{self, Status, Subject};
use crate::contract::Clause;
use crate::drive::{Bench, Patience};
use crate::judge::compare::Gates;
use crate::judge::signature::Signature;
use crate::plan::Plan;
use crate::provision::{Executable, Spec};

/// Provides a server, or says why it cannot; called from another thread.
pub type Provide<'a> = dyn Fn(&Spec) -> Result<Executable, String> + Sync + 'a;

/// Why a release was not run that was still to come at a stop.
const STOPPED: &str = "the matrix was stopped before it";

impl Sweep {
    /// Runs what was not run before, in the order of the servers. `stop` may be set at any time;
    /// what was found until then is still told.
    pub fn run(
        &self,
        specs: &[Spec],
        provide: &Provide<'_>,
        stop: &AtomicBool,
        tell: &mut dyn FnMut(Event),
    ) -> Vec<Column> {
        let key = Key::new(&self.campaign, self.profile);
        let stored: Vec<Option<Results>> =
            specs.iter().map(|spec| self.stored(spec, &key)).collect();
        let due: VecDeque<&Spec> = specs
            .iter()
            .zip(&stored)
            .filter(|(_, stored)| stored.is_none())
            .map(|(spec, _)| spec)
            .collect();
        let (sends, brings) = bounded(0);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for spec in due {
                    // Nobody takes it any more after a stop.
                    if stop.load(Ordering::Relaxed) || sends.send(provide(spec)).is_err() {
                        return;
                    }
                }
            });
            let mut running = Running { sweep: self, key, brings, stop, programs: BTreeMap::new() };
            let mut columns = Vec::new();
            for (index, (spec, stored)) in specs.iter().zip(stored).enumerate() {
                let place = (index + 1, specs.len());
                let column = running.column(spec, stored, place, tell);
                tell(Event::Done(Box::new(column.clone())));
                columns.push(column);
            }
            columns
        })
    }

    fn stored(&self, spec: &Spec, key: &Key) -> Option<Results> {
        match spec {
            Spec::Version(version) => self.store.of_release(version, key),
            Spec::Latest | Spec::Path(_) => None,
        }
    }
}

/// A sweep under way.
struct Running<'a> {
    sweep: &'a Sweep,
    key: Key,
    brings: Receiver<Result<Executable, String>>,
    stop: &'a AtomicBool,
    /// The program that showed a signature last.
    programs: BTreeMap<Signature, Plan>,
}

impl Running<'_> {
    fn column(
        &mut self,
        spec: &Spec,
        stored: Option<Results>,
        place: (usize, usize),
        tell: &mut dyn FnMut(Event),
    ) -> Column {
        let asked = spec.to_string();
        let results = match stored {
            Some(results) => Ok(results),
            None => {
                tell(Event::Waiting { label: asked.clone() });
                let brought = self.brings.recv().unwrap_or_else(|_| Err(STOPPED.to_owned()));
                brought.and_then(|executable| self.run(executable, place, tell))
            }
        };
        match results {
            Ok(results) => {
                self.learn(&results);
                let version = results.subject.version.clone();
                let label = label(&results.subject);
                Column { label, version, outcome: Outcome::Ran(Box::new(results)) }
            }
            Err(reason) => {
                let version = match spec {
                    Spec::Version(version) => Some(version.clone()),
                    Spec::Latest | Spec::Path(_) => None,
                };
                Column { label: asked, version, outcome: Outcome::NotRun(reason) }
            }
        }
    }

    fn run(
        &self,
        executable: Executable,
        (number, of): (usize, usize),
        tell: &mut dyn FnMut(Event),
    ) -> Result<Results, String> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(STOPPED.to_owned());
        }
        let Executable { spec, path, version, digest, lease: _held } = executable;
        let subject = Subject { spec: spec.to_string(), version: version.clone(), digest };
        let label = label(&subject);
        let store = &self.sweep.store;
        if let Some(results) = store.of_digest(&label, &subject.digest, &self.key) {
            return Ok(results);
        }
        tell(Event::Running { label: label.clone(), number, of });
        let untestable = Gates::of(version.as_ref()).shut();
        let bench = Bench::prepare(path, version, self.sweep.profile, Patience::default());
        let bench = Arc::new(bench.map_err(|error| error.to_string())?);
        let mut campaign = self.sweep.campaign.clone();
        campaign.programs = self.programs.clone();
        let said = &mut |event| tell(Event::Campaign(event));
        let outcome = campaign.run(&bench, subject, self.stop, said);
        let results = results(outcome, untestable);
        if !results.interrupted && results.inconclusive.is_empty() && results.cases > 0 {
            let kept = store.keep(&label, &results, &self.key);
            kept.map_err(|error| format!("cannot keep its results: {error}; free space there"))?;
        }
        Ok(results)
    }

    fn learn(&mut self, results: &Results) {
        let sure = results.findings.iter().filter(|told| told.status == Status::New);
        self.programs.extend(sure.map(|told| (told.finding.signature(), told.plan.clone())));
    }
}

/// The name of a release: its version, else how it was asked for.
fn label(subject: &Subject) -> String {
    let version = subject.version.as_ref().map(ToString::to_string);
    match version {
        Some(version) if subject.spec == version => version,
        // Two builds of one version are two columns.
        Some(version) => format!("{version} ({})", subject.spec),
        None => subject.spec.clone(),
    }
}

fn results(outcome: campaign::Outcome, untestable: Vec<Clause>) -> Results {
    let mut tally: BTreeMap<Place, Count> = BTreeMap::new();
    for (cell, one) in &outcome.tally {
        let place = Place { clause: cell.clause, dimension: cell.dimension };
        let count = tally.entry(place).or_default();
        match cell.view {
            Some(_) => count.compared += one.fired,
            None => count.rested += one.fired,
        }
    }
    Results {
        subject: outcome.subject,
        cases: outcome.cases,
        steps: outcome.steps,
        wall: outcome.wall,
        tally,
        untestable: untestable.into_iter().collect(),
        findings: outcome.findings,
        inconclusive: outcome.inconclusive,
        interrupted: outcome.interrupted,
        stored: false,
    }
}
