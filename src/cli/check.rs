//! `heirloom check`: a campaign.
//!
//! Flags to a `Campaign`, its outcome to an exit code. Everything that can be refused is refused
//! before a server is fetched.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use semver::Version;

use super::known_flags;
use super::server_flags::{self, Ready};
use super::{Arguments, Command, Failure};
use crate::campaign::token::{EXAMPLE, Token};
use crate::campaign::{CONFIRMATIONS, Campaign, TIME};
use crate::program::generate::{LONGEST, STEPS_MAX};
use crate::provision::Spec;
use crate::report::run_folder::Folder;
use crate::report::words::name;
use crate::report::{OutputMode, Report};

/// Where runs lie, unless `--out` names a folder.
pub(super) const RUNS: &str = "runs";

/// Seeds that are drawn stay below it: short enough to be told by voice, many enough to be new.
const SEEDS: u128 = 1_000_000_000;

/// Servers at once at the most: past the cores more gain nothing, and thousands end a machine.
const JOBS: usize = 256;

/// The flags of `heirloom check`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Flags {
    /// How many cases are run; without --time too, as long as they take
    #[arg(long, value_name = "N", value_parser = cases)]
    cases: Option<u64>,
    /// How long new cases are begun, such as 90s or 10m; what was found is still shrunk after it
    /// [default: 2m, unless --cases is given]
    #[arg(long, value_name = "TIME", value_parser = time)]
    time: Option<Duration>,
    /// What the cases are drawn from: a number, or the token of a case of the same campaign
    /// [default: a new one each time]
    #[arg(long, value_name = "SEED", value_parser = seed)]
    seed: Option<Drawn>,
    /// How many servers run at once [default: one for each core]
    #[arg(long, value_name = "N", value_parser = jobs)]
    jobs: Option<usize>,
    /// Operations in a case at the most [default: 12]
    #[arg(long, value_name = "N", value_parser = max_ops)]
    max_ops: Option<usize>,
    /// Policy alone: no model, effort, tier, folder, mode or plugins
    #[arg(long)]
    no_secondary: bool,
    #[command(flatten)]
    subject: server_flags::ServerFlags,
    /// Further servers, with commas between them, to which cases move their homes and back, as a
    /// person does who upgrades: releases, `latest` or paths
    #[arg(long, value_name = "SPEC", value_delimiter = ',')]
    other: Vec<String>,
    #[command(flatten)]
    excuses: known_flags::KnownFlags,
    /// The folder for results, new or empty [default: runs/TIME-SEED, with the link runs/latest]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Events on stdout, one JSON object a line, and nothing else there
    #[arg(long)]
    json: bool,
    /// Findings and the summary only
    #[arg(long)]
    quiet: bool,
    /// Print also what was compared: clause and dimension by view
    #[arg(long)]
    coverage: bool,
}

/// What a `--seed` says.
#[derive(Clone, Debug)]
struct Drawn {
    seed: u64,
    max_ops: Option<usize>,
    secondary: bool,
    others: Vec<Version>,
}

impl Drawn {
    fn from(seed: u64) -> Drawn {
        Drawn { seed, max_ops: None, secondary: true, others: Vec::new() }
    }
}

impl Flags {
    /// The flags of a call without a command; the environment counts.
    pub(super) fn none() -> Result<Flags, Failure> {
        match Arguments::try_parse_from(["heirloom", "check"]).map(|parsed| parsed.command) {
            Ok(Some(Command::Check(flags))) => Ok(flags),
            Ok(_) => unreachable!("`check` is read as check"),
            Err(error) => {
                Err(super::refused(&error, "heirloom check").expect_err("no help was asked for"))
            }
        }
    }

    fn campaign(&self) -> Result<Campaign, Failure> {
        let drawn = self.seed.clone().unwrap_or_else(|| Drawn::from(new_seed()));
        let time = self.time.or(self.cases.is_none().then_some(TIME));
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let max_ops = self.max_ops.or(drawn.max_ops);
        Ok(Campaign {
            seed: drawn.seed,
            cases: self.cases,
            time,
            jobs: self.jobs.unwrap_or_else(cores),
            max_ops: max_ops.unwrap_or(STEPS_MAX),
            secondary: drawn.secondary && !self.no_secondary,
            others: Vec::new(),
            confirmations: CONFIRMATIONS,
            deeds: true,
            known: self.excuses.list()?,
            programs: BTreeMap::new(),
        })
    }

