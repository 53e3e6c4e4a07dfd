//! How far a matrix is, on stderr.
//!
//! Each release has a line when it begins and one when it is done; in between its campaign tells of
//! itself. Says nothing where it is told to be silent.

use crate::matrix::{Event, Outcome};
use crate::report::progress::{Pace, Progress};
use crate::report::words::{self, plural};

/// The progress of one matrix.
#[derive(Debug)]
pub struct MatrixProgress {
    pace: Pace,
    campaign: Option<Progress>,
}

impl MatrixProgress {
    /// Progress at a pace.
    pub fn new(pace: Pace) -> MatrixProgress {
        MatrixProgress { pace, campaign: None }
    }

    /// Takes one event.
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::Waiting { label } => self.line(&format!("{label}: waiting for it")),
            Event::Running { label, number, of } => {
                self.line(&format!("{label}: {number} of {of}"));
                self.campaign = Some(Progress::new(self.pace));
            }
            Event::Asking { label, programs } => {
                let programs = plural(*programs, "program");
                self.line(&format!("{label}: asked for what others show, {programs}"));
                self.campaign = Some(Progress::new(self.pace));
            }
            Event::Campaign(event) => {
                if let Some(progress) = &mut self.campaign {
                    progress.hear(event);
                }
            }
            Event::Done(column) => {
                if let Some(progress) = self.campaign.take() {
                    progress.end();
                }
                let label = &column.label;
                match &column.outcome {
                    Outcome::NotRun(reason) => self.line(&format!("{label}: not run: {reason}")),
                    Outcome::Ran(results) => {
                        let found = plural(results.findings.len(), "finding");
                        let (when, took) = match results.stored {
                            true => ("run before, in", results.wall),
                            false => ("in", results.wall),
                        };
                        self.line(&format!("{label}: {found}, {when} {}", words::time(took)));
                    }
                }
            }
        }
    }

    fn line(&self, text: &str) {
        if self.pace != Pace::Silent {
            eprintln!("{text}");
        }
    }
}
