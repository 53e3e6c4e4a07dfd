//! One release after another.
//!
//! While one runs, the next is fetched. A program that showed a signature on one release is a case
//! of the next, and the first that is tried to show it there, so that a deviation has the same
//! program on all of them where it can. At the end every release is asked for what later ones have
//! shown.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, bounded};

use super::record::Key;
use super::{Column, Count, Event, MatrixRun, Outcome, Results, Row};
use crate::campaign::{self, Campaign, Status, Subject};
use crate::contract::Clause;
use crate::drive::test_bed::TestBed;
use crate::drive::timeouts::Timeouts;
use crate::judge::compare::Capabilities;
use crate::judge::signature::Signature;
use crate::program::Program;
use crate::provision::{Executable, Spec};

/// Provides a server, or says why it cannot; called from another thread.
pub type Provide<'a> = dyn Fn(&Spec) -> Result<Executable, String> + Sync + 'a;

/// Why a release was not run that was still to come at a stop.
const STOPPED: &str = "the matrix was stopped before it";

impl MatrixRun {
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
            let programs = self.programs.clone();
            let mut running = Running { sweep: self, key, brings, stop, programs };
            let mut columns = Vec::new();
            for (index, (spec, stored)) in specs.iter().zip(stored).enumerate() {
                let place = (index + 1, specs.len());
                let column = running.column(spec, stored, place, tell);
                tell(Event::Done(Box::new(column.clone())));
                columns.push(column);
            }
            let asked = columns.into_iter().zip(specs);
            asked.map(|(column, spec)| running.ask(column, spec, provide, tell)).collect()
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
    sweep: &'a MatrixRun,
    key: Key,
    brings: Receiver<Result<Executable, String>>,
    stop: &'a AtomicBool,
    /// The programs of what is known of, and of what the releases so far have shown.
    programs: BTreeMap<Signature, Program>,
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
        let subject = subject(&executable);
        let label = label(&subject);
        let store = &self.sweep.store;
        if let Some(results) = store.of_digest(&label, &subject.digest, &self.key) {
            return Ok(results);
        }
        tell(Event::Running { label, number, of });
        let campaign = Campaign { programs: self.programs.clone(), ..self.sweep.campaign.clone() };
        self.campaign(&executable, &campaign, tell)
    }

    /// Asks a release for what it was not asked for yet; it is run for nothing else.
    fn ask(
        &mut self,
        mut column: Column,
        spec: &Spec,
        provide: &Provide<'_>,
        tell: &mut dyn FnMut(Event),
    ) -> Column {
        let Outcome::Ran(results) = &mut column.outcome else {
            return column;
        };
        let asked = &results.asked;
        let missing = self.programs.iter().filter(|(signature, _)| !asked.contains(signature));
        let missing: BTreeMap<Signature, Program> =
            missing.map(|(signature, program)| (signature.clone(), program.clone())).collect();
        if missing.is_empty() || self.stop.load(Ordering::Relaxed) {
            return column;
        }
        tell(Event::Asking { label: column.label.clone(), programs: missing.len() });
        let campaign =
            Campaign { programs: missing, cases: Some(0), ..self.sweep.campaign.clone() };
        let more = provide(spec).and_then(|found| self.campaign(&found, &campaign, tell));
        match more {
            Ok(more) => {
                self.learn(&more);
                results.add(more);
                self.keep(&column.label, results);
            }
            // What was found before stands; that it was not asked stands in the document.
            Err(reason) => drop(results.inconclusive.insert(reason, 1)),
        }
        tell(Event::Done(Box::new(column.clone())));
        column
    }

    /// A campaign on a server.
    fn campaign(
        &self,
        executable: &Executable,
        campaign: &Campaign,
        tell: &mut dyn FnMut(Event),
    ) -> Result<Results, String> {
        let (subject, version) = (subject(executable), executable.version.clone());
        let label = label(&subject);
        let untestable = Capabilities::of(version.as_ref()).shut();
        let (path, profile) = (executable.path.clone(), self.sweep.profile);
        let test_bed = TestBed::prepare(path, version, profile, Timeouts::default());
        let test_bed = Arc::new(test_bed.map_err(|error| error.to_string())?);
        let said = &mut |event| tell(Event::Campaign(event));
        let outcome = campaign.run(&test_bed, subject, self.stop, said);
        let mut results = results(outcome, untestable);
        results.asked = campaign.programs.keys().cloned().collect();
        results.asked.extend(results.findings.iter().map(|told| told.finding.signature()));
        if campaign.cases != Some(0) {
            self.keep(&label, &mut results);
        }
        Ok(results)
    }

    /// Keeps what is whole; what cannot be kept is told as trouble of ours.
    fn keep(&self, label: &str, results: &mut Results) {
        if let Err(error) = self.sweep.store.keep(label, results, &self.key) {
            let reason = format!("cannot keep the results: {error}; free space there");
            results.inconclusive.insert(reason, 1);
        }
    }

    fn learn(&mut self, results: &Results) {
        let sure = results.findings.iter().filter(|told| told.status == Status::New);
        for told in sure {
            let program = self.programs.entry(told.finding.signature());
            program.or_insert_with(|| told.program.clone());
        }
    }
}

