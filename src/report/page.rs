//! The results of a campaign as a page: one HTML file with nothing loaded from elsewhere.
//!
//! Causes come first. Everything shows without a script; a small one filters the causes, and on the
//! page of a running campaign it puts new parts in the place of old ones. Every state has a word.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::results::Results;
use super::words::{self, plural};
use crate::campaign::{Conclusion, Outcome};
use crate::judge::record::Status;

mod causes;
mod clients;
mod coverage;
mod filters;
mod remarks;

/// The style that it shares with the page of a matrix.
const SHARED_STYLE: &str = include_str!("matrix/page.css");

const STYLE: &str = include_str!("page/page.css");

const SCRIPT: &str = include_str!("page/page.js");

/// Nothing may be loaded; a page that is served asks its own server for news.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                          connect-src 'self'; base-uri 'none'; form-action 'none'";

/// How far a campaign is that a page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    Running(Progress),
    /// Its files are written.
    Over,
}

/// The state of a running campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Counts the changes.
    pub number: u64,
    /// The work at hand.
    pub text: String,
    pub done: u64,
    /// How much there is to do, where that is known.
    pub all: Option<u64>,
}

/// Results, and how far the campaign is.
#[derive(Clone, Copy, Debug)]
struct View<'a> {
    results: Results<'a>,
    stage: &'a Stage,
    /// Whether files lie beside the page, to which it leads.
    has_files: bool,
}

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
        Stage::Running(_) if server.is_empty() => "a campaign begins".to_owned(),
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
    let Progress { text, done, all, .. } = progress;
    html! {
        p.running #running role="status" { (text) }
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
        Conclusion::Trouble => "Undecided: heirloom itself had trouble.",
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
