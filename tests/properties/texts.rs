//! Everything that has a text form reads back from it.
//!
//! Programs, traces, signatures and the words of policy: `parse(print(value)) == value` for every
//! value, whatever text a prompt or a server's line contains.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use semver::Version;

use super::drawn::{any_fault, any_program, stated, texts, written_program};
use super::{check, same};
use crate::simulated;
use heirloom::contract;
use heirloom::judge::origin::Origin;
use heirloom::judge::signature::Signature;
use heirloom::policy::model_context::ContextPart;
use heirloom::policy::{Approval, Dimension, Permissions, Policy, Profiles, Reviewer, SandboxMode};
use heirloom::program::Program;
use heirloom::program::operation::OpKind;
use heirloom::program::sdk::SdkClient;
use heirloom::program::thread::ThreadName;
use heirloom::trace::view::View;
use heirloom::trace::{Entry, Evidence, Observation, ThreadLabel, Trace};

fn read_back<T>(value: &T) -> Result<(), String>
where
    T: Display + FromStr + PartialEq + Debug,
    T::Err: Display,
{
    let text = value.to_string();
    let read: T = text.parse().map_err(|error| format!("{error}\nin\n{text}"))?;
    same(&read, value)
}

/// The text with a comment and blanks around every line but the first, which has the version.
fn with_comments(text: &str) -> String {
    let (version, steps) = text.split_once('\n').expect("the text has several lines");
    let steps = steps.lines().map(|line| format!("\n  # a comment\n  {line} "));
    format!("{version}\n{}", steps.collect::<String>())
}

fn signatures() -> impl Strategy<Value = Signature> {
    let clauses: Vec<_> = contract::all().iter().map(|row| row.clause).collect();
    let dimensions = vec![
        Dimension::AP,
        Dimension::RV,
        Dimension::SB,
        Dimension::PP,
        Dimension::M,
        Dimension::E,
        Dimension::T,
        Dimension::CWD,
        Dimension::CM,
        Dimension::DP,
    ];
    let origins =
        vec![Origin::Config, Origin::Source, Origin::Before, Origin::OtherThread, Origin::Unknown];
    let parts =
        (select(clauses), option::of(select(dimensions)), select(OpKind::all()), select(origins));
    (parts, "[a-z][a-z_-]{0,20}").prop_map(|((clause, dimension, kind, origin), form)| Signature {
        clause,
        dimension,
        kind,
        form,
        origin,
    })
}

fn labels() -> impl Strategy<Value = ThreadLabel> {
    let named = any::<u16>().prop_map(|number| ThreadLabel::Named(ThreadName(number)));
    prop_oneof![named, any::<u16>().prop_map(ThreadLabel::Unnamed)]
}

/// Any observation, with any text in it.
fn observations() -> impl Strategy<Value = Observation> {
    let call = any::<u32>;
    prop_oneof![
        (call(), texts(), any::<bool>()).prop_map(|(call, method, unbound)| Observation::Sent {
            call,
            method,
            unbound
        }),
        (call(), option::of(labels()), option::of(stated()))
            .prop_map(|(call, thread, policy)| Observation::Answered { call, thread, policy }),
        (call(), any::<i64>(), texts()).prop_map(|(call, code, message)| Observation::Refused {
            call,
            code,
            message
        }),
        (labels(), stated()).prop_map(|(thread, policy)| Observation::Settings { thread, policy }),
        (labels(), call()).prop_map(|(thread, turn)| Observation::TurnStarted { thread, turn }),
        (labels(), call(), texts()).prop_map(|(thread, turn, status)| Observation::TurnEnded {
            thread,
            turn,
            status
        }),
        (labels(), call(), texts()).prop_map(|(thread, turn, method)| Observation::TurnEvent {
            thread,
            turn,
            method
        }),
        (labels(), option::of(stated()))
            .prop_map(|(thread, policy)| Observation::ColdRead { thread, policy }),
        (labels(), any::<i64>(), texts()).prop_map(|(thread, code, message)| {
            Observation::ColdReadRefused { thread, code, message }
        }),
        (labels(), stated(), context_parts()).prop_map(|(thread, policy, voice)| {
            let told = policy.stated(voice, &Profiles::new());
            Observation::ModelContext { thread, told }
        }),
        (labels(), call()).prop_map(|(thread, turn)| Observation::CommandEnded { thread, turn }),
        labels().prop_map(|thread| Observation::Unsubscribed { thread }),
        labels().prop_map(|thread| Observation::Idle { thread }),
        (texts(), option::of(labels()))
            .prop_map(|(method, thread)| Observation::Asked { method, thread }),
        (select(vec![View::Rollout, View::StateDb]), labels(), option::of(stated())).prop_map(
            |(view, thread, policy)| Observation::Evidence(Evidence { view, thread, policy }),
        ),
        observations_without_a_thread(),
    ]
}

