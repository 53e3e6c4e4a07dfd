//! The results of a campaign as a page: one HTML file with nothing loaded from elsewhere.
//!
//! Causes come first. Everything shows without a script; a small one filters the causes, and on the
//! page of a running campaign it puts new parts in the place of old ones. Every state has a word.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::stage::{Progress, Stage};
use self::view::View;
use super::results::Results;
use super::words::{self, plural};
use crate::campaign::{Conclusion, Outcome};
use crate::judge::record::Status;

mod causes;
mod clients;
mod coverage;
mod filters;
mod phrases;
mod remarks;
pub mod stage;
mod view;

/// The style that it shares with the page of a matrix.
const SHARED_STYLE: &str = include_str!("matrix/page.css");

const STYLE: &str = include_str!("page/page.css");

const SCRIPT: &str = include_str!("page/page.js");

/// Nothing may be loaded; a page that is served asks its own server for news.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                          connect-src 'self'; base-uri 'none'; form-action 'none'";

/// The file `report.html`.
pub fn file(results: Results<'_>) -> String {
    let stage = Stage::Over;
    document(View { results, stage: &stage, has_files: true }, false)
}

/// The page of a campaign that is served.
pub fn served(results: Results<'_>, stage: &Stage) -> String {
    document(View { results, stage, has_files: false }, true)
}

/// The part of the served page that changes.
pub fn fragment(results: Results<'_>, stage: &Stage) -> String {
    main(View { results, stage, has_files: false }).into_string()
}

fn document(view: View<'_>, is_live: bool) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="content-security-policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { "heirloom: " (title(view)) }
                style { (PreEscaped(SHARED_STYLE)) (PreEscaped(STYLE)) }
            }
            body data-live[is_live] {
                a.skip href="#causes" { "Skip to the causes" }
                @if is_live {
                    p.lost #lost role="alert" hidden {
                        "heirloom has ended or does not answer. This is the last state that this \
                         page has got."
                    }
                }
                (main(view))
                footer {
                    p.faint {
                        "Made by heirloom " (env!("CARGO_PKG_VERSION")) ", model revision "
                        (crate::model::REVISION) "."
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

fn main(view: View<'_>) -> Markup {
    let number = match view.stage {
        Stage::Running(progress) => progress.number.to_string(),
        Stage::Over => "over".to_owned(),
    };
    html! {
        main #main data-state=(number) data-title={ "heirloom: " (title(view)) } {
            (head(view))
            (filters::form(&view.results))
            (causes::section(view))
            (coverage::section(&view.results))
            (remarks::section(&view.results))
        }
    }
}

fn title(view: View<'_>) -> String {
    let results = view.results;
    let server = results.server();
    match view.stage {
        Stage::Over => format!("{server} {}", words::verdict(results.outcome)),
        Stage::Running(_) if server.is_empty() => "The campaign begins".to_owned(),
        Stage::Running(_) => format!("{server} is being checked"),
    }
}

/// The verdict, or how far the campaign is.
fn head(view: View<'_>) -> Markup {
    html! {
        section #verdict aria-label="Verdict" {
            h1 { (title(view)) }
            @match view.stage {
                Stage::Running(progress) => { (running(progress)) }
                Stage::Over => {
                    p.conclusion.(mark(view.results.outcome)) {
                        strong { (conclusion(view.results.outcome.conclusion())) }
                        " Exit code " (view.results.outcome.conclusion() as u8) "."
                        @if !view.has_files { " The campaign is over." }
                    }
                }
            }
            (counts(view.results.outcome))
            (facts(view))
        }
    }
}

fn running(progress: &Progress) -> Markup {
    let Progress { text, investigation, done, all, .. } = progress;
    html! {
        p.running #running role="status" { (text) }
        @if let Some(investigation) = investigation { p { (investigation) } }
        @if let Some(all) = all {
            progress value=(done) max=(all) aria-labelledby="running" {}
        } @else {
            progress aria-labelledby="running" {}
        }
    }
}

fn mark(outcome: &Outcome) -> &'static str {
    match outcome.conclusion() {
        Conclusion::Conforms => "is-good",
        Conclusion::NewFinding => "is-bad",
        _ => "is-doubtful",
    }
}

