//! Campaigns and matrices for people and programs: terminal, JSON lines, files.
//!
//! Progress goes to stderr, results to stdout, everything to the folder of the run. Nothing is
//! decided here: verdicts, statuses and exit codes come from the campaign.

#[cfg(feature = "cli")]
use std::fs::OpenOptions;
#[cfg(feature = "cli")]
use std::io::{self, Write};

#[cfg(feature = "cli")]
use crate::campaign::Event;
use crate::campaign::{FindingReport, Outcome};
use crate::cause::record::CauseRecord;
use crate::judge::record::Status;

#[cfg(feature = "cli")]
pub mod annotations;
pub mod cause;
#[cfg(feature = "cli")]
pub mod export;
#[cfg(feature = "cli")]
pub mod clauses;
#[cfg(feature = "cli")]
pub mod final_summary;
#[cfg(feature = "cli")]
pub mod coverage;
#[cfg(feature = "cli")]
pub mod read_results;
pub mod finding;
pub mod listing;
#[cfg(feature = "cli")]
pub mod run_folder;
#[cfg(feature = "cli")]
pub mod download_progress;
#[cfg(feature = "cli")]
pub mod invocation;
#[cfg(feature = "cli")]
pub mod json;
#[cfg(feature = "cli")]
pub mod junit;
#[cfg(feature = "cli")]
pub mod live;
#[cfg(feature = "cli")]
pub mod markdown;
#[cfg(feature = "cli")]
pub mod page;
#[cfg(feature = "cli")]
pub mod results;
#[cfg(feature = "cli")]
pub mod sarif;
pub mod timeline;
#[cfg(feature = "cli")]
pub mod clause_history;
#[cfg(feature = "cli")]
pub mod matrix;
#[cfg(feature = "cli")]
pub mod stdout;
pub mod style;
#[cfg(feature = "cli")]
pub mod progress;
#[cfg(feature = "cli")]
pub mod summary;
#[cfg(all(test, feature = "cli"))]
mod tests;
pub mod words;

#[cfg(feature = "cli")]
use self::annotations::Job;
#[cfg(feature = "cli")]
use self::final_summary::FinalSummary;
#[cfg(feature = "cli")]
use self::finding::{FindingText, ReplayCommands};
#[cfg(feature = "cli")]
use self::invocation::Invocation;
#[cfg(feature = "cli")]
use self::json::event;
#[cfg(feature = "cli")]
use self::live::LivePage;
#[cfg(feature = "cli")]
use self::progress::{Pace, Progress};
#[cfg(feature = "cli")]
use self::results::Results;
#[cfg(feature = "cli")]
use self::run_folder::Folder;
#[cfg(feature = "cli")]
use self::stdout::Stdout;
#[cfg(feature = "cli")]
use self::style::Style;

#[cfg(feature = "cli")]
/// How a campaign is reported.
#[derive(Clone, Debug, Default)]
pub struct OutputMode {
    /// Events as JSON lines on stdout, and nothing else there.
    pub json: bool,
    /// Findings and the summary only.
    pub quiet: bool,
    /// With the tables of what was performed and compared.
    pub coverage: bool,
    /// The job of GitHub Actions that it runs in.
    pub job: Option<Job>,
}

#[cfg(feature = "cli")]
/// Reports one campaign, from its first event to its end.
#[derive(Debug)]
pub struct Report {
    mode: OutputMode,
    folder: Folder,
    invocation: Invocation,
    commands: ReplayCommands,
    progress: Progress,
    stdout: Stdout,
    style: Style,
    /// The page that shows the campaign while it runs.
    live: Option<LivePage>,
    /// The first error of writing.
    error: Option<io::Error>,
}

#[cfg(feature = "cli")]
impl Report {
    /// A report into a folder and onto this process's streams.
    pub fn new(
        mode: OutputMode,
        folder: Folder,
        invocation: Invocation,
        live: Option<LivePage>,
    ) -> Report {
        let pace = if mode.quiet { Pace::Silent } else { Pace::of_stderr() };
        let commands = invocation.replay_commands(folder.path());
        let (progress, stdout, style) = (Progress::new(pace), Stdout::default(), Style::stdout());
        Report { mode, folder, invocation, commands, progress, stdout, style, live, error: None }
    }

