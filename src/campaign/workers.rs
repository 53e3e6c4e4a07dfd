//! The workers of a campaign and the desk they take work from.
//!
//! Examinations go before new cases, so that a finding is told while the campaign still runs. The
//! foreman takes results in the order of their index; what a worker finds out of order waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use super::confirm::{Confirmation, Suspect};
use super::queue::{Queue, Work};
use super::token::Token;
use super::totals::Totals;
use super::{Campaign, Event, FindingReport, Outcome, Stale, Status, Subject, Why};
use crate::drive::Worker;
use crate::drive::test_bed::TestBed;
use crate::judge::releases::HomeHistory;
use crate::judge::{Finding, Verdict, judge};
use crate::known::Row;
use crate::known::day::Day;
use crate::program::Program;
use crate::program::generate;
use crate::trace::Trace;

/// Replays of a known row's case before it is called stale: a loaded machine loses one now and
/// then.
const STALE_REPLAYS: u32 = 3;

/// How often the foreman looks at the clock and at the stop when nobody says anything.
const GLANCE: Duration = Duration::from_millis(200);

/// What a worker says.
enum WorkerMessage {
    Case(u64, Box<Ran>),
    Event(Box<Event>),
    FindingReport(Box<FindingReport>),
    Replayed { row: Box<Row>, shows: bool },
}

/// A case that was run and judged.
struct Ran {
    program: Program,
    trace: Trace,
    verdict: Verdict,
}

/// Runs a campaign.
pub(super) fn run(
    campaign: &Campaign,
    (test_bed, subject): (&Arc<TestBed>, Subject),
    stop: &AtomicBool,
    tell: &mut dyn FnMut(Event),
) -> Outcome {
    let begun = Instant::now();
    let before = cpu();
    let deadline = campaign.time.map(|time| begun + time);
    let desk = Queue::new(campaign.counted(), deadline);
    tell(Event::Began {
        subject: subject.clone(),
        seed: campaign.seed,
        jobs: campaign.jobs,
        cases: campaign.counted(),
        time: campaign.time,
    });
    if let Some(reason) = test_bed.main.no_schema.clone() {
        tell(Event::NoSchema { reason });
    }
    if let Some(reason) = test_bed.no_sandbox() {
        tell(Event::NoSandbox { reason: reason.to_owned() });
    }
    let (says, hears) = unbounded();
    let mut foreman = Coordinator::new(campaign, test_bed, &desk, begun);
    std::thread::scope(|scope| {
        for _ in 0..campaign.jobs.max(1) {
            let (says, desk, test_bed) = (says.clone(), &desk, test_bed.clone());
            scope.spawn(move || {
                WorkerThread { campaign, desk, stop, says }.work(Worker::new(test_bed))
            });
        }
        drop(says);
        foreman.listen(&hears, stop, tell);
    });
    let after = cpu();
    let outcome = foreman.outcome(subject, stop, (after.0 - before.0, after.1 - before.1));
    tell(Event::Ended(Box::new(outcome.clone())));
    outcome
}

/// The day that it is, in UTC.
fn today() -> Day {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let day = now.split('T').next().unwrap_or_default();
    day.parse().expect("a time begins with its day")
}

/// CPU of the children that ended, and of this process.
fn cpu() -> (Duration, Duration) {
    let used = |who| {
        let usage = getrusage(who).expect("the system counts its own processes");
        let micros = (usage.user_time() + usage.system_time()).num_microseconds();
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    };
    (used(UsageWho::RUSAGE_CHILDREN), used(UsageWho::RUSAGE_SELF))
}

/// One worker's thread.
struct WorkerThread<'a> {
    campaign: &'a Campaign,
    desk: &'a Queue,
    stop: &'a AtomicBool,
    says: Sender<WorkerMessage>,
}

impl Drop for WorkerThread<'_> {
    /// A hand that panics takes its case with it, and no index after it can be told: the others
    /// go home too, so that the panic ends the campaign instead of being waited for.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.desk.close();
        }
    }
}

