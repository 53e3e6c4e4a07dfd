//! The workers of a campaign and the coordinator that takes their results.
//!
//! Findings are confirmed before new cases are run, so that they are reported while the campaign
//! still runs. The coordinator takes results in the order of their index; a result that comes out
//! of order waits.

use std::collections::BTreeMap;
use std::ops::Sub;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use toml::value::{Date, Datetime};

use super::confirm::{Confirmation, RACY_TIME, Runs};
use super::investigate::{FoundCause, Investigated, Investigation, Spent};
use super::queue::{Queue, Work};
use super::selection::Cases;
use super::token::Token;
use super::totals::Totals;
use super::waiting::{Waiting, WaitingFindings};
use super::work_time::WorkTime;
use super::{Campaign, CauseReport, Event, FindingReport, Gone, Outcome, Stale, Subject, Why};
use crate::cause::{Row, Standing};
use crate::drive::Worker;
use crate::drive::test_bed::TestBed;
use crate::judge::judge;
use crate::judge::record::{Excuse, Status};
use crate::judge::releases::HomeHistory;
use crate::judge::verdict::{Finding, Verdict};
use crate::trace::Trace;

/// Replays of a known row's case before it is called stale: a loaded machine loses one now and
/// then.
const STALE_REPLAYS: u32 = 3;

/// What one replay takes, with some room: a restart and three or four requests.
const REPLAY_TIME: Duration = Duration::from_secs(1);

/// The replays have at most this part of the time of a campaign reserved.
const REPLAY_SHARE: u32 = 4;

/// A server with so many findings that are not reproduced fails at random: each further one is run
/// again once.
const FLAKY_MANY: usize = 8;

/// How often the coordinator looks at the clock and at the stop while no message comes.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The longest time without an event: a person would take more for a hang.
const SILENCE_MAX: Duration = Duration::from_secs(4);

/// A campaign and where it runs.
#[derive(Clone, Copy)]
struct Setup<'a> {
    campaign: &'a Campaign,
    test_bed: &'a Arc<TestBed>,
    stop: &'a AtomicBool,
    /// Findings so far that were not reproduced.
    flaky: &'a AtomicUsize,
    work: &'a Mutex<WorkTime>,
    cases: &'a Cases<'a>,
}

enum WorkerMessage {
    Case(Box<CaseResult>),
    Event(Box<Event>),
    Reproduced { number: u64, runs: Box<Runs> },
    Investigated { result: Investigated, spent: Spent },
    Replayed { row: Box<Row>, shows: bool },
}

/// A case that was run and judged.
struct CaseResult {
    index: u64,
    trace: Trace,
    verdict: Verdict,
}

impl Campaign {
    /// Runs the campaign. `stop` may be set at any time; findings until then are still reported.
    pub fn run(
        &self,
        test_bed: &Arc<TestBed>,
        subject: Subject,
        stop: &AtomicBool,
        mut on_event: impl FnMut(Event),
    ) -> Outcome {
        let flaky = AtomicUsize::new(0);
        let (work, cases) = (Mutex::default(), Cases::of(self));
        let (flaky, work, cases) = (&flaky, &work, &cases);
        let setup = Setup { campaign: self, test_bed, stop, flaky, work, cases };
        let begun = Instant::now();
        let cpu = CpuTime::now();
        let deadline = self.time.map(|time| begun + time - self.reserved(test_bed, time));
        let queue = Queue::new(self.counted(), deadline);
        on_event(Event::Began {
            subject: subject.clone(),
            seed: self.seed,
            jobs: self.jobs,
            cases: self.counted(),
            time: self.time,
        });
        if let Some(reason) = test_bed.main.no_schema.clone() {
            on_event(Event::NoSchema { reason });
        }
        if let Some(reason) = test_bed.no_sandbox() {
            on_event(Event::NoSandbox { reason: reason.to_owned() });
        }
        let (sender, messages) = unbounded();
        let mut coordinator = Coordinator::new(setup, &queue, begun, &mut on_event);
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                let thread = WorkerThread { setup, queue: &queue, messages: sender.clone() };
                scope.spawn(move || thread.work(Worker::new(setup.test_bed.clone())));
            }
            drop(sender);
            coordinator.listen(&messages);
        });
        let outcome = coordinator.outcome(subject, CpuTime::now() - cpu);
        on_event(Event::Ended(Box::new(outcome.clone())));
        outcome
    }
}

