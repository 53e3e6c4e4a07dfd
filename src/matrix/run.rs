//! One release after another.
//!
//! While one runs, the next is fetched. A program that showed a signature on one release is a case
//! of the next, and preferred as its example there, so that a deviation has the same program on all
//! of them if possible. At the end every release runs the programs of later ones, and those by which
//! further causes show the same signature. A cause is explained on the first release that shows it:
//! where its program shows a finding of a later release, that finding has the same cause.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, bounded};

use super::causes::CauseExample;
use super::record::Key;
use super::store::Store;
use super::{Column, Event, Outcome, Results, Row};
use crate::campaign::{self, Campaign, CauseReport, Subject};
use crate::contract::Clause;
use crate::drive::test_bed::TestBed;
use crate::drive::timeouts::Timeouts;
use crate::judge::capabilities::Capabilities;
use crate::judge::record::Status;
use crate::judge::signature::Signature;
use crate::judge::verdict::Count;
use crate::program::Program;
use crate::provision::sdk::Sdk;
use crate::provision::{Executable, Spec};

/// The settings of a matrix.
#[derive(Clone, Debug)]
pub struct MatrixRun {
    /// The campaign on each release; its cases are counted, since time differs between machines.
    pub campaign: Campaign,
    /// Programs of known deviations, which are run on every release.
    pub programs: BTreeMap<Signature, Program>,
    pub store: Store,
    /// The SDK whose client performs the cases; none where heirloom's own does.
    pub sdk: Option<Sdk>,
}

/// Provides a server, or says why it cannot; called from another thread.
pub type Provide<'a> = dyn Fn(&Spec) -> Result<Executable, String> + Sync + 'a;

/// Most programs of one signature that every release runs: releases seldom show a signature by more
/// than two causes, and each program is run on all of them.
const PROGRAMS_MAX: usize = 3;

/// Why a release was not run that was still to come at a stop.
const STOPPED: &str = "the matrix was stopped before it";

impl MatrixRun {
    /// Runs the releases that are not in the store, in the order of the servers. `stop` may be set
    /// at any time; findings until then are still reported.
    pub fn run(
        &self,
        specs: &[Spec],
        provide: &Provide<'_>,
        stop: &AtomicBool,
        on_event: &mut dyn FnMut(Event),
    ) -> Vec<Column> {
        let key = Key::new(&self.campaign);
        let stored: Vec<Option<Results>> =
            specs.iter().map(|spec| self.stored(spec, &key)).collect();
        let missing = specs.iter().zip(&stored).filter(|(_, stored)| stored.is_none());
        let missing: VecDeque<&Spec> = missing.map(|(spec, _)| spec).collect();
        let (sender, executables) = bounded(0);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let mut missing = missing.into_iter();
                // The receiver is gone after a stop.
                missing
                    .all(|spec| !stop.load(Ordering::Relaxed) && sender.send(provide(spec)).is_ok())
            });
            let known = self.programs.clone().into_iter();
            let programs = known.map(|(signature, program)| (signature, vec![program])).collect();
            let causes = Vec::new();
            let mut running =
                Running { run: self, key, executables, provide, stop, programs, causes, on_event };
            let mut columns = Vec::new();
            for (index, (spec, stored)) in specs.iter().zip(stored).enumerate() {
                let results = match stored {
                    Some(results) => Ok(results),
                    None => running.run_next(spec, index + 1, specs.len()),
                };
                columns.push(running.column(spec, results));
            }
            for (column, spec) in columns.iter_mut().zip(specs) {
                running.ask(column, spec);
            }
            columns
        })
    }

    fn subject(&self, executable: &Executable) -> Subject {
        let Executable { spec, version, digest, .. } = executable.clone();
        let client = self.client();
        Subject { spec: spec.to_string(), version, digest, others: Vec::new(), client }
    }

    /// The client of the SDK with its release, if one performs the cases.
    fn client(&self) -> Option<String> {
        self.sdk.as_ref().map(|sdk| format!("{}={}", sdk.client, sdk.version))
    }

    fn stored(&self, spec: &Spec, key: &Key) -> Option<Results> {
        match spec {
            Spec::Version(version) => self.store.of_release(version, key),
            Spec::Latest | Spec::Path(_) => None,
        }
    }
}