impl WorkerThread<'_> {
    fn work(&self, mut worker: Worker) {
        while let Some(work) = self.desk.take(self.stop) {
            let said = match work {
                Work::Case(index) => {
                    WorkerMessage::Case(index, Box::new(self.case(&mut worker, index)))
                }
                Work::Examine(suspect) => {
                    WorkerMessage::FindingReport(Box::new(self.examine(&mut worker, *suspect)))
                }
                Work::Replay(row) => {
                    let shows = self.replay(&mut worker, &row);
                    WorkerMessage::Replayed { row, shows }
                }
            };
            drop(self.says.send(said));
        }
        worker.finish();
    }

    fn case(&self, worker: &mut Worker, index: u64) -> Ran {
        let (seed, draw) = (self.campaign.seed, self.campaign.draw());
        let program = self.campaign.program(index).map(|(_, program)| program.clone());
        let program = program.unwrap_or_else(|| generate::drawn(seed, index, draw));
        let trace = worker.run(&program);
        let verdict = judge(&trace);
        Ran { program, trace, verdict }
    }

    fn examine(&self, worker: &mut Worker, suspect: Suspect) -> FindingReport {
        let mut tell = |event| drop(self.says.send(WorkerMessage::Event(Box::new(event))));
        let confirmations = self.campaign.confirmations.max(1);
        let (stop, tell) = (self.stop, &mut tell);
        let program = self.campaign.programs.get(&suspect.finding.signature());
        let Campaign { known, deeds, .. } = self.campaign;
        Confirmation { worker, confirmations, deeds: *deeds, known, program, stop, tell }
            .examine(suspect)
    }

    /// A row that a stop leaves unreplayed counts as shown, and so does one whose replay had
    /// trouble of our own: nothing was learned of it.
    fn replay(&self, worker: &mut Worker, row: &Row) -> bool {
        let shows = |verdict: Verdict| verdict.findings.iter().any(|found| row.shows_in(found));
        let excused = |verdict: Verdict| verdict.inconclusive.is_some() || shows(verdict);
        let stopped = || self.stop.load(Ordering::Relaxed);
        let mut runs = 0..STALE_REPLAYS;
        runs.any(|_| stopped() || excused(judge(&worker.run_fresh(&row.program))))
    }
}

/// Takes what the workers say, in order.
struct Coordinator<'a> {
    campaign: &'a Campaign,
    test_bed: &'a Arc<TestBed>,
    desk: &'a Queue,
    begun: Instant,
    ledger: Totals,
    early: BTreeMap<u64, Ran>,
    next: u64,
    examined: usize,
    replays: Option<usize>,
}

impl<'a> Coordinator<'a> {
    fn new(
        campaign: &'a Campaign,
        test_bed: &'a Arc<TestBed>,
        desk: &'a Queue,
        begun: Instant,
    ) -> Self {
        let (ledger, early) = (Totals::default(), BTreeMap::new());
        Coordinator {
            campaign,
            test_bed,
            desk,
            begun,
            ledger,
            early,
            next: 0,
            examined: 0,
            replays: None,
        }
    }

