//! Events to people and to programs: terminal, JSON lines, files.
//!
//! Progress goes to stderr, results to stdout, everything to the folder of the run. Tells what was
//! decided and decides nothing: no verdict, no status and no exit code is made here. A reader who
//! goes away, as `head` does, ends nothing.

use std::io;

use crate::campaign::{Event, Outcome};
use crate::judge::record::Status;

pub mod clauses;
pub mod final_summary;
pub mod coverage;
pub mod read_results;
pub mod finding;
pub mod run_folder;
pub mod download_progress;
pub mod json;
pub mod timeline;
pub mod clause_history;
pub mod matrix;
pub mod stdout;
pub mod style;
pub mod progress;
pub mod summary;
#[cfg(test)]
mod tests;
pub mod words;

use self::final_summary::Closing;
use self::finding::{FindingText, ReplayCommands};
use self::json::event;
use self::progress::{Pace, Progress};
use self::run_folder::Folder;
use self::stdout::Out;
use self::style::Style;

/// How a campaign is told.
#[derive(Clone, Copy, Debug)]
pub struct OutputMode {
    /// Events as JSON lines on stdout, and nothing else there.
    pub json: bool,
    /// Findings and the summary only.
    pub quiet: bool,
    /// With the table of what was compared.
    pub coverage: bool,
}

/// Tells one campaign, from its first event to its end.
#[derive(Debug)]
pub struct Report {
    voice: OutputMode,
    folder: Folder,
    ways: ReplayCommands,
    progress: Progress,
    out: Out,
    paint: Style,
    trouble: Option<io::Error>,
}

impl Report {
    /// A report into a folder and onto this process's streams. `flags` name the same server to
    /// another command.
    pub fn new(voice: OutputMode, folder: Folder, flags: String) -> Report {
        let pace = if voice.quiet { Pace::Silent } else { Pace::of_stderr() };
        let progress = Progress::new(pace);
        let ways = ReplayCommands { folder: folder.path().to_owned(), flags };
        let (out, paint) = (Out::stdout(), Style::stdout());
        Report { voice, folder, ways, progress, out, paint, trouble: None }
    }

    /// Tells one event. What cannot be written is remembered and told at the end.
    pub fn hear(&mut self, event: &Event) {
        self.progress.hear(event);
        let told = self.write(event);
        self.trouble = self.trouble.take().or(told.err());
    }

    /// Prints the findings as programs and the summary, and closes the folder. `again` is the
    /// command that does the same campaign once more.
    ///
    /// # Errors
    /// The first thing that could not be written in the whole course of the campaign.
    pub fn end(mut self, outcome: &Outcome, again: &str) -> io::Result<()> {
        self.progress.end();
        let closed = self.folder.close(outcome, &self.ways);
        let printed = if self.voice.json { Ok(()) } else { self.print(outcome, again) };
        let first = self.trouble.or(closed.err()).or(printed.err());
        first.map_or(Ok(()), Err)
    }

    fn write(&mut self, happened: &Event) -> io::Result<()> {
        let line = event(happened).to_string();
        self.folder.hear(happened, &line, &self.ways)?;
        match self.voice.json {
            true => self.out.say(&format!("{line}\n")),
            false => Ok(()),
        }
    }

    fn print(&mut self, outcome: &Outcome, again: &str) -> io::Result<()> {
        for told in outcome.findings.iter().filter(|told| told.status != Status::Known) {
            let text = FindingText::told(told, &self.ways).text(&self.paint);
            self.out.say(&format!("{text}\n"))?;
        }
        if self.voice.coverage {
            self.out.say(&format!("{}\n", coverage::performed(&outcome.performed)))?;
            self.out.say(&format!("{}\n", coverage::views(&outcome.tally)))?;
            self.out.say(&format!("{}\n", coverage::table(&outcome.tally)))?;
        }
        let closing = Closing { outcome, folder: &self.ways.folder, again };
        self.out.say(&closing.text(&self.paint))
    }
}
