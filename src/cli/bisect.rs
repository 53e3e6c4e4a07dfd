//! `heirloom bisect`: the release at which the result of a case changes, for better or worse.
//!
//! The newer end is tried first, and both sides of the boundary that is reported were run. Exit
//! code: 0 a boundary, 1 no change, 3 trouble.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::value_parser;
use itertools::Itertools;
use semver::Version;

use super::failure::Failure;
use super::replay::program;
use super::server_flags::{FeatureFlag, Provider, cache, not_provided, unless};
use super::stop;
use super::text::print;
use crate::campaign::CONFIRMATIONS;
use crate::cause::Known;
use crate::drive::Worker;
use crate::drive::test_bed::TestBed;
use crate::drive::timeouts::Timeouts;
use crate::matrix::bisect::{Boundary, Search};
use crate::matrix::trial::Trial;
use crate::program::Program;
use crate::provision::range::Span;
use crate::provision::resolve::{Every, servers};
use crate::provision::{Clients, Executable, Spec};
use crate::report::read_results::Read;
use crate::report::style::{Color, Style};
use crate::report::words::{plural, signature};

const EXIT_CODES: &str = "\
Exit codes:
  0  a boundary was found
  1  all releases show the same
  2  wrong usage
  3  a release could not be judged
  130  interrupted";

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Flags {
    /// A case file, or a token like rN-s42-c17-o12 that a campaign printed
    #[arg(value_name = "FILE|TOKEN")]
    case: String,
    /// A release that conforms; it may be the newer one
    #[arg(long, value_name = "RELEASE", value_parser = release)]
    good: Version,
    /// A release that does not conform
    #[arg(long, value_name = "RELEASE", value_parser = release)]
    bad: Version,
    /// How many times to run the case on each release, each time in fresh processes
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    #[arg(default_value_t = CONFIRMATIONS)]
    runs: u32,
    #[command(flatten)]
    features: FeatureFlag,
}

/// The releases of a search and what was seen on them.
struct Bisection<'a> {
    flags: &'a Flags,
    program: &'a Program,
    provider: Provider,
    releases: Vec<Version>,
    trials: Vec<Option<Trial>>,
}

pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    let program = flags.features.applied(program(&flags.case)?);
    let provider = Provider { cache: cache()?, stop: stop::flag()?, quiet: false };
    let Flags { good, bad, .. } = flags;
    let (old, new) = if good < bad { (good, bad) } else { (bad, good) };
    let releases = between(old, new, &provider.stop)?;
    let count = releases.len();
    let trials = vec![None; count];
    let mut bisection = Bisection { flags, program: &program, provider, releases, trials };
    let style = Style::stdout();
    let range = format!("{} from {old} to {new}", plural(count, "release"));
    print(&style.row("searching", &range))?;
    let mut search = Search::new(count);
    while let Some(at) = search.next() {
        let trial = bisection.attempt(at)?;
        print(&style.row(&bisection.releases[at].to_string(), &in_words(&trial)))?;
        bisection.record(at, trial, &mut search)?;
    }
    let boundary = search.boundary().expect("a search with nothing left to try has a boundary");
    let (code, sentence) = bisection.conclusion(boundary);
    let tried = format!("{} of {count} tried", plural(search.tried(), "release"));
    let color = if code == 0 { Color::Strong } else { Color::Doubtful };
    let cause = cause(&flags.case, &program).map(|title| style.row("cause", &title));
    let cause = cause.unwrap_or_default();
    print(&format!("\n{}{cause}{tried}\n", style.paragraph(color, "", &sentence)))?;
    Ok(code)
}

/// The title of the cause that a case shows: by the run or the matrix that it is a part of, else by
/// the list of known deviations.
fn cause(case: &str, program: &Program) -> Option<String> {
    let case = Path::new(case);
    let found = Read::around(case);
    let title = found.as_ref().and_then(|results| results.cause_of(case));
    let of_row = || {
        let known = Known::embedded();
        let row = known.rows.into_iter().find(|row| row.program == *program)?;
        Some(row.title).filter(|title| !title.is_empty())
    };
    title.map(str::to_owned).or_else(of_row)
}

/// What a release shows, its findings in words.
fn in_words(trial: &Trial) -> String {
    match trial {
        Trial::Shows { signatures, runs } if !signatures.is_empty() => {
            let runs = plural(*runs, "run");
            let findings = signatures.iter();
            let findings =
                findings.map(|(one, times)| format!("{} ({times} of {runs})", signature(one)));
            format!("shows {}", findings.format("; "))
        }
        trial => trial.to_string(),
    }
}

