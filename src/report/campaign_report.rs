//! One campaign on this process's streams and in its folder, from its first event to its end.

use std::fs::OpenOptions;
use std::io::{self, Write};

use super::annotations::{self, Job};
use super::final_summary::FinalSummary;
use super::finding::{FindingText, ReplayCommands};
use super::invocation::Invocation;
use super::json::event;
use super::live::LivePage;
use super::progress::{Pace, Progress};
use super::results::Results;
use super::run_folder::Folder;
use super::stdout::Stdout;
use super::style::Style;
use super::{Block, blocks, cause, coverage, markdown};
use crate::campaign::{Event, Outcome};

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
