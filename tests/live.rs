//! Random programs on the real server.
//!
//! As many as one can wait for with every `cargo test`, and the same ones; a campaign draws more. A
//! failure is kept as a seed in `proptest-regressions/` and tried first the next time. proptest's own
//! shrinker is off: it does not know the operations, and would run hundreds of servers. Ours follows.

mod exports;
#[expect(dead_code, reason = "no program of these runs by the SDK")]
mod real;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::{fmt, thread};

use proptest::collection::vec;
use proptest::prelude::Strategy;
use proptest::test_runner::{
    Config, FileFailurePersistence, RngSeed, TestCaseError, TestError, TestRunner,
};
use real::{Real, Suite};

use heirloom::campaign::{Campaign, CauseReport, FindingReport, Outcome, Subject};
use heirloom::contract::Clause;
use heirloom::judge::signature::Signature;
use heirloom::program::Program;
use heirloom::program::generate::{Draw, programs};
use heirloom::program::text::Malformed;

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
    suite.live("a cause of another release is not explained again", known_elsewhere);
    suite.live("a campaign shows itself on a page until it is over", |_| shown_on_a_page());
    suite.conclude()
}

/// Runs one program twice: as if this were the first release of a matrix, and then the second.
fn known_elsewhere(real: &Real) -> Result<(), String> {
    let text = include_str!("cases/known/cm1-fork-of-plan.case");
    let program: Program = text.parse().map_err(|error: Malformed| error.to_string())?;
    let signature: Signature = "CM1/CM/run/mode/source".parse().expect("it is a signature");
    let first = Campaign {
        cases: Some(0),
        time: None,
        jobs: 1,
        confirmations: 1,
        probes: false,
        programs: BTreeMap::from([(signature, program)]),
        ..Campaign::default()
    };
    let run = |campaign: &Campaign| -> Result<Outcome, String> {
        let stop = AtomicBool::new(false);
        Ok(campaign.run(&real.test_bed()?, Subject::default(), &stop, |_| {}))
    };
    let explained = run(&first)?;
    let causes = explained.causes.iter().map(|record| {
        let own = |report: &&FindingReport| report.record.case == record.case;
        let finding = explained.findings.iter().find(own).cloned();
        Ok(CauseReport { record: record.clone(), finding: finding.ok_or("a cause has a finding")? })
    });
    let second = Campaign { causes: causes.collect::<Result<_, String>>()?, ..first };
    let known = run(&second)?;
    let shown = |outcome: &Outcome| -> BTreeSet<(String, BTreeSet<Clause>)> {
        let causes = outcome.causes.iter();
        causes.map(|cause| (cause.id.clone(), cause.clauses.clone())).collect()
    };
    let runs =
        |outcome: &Outcome| outcome.causes.iter().map(|cause| cause.explain_runs).sum::<u32>();
    if shown(&explained).is_empty() || runs(&explained) == 0 {
        return Err(format!("nothing was explained: {:?}", explained.causes));
    }
    if shown(&explained) != shown(&known) || runs(&known) != 0 {
        return Err(format!("{:?}\nbecame\n{:?}", explained.causes, known.causes));
    }
    Ok(())
}

/// Runs a campaign of two cases with the binary, and follows its page to the end.
fn shown_on_a_page() -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let flags = "check --serve --cases 2 --seed 1 --jobs 1 --no-stale-check --out results";
    let mut campaign = Command::new(env!("CARGO_BIN_EXE_heirloom"))
        .args(flags.split(' '))
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary is built");
    let mut stderr = BufReader::new(campaign.stderr.take().expect("it is piped")).lines();
    let printed = stderr.find_map(|line| line.ok()?.strip_prefix("live page: ").map(str::to_owned));
    // The rest is read, so that the campaign does not wait for a reader.
    let rest = thread::spawn(move || stderr.map_while(Result::ok).collect::<Vec<_>>().join("\n"));
    let states = printed.map(|url| follow(&url)).transpose();
    let code = campaign.wait().expect("it is our child").code();
    let rest = rest.join().expect("reading does not panic");
    let states = states.map_err(|error| format!("the page cannot be read: {error}\n{rest}"))?;
    let last = states.as_ref().and_then(|states| states.last()).cloned().unwrap_or_default();
    let ended = code.map(|code| format!("Exit code {code}."));
    if ended.is_some_and(|ended| last.contains(&ended)) && states.is_some_and(|all| all.len() > 2) {
        return Ok(());
    }
    Err(format!("the campaign ended with {code:?}; the page ended with\n{last}\n{rest}"))
}

/// Every state of a page until the campaign is over.
fn follow(url: &str) -> io::Result<Vec<String>> {
    let (host, query) = url.trim_start_matches("http://").split_once('/').unwrap_or_default();
    let get = |path: &str| -> io::Result<String> {
        let mut stream = TcpStream::connect(host)?;
        write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let mut states = vec![get(query)?];
    loop {
        let last = states.last().map(String::as_str).unwrap_or_default();
        let number = last.split_once("data-state=\"").map_or("", |(_, rest)| rest);
        match number.split('"').next().unwrap_or_default() {
            "over" | "" => return Ok(states),
            number => {
                let news = get(&format!("main{query}&after={number}"))?;
                // After a while without news the answer is empty.
                states.extend((!news.starts_with("HTTP/1.1 204")).then_some(news));
            }
        }
    }
}

/// The programs are the same in every run, so that a failure is of the change under test;
/// `PROPTEST_RNG_SEED` draws others.
fn config() -> Config {
    let mut config = Config {
        cases: BATCHES,
        max_shrink_iters: 0,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(SEEDS))),
        ..Config::default()
    };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(1);
    }
    config
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