/// A matrix that is being run.
struct Running<'a> {
    run: &'a MatrixRun,
    key: Key,
    /// The servers that are not in the store, in order.
    executables: Receiver<Result<Executable, String>>,
    provide: &'a Provide<'a>,
    stop: &'a AtomicBool,
    /// Programs of known deviations, and of those that the releases so far have shown.
    programs: BTreeMap<Signature, Vec<Program>>,
    /// Of those that the releases so far have shown.
    causes: Vec<CauseReport>,
    on_event: &'a mut dyn FnMut(Event),
}

impl Running<'_> {
    /// Waits for the next server and runs it.
    fn run_next(&mut self, spec: &Spec, number: usize, of: usize) -> Result<Results, String> {
        (self.on_event)(Event::Waiting { label: spec.to_string() });
        let executable = self.executables.recv().unwrap_or_else(|_| Err(STOPPED.to_owned()))?;
        if self.stopped() {
            return Err(STOPPED.to_owned());
        }
        let subject = self.run.subject(&executable);
        let label = label(&subject);
        if let Some(results) = self.run.store.of_digest(&label, &subject.digest, &self.key) {
            return Ok(results);
        }
        let programs = self.unasked(&BTreeSet::new());
        let cases = self.run.campaign.cases.unwrap_or_default();
        let count = programs.len();
        (self.on_event)(Event::Running { label, number, of, cases, programs: count });
        let causes = self.causes.clone();
        let campaign = Campaign { programs, causes, ..self.run.campaign.clone() };
        self.run_campaign(&executable, &campaign)
    }

    fn column(&mut self, spec: &Spec, results: Result<Results, String>) -> Column {
        let column = match results {
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
                let label = labelled(spec.to_string(), self.run.client().as_deref());
                Column { label, version, outcome: Outcome::NotRun(reason) }
            }
        };
        (self.on_event)(Event::Done(Box::new(column.clone())));
        column
    }

    /// Runs the programs on a release that it was not asked for yet, and nothing else.
    fn ask(&mut self, column: &mut Column, spec: &Spec) {
        let Outcome::Ran(results) = &mut column.outcome else { return };
        let asked = |results: &Results| results.asked.len() + results.programs.len();
        let before = asked(results);
        loop {
            // A campaign runs one program of each signature.
            let programs = self.unasked(&results.programs);
            if programs.is_empty() {
                break;
            }
            if self.stopped() {
                // Being asked is a part of its run.
                results.interrupted = true;
                break;
            }
            let (label, count) = (column.label.clone(), programs.len());
            (self.on_event)(Event::Asking { label, programs: count });
            let causes = self.causes.clone();
            let campaign =
                Campaign { programs, causes, cases: Some(0), ..self.run.campaign.clone() };
            let more = (self.provide)(spec);
            match more.and_then(|server| self.run_campaign(&server, &campaign)) {
                Ok(more) => {
                    let run = results.programs.len();
                    self.learn(&more);
                    results.add(more);
                    self.keep(&column.label, results);
                    if results.programs.len() == run {
                        break;
                    }
                }
                Err(reason) => {
                    // The findings stand; the document says that it was not asked.
                    results.inconclusive.insert(reason, 1);
                    break;
                }
            }
        }
        if asked(results) > before {
            (self.on_event)(Event::Done(Box::new(column.clone())));
        }
    }

    /// Of each signature, the first program that is not among those that were run.
    fn unasked(&self, run: &BTreeSet<String>) -> BTreeMap<Signature, Program> {
        let next = |programs: &[Program]| {
            programs.iter().find(|program| !run.contains(&program.to_string())).cloned()
        };
        let programs = self.programs.iter();
        programs
            .filter_map(|(signature, programs)| Some((signature.clone(), next(programs)?)))
            .collect()
    }

    fn run_campaign(
        &mut self,
        executable: &Executable,
        campaign: &Campaign,
    ) -> Result<Results, String> {
        let (subject, version) = (self.run.subject(executable), executable.version.clone());
        let label = label(&subject);
        let untestable = Capabilities::of(version.as_ref()).untestable();
        let path = executable.path.clone();
        let test_bed = TestBed::prepare(path, version, Timeouts::default());
        let mut test_bed = test_bed.map_err(|error| error.to_string())?;
        if let Some(Sdk { python, client, .. }) = &self.run.sdk {
            test_bed.use_sdk(python, *client).map_err(|error| error.to_string())?;
        }
        let test_bed = Arc::new(test_bed);
        let (mut asked, mut programs) = (BTreeSet::new(), BTreeSet::new());
        let on_event = |event| {
            // A campaign that is stopped does not run all of its programs.
            if let campaign::Event::Case { index, .. } = event
                && let Some((signature, program)) = campaign.program(index)
            {
                asked.insert(signature.clone());
                programs.insert(program.to_string());
            }
            (self.on_event)(Event::Campaign(event));
        };
        let outcome = campaign.run(&test_bed, subject, self.stop, on_event);
        let mut results = results(outcome, untestable);
        (results.asked, results.programs) = (asked, programs);
        let shown = results.findings.iter().map(|report| report.trace.program.to_string());
        results.programs.extend(shown);
        results.asked.extend(results.findings.iter().map(|report| report.finding.signature()));
        if campaign.cases != Some(0) {
            self.keep(&label, &mut results);
        }
        Ok(results)
    }

    /// Results that cannot be kept are reported as trouble of the suite.
    fn keep(&self, label: &str, results: &mut Results) {
        if let Err(error) = self.run.store.keep(label, results, &self.key) {
            let reason = format!("cannot keep the results: {error}; free space there");
            results.inconclusive.insert(reason, 1);
        }
    }

    fn learn(&mut self, results: &Results) {
        let sure = results.findings.iter().filter(|report| report.status == Status::New);
        for report in sure {
            let programs = self.programs.entry(report.finding.signature()).or_default();
            if programs.len() < PROGRAMS_MAX && !programs.contains(&report.trace.program) {
                programs.push(report.trace.program.clone());
            }
        }
        for CauseExample { record, finding, .. } in CauseExample::all(results) {
            let explains = |own: &CauseReport| own.record.scope.explains(&finding.finding);
            if record.status == Status::New && !self.causes.iter().any(explains) {
                let (record, finding) = (record.clone(), finding.clone());
                self.causes.push(CauseReport { record, finding });
            }
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// The name of a release: its version, else how it was asked for.
fn label(subject: &Subject) -> String {
    labelled(server_label(subject), subject.client.as_deref())
}

fn labelled(server: String, client: Option<&str>) -> String {
    client.map_or_else(|| server.clone(), |client| format!("{server} {client}"))
}

fn server_label(subject: &Subject) -> String {
    match subject.version.as_ref().map(ToString::to_string) {
        Some(version) if subject.spec == version => version,
        // Two builds of one version are two columns.
        Some(version) => format!("{version} ({})", subject.spec),
        None => subject.spec.clone(),
    }
}

pub(super) fn results(outcome: campaign::Outcome, untestable: Vec<Clause>) -> Results {
    let mut tally: BTreeMap<Row, Count> = BTreeMap::new();
    for (cell, count) in &outcome.tally {
        let row = Row { clause: cell.clause, dimension: cell.dimension };
        *tally.entry(row).or_default() += *count;
    }
    // A clause that other steps test is tested; after a stop, others might have.
    let tested: BTreeSet<Clause> = tally.keys().map(|row| row.clause).collect();
    let withheld = outcome.withheld.difference(&tested).copied();
    let withheld = withheld.filter(|_| !outcome.interrupted);
    Results {
        subject: outcome.subject,
        cases: outcome.cases,
        steps: outcome.steps,
        wall: outcome.wall,
        tally,
        untestable: untestable.into_iter().chain(withheld).collect(),
        asked: BTreeSet::new(),
        programs: BTreeSet::new(),
        findings: outcome.findings,
        causes: outcome.causes,
        inconclusive: outcome.inconclusive,
        interrupted: outcome.interrupted,
        stored: false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use expect_test::expect;

    use super::{Column, label, results};
    use crate::campaign::{self, Subject};
    use crate::cause::Known;
    use crate::contract::Clause;
    use crate::judge::verdict::{Cell, Count};
    use crate::matrix::{Matrix, Outcome};
    use crate::trace::view::View;

    /// A campaign in which R1 was compared, and steps about these clauses were left out.
    fn campaign(withheld: &[Clause]) -> campaign::Outcome {
        let (spec, digest) = ("0.131.0".to_owned(), "sha256:00ff".to_owned());
        let cell = Cell { clause: Clause::R1, view: Some(View::Reply), dimension: None };
        campaign::Outcome {
            subject: Subject { spec, version: None, digest, others: Vec::new(), client: None },
            cases: 1,
            steps: 1,
            tally: BTreeMap::from([(cell, Count { tested: 1, compared: 1, held: 1, broken: 0 })]),
            left_out: BTreeMap::from([("thread/revert".to_owned(), 1)]),
            withheld: withheld.iter().copied().collect(),
            ..campaign::Outcome::default()
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
