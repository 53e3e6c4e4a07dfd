//! How far a download is: a bar on a terminal, a few lines elsewhere.

use std::time::Duration;

use indicatif::{DecimalBytes, ProgressBar, ProgressStyle};

/// How often the bar's spinner moves.
const TICK: Duration = Duration::from_millis(100);

/// How often a phase that lasts has another line.
const LINE_EVERY: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// As `fetching codex 0.169.0 with npm`.
    pub name: String,
    pub bytes: Option<u64>,
    pub total: Option<u64>,
}

#[derive(Debug)]
pub struct DownloadProgress {
    bar: ProgressBar,
    prints_lines: bool,
    phase: String,
    line_at: Duration,
}

impl DownloadProgress {
    /// Progress as stderr takes it; none where `quiet`.
    pub fn new(quiet: bool) -> DownloadProgress {
        let terminal = console::Term::stderr().is_term();
        let has_bar = terminal && !quiet;
        let bar = if has_bar { ProgressBar::no_length() } else { ProgressBar::hidden() };
        let prints_lines = !terminal && !quiet;
        DownloadProgress { bar, prints_lines, phase: String::new(), line_at: Duration::ZERO }
    }

    pub fn show(&mut self, phase: &Phase) {
        let changed = phase.name != self.phase;
        if changed {
            self.phase.clone_from(&phase.name);
            self.bar.set_style(phase.bar_style());
            self.bar.set_message(phase.name.clone());
            self.bar.enable_steady_tick(TICK);
        }
        if let Some(total) = phase.total {
            self.bar.set_length(total);
        }
        self.bar.set_position(phase.bytes.unwrap_or(0));
        let late = self.bar.elapsed().saturating_sub(self.line_at) >= LINE_EVERY;
        if self.prints_lines && (changed || late) {
            self.line_at = self.bar.elapsed();
            eprintln!("{}", phase.line());
        }
    }

    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}

impl Phase {
    fn bar_style(&self) -> ProgressStyle {
        let template = match (self.bytes, self.total) {
            (Some(_), Some(_)) => {
                "{spinner} {msg} [{bar:16}] {decimal_bytes}/{decimal_total_bytes}"
            }
            (Some(_), None) => "{spinner} {msg} {decimal_bytes}",
            _ => "{spinner} {msg}",
        };
        let style = ProgressStyle::with_template(template).expect("the template is one of three");
        style.progress_chars("=> ")
    }

    fn line(&self) -> String {
        let Phase { name, bytes, total } = self;
        match (bytes.map(DecimalBytes), total.map(DecimalBytes)) {
            (Some(bytes), Some(total)) => format!("{name}: {bytes} of {total}"),
            (Some(bytes), None) => format!("{name}: {bytes}"),
            _ => name.clone(),
        }
    }
}