impl Campaign {
    /// The rows whose cases are replayed at the end. One about upgraded homes needs the other
    /// releases that its case names.
    fn replayed<'a>(&'a self, test_bed: &'a TestBed) -> impl Iterator<Item = &'a Row> {
        let checked = test_bed.main.version.as_ref();
        let rows = self.known.due(checked).chain(self.known.outlived(checked));
        // A row about the SDK needs it, and its client may lack what the case of another says.
        let by_sdk = self.client.is_some();
        let rows = rows.filter(move |row| self.stale_check && row.is_about_sdk() == by_sdk);
        rows.filter(|row| !row.racy && test_bed.has(&row.program))
    }

    /// The part of the time that the replays take.
    fn reserved(&self, test_bed: &TestBed, time: Duration) -> Duration {
        let rows = u32::try_from(self.replayed(test_bed).count()).unwrap_or(u32::MAX);
        let jobs = u32::try_from(self.jobs.max(1)).unwrap_or(u32::MAX);
        (REPLAY_TIME * rows / jobs).min(time / REPLAY_SHARE)
    }
}

/// Runs after which a finding that does not show again is flaky, after so many that were.
fn reproductions(confirmations: u32, flaky: usize) -> u32 {
    if flaky < FLAKY_MANY { confirmations } else { 1 }
}

fn today() -> Date {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let now: Datetime = now.parse().expect("RFC 3339 is the form of TOML");
    now.date.expect("a time of RFC 3339 has a date")
}

struct CpuTime {
    /// Of the children that have ended.
    servers: Duration,
    harness: Duration,
}

impl CpuTime {
    fn now() -> CpuTime {
        let used = |who| {
            let usage = getrusage(who).expect("the system counts its own processes");
            let micros = (usage.user_time() + usage.system_time()).num_microseconds();
            Duration::from_micros(u64::try_from(micros).unwrap_or(0))
        };
        CpuTime { servers: used(UsageWho::RUSAGE_CHILDREN), harness: used(UsageWho::RUSAGE_SELF) }
    }
}

impl Sub for CpuTime {
    type Output = CpuTime;

    fn sub(self, before: CpuTime) -> CpuTime {
        let servers = self.servers - before.servers;
        CpuTime { servers, harness: self.harness - before.harness }
    }
}

struct WorkerThread<'a> {
    setup: Setup<'a>,
    queue: &'a Queue,
    messages: Sender<WorkerMessage>,
}

/// A part of the time of workers.
type Part = fn(&mut WorkTime) -> &mut Duration;

/// The part to which a piece of work counts.
fn part_of(work: &Work) -> Part {
    match work {
        Work::Case(_) => |spent| &mut spent.cases,
        Work::Reproduce(..) | Work::Investigate(..) => |spent| &mut spent.causes,
        Work::Replay(_) => |spent| &mut spent.replays,
    }
}

/// A thread that panics takes its case with it, and no index after that one can be taken: the
/// others end too, so that the panic ends the campaign.
struct CloseOnPanic<'a>(&'a Queue);

impl Drop for CloseOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close();
        }
    }
}

