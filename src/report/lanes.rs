//! [shell] Calls at once as a picture: each call a bar over the time it took.
//!
//! Below each bar stands what the call was answered, and below all the notices that came in their
//! course. The picture says which calls overlapped, and so which orders of them are possible; of
//! what is no step of several calls there is none.

use super::paint::Paint;
use crate::plan::Step;
use crate::trace::{Trace, What};

/// Cells of a bar: the rest of a narrow terminal holds a call.
const CELLS: u64 = 24;

/// Where words begin that stand below a bar.
const INDENT: &str = "        ";

/// What was seen, and when, in microseconds.
type Seen<'a> = (u64, &'a What);

/// One call.
struct Lane<'a> {
    step: &'a Step,
    sent_us: u64,
    /// None where no answer came.
    answer: Option<Seen<'a>>,
}

/// The picture of a step of several calls at once; none of any other, and of one that was not
/// performed.
pub fn picture(trace: &Trace, step: usize, paint: &Paint) -> Option<String> {
    let whole = trace.plan.whole();
    let Step::Together(steps) = whole.get(step)? else {
        return None;
    };
    let facts = trace.facts.iter().zip(&trace.times_us);
    let seen: Vec<Seen<'_>> =
        facts.filter(|(fact, _)| fact.step == step).map(|(fact, us)| (*us, &fact.what)).collect();
    let lanes = lanes(steps, &seen);
    let begun_us = lanes.first()?.sent_us;
    let answers = lanes.iter().filter_map(|lane| lane.answer.map(|(us, _)| us));
    let notices = seen.iter().filter(|(_, what)| matches!(what, What::Settings { .. }));
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
        let What::Settings { thread, policy } = what else { continue };
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
        What::Sent { call, .. } => Some((*us, *call)),
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

fn answered(answer: Option<&What>, took: Option<String>) -> String {
    let took = took.map_or(String::new(), |took| format!(" after {took}"));
    match answer {
        Some(What::Answered { policy: Some(policy), .. }) => format!("answered{took}: {policy}"),
        Some(What::Refused { message, .. }) => format!("refused{took}: {message}"),
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

    use super::super::paint::Paint;
    use crate::trace::Trace;

    const PLAN: &str = "# heirloom case v1\\nconfig\\nstart -> t0\\n\
                        together resume t0 | settings t0 approval=never | fork nobody -> t1\\n\
                        audit\\n";

    /// The picture of step 1 in the course of which this was seen.
    fn check(facts: &[&str], expected: Expect) {
        let head =
            format!(r#"{{"schema":"heirloom trace v1","server":"0.169.0","plan":"{PLAN}"}}"#);
        let trace = format!("{head}\n{}\n", facts.join("\n"));
        let trace: Trace = trace.parse().expect("the trace is one");
        let picture = super::picture(&trace, 1, &Paint::plain(80));
        expected.assert_eq(&picture.unwrap_or("no picture".to_owned()));
    }

    const SENT: [&str; 3] = [
        r#"{"us":1000,"step":1,"seen":"sent","call":2,"method":"thread/resume","unbound":false}"#,
        concat!(
            r#"{"us":1100,"step":1,"seen":"sent","call":3,"method":"thread/settings/update","#,
            r#""unbound":false}"#,
        ),
        r#"{"us":1200,"step":1,"seen":"sent","call":4,"method":"thread/fork","unbound":false}"#,
    ];

    const ANSWERED: [&str; 4] = [
        r#"{"us":5000,"step":1,"seen":"answered","call":3,"thread":null,"policy":null}"#,
        concat!(
            r#"{"us":9000,"step":1,"seen":"settings","thread":"t0","policy":"#,
            r#"{"approval":"never","reviewer":"user","permissions":"read-only"}}"#,
        ),
        concat!(
            r#"{"us":13000,"step":1,"seen":"answered","call":2,"thread":"t0","policy":"#,
            r#"{"approval":"on-request","reviewer":"user","permissions":"read-only"}}"#,
        ),
        r#"{"us":2000,"step":1,"seen":"refused","call":4,"code":-32600,"message":"no rollout"}"#,
    ];

    #[test]
    fn each_call_is_a_bar_with_its_answer_below() {
        check(
            &[&SENT[..], &ANSWERED].concat(),
            expect![[r#"
                  Calls at once, over 12.0 ms:

                    c0  |■■■■■■■■■■■■■■■■■■■■■■■■|  resume t0
                        answered after 12.0 ms: approval=on-request reviewer=user
                        sandbox=read-only
                    c1  |■■■■■■■■■---------------|  settings t0 approval=never
                        answered after 3.9 ms, with no policy
                    c2  |■■■---------------------|  fork nobody -> t1
                        refused after 0.8 ms: no rollout
                        |----------------*-------|  notice of t0: approval=never reviewer=user
                        sandbox=read-only
            "#]],
        );
    }

    #[test]
    fn a_call_without_an_answer_lasts_to_the_end() {
        check(
            &[&SENT[..], &ANSWERED[..1]].concat(),
            expect![[r#"
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
        check(&[], expect![["no picture"]]);
    }
}
