//! Operations per second of a campaign's worker, the share of CPU that is spent outside the server,
//! and how long each kind of step takes, by the times in the traces.
//!
//! `HEIRLOOM_SERVER` names another server than the pinned one.

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
use heirloom::program::generate;
use heirloom::program::operation::OpKind;
use heirloom::provision::fetch::provide;
use heirloom::provision::{Cache, Spec};
use heirloom::trace::Trace;

/// About a minute on two cores.
const PROGRAMS: u64 = 100;
const SEED: u64 = 1;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let spec: Spec = match std::env::var("HEIRLOOM_SERVER") {
        Ok(text) => text.parse()?,
        Err(_) => Spec::default(),
    };
    let found = provide(&spec, &Cache::user()?, &mut |_| ControlFlow::Continue(()))?;
    let test_bed = TestBed::prepare(found.path, found.version, Timeouts::default())?;
    let mut worker = Worker::new(Arc::new(test_bed));
    let mut times = BTreeMap::new();
    let (start, before) = (Instant::now(), CpuTime::now()?);
    for index in 0..PROGRAMS {
        let program = generate::drawn(SEED, index, generate::Draw::default());
        let trace = worker.run(&program);
        if let Some(reason) = judge(&trace).inconclusive {
            return Err(reason.into());
        }
        add_step_times(&trace, &mut times);
    }
    worker.finish();
    let (wall, cpu) = (start.elapsed(), CpuTime::now()?.since(before));
    let steps: usize = times.values().map(Vec::len).sum();
    let outside = 100.0 * cpu.own_us as f64 / (cpu.own_us + cpu.server_us) as f64;
    println!(
        "{:.1} steps/s; {outside:.2} % of CPU outside the server",
        steps as f64 / wall.as_secs_f64()
    );
    for (kind, mut times) in times {
        times.sort();
        let median = times[times.len() / 2];
        println!("{kind:<14} {:>4} times, median {:>4} ms", times.len(), median.as_millis());
    }
    Ok(())
}

/// Adds how long each step took that has an observation.
fn add_step_times(trace: &Trace, times: &mut BTreeMap<OpKind, Vec<Duration>>) {
    let mut before_us = 0;
    for (index, step) in trace.program.with_audit().iter().enumerate() {
        let mut entries = trace.entries.iter().zip(&trace.times_us);
        let Some((_, end_us)) = entries.rfind(|(fact, _)| fact.step == index) else {
            continue;
        };
        times.entry(step.kind()).or_default().push(Duration::from_micros(end_us - before_us));
        before_us = *end_us;
    }
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