fn release(text: &str) -> Result<Version, String> {
    match text.parse() {
        Ok(Spec::Version(version)) => Ok(version),
        _ => Err("expected a release such as 0.169.0".to_owned()),
    }
}

/// The published releases from one to another, both included.
fn between(old: &Version, new: &Version, stop: &AtomicBool) -> Result<Vec<Version>, Failure> {
    if old == new {
        let problem = format!("--good and --bad are both {old}; name two releases");
        return Err(Failure::Usage(problem));
    }
    let range = format!("{old}..{new}").parse::<Span>().map_err(Failure::usage)?;
    let ends = [old, new].map(|end| Span::One(Spec::Version(end.clone())));
    let spans: Vec<Span> = ends.into_iter().chain([range]).collect();
    let clients = Clients::default();
    let found = servers(&clients, &spans, Every::Release, &mut |_| unless(stop));
    let found = found.map_err(not_provided)?;
    let versions = found.into_iter().filter_map(|spec| match spec {
        Spec::Version(version) => Some(version),
        Spec::Latest | Spec::Path(_) => None,
    });
    Ok(versions.collect())
}

impl Bisection<'_> {
    /// Runs the case on a release.
    fn attempt(&self, at: usize) -> Result<Trial, Failure> {
        if self.provider.stop.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted("stopped before the boundary was found".to_owned()));
        }
        let spec = Spec::Version(self.releases[at].clone());
        let Executable { path, version, lease: _held, .. } = match self.provider.provide(&spec) {
            Ok(executable) => executable,
            Err(failure) => return Ok(Trial::Unjudged(failure.to_string())),
        };
        let mut test_bed = match TestBed::prepare(path, version, Timeouts::default()) {
            Ok(test_bed) => test_bed,
            Err(error) => return Ok(Trial::Unjudged(error.to_string())),
        };
        // The releases that the program names are the same beside each one that is searched.
        let named: Vec<Spec> = self.program.releases().into_iter().map(Spec::Version).collect();
        let _leases = self.provider.add(&mut test_bed, &named)?;
        let mut worker = Worker::new(Arc::new(test_bed));
        Ok(Trial::of(self.program, self.flags.runs, &mut worker))
    }

    /// Compares what a release shows with the newest, for the search.
    fn record(&mut self, at: usize, trial: Trial, search: &mut Search) -> Result<(), Failure> {
        let is_newest = at + 1 == self.releases.len();
        if let Trial::Unjudged(reason) = &trial {
            let problem = format!("cannot judge {}: {reason}", self.releases[at]);
            return search.pass_over().then_some(()).ok_or(Failure::Trouble(problem));
        }
        if is_newest {
            self.contradiction(&trial, &self.releases[at])?;
        }
        let newest = self.trials.last().and_then(Option::as_ref);
        search.tell(newest.is_none_or(|newest| trial.is_like(newest)));
        self.trials[at] = Some(trial);
        Ok(())
    }

    /// Refuses a newest release that is given as bad and shows nothing.
    fn contradiction(&self, trial: &Trial, release: &Version) -> Result<(), Failure> {
        match trial {
            Trial::Shows { signatures, runs }
                if *release == self.flags.bad && signatures.is_empty() =>
            {
                let problem = format!("--bad {release} shows nothing in {}", plural(*runs, "run"));
                Err(Failure::Usage(format!("{problem}; name a release that shows a finding")))
            }
            _ => Ok(()),
        }
    }

    fn conclusion(&self, Boundary { first, last }: Boundary) -> (u8, String) {
        let (here, newest) = (&self.releases[first], &self.releases[self.releases.len() - 1]);
        let Some(last) = last else {
            return (1, format!("no change: {here} and {newest} show the same"));
        };
        let before = &self.releases[last];
        let shows =
            |at: usize| self.trials[at].as_ref().map_or("was not tried".to_owned(), in_words);
        let gap = match first - last - 1 {
            0 => String::new(),
            gap => format!("; {} between them could not be judged", plural(gap, "release")),
        };
        let supported = !matches!(self.trials[last], Some(Trial::Unsupported(_)));
        let first = if supported {
            format!("{here} is the first release that {}", shows(first))
        } else {
            format!("{here} is the first release that supports the case, and it {}", shows(first))
        };
        (0, format!("{first}; {before} {}{gap}", shows(last)))
    }
}
