//! `heirloom check`: a campaign.
//!
//! Flags to a `Campaign`, its outcome to an exit code. Every mistake is refused before a server is
//! fetched.

use std::env;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::builder::{PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use clap::value_parser;
use itertools::Itertools;
use semver::Version;
use strum::VariantNames;

use super::earlier_run::{compare, kept};
use super::failure::Failure;
use super::known_flags;
use super::server_flags::{self, Ready};
use super::text::program_name;
use crate::campaign::shard::Shard;
use crate::campaign::token::{EXAMPLE, Token};
use crate::campaign::{Campaign, TIME};
use crate::program::generate::focus::Focus;
use crate::program::generate::{LONGEST, STEPS_MAX};
use crate::provision::Spec;
use crate::report::annotations::Job;
use crate::report::campaign_report::{OutputMode, Report};
use crate::report::invocation::Invocation;
use crate::report::live::LivePage;
use crate::report::run_folder::Folder;
use crate::report::words::name;

/// Where runs lie, unless `--out` names a folder.
pub(super) const RUNS: &str = "runs";

/// Drawn seeds stay below it: short enough to read aloud, many enough to be new.
const SEEDS: u128 = 1_000_000_000;

/// Most servers at once: past the cores more gain nothing, and thousands overload a machine.
pub(super) const JOBS_MAX: usize = 256;

pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  the server conforms, apart from known deviations
  1  a new finding
  2  wrong usage
  3  heirloom itself had trouble
  4  a known deviation no longer shows: the list is stale
  5  nothing ran
  130  stopped by Ctrl-C or SIGTERM before its end, with nothing new by then";

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Flags {
    /// How many cases to run; without --time, however long they take
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    cases: Option<u64>,
    /// Stop starting cases after this long (90s, 10m); findings are still shrunk
    /// [default: 2m, unless --cases is given]
    #[arg(long, value_name = "TIME", value_parser = time)]
    time: Option<Duration>,
    /// What the cases are drawn from: a number, or the token of a case of the same
    /// campaign [default: a new number each time]
    #[arg(long, value_name = "SEED", value_parser = seed)]
    seed: Option<SeedFlag>,
    /// How many servers to run at once [default: one for each core]
    #[arg(long, value_name = "N", value_parser = from_one_to(JOBS_MAX))]
    jobs: Option<usize>,
    /// At most so many operations in a case [default: 12]
    #[arg(long, value_name = "N", value_parser = from_one_to(LONGEST))]
    max_ops: Option<usize>,
    /// The area that cases lean to [default: all]
    #[arg(long, value_name = "AREA", value_parser = areas())]
    focus: Option<Focus>,
    #[command(flatten)]
    server: server_flags::ServerFlags,
    /// Other releases to upgrade to and downgrade from within a case, separated by
    /// commas: releases, `latest` or paths
    #[arg(long, value_name = "SPEC", value_delimiter = ',')]
    other: Vec<String>,
    #[command(flatten)]
    known: known_flags::KnownFlags,
    /// Do not replay the cases of known deviations at the end
    #[arg(long)]
    no_stale_check: bool,
    /// Run a part of the cases, such as 2/4: the second of four machines;
    /// `heirloom merge` makes one result of all
    #[arg(long, value_name = "K/N", requires = "seed")]
    shard: Option<Shard>,
    /// Say which causes an earlier run did not show, and which only it showed
    #[arg(long, value_name = "DIR")]
    before: Option<PathBuf>,
    /// The folder for results, new or empty
    /// [default: runs/TIME-SEED, with the link runs/latest]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Show the running campaign in a browser on this machine; the address to open is
    /// printed [default: a free port of 127.0.0.1]
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:0")]
    #[arg(value_parser = loopback)]
    serve: Option<SocketAddr>,
    /// Print events on stdout, one JSON object a line, and nothing else there
    #[arg(long)]
    json: bool,
    /// Print only findings and the summary
    #[arg(long)]
    quiet: bool,
    /// Print also what was compared: clause and dimension by view
    #[arg(long)]
    coverage: bool,
}

/// A seed, and what else the token of a case says of its campaign.
#[derive(Clone, Debug)]
struct SeedFlag {
    seed: u64,
    max_ops: Option<usize>,
    focus: Focus,
    others: Vec<Version>,
}

impl From<u64> for SeedFlag {
    fn from(seed: u64) -> SeedFlag {
        SeedFlag { seed, max_ops: None, focus: Focus::All, others: Vec::new() }
    }
}

impl Flags {
    fn campaign(&self) -> Result<Campaign, Failure> {
        let seed = self.seed.clone().unwrap_or_else(|| SeedFlag::from(new_seed()));
        let time = self.time.or(self.cases.is_none().then_some(TIME));
        let max_ops = self.max_ops.or(seed.max_ops);
        Ok(Campaign {
            seed: seed.seed,
            cases: self.cases,
            shard: self.shard.unwrap_or_default(),
            time,
            jobs: self.jobs.unwrap_or_else(cores),
            max_ops: max_ops.unwrap_or(STEPS_MAX),
            focus: self.focus.unwrap_or(seed.focus),
            features: self.server.features.drawn(),
            client: self.server.client()?,
            known: self.known.list()?,
            stale_check: !self.no_stale_check,
            ..Campaign::default()
        })
    }

    /// The other servers: those that are given, else those of the seed's token.
    fn others(&self) -> Result<Vec<Spec>, Failure> {
        let given: Result<Vec<Spec>, _> = self.other.iter().map(|word| word.parse()).collect();
        let given = given.map_err(Failure::usage)?;
        if let Some(twice) = self.other.iter().duplicates().next() {
            return Err(Failure::Usage(format!("--other names {twice} twice; name others")));
        }
        let of_token = self.seed.iter().flat_map(|seed| seed.others.clone());
        Ok(if given.is_empty() { of_token.map(Spec::Version).collect() } else { given })
    }

    fn folder(&self, seed: u64) -> Result<Folder, Failure> {
        let folder = match &self.out {
            Some(path) => Folder::at(path),
            None => {
                let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
                let now = now.replace(['-', ':'], "");
                Folder::within(Path::new(RUNS), &format!("{now}-{seed}"))
            }
        };
        folder.map_err(Failure::usage)
    }

    fn invocation(&self) -> Invocation {
        Invocation {
            program: program_name(),
            server_flags: self.server.again().join(" "),
            known_list: self.known.name(),
        }
    }

    /// The live page, whose address is printed at once.
    fn live_page(
        &self,
        invocation: &Invocation,
        folder: &Folder,
    ) -> Result<Option<LivePage>, Failure> {
        let Some(address) = self.serve else { return Ok(None) };
        let commands = invocation.replay_commands(folder.path());
        let page = LivePage::start(address, invocation.clone(), commands).map_err(|error| {
            let other = "name another address with --serve, or none for a free port";
            Failure::Usage(format!("cannot serve the live page on {address}: {error}; {other}"))
        })?;
        eprintln!("live page: {}", page.url());
        Ok(Some(page))
    }

    /// The job of GitHub Actions that this is a step of.
    fn job(&self) -> Option<Job> {
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let is_job = variable("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        let summary = variable("GITHUB_STEP_SUMMARY").map(PathBuf::from);
        is_job.then(|| Job { summary, known_list: self.known.file() })
    }

    /// The command that runs the first `cases` of this campaign again.
    fn again(&self, campaign: &Campaign, cases: u64) -> String {
        let mut words = vec![format!("{} check --seed {}", program_name(), campaign.seed)];
        let Campaign { shard, .. } = *campaign;
        let cases = cases.checked_sub(1).map_or(1, |place| shard.index(place) + 1);
        words.push(format!("--cases {cases}"));
        words.extend((!shard.is_whole()).then(|| format!("--shard {shard}")));
        if campaign.max_ops != STEPS_MAX {
            words.push(format!("--max-ops {}", campaign.max_ops));
        }
        let focus = campaign.focus;
        words.extend((focus != Focus::All).then(|| format!("--focus {focus}")));
        let others: Vec<String> = campaign.others.iter().map(ToString::to_string).collect();
        let given = if self.other.is_empty() { &others } else { &self.other };
        words.extend((!given.is_empty()).then(|| format!("--other {}", given.join(","))));
        words.extend(self.server.again());
        words.extend(self.known.again());
        words.join(" ")
    }
}

pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    let mut campaign = flags.campaign()?;
    let before = flags.before.as_deref().map(kept).transpose()?;
    let others = flags.others()?;
    let folder = flags.folder(campaign.seed)?;
    let invocation = flags.invocation();
    let live = flags.live_page(&invocation, &folder)?;
    let ready = flags.server.ready(&others, flags.quiet);
    let ready = ready.and_then(|ready| distinct(ready, &others));
    let Ready { test_bed, subject, stop, leases: _held } = match ready {
        Ok(ready) => ready,
        Err(failure) => {
            folder.discard();
            return Err(failure);
        }
    };
    campaign.others.clone_from(&subject.others);
    let Flags { json, quiet, coverage, .. } = *flags;
    let mode = OutputMode { json, quiet, coverage, job: flags.job() };
    let mut report = Report::new(mode, folder, invocation, live);
    let mut outcome = campaign.run(&test_bed, subject, &stop, |event| report.on_event(&event));
    compare(&mut outcome, before.as_ref());
    let again = flags.again(&campaign, outcome.cases);
    report.end(&outcome, &again).map_err(Failure::trouble)?;
    Ok(outcome.conclusion() as u8)
}

/// Refuses a release that is given twice: moving to it would change nothing.
fn distinct(ready: Ready, others: &[Spec]) -> Result<Ready, Failure> {
    if ready.subject.others.len() == others.len() {
        return Ok(ready);
    }
    let (given, checked) = (others.iter().join(","), name(&ready.subject));
    let problem = format!("--other {given} names a release twice, or {checked} that is checked");
    Err(Failure::Usage(format!("{problem}; name others")))
}

fn new_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros() % SEEDS).expect("it is below 2^64")
}

