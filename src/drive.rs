//! [edge] Performs one plan and records one trace.
//!
//! The hand that does not know the answer: it sends what the plan says, waits, and writes down what
//! comes. A crash, a hang, a garbage line are things seen. Only the harness's own trouble ends a
//! run without a fact of the server's, and then with a reason that a person can act on.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use semver::Version;

use crate::disk::root::Root;
use crate::disk::{Home, Profile};
use crate::plan::{Plan, Step};
use crate::schema::Schema;
use crate::trace::Trace;
use crate::upstream::{Stage, Upstream};

pub mod bench;
mod acts;
mod crowd;
mod deed;
mod echoes;
mod faults;
mod fresh;
mod hearing;
pub mod isolated;
mod life;
mod moves;
mod printed;
mod record;
pub mod sandbox;
mod session;
mod sockets;
mod steps;
mod store;
mod subagents;
mod told;
mod turns;
mod validity;

use self::moves::Place;
use self::record::Record;
use self::session::Session;

/// Cases in one home before it is renewed: a home grows by 100 kB a case, and a server that has
/// hundreds of threads to list is another product state.
const HOME_CASES_MAX: u32 = 40;

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For an answer: a loaded machine has taken 3 s for one.
    pub answer: Duration,
    /// For a turn's end: a turn with a sandboxed command takes 0.6 s alone.
    pub turn: Duration,
    /// For the end after the end of stdin; 0.156 to 0.163 take 5 s.
    pub stop: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
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
pub struct Bench {
    /// The server that is checked.
    pub main: Installed,
    /// The others that a plan may move its home to.
    others: Vec<Installed>,
    /// The product state.
    pub profile: Profile,
    /// How long is waited.
    pub patience: Patience,
    upstream: Upstream,
    root: Root,
    /// Why this machine cannot sandbox a command, once it was tried.
    sandbox: OnceLock<Option<String>>,
}

/// One worker: a home, and one after another a server in it.
#[derive(Debug)]
pub struct Worker {
    // Dropped in this order: the server with its home, then what they need.
    seat: Option<Seat>,
    stage: Stage,
    stderr: String,
    bench: Arc<Bench>,
}

/// A home and the server that runs on it now.
#[derive(Debug)]
struct Seat {
    /// Before the home, so that it ends before its folders go.
    session: Option<Session>,
    home: Home,
    /// Which server runs on it, or is to be started on it, by its place on the bench.
    runs: Place,
    cases: u32,
    /// A kill, a cut or another release went over this home; it is not used for another case.
    spent: bool,
}

impl Worker {
    /// A worker with nothing started yet.
    pub fn new(bench: Arc<Bench>) -> Worker {
        let stage = bench.upstream.stage();
        Worker { seat: None, stage, stderr: String::new(), bench }
    }

    /// Runs a plan on the worker's present home.
    pub fn run(&mut self, plan: &Plan) -> Trace {
        self.stderr.clear();
        self.stage.forget();
        if deed::is_in(plan) {
            // Found out before the deed, for what came of it says so.
            self.bench.no_sandbox();
        }
        let mut record = Record::new();
        if !self.bench.root.has_room() {
            let folder = self.bench.root.path().display();
            record.trouble(format!("less than 64 MiB are free for homes in {folder}; free some"));
            return record.trace(plan, self.bench.main.version.clone());
        }
        if let Err(reason) = self.sit(plan) {
            record.trouble(reason);
            return record.trace(plan, self.bench.main.version.clone());
        }
        let seat = self.seat.as_mut().expect("a home was made above");
        let mut run = steps::Run::new(&self.bench, &self.stage, seat, &mut record);
        drop(run.plan(plan));
        self.stderr.push_str(&run.stderr());
        self.rise();
        record.trace(plan, self.bench.main.version.clone())
    }

    /// Runs a plan on a home and a server of its own, as a confirmation does.
    pub fn run_fresh(&mut self, plan: &Plan) -> Trace {
        self.seat = None;
        let trace = self.run(plan);
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
    fn sit(&mut self, plan: &Plan) -> Result<(), String> {
        let begins = self.bench.places(plan)?;
        if begins != Place::Main {
            self.seat = None;
        }
        match &mut self.seat {
            Some(seat) => seat.home.renew_workspace(),
            None => self.bench.home_of(begins).map(|home| {
                let spent = begins != Place::Main;
                self.seat = Some(Seat { home, runs: begins, session: None, cases: 0, spent });
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
        Step::Run { flaw, .. } => flaw.is_some(),
        Step::Invalid { .. } => true,
        Step::Second(inner) | Step::Torn(inner, _) => is_flawed(inner),
        Step::Together(steps) => steps.iter().any(is_flawed),
        _ => false,
    }
}

/// Whether a step leaves a home that is not used for another case: a killed server's, or one that
/// another release has had.
fn spends(step: &Step) -> bool {
    let kills = matches!(step, Step::Restart { stop: crate::op::Stop::Kill, .. } | Step::Torn(..));
    kills || step.moves_to().is_some()
}
