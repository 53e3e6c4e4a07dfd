//! Performs one program and records one trace.
//!
//! The driver does not know the answer: it sends what the program says, waits, and records what
//! comes. A crash, a hang or a garbage line is an observation. Only trouble of the suite's own ends
//! a run without an observation about the server, and then with a reason that a person can act on.

use std::sync::Arc;

use crate::client::tape::Tape;
use crate::home::Home;
use crate::mock_model::session::ModelSession;
use crate::program::Program;
use crate::trace::{Observation, Trace};
use crate::transcript::{Placeholder, Transcript};

mod active_home;
mod concurrent;
mod config_file;
mod duplicates;
mod endings;
mod evidence;
mod incoming;
pub mod isolated;
mod kill;
mod listener;
mod model_requests;
mod ops;
mod print_schema;
mod probe;
mod recorder;
mod releases;
mod restart;
mod run;
pub mod sandbox;
mod schema_check;
mod sdk;
mod sdk_calls;
mod sdk_process;
mod sdk_state;
mod session;
mod step;
#[doc(hidden)]
pub mod test_bed;
pub mod timeouts;
mod tool_calls;
mod transport;
mod turns;

use self::active_home::ActiveHome;
use self::recorder::Recorder;
use self::run::Runner;
use self::test_bed::{ServerSlot, TestBed};
use self::timeouts::{Deadlines, Timeouts};

/// Cases in one home before it is renewed: a home grows by 100 kB a case, and a server that has
/// hundreds of threads to list is another product state.
const HOME_CASES_MAX: u32 = 40;

/// How the reason begins where a sandbox could not begin.
const UNSANDBOXED: &str = "a command could not be sandboxed";

/// Runs in which a sandbox may fail to begin before the trace says so.
const SANDBOX_TRIALS: u32 = 3;

/// Why a run says nothing in which the stand-in for the model was never asked.
const UNASKED: &str = "turns fail, and no request has reached the stand-in for the model on 127.0.0.1; \
                       look for what keeps the server from it, such as a firewall";

/// One worker: a home, and one after another a server in it.
#[derive(Debug)]
pub struct Worker {
    // Dropped in this order: the server with its home, then what they need.
    active: Option<ActiveHome>,
    model: ModelSession,
    stderr: String,
    test_bed: Arc<TestBed>,
    /// How long the present run waits.
    timeouts: Timeouts,
}

/// A run with all that was done and came.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What was observed.
    pub trace: Trace,
    /// What it takes to do the same again.
    pub transcript: Transcript,
}

/// A run, and the placeholders for its ids and folders.
struct Recorded {
    trace: Trace,
    placeholders: Vec<Placeholder>,
}

impl Worker {
    /// A worker with nothing started yet.
    pub fn new(test_bed: Arc<TestBed>) -> Worker {
        let model = test_bed.mock_model.session();
        let timeouts = test_bed.timeouts;
        Worker { active: None, model, stderr: String::new(), test_bed, timeouts }
    }

    /// Runs a program on the worker's present home, and waits no longer than the pace of the server
    /// so far calls for.
    pub fn run(&mut self, program: &Program) -> Trace {
        self.timeouts = self.test_bed.pace.adapted(self.test_bed.timeouts);
        self.until_sandboxed(
            |worker| worker.run_at_home(program, Tape::default()).trace,
            |trace| trace,
        )
    }

    /// Runs again where a sandbox could not begin since another one ended at that moment.
    fn until_sandboxed<T>(&mut self, run: impl Fn(&mut Worker) -> T, trace: fn(&T) -> &Trace) -> T {
        let mut ran = run(self);
        for _ in 1..SANDBOX_TRIALS {
            if !is_unsandboxed(trace(&ran)) {
                break;
            }
            ran = run(self);
        }
        ran
    }

    fn run_at_home(&mut self, program: &Program, tape: Tape) -> Recorded {
        self.stderr.clear();
        self.model.reset();
        if step::has_probe(program) {
            // Before the probe: its observation says whether this machine can sandbox a command.
            self.test_bed.no_sandbox();
        }
        let mut recorder = Recorder::new(tape);
        let folders = match self.take_home(program) {
            Err(reason) => {
                recorder.trouble(reason);
                Vec::new()
            }
            Ok(()) => self.perform(program, &mut recorder),
        };
        let placeholders = [recorder.placeholders(), folders].concat();
        let ran = (self.test_bed.main.version.clone(), self.test_bed.sdk_client());
        let trace = recorder.trace(program, ran);
        Recorded { trace, placeholders }
    }

