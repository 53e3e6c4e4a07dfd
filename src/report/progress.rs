//! How far a campaign is, on stderr: a bar on a terminal, a line now and then elsewhere, and a line
//! for each finding.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::words::{self, plural, rate};
use crate::campaign::{Event, FindingReport};
use crate::contract::Clause;
use crate::judge::record::Status;
use crate::judge::signature::Signature;

/// How often the bar is drawn: it shows seconds.
const TICK: Duration = Duration::from_millis(200);

/// How often there is a line where there is no bar: six in a minute are read, more are skipped.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Stands in place of the time left once no further case is begun.
const FINISHING: &str = "finishing: findings are confirmed, known deviations replayed";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    Bar,
    Lines,
    Silent,
}

impl Pace {
    pub fn of_stderr() -> Pace {
        if console::Term::stderr().is_term() { Pace::Bar } else { Pace::Lines }
    }
}

/// The progress of one campaign.
#[derive(Debug)]
pub struct Progress {
    pace: Pace,
    bar: ProgressBar,
    budget: Budget,
    cases: u64,
    new: BTreeSet<Signature>,
    known: BTreeSet<Signature>,
    /// Signatures that are being shrunk.
    shrinking: BTreeSet<Signature>,
    line_at: Duration,
    finishing: bool,
}

/// What the campaign may spend.
#[derive(Clone, Copy, Debug, Default)]
struct Budget {
    cases: Option<u64>,
    time: Option<Duration>,
}

impl Progress {
    pub fn new(pace: Pace) -> Progress {
        Progress {
            pace,
            bar: match pace {
                Pace::Bar => ProgressBar::no_length(),
                Pace::Lines | Pace::Silent => ProgressBar::hidden(),
            },
            budget: Budget::default(),
            cases: 0,
            new: BTreeSet::new(),
            known: BTreeSet::new(),
            shrinking: BTreeSet::new(),
            line_at: LINE_EVERY,
            finishing: false,
        }
    }

    pub fn on_event(&mut self, event: &Event) {
        match event {
            Event::Began { subject, seed, jobs, cases, time } => {
                self.budget = Budget { cases: *cases, time: *time };
                let workers = plural(*jobs, "worker");
                let budget = self.budget.words();
                let server = words::server(subject);
                self.line(&format!("checking {server}: seed {seed}, {workers}, {budget}"));
                self.begin();
            }
            Event::NoSchema { reason } => self.line(&format!(
                "the server prints no schema ({reason}): every step is tried, and {} checks \
                 JSON-RPC only",
                Clause::W2.titled()
            )),
            Event::NoSandbox { reason } => {
                let clause = Clause::E2.titled();
                self.line(&format!(
                    "{clause} is not tested: this machine cannot sandbox commands: {reason}"
                ));
            }
            Event::Case { index, inconclusive, .. } => {
                self.cases += 1;
                if let Some(reason) = inconclusive {
                    self.line(&format!("case {index} is inconclusive: {reason}"));
                }
            }
            Event::Found { signature, index, known: true } => self.found_known(signature, *index),
            Event::Found { signature, index, known: false } => self.found_new(signature, *index),
            Event::Shrinking { signature, .. } => {
                self.shrinking.insert(signature.clone());
            }
            Event::FindingReport(report) => self.reported(report),
            Event::Stale(stale) => {
                self.line(&format!("stale known deviation {}: {}", stale.id, words::stale(stale)));
            }
            Event::Ended(_) => {}
        }
        self.show();
    }

    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn found_known(&mut self, signature: &Signature, index: u64) {
        let first = self.known.insert(signature.clone());
        let signature = words::signature(signature);
        self.line(&if first {
            format!("case {index}: known deviation {signature}")
        } else {
            let more = words::ALLOWS_MORE;
            format!("case {index}: again {signature}; this time {more}; still excused")
        });
    }

    fn found_new(&mut self, signature: &Signature, index: u64) {
        let first = self.new.insert(signature.clone());
        self.shrinking.insert(signature.clone());
        let signature = words::signature(signature);
        self.line(&if first {
            format!("case {index}: NEW {signature}; looking for the shortest program")
        } else {
            let more = words::ALLOWS_MORE;
            format!("case {index}: again {signature}; this time {more}; looking into it again")
        });
    }

