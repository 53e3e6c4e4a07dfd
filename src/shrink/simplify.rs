//! A step with one thing about it made plain.
//!
//! Overrides go, then values lose their fields; wrappers give way to what they wrap, an ephemeral
//! thread to a durable one, a turn that runs on to one that ends, a strange answer to a text. What
//! is plain already has nothing plainer.

use crate::program::ops::begin::Begin;
use crate::program::ops::configure::Configure;
use crate::program::ops::finish::Finish;
use crate::program::ops::fork::Fork;
use crate::program::ops::restart::Restart;
use crate::program::ops::resume::Resume;
use crate::program::ops::run::Run;
use crate::program::ops::settings::Settings;
use crate::program::ops::start::Start;
use std::collections::{BTreeMap, BTreeSet};

use crate::policy::{
    Approval, CallOverrides, Defaults, Granular, Overrides, Sandbox, Setting, TurnOverrides,
};
use crate::program::ops::Delay;
use crate::program::ops::Step;
use crate::program::ops::finish::End;
use crate::program::ops::restart::Stop;
use crate::program::reply::Consent;
use crate::program::reply::Reply;
use crate::program::reply::Review;

/// Every step that is this one with one thing made plain.
pub(super) fn simplify(step: &Step) -> Vec<Step> {
    match step {
        Step::Start(Start { overrides, ephemeral, new }) => {
            let with =
                |overrides, ephemeral| Step::Start(Start { overrides, ephemeral, new: *new });
            let fewer = plainer_call(overrides).into_iter();
            let durable = ephemeral.then(|| with(overrides.clone(), false));
            fewer.map(|overrides| with(overrides, *ephemeral)).chain(durable).collect()
        }
        Step::Fork(Fork { source: from, overrides, cut, ephemeral, new }) => {
            let with = |overrides, cut, ephemeral| {
                Step::Fork(Fork { source: *from, overrides, cut, ephemeral, new: *new })
            };
            let fewer = plainer_call(overrides).into_iter();
            let whole = cut.map(|_| with(overrides.clone(), None, *ephemeral));
            let durable = ephemeral.then(|| with(overrides.clone(), *cut, false));
            fewer.map(|o| with(o, *cut, *ephemeral)).chain(whole).chain(durable).collect()
        }
        Step::Resume(Resume { thread, overrides }) => plainer_call(overrides)
            .into_iter()
            .map(|overrides| Step::Resume(Resume { thread: *thread, overrides }))
            .collect(),
        Step::Run(_) => plainer_run(step),
        Step::Begin(Begin { thread, overrides }) => {
            let fewer = plainer_turn(overrides).into_iter();
            fewer.map(|overrides| Step::Begin(Begin { thread: *thread, overrides })).collect()
        }
        Step::Settings(Settings { thread, overrides }) => {
            let fewer = plainer_turn(overrides).into_iter();
            fewer.map(|overrides| Step::Settings(Settings { thread: *thread, overrides })).collect()
        }
        Step::Finish(Finish { thread, end: End::Interrupt }) => {
            vec![Step::Finish(Finish { thread: *thread, end: End::Complete })]
        }
        Step::Restart(Restart { stop, drop_db, release: server }) => {
            let with = |stop, drop_db, server: &Option<_>| {
                Step::Restart(Restart { stop, drop_db, release: server.clone() })
            };
            let all = [
                with(*stop, *drop_db, &None),
                with(Stop::Graceful, *drop_db, server),
                with(*stop, false, server),
            ];
            all.into_iter().filter(|plainer| plainer != step).collect()
        }
        Step::Configure(Configure { defaults }) => plainer_defaults(defaults)
            .into_iter()
            .map(|defaults| Step::Configure(Configure { defaults }))
            .collect(),
        Step::SecondClient(inner) => wrapped(inner, Step::SecondClient),
        Step::KillDuring(inner, after) => torn(inner, *after),
        Step::Parallel(lanes) => plainer_lanes(lanes),
        _ => Vec::new(),
    }
}

fn plainer_run(step: &Step) -> Vec<Step> {
    let Step::Run(Run { thread, prompt, overrides, flaw, reply }) = step else {
        return Vec::new();
    };
    let plain = |overrides, flaw, reply| {
        Step::Run(Run { thread: *thread, prompt: prompt.clone(), overrides, flaw, reply })
    };
    let mut all = Vec::new();
    let text = Reply::Text("ok".to_owned());
    if flaw.is_some() || *reply != text {
        all.push(plain(overrides.clone(), None, text));
    }
    let refusing = Consent { client: false, review: Review::Deny };
    if let Reply::Probe(probe, consent) = reply
        && *consent != refusing
    {
        all.push(plain(overrides.clone(), *flaw, Reply::Probe(*probe, refusing)));
    }
    let fewer = plainer_turn(overrides).into_iter();
    all.extend(fewer.map(|overrides| plain(overrides, *flaw, reply.clone())));
    all
}

/// The same, and torn off at once.
fn torn(inner: &Step, after: Delay) -> Vec<Step> {
    let mut all = wrapped(inner, |step| Step::KillDuring(step, after));
    let at_once = Delay::default();
    all.extend((after != at_once).then(|| Step::KillDuring(Box::new(inner.clone()), at_once)));
    all
}

/// The inner step alone, then wrapped and plainer.
fn wrapped(inner: &Step, wrap: impl Fn(Box<Step>) -> Step) -> Vec<Step> {
    let plainer = simplify(inner).into_iter().map(|step| wrap(Box::new(step)));
    std::iter::once(inner.clone()).chain(plainer).collect()
}