    /// Performs the steps, and gives the placeholders for the folders of the run.
    fn perform(&mut self, program: &Program, recorder: &mut Recorder) -> Vec<Placeholder> {
        let active = self.active.as_mut().expect("the worker has taken a home");
        let folders = folders(&active.home, &self.model);
        let mut run = Runner::new(&self.test_bed, &self.model, active, recorder);
        run.timeouts = self.timeouts;
        // The trace says whether the run was aborted.
        drop(run.program(program));
        self.stderr.push_str(&run.stderr);
        self.release_home();
        if recorder.has_failed_turns() && !self.test_bed.mock_model.was_asked() {
            recorder.discard(UNASKED.to_owned());
        }
        folders
    }

    /// Runs a program on a home and a server of its own with the full deadlines.
    pub fn run_fresh(&mut self, program: &Program) -> Trace {
        self.run_with(program, Deadlines::Full)
    }

    /// Runs a program on a home and a server of its own.
    pub fn run_with(&mut self, program: &Program, deadlines: Deadlines) -> Trace {
        let run = |worker: &mut Worker| worker.run_alone(program, deadlines, Tape::default()).trace;
        self.until_sandboxed(run, |trace| trace)
    }

    /// The same, and records all that was done and came.
    pub fn run_recorded(&mut self, program: &Program, deadlines: Deadlines) -> Recording {
        let run = |worker: &mut Worker| {
            let (tape, entries) = Tape::new();
            let Recorded { trace, placeholders } = worker.run_alone(program, deadlines, tape);
            let transcript = Transcript::new(entries.try_iter().collect(), &placeholders);
            Recording { trace, transcript }
        };
        self.until_sandboxed(run, |recording| &recording.trace)
    }

    fn run_alone(&mut self, program: &Program, deadlines: Deadlines, tape: Tape) -> Recorded {
        let full = self.test_bed.timeouts;
        self.timeouts = match deadlines {
            Deadlines::Full => full,
            Deadlines::ByPace => self.test_bed.pace.adapted(full),
        };
        self.active = None;
        let recorded = self.run_at_home(program, tape);
        self.active = None;
        recorded
    }

    /// Ends what runs, and waits until it is gone.
    pub fn finish(mut self) {
        let session = self.active.as_mut().and_then(|active| active.session.take());
        drop(session.map(|mut session| session.kill()));
    }

    /// The end of what the servers of the last run wrote on stderr.
    pub fn stderr(&self) -> &str {
        &self.stderr
    }

    /// Takes a home that is fit for another case, with a workspace of its own. A program that
    /// begins on another release gets a home of that release.
    fn take_home(&mut self, program: &Program) -> Result<(), String> {
        if !self.test_bed.root.has_room() {
            let folder = self.test_bed.root.path().display();
            return Err(format!("less than 64 MiB are free for homes in {folder}; free some"));
        }
        let slot = self.test_bed.first_slot(program)?;
        if slot != ServerSlot::Main {
            self.active = None;
        }
        let taken = match &mut self.active {
            Some(active) => active.home.renew_workspace(),
            None => {
                self.test_bed.home(slot).map(|home| self.active = Some(ActiveHome::new(home, slot)))
            }
        };
        taken.map_err(|error| format!("cannot make a home: {error}; free space there"))
    }

    fn release_home(&mut self) {
        if let Some(active) = &mut self.active {
            active.cases += 1;
            if active.spent || active.cases >= HOME_CASES_MAX {
                self.active = None;
            }
        }
    }
}

/// Whether the run ended since a sandbox could not begin.
fn is_unsandboxed(trace: &Trace) -> bool {
    let mut observations = trace.entries.iter().map(|entry| &entry.observation);
    observations.any(|observation| {
        matches!(observation, Observation::Trouble { reason } if reason.starts_with(UNSANDBOXED))
    })
}

/// The placeholders for the folders of a run and the address of its model, inner ones first.
fn folders(home: &Home, model: &ModelSession) -> Vec<Placeholder> {
    let places = home.places();
    let folders = [
        (&*places.workspace, "WS"),
        (&*places.home, "HOME"),
        (&*places.outside, "OUT"),
        (home.folder(), "RUN"),
    ];
    let folders = folders.map(|(folder, name)| (folder.display().to_string(), name));
    let all = folders.into_iter().chain([(model.base_url(), "MODEL")]);
    all.map(|(real, name)| Placeholder { real, name: name.to_owned() }).collect()
}
