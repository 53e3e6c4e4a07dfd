//! `heirloom power`: what campaigns find of faults that are planted in a real server.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use itertools::Itertools;
use serde_json::json;
use tempfile::TempDir;

use super::check::{JOBS_MAX, cores, from_one_to, time};
use super::failure::Failure;
use super::known_flags;
use super::server_flags;
use super::stop;
use super::text::{print, refuse_existing, write_new};
use crate::campaign::{Campaign, Subject};
use crate::drive::test_bed::TestBed;
use crate::drive::timeouts::Timeouts;
use crate::power::faults::all;
use crate::power::measure::{Measured, Trial};
use crate::power::{Planted, process};
use crate::report::words::plural;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Flags {
    /// Only these faults, separated by commas [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// How long cases are begun for each fault
    #[arg(long, value_name = "TIME", value_parser = time)]
    #[arg(default_value = "60s")]
    time: Duration,
    /// What the cases are drawn from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many servers to run at once [default: one for each core]
    #[arg(long, value_name = "N", value_parser = from_one_to(JOBS_MAX))]
    jobs: Option<usize>,
    #[command(flatten)]
    server: server_flags::ServerFlags,
    #[command(flatten)]
    known: known_flags::KnownFlags,
    /// A new folder for `power.json`
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// The stand-in as a process: one fault in front of one server.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct StandIn {
    fault: String,
    real: PathBuf,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(super) fn stand_in(flags: &StandIn) -> Result<u8, Failure> {
    let fault = named(&flags.fault)?;
    let code = process::run(fault, &flags.real, &flags.arguments).map_err(Failure::trouble)?;
    Ok(u8::try_from(code).unwrap_or(1))
}

fn named(name: &str) -> Result<Planted, Failure> {
    let found = all().into_iter().find(|fault| fault.name == name);
    found.ok_or_else(|| {
        let names = all().into_iter().map(|fault| fault.name).join(", ");
        Failure::Usage(format!("`{name}` is not a fault; the faults are {names}"))
    })
}

pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    let faults: Vec<Planted> = match flags.only.as_slice() {
        [] => all(),
        names => names.iter().map(|name| named(name)).collect::<Result<_, _>>()?,
    };
    flags.out.iter().try_for_each(|out| refuse_existing(out, "--out"))?;
    let executable = flags.server.executable()?;
    let stop = stop::flag()?;
    let mut all = Vec::new();
    print(&row(
        ["fault", "clause", "found", "by", "seconds", "cases", "lines", "runs"].map(str::to_owned)
    ))?;
    for fault in &faults {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let folder = script(&fault.name, &executable.path).map_err(Failure::trouble)?;
        let version = executable.version.clone();
        let path = folder.path().join("codex");
        let test_bed = TestBed::prepare(path, version.clone(), Timeouts::default());
        let test_bed = Arc::new(test_bed.map_err(Failure::trouble)?);
        let subject = Subject { spec: fault.name.clone(), version, ..Subject::default() };
        let campaign = flags.campaign()?;
        let trial = Trial { fault, campaign: &campaign, stop: &stop };
        let measured = trial.run(&test_bed, subject);
        print(&line(&measured))?;
        all.push(measured);
    }
    print(&conclusion(&all))?;
    if let Some(out) = &flags.out {
        fs::create_dir_all(out).map_err(Failure::trouble)?;
        let text = serde_json::to_string_pretty(&json!({ "faults": all }));
        let text = text.expect("faults are plain values");
        write_new(&out.join("power.json"), &format!("{text}\n"))?;
    }
    let right = all.len() == faults.len() && all.iter().all(Measured::is_right);
    Ok(u8::from(!right))
}

/// A server with a fault: a script, since a server is started by its path alone.
fn script(fault: &str, real: &Path) -> std::io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("heirloom-power-").tempdir()?;
    let path = folder.path().join("codex");
    let own = std::env::current_exe()?;
    let (own, real) = (own.display(), real.display());
    let text = format!("#!/bin/sh\nexec '{own}' stand-in {fault} '{real}' -- \"$@\"\n");
    fs::write(&path, text)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

impl Flags {
    fn campaign(&self) -> Result<Campaign, Failure> {
        Ok(Campaign {
            seed: self.seed,
            time: Some(self.time),
            jobs: self.jobs.unwrap_or_else(cores),
            known: self.known.list()?,
            features: self.server.features.drawn(),
            probes: false,
            stale_check: false,
            ..Campaign::default()
        })
    }
}

fn line(measured: &Measured) -> String {
    let number = |number: Option<String>| number.unwrap_or_else(|| "-".to_owned());
    let found = match (measured.found, measured.is_right()) {
        (true, _) => "yes",
        (false, true) => "nothing",
        (false, false) if measured.others.is_empty() => "NO",
        (false, false) => "OTHER",
    };
    let runs =
        measured.shrink_runs.map(|runs| (runs + measured.explain_runs.unwrap_or(0)).to_string());
    row([
        measured.name.clone(),
        number(measured.clause.map(|clause| clause.to_string())),
        found.to_owned(),
        number(measured.by.clone().or_else(|| measured.others.first().cloned())),
        number(measured.seconds.map(|seconds| format!("{seconds:.1}"))),
        measured
            .cases
            .map_or_else(|| format!("of {}", measured.cases_in_all), |cases| cases.to_string()),
        number(measured.steps.map(|steps| format!("{steps}/{}", measured.shortest))),
        number(runs),
    ])
}

fn row(cells: [String; 8]) -> String {
    let [name, clause, found, by, seconds, cases, lines, runs] = cells;
    format!("{name:<42}{clause:<8}{found:<9}{by:<44}{seconds:>8}{cases:>7}{lines:>8}{runs:>6}\n")
}

/// How many were found, and how soon.
fn conclusion(all: &[Measured]) -> String {
    let faults = all.iter().filter(|one| one.clause.is_some());
    let (found, missed): (Vec<_>, Vec<_>) = faults.partition(|one| one.found);
    let seconds: Vec<f64> =
        found.iter().filter_map(|one| one.seconds).sorted_by(f64::total_cmp).collect();
    let mut text = format!("\n{} found, {} not", plural(found.len(), "fault"), missed.len());
    if let (Some(median), Some(worst)) = (seconds.get(seconds.len() / 2), seconds.last()) {
        text += &format!("; {median:.1} s in the median, {worst:.1} s at the most");
    }
    let names = missed.iter().map(|one| one.name.as_str()).join(", ");
    if missed.is_empty() { text + "\n" } else { format!("{text}\nnot found: {names}\n") }
}
