//! Calls at once as a picture: each call a bar over the time it took.
//!
//! Below each bar stands what the call was answered, and below all the notices that came in their
//! course. The picture says which calls overlapped, and so which orders of them are possible; of
//! what is no step of several calls there is none.

use super::style::Style;
use super::words::brief;
use crate::program::ops::Step;
use crate::trace::{Observation, Trace};

/// Cells of a bar: the rest of a narrow terminal holds a call.
const CELLS: u64 = 24;

/// Where words begin that stand below a bar.
const INDENT: &str = "        ";

/// What was seen, and when, in microseconds.
type Seen<'a> = (u64, &'a Observation);

/// One call.
struct Lane<'a> {
    step: &'a Step,
    sent_us: u64,
    /// None where no answer came.
    answer: Option<Seen<'a>>,
}

/// The picture of a step of several calls at once; none of any other, and of one that was not
/// performed.
pub fn picture(trace: &Trace, step: usize, paint: &Style) -> Option<String> {
    let whole = trace.program.with_audit();
    let steps = match whole.get(step)? {
        Step::Parallel(steps) => steps,
        Step::KillDuring(inner, _) => match &**inner {
            Step::Parallel(steps) => steps,
            _ => return None,
        },
        _ => return None,
    };
    let facts = trace.facts.iter().zip(&trace.times_us);
    let seen: Vec<Seen<'_>> =
        facts.filter(|(fact, _)| fact.step == step).map(|(fact, us)| (*us, &fact.what)).collect();
    let lanes = lanes(steps, &seen);
    let begun_us = lanes.first()?.sent_us;
    let answers = lanes.iter().filter_map(|lane| lane.answer.map(|(us, _)| us));
    let notices = seen.iter().filter(|(_, what)| matches!(what, Observation::Settings { .. }));
    let ends = answers.chain(notices.clone().map(|(us, _)| *us));
    let span_us = ends.max()?.saturating_sub(begun_us).max(1);
    let mut text = format!("  Calls at once, over {}:\n\n", milliseconds(span_us));
    for (place, lane) in lanes.iter().enumerate() {
        let until_us = lane.answer.map_or(begun_us + span_us, |(us, _)| us);
        let bar = bar((lane.sent_us - begun_us, until_us - begun_us), span_us, '■');
        let call = lane.step.to_string();
        let head = format!("    c{place}  {bar}  ");
        text.push_str(&format!("{}\n", paint.wrap(&head, INDENT, &words(&call))));
        let took = lane.answer.map(|(us, _)| milliseconds(us.saturating_sub(lane.sent_us)));
        let answered = answered(lane.answer.map(|(_, what)| what), took);
        text.push_str(&format!("{}\n", paint.wrap(INDENT, INDENT, &answered)));
    }
    for (us, what) in notices {
        let Observation::Settings { thread, policy } = what else { continue };
        let at_us = us.saturating_sub(begun_us);
        let head = format!("{INDENT}{}  ", bar((at_us, at_us), span_us, '*'));
        let says = format!("notice of {thread}: {policy}");
        text.push_str(&format!("{}\n", paint.wrap(&head, INDENT, &says)));
    }
    Some(text)
}

