//! Commands to GitHub Actions: an annotation for each new cause, each stale row and each deviation
//! that is carried over.

use std::path::PathBuf;

use itertools::Itertools;

use super::results::{Entry, Results, case_line};
use super::words;
use crate::campaign::Stale;
use crate::judge::record::Status;

/// What a job of GitHub Actions offers.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// The file that the summary of the job is appended to.
    pub summary: Option<PathBuf>,
    /// The list of known deviations, where it is a file.
    pub known_list: Option<PathBuf>,
}

/// An annotation.
struct Annotation<'a> {
    level: &'static str,
    /// The file that it stands at, and the line.
    place: Option<(String, usize)>,
    title: &'a str,
    message: String,
}

/// The commands, one a line.
pub fn text(results: &Results<'_>, job: &Job) -> String {
    let entries = results.entries();
    let causes = entries.iter().filter_map(|entry| of_entry(results, entry));
    let stale = results.outcome.stale.iter().map(|stale| of_stale(stale, job));
    causes.chain(stale).map(|annotation| annotation.command()).collect()
}

fn of_entry<'a>(results: &Results<'_>, entry: &Entry<'_>) -> Option<Annotation<'a>> {
    let (level, title) = match entry.status() {
        Status::New if entry.cause.is_none() => ("error", "new finding without a cause"),
        Status::New if entry.widened() => ("error", "new cause, WIDENED"),
        Status::New => ("error", "new cause"),
        Status::Carried => ("notice", "known deviation, carried over from an older release"),
        Status::Flaky => ("notice", "flaky finding"),
        Status::Known => return None,
    };
    let place = entry.example().map(|report| {
        let file = results.commands.folder.join(&report.record.case);
        (file.display().to_string(), case_line(report, results.commands))
    });
    let clauses = entry.clauses().iter().map(|clause| clause.titled()).join(", ");
    let replay =
        entry.example().map_or(String::new(), |report| format!("\n{}", results.replay(report)));
    let message = format!("{} ({clauses}){replay}", entry.title());
    Some(Annotation { level, place, title, message })
}

fn of_stale<'a>(stale: &Stale, job: &Job) -> Annotation<'a> {
    let list = job.known_list.as_ref();
    Annotation {
        level: "warning",
        place: list.map(|list| (list.display().to_string(), stale.line)),
        title: "stale known deviation",
        message: format!("{}: {}; {}", stale.id, stale.title, words::stale(stale)),
    }
}

impl Annotation<'_> {
    fn command(&self) -> String {
        let Annotation { level, place, title, message } = self;
        let place = place
            .as_ref()
            .map_or(String::new(), |(file, line)| format!("file={},line={line},", property(file)));
        format!("::{level} {place}title={}::{}\n", property(title), data(message))
    }
}

/// A message, escaped by the rules of workflow commands.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A value of a property, escaped by the same rules.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use expect_test::expect;

    use super::{Job, property, text};
    use crate::campaign::Outcome;
    use crate::judge::record::Status;
    use crate::report::tests::{self, outcome, report};

    #[test]
    fn new_causes_are_errors_stale_rows_warnings_and_known_ones_silent() {
        let statuses = [Status::New, Status::Known, Status::Carried, Status::Flaky];
        let outcome = outcome(statuses.map(report).to_vec());
        let job = Job { summary: None, known_list: Some(PathBuf::from("ci/known.toml")) };
        expect![[r#"
            ::error file=runs/x-7/findings/r4-ap-resume-never-config.case,line=23,title=new cause%2C WIDENED::after `resume`, the approval policy is config.toml's default instead of the thread's own, if the thread is not loaded and `restart` loaded or unloaded it (R4 cold resume)%0Aheirloom replay runs/x-7/findings/r4-ap-resume-never-config.case --server 0.144.4
            ::notice file=runs/x-7/findings/r4-ap-resume-never-config.case,line=22,title=known deviation%2C carried over from an older release::after `resume`, the approval policy is config.toml's default instead of the thread's own, if the thread is not loaded and `restart` loaded or unloaded it (R4 cold resume)%0Aheirloom replay runs/x-7/findings/r4-ap-resume-never-config.case --server 0.144.4
            ::notice file=runs/x-7/findings/r4-ap-resume-never-config.case,line=23,title=flaky finding::R4 cold resume · approval policy: after resume, config.toml's default instead of never (R4 cold resume)%0Aheirloom replay runs/x-7/findings/r4-ap-resume-never-config.case --server 0.144.4
            ::warning file=ci/known.toml,line=9,title=stale known deviation::lost-approval: a resume loses it; lost.case no longer shows it (line 9 of the list)
        "#]].assert_eq(&text(&tests::results(&outcome), &job));
    }

    #[test]
    fn a_new_finding_whose_cause_was_not_found_is_not_called_one() {
        let mut alone = report(Status::New);
        alone.record.cause = None;
        let outcome = Outcome { causes: vec![], ..outcome(vec![alone]) };
        let job = Job { summary: None, known_list: None };
        let text = text(&tests::results(&outcome), &job);
        let title = text.split_once("title=").and_then(|(_, rest)| rest.split_once("::"));
        assert_eq!(title.map(|(title, _)| title), Some("new finding without a cause"));
    }

    #[test]
    fn a_message_of_a_server_cannot_begin_a_command() {
        expect!["a%0A%3A%3Aerror%3A%3Ab%2C 100%25%0D"]
            .assert_eq(&property("a\n::error::b, 100%\r"));
    }
}
