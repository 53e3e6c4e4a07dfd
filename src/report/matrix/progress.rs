//! How far a matrix is, on stderr: a line when a release begins and one when it is done, its
//! campaign's progress between them.

use crate::matrix::{Column, Event, Outcome};
use crate::report::progress::{Pace, Progress};
use crate::report::words::{self, plural};

#[derive(Debug)]
pub struct MatrixProgress {
    pace: Pace,
    campaign: Option<Progress>,
}

impl MatrixProgress {
    pub fn new(pace: Pace) -> MatrixProgress {
        MatrixProgress { pace, campaign: None }
    }

    pub fn on_event(&mut self, event: &Event) {
        match event {
            Event::Waiting { label } => self.line(&format!("{label}: preparing the server")),
            Event::Running { label, number, of, cases, programs } => {
                let cases = plural(*cases, "random case");
                let programs = plural(*programs, "program");
                self.line(&format!(
                    "{label}: release {number} of {of}, {cases} and {programs} of known deviations \
                     or of other releases"
                ));
                self.campaign = Some(Progress::new(self.pace));
            }
            Event::Asking { label, programs } => {
                let programs = plural(*programs, "program");
                self.line(&format!("{label}: running {programs} that other releases failed"));
                self.campaign = Some(Progress::new(self.pace));
            }
            Event::Campaign(event) => {
                if let Some(progress) = &mut self.campaign {
                    progress.on_event(event);
                }
            }
            Event::Done(column) => self.done(column),
        }
    }

    fn done(&mut self, column: &Column) {
        if let Some(progress) = self.campaign.take() {
            progress.end();
        }
        let label = &column.label;
        match &column.outcome {
            Outcome::NotRun(reason) => self.line(&format!("{label}: not run: {reason}")),
            Outcome::Ran(results) => {
                let found = plural(results.findings.len(), "finding");
                let stored = if results.stored { " (run before)" } else { "" };
                let took = words::time(results.wall);
                self.line(&format!("{label}: {found} in {took}{stored}"));
            }
        }
    }

    fn line(&self, text: &str) {
        if self.pace != Pace::Silent {
            eprintln!("{text}");
        }
    }
}