/// With one lane fewer, then with one lane plainer; a lane that names a thread stays, since what
/// follows may speak of it.
fn plainer_lanes(lanes: &[Step]) -> Vec<Step> {
    let mut all = Vec::new();
    for (index, lane) in lanes.iter().enumerate() {
        let mut fewer = lanes.to_vec();
        fewer.remove(index);
        match fewer.len() {
            _ if !lane.names().is_empty() => {}
            1 => all.extend(fewer),
            _ => all.push(Step::Parallel(fewer)),
        }
    }
    for (index, lane) in lanes.iter().enumerate() {
        let with = |step: Step| {
            let mut lanes = lanes.to_vec();
            lanes[index] = step;
            Step::Parallel(lanes)
        };
        all.extend(simplify(lane).into_iter().map(with));
    }
    all
}

fn plainer_call(overrides: &CallOverrides) -> Vec<CallOverrides> {
    let mut all = fewer(overrides);
    all.extend(plainer_approval(overrides));
    all
}

fn plainer_turn(overrides: &TurnOverrides) -> Vec<TurnOverrides> {
    let mut all = fewer(overrides);
    all.extend(plainer_approval(overrides));
    if let Setting::Set(sandbox) = &overrides.sandbox {
        let plainer = plainer_sandbox(sandbox).into_iter().map(Setting::Set);
        all.extend(plainer.map(|sandbox| Overrides { sandbox, ..overrides.clone() }));
    }
    all
}

/// None at all, then each one left out.
fn fewer<S: Clone + PartialEq>(overrides: &Overrides<S>) -> Vec<Overrides<S>> {
    let kept = || overrides.clone();
    let mut all = vec![
        Overrides::default(),
        Overrides { sandbox: Setting::Omit, ..kept() },
        Overrides { reviewer: Setting::Omit, ..kept() },
        Overrides { approval: Setting::Omit, ..kept() },
        Overrides { profile: Setting::Omit, ..kept() },
        Overrides { others: BTreeMap::new(), ..kept() },
        Overrides { tier_once: None, ..kept() },
        Overrides { by_config: false, ..kept() },
    ];
    for dimension in overrides.others.keys() {
        let mut fewer = kept();
        fewer.others.remove(dimension);
        all.push(fewer);
    }
    all.retain(|fewer| fewer != overrides);
    all
}

const NO_CATEGORY: Granular = Granular {
    sandbox_approval: false,
    rules: false,
    skill_approval: false,
    request_permissions: false,
    mcp_elicitations: false,
};

fn plainer_approval<S: Clone>(overrides: &Overrides<S>) -> Option<Overrides<S>> {
    match &overrides.approval {
        Setting::Set(Approval::Granular(granular)) if *granular != NO_CATEGORY => {
            let approval = Setting::Set(Approval::Granular(NO_CATEGORY));
            Some(Overrides { approval, ..overrides.clone() })
        }
        _ => None,
    }
}

fn plainer_sandbox(sandbox: &Sandbox) -> Vec<Sandbox> {
    match sandbox {
        Sandbox::ReadOnly { network: true } => vec![Sandbox::ReadOnly { network: false }],
        Sandbox::External { network: true } => vec![Sandbox::External { network: false }],
        Sandbox::WorkspaceWrite { network, exclude_tmpdir, exclude_slash_tmp, roots } => {
            let none = BTreeSet::new();
            let with = |marks: [bool; 3], roots: &BTreeSet<String>| {
                let [network, exclude_tmpdir, exclude_slash_tmp] = marks;
                let roots = roots.clone();
                Sandbox::WorkspaceWrite { network, exclude_tmpdir, exclude_slash_tmp, roots }
            };
            let (open, tmpdir, slash_tmp) = (*network, *exclude_tmpdir, *exclude_slash_tmp);
            let all = [
                with([false; 3], &none),
                with([open, tmpdir, slash_tmp], &none),
                with([false, tmpdir, slash_tmp], roots),
                with([open, false, slash_tmp], roots),
                with([open, tmpdir, false], roots),
            ];
            all.into_iter().filter(|plainer| plainer != sandbox).collect()
        }
        _ => Vec::new(),
    }
}

/// The plain defaults at once, then each by itself.
pub(super) fn plainer_defaults(defaults: &Defaults) -> Vec<Defaults> {
    let plain = Defaults::default();
    let kept = || defaults.clone();
    let all = [
        plain.clone(),
        Defaults { network: plain.network, ..kept() },
        Defaults { sandbox: plain.sandbox, ..kept() },
        Defaults { reviewer: plain.reviewer.clone(), ..kept() },
        Defaults { approval: plain.approval.clone(), ..kept() },
        Defaults { profile: None, ..kept() },
        Defaults { profiles: BTreeMap::new(), profile: None, ..kept() },
        Defaults { others: BTreeMap::new(), ..kept() },
    ];
    all.into_iter().filter(|plainer| plainer != defaults).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::simplify;
    use crate::program::Program;

    /// What is proposed for the last line of a case.
    fn check(line: &str, expected: Expect) {
        let text = format!("# heirloom case v1\nconfig\nstart -> t0\n{line}\naudit\n");
        let program: Program = text.parse().expect("the line is a step");
        let last = program.steps.last().expect("the case has a step");
        let lines: Vec<String> = simplify(last).iter().map(ToString::to_string).collect();
        expected.assert_eq(&(lines.join("\n") + "\n"));
    }

    #[test]
    fn a_torn_call_gives_way_to_the_call_to_less_of_it_and_to_a_kill_at_once() {
        check(
            "torn after=20ms resume t0 approval=never",
            expect![[r#"
            resume  t0 approval=never
            torn    after=20ms resume  t0
            torn    after=20ms resume  t0
            torn    resume  t0 approval=never
        "#]],
        );
        check(
            "torn resume t0",
            expect![[r#"
            resume  t0
        "#]],
        );
    }
}
