//! Random programs on the real server.
//!
//! As many as one can wait for with every `cargo test`; a campaign draws more. A failure is kept as a
//! seed in `proptest-regressions/` and tried first the next time. proptest's own shrinker is off: it
//! does not know the operations, and would run hundreds of servers. Ours follows.

mod exports;
mod real;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Mutex;
use std::{fmt, thread};

use proptest::collection::vec;
use proptest::prelude::Strategy;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestError, TestRunner};
use real::{Real, Suite};

use heirloom::program::Program;
use heirloom::program::generate::{Draw, programs};

/// Where seeds of failures are kept.
const SEEDS: &str = "proptest-regressions/live.txt";

/// Programs that are drawn together and run side by side: the same number on every machine, because
/// a seed must draw the same everywhere.
const BATCH: usize = 8;

/// 48 programs take 10 s on two cores, short enough for every `cargo test`.
const BATCHES: u32 = 6;

/// Programs that run side by side.
#[derive(Clone)]
struct Batch(Vec<Program>);

/// proptest writes it beside the seed, in one line.
impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a batch of {} programs", self.0.len())
    }
}

fn main() -> ExitCode {
    let mut suite = Suite::new("live", Vec::new(), Vec::new());
    suite.live("random programs keep the contract", random_programs);
    suite.live("exported findings show without heirloom, and are gone", exports::show_and_are_gone);
    suite.conclude()
}

fn config() -> Config {
    Config {
        cases: BATCHES,
        max_shrink_iters: 0,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(SEEDS))),
        ..Config::default()
    }
}

fn random_programs(real: &Real) -> Result<(), String> {
    let batches = vec(programs(Draw::default()), BATCH).prop_map(Batch);
    let tried = TestRunner::new(config())
        .run(&batches, |Batch(programs)| side_by_side(real, programs).map_err(TestCaseError::fail));
    match tried {
        Ok(()) => Ok(()),
        Err(TestError::Fail(complaints, _)) => Err(complaints.message().to_owned()),
        Err(other) => Err(other.to_string()),
    }
}

/// Checks the programs, as many at once as there are cores; equal complaints are reported once.
fn side_by_side(real: &Real, programs: Vec<Program>) -> Result<(), String> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (left, complaints) = (Mutex::new(programs), Mutex::new(BTreeSet::new()));
    let next = || left.lock().expect("no check panics with the lock").pop();
    let work = || {
        while let Some(program) = next() {
            if let Err(complaint) = real.check(&program) {
                complaints.lock().expect("no check panics with the lock").insert(complaint);
            }
        }
    };
    thread::scope(|scope| {
        (0..cores).for_each(|_| drop(scope.spawn(work)));
    });
    let complaints = complaints.into_inner().expect("every check is over");
    if complaints.is_empty() { Ok(()) } else { Err(complaints.into_iter().collect()) }
}
