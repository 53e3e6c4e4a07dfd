//! The client of the SDK that performed a program (K1 to K6).
//!
//! Judged by what the SDK was asked for and what it sent, by how its calls ended, by what it
//! answered, and by what its `close()` left. The policies of threads are judged as in any run.

use std::collections::BTreeMap;

use super::comparison::{Comparison, ExpectedPolicy, Mismatch, Topic};
use super::protocol::Located;
use super::verdict::Notice;
use crate::contract::Clause;
use crate::model::Expected;
use crate::policy::Approval;
use crate::program::operation::{OpKind, Operation};
use crate::program::ops::Step;
use crate::program::ops::restart::Restart;
use crate::program::sdk::SdkClient;
use crate::protocol::sdk::{due, is_of_mode};
use crate::trace::view::View;
use crate::trace::{Entry, Observation, ThreadLabel, Trace};

/// What the answers to the requests of a run were.
#[derive(Default)]
struct Answers {
    /// Whether each was granted, by the number of its call.
    granted: BTreeMap<u32, bool>,
    /// The thread that an answer names, by the number of its call.
    threads: BTreeMap<u32, ThreadLabel>,
    /// Whether the last turn that ended did so without success.
    has_failed_turn: bool,
}

/// Compares everything but K5, which depends on the policy that is due.
pub(super) fn compare(trace: &Trace, steps: &[Step]) -> Vec<Located> {
    let Some(client) = trace.client else { return Vec::new() };
    let mut answers = Answers::default();
    let mut all = Vec::new();
    for (entry, Entry { step, observation }) in trace.entries.iter().enumerate() {
        let performed = steps.get(*step);
        let kind = performed.map_or(Restart::KIND, Step::kind);
        let at_once = matches!(performed, Some(Step::Parallel(_)));
        let asynchronous = client == SdkClient::PythonAsync;
        let compared = answers.observe(kind, observation, Beside { at_once, asynchronous });
        all.extend(compared.into_iter().map(|comparison| Located {
            step: *step,
            entry,
            comparison,
        }));
    }
    all
}

/// K5: what the SDK answers by default, under the policy that is due.
pub(super) fn compare_answers(
    kind: OpKind,
    observations: &[&Observation],
    expected: &Expected,
) -> Vec<Comparison> {
    let Some(policy) = ExpectedPolicy::of(expected) else { return Vec::new() };
    if policy.policy.approval != Approval::Never {
        return Vec::new();
    }
    let probed = observations.iter().any(|what| matches!(what, Observation::Probe { .. }));
    match approved(observations).next() {
        Some(method) => vec![failed(kind, Clause::K5, "approves", method.to_owned())],
        None if probed => vec![Comparison::passed(Clause::K5, View::Client)],
        None => Vec::new(),
    }
}

/// K5: what the SDK approves by default where its user is to be asked.
pub(super) fn notices(
    step: usize,
    observations: &[&Observation],
    expected: &Expected,
) -> Vec<Notice> {
    let never = ExpectedPolicy::of(expected)
        .is_some_and(|policy| policy.policy.approval == Approval::Never);
    let text = |method| format!("the SDK's default handler approves `{method}` and asks nobody");
    let approved = approved(observations).filter(|_| !never);
    approved.map(|method| Notice { clause: Clause::K5, step, text: text(method) }).collect()
}

fn approved<'a>(observations: &[&'a Observation]) -> impl Iterator<Item = &'a str> {
    observations.iter().filter_map(|what| match what {
        Observation::ClientAnswered { method, approves: true } => Some(method.as_str()),
        _ => None,
    })
}