    fn listen(
        &mut self,
        hears: &Receiver<WorkerMessage>,
        stop: &AtomicBool,
        tell: &mut dyn FnMut(Event),
    ) {
        self.advance(stop, tell);
        loop {
            match hears.recv_timeout(GLANCE) {
                Ok(said) => self.hear(said, tell),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.advance(stop, tell);
        }
    }

    fn hear(&mut self, said: WorkerMessage, tell: &mut dyn FnMut(Event)) {
        match said {
            WorkerMessage::Event(event) => tell(*event),
            WorkerMessage::Case(index, ran) => drop(self.early.insert(index, *ran)),
            WorkerMessage::FindingReport(told) => {
                self.examined -= 1;
                self.told(*told, tell);
            }
            WorkerMessage::Replayed { row, shows } => self.replayed(*row, shows, tell),
        }
    }

    /// Takes every result whose turn it is, and closes the desk when nothing more can come.
    fn advance(&mut self, stop: &AtomicBool, tell: &mut dyn FnMut(Event)) {
        while let Some(ran) = self.early.remove(&self.next) {
            self.take(self.next, ran, tell);
            self.next += 1;
        }
        let drawn = self.desk.drawn_all(stop);
        if drawn != Some(self.next) || self.examined > 0 {
            return;
        }
        if self.replays.is_none() {
            self.replays = Some(self.replay_known(stop));
            self.expire(tell);
        }
        if self.replays == Some(0) {
            self.desk.close();
        }
    }

    fn take(&mut self, index: u64, ran: Ran, tell: &mut dyn FnMut(Event)) {
        let Ran { program, trace, verdict } = ran;
        let token = self.token(index);
        self.ledger.add(&token, &program, &verdict);
        tell(Event::Case {
            index,
            steps: program.lines(),
            signatures: verdict.findings.iter().map(Finding::signature).collect(),
            inconclusive: verdict.inconclusive.clone(),
        });
        for finding in verdict.findings {
            let signature = finding.signature();
            if self.is_of_another(&finding) {
                self.ledger.aside(&finding, &token);
                continue;
            }
            let row = self.campaign.known.excuses(&finding).cloned();
            if !self.ledger.is_first(&finding, row.is_some()) {
                continue;
            }
            tell(Event::Found { signature, index, known: row.is_some() });
            let suspect = Suspect {
                program: program.clone(),
                trace: trace.clone(),
                finding,
                token: token.clone(),
                found_after: self.begun.elapsed(),
            };
            match row {
                Some(row) => {
                    let why = row.reason.or(row.link).unwrap_or_default();
                    let excuse = Some((why, row.case));
                    self.told(FindingReport { excuse, ..suspect.told(Status::Known) }, tell);
                }
                None => {
                    self.examined += 1;
                    self.desk.put(Work::Examine(Box::new(suspect)));
                }
            }
        }
    }

    /// What a case is called: the token that draws it, or the signature whose program it is.
    fn token(&self, index: u64) -> String {
        match self.campaign.program(index) {
            Some((signature, _)) => signature.to_string(),
            None => Token::new(self.campaign, index).to_string(),
        }
    }

    /// Whether another release shows it by itself, with no move before it: no matter of the one
    /// that is checked.
    fn is_of_another(&self, finding: &Finding) -> bool {
        let HomeHistory { release, before } = &finding.residence;
        before.is_empty() && *release != self.test_bed.main.version
    }

    fn told(&mut self, told: FindingReport, tell: &mut dyn FnMut(Event)) {
        // What was found after a move may show as well without one.
        if self.is_of_another(&told.finding) {
            return self.ledger.aside(&told.finding, &told.token);
        }
        tell(Event::FindingReport(Box::new(told.clone())));
        self.ledger.keep(told);
    }

    /// A known deviation's chance is the replay of its own case.
    fn replay_known(&self, stop: &AtomicBool) -> usize {
        if stop.load(Ordering::Relaxed) || self.ledger.cases == 0 {
            return 0;
        }
        // A row about homes that move is asked for where they can: here they do not otherwise.
        let rows = self.campaign.known.due(self.test_bed.main.version.as_ref());
        let due: Vec<&Row> =
            rows.filter(|row| !row.racy && self.test_bed.has(&row.program)).collect();
        due.iter().for_each(|row| self.desk.put(Work::Replay(Box::new((*row).clone()))));
        due.len()
    }

    /// A row whose day has passed still excuses, and is stale.
    fn expire(&mut self, tell: &mut dyn FnMut(Event)) {
        let (today, release) = (today(), self.test_bed.main.version.as_ref());
        let expired = self.campaign.known.expired(today);
        let here = expired.filter(|row| release.is_some_and(|v| row.releases.contains(v)));
        let rows: Vec<Row> = here.cloned().collect();
        for row in rows {
            let why = row.expires.map_or(Why::Unseen, Why::Expired);
            self.stale(&row, why, tell);
        }
    }

    fn replayed(&mut self, row: Row, shows: bool, tell: &mut dyn FnMut(Event)) {
        self.replays = self.replays.map(|left| left - 1);
        if !shows {
            self.stale(&row, Why::Unseen, tell);
        }
    }

    fn stale(&mut self, row: &Row, why: Why, tell: &mut dyn FnMut(Event)) {
        let Row { signature, case, line, from, .. } = row.clone();
        let stale = Stale { signature, case, line, moved: from.is_some(), why };
        tell(Event::Stale(stale.clone()));
        self.ledger.stale.push(stale);
    }

    fn outcome(
        mut self,
        subject: Subject,
        stop: &AtomicBool,
        (server_cpu, harness_cpu): (Duration, Duration),
    ) -> Outcome {
        Outcome {
            subject,
            seed: self.campaign.seed,
            cases: self.ledger.cases,
            steps: self.ledger.steps,
            wall: self.begun.elapsed(),
            server_cpu,
            harness_cpu,
            findings: self.ledger.findings(),
            notices: self.ledger.noticed(),
            tally: self.ledger.tally,
            inconclusive: self.ledger.inconclusive,
            performed: self.ledger.performed,
            left_out: self.ledger.left_out,
            withheld: self.ledger.withheld,
            no_sandbox: self.test_bed.no_sandbox().map(str::to_owned),
            stale: self.ledger.stale,
            interrupted: stop.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::AtomicBool;

    use crossbeam_channel::unbounded;

    use super::{Queue, WorkerThread};
    use crate::campaign::Campaign;
    use crate::known::Known;
    use crate::policy::Defaults;
    use crate::program::Program;

    #[test]
    fn programs_are_cases_after_those_that_are_drawn() {
        let signature = "R4/AP/resume/never/config".parse().expect("it is a signature");
        let program = Program { defaults: Defaults::default(), steps: Vec::new() };
        let campaign = Campaign {
            seed: 1,
            cases: Some(2),
            time: None,
            jobs: 1,
            max_ops: 1,
            secondary: true,
            others: Vec::new(),
            confirmations: 1,
            deeds: true,
            known: Known::default(),
            programs: BTreeMap::from([(signature, program)]),
        };
        let is_program: Vec<bool> = (0..4).map(|index| campaign.program(index).is_some()).collect();
        assert_eq!((campaign.counted(), is_program), (Some(3), vec![false, false, true, false]));
    }

    #[test]
    fn a_hand_that_panics_sends_the_others_home() {
        let campaign = Campaign {
            seed: 1,
            cases: None,
            time: None,
            jobs: 2,
            max_ops: 1,
            secondary: true,
            others: Vec::new(),
            confirmations: 1,
            deeds: true,
            known: Known::default(),
            programs: BTreeMap::new(),
        };
        let (desk, stop) = (Queue::new(None, None), AtomicBool::new(false));
        let hand =
            WorkerThread { campaign: &campaign, desk: &desk, stop: &stop, says: unbounded().0 };
        let panicked = std::thread::scope(|scope| {
            let dies = move || {
                let _hand = hand;
                std::panic::resume_unwind(Box::new("a fault of ours"))
            };
            scope.spawn(dies).join().is_err()
        });
        assert!(panicked && desk.take(&stop).is_none(), "the desk is closed");
    }
}