fn context_parts() -> impl Strategy<Value = ContextPart> {
    select(vec![ContextPart::Developer, ContextPart::Metadata, ContextPart::Request])
}

fn observations_without_a_thread() -> impl Strategy<Value = Observation> {
    let ended =
        (any::<[bool; 2]>(), texts(), texts()).prop_map(|([told, panicked], exit, stderr)| {
            Observation::Ended { told, exit, panicked, stderr }
        });
    prop_oneof![
        texts().prop_map(|reason| Observation::NotTaken { reason }),
        texts().prop_map(|id| Observation::Unasked { id }),
        Just(Observation::Schema),
        (any::<bool>(), [texts(), texts(), texts()]).prop_map(|(ours, [about, at, problem])| {
            Observation::Invalid { ours, about, at, problem }
        }),
        texts().prop_map(|line| Observation::Strange { line }),
        texts().prop_map(|reason| Observation::Trouble { reason }),
        (texts(), any::<u64>())
            .prop_map(|(awaited, seconds)| Observation::Silent { awaited, seconds }),
        ended,
    ]
}

fn traces() -> impl Strategy<Value = Trace> {
    let versions = option::of((any::<[u64; 3]>(), any::<bool>()).prop_map(|(numbers, early)| {
        let pre = if early { "alpha.8" } else { "" };
        let pre = pre.parse().expect("it is a prerelease or none");
        let [major, minor, patch] = numbers;
        Version { pre, ..Version::new(major, minor, patch) }
    }));
    let entries = vec((0..20_usize, observations(), any::<u64>()), 0..12);
    let steps = |program: &Program| program.with_audit().len();
    let with_steps = written_program().prop_map(move |program| (steps(&program), program));
    (with_steps, versions, entries).prop_map(|((steps, program), server, entries)| Trace {
        program,
        client: entries.len().is_multiple_of(2).then_some(SdkClient::PythonAsync),
        server,
        times_us: entries.iter().map(|(_, _, us)| *us).collect(),
        entries: entries
            .into_iter()
            .map(|(step, what, _)| Entry { step: step % steps, observation: what })
            .collect(),
    })
}

fn policy_reads_back(policy: Policy) -> Result<(), String> {
    read_back::<Approval>(&policy.approval)?;
    read_back::<Reviewer>(&policy.reviewer)?;
    read_back::<Permissions>(&policy.permissions)
}

#[test]
fn a_drawn_program_reads_back() {
    check(any_program(), |program| read_back(&program));
}

#[test]
fn a_written_program_reads_back() {
    check(written_program(), |program| read_back(&program));
}

#[test]
fn comments_and_blanks_change_no_program() {
    check(written_program(), |program| {
        let read: Result<Program, _> = with_comments(&program.to_string()).parse();
        same(&read, &Ok(program))
    });
}

#[test]
fn the_trace_of_a_run_reads_back() {
    check((any_program(), any_fault()), |(program, fault)| {
        same_trace(&simulated::run(&program, fault))
    });
}

#[test]
fn a_trace_of_any_observations_reads_back() {
    check(traces(), |trace| same_trace(&trace));
}

fn same_trace(trace: &Trace) -> Result<(), String> {
    let read: Trace = trace.to_string().parse().map_err(|error| format!("{error}\n{trace}"))?;
    same(&read, trace)
}

#[test]
fn a_signature_reads_back() {
    check(signatures(), |signature| read_back(&signature));
}

#[test]
fn the_words_of_a_policy_read_back() {
    check(stated(), policy_reads_back);
}

#[test]
fn the_modes_of_a_sandbox_read_back() {
    let modes = [SandboxMode::ReadOnly, SandboxMode::WorkspaceWrite, SandboxMode::FullAccess];
    check(select(modes.to_vec()), |mode| read_back(&mode));
}