impl Answers {
    fn observe(&mut self, kind: OpKind, what: &Observation, beside: Beside) -> Vec<Comparison> {
        match what {
            Observation::Answered { call, thread, .. } => {
                self.granted.insert(*call, true);
                self.threads.extend(thread.map(|thread| (*call, thread)));
            }
            Observation::Refused { call, .. } => drop(self.granted.insert(*call, false)),
            Observation::TurnEnded { status, .. } => self.has_failed_turn = status != "completed",
            Observation::ClientSent { call: None, method, .. } => {
                let seen = format!("{method}, which nothing asked for");
                return vec![failed(kind, Clause::K2, "nothing-else", seen)];
            }
            Observation::ClientSent { method, asked, sent, .. } => {
                return compare_sent(kind, &Sent { method, asked, sent, beside });
            }
            Observation::ClientReturned { call, thread } if beside.is_compared() => {
                let due = self.threads.get(call).copied();
                return Vec::from_iter(due.map(|due| compare_returned(kind, due, *thread)));
            }
            Observation::ClientRaised { call, error, sdk, message } => {
                // What is called after a kill has no step of its own.
                let kind = if call.is_some() { kind } else { Restart::KIND };
                let granted = call.and_then(|call| self.granted.get(&call).copied());
                return Vec::from_iter(self.raised(
                    kind,
                    granted,
                    &Raised { error, sdk: *sdk, message },
                ));
            }
            Observation::ClientOverdue { seconds, .. } => {
                let seen = format!("nothing for {seconds} s");
                return vec![failed(kind, Clause::K6, "bounded", seen)];
            }
            Observation::ClientClosed { left } => {
                let seen = "the server still runs".to_owned();
                return vec![if *left {
                    failed(kind, Clause::K4, "closed", seen)
                } else {
                    Comparison::passed(Clause::K4, View::Client)
                }];
            }
            _ => {}
        }
        Vec::new()
    }

    /// K6. A failed turn does not count: it has an error of its own.
    fn raised(&self, kind: OpKind, granted: Option<bool>, raised: &Raised) -> Option<Comparison> {
        let Raised { error, sdk, message } = raised;
        if *sdk {
            return Some(Comparison::passed(Clause::K6, View::Client));
        }
        if granted == Some(true) && self.has_failed_turn {
            return None;
        }
        let form = match granted {
            Some(true) => "readable-answer",
            Some(false) => "sdk-error-refused",
            None => "sdk-error-gone",
        };
        Some(failed(kind, Clause::K6, form, format!("{error}: {message}")))
    }
}

struct Raised<'a> {
    error: &'a str,
    sdk: bool,
    message: &'a str,
}

struct Sent<'a> {
    method: &'a str,
    asked: &'a BTreeMap<String, String>,
    sent: &'a BTreeMap<String, String>,
    beside: Beside,
}

/// What K3 is about: calls at once, and those of the asynchronous client.
#[derive(Clone, Copy)]
struct Beside {
    at_once: bool,
    asynchronous: bool,
}

impl Beside {
    fn is_compared(self) -> bool {
        self.at_once || self.asynchronous
    }
}

/// K3: a call gets the answer to its own request.
fn compare_returned(kind: OpKind, due: ThreadLabel, seen: ThreadLabel) -> Comparison {
    if due == seen {
        return Comparison::passed(Clause::K3, View::Client);
    }
    let topic = Topic { clause: Clause::K3, kind, view: View::Client };
    Comparison::failed(Mismatch::new(topic, "own-answer", due.to_string(), seen.to_string()))
}

/// K1 for the mode where none was asked for, and K2 for everything else; of calls at once, K3 for
/// both.
fn compare_sent(kind: OpKind, request: &Sent) -> Vec<Comparison> {
    let Sent { method, asked, sent, beside } = request;
    let due = due(method, asked);
    let has_mode = asked.contains_key("approval_mode");
    let clause = |key: &str| {
        if beside.at_once {
            Clause::K3
        } else if is_of_mode(key) && !has_mode {
            Clause::K1
        } else {
            Clause::K2
        }
    };
    let keys: std::collections::BTreeSet<&String> = due.keys().chain(sent.keys()).collect();
    let wrong: Vec<&String> =
        keys.into_iter().filter(|key| due.get(*key) != sent.get(*key)).collect();
    let mut all: Vec<Comparison> = wrong
        .iter()
        .map(|key| {
            let word = |words: &BTreeMap<String, String>| {
                words.get(*key).map_or("nothing".to_owned(), |word| format!("{key}: {word}"))
            };
            let topic = Topic { clause: clause(key), kind, view: View::Client };
            let mismatch = Mismatch::new(topic, "sent", word(&due), word(sent));
            Comparison::failed(Mismatch { form: (*key).clone().into(), ..mismatch })
        })
        .collect();
    let broken: Vec<Clause> = wrong.iter().map(|key| clause(key)).collect();
    let takes_a_mode = !matches!(
        *method,
        "thread/archive"
            | "thread/unarchive"
            | "thread/list"
            | "thread/read"
            | "turn/steer"
            | "turn/interrupt"
            | "thread/name/set"
            | "thread/compact/start"
    );
    let of_mode = (!has_mode && takes_a_mode).then_some(Clause::K1);
    let of_pair = beside.is_compared().then_some(Clause::K3).filter(|_| wrong.is_empty());
    let held = [of_mode, Some(Clause::K2), of_pair].into_iter().flatten();
    let blames_pair = broken.contains(&Clause::K3);
    all.extend(
        held.filter(|clause| !blames_pair && !broken.contains(clause))
            .map(|clause| Comparison::passed(clause, View::Client)),
    );
    all
}

