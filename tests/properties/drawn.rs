//! The values that the laws are tried on.
//!
//! Programs as the strategy draws them, as a fuzzer's bytes make them, with their steps shuffled, and
//! as a person may write them, with any name and any text; values of policy, also those that only a
//! server states.

use std::collections::BTreeMap;

use arbitrary::{Arbitrary, Unstructured};
use proptest::collection::{btree_set, vec};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{Index, select};
use semver::Version;

use crate::simulated::fault::{FAULTS, Fault};
use heirloom::policy::{
    Approval, Granular, Overrides, Permissions, Policy, Reviewer, Sandbox, Setting, TurnOverrides,
};
use heirloom::program::Program;
use heirloom::program::generate::{Draw, programs};
use heirloom::program::ops::Step;
use heirloom::program::ops::run::Run;
use heirloom::program::reply::Reply;

/// The most bytes of a fuzzer; a program of twelve steps takes a few hundred.
const FUZZ_BYTES: usize = 1024;

/// Any normalised program.
pub(super) fn any_program() -> impl Strategy<Value = Program> {
    let fuzzed = vec(any::<u8>(), 0..FUZZ_BYTES).prop_map(|bytes| of_bytes(&bytes));
    prop_oneof![programs(Draw::default()), fuzzed, shuffled()]
}

/// A draw of programs that move their homes to other releases.
pub(super) fn moving() -> Draw {
    let releases = [(0, 144, 4), (0, 131, 0)].map(|(x, y, z)| Version::new(x, y, z));
    Draw { releases: releases.to_vec(), ..Draw::default() }
}

/// The program that a fuzzer makes of these bytes.
pub(super) fn of_bytes(bytes: &[u8]) -> Program {
    Program::arbitrary(&mut Unstructured::new(bytes)).expect("any bytes are a program")
}

/// The steps of one to three programs in any order, normalised.
fn shuffled() -> impl Strategy<Value = Program> {
    vec(programs(Draw::default()), 1..4)
        .prop_flat_map(|programs| {
            let defaults = programs[0].defaults.clone();
            let steps: Vec<Step> = programs.into_iter().flat_map(|program| program.steps).collect();
            (Just(defaults), Just(steps).prop_shuffle())
        })
        .prop_map(|(defaults, steps)| Program { defaults, steps }.normalised())
}

/// A program as a person may write one: any names, prompts and replies.
pub(super) fn written_program() -> impl Strategy<Value = Program> {
    (any_program(), any::<Vec<Index>>(), vec(turns(), 1..4)).prop_map(|(program, names, turns)| {
        let renamed = renamed(&program, &numbers(program.names().len(), &names));
        with_turns(renamed, &turns)
    })
}

/// A program, and the same program with other names.
pub(super) fn two_namings() -> impl Strategy<Value = (Program, Program)> {
    (any_program(), any::<Vec<Index>>()).prop_map(|(program, names)| {
        let other = renamed(&program, &numbers(program.names().len(), &names));
        (program, other)
    })
}

/// Some fault or none.
pub(super) fn any_fault() -> impl Strategy<Value = Option<Fault>> {
    prop_oneof![1 => Just(None), 9 => select(FAULTS).prop_map(Some)]
}

/// Different numbers, as many as the count.
fn numbers(count: usize, seeds: &[Index]) -> Vec<u16> {
    let mut free: Vec<u16> = (0..).take(count + 300).collect();
    let take = |place: usize| {
        let seed = seeds.get(place % seeds.len().max(1));
        free.swap_remove(seed.map_or(0, |seed| seed.index(free.len())))
    };
    (0..count).map(take).collect()
}