impl WorkerThread<'_> {
    fn work(&self, mut worker: Worker) {
        let _close = CloseOnPanic(self.queue);
        loop {
            let waited = Instant::now();
            let work = self.queue.take(self.setup.stop);
            self.add_time(|spent| &mut spent.idle, waited);
            let Some(work) = work else { break };
            let part = part_of(&work);
            let begun = Instant::now();
            let message = match work {
                Work::Case(index) => {
                    WorkerMessage::Case(Box::new(self.run_case(&mut worker, index)))
                }
                Work::Reproduce(number, found) => {
                    let mut confirmation = self.confirmation(&mut worker, &found, &|_| {});
                    let runs = confirmation.reproduce(&found);
                    WorkerMessage::Reproduced { number, runs: Box::new(runs) }
                }
                Work::Investigate(found, causes) => self.investigate(&mut worker, *found, &causes),
                Work::Replay(row) => {
                    let shows = self.replay(&mut worker, &row);
                    WorkerMessage::Replayed { row, shows }
                }
            };
            self.add_time(part, begun);
            self.send(message);
        }
        worker.finish();
    }

    fn add_time(&self, part: Part, begun: Instant) {
        let mut spent = self.setup.work.lock().unwrap_or_else(PoisonError::into_inner);
        *part(&mut spent) += begun.elapsed();
    }

    /// The coordinator may be gone after a panic.
    fn send(&self, message: WorkerMessage) {
        drop(self.messages.send(message));
    }

    fn run_case(&self, worker: &mut Worker, index: u64) -> CaseResult {
        let campaign = self.setup.campaign;
        let program = match campaign.program(index) {
            Some((_, program)) => program.clone(),
            None => campaign.drawn_program(self.setup.cases.number(index)),
        };
        let trace = worker.run(&program);
        let verdict = judge(&trace);
        CaseResult { index, trace, verdict }
    }

    fn investigate(
        &self,
        worker: &mut Worker,
        found: Waiting,
        causes: &[FoundCause],
    ) -> WorkerMessage {
        let Waiting { report, reproduction, .. } = found;
        let on_event = |event| self.send(WorkerMessage::Event(Box::new(event)));
        let confirmation = self.confirmation(worker, &report, &on_event);
        let spent = Spent::default();
        let mut investigation = Investigation { confirmation, causes, spent };
        let result = investigation.investigate(report, reproduction.runs());
        WorkerMessage::Investigated { result, spent: investigation.spent }
    }

    /// What the runs for a finding need.
    fn confirmation<'b>(
        &'b self,
        worker: &'b mut Worker,
        found: &FindingReport,
        on_event: &'b dyn Fn(Event),
    ) -> Confirmation<'b> {
        let Campaign { known, probes, programs, confirmations, .. } = self.setup.campaign;
        let confirmations = (*confirmations).max(1);
        let flaky = self.setup.flaky.load(Ordering::Relaxed);
        Confirmation {
            worker,
            confirmations,
            reproductions: reproductions(confirmations, flaky),
            probes: *probes,
            known,
            program: programs.get(&found.finding.signature()),
            stop: self.setup.stop,
            on_event,
            runs: 0,
            racy_until: Some(Instant::now() + RACY_TIME),
        }
    }

    /// A row that a stop leaves unreplayed counts as shown, and so does one whose replay was
    /// inconclusive: nothing was learned about it.
    fn replay(&self, worker: &mut Worker, row: &Row) -> bool {
        (0..STALE_REPLAYS).any(|_| {
            if self.setup.stop.load(Ordering::Relaxed) {
                return true;
            }
            let verdict = judge(&worker.run_fresh(&row.program));
            let shows = verdict.findings.iter().any(|finding| row.shows_in(finding));
            shows || verdict.inconclusive.is_some()
        })
    }
}

/// Takes the messages of the workers, and cases in order.
struct Coordinator<'a> {
    setup: Setup<'a>,
    queue: &'a Queue,
    begun: Instant,
    on_event: &'a mut dyn FnMut(Event),
    /// When the last event was.
    last_event: Instant,
    totals: Totals,
    /// Cases that came before one of a lower index.
    early: BTreeMap<u64, CaseResult>,
    next: u64,
    /// New findings whose cause is to be looked for, one after another: so the causes do not depend
    /// on the number of workers.
    waiting: WaitingFindings,
    /// Whether a worker looks for a cause.
    investigating: bool,
    causes: Arc<Vec<FoundCause>>,
    /// Rows that are still to be replayed; none before the last case.
    replays: Option<usize>,
    /// Rows that are replayed in all.
    rows: usize,
}

