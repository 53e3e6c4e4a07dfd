//! How far a campaign is, on stderr.
//!
//! A bar that stays at the bottom of a terminal; elsewhere a line now and then. What is found gets
//! a line at once, which begins with its clause. Says nothing where it is told to be silent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::words::{self, plural, rate};
use crate::campaign::{Event, FindingReport};
use crate::judge::record::Status;
use crate::judge::signature::Signature;

/// How often the bar moves by itself: its clock shows tenths of nothing smaller than a second.
const TICK: Duration = Duration::from_millis(200);

/// How often there is a line where there is no bar: six in a minute are read, more are skipped.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A bar.
    Bar,
    /// Lines.
    Lines,
    /// Nothing.
    Silent,
}

impl Pace {
    /// What stderr takes.
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
    found: BTreeSet<Signature>,
    /// Signatures that are looked into, with runs and lines so far.
    open: BTreeMap<Signature, (u32, usize)>,
    line_at: Duration,
}

/// What the campaign may spend.
#[derive(Clone, Copy, Debug, Default)]
struct Budget {
    cases: Option<u64>,
    time: Option<Duration>,
}

impl Progress {
    /// Progress at a pace.
    pub fn new(pace: Pace) -> Progress {
        let bar = match pace {
            Pace::Bar => ProgressBar::no_length(),
            Pace::Lines | Pace::Silent => ProgressBar::hidden(),
        };
        let (budget, found, open) = (Budget::default(), BTreeSet::new(), BTreeMap::new());
        Progress { pace, bar, budget, cases: 0, found, open, line_at: LINE_EVERY }
    }

    /// Takes one event.
    pub fn hear(&mut self, event: &Event) {
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
                "the server prints no schema ({reason}); nothing is gated, and W2 checks JSON-RPC \
                 only"
            )),
            Event::NoSandbox { reason } => {
                self.line(&format!("E2 is not tested: this machine cannot sandbox: {reason}"));
            }
            Event::Case { index, inconclusive, .. } => {
                self.cases += 1;
                if let Some(reason) = inconclusive {
                    self.line(&format!("case {index} says nothing: {reason}"));
                }
            }
            Event::Found { signature, index, known } => self.found(signature, *index, *known),
            Event::Shrinking { signature, runs, lines } => {
                self.open.insert(signature.clone(), (*runs, *lines));
            }
            Event::FindingReport(told) => self.told(told),
            Event::Stale(stale) => {
                self.line(&format!("{}: stale; {}", stale.signature, words::stale(stale)));
            }
            Event::Ended(_) => {}
        }
        self.show();
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// A signature that is found again has now shown with more allowed than was due.
    fn found(&mut self, signature: &Signature, index: u64, known: bool) {
        let again = !self.found.insert(signature.clone());
        let widened = if again { " now WIDENED," } else { "" };
        if !known {
            self.open.insert(signature.clone(), (0, 0));
        }
        let then = if known { "known" } else { "shrinking it" };
        self.line(&format!("{signature}:{widened} in case {index}; {then}"));
    }

    fn told(&mut self, told: &FindingReport) {
        self.open.remove(&told.finding.signature());
        if told.status == Status::Known {
            return;
        }
        let widened = if told.finding.widened { "WIDENED, " } else { "" };
        let lines = plural(told.steps, "line");
        let signature = told.finding.signature();
        let confirmed = words::confirmed(told.status, told.confirmed);
        let status = words::status(told.status);
        self.line(&format!("{signature}: {widened}{status}; {lines}, {confirmed}"));
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
            // A bar that cannot be drawn is no reason to end a campaign.
            let _ = write!(text, "{} left", words::time(whole(left)));
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
        if self.pace == Pace::Lines && elapsed >= self.line_at {
            self.line_at = elapsed + LINE_EVERY;
            let message = self.message(elapsed);
            self.line(&format!("{} gone: {message}", words::time(whole(elapsed))));
        }
    }

    fn message(&self, elapsed: Duration) -> String {
        let cases = match self.budget.cases {
            Some(all) => format!("{}/{}", self.cases, plural(all, "case")),
            None => plural(self.cases, "case"),
        };
        let rate = rate(self.cases, elapsed);
        let findings = plural(self.found.len(), "finding");
        let shrinking = match self.open.len() {
            0 => String::new(),
            open => format!(" ({open} shrinking)"),
        };
        format!("{cases}, {rate:.1}/s, {findings}{shrinking}")
    }

    /// A line that stays.
    fn line(&self, text: &str) {
        match self.pace {
            Pace::Bar => self.bar.suspend(|| eprintln!("{text}")),
            Pace::Lines => eprintln!("{text}"),
            Pace::Silent => {}
        }
    }
}

impl Budget {
    fn words(self) -> String {
        match (self.cases, self.time) {
            (Some(cases), Some(time)) => {
                format!("{} or {}", plural(cases, "case"), words::time(time))
            }
            (Some(cases), None) => plural(cases, "case"),
            (None, Some(time)) => words::time(time),
            (None, None) => "without an end".to_owned(),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn whole(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}
