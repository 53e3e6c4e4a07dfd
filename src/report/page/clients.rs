//! Who does what when, for a program in which several clients or servers act.

use maud::{Markup, html};

use crate::program::ops::Step;
use crate::report::timeline::{Bar, Concurrency, concurrency, milliseconds};
use crate::trace::Trace;

/// Who performs a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Actor {
    Client,
    SecondClient,
    SecondServer,
    /// Each call of the step has a client of its own.
    Several,
}

struct Act {
    number: usize,
    actor: Actor,
    text: String,
    /// When the first thing of it was seen.
    at_us: Option<u64>,
}

/// The steps by who performs them; nothing where one client does everything.
pub(super) fn timeline(trace: &Trace, marked: usize) -> Markup {
    let acts = acts(trace);
    let mut columns: Vec<Actor> =
        acts.iter().map(|act| act.actor).filter(|actor| *actor != Actor::Several).collect();
    columns.sort_unstable();
    columns.dedup();
    if acts.iter().all(|act| act.actor == Actor::Client) {
        return html! {};
    }
    html! {
        h4 { "Who did what when" }
        div.box tabindex="0" role="region" aria-label="Timeline of the clients" {
            table.clients {
                thead {
                    tr {
                        th scope="col" { "Begun after" }
                        @for actor in &columns { th scope="col" { (actor.words()) } }
                    }
                }
                tbody {
                    @for act in &acts {
                        tr.marked[act.number == marked] {
                            th scope="row" { (act.at_us.map_or("-".to_owned(), milliseconds)) }
                            @if act.actor == Actor::Several {
                                td colspan=(columns.len()) { (calls(trace, act)) }
                            } @else {
                                @for actor in &columns {
                                    td { @if *actor == act.actor { code { (act.text) } } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn acts(trace: &Trace) -> Vec<Act> {
    let seen = || trace.entries.iter().zip(&trace.times_us);
    let acts = trace.program.steps.iter().enumerate().map(|(number, step)| Act {
        number,
        actor: actor(step),
        text: step.to_string().split_whitespace().collect::<Vec<_>>().join(" "),
        at_us: seen().find(|(entry, _)| entry.step == number).map(|(_, us)| *us),
    });
    acts.collect()
}

fn actor(step: &Step) -> Actor {
    match step {
        Step::SecondClient(_) => Actor::SecondClient,
        Step::SecondServer(_) => Actor::SecondServer,
        Step::Parallel(_) => Actor::Several,
        Step::KillDuring(inner, _) => actor(inner),
        _ => Actor::Client,
    }
}

/// The calls of a step as bars over the time that each took.
fn calls(trace: &Trace, act: &Act) -> Markup {
    let Some(Concurrency { length_us, calls, notices }) = concurrency(trace, act.number) else {
        return html! { code { (act.text) } };
    };
    html! {
        p { "Calls at once, over " (milliseconds(length_us)) }
        ul.bars {
            @for call in &calls { (bar(call, length_us, "call")) }
            @for notice in &notices { (bar(notice, length_us, "notice")) }
        }
    }
}

fn bar(bar: &Bar, length_us: u64, class: &str) -> Markup {
    let percent = |us: u64| us * 100 / length_us;
    let (from, to) = (percent(bar.from_us), percent(bar.to_us));
    let style = format!("margin-left: {}%; width: {}%", from.min(98), (to - from).clamp(2, 100));
    html! {
        li.(class) {
            code { (bar.text) }
            div.track aria-hidden="true" { div style=(style) {} }
            @if !bar.answer.is_empty() { span.faint { (bar.answer) } }
        }
    }
}

impl Actor {
    fn words(self) -> &'static str {
        match self {
            Actor::Client => "client",
            Actor::SecondClient => "client 2",
            Actor::SecondServer => "second server",
            Actor::Several => "clients",
        }
    }
}
