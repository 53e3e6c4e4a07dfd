//! A campaign in one call, for somebody else's tests.
//!
//! A server by release or path, a budget and a seed; findings are programs in the message of the
//! panic, each with the command that runs it again. Reads no argument and no environment variable
//! but HEIRLOOM_CACHE, and leaves no file but the cached server and the cases that are asked for.
//! The seed is fixed unless it is set, so that a test which passes passes again.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, io};

use crate::campaign::{Campaign, Conclusion, FindingReport, Outcome, Subject};
use crate::cause::Known;
use crate::drive::test_bed::{NoTestBed, TestBed};
use crate::drive::timeouts::Timeouts;
use crate::policy::features::FeatureMix;
use crate::provision::{self, Cache, Executable, Spec};
use crate::report::cause::words_of;
use crate::report::finding::{FindingText, ReplayCommands};
use crate::report::style::Style;
use crate::report::{Block, blocks, words};

mod isolated;
#[cfg(test)]
mod tests;

/// Cases, unless a budget is set: some ten seconds on two cores.
const CASES: u64 = 40;

/// The width of the programs in a panic's message, in columns.
const WIDTH: usize = 80;

/// Whether an assertion of this process has replayed the cases of known deviations.
static STALE_CHECKED: AtomicBool = AtomicBool::new(false);

/// A campaign to run within a test.
///
/// ```
/// # if std::env::var("HEIRLOOM_SERVER").as_deref() == Ok("none") { return; }
/// use heirloom::prelude::*;
///
/// Check::new().server("0.169.0").cases(4).seed(7).assert();
/// ```
#[derive(Clone, Debug)]
pub struct Check {
    server: String,
    others: Vec<String>,
    campaign: Campaign,
    /// Where the cases of findings are written.
    out: Option<PathBuf>,
}

/// A campaign that could not begin.
#[derive(Debug, thiserror::Error)]
pub enum Unready {
    /// The server cannot be provided.
    #[error(transparent)]
    Server(#[from] provision::Error),
    /// The server cannot be run.
    #[error(transparent)]
    TestBed(#[from] NoTestBed),
    /// A server to upgrade or downgrade to does not report a release.
    #[error("{0} does not report a version; cases upgrade and downgrade between releases only")]
    NoRelease(String),
}

impl Default for Check {
    fn default() -> Check {
        Check::new()
    }
}

impl Check {
    /// 40 cases of seed 1 on the pinned server, known deviations excused.
    pub fn new() -> Check {
        let campaign = Campaign {
            cases: Some(CASES),
            time: None,
            known: Known::embedded(),
            ..Campaign::default()
        };
        let (server, others) = (Spec::default().to_string(), Vec::new());
        Check { server, others, campaign, out: None }
    }

    /// The server: a release, `latest`, or a path to an executable.
    #[must_use]
    pub fn server(mut self, spec: &str) -> Check {
        self.server = spec.to_owned();
        self
    }

    /// A further server: cases upgrade and downgrade their homes between these and the server that
    /// is checked.
    ///
    /// ```
    /// # if std::env::var("HEIRLOOM_SERVER").as_deref() == Ok("none") { return Ok(()); }
    /// use heirloom::prelude::*;
    ///
    /// let outcome = Check::new().other("0.144.4").cases(2).run()?;
    /// assert_eq!(outcome.subject.others.len(), 1);
    /// assert!(outcome.performed.contains_key("restart graceful release=0.144.4"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn other(mut self, spec: &str) -> Check {
        self.others.push(spec.to_owned());
        self
    }

    /// A folder for the case and the trace of each finding that [`Check::assert`] reports, such as
    /// `target/heirloom`. It is made if it is not there.
    #[must_use]
    pub fn out(mut self, folder: impl Into<PathBuf>) -> Check {
        self.out = Some(folder.into());
        self
    }

    /// The number of cases.
    #[must_use]
    pub fn cases(mut self, cases: u64) -> Check {
        (self.campaign.cases, self.campaign.time) = (Some(cases), None);
        self
    }

    /// How long new cases are started, instead of a number of cases.
    #[must_use]
    pub fn time(mut self, time: Duration) -> Check {
        (self.campaign.cases, self.campaign.time) = (None, Some(time));
        self
    }

    /// The seed that cases are drawn from.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Check {
        self.campaign.seed = seed;
        self
    }

    /// How many servers run at once, instead of one for each core.
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Check {
        self.campaign.jobs = jobs;
        self
    }

