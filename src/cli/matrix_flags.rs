//! The same cases on several releases: the flags that `matrix` and `diff` share.
//!
//! Words to servers, flags to a sweep. The seed and the number of cases are fixed unless they are
//! given, so that what was run before is found again.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::check::{RUNS, cases, jobs, max_ops};
use super::server_flags::{cache, profile, size};
use super::{Failure, known_flags, stop};
use crate::campaign::Campaign;
use crate::known::Known;
use crate::matrix::record::Key;
use crate::matrix::store::Store;
use crate::matrix::{CASES, CONFIRMATIONS, Matrix, MatrixRun, SEED};
use crate::program::generate::STEPS_MAX;
use crate::provision::range::Span;
use crate::provision::resolve::{Every, servers};
use crate::provision::{self, Cache, Clients, Executable, Spec};
use crate::report::matrix::files;
use crate::report::matrix::progress::MatrixProgress;
use crate::report::progress::Pace;

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct MatrixFlags {
    /// How many cases are run on each release
    #[arg(long, value_name = "N", value_parser = cases, default_value_t = CASES)]
    cases: u64,
    /// What the cases are drawn from
    #[arg(long, value_name = "N", value_parser = seed, default_value_t = SEED)]
    seed: u64,
    /// How many servers run at once [default: one for each core]
    #[arg(long, value_name = "N", value_parser = jobs)]
    jobs: Option<usize>,
    /// Operations in a case at the most [default: 12]
    #[arg(long, value_name = "N", value_parser = max_ops)]
    max_ops: Option<usize>,
    /// Features of the servers: `default` or `lean`
    #[arg(long, value_name = "NAME", value_parser = ["default", "lean"])]
    #[arg(default_value = "default", hide_possible_values = true)]
    profile: String,
    #[command(flatten)]
    excuses: known_flags::KnownFlags,
    /// The folder for results, new or that of an earlier matrix, which is gone on with
    /// [default: runs/matrix]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What the fetched servers may take together, such as 5GB: those go first that were not used
    /// for longest [default: HEIRLOOM_CACHE_LIMIT, else no limit]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    cache_limit: Option<u64>,
    /// Nothing on stderr but mistakes
    #[arg(long)]
    quiet: bool,
}

/// What came of a sweep.
pub(super) struct Swept {
    pub(super) matrix: Matrix,
    /// Where its files are.
    pub(super) folder: PathBuf,
}

impl MatrixFlags {
    /// Runs what was not run before on the servers that are meant, and writes the files.
    pub(super) fn run(&self, spans: &[Span], every: Every) -> Result<Swept, Failure> {
        let known = self.excuses.list()?;
        let cache = self.cache()?;
        let folder = self.out.clone().unwrap_or_else(|| Path::new(RUNS).join("matrix"));
        let stop = stop::flag()?;
        let clients = Clients::default();
        let specs = servers(&clients, spans, every, &mut |_| going(&stop));
        let specs = specs.map_err(failure)?;
        let store = Store::at(&folder).map_err(Failure::usage)?;
        // A matrix asks each release by itself: a home that moves is not its matter.
        let alone = known.rows.iter().filter(|row| row.program.releases().is_empty());
        let programs = alone.map(|row| (row.signature.clone(), row.program.clone()));
        let (campaign, profile) = (self.campaign(), profile(&self.profile));
        let sweep = MatrixRun { campaign, profile, programs: programs.collect(), store };
        let matrix = self.sweep(&sweep, &specs, (&cache, &stop), &known);
        let key = Key::new(&sweep.campaign, sweep.profile);
        files::write(&folder, &matrix, &key).map_err(Failure::trouble)?;
        Ok(Swept { matrix, folder })
    }

    fn sweep(
        &self,
        sweep: &MatrixRun,
        specs: &[Spec],
        (cache, stop): (&Cache, &Arc<AtomicBool>),
        known: &Known,
    ) -> Matrix {
        let pace = if self.quiet { Pace::Silent } else { Pace::of_stderr() };
        let mut march = MatrixProgress::new(pace);
        let provide = |spec: &Spec| -> Result<Executable, String> {
            let provided = provision::provide(spec, cache, &mut |_| going(stop));
            provided.map_err(|error| error.to_string())
        };
        let columns = sweep.run(specs, &provide, stop, &mut |event| march.hear(&event));
        Matrix::new(columns, known)
    }

    /// Nothing is excused while it runs: a matrix shows every deviation, and which are known is
    /// said afterwards.
    fn campaign(&self) -> Campaign {
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Campaign {
            seed: self.seed,
            cases: Some(self.cases),
            time: None,
            jobs: self.jobs.unwrap_or_else(cores),
            max_ops: self.max_ops.unwrap_or(STEPS_MAX),
            secondary: true,
            others: Vec::new(),
            confirmations: CONFIRMATIONS,
            deeds: false,
            known: Known::default(),
            programs: BTreeMap::new(),
        }
    }

    fn cache(&self) -> Result<Cache, Failure> {
        let cache = cache()?;
        Ok(self.cache_limit.map_or(cache.clone(), |limit| cache.within(limit)))
    }
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected a number from 0 to 2^64 - 1".to_owned())
}

/// The failure of a server that cannot be had.
pub(super) fn failure(error: provision::Error) -> Failure {
    match error.is_usage() {
        true => Failure::usage(error),
        false => Failure::trouble(error),
    }
}

/// Whether to go on.
pub(super) fn going(stop: &AtomicBool) -> ControlFlow<()> {
    match stop.load(Ordering::Relaxed) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    }
}
