//! `heirloom bisect`: the first release at which a case shows something else.
//!
//! Either way: what broke, or what was repaired. The newer end is tried first, and the boundary
//! that is told was tried on both sides. Exit code: 0 a boundary, 1 no change, 3 trouble.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use semver::Version;

use super::check::runs;
use super::matrix_flags::{failure, going};
use super::replay::program;
use super::server_flags::{add, cache, profile, provide};
use super::{Failure, print, stop};
use crate::campaign::CONFIRMATIONS;
use crate::drive::Worker;
use crate::drive::test_bed::TestBed;
use crate::drive::timeouts::Timeouts;
use crate::home::FeatureSet;
use crate::matrix::bisect::{Boundary, Search};
use crate::matrix::trial::Trial;
use crate::program::Program;
use crate::provision::range::Span;
use crate::provision::resolve::{Every, servers};
use crate::provision::{Clients, Spec};
use crate::report::style::{Color, Style};
use crate::report::words::plural;

/// The flags of `heirloom bisect`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Flags {
    /// A case file, or a token like rN-s42-c17-o12 as a campaign prints it
    #[arg(value_name = "FILE|TOKEN")]
    case: String,
    /// A release that conforms; it may be the newer one
    #[arg(long, value_name = "RELEASE", value_parser = release)]
    good: Version,
    /// A release that does not
    #[arg(long, value_name = "RELEASE", value_parser = release)]
    bad: Version,
    /// Runs in fresh processes on each release
    #[arg(long, value_name = "N", value_parser = runs)]
    runs: Option<NonZeroU32>,
    /// Features of the servers: `default` or `lean`
    #[arg(long, value_name = "NAME", value_parser = ["default", "lean"])]
    #[arg(default_value = "default", hide_possible_values = true)]
    profile: String,
}

/// A search under way.
struct Bisecting<'a> {
    program: &'a Program,
    runs: u32,
    profile: FeatureSet,
    releases: Vec<Version>,
    stop: Arc<AtomicBool>,
    trials: Vec<Option<Trial>>,
}

/// Searches.
pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    let program = program(&flags.case)?;
    let stop = stop::flag()?;
    let (old, new) = match flags.good < flags.bad {
        true => (&flags.good, &flags.bad),
        false => (&flags.bad, &flags.good),
    };
    let releases = between(old, new, &stop)?;
    let count = releases.len();
    let mut bisecting = Bisecting {
        program: &program,
        runs: flags.runs.map_or(CONFIRMATIONS, NonZeroU32::get),
        profile: profile(&flags.profile),
        trials: vec![None; count],
        releases,
        stop,
    };
    let paint = Style::stdout();
    let what = format!("{} from {old} to {new}", plural(count, "release"));
    print(&paint.row("searching", &what))?;
    let mut search = Search::new(count);
    while let Some(at) = search.next() {
        let trial = bisecting.attempt(at)?;
        print(&paint.row(&bisecting.releases[at].to_string(), &trial.to_string()))?;
        bisecting.take(at, trial, (&mut search, flags))?;
    }
    let boundary = search.boundary().expect("a search that has nothing to try has found");
    let (code, sentence) = bisecting.conclusion(boundary);
    let tried = format!("{} of {count} tried", plural(search.tried(), "release"));
    let ink = if code == 0 { Color::Strong } else { Color::Doubtful };
    print(&format!("\n{}\n{tried}\n", paint.ink(ink, &paint.wrap("", "", &sentence))))?;
    Ok(code)
}

/// Reads a release.
fn release(text: &str) -> Result<Version, String> {
    match text.parse() {
        Ok(Spec::Version(version)) => Ok(version),
        _ => Err("expected a release such as 0.169.0".to_owned()),
    }
}

