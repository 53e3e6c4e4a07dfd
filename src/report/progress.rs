//! How far a campaign is, on stderr: a bar on a terminal, a line now and then elsewhere, and a line
//! for each finding.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use semver::Version;

use super::words::{self, plural, rate};
use crate::campaign::{Event, FindingReport};
use crate::contract::Clause;
use crate::judge::record::Status;
use crate::judge::signature::Signature;
use crate::program::release_range::is_untried;

/// How often the bar is drawn: it shows seconds.
const TICK: Duration = Duration::from_millis(200);

/// How often a line is printed in place of a bar: a longer silence looks like a hang.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Stands in place of the time left once no further case is begun.
const FINISHING: &str = "no further case is begun";

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
    /// The titles of the rows that excused a finding.
    known: BTreeSet<String>,
    causes: usize,
    /// Rows of the known list that were replayed, and how many are.
    stale_check: Option<(usize, usize)>,
    /// Signatures that are being looked into.
    shrinking: BTreeSet<Signature>,
    /// What is done for the present one.
    phase: String,
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
            causes: 0,
            stale_check: None,
            shrinking: BTreeSet::new(),
            phase: String::new(),
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
                if let Some(note) = subject.version.as_ref().and_then(untried) {
                    self.line(&note);
                }
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
            Event::Found { index, row: Some(title), .. } => self.found_known(title, *index),
            Event::Found { signature, index, row: None } => self.found_new(signature, *index),
            Event::Shrinking { signature, runs, lines } => {
                self.shrinking.insert(signature.clone());
                let (runs, lines) = (plural(*runs, "run"), plural(*lines, "line"));
                self.phase = format!("shrinking: {lines} after {runs}");
            }
            Event::Explaining { runs, most, .. } => {
                self.phase = format!("explaining: {runs} of at most {}", plural(*most, "run"));
            }
            Event::Confirming { done, runs, .. } => {
                self.phase = format!("confirming: {done} of {}", plural(*runs, "run"));
            }
            Event::FindingReport(report) => self.reported(report),
            Event::Stale(stale) => {
                self.line(&format!("stale known deviation {}: {}", stale.id, words::stale(stale)));
            }
            Event::Cause(report) => {
                self.causes += 1;
                self.line(&format!("cause {}: {}", self.causes, report.record.title));
            }
            Event::StaleCheck { done, rows } => self.stale_check = Some((*done, *rows)),
            Event::Gone(gone) => self.line(&format!("gone on this release: {}", gone.title)),
            Event::Waiting | Event::Ended(_) => {}
        }
        self.show();
    }

    /// Since the first event.
    pub fn elapsed(&self) -> Duration {
        self.bar.elapsed()
    }

    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn found_known(&mut self, title: &str, index: u64) {
        if self.known.insert(title.to_owned()) {
            self.line(&format!("case {index}: known deviation: {title}"));
        }
    }

    fn found_new(&mut self, signature: &Signature, index: u64) {
        let first = self.new.insert(signature.clone());
        self.shrinking.insert(signature.clone());
        if first {
            let signature = words::signature(signature);
            self.line(&format!("case {index}: NEW {signature}; looking for its cause"));
        }
    }

    fn reported(&mut self, report: &FindingReport) {
        let finding = &report.finding;
        self.shrinking.remove(&finding.signature());
        self.phase.clear();
        if matches!(report.status, Status::Known | Status::Carried) {
            return;
        }
        let clause = words::clause(finding.clause, finding.dimension);
        let degree = words::degree(finding);
        let lines = plural(report.steps, "line");
        let (status, confirmed) = (report.status, words::confirmed(report));
        self.line(&format!("{clause}: {degree}{status}, a program of {lines}, {confirmed}"));
    }

    fn begin(&self) {
        let Budget { cases, time } = self.budget;
        self.bar.reset();
        let template = match (cases, time) {
            (None, None) => "{spinner} {elapsed}  {wide_msg}",
            _ => "{spinner} [{bar:12}] {left}  {wide_msg}",
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
        let position = match (self.stale_check, self.budget.cases) {
            // The replays are a phase with a bar of its own.
            (Some((done, rows)), _) => {
                self.bar.set_length(u64::try_from(rows).unwrap_or(u64::MAX));
                u64::try_from(done).unwrap_or(u64::MAX)
            }
            (None, Some(_)) => self.cases,
            (None, None) => milliseconds(elapsed),
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
        if let Some((done, rows)) = self.stale_check {
            return format!("{cases}; replaying known deviations: {done} of {rows}");
        }
        let causes = plural(self.causes, "new cause");
        let known = format!("{} known", self.known.len());
        format!("{cases}, {rate:.1}/s, {causes}, {known}{}", self.investigation())
    }

    /// What is done about new findings now, and how many wait for it.
    fn investigation(&self) -> String {
        let phase = if self.phase.is_empty() { "looking for a cause" } else { &self.phase };
        match self.shrinking.len() {
            0 => String::new(),
            1 => format!("; {phase}"),
            count => format!("; {phase} ({} more)", plural(count - 1, "finding")),
        }
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

/// What is to be known of a release that is older than all on which heirloom was tried.
fn untried(release: &Version) -> Option<String> {
    is_untried(release).then(|| {
        format!(
            "heirloom was never tried on a release as old as {release}: a finding may be its own"
        )
    })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

#[cfg(test)]
mod tests {
    use semver::Version;

    use super::untried;

    #[test]
    fn a_release_older_than_all_that_were_tried_has_a_note() {
        let note = |release| untried(&Version::new(0, release, 0));
        assert_eq!(
            note(120).as_deref(),
            Some(
                "heirloom was never tried on a release as old as 0.120.0: a finding may be its own"
            )
        );
        assert_eq!(note(131), None);
    }
}
