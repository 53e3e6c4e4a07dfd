//! The same cases on several releases: the flags that `matrix` and `diff` share.
//!
//! The seed and the number of cases are fixed unless they are given, so that stored results are
//! found again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use clap::value_parser;

use super::check::{JOBS_MAX, RUNS, cores, from_one_to};
use super::failure::Failure;
use super::known_flags;
use super::server_flags::{FeatureFlag, cache, not_provided, not_provided_sdk, size, unless};
use super::stop;
use crate::campaign::Campaign;
use crate::cause::Known;
use crate::judge::signature::Signature;
use crate::matrix::record::Key;
use crate::matrix::run::MatrixRun;
use crate::matrix::store::Store;
use crate::matrix::{CASES, CONFIRMATIONS, Matrix, SEED};
use crate::program::Program;
use crate::program::generate::{LONGEST, STEPS_MAX};
use crate::provision::range::Span;
use crate::provision::resolve::{Every, servers};
use crate::provision::sdk::{self, Sdk};
use crate::provision::{self, Cache, Clients, Executable, Spec};
use crate::report::matrix::files;
use crate::report::matrix::progress::MatrixProgress;
use crate::report::progress::Pace;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct MatrixFlags {
    /// How many random cases to run on each release; programs of known deviations,
    /// and of what other releases show, are added
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    #[arg(default_value_t = CASES)]
    cases: u64,
    /// Do not add the programs of known deviations
    #[arg(long)]
    no_known_cases: bool,
    /// What the cases are drawn from
    #[arg(long, value_name = "N", default_value_t = SEED)]
    seed: u64,
    /// How many servers to run at once [default: one for each core]
    #[arg(long, value_name = "N", value_parser = from_one_to(JOBS_MAX))]
    jobs: Option<usize>,
    /// At most so many operations in a case [default: 12]
    #[arg(long, value_name = "N", value_parser = from_one_to(LONGEST))]
    max_ops: Option<usize>,
    /// Let clients of the Python SDK perform the cases, each release of a client on each
    /// release of the server: `python`, `python-async=0.154.0`
    #[arg(long, value_name = "CLIENT", value_delimiter = ',')]
    client: Vec<String>,
    #[command(flatten)]
    features: FeatureFlag,
    #[command(flatten)]
    known: known_flags::KnownFlags,
    /// The folder for results: a new one, or that of an earlier matrix to continue
    /// [default: runs/matrix]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The most space for fetched servers, such as 5GB; the longest unused are removed
    /// [default: HEIRLOOM_CACHE_LIMIT, else no limit]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    cache_limit: Option<u64>,
    #[arg(long)]
    quiet: bool,
}

/// A matrix that was run.
pub(super) struct MatrixResults {
    pub(super) matrix: Matrix,
    pub(super) folder: PathBuf,
}

impl MatrixFlags {
    /// Runs what was not run before, and writes the files.
    pub(super) fn run(&self, spans: &[Span], every: Every) -> Result<MatrixResults, Failure> {
        let known = self.known.list()?;
        let cache = self.cache()?;
        let folder = self.out.clone().unwrap_or_else(|| Path::new(RUNS).join("matrix"));
        let stop = stop::flag()?;
        let clients = Clients::default();
        let specs = servers(&clients, spans, every, &mut |_| unless(&stop));
        let specs = specs.map_err(not_provided)?;
        let sdks = self.sdks(&cache, &stop)?;
        let pace = if self.quiet { Pace::Silent } else { Pace::of_stderr() };
        let mut progress = MatrixProgress::new(pace);
        let provide = |spec: &Spec| -> Result<Executable, String> {
            let provided = provision::fetch::provide(spec, &cache, &mut |_| unless(&stop));
            provided.map_err(|error| error.to_string())
        };
        let mut columns = Vec::new();
        for sdk in sdks {
            let run = self.of_client(sdk, &folder, &known)?;
            let mut tell = |event| progress.on_event(&event);
            columns.extend(run.run(&specs, &provide, &stop, &mut tell));
        }
        let matrix = Matrix::new(columns, &known);
        let key = Key::new(&self.campaign());
        files::write(&folder, &matrix, &key).map_err(Failure::trouble)?;
        Ok(MatrixResults { matrix, folder })
    }

    /// The SDKs whose clients perform the cases; none stands for heirloom's own client.
    fn sdks(&self, cache: &Cache, stop: &AtomicBool) -> Result<Vec<Option<Sdk>>, Failure> {
        let specs: Result<Vec<sdk::Spec>, _> =
            self.client.iter().map(|word| word.parse()).collect();
        let provided = specs.map_err(Failure::usage)?.into_iter().map(|spec| {
            sdk::provide(&spec, cache, &mut |_| unless(stop)).map(Some).map_err(not_provided_sdk)
        });
        let sdks: Result<Vec<Option<Sdk>>, Failure> = provided.collect();
        sdks.map(|sdks| if sdks.is_empty() { vec![None] } else { sdks })
    }

    /// What runs by one client. Each keeps its results in a folder of its own.
    fn of_client(
        &self,
        sdk: Option<Sdk>,
        folder: &Path,
        known: &Known,
    ) -> Result<MatrixRun, Failure> {
        let place = match &sdk {
            Some(sdk) => folder.join(format!("{}-{}", sdk.client, sdk.version)),
            None => folder.to_owned(),
        };
        let store = Store::at(folder).and_then(|_| Store::at(&place)).map_err(Failure::usage)?;
        let campaign = Campaign { client: sdk.as_ref().map(|sdk| sdk.client), ..self.campaign() };
        // The programs of known deviations are heirloom's own client's.
        let programs = if sdk.is_some() { BTreeMap::new() } else { self.programs(known) };
        Ok(MatrixRun { campaign, programs, store, sdk })
    }

    /// Nothing is excused while it runs: a matrix shows every deviation, and marks those that are
    /// known afterwards.
    fn campaign(&self) -> Campaign {
        Campaign {
            seed: self.seed,
            cases: Some(self.cases),
            time: None,
            jobs: self.jobs.unwrap_or_else(cores),
            max_ops: self.max_ops.unwrap_or(STEPS_MAX),
            features: self.features.drawn(),
            confirmations: CONFIRMATIONS,
            probes: false,
            stale_check: false,
            ..Campaign::default()
        }
    }

    /// The programs of known deviations. A matrix tests each release alone, so those that move homes
    /// are left out.
    fn programs(&self, known: &Known) -> BTreeMap<Signature, Program> {
        let rows = if self.no_known_cases { &[] } else { known.rows.as_slice() };
        let alone = rows.iter().filter(|row| row.program.releases().is_empty());
        alone.filter_map(|row| Some((row.signature()?, row.program.clone()))).collect()
    }

    fn cache(&self) -> Result<Cache, Failure> {
        let cache = cache()?;
        Ok(self.cache_limit.map_or(cache.clone(), |limit| cache.within(limit)))
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};

    use super::MatrixFlags;
    use crate::cause::Known;

    fn programs(arguments: &[&str]) -> usize {
        let command = MatrixFlags::augment_args(Command::new("matrix"));
        let matches = command.get_matches_from([&["matrix"], arguments].concat());
        let flags = MatrixFlags::from_arg_matches(&matches).expect("the flags are known");
        flags.programs(&Known::embedded()).len()
    }

    #[test]
    fn the_programs_of_known_deviations_are_run_unless_they_are_left_out() {
        assert!(programs(&[]) > 0);
        assert_eq!(programs(&["--no-known-cases"]), 0);
    }
}