impl<'a> Coordinator<'a> {
    fn new(
        setup: Setup<'a>,
        queue: &'a Queue,
        begun: Instant,
        on_event: &'a mut dyn FnMut(Event),
    ) -> Self {
        let Campaign { causes, confirmations, .. } = setup.campaign;
        let elsewhere = |cause| FoundCause::of_another_release(cause, *confirmations);
        Coordinator {
            setup,
            queue,
            begun,
            on_event,
            last_event: begun,
            totals: Totals::default(),
            early: BTreeMap::new(),
            next: 0,
            waiting: WaitingFindings::default(),
            investigating: false,
            causes: Arc::new(causes.iter().map(elsewhere).collect()),
            replays: None,
            rows: 0,
        }
    }

    fn listen(&mut self, messages: &Receiver<WorkerMessage>) {
        self.advance();
        loop {
            match messages.recv_timeout(POLL_INTERVAL) {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => self.break_silence(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.advance();
        }
    }

    fn emit(&mut self, event: Event) {
        self.last_event = Instant::now();
        (self.on_event)(event);
    }

    fn break_silence(&mut self) {
        if self.last_event.elapsed() >= SILENCE_MAX {
            self.emit(Event::Waiting);
        }
    }

    fn take(&mut self, message: WorkerMessage) {
        match message {
            WorkerMessage::Event(event) => self.emit(*event),
            WorkerMessage::Case(result) => drop(self.early.insert(result.index, *result)),
            WorkerMessage::Reproduced { number, runs } => {
                self.totals.investigation.all += runs.confirmed.runs;
                self.waiting.reproduced(number, *runs);
            }
            WorkerMessage::Investigated { result, spent } => {
                self.investigating = false;
                self.totals.investigation.trials += spent.trials;
                self.totals.investigation.all += spent.all;
                self.take_investigated(result);
            }
            WorkerMessage::Replayed { row, shows } => {
                self.replays = self.replays.map(|left| left - 1);
                let done = self.rows - self.replays.unwrap_or(0);
                self.emit(Event::StaleCheck { done, rows: self.rows });
                if !shows {
                    self.unseen(&row);
                }
            }
        }
    }

    /// Takes every case that is next, and closes the queue when nothing more can come.
    fn advance(&mut self) {
        while let Some(result) = self.early.remove(&self.next) {
            self.take_case(result);
            self.next += 1;
        }
        self.investigate_next();
        let drawn = self.queue.drawn_all(self.setup.stop);
        if drawn.is_some() {
            self.reproduce_ahead();
        }
        if drawn != Some(self.next) || self.investigating || !self.waiting.is_empty() {
            return;
        }
        if self.replays.is_none() {
            self.rows = self.replay_known();
            self.replays = Some(self.rows);
            if self.rows > 0 {
                self.emit(Event::StaleCheck { done: 0, rows: self.rows });
            }
            self.expire();
        }
        if self.replays == Some(0) {
            self.queue.close();
        }
    }

    fn take_case(&mut self, result: CaseResult) {
        let CaseResult { index, trace, verdict } = result;
        let token = self.token(index);
        let index = self.setup.campaign.shard.index(index);
        self.totals.add_case(&token, &trace.program, &verdict);
        self.emit(Event::Case {
            index,
            steps: trace.program.lines(),
            signatures: verdict.findings.iter().map(Finding::signature).collect(),
            tally: verdict.tally.clone(),
            inconclusive: verdict.inconclusive.clone(),
        });
        for finding in verdict.findings {
            if self.is_of_another_release(&finding) {
                self.totals.notice_other_release(&finding, &token);
                continue;
            }
            let campaign = self.setup.campaign;
            let checked = self.setup.test_bed.main.version.as_ref();
            let standing = campaign.known.standing(&finding, checked);
            let row = standing.map(|standing| standing.row);
            if !self.totals.is_first(&finding, row.map(|row| row.id.as_str())) {
                continue;
            }
            let title = row.map(|row| row.title.clone());
            self.emit(Event::Found { signature: finding.signature(), index, row: title });
            let mut report = FindingReport::new(finding, trace.clone());
            report.record.token.clone_from(&token);
            report.record.found_after = self.begun.elapsed();
            let Some(Standing { row, carried }) = standing else {
                self.waiting.push(report);
                continue;
            };
            report.record.status = if carried { Status::Carried } else { Status::Known };
            report.record.cause = Some(row.id.clone());
            let (reason, case) = (row.why().to_owned(), row.case.clone());
            report.record.excuse = Some(Excuse { reason, case });
            self.totals.add_known(row, &report.record);
            self.report(report);
        }
    }

    /// Has a worker look for the cause of the next new finding, unless a cause explains it that has
    /// shown the same already.
    fn investigate_next(&mut self) {
        self.waiting.retain(|finding| !self.totals.is_explained(finding));
        if !self.investigating
            && let Some(waiting) = self.waiting.pop()
        {
            self.investigating = true;
            self.queue.push(Work::Investigate(Box::new(waiting), self.causes.clone()));
        }
    }

    /// Has workers that would wait otherwise reproduce the findings that come next.
    fn reproduce_ahead(&mut self) {
        let idle = self.setup.campaign.jobs.saturating_sub(1);
        while self.waiting.running() < idle
            && let Some((number, report)) = self.waiting.reproduce()
        {
            self.queue.push(Work::Reproduce(number, Box::new(report)));
        }
    }

    fn take_investigated(&mut self, result: Investigated) {
        match result {
            Investigated::Unexplained(mut report) => {
                self.totals.name(&mut report.record);
                let is_flaky = report.status == Status::Flaky;
                self.setup.flaky.fetch_add(usize::from(is_flaky), Ordering::Relaxed);
                self.report(*report);
            }
            Investigated::Joined { cause, report } => self.join(cause, *report),
            Investigated::Explained { mut found, mut report } => {
                let id = self.totals.unique(&report.record.id);
                found.id.clone_from(&id);
                report.record.id.clone_from(&id);
                report.finding.record.cause = Some(id);
                self.totals.name(&mut report.finding.record);
                report.record.case.clone_from(&report.finding.record.case);
                report.record.findings.push(report.finding.record.id.clone());
                self.totals.add_cause(report.record.clone());
                Arc::make_mut(&mut self.causes).push(*found);
                self.report(report.finding.clone());
                self.emit(Event::Cause(report));
            }
        }
    }

    /// Adds a finding to the cause of this number, which may be one of another release so far.
    fn join(&mut self, cause: usize, mut report: FindingReport) {
        let found = &mut Arc::make_mut(&mut self.causes)[cause];
        let elsewhere = found.elsewhere.take();
        if let Some(record) = &elsewhere {
            found.id = self.totals.unique(&record.id);
        }
        found.explanation.take(&report.finding);
        report.record.cause = Some(found.id.clone());
        self.totals.name(&mut report.record);
        if let Some(record) = elsewhere {
            let mut record = record.shown_by(&report.record);
            record.id.clone_from(&found.id);
            self.totals.adopt(record.clone());
            self.report(report.clone());
            return self.emit(Event::Cause(Box::new(CauseReport { record, finding: report })));
        }
        self.totals.join(&found.id, &found.explanation.scope, &report.record);
        self.report(report);
    }

    /// The name of a case: the token that draws it, or the signature whose program it is.
    fn token(&self, index: u64) -> String {
        match self.setup.campaign.program(index) {
            Some((signature, _)) => signature.to_string(),
            None => Token::new(self.setup.campaign, self.setup.cases.number(index)).to_string(),
        }
    }

    /// Whether another release than the checked one shows it, on a home that no other has used.
    fn is_of_another_release(&self, finding: &Finding) -> bool {
        let HomeHistory { release, before } = &finding.home_history;
        before.is_empty() && *release != self.setup.test_bed.main.version
    }

    fn report(&mut self, report: FindingReport) {
        // What was found on an upgraded home may show without the upgrade, too.
        if self.is_of_another_release(&report.finding) {
            return self.totals.notice_other_release(&report.finding, &report.token);
        }
        self.emit(Event::FindingReport(Box::new(report.clone())));
        self.totals.keep(report);
    }

    /// Has the cases of known deviations replayed; gives their number.
    fn replay_known(&self) -> usize {
        let Setup { campaign, test_bed, stop, .. } = self.setup;
        if stop.load(Ordering::Relaxed) || self.totals.cases == 0 {
            return 0;
        }
        let rows = campaign.replayed(test_bed);
        rows.map(|row| self.queue.push(Work::Replay(Box::new(row.clone())))).count()
    }

    /// A row is stale whose deviation no longer shows on its own releases; on a newer one the
    /// deviation is gone.
    fn unseen(&mut self, row: &Row) {
        let Setup { campaign, test_bed, .. } = self.setup;
        let checked = test_bed.main.version.as_ref();
        if campaign.known.due(checked).any(|due| due.id == row.id) {
            self.stale(row, Why::Unseen);
        } else {
            let gone = Gone { id: row.id.clone(), title: row.title.clone() };
            self.emit(Event::Gone(gone.clone()));
            self.totals.gone.push(gone);
        }
    }

    /// A row whose date has passed still excuses, and is stale.
    fn expire(&mut self) {
        let Setup { campaign, test_bed, .. } = self.setup;
        for row in campaign.known.expired(today()) {
            if row.holds_on(test_bed.main.version.as_ref()) {
                self.stale(row, row.expires.map_or(Why::Unseen, Why::Expired));
            }
        }
    }

    fn stale(&mut self, row: &Row, why: Why) {
        let stale = Stale::new(row, why);
        self.emit(Event::Stale(stale.clone()));
        self.totals.stale.push(stale);
    }

    fn outcome(mut self, subject: Subject, cpu: CpuTime) -> Outcome {
        Outcome {
            subject,
            seed: self.setup.campaign.seed,
            shard: self.setup.campaign.shard,
            cases: self.totals.cases,
            steps: self.totals.steps,
            wall: self.begun.elapsed(),
            server_cpu: cpu.servers,
            harness_cpu: cpu.harness,
            work: *self.setup.work.lock().unwrap_or_else(PoisonError::into_inner),
            causes: self.totals.take_causes(),
            findings: self.totals.take_findings(),
            notices: self.totals.noticed(),
            tally: self.totals.tally,
            investigation: self.totals.investigation,
            inconclusive: self.totals.inconclusive,
            performed: self.totals.performed,
            left_out: self.totals.left_out,
            withheld: self.totals.withheld,
            no_sandbox: self.setup.test_bed.no_sandbox().map(str::to_owned),
            stale: self.totals.stale,
            gone: self.totals.gone,
            interrupted: self.setup.stop.load(Ordering::Relaxed),
            since: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::AtomicBool;

    use crate::campaign::Campaign;
    use crate::campaign::queue::Queue;
    use crate::policy::Defaults;
    use crate::program::Program;

    use super::{CloseOnPanic, FLAKY_MANY, reproductions};

    #[test]
    fn programs_are_cases_after_those_that_are_drawn() {
        let signature = "R4/AP/resume/never/config".parse().expect("it is a signature");
        let program = Program { defaults: Defaults::default(), steps: Vec::new() };
        let campaign = Campaign {
            cases: Some(2),
            time: None,
            programs: BTreeMap::from([(signature, program)]),
            ..Campaign::default()
        };
        let is_program: Vec<bool> = (0..4).map(|index| campaign.program(index).is_some()).collect();
        assert_eq!((campaign.counted(), is_program), (Some(3), vec![false, false, true, false]));
    }

    #[test]
    fn a_server_that_fails_at_random_has_each_finding_run_again_once() {
        let of = |flaky| reproductions(5, flaky);
        assert_eq!([of(0), of(FLAKY_MANY - 1), of(FLAKY_MANY)], [5, 5, 1]);
    }

    #[test]
    fn a_worker_that_panics_ends_the_others() {
        let (queue, stop) = (Queue::new(None, None), AtomicBool::new(false));
        let panicked = std::thread::scope(|scope| {
            let dies = || {
                let _close = CloseOnPanic(&queue);
                std::panic::resume_unwind(Box::new("a bug of ours"))
            };
            scope.spawn(dies).join().is_err()
        });
        assert!(panicked && queue.take(&stop).is_none(), "the queue is closed");
    }
}
