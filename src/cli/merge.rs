//! `heirloom merge`: the shards of a campaign as one, and what changed since an earlier one.

use std::path::{Path, PathBuf};

use super::check::{EXIT_CODES, RUNS};
use super::earlier_run::{compare, kept};
use super::failure::Failure;
use super::text::program_name;
use crate::campaign::Outcome;
use crate::matrix::merge::merged;
use crate::report::campaign_report::{OutputMode, Report};
use crate::report::invocation::Invocation;
use crate::report::read_outcome::Kept;
use crate::report::run_folder::Folder;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Flags {
    /// The folders of the results, one of each shard
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// Say which causes an earlier run did not show, and which only it showed
    #[arg(long, value_name = "DIR")]
    before: Option<PathBuf>,
    /// The folder for the merged results, new or empty
    /// [default: runs/SEED-merged, with the link runs/latest]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print also what was compared: clause and dimension by view
    #[arg(long)]
    coverage: bool,
}

pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    let before = flags.before.as_deref().map(kept).transpose()?;
    let kept = flags.folders.iter().map(|folder| kept(folder)).collect::<Result<Vec<_>, _>>()?;
    let command = kept[0].command.clone();
    let program = program_name();
    let again = again(&program, &kept);
    let outcomes = kept.into_iter().map(|kept| kept.outcome).collect();
    let mut outcome = merged(outcomes).map_err(|error| {
        Failure::Usage(format!("cannot merge: {error}; name the folder of each shard of one run"))
    })?;
    compare(&mut outcome, before.as_ref());
    let folder = match &flags.out {
        Some(path) => Folder::at(path),
        None => Folder::within(Path::new(RUNS), &format!("{}-merged", outcome.seed)),
    };
    let folder = folder.map_err(Failure::usage)?;
    let (server_flags, known_list) = (command.server_flags, command.known_list);
    let invocation = Invocation { program, server_flags, known_list };
    let mode = OutputMode { coverage: flags.coverage, quiet: true, ..OutputMode::default() };
    let report = Report::new(mode, folder, invocation, None);
    report.end(&outcome, &again).map_err(Failure::trouble)?;
    Ok(outcome.conclusion() as u8)
}

/// The command that runs all the cases on one machine.
fn again(program: &str, shards: &[Kept]) -> String {
    let last = |kept: &Kept| {
        let Outcome { shard, cases, .. } = kept.outcome;
        cases.checked_sub(1).map_or(0, |place| shard.index(place) + 1)
    };
    let cases = shards.iter().map(last).max().unwrap_or(0).max(1);
    let words: Vec<&str> = shards[0].command.again.split(' ').skip(1).collect();
    let mut kept: Vec<&str> = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if ["--cases", "--shard"].contains(&word) {
            words.next();
        } else {
            kept.push(word);
        }
    }
    format!("{program} {} --cases {cases}", kept.join(" "))
}