fn seed(text: &str) -> Result<SeedFlag, String> {
    if let Ok(seed) = text.parse::<u64>() {
        return Ok(seed.into());
    }
    let token: Token = text
        .parse()
        .map_err(|_| format!("expected a number from 0 to 2^64 - 1, or a token like {EXAMPLE}"))?;
    // A token of another revision draws other cases, and says so.
    token.clone().case().map_err(|error| error.to_string())?;
    let Token { seed, max_ops, focus, others, .. } = token;
    Ok(SeedFlag { seed, max_ops: Some(max_ops), focus, others })
}

/// Reads the name of an area.
fn areas() -> impl TypedValueParser<Value = Focus> {
    PossibleValuesParser::new(Focus::VARIANTS)
        .map(|word| word.parse().expect("it is one of the areas"))
}

/// Reads a number from 1 to `most`.
pub(super) fn from_one_to(most: usize) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=most as u64)
}

pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Reads an address that only this machine reaches: the page shows paths and commands.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let expected = "expected a loopback address like 127.0.0.1:8080 or [::1]:8080";
    let address: SocketAddr = text.parse().map_err(|_| expected.to_owned())?;
    if !address.ip().is_loopback() {
        return Err(format!("{} is reached from other machines; {expected}", address.ip()));
    }
    Ok(address)
}