fn failed(kind: OpKind, clause: Clause, form: &'static str, seen: String) -> Comparison {
    let expected = match clause {
        Clause::K2 => "what the call states, and nothing else",
        Clause::K4 => "close() ends the server that it started",
        Clause::K5 => "no approval, since nothing is asked",
        _ if form == "bounded" => "a call ends within its deadline",
        _ if form == "readable-answer" => "the answer of the server, read",
        _ => "an error of the SDK's own",
    };
    let topic = Topic { clause, kind, view: View::Client };
    Comparison::failed(Mismatch::new(topic, form, expected, seen))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::{Expect, expect};

    use crate::judge::judge;
    use crate::program::reply::Probe;
    use crate::program::sdk::SdkClient;
    use crate::protocol::probe::ProbeResultText;
    use crate::testing::{self, granted, policy, stated, trace, turn_ended, turn_started};
    use crate::trace::{Entry, Observation, Trace};

    const LINES: &str = "config\nstart -> t0\nrun t0 \"turn 1\" <- text \"ok\"";

    fn words(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter().map(|(key, word)| ((*key).to_owned(), (*word).to_owned())).collect()
    }

    /// What is found and compared where a client of the SDK does this in these steps.
    fn check(all: Vec<(usize, Observation)>, expected: Expect) {
        check_in(LINES, SdkClient::Python, all, expected);
    }

    fn check_in(lines: &str, client: SdkClient, all: Vec<(usize, Observation)>, expected: Expect) {
        let entries = all.into_iter().map(|(step, observation)| Entry { step, observation });
        let trace = Trace { client: Some(client), ..trace(lines, entries.collect()) };
        let verdict = judge(&trace);
        let compared = verdict.tally.iter().filter(|(cell, _)| cell.clause.is_about_sdk());
        let compared =
            compared.map(|(cell, count)| format!("{} {}\n", cell.clause, count.compared));
        let found = verdict.findings.iter().filter(|finding| finding.clause.is_about_sdk());
        let found = found.map(|found| {
            format!("{}: {} instead of {}\n", found.signature(), found.seen, found.expected)
        });
        let notices = verdict.notices.iter().filter(|notice| notice.clause.is_about_sdk());
        let notices = notices.map(|notice| format!("notice: {}\n", notice.text));
        expected.assert_eq(&compared.chain(found).chain(notices).collect::<String>());
    }

    fn sent(method: &str, asked: &[(&str, &str)], sent: &[(&str, &str)]) -> Observation {
        let (call, method) = (Some(1), method.to_owned());
        Observation::ClientSent { call, method, asked: words(asked), sent: words(sent) }
    }

    fn raised(call: Option<u32>, error: &str, sdk: bool) -> Observation {
        let (error, message) = (error.to_owned(), "no".to_owned());
        Observation::ClientRaised { call, error, sdk, message }
    }

    const REVIEWS: [(&str, &str); 2] =
        [("approvalPolicy", "on-request"), ("approvalsReviewer", "auto_review")];

    #[test]
    fn a_start_without_a_mode_must_send_auto_review_and_a_run_without_one_nothing() {
        check(
            vec![(0, sent("thread/start", &[], &REVIEWS))],
            expect![[r#"
            K1 1
            K2 1
        "#]],
        );
        check(
            vec![(0, sent("thread/start", &[], &[]))],
            expect![[r#"
            K1 2
            K2 1
            K1/-/start/approvalPolicy/unknown: nothing instead of approvalPolicy: on-request
            K1/-/start/approvalsReviewer/unknown: nothing instead of approvalsReviewer: auto_review
        "#]],
        );
        check(
            vec![(1, sent("turn/start", &[], &[("approvalPolicy", "never")]))],
            expect![[r#"
            K1 1
            K2 1
            K1/-/run/approvalPolicy/unknown: approvalPolicy: never instead of nothing
        "#]],
        );
    }

    #[test]
    fn a_mode_and_a_preset_must_be_sent_as_documented_and_nothing_else() {
        let asked = [("approval_mode", "deny_all"), ("sandbox", "full-access")];
        let right = [("approvalPolicy", "never"), ("sandboxPolicy", "dangerFullAccess")];
        check(
            vec![(1, sent("turn/start", &asked, &right))],
            expect![[r#"
            K2 1
        "#]],
        );
        let more = [right[0], right[1], ("approvalsReviewer", "user")];
        check(
            vec![(1, sent("turn/start", &asked, &more))],
            expect![[r#"
            K2 1
            K2/-/run/approvalsReviewer/unknown: approvalsReviewer: user instead of nothing
        "#]],
        );
        let narrower = [right[0], ("sandboxPolicy", "readOnly")];
        check(
            vec![(1, sent("turn/start", &asked, &narrower))],
            expect![[r#"
            K2 1
            K2/-/run/sandboxPolicy/unknown: sandboxPolicy: readOnly instead of sandboxPolicy: dangerFullAccess
        "#]],
        );
    }

    #[test]
    fn a_close_that_leaves_the_server_is_found() {
        check(
            vec![(2, Observation::ClientClosed { left: false })],
            expect![[r#"
            K4 1
        "#]],
        );
        check(
            vec![(2, Observation::ClientClosed { left: true })],
            expect![[r#"
            K4 1
            K4/-/restart/closed/unknown: the server still runs instead of close() ends the server that it started
        "#]],
        );
    }

    #[test]
    fn a_lost_server_must_be_an_error_of_the_sdk_in_time() {
        check(
            vec![(1, raised(Some(2), "TransportClosedError", true))],
            expect![[r#"
            K6 1
        "#]],
        );
        check(
            vec![(1, raised(Some(2), "BrokenPipeError", false))],
            expect![[r#"
            K6 1
            K6/-/run/sdk-error-gone/unknown: BrokenPipeError: no instead of an error of the SDK's own
        "#]],
        );
        check(
            vec![(1, raised(None, "BrokenPipeError", false))],
            expect![[r#"
            K6 1
            K6/-/restart/sdk-error-gone/unknown: BrokenPipeError: no instead of an error of the SDK's own
        "#]],
        );
        check(
            vec![(1, Observation::ClientOverdue { call: Some(2), seconds: 5 })],
            expect![[r#"
            K6 1
            K6/-/run/bounded/unknown: nothing for 5 s instead of a call ends within its deadline
        "#]],
        );
    }

    #[test]
    fn an_answer_that_the_sdk_cannot_read_is_found_and_a_failed_turn_is_none() {
        let answered = Observation::Answered { call: 2, thread: None, policy: None };
        let unread = raised(Some(2), "ValidationError", false);
        check(
            vec![(1, answered.clone()), (1, unread)],
            expect![[r#"
            K6 1
            K6/-/run/readable-answer/unknown: ValidationError: no instead of the answer of the server, read
        "#]],
        );
        let thread = crate::trace::ThreadLabel::Unnamed(1);
        let failed = Observation::TurnEnded { thread, turn: 1, status: "failed".to_owned() };
        let error = raised(Some(2), "RuntimeError", false);
        check(vec![(1, answered), (1, failed), (1, error)], expect![[""]]);
    }

    /// Two forks at once, with two modes.
    const AT_ONCE: &str =
        "config\nstart -> t0\nparallel fork t0 approval=never -> t1 | fork t0 -> t2";

    const DENIES: [(&str, &str); 1] = [("approval_mode", "deny_all")];

    fn fork(asked: &[(&str, &str)], words: &[(&str, &str)]) -> (usize, Observation) {
        (1, sent("thread/fork", asked, words))
    }

    fn answered(call: u32, thread: u16) -> (usize, Observation) {
        let thread = Some(testing::thread(thread));
        (1, Observation::Answered { call, thread, policy: None })
    }

    fn returned(call: u32, thread: u16) -> (usize, Observation) {
        (1, Observation::ClientReturned { call, thread: testing::thread(thread) })
    }

    #[test]
    fn calls_at_once_must_send_what_each_states() {
        let never = [("approvalPolicy", "never")];
        check_in(
            AT_ONCE,
            SdkClient::Python,
            vec![fork(&DENIES, &never), fork(&[], &[])],
            expect![[r#"
                K1 1
                K2 2
                K3 2
            "#]],
        );
        // The modes of the two calls are mixed up.
        check_in(
            AT_ONCE,
            SdkClient::Python,
            vec![fork(&DENIES, &[]), fork(&[], &never)],
            expect![[r#"
                K3 2
                K3/-/parallel/approvalPolicy/unknown: nothing instead of approvalPolicy: never
            "#]],
        );
    }

    #[test]
    fn a_call_must_get_its_own_answer() {
        let all = |first, second| {
            vec![answered(1, 1), answered(2, 2), returned(1, first), returned(2, second)]
        };
        check_in(
            AT_ONCE,
            SdkClient::PythonAsync,
            all(1, 2),
            expect![[r#"
            K3 2
        "#]],
        );
        check_in(
            AT_ONCE,
            SdkClient::PythonAsync,
            all(2, 1),
            expect![[r#"
            K3 2
            K3/-/parallel/own-answer/unknown: t2 instead of t1
        "#]],
        );
    }

    #[test]
    fn a_call_at_once_that_waits_for_the_other_is_found() {
        check_in(
            AT_ONCE,
            SdkClient::PythonAsync,
            vec![answered(1, 1), (1, Observation::ClientOverdue { call: Some(2), seconds: 30 })],
            expect![[r#"
                K6 1
                K6/-/parallel/bounded/unknown: nothing for 30 s instead of a call ends within its deadline
            "#]],
        );
    }

    /// A turn whose model asks for a command, under this approval policy; the SDK answers a request.
    fn check_answer(approval: &str, approves: bool, expected: Expect) {
        let lines = format!(
            "config\nstart approval={approval} -> t0\n\
             run t0 \"a probe\" <- probe escalate client=accept reviewer=deny"
        );
        let method = "item/commandExecution/requestApproval".to_owned();
        let thread = testing::thread(0);
        let probe = Observation::Probe {
            thread,
            probe: Probe::Escalate,
            asked: None,
            reviewed: false,
            landed: None,
            upshot: ProbeResultText::Done,
            unsandboxed: false,
        };
        let stored = policy(&format!("approval={approval}"));
        let all = vec![
            (0, stated(1, thread, stored)),
            (1, granted(2)),
            (1, turn_started(thread, 1)),
            (1, Observation::ClientAnswered { method, approves }),
            (1, probe),
            (1, turn_ended(thread, 1)),
        ];
        check_in(&lines, SdkClient::Python, all, expected);
    }

    #[test]
    fn an_approval_under_never_is_found_and_elsewhere_it_is_a_notice() {
        check_answer(
            "never",
            true,
            expect![[r#"
                K5 1
                K5/-/run/approves/unknown: item/commandExecution/requestApproval instead of no approval, since nothing is asked
            "#]],
        );
        check_answer(
            "never",
            false,
            expect![[r#"
            K5 1
        "#]],
        );
        check_answer(
            "on-request",
            true,
            expect![[r#"
            notice: the SDK's default handler approves `item/commandExecution/requestApproval` and asks nobody
        "#]],
        );
    }
}