    /// The known deviations, instead of the built-in list.
    #[must_use]
    pub fn known(mut self, known: Known) -> Check {
        self.campaign.known = known;
        self
    }

    /// The features of the server, instead of three lean cases of four.
    #[must_use]
    pub fn features(mut self, features: FeatureMix) -> Check {
        self.campaign.features = features;
        self
    }

    /// Runs the campaign.
    ///
    /// # Errors
    /// A server cannot be provided, or is not an app-server; a further one reports no release.
    pub fn run(&self) -> Result<Outcome, Unready> {
        let Executable { path, version, digest, lease: _held, .. } = provided(&self.server)?;
        let mut test_bed = TestBed::prepare(path, version.clone(), Timeouts::default())?;
        let (mut others, mut held) = (Vec::new(), Vec::new());
        for spec in &self.others {
            let other = provided(spec)?;
            let release = other.version.ok_or_else(|| Unready::NoRelease(spec.clone()))?;
            if version.as_ref() != Some(&release) && !others.contains(&release) {
                test_bed.add(other.path, release.clone())?;
                others.push(release);
                held.push(other.lease);
            }
        }
        let campaign = Campaign { others: others.clone(), ..self.campaign.clone() };
        let subject = Subject { spec: self.server.clone(), version, digest, others, client: None };
        Ok(campaign.run(&Arc::new(test_bed), subject, &AtomicBool::new(false), |_| {}))
    }

    /// Runs the campaign, and panics with every new finding as a program, and how to run it again,
    /// unless the server conforms. Only the first call in a process replays the cases of known
    /// deviations.
    #[track_caller]
    pub fn assert(&self) {
        let mut check = self.clone();
        check.campaign.stale_check &= !STALE_CHECKED.swap(true, Ordering::Relaxed);
        match check.run() {
            Err(error) => panic!("heirloom cannot check {}: {error}", self.server),
            Ok(outcome) if outcome.conclusion() == Conclusion::Conforms => {}
            Ok(outcome) => panic!("{}", self.failure(&outcome)),
        }
    }

    /// The findings that are not excused, as programs with the command that runs each again, and
    /// the outcome in a sentence.
    pub fn failure(&self, outcome: &Outcome) -> String {
        let flags = self.replay_flags();
        let commands = ReplayCommands { folder: PathBuf::new(), flags: flags.clone() };
        let style = Style::plain(WIDTH);
        let mut text = String::from("\n");
        for block in blocks(outcome) {
            let report = match block {
                Block::Cause(cause, report) => {
                    text.push_str(&words_of(cause, &style));
                    report
                }
                Block::Finding(report) => report,
            };
            let mut finding = FindingText::for_file(report, &commands);
            let case = self.out.as_ref().map(|folder| keep(folder, report, &finding));
            let (again, files) = match case {
                Some(Ok(case)) => (case.clone(), format!("{case} (.trace beside it)")),
                Some(Err(error)) => (report.token.clone(), error.to_string()),
                None => {
                    let hint = "`.out(\"target/heirloom\")` keeps the program above as a case";
                    (report.token.clone(), hint.to_owned())
                }
            };
            let again = format!("heirloom replay {again} {flags}");
            finding.details.replay = Some(again.trim_end().to_owned());
            finding.details.files = Some(files);
            text.push_str(&format!("{}\n", finding.text(&style)));
        }
        text.push_str(&words::sentence(outcome));
        text
    }

    /// The flags of `heirloom replay` that name the same server in the same state.
    fn replay_flags(&self) -> String {
        let features = self.campaign.features;
        let state = (features != FeatureMix::default()).then(|| format!(" --features {features}"));
        format!("--server {}{}", self.server, state.unwrap_or_default())
    }
}

/// Writes the case and the trace of a finding; gives the path of the case.
fn keep(folder: &Path, report: &FindingReport, finding: &FindingText<'_>) -> io::Result<String> {
    let case = folder.join(format!("{}.case", report.id));
    let written = fs::create_dir_all(folder)
        .and_then(|()| fs::write(&case, finding.case()))
        .and_then(|()| fs::write(case.with_extension("trace"), report.trace.to_string()));
    let case = case.display().to_string();
    match written {
        Ok(()) => Ok(case),
        Err(error) => Err(io::Error::new(error.kind(), format!("cannot write {case}: {error}"))),
    }
}

fn provided(spec: &str) -> Result<Executable, Unready> {
    let (spec, cache): (Spec, Cache) = (spec.parse()?, Cache::user()?);
    Ok(provision::fetch::provide(&spec, &cache, &mut |_| ControlFlow::Continue(()))?)
}