impl Results {
    /// Adds what the same release showed when it was asked for more.
    fn add(&mut self, more: Results) {
        self.cases += more.cases;
        self.steps += more.steps;
        self.wall += more.wall;
        for (place, count) in more.tally {
            let sum = self.tally.entry(place).or_default();
            sum.compared += count.compared;
            sum.rested += count.rested;
        }
        let found: BTreeSet<Signature> =
            self.findings.iter().map(|told| told.finding.signature()).collect();
        let new = more.findings.into_iter();
        self.findings.extend(new.filter(|told| !found.contains(&told.finding.signature())));
        self.findings
            .sort_by_key(|told| (told.status, !told.finding.widened, told.finding.signature()));
        self.asked.extend(more.asked);
        for (reason, cases) in more.inconclusive {
            *self.inconclusive.entry(reason).or_default() += cases;
        }
        self.interrupted |= more.interrupted;
    }
}

fn subject(executable: &Executable) -> Subject {
    let Executable { spec, version, digest, .. } = executable.clone();
    Subject { spec: spec.to_string(), version, digest, others: Vec::new() }
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
    let mut tally: BTreeMap<Row, Count> = BTreeMap::new();
    for (cell, one) in &outcome.tally {
        let place = Row { clause: cell.clause, dimension: cell.dimension };
        let count = tally.entry(place).or_default();
        match cell.view {
            Some(_) => count.compared += one.fired,
            None => count.rested += one.fired,
        }
    }
    // What is tested at other steps is tested.
    let tried: BTreeSet<Clause> = tally.keys().map(|place| place.clause).collect();
    let withheld = outcome.withheld.difference(&tried).copied();
    Results {
        subject: outcome.subject,
        cases: outcome.cases,
        steps: outcome.steps,
        wall: outcome.wall,
        tally,
        untestable: untestable.into_iter().chain(withheld).collect(),
        asked: BTreeSet::new(),
        findings: outcome.findings,
        inconclusive: outcome.inconclusive,
        interrupted: outcome.interrupted,
        stored: false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use expect_test::expect;

    use super::{Column, label, results};
    use crate::campaign::{self, Subject};
    use crate::contract::Clause;
    use crate::judge::{Cell, Tally, View};
    use crate::known::Known;
    use crate::matrix::{Matrix, Outcome};

    /// A campaign in which R1 was compared, and steps about these clauses were left out.
    fn campaign(withheld: &[Clause]) -> campaign::Outcome {
        let (spec, digest) = ("0.131.0".to_owned(), "sha256:00ff".to_owned());
        let cell = Cell { clause: Clause::R1, view: Some(View::Reply), dimension: None };
        campaign::Outcome {
            subject: Subject { spec, version: None, digest, others: Vec::new() },
            seed: 1,
            cases: 1,
            steps: 1,
            wall: Duration::ZERO,
            server_cpu: Duration::ZERO,
            harness_cpu: Duration::ZERO,
            tally: BTreeMap::from([(cell, Tally { fired: 1, held: 1, broken: 0 })]),
            findings: Vec::new(),
            notices: Vec::new(),
            inconclusive: BTreeMap::new(),
            no_sandbox: None,
            performed: BTreeMap::new(),
            left_out: BTreeMap::from([("thread/revert".to_owned(), 1)]),
            withheld: withheld.iter().copied().collect(),
            stale: Vec::new(),
            interrupted: false,
        }
    }

    #[test]
    fn what_the_schema_left_out_is_untestable_unless_it_was_tested_elsewhere() {
        let results = results(campaign(&[Clause::R1, Clause::O1]), vec![Clause::T9]);
        let untestable = results.untestable.clone();
        let label = label(&results.subject);
        let column = Column { label, version: None, outcome: Outcome::Ran(Box::new(results)) };
        let matrix = Matrix::new(vec![column], &Known::default());
        let of = BTreeSet::from([Clause::R1, Clause::O1, Clause::O3, Clause::T9]);
        let rows = matrix.rows.iter().filter(|(place, _)| of.contains(&place.clause));
        let told: Vec<String> =
            rows.map(|(place, cells)| format!("{} {:?}", place.clause, cells[0].state)).collect();
        expect![[r#"
            T9 Untestable
            R1 Holds
            O1 Untestable
            O3 Untried
            {T9, O1}"#]]
        .assert_eq(&format!("{}\n{untestable:?}", told.join("\n")));
    }
}