/// The program with its names replaced, in their order, by these numbers. Its prompts are those of a
/// drawn program, so that no word of them is a name.
fn renamed(program: &Program, numbers: &[u16]) -> Program {
    let names: Vec<String> = program.names().iter().map(ToString::to_string).collect();
    let word = |word: &str| match names.iter().position(|name| name == word) {
        Some(place) => format!("t{}", numbers[place]),
        None => word.to_owned(),
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    let text: Vec<String> = program.to_string().lines().map(line).collect();
    text.join("\n").parse().expect("names are free")
}

/// The parts of a turn that any text can be put into.
#[derive(Clone, Debug)]
struct Turn {
    prompt: String,
    overrides: TurnOverrides,
    reply: Reply,
}

fn with_turns(mut program: Program, turns: &[Turn]) -> Program {
    let runs = program.steps.iter_mut().filter(|step| matches!(step, Step::Run(_)));
    for (step, turn) in runs.zip(turns.iter().cycle().cloned()) {
        if let Step::Run(Run { prompt, overrides, reply, .. }) = step {
            (*prompt, *overrides, *reply) = (turn.prompt, turn.overrides, turn.reply);
        }
    }
    program
}

fn turns() -> impl Strategy<Value = Turn> {
    let overrides = (settings_of(approvals()), settings_of(reviewers()), settings_of(sandboxes()))
        .prop_map(|(approval, reviewer, sandbox)| Overrides {
            approval,
            reviewer,
            sandbox,
            ..Overrides::default()
        });
    (texts(), overrides, replies()).prop_map(|(prompt, overrides, reply)| Turn {
        prompt,
        overrides,
        reply,
    })
}

fn settings_of<T: Clone + std::fmt::Debug>(
    values: impl Strategy<Value = T>,
) -> impl Strategy<Value = Setting<T>> {
    prop_oneof![Just(Setting::Omit), Just(Setting::Null), values.prop_map(Setting::Set)]
}

fn replies() -> impl Strategy<Value = Reply> {
    let tools = select(vec!["exec_command", "shell", "apply_patch"]);
    let call = (tools, texts()).prop_map(|(tool, arguments)| {
        let tool = tool.to_owned();
        Reply::Call { tool, arguments }
    });
    prop_oneof![
        texts().prop_map(Reply::Text),
        call,
        Just(Reply::Fail),
        (400..600_u16).prop_map(Reply::Status),
        Just(Reply::Drop),
        Just(Reply::Hold),
    ]
}

/// Any text; quotes, line ends and words of the text form are likely.
pub(super) fn texts() -> impl Strategy<Value = String> {
    let odd = ["\"", "\\", "\n", "\r\n", " <- ", " -> t0", "# ", "\u{2028}", "é", "audit", ""];
    let part = prop_oneof![
        select(odd.to_vec()).prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
        "[a-z ]{0,8}",
    ];
    vec(part, 0..6).prop_map(|parts| parts.concat())
}

/// Every approval policy that a request can carry.
pub(super) fn approvals() -> impl Strategy<Value = Approval> {
    let words =
        vec![Approval::Untrusted, Approval::OnFailure, Approval::OnRequest, Approval::Never];
    let granular = any::<[bool; 5]>().prop_map(|[a, b, c, d, e]| {
        Approval::Granular(Granular {
            sandbox_approval: a,
            rules: b,
            skill_approval: c,
            request_permissions: d,
            mcp_elicitations: e,
        })
    });
    prop_oneof![select(words), granular]
}

/// Every reviewer that a request can carry.
pub(super) fn reviewers() -> impl Strategy<Value = Reviewer> {
    select(vec![Reviewer::User, Reviewer::AutoReview])
}

/// Every sandbox that a request can carry.
pub(super) fn sandboxes() -> impl Strategy<Value = Sandbox> {
    let roots = select(vec!["WS/a", "HOME", "OUT", "OUT/b/c", "/srv/d", "/srv/e f+g%h"]);
    sandboxes_with(roots.prop_map(str::to_owned))
}

fn sandboxes_with(roots: impl Strategy<Value = String>) -> impl Strategy<Value = Sandbox> {
    let workspace = (any::<[bool; 3]>(), btree_set(roots, 0..4)).prop_map(|(marks, roots)| {
        let [network, exclude_tmpdir, exclude_slash_tmp] = marks;
        Sandbox::WorkspaceWrite { network, exclude_tmpdir, exclude_slash_tmp, roots }
    });
    prop_oneof![
        any::<bool>().prop_map(|network| Sandbox::ReadOnly { network }),
        any::<bool>().prop_map(|network| Sandbox::External { network }),
        Just(Sandbox::FullAccess),
        workspace,
    ]
}

/// Every policy that a server may state, odd spellings included.
pub(super) fn stated() -> impl Strategy<Value = Policy> {
    let approval = prop_oneof![4 => approvals(), 1 => texts().prop_map(Approval::Unrecognised)];
    let reviewer = prop_oneof![4 => reviewers(), 1 => texts().prop_map(Reviewer::Unrecognised)];
    let odd = texts().prop_map(Sandbox::Unrecognised);
    let sandbox = prop_oneof![2 => sandboxes(), 2 => sandboxes_with(texts()), 1 => odd];
    let permissions = prop_oneof![
        4 => sandbox.prop_map(Permissions::Legacy),
        1 => texts().prop_map(Permissions::Profile),
    ];
    (approval, reviewer, permissions).prop_map(|(approval, reviewer, permissions)| Policy {
        approval,
        reviewer,
        permissions,
        others: BTreeMap::new(),
    })
}
