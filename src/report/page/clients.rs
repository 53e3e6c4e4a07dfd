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

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::timeline;
    use crate::policy::Defaults;
    use crate::program::thread::ThreadName;
    use crate::trace::{Entry, Observation, ThreadLabel, Trace};

    /// The timeline of the steps, of which step 3 is of two calls.
    fn check(steps: &str, expected: Expect) {
        let program = format!("# heirloom case v2\nconfig\n{steps}audit\n");
        let program = program.parse().expect("it is a program");
        let thread = ThreadLabel::Named(ThreadName(0));
        let policy = Defaults::default().policy();
        let sent = |call| Observation::Sent { call, method: "m".to_owned(), unbound: false };
        let answered = |call| Observation::Answered { call, thread: None, policy: None };
        let seen = [
            (0, 10_000, sent(1)),
            (1, 20_000, sent(2)),
            (3, 30_000, sent(3)),
            (3, 30_100, sent(4)),
            (3, 32_000, answered(4)),
            (3, 33_000, Observation::Settings { thread, policy }),
            (3, 34_000, answered(3)),
        ];
        let times_us = seen.iter().map(|(_, us, _)| *us).collect();
        let entries = seen.into_iter().map(|(step, _, observation)| Entry { step, observation });
        let trace =
            Trace { program, server: None, client: None, entries: entries.collect(), times_us };
        let html = timeline(&trace, 2).into_string();
        expected.assert_eq(&html.replace("<tr", "\n<tr").replace("<li", "\n<li"));
    }

    #[test]
    fn each_client_has_a_column_and_calls_at_once_have_bars() {
        check(
            "start -> t0\nclient2 resume t0\nsettings t0 approval=never\n\
             parallel resume t0 | settings t0 approval=untrusted\n",
            expect![[r#"
                <h4>Who did what when</h4><div class="box" tabindex="0" role="region" aria-label="Timeline of the clients"><table class="clients"><thead>
                <tr><th scope="col">Begun after</th><th scope="col">client</th><th scope="col">client 2</th></tr></thead><tbody>
                <tr class=""><th scope="row">10.0 ms</th><td><code>start -&gt; t0</code></td><td></td></tr>
                <tr class=""><th scope="row">20.0 ms</th><td></td><td><code>client2 resume t0</code></td></tr>
                <tr class="marked"><th scope="row">-</th><td><code>settings t0 approval=never</code></td><td></td></tr>
                <tr class=""><th scope="row">30.0 ms</th><td colspan="2"><p>Calls at once, over 4.0 ms</p><ul class="bars">
                <li class="call"><code>resume t0</code><div class="track" aria-hidden="true"><div style="margin-left: 0%; width: 100%"></div></div><span class="faint">answered after 4.0 ms, with no policy</span></li>
                <li class="call"><code>settings t0 approval=untrusted</code><div class="track" aria-hidden="true"><div style="margin-left: 2%; width: 48%"></div></div><span class="faint">answered after 1.9 ms, with no policy</span></li>
                <li class="notice"><code>notice of t0: approval=on-request reviewer=user sandbox=read-only model=mock-model effort=default cwd=WS collaboration=default roots=CWD</code><div class="track" aria-hidden="true"><div style="margin-left: 75%; width: 2%"></div></div></li></ul></td></tr></tbody></table></div>"#]],
        );
    }

    #[test]
    fn a_program_of_one_client_has_no_timeline() {
        check("start -> t0\nresume t0\n", expect![""]);
    }
}