fn conclusion(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Conforms => "The server conforms.",
        Conclusion::NewFinding => "The server does not conform.",
        Conclusion::Interrupted => "Undecided: stopped before its end.",
        Conclusion::Trouble => "Undecided: not every case could be judged.",
        Conclusion::StaleKnown => "The list of known deviations is stale.",
        Conclusion::NothingRan => "Nothing ran.",
    }
}

/// The causes by status, as large numbers.
fn counts(outcome: &Outcome) -> Markup {
    let count = |status| outcome.causes.iter().filter(|cause| cause.status == status).count();
    let widened = outcome.causes.iter().filter(|cause| cause.widened).count();
    let flaky = outcome.findings.iter().filter(|report| report.status == Status::Flaky).count();
    let all = [
        ("new", count(Status::New), plural(count(Status::New), "new cause")),
        ("wide", widened, plural(widened, "cause") + " WIDENED"),
        ("known", count(Status::Known), plural(count(Status::Known), "known cause")),
        (
            "known",
            count(Status::Carried),
            plural(count(Status::Carried), "cause") + " carried over",
        ),
        ("flaky", flaky, plural(flaky, "flaky finding")),
    ];
    html! {
        ul.counts {
            @for (class, number, words) in &all {
                @if *number > 0 || *class == "new" {
                    @let words = words.split_once(' ').map_or("", |(_, words)| words);
                    li.{ "count-" (class) } { b { (number) } " " (words) }
                }
            }
        }
    }
}

fn facts(view: View<'_>) -> Markup {
    let Results { outcome, invocation, commands, again } = view.results;
    let Outcome { subject, seed, cases, steps, wall, interrupted, .. } = outcome;
    html! {
        dl.facts {
            dt { "Server" }
            dd { (words::server(subject)) }
            dt { "Ran" }
            dd {
                (plural(*cases, "case")) " with " (plural(*steps, "step")) " in "
                (words::time(*wall)) ", seed " (seed)
                @if *interrupted { ", stopped early" }
            }
            dt { "Known list" }
            dd { (invocation.known_list) }
            dt { "Results" }
            dd { code { (commands.folder.display()) } }
            @if !again.is_empty() {
                dt { "Again" }
                dd { code { (again) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::stage::{Progress, Stage};
    use super::{file, fragment};
    use crate::judge::record::Status;
    use crate::report::tests::{outcome, report, results};

    #[test]
    fn a_page_loads_nothing_and_shows_every_cause_without_a_script() {
        let statuses = [Status::New, Status::Known, Status::Carried, Status::Flaky];
        let outcome = outcome(statuses.map(report).to_vec());
        let html = file(results(&outcome));
        let outside = ["http:", "https:", "url(", "@import", "<img", "<link", " src="];
        let found: Vec<&&str> = outside.iter().filter(|word| html.contains(**word)).collect();
        assert!(found.is_empty(), "{found:?}");
        assert_eq!(html.matches("<article ").count(), statuses.len());
        // Only the filters, which would do nothing without a script.
        assert_eq!(html.matches(" hidden>").count(), 1);
        for id in html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert_eq!(html.matches(&format!(" id=\"{id}\"")).count(), 1, "{id} is there twice");
        }
    }

    #[test]
    fn words_of_a_server_stay_words() {
        let mut report = report(Status::New);
        report.record.finding.seen = "<script>alert(1)</script>\"'".to_owned();
        let mut outcome = outcome(vec![report]);
        outcome.causes[0].title = "`<script>` & </h3><script>".to_owned();
        let html = file(results(&outcome));
        assert_eq!(html.matches("<script>").count(), 1, "the page's own");
        assert!(html.contains("seen &lt;script&gt;alert(1)"), "{html}");
    }

    #[test]
    fn a_running_campaign_shows_how_far_it_is_and_a_finished_one_its_exit_code() {
        let outcome = outcome(vec![report(Status::New)]);
        let text = "3 of 4 cases ran.".to_owned();
        let progress = Progress { number: 9, text, done: 3, all: Some(4), investigation: None };
        let stages = [Stage::Running(progress), Stage::Over];
        let [running, over] = stages.map(|stage| fragment(results(&outcome), &stage));
        let has = |html: &str| {
            let words =
                ["3 of 4 cases ran.", "value=\"3\" max=\"4\"", "data-state=\"9\"", "Exit code 1"];
            words.map(|word| html.contains(word))
        };
        assert_eq!(has(&running), [true, true, true, false]);
        assert_eq!(has(&over), [false, false, false, true]);
    }
}
