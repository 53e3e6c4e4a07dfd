//! The causes, a card each: its words, the values, the program and the command that replays it.

use itertools::Itertools;
use maud::{Markup, html};

use super::clients;
use super::phrases::{capitalised, code};
use super::stage::Stage;
use super::view::View;
use crate::campaign::FindingReport;
use crate::cause::words::dimension;
use crate::judge::record::Status;
use crate::report::matrix::page::phrases::program;
use crate::report::results::{Entry, ValueRow, status_words};
use crate::report::words::{self, plural};

pub(super) fn section(view: View<'_>) -> Markup {
    let entries = view.results.entries();
    html! {
        section #causes tabindex="-1" aria-labelledby="causes-head" {
            h2 #causes-head { "Causes" }
            @if entries.is_empty() {
                p { (none(view)) }
            } @else {
                p.faint {
                    "A cause is what a maintainer would fix once. New ones come first, then those \
                     that widen: the server allows more than it should."
                }
            }
            @for entry in &entries { (card(view, entry)) }
        }
    }
}

fn none(view: View<'_>) -> &'static str {
    match view.stage {
        Stage::Running(_) => "None so far.",
        Stage::Over => "None: every comparison agreed.",
    }
}

fn card(view: View<'_>, entry: &Entry<'_>) -> Markup {
    let clauses = entry.clauses().iter().join(" ");
    let settings = entry.dimensions().iter().join(" ");
    let id = format!("cause-{}", entry.id());
    let head = format!("{id}-head");
    html! {
        article.card.cause id=(id) aria-labelledby=(head)
            data-status=(status_words(entry.status())) data-clauses=(clauses)
            data-settings=(settings) data-widened[entry.widened()] {
            h3 id=(head) { (code(&capitalised(&entry.title()))) }
            (tags(entry))
            (facts(entry))
            (values(&entry.values()))
            @if let Some(example) = entry.example() { (example_of(view, example)) }
            (findings(view, entry))
        }
    }
}

fn tags(entry: &Entry<'_>) -> Markup {
    let status = entry.status();
    let class = match status {
        Status::New => "is-new",
        Status::Known | Status::Carried => "known",
        Status::Flaky => "is-flaky",
    };
    html! {
        p.tags {
            span.tag.(class) { (status_words(status)) }
            @if entry.widened() { span.tag.widened { "WIDENED: allows more than it should" } }
        }
    }
}

fn facts(entry: &Entry<'_>) -> Markup {
    let lists = entry.cause.map_or_else(Vec::new, |cause| {
        vec![
            ("Matters", &cause.matters),
            ("No matter", &cause.does_not_matter),
            ("Not tried", &cause.not_tried),
        ]
    });
    let clauses = entry.clauses();
    html! {
        dl {
            dt { "Breaks" }
            dd { (words::clauses(&clauses)) }
            @if let Some(probe) = entry.findings.iter().find_map(|each| each.probe.as_ref()) {
                dt { "Probe" }
                dd { (words::probe(probe)) }
            }
            @for (label, items) in lists {
                @if !items.is_empty() {
                    dt { (label) }
                    dd { (code(&items.join("; "))) }
                }
            }
            @if let Some(reason) = entry.excuse() {
                dt { "Excused" }
                dd { (code(reason)) }
            }
            @if let Some(report) = entry.example() {
                @let strength = report.finding.strength;
                dt { "Strength" }
                dd { (strength) ", a " (strength.verdict()) ": " (strength.meaning()) }
                dt { "Confirmed" }
                dd { (words::confirmed(report)) ", on " (words::ran_on(&report.finding.home_history)) }
            }
        }
    }
}

fn values(values: &[ValueRow]) -> Markup {
    html! {
        div.box tabindex="0" role="region" aria-label="Wrong values" {
            table.values {
                thead {
                    tr {
                        @for head in ["Setting", "Expected", "Seen", "After", "Clause"] {
                            th scope="col" { (head) }
                        }
                    }
                }
                tbody {
                    @for value in values {
                        tr {
                            th scope="row" { (value.dimension.map_or("-", dimension)) }
                            td { code { (value.expected) } }
                            td.broken { code { (value.seen) } }
                            td { code { (value.operation) } }
                            td { (value.clause.titled()) }
                        }
                    }
                }
            }
        }
    }
}

/// The program that shows it, and the command that runs it again.
fn example_of(view: View<'_>, report: &FindingReport) -> Markup {
    let subject = words::subject(&report.finding);
    html! {
        h4 { "The program" }
        p.faint { (code(&capitalised(&subject))) "; > marks the step that shows it." }
        div.program tabindex="0" role="region" aria-label="Program" {
            (program(&report.trace.program, &report.finding))
        }
        (clients::timeline(&report.trace, report.finding.step))
        h4 { "Run it again" }
        pre.command tabindex="0" { (view.results.replay(report)) }
    }
}

/// Every finding of the cause, with its file.
fn findings(view: View<'_>, entry: &Entry<'_>) -> Markup {
    html! {
        details id={ "findings-" (entry.id()) } {
            summary { (plural(entry.findings.len(), "finding")) }
            ul {
                @for report in &entry.findings {
                    @let finding = &report.finding;
                    li {
                        (words::clause(finding.clause, finding.dimension)) ": "
                        code { (words::seen(finding)) } " instead of " code { (finding.expected) }
                        " after " code { (finding.kind) } ", "
                        @if view.has_files {
                            a href=(report.record.case) { (report.record.case) }
                        } @else {
                            code { (report.record.case) }
                        }
                    }
                }
            }
        }
    }
}
