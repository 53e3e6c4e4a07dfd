//! How far one long thing is: a bar on a terminal, lines elsewhere.
//!
//! For what has bytes to count, as a download, and for what has not. Lines are few: one when the
//! thing changes, and one now and then while it lasts.

use std::time::Duration;

use indicatif::{DecimalBytes, ProgressBar, ProgressStyle};

/// How often a bar moves by itself.
const TICK: Duration = Duration::from_millis(100);

/// How often a thing that lasts has another line.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// What is done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// In words, as `fetching codex 0.169.0 by npm`.
    pub what: String,
    /// Bytes that are done.
    pub bytes: Option<u64>,
    /// Bytes of the whole.
    pub total: Option<u64>,
}

/// A gauge on stderr.
#[derive(Debug)]
pub struct DownloadProgress {
    bar: ProgressBar,
    lines: bool,
    what: String,
    told_at: Duration,
}

impl DownloadProgress {
    /// A gauge as stderr takes it; none at all where `quiet`.
    pub fn new(quiet: bool) -> DownloadProgress {
        let terminal = console::Term::stderr().is_term();
        let bar = match terminal && !quiet {
            true => ProgressBar::no_length(),
            false => ProgressBar::hidden(),
        };
        let (what, told_at) = (String::new(), Duration::ZERO);
        DownloadProgress { bar, lines: !terminal && !quiet, what, told_at }
    }

    /// Shows where it is.
    pub fn show(&mut self, stretch: &Phase) {
        let Phase { what, bytes, total } = stretch;
        let changed = *what != self.what;
        if changed {
            self.what.clone_from(what);
            self.bar.set_style(style(*bytes, *total));
            self.bar.set_message(what.clone());
            self.bar.enable_steady_tick(TICK);
        }
        if let Some(total) = total {
            self.bar.set_length(*total);
        }
        self.bar.set_position(bytes.unwrap_or(0));
        let late = self.bar.elapsed().saturating_sub(self.told_at) >= LINE_EVERY;
        if self.lines && (changed || late) {
            self.told_at = self.bar.elapsed();
            eprintln!("{}", line(stretch));
        }
    }

    /// Takes the bar away.
    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}

fn style(bytes: Option<u64>, total: Option<u64>) -> ProgressStyle {
    let template = match (bytes, total) {
        (Some(_), Some(_)) => "{spinner} {msg} [{bar:16}] {decimal_bytes}/{decimal_total_bytes}",
        (Some(_), None) => "{spinner} {msg} {decimal_bytes}",
        _ => "{spinner} {msg}",
    };
    let style = ProgressStyle::with_template(template).expect("the template is one of three");
    style.progress_chars("=> ")
}

/// A stretch as a line.
fn line(stretch: &Phase) -> String {
    let Phase { what, bytes, total } = stretch;
    match (bytes, total) {
        (Some(bytes), Some(total)) => {
            format!("{what}: {} of {}", DecimalBytes(*bytes), DecimalBytes(*total))
        }
        (Some(bytes), None) => format!("{what}: {}", DecimalBytes(*bytes)),
        _ => what.clone(),
    }
}