    fn reported(&mut self, report: &FindingReport) {
        let finding = &report.finding;
        self.shrinking.remove(&finding.signature());
        if report.status == Status::Known {
            return;
        }
        let clause = words::clause(finding.clause, finding.dimension);
        let widened = if finding.widened { "WIDENED, " } else { "" };
        let lines = plural(report.steps, "line");
        let (status, confirmed) = (report.status, words::confirmed(report));
        self.line(&format!("{clause}: {widened}{status}, a program of {lines}, {confirmed}"));
    }

    fn begin(&self) {
        let Budget { cases, time } = self.budget;
        self.bar.reset();
        let template = match (cases, time) {
            (None, None) => "{spinner} {elapsed}  {msg}",
            _ => "{spinner} [{bar:12}] {left}  {msg}",
        };
        let style = ProgressStyle::with_template(template).expect("the template is one of two");
        let left = move |state: &ProgressState, text: &mut dyn Write| {
            let left = match (cases, time) {
                (None, Some(time)) => time.saturating_sub(state.elapsed()),
                _ => state.eta(),
            };
            let is_spent = match (cases, time) {
                (None, Some(_)) => left.is_zero(),
                _ => state.len().is_some_and(|length| state.pos() >= length),
            };
            // A bar that cannot be drawn is no reason to end a campaign.
            let _ = if is_spent {
                text.write_str(FINISHING)
            } else {
                write!(text, "{} left", words::time(whole_seconds(left)))
            };
        };
        self.bar.set_style(style.with_key("left", left).progress_chars("=> "));
        if let Some(length) = cases.or(time.map(milliseconds)) {
            self.bar.set_length(length);
        }
        if self.pace == Pace::Bar {
            self.bar.enable_steady_tick(TICK);
        }
    }

    /// Moves the bar, or writes a line when it is time for one.
    fn show(&mut self) {
        let elapsed = self.bar.elapsed();
        let position = match self.budget.cases {
            Some(_) => self.cases,
            None => milliseconds(elapsed),
        };
        self.bar.set_position(position);
        self.bar.set_message(self.message(elapsed));
        if self.pace == Pace::Lines && !self.finishing && self.budget.is_spent(self.cases, elapsed)
        {
            self.finishing = true;
            self.line(FINISHING);
        }
        if self.pace == Pace::Lines && elapsed >= self.line_at {
            self.line_at = elapsed + LINE_EVERY;
            let message = self.message(elapsed);
            self.line(&format!("{}: {message}", words::time(whole_seconds(elapsed))));
        }
    }

    fn message(&self, elapsed: Duration) -> String {
        let cases = match self.budget.cases {
            Some(all) => format!("{}/{}", self.cases, plural(all, "case")),
            None => plural(self.cases, "case"),
        };
        let rate = rate(self.cases, elapsed);
        let (new, known) = (self.new.len(), self.known.len());
        let shrinking = match self.shrinking.len() {
            0 => String::new(),
            count => format!(" ({count} being shrunk)"),
        };
        format!("{cases}, {rate:.1}/s, {new} new{shrinking}, {known} known")
    }

    fn line(&self, text: &str) {
        match self.pace {
            Pace::Bar => self.bar.suspend(|| eprintln!("{text}")),
            Pace::Lines => eprintln!("{text}"),
            Pace::Silent => {}
        }
    }
}

impl Budget {
    fn is_spent(self, cases: u64, elapsed: Duration) -> bool {
        let out_of_time = self.time.is_some_and(|time| elapsed >= time);
        out_of_time || self.cases.is_some_and(|most| cases >= most)
    }

    fn words(self) -> String {
        match (self.cases, self.time) {
            (Some(cases), Some(time)) => {
                format!("{} or {}", plural(cases, "case"), words::time(time))
            }
            (Some(cases), None) => plural(cases, "case"),
            (None, Some(time)) => words::time(time),
            (None, None) => "until it is stopped".to_owned(),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}