pub(super) fn time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("expected a time above 0".to_owned()),
        Ok(time) => Ok(time),
        Err(_) => Err("expected a time like 90s, 10m or 1h 30m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{Token, seed};

    fn check(subject: String, expected: Expect) {
        expected.assert_eq(&subject);
    }

    #[test]
    fn a_token_of_an_area_says_so_and_draws_so() {
        let token = format!("r{}-s42-c17-o12", crate::model::REVISION);
        let focus = |text: &str| seed(text).map(|seed| seed.focus);
        let alone: Result<Token, _> = format!("{token}-fcore").parse();
        let printed = alone.map(|alone| alone.to_string() == format!("{token}-fcore"));
        check(
            format!("{:?} {:?}\n{printed:?}", focus(&token), focus(&format!("{token}-fcore"))),
            expect![[r#"
                Ok(All) Ok(Core)
                Ok(true)"#]],
        );
    }

    #[test]
    fn a_token_of_cases_that_move_names_their_releases_and_draws_so() {
        let token = format!("r{}-s42-c17-o12@0.144.4,0.131.0-alpha.8", crate::model::REVISION);
        let others = |text: &str| {
            seed(text).map(|seed| seed.others.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let read: Result<Token, _> = token.parse();
        let printed = read.map(|read| read.to_string() == token);
        let none = others(&token.replace("0.144.4", "newest")).is_err();
        check(
            format!("{:?}\n{printed:?} {none}", others(&token)),
            expect![[r#"
                Ok(["0.144.4", "0.131.0-alpha.8"])
                Ok(true) true"#]],
        );
    }

    #[test]
    fn a_token_of_cases_too_long_for_memory_is_refused() {
        check(
            format!("{:?}", seed("r1-s1-c1-o999999999").map(|_| ())),
            expect![[
                r#"Err("expected a number from 0 to 2^64 - 1, or a token like rN-s42-c17-o12")"#
            ]],
        );
    }
}
