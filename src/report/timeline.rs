//! Concurrent calls as a picture: each call a bar over the time it took, its answer below it, and
//! below all of them the notices that came meanwhile.
//!
//! The picture shows which calls overlapped, and so which orders of them are possible.

use itertools::Itertools;

use super::style::Style;
use super::words::brief;
use crate::program::ops::Step;
use crate::trace::{Observation, Trace};

/// Cells of a bar: the rest of a narrow terminal holds a call.
const CELLS: u64 = 24;

/// Where words begin that stand below a bar.
const INDENT: &str = "        ";

/// Calls that were made at once, and the notices that came meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concurrency {
    /// From the first call to the last answer or notice.
    pub length_us: u64,
    pub calls: Vec<Bar>,
    pub notices: Vec<Bar>,
}

/// From when to when something was, counted from the first call, and what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    pub from_us: u64,
    pub to_us: u64,
    pub text: String,
    /// How a call was answered.
    pub answer: String,
}

#[derive(Clone, Copy)]
struct Observed<'a> {
    at_us: u64,
    observation: &'a Observation,
}

struct Lane<'a> {
    step: &'a Step,
    sent_us: u64,
    answer: Option<Observed<'a>>,
}

/// The calls of a step of several; none of any other step, and of one that was not performed.
pub fn concurrency(trace: &Trace, step: usize) -> Option<Concurrency> {
    let whole = trace.program.with_audit();
    let steps = match whole.get(step)? {
        Step::Parallel(steps) => steps,
        Step::KillDuring(inner, _) => match &**inner {
            Step::Parallel(steps) => steps,
            _ => return None,
        },
        _ => return None,
    };
    let entries = trace.entries.iter().zip(&trace.times_us).filter(|(fact, _)| fact.step == step);
    let seen: Vec<Observed<'_>> =
        entries.map(|(fact, us)| Observed { at_us: *us, observation: &fact.observation }).collect();
    let lanes = lanes(steps, &seen);
    let begun_us = lanes.first()?.sent_us;
    let answers = lanes.iter().filter_map(|lane| lane.answer);
    let notices =
        seen.iter().filter(|seen| matches!(seen.observation, Observation::Settings { .. }));
    let ends = answers.chain(notices.clone().copied()).map(|seen| seen.at_us);
    let length_us = ends.max()?.saturating_sub(begun_us).max(1);
    let calls = lanes.iter().map(|lane| {
        let until_us = lane.answer.map_or(begun_us + length_us, |answer| answer.at_us);
        Bar {
            from_us: lane.sent_us - begun_us,
            to_us: until_us - begun_us,
            text: lane.step.to_string().split_whitespace().join(" "),
            answer: lane.answered(),
        }
    });
    let notices = notices.filter_map(|Observed { at_us, observation }| {
        let Observation::Settings { thread, policy } = observation else { return None };
        let at_us = at_us.saturating_sub(begun_us);
        let text = format!("notice of {thread}: {policy}");
        Some(Bar { from_us: at_us, to_us: at_us, text, answer: String::new() })
    });
    Some(Concurrency { length_us, calls: calls.collect(), notices: notices.collect() })
}

/// The picture of a step of several calls; none of any other step, and of one that was not
/// performed.
pub fn picture(trace: &Trace, step: usize, style: &Style) -> Option<String> {
    let Concurrency { length_us, calls, notices } = concurrency(trace, step)?;
    let mut text = format!("  Calls at once, over {}:\n\n", milliseconds(length_us));
    for (place, call) in calls.iter().enumerate() {
        let head = format!("    c{place}  {}  ", call.drawn(length_us, '■'));
        text.push_str(&format!("{}\n", style.wrap(&head, INDENT, &call.text)));
        text.push_str(&format!("{}\n", style.wrap(INDENT, INDENT, &call.answer)));
    }
    for notice in &notices {
        let head = format!("{INDENT}{}  ", notice.drawn(length_us, '*'));
        text.push_str(&format!("{}\n", style.wrap(&head, INDENT, &notice.text)));
    }
    Some(text)
}

/// The calls in the order of the step, which is the order in which they were sent.
fn lanes<'a>(steps: &'a [Step], seen: &[Observed<'a>]) -> Vec<Lane<'a>> {
    let sent = seen.iter().filter_map(|seen| match seen.observation {
        Observation::Sent { call, .. } => Some((seen.at_us, *call)),
        _ => None,
    });
    let lanes = steps.iter().zip(sent).map(|(step, (sent_us, call))| {
        let answer = seen.iter().find(|seen| seen.observation.answers(call)).copied();
        Lane { step, sent_us, answer }
    });
    lanes.collect()
}

impl Bar {
    /// The bar with marks over its part of the whole; one mark at the least.
    fn drawn(&self, length_us: u64, mark: char) -> String {
        let cell = |us: u64| (us * CELLS / length_us).min(CELLS - 1);
        let marked = cell(self.from_us)..=cell(self.to_us);
        let cells = (0..CELLS).map(|at| if marked.contains(&at) { mark } else { '-' });
        format!("|{}|", cells.collect::<String>())
    }
}

impl Lane<'_> {
    fn answered(&self) -> String {
        let Some(Observed { at_us, observation }) = self.answer else {
            return "not answered".to_owned();
        };
        let after = milliseconds(at_us.saturating_sub(self.sent_us));
        match observation {
            Observation::Answered { policy: Some(policy), .. } => {
                format!("answered after {after}: {policy}")
            }
            Observation::Refused { message, .. } => {
                format!("refused after {after}: {}", brief(message))
            }
            _ => format!("answered after {after}, with no policy"),
        }
    }
}

/// A time in milliseconds.
pub fn milliseconds(us: u64) -> String {
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
        let (times_us, observations): (Vec<u64>, Vec<Observation>) = seen.into_iter().unzip();
        let entries =
            observations.into_iter().map(|observation| Entry { step: 1, observation }).collect();
        let trace = Trace { program, server: None, client: None, entries, times_us };
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
                        collaboration=default roots=CWD
                    c1  |■■■■■■■■■---------------|  settings t0 approval=never
                        answered after 3.9 ms, with no policy
                    c2  |■■■---------------------|  fork unknown -> t1
                        refused after 0.8 ms: no rollout found
                        |----------------*-------|  notice of t0: approval=on-request
                        reviewer=user sandbox=read-only model=mock-model effort=default cwd=WS
                        collaboration=default roots=CWD
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
                    c2  |-■■■■■■■■■■■■■■■■■■■■■■■|  fork unknown -> t1
                        not answered
            "#]],
        );
    }

    #[test]
    fn a_step_of_which_nothing_was_seen_has_no_picture() {
        check(Vec::new(), expect![["no picture"]]);
    }
}