    /// Reports one event; an error of writing is kept for the end.
    pub fn on_event(&mut self, event: &Event) {
        self.progress.on_event(event);
        if let Some(live) = &self.live {
            live.on_event(event, self.progress.elapsed());
        }
        let written = self.write(event);
        self.error = self.error.take().or(written.err());
    }

    /// Prints the findings as programs and the summary, and closes the folder. `again` is the
    /// command that runs the same campaign again.
    ///
    /// # Errors
    /// The first error of writing in the whole campaign.
    pub fn end(mut self, outcome: &Outcome, again: &str) -> io::Result<()> {
        self.progress.end();
        let (invocation, commands) = (&self.invocation, &self.commands);
        let results = Results { outcome, invocation, commands, again };
        let closed = self.folder.close(&results);
        let annotated = annotate(&results, &self.mode, &mut self.stdout);
        if let Some(live) = self.live.take() {
            live.end(&results);
        }
        let printed = if self.mode.json { Ok(()) } else { self.print(outcome, again) };
        let first = self.error.or(closed.err()).or(annotated.err()).or(printed.err());
        first.map_or(Ok(()), Err)
    }

    fn write(&mut self, happened: &Event) -> io::Result<()> {
        let line = event(happened).to_string();
        self.folder.hear(happened, &line, &self.commands)?;
        if self.mode.json {
            self.stdout.write(&format!("{line}\n"))?;
        }
        Ok(())
    }

    fn print(&mut self, outcome: &Outcome, again: &str) -> io::Result<()> {
        let Invocation { program, known_list, .. } = &self.invocation;
        for block in blocks(outcome) {
            let (commands, style) = (&self.commands, &self.style);
            let text = match block {
                Block::Cause(cause, report) => cause::text(cause, report, commands, program, style),
                Block::Finding(report) => {
                    FindingText::for_terminal(report, commands, program).text(style)
                }
            };
            self.stdout.write(&format!("{text}\n"))?;
        }
        if self.mode.coverage {
            self.stdout.write(&format!("{}\n", coverage::performed(&outcome.performed)))?;
            self.stdout.write(&format!("{}\n", coverage::views(&outcome.tally)))?;
            self.stdout.write(&format!("{}\n", coverage::table(&outcome.tally)))?;
        }
        let folder = &self.commands.folder;
        let summary = FinalSummary { outcome, folder, again, known_list };
        self.stdout.write(&summary.text(&self.style))
    }
}

/// Tells the job of GitHub Actions, if there is one. It reads commands on both streams, and with
/// `--json` stdout has events alone.
fn annotate(results: &Results<'_>, mode: &OutputMode, stdout: &mut Stdout) -> io::Result<()> {
    let Some(job) = &mode.job else { return Ok(()) };
    let commands = annotations::text(results, job);
    if mode.json {
        eprint!("{commands}");
    } else {
        stdout.write(&commands)?;
    }
    let Some(path) = &job.summary else { return Ok(()) };
    let cannot = |error: io::Error| {
        let path = path.display();
        io::Error::new(error.kind(), format!("cannot write the job's summary to {path}: {error}"))
    };
    let mut summary = OpenOptions::new().append(true).create(true).open(path).map_err(cannot)?;
    summary.write_all(markdown::text(results).as_bytes()).map_err(cannot)
}

/// What is printed of a campaign before its summary.
pub enum Block<'a> {
    /// A cause, with the finding that it was explained from.
    Cause(&'a CauseRecord, &'a FindingReport),
    /// A finding without a cause: it is flaky, or the campaign was stopped before.
    Finding(&'a FindingReport),
}

/// The causes that are not known, then the findings that have none.
pub fn blocks(outcome: &Outcome) -> Vec<Block<'_>> {
    let new = outcome.causes.iter().filter(|cause| cause.status == Status::New);
    let of_cause = |cause: &CauseRecord| {
        let first = |report: &&FindingReport| report.record.case == cause.case;
        outcome.findings.iter().find(first)
    };
    let causes = new.filter_map(|cause| Some(Block::Cause(cause, of_cause(cause)?)));
    let alone = outcome.findings.iter().filter(|report| report.cause.is_none());
    causes.chain(alone.map(Block::Finding)).collect()
}
