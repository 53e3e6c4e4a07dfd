//! What watching costs, how many of upstream's scenarios run in a second, and how soon a campaign
//! finds that 0.144.4 loses policies at a cold resume.
//!
//! `HEIRLOOM_SERVER` names another server than the pinned one for the first two.

mod spread;

use std::error::Error;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use heirloom::campaign::{Campaign, Event, Subject};
use heirloom::contract::Clause;
use heirloom::drive::Worker;
use heirloom::drive::test_bed::TestBed;
use heirloom::drive::timeouts::Timeouts;
use heirloom::judge::judge;
use heirloom::policy::Defaults;
use heirloom::program::Program;
use heirloom::provision::fetch::provide;
use heirloom::provision::{Cache, Spec};
use serde_json::json;
use spread::Spread;

/// Turns of one thread, with and without a harness, in turn.
const TURNS: usize = 20;
const ROUNDS: usize = 5;

/// How often each worker runs all scenarios.
const REPEATS: usize = 4;

/// The release whose cold resume loses every policy.
const BROKEN: &str = "0.144.4";
const SEEDS: u64 = 20;

/// A campaign that has not found it by then has missed it.
const LIMIT: Duration = Duration::from_secs(60);

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let spec = match std::env::var("HEIRLOOM_SERVER") {
        Ok(text) => text.parse()?,
        Err(_) => Spec::default(),
    };
    let test_bed = test_bed(&spec)?;
    let mut watched = Vec::new();
    for _ in 0..ROUNDS {
        watched
            .push(100.0 * bare(&test_bed)?.as_secs_f64() / with_harness(&test_bed)?.as_secs_f64());
    }
    println!(
        "watched turns run at {} % of the pace of bare ones",
        Spread::of(watched.into_iter()).expect("there are rounds")
    );
    println!("{:.2} of upstream's scenarios a second", scenarios_per_second(&test_bed)?);
    let broken = self::test_bed(&BROKEN.parse()?)?;
    let firsts = (0..SEEDS).filter_map(|seed| first_loss(&broken, seed)).collect::<Vec<_>>();
    println!("the first R4 on {BROKEN} was found by {} of {SEEDS} seeds", firsts.len());
    let seconds = Spread::of(firsts.iter().map(|(elapsed, _)| elapsed.as_secs_f64()));
    let cases = Spread::of(firsts.iter().map(|(_, cases)| *cases as f64));
    if let (Some(seconds), Some(cases)) = (seconds, cases) {
        println!("after {seconds} s, in case {cases}");
    }
    Ok(())
}

fn test_bed(spec: &Spec) -> Outcome<Arc<TestBed>> {
    let found = provide(spec, &Cache::user()?, &mut |_| ControlFlow::Continue(()))?;
    Ok(Arc::new(TestBed::prepare(found.path, found.version, Timeouts::default())?))
}

/// How long turns take whose client sends requests, waits for their ends and does no more.
fn bare(test_bed: &Arc<TestBed>) -> Outcome<Duration> {
    let mut server = Arc::clone(test_bed).open(&Defaults::default())?;
    let thread = server.start_thread(json!({}))?;
    let begun = Instant::now();
    for _ in 0..TURNS {
        server.turn(&thread, "hi")?;
    }
    Ok(begun.elapsed())
}

/// How long the same turns take in a program that is recorded and judged.
fn with_harness(test_bed: &Arc<TestBed>) -> Outcome<Duration> {
    let turns = "run t0 \"hi\"\n".repeat(TURNS);
    let program: Program =
        format!("# heirloom case v2\nconfig\nstart -> t0\n{turns}audit\n").parse()?;
    let mut worker = Worker::new(Arc::clone(test_bed));
    let trace = worker.run(&program);
    worker.finish();
    let begun = Instant::now();
    if let Some(reason) = judge(&trace).inconclusive {
        return Err(reason.into());
    }
    let judged = begun.elapsed();
    let end_of = |step| {
        let mut entries = trace.entries.iter().zip(&trace.times_us);
        entries.rfind(|(fact, _)| fact.step == step).map_or(0, |(_, end_us)| *end_us)
    };
    Ok(Duration::from_micros(end_of(TURNS) - end_of(0)) + judged)
}

/// The scenarios of the six upstream tests, with as many workers as there are cores.
fn scenarios_per_second(test_bed: &Arc<TestBed>) -> Outcome<f64> {
    let mut scenarios: Vec<Program> = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases"))? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("seed-")) {
            scenarios.push(fs::read_to_string(path)?.parse()?);
        }
    }
    let workers = thread::available_parallelism()?.get();
    let begun = Instant::now();
    let inconclusive = thread::scope(|scope| {
        let work = || {
            let mut worker = Worker::new(Arc::clone(test_bed));
            let programs = scenarios.iter().cycle().take(REPEATS * scenarios.len());
            let lost =
                programs.filter_map(|program| judge(&worker.run(program)).inconclusive).next();
            worker.finish();
            lost
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().find_map(|worker| worker.join().expect("a worker does not panic"))
    });
    match inconclusive {
        Some(reason) => Err(reason.into()),
        None => Ok((workers * REPEATS * scenarios.len()) as f64 / begun.elapsed().as_secs_f64()),
    }
}

/// When the loss at a cold resume shows first, and in which case, counted from 1.
fn first_loss(test_bed: &Arc<TestBed>, seed: u64) -> Option<(Duration, u64)> {
    let campaign = Campaign { seed, time: Some(LIMIT), ..Campaign::default() };
    let (begun, enough, mut first) = (Instant::now(), AtomicBool::new(false), None);
    let subject = Subject { spec: BROKEN.to_owned(), ..Subject::default() };
    campaign.run(test_bed, subject, &enough, |event| {
        if let Event::Found { signature, index, .. } = event
            && signature.clause == Clause::R4
        {
            first.get_or_insert((begun.elapsed(), index + 1));
            enough.store(true, Ordering::Relaxed);
        }
    });
    first
}