/// What is published from one release to another, the two included.
fn between(old: &Version, new: &Version, stop: &AtomicBool) -> Result<Vec<Version>, Failure> {
    if old == new {
        let problem = format!("--good and --bad are both {old}; name two releases");
        return Err(Failure::Usage(problem));
    }
    let range = format!("{old}..{new}").parse::<Span>().map_err(Failure::usage)?;
    let ends = [old, new].map(|end| Span::One(Spec::Version(end.clone())));
    let spans: Vec<Span> = ends.into_iter().chain([range]).collect();
    let clients = Clients::default();
    let found = servers(&clients, &spans, Every::Release, &mut |_| going(stop));
    let found = found.map_err(failure)?;
    let versions = found.into_iter().filter_map(|spec| match spec {
        Spec::Version(version) => Some(version),
        Spec::Latest | Spec::Path(_) => None,
    });
    Ok(versions.collect())
}

impl Bisecting<'_> {
    /// Runs the case on a release.
    fn attempt(&self, at: usize) -> Result<Trial, Failure> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Failure::Trouble("stopped before the boundary was found".to_owned()));
        }
        let spec = Spec::Version(self.releases[at].clone());
        let executable = match provide(&spec, &cache()?, (&self.stop, false)) {
            Ok(executable) => executable,
            Err(failure) => return Ok(Trial::Unjudged(failure.to_string())),
        };
        let (path, version) = (executable.path.clone(), executable.version.clone());
        let test_bed = TestBed::prepare(path, version, self.profile, Timeouts::default());
        let mut test_bed = match test_bed {
            Ok(test_bed) => test_bed,
            Err(error) => return Ok(Trial::Unjudged(error.to_string())),
        };
        // The releases that the program names are the same beside each one that is searched.
        let named: Vec<Spec> = self.program.releases().into_iter().map(Spec::Version).collect();
        let _held = add(&mut test_bed, &named, (&self.stop, false))?;
        Ok(Trial::of(self.program, self.runs, &mut Worker::new(Arc::new(test_bed))))
    }

    /// Tells the search what a release shows, compared with the newest.
    fn take(
        &mut self,
        at: usize,
        trial: Trial,
        (search, flags): (&mut Search, &Flags),
    ) -> Result<(), Failure> {
        let is_newest = at + 1 == self.releases.len();
        if let Trial::Unjudged(reason) = &trial {
            let problem = format!("cannot judge {}: {reason}", self.releases[at]);
            return search.pass_over().then_some(()).ok_or(Failure::Trouble(problem));
        }
        if is_newest {
            contradicts(&trial, &self.releases[at], flags)?;
        }
        let newest = self.trials.last().and_then(Option::as_ref);
        search.tell(newest.is_none_or(|newest| trial.is_like(newest)));
        self.trials[at] = Some(trial);
        Ok(())
    }

    fn conclusion(&self, Boundary { first, last }: Boundary) -> (u8, String) {
        let (here, newest) = (&self.releases[first], &self.releases[self.releases.len() - 1]);
        let Some(last) = last else {
            return (1, format!("no change: {here} and {newest} show the same"));
        };
        let before = &self.releases[last];
        let shows = |at: usize| match &self.trials[at] {
            Some(trial) => trial.to_string(),
            None => "was not tried".to_owned(),
        };
        let gap = first - last - 1;
        let gap = match gap {
            0 => String::new(),
            gap => format!("; {} between them could not be judged", plural(gap, "release")),
        };
        let unsupported = matches!(self.trials[last], Some(Trial::Unsupported(_)));
        let proven = match unsupported {
            true => {
                format!("{here} is the first release that can be asked, and it {}", shows(first))
            }
            false => format!("{here} is the first release that {}", shows(first)),
        };
        (0, format!("{proven}; {before} {}{gap}", shows(last)))
    }
}

/// The newest end must be what it is called, where that can be seen.
fn contradicts(trial: &Trial, release: &Version, flags: &Flags) -> Result<(), Failure> {
    let Trial::Shows { signatures, runs } = trial else {
        return Ok(());
    };
    if *release == flags.bad && signatures.is_empty() {
        let problem = format!("{release} is called bad, and shows nothing in {runs} runs");
        return Err(Failure::Usage(format!("{problem}; name one that does")));
    }
    Ok(())
}