/// The calls in the order of the step, which is the order in which they were sent.
fn lanes<'a>(steps: &'a [Step], seen: &[Seen<'a>]) -> Vec<Lane<'a>> {
    let sent = seen.iter().filter_map(|(us, what)| match what {
        Observation::Sent { call, .. } => Some((*us, *call)),
        _ => None,
    });
    let lane = |(step, (sent_us, call))| {
        let answer = seen.iter().find(|(_, what)| what.answers(call)).copied();
        Lane { step, sent_us, answer }
    };
    steps.iter().zip(sent).map(lane).collect()
}

/// A bar with these marks from one time to another of a span; one mark at the least.
fn bar((from_us, to_us): (u64, u64), span_us: u64, mark: char) -> String {
    let cell = |us: u64| (us * CELLS / span_us).min(CELLS - 1);
    let (first, last) = (cell(from_us), cell(to_us));
    let cells = (0..CELLS).map(|at| if (first..=last).contains(&at) { mark } else { '-' });
    format!("|{}|", cells.collect::<String>())
}

/// A line without the room that the program's columns take.
fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn answered(answer: Option<&Observation>, took: Option<String>) -> String {
    let took = took.map_or(String::new(), |took| format!(" after {took}"));
    match answer {
        Some(Observation::Answered { policy: Some(policy), .. }) => {
            format!("answered{took}: {policy}")
        }
        Some(Observation::Refused { message, .. }) => format!("refused{took}: {}", brief(message)),
        Some(_) => format!("answered{took}, with no policy"),
        None => "not answered".to_owned(),
    }
}

fn milliseconds(us: u64) -> String {
    format!("{}.{} ms", us / 1000, us % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::style::Style;
    use crate::policy::Defaults;
    use crate::program::thread::ThreadName;
    use crate::trace::{Entry, Observation, ThreadLabel, Trace};

    /// The picture of step 1, in the course of which this was seen at these times.
    fn check(seen: Vec<(u64, Observation)>, expected: Expect) {
        let program = "# heirloom case v1\nconfig\nstart -> t0\n\
                    together resume t0 | settings t0 approval=never | fork nobody -> t1\naudit\n";
        let program = program.parse().expect("the plan is one");
        let (times_us, whats): (Vec<u64>, Vec<Observation>) = seen.into_iter().unzip();
        let facts = whats.into_iter().map(|what| Entry { step: 1, what }).collect();
        let trace = Trace { program, server: None, facts, times_us };
        let picture = super::picture(&trace, 1, &Style::plain(80));
        let picture = picture.map_or("no picture".to_owned(), |text| format!("picture:\n{text}"));
        expected.assert_eq(&picture);
    }

    fn sent() -> Vec<(u64, Observation)> {
        let sent = |call: u32| {
            let method = "thread/resume".to_owned();
            (800 + 100 * u64::from(call), Observation::Sent { call, method, unbound: false })
        };
        vec![sent(2), sent(3), sent(4)]
    }

    fn answered() -> Vec<(u64, Observation)> {
        let policy = Defaults::default().policy();
        let thread = ThreadLabel::Named(ThreadName(0));
        let message = "no rollout found".to_owned();
        let plain = Observation::Answered { call: 3, thread: None, policy: None };
        let settings = Observation::Settings { thread, policy: policy.clone() };
        let stated = Observation::Answered { call: 2, thread: Some(thread), policy: Some(policy) };
        let refused = Observation::Refused { call: 4, code: -32600, message };
        vec![(5000, plain), (9000, settings), (13000, stated), (2000, refused)]
    }

    #[test]
    fn each_call_is_a_bar_with_its_answer_below() {
        check(
            [sent(), answered()].concat(),
            expect![[r#"
                picture:
                  Calls at once, over 12.0 ms:

                    c0  |■■■■■■■■■■■■■■■■■■■■■■■■|  resume t0
                        answered after 12.0 ms: approval=on-request reviewer=user
                        sandbox=read-only model=mock-model effort=default cwd=WS
                        collaboration=default
                    c1  |■■■■■■■■■---------------|  settings t0 approval=never
                        answered after 3.9 ms, with no policy
                    c2  |■■■---------------------|  fork nobody -> t1
                        refused after 0.8 ms: no rollout found
                        |----------------*-------|  notice of t0: approval=on-request
                        reviewer=user sandbox=read-only model=mock-model effort=default cwd=WS
                        collaboration=default
            "#]],
        );
    }

    #[test]
    fn a_call_without_an_answer_lasts_to_the_end() {
        check(
            [sent(), answered()[..1].to_vec()].concat(),
            expect![[r#"
                picture:
                  Calls at once, over 4.0 ms:

                    c0  |■■■■■■■■■■■■■■■■■■■■■■■■|  resume t0
                        not answered
                    c1  |■■■■■■■■■■■■■■■■■■■■■■■■|  settings t0
                        approval=never
                        answered after 3.9 ms, with no policy
                    c2  |-■■■■■■■■■■■■■■■■■■■■■■■|  fork nobody -> t1
                        not answered
            "#]],
        );
    }

    #[test]
    fn a_step_of_which_nothing_was_seen_has_no_picture() {
        check(Vec::new(), expect![["no picture"]]);
    }
}