    /// The other servers: those that are given, else those of the token.
    fn others(&self) -> Result<Vec<Spec>, Failure> {
        let given: Result<Vec<Spec>, _> = self.other.iter().map(|word| word.parse()).collect();
        let given = given.map_err(Failure::usage)?;
        let drawn = self.seed.iter().flat_map(|drawn| drawn.others.clone());
        Ok(if given.is_empty() { drawn.map(Spec::Version).collect() } else { given })
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

    /// The command that does the first `cases` of this campaign once more.
    fn again(&self, campaign: &Campaign, cases: u64) -> String {
        let mut words = vec![format!("heirloom check --seed {}", campaign.seed)];
        words.push(format!("--cases {}", cases.max(1)));
        if campaign.max_ops != STEPS_MAX {
            words.push(format!("--max-ops {}", campaign.max_ops));
        }
        words.extend((!campaign.secondary).then(|| "--no-secondary".to_owned()));
        let others: Vec<String> = campaign.others.iter().map(ToString::to_string).collect();
        let given = if self.other.is_empty() { &others } else { &self.other };
        words.extend((!given.is_empty()).then(|| format!("--other {}", given.join(","))));
        words.extend(self.subject.again());
        words.extend(self.excuses.again());
        words.join(" ")
    }
}

/// Runs a campaign.
pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    let mut campaign = flags.campaign()?;
    let others = flags.others()?;
    let folder = flags.folder(campaign.seed)?;
    let ready = flags.subject.ready(&others, flags.quiet);
    let ready = ready.and_then(|ready| each_by_itself(ready, others.len()));
    let Ready { test_bed, subject, stop, leases: _held } = match ready {
        Ok(ready) => ready,
        Err(failure) => {
            folder.discard();
            return Err(failure);
        }
    };
    campaign.others.clone_from(&subject.others);
    let voice = OutputMode { json: flags.json, quiet: flags.quiet, coverage: flags.coverage };
    let mut report = Report::new(voice, folder, flags.subject.again().join(" "));
    let outcome = campaign.run(&test_bed, subject, &stop, |event| report.hear(&event));
    let again = flags.again(&campaign, outcome.cases);
    report.end(&outcome, &again).map_err(Failure::trouble)?;
    Ok(outcome.conclusion() as u8)
}

/// A release that is meant twice would be moved to for nothing.
fn each_by_itself(ready: Ready, wanted: usize) -> Result<Ready, Failure> {
    match ready.subject.others.len() == wanted {
        true => Ok(ready),
        false => Err(Failure::Usage(format!(
            "--other names a release twice, or {}, which is checked; name others",
            name(&ready.subject)
        ))),
    }
}

/// A seed that is new: from the clock's microseconds.
fn new_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros() % SEEDS).expect("it is below 2^64")
}

fn seed(text: &str) -> Result<Drawn, String> {
    if let Ok(seed) = text.parse() {
        return Ok(Drawn::from(seed));
    }
    let token: Token = text
        .parse()
        .map_err(|_| format!("expected a number from 0 to 2^64 - 1, or a token like {EXAMPLE}"))?;
    // A token of another revision draws other cases, and says so.
    token.clone().case().map_err(|error| error.to_string())?;
    let Token { seed, max_ops, secondary, others, .. } = token;
    Ok(Drawn { seed, max_ops: Some(max_ops), secondary, others })
}

pub(super) fn cases(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("expected a whole number from 1 on".to_owned()),
    }
}

/// Reads how many runs there are to be.
pub(super) fn runs(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "expected a whole number from 1 on".to_owned())
}

pub(super) fn jobs(text: &str) -> Result<usize, String> {
    within(text, JOBS)
}

pub(super) fn max_ops(text: &str) -> Result<usize, String> {
    within(text, LONGEST)
}

fn within(text: &str, most: usize) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(format!("expected a whole number from 1 to {most}")),
    }
}

fn time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("expected more than no time".to_owned()),
        Ok(time) => Ok(time),
        Err(_) => Err("expected a time like 90s, 10m or 1h 30m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{Token, max_ops, seed};

    fn check(subject: String, expected: Expect) {
        expected.assert_eq(&subject);
    }

    #[test]
    fn a_token_of_policy_alone_says_so_and_draws_so() {
        let token = format!("r{}-s42-c17-o12", crate::model::REVISION);
        let drawn = |text: &str| seed(text).map(|drawn| drawn.secondary);
        let alone: Result<Token, _> = format!("{token}-p").parse();
        let printed = alone.map(|alone| alone.to_string() == format!("{token}-p"));
        check(
            format!("{:?} {:?}\n{printed:?}", drawn(&token), drawn(&format!("{token}-p"))),
            expect![[r#"
                Ok(true) Ok(false)
                Ok(true)"#]],
        );
    }

    #[test]
    fn a_token_of_cases_that_move_names_their_releases_and_draws_so() {
        let token = format!("r{}-s42-c17-o12@0.144.4,0.131.0-alpha.8", crate::model::REVISION);
        let others = |text: &str| {
            seed(text).map(|drawn| drawn.others.iter().map(ToString::to_string).collect::<Vec<_>>())
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
    fn cases_that_no_memory_holds_are_refused_in_a_flag_and_in_a_token() {
        let flag = max_ops("999999999").map(|_| ());
        let token = seed("r1-s1-c1-o999999999").map(|_| ());
        check(
            format!("{flag:?}\n{token:?}\n{:?}", max_ops("1000")),
            expect![[r#"
            Err("expected a whole number from 1 to 1000")
            Err("expected a number from 0 to 2^64 - 1, or a token like rN-s42-c17-o12")
            Ok(1000)"#]],
        );
    }
}
