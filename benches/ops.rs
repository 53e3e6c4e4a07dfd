//! The pace of a campaign's worker with each mix of features, on the same programs in turn, and how
//! long each kind of step takes, by the times in the traces.
//!
//! `HEIRLOOM_SERVER` names another server than the pinned one.

mod spread;

use std::collections::BTreeMap;
use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use heirloom::drive::Worker;
use heirloom::drive::test_bed::TestBed;
use heirloom::drive::timeouts::Timeouts;
use heirloom::judge::judge;
use heirloom::policy::features::FeatureMix;
use heirloom::program::generate;
use heirloom::program::operation::OpKind;
use heirloom::provision::fetch::provide;
use heirloom::provision::{Cache, Spec};
use heirloom::trace::Trace;
use spread::Spread;

/// Each mix runs them all: about two minutes on two cores.
const BATCHES: u64 = 5;
const BATCH_PROGRAMS: u64 = 10;
const SEED: u64 = 1;
const MIXES: [FeatureMix; 3] = [FeatureMix::Full, FeatureMix::Mixed, FeatureMix::Lean];

type Outcome<T> = Result<T, Box<dyn Error>>;

type StepTimes = BTreeMap<OpKind, Vec<Duration>>;

fn main() -> Outcome<()> {
    let spec: Spec = match std::env::var("HEIRLOOM_SERVER") {
        Ok(text) => text.parse()?,
        Err(_) => Spec::default(),
    };
    let found = provide(&spec, &Cache::user()?, &mut |_| ControlFlow::Continue(()))?;
    let test_bed = TestBed::prepare(found.path, found.version, Timeouts::default())?;
    let test_bed = Arc::new(test_bed);
    let mut paces: [Vec<Pace>; MIXES.len()] = Default::default();
    let mut times = StepTimes::new();
    for batch in 0..BATCHES {
        for (mix, paces) in MIXES.into_iter().zip(&mut paces) {
            paces.push(Pace::of_batch(&test_bed, batch, mix, &mut times)?);
        }
    }
    println!("the median of {BATCHES} batches of {BATCH_PROGRAMS} programs, least to most");
    for (mix, paces) in MIXES.into_iter().zip(&paces) {
        let column = |figure: fn(&Pace) -> f64| {
            Spread::of(paces.iter().map(figure)).expect("there are batches")
        };
        println!(
            "{mix:<6} {} steps/s; {} steps per CPU second of the server; {} % of CPU outside it",
            column(|pace| pace.steps_per_second),
            column(|pace| pace.steps_per_cpu_second),
            column(|pace| pace.outside_percent),
        );
    }
    for (kind, mut times) in times {
        times.sort();
        let median = times[times.len() / 2];
        println!("{kind:<14} {:>4} times, median {:>4} ms", times.len(), median.as_millis());
    }
    Ok(())
}

/// How fast a batch of programs ran.
struct Pace {
    steps_per_second: f64,
    /// Of the server's CPU.
    steps_per_cpu_second: f64,
    outside_percent: f64,
}

impl Pace {
    /// Runs a batch on a worker of its own, and adds the times of its steps.
    fn of_batch(
        test_bed: &Arc<TestBed>,
        batch: u64,
        mix: FeatureMix,
        times: &mut StepTimes,
    ) -> Outcome<Pace> {
        let (start, before) = (Instant::now(), CpuTime::now()?);
        let mut worker = Worker::new(Arc::clone(test_bed));
        let mut steps = 0;
        for index in batch * BATCH_PROGRAMS..(batch + 1) * BATCH_PROGRAMS {
            let draw = generate::Draw { features: mix, ..generate::Draw::default() };
            let trace = worker.run(&generate::drawn(SEED, index, draw));
            if let Some(reason) = judge(&trace).inconclusive {
                return Err(reason.into());
            }
            steps += add_step_times(&trace, times);
        }
        worker.finish();
        let (wall, cpu) = (start.elapsed(), CpuTime::now()?.since(before));
        let (own_us, server_us, steps) = (cpu.own_us as f64, cpu.server_us as f64, steps as f64);
        Ok(Pace {
            steps_per_second: steps / wall.as_secs_f64(),
            steps_per_cpu_second: 1e6 * steps / server_us,
            outside_percent: 100.0 * own_us / (own_us + server_us),
        })
    }
}

/// Adds how long each step took that has an observation, and gives their number.
fn add_step_times(trace: &Trace, times: &mut StepTimes) -> usize {
    let (mut before_us, mut steps) = (0, 0);
    for (index, step) in trace.program.with_audit().iter().enumerate() {
        let mut entries = trace.entries.iter().zip(&trace.times_us);
        let Some((_, end_us)) = entries.rfind(|(fact, _)| fact.step == index) else {
            continue;
        };
        times.entry(step.kind()).or_default().push(Duration::from_micros(end_us - before_us));
        before_us = *end_us;
        steps += 1;
    }
    steps
}

/// CPU time that was used so far.
#[derive(Clone, Copy)]
struct CpuTime {
    own_us: i64,
    /// By child processes that have ended.
    server_us: i64,
}

impl CpuTime {
    fn now() -> Outcome<CpuTime> {
        let used = |who| -> Outcome<i64> {
            let usage = getrusage(who)?;
            Ok((usage.user_time() + usage.system_time()).num_microseconds())
        };
        Ok(CpuTime {
            own_us: used(UsageWho::RUSAGE_SELF)?,
            server_us: used(UsageWho::RUSAGE_CHILDREN)?,
        })
    }

    fn since(self, before: CpuTime) -> CpuTime {
        CpuTime {
            own_us: self.own_us - before.own_us,
            server_us: self.server_us - before.server_us,
        }
    }
}
