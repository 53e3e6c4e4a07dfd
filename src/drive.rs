//! Performs one plan and records one trace.
//!
//! The hand that does not know the answer: it sends what the plan says, waits, and writes down what
//! comes. A crash, a hang, a garbage line are things seen. Only the harness's own trouble ends a
//! run without a fact of the server's, and then with a reason that a person can act on.

use crate::program::ops::restart::Restart;
use crate::program::ops::run::Run;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use semver::Version;

use crate::home::root::Root;
use crate::home::{FeatureSet, Home};
use crate::mock_model::{MockModel, ModelSession};
use crate::program::Program;
use crate::program::ops::Step;
use crate::protocol::schema::Schema;
use crate::trace::Trace;

pub mod test_bed;
mod acts;
mod crowd;
mod deed;
mod duplicates;
mod faults;
mod fresh;
mod incoming;
pub mod isolated;
mod life;
mod releases;
mod print_schema;
mod recorder;
pub mod sandbox;
mod session;
mod transport;
mod steps;
mod state_db;
mod subagents;
mod model_requests;
mod turns;
mod schema_check;

use self::recorder::Recorder;
use self::releases::ServerSlot;
use self::session::Session;

/// Cases in one home before it is renewed: a home grows by 100 kB a case, and a server that has
/// hundreds of threads to list is another product state.
const HOME_CASES_MAX: u32 = 40;

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For an answer: a loaded machine has taken 3 s for one.
    pub answer: Duration,
    /// For a turn's end: a turn with a sandboxed command takes 0.6 s alone.
    pub turn: Duration,
    /// For the end after the end of stdin; 0.156 to 0.163 take 5 s.
    pub stop: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            answer: Duration::from_secs(30),
            turn: Duration::from_secs(60),
            stop: crate::server::STOP_DEADLINE,
        }
    }
}

/// A server that is ready to be run.
#[derive(Debug)]
pub struct Installed {
    /// Its executable.
    pub executable: PathBuf,
    /// What it says its version is.
    pub version: Option<Version>,
    /// What it says of its own protocol; where there is none, nothing is gated and no line is held
    /// against it.
    pub schema: Option<Arc<Schema>>,
    /// Why there is none.
    pub no_schema: Option<String>,
    /// A home on which it has been started once.
    template: PathBuf,
}

/// What all workers of a process share: the servers to run, the root of their homes, the stand-in.
#[derive(Debug)]
pub struct TestBed {
    /// The server that is checked.
    pub main: Installed,
    /// The others that a plan may move its home to.
    others: Vec<Installed>,
    /// The product state.
    pub profile: FeatureSet,
    /// How long is waited.
    pub timeouts: Timeouts,
    upstream: MockModel,
    root: Root,
    /// Why this machine cannot sandbox a command, once it was tried.
    sandbox: OnceLock<Option<String>>,
}

/// One worker: a home, and one after another a server in it.
#[derive(Debug)]
pub struct Worker {
    // Dropped in this order: the server with its home, then what they need.
    seat: Option<ActiveHome>,
    stage: ModelSession,
    stderr: String,
    test_bed: Arc<TestBed>,
}

/// A home and the server that runs on it now.
#[derive(Debug)]
struct ActiveHome {
    /// Before the home, so that it ends before its folders go.
    session: Option<Session>,
    home: Home,
    /// Which server runs on it, or is to be started on it, by its place on the bench.
    runs: ServerSlot,
    cases: u32,
    /// A kill, a cut or another release went over this home; it is not used for another case.
    spent: bool,
}

impl Worker {
    /// A worker with nothing started yet.
    pub fn new(test_bed: Arc<TestBed>) -> Worker {
        let stage = test_bed.upstream.stage();
        Worker { seat: None, stage, stderr: String::new(), test_bed }
    }

    /// Runs a plan on the worker's present home.
    pub fn run(&mut self, program: &Program) -> Trace {
        self.stderr.clear();
        self.stage.forget();
        if deed::is_in(program) {
            // Found out before the deed, for what came of it says so.
            self.test_bed.no_sandbox();
        }
        let mut record = Recorder::new();
        if !self.test_bed.root.has_room() {
            let folder = self.test_bed.root.path().display();
            record.trouble(format!("less than 64 MiB are free for homes in {folder}; free some"));
            return record.trace(program, self.test_bed.main.version.clone());
        }
        if let Err(reason) = self.sit(program) {
            record.trouble(reason);
            return record.trace(program, self.test_bed.main.version.clone());
        }
        let seat = self.seat.as_mut().expect("a home was made above");
        let mut run = steps::Run::new(&self.test_bed, &self.stage, seat, &mut record);
        drop(run.program(program));
        self.stderr.push_str(&run.stderr());
        self.rise();
        record.trace(program, self.test_bed.main.version.clone())
    }

    /// Runs a plan on a home and a server of its own, as a confirmation does.
    pub fn run_fresh(&mut self, program: &Program) -> Trace {
        self.seat = None;
        let trace = self.run(program);
        self.seat = None;
        trace
    }

    /// Ends what runs, and waits until it is gone.
    pub fn finish(mut self) {
        let session = self.seat.as_mut().and_then(|seat| seat.session.take());
        drop(session.map(|mut session| session.kill()));
    }

    /// The last words on stderr of the servers of the last run.
    pub fn stderr(&self) -> &str {
        &self.stderr
    }

    /// Takes a home that is fit for another case, with a workspace of its own; one that begins on
    /// another release is that release's.
    fn sit(&mut self, program: &Program) -> Result<(), String> {
        let begins = self.test_bed.places(program)?;
        if begins != ServerSlot::Main {
            self.seat = None;
        }
        match &mut self.seat {
            Some(seat) => seat.home.renew_workspace(),
            None => self.test_bed.home_of(begins).map(|home| {
                let spent = begins != ServerSlot::Main;
                self.seat = Some(ActiveHome { home, runs: begins, session: None, cases: 0, spent });
            }),
        }
        .map_err(|error| format!("cannot make a home: {error}; free space there"))
    }

    fn rise(&mut self) {
        let Some(seat) = &mut self.seat else { return };
        seat.cases += 1;
        if seat.spent || seat.cases >= HOME_CASES_MAX {
            self.seat = None;
        }
    }
}

/// Whether a step's request is invalid on purpose.
fn is_flawed(step: &Step) -> bool {
    match step {
        Step::Run(Run { flaw, .. }) => flaw.is_some(),
        Step::Invalid(_) => true,
        Step::SecondClient(inner) | Step::KillDuring(inner, _) => is_flawed(inner),
        Step::Parallel(steps) => steps.iter().any(is_flawed),
        _ => false,
    }
}

/// Whether a step leaves a home that is not used for another case: a killed server's, or one that
/// another release has had.
fn spends(step: &Step) -> bool {
    let kills = matches!(
        step,
        Step::Restart(Restart { stop: crate::program::ops::restart::Stop::Kill, .. })
            | Step::KillDuring(..)
    );
    kills || step.moves_to().is_some()
}
