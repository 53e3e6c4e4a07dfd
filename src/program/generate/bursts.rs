//! Steps that come together: an action and the resume that follows it, a turn that is held, what
//! happens meanwhile and its end. Single operations are drawn by their own files.

use std::collections::BTreeMap;

use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy};
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Union};

use super::overrides::DrawContext;
use super::shape::Rare;
use super::values::{rare_probes, threads};
use crate::policy::{Dimension, Overrides, Profile, Setting};
use crate::program::ops::action::{Action, ThreadAction};
use crate::program::ops::begin::Begin;
use crate::program::ops::disk::Disk;
use crate::program::ops::finish::{End, Finish};
use crate::program::ops::fork::Fork;
use crate::program::ops::remove_folder::{DRAWN, RemoveFolder};
use crate::program::ops::restart::{Restart, Stop};
use crate::program::ops::resume::Resume;
use crate::program::ops::run::Run;
use crate::program::ops::settings::Settings;
use crate::program::ops::spawn::Spawn;
use crate::program::ops::start::Start;
use crate::program::ops::steer::Steer;
use crate::program::ops::subagent_turn::SubagentTurn;
use crate::program::ops::turn_settings::TurnSettings;
use crate::program::ops::warm_read::WarmRead;
use crate::program::ops::{Delay, PARALLEL_MAX, Step, Weighted, draws, then_read};
use crate::program::reply::{Consent, Probe, ProbeScript, Reply, Review};
use crate::program::thread::{ThreadName, ThreadRef};

/// How much of what happens while a turn runs is about the thread of that turn.
const SAME_THREAD: f64 = 0.75;

/// The first thread of a program, and the one that it spawns at once where the program is about
/// subagents.
const FIRST: ThreadRef = ThreadRef::Thread(ThreadName(0));
const CHILD: ThreadRef = ThreadRef::Thread(ThreadName(1));

/// One or a few steps that belong together.
pub(super) fn bursts(cx: &DrawContext) -> BoxedStrategy<Vec<Step>> {
    let mut all = draws(cx);
    all.push((2 * cx.shape.running, held_turn(cx)));
    all.push((cx.shape.restarts, resumed_cold(cx)));
    let archived = then_resume(&[Action::Archive, Action::Unarchive], cx);
    all.push((cx.shape.actions.min(1), archived));
    all.extend(cx.shape.rares.into_iter().flat_map(|rare| rare_bursts(rare, cx)));
    all.retain(|(weight, _)| *weight > 0);
    Union::new_weighted(all).boxed()
}

/// What a program begins with after its first thread.
pub(super) fn opening(cx: &DrawContext) -> Vec<Step> {
    let spawn = Spawn { thread: FIRST, new: ThreadName::NEW, probe: None };
    let spawn = cx.shape.has(Rare::Subagents).then(|| spawn.into());
    spawn.into_iter().chain(kept_tables(cx)).collect()
}

fn rare_bursts(rare: Rare, cx: &DrawContext) -> Vec<Weighted> {
    let call = || Union::new(vec![forks(cx), resumes(cx), changes(cx)]).boxed();
    match rare {
        Rare::Nothing | Rare::Ephemeral | Rare::ColdRead => Vec::new(),
        Rare::Clients => {
            let second = Union::new(vec![call(), runs(cx), actions(cx)]);
            let second = second.prop_map(|step| Step::SecondClient(Box::new(step))).boxed();
            let parallel = vec(call(), 2..=PARALLEL_MAX).prop_map(Step::Parallel).boxed();
            vec![(10, then_read(second, true)), (6, then_read(parallel, true))]
        }
        Rare::Subagents => vec![(5, tightened_parent(cx))],
        Rare::KillDuring => vec![(6, killed(cx))],
        Rare::FullDisk => {
            let during = Union::new(vec![call(), runs(cx), actions(cx)]);
            let while_full = vec(during, 1..4).prop_map(|during| {
                let disk = |full| vec![Step::from(Disk { full })];
                [disk(true), during, disk(false)].concat()
            });
            vec![(4, while_full.boxed())]
        }
        Rare::Folders => vec![(6, moved(cx)), (2, in_lost_folder(cx))],
        Rare::Unload => vec![
            (2, then_resume(&[Action::Unload], cx)),
            (3, then_resume(&[Action::Unsubscribe], cx)),
        ],
    }
}

/// A call in the middle of which the server is killed, in one of four programs while a turn runs.
fn killed(cx: &DrawContext) -> BoxedStrategy<Vec<Step>> {
    let start = Strategy::prop_map(cx.call(), |overrides| Start::drawn(overrides, false).into());
    let interrupt =
        threads().prop_map(|thread| Finish { thread, end: End::Interrupt, probe: None }.into());
    let meanwhile = Union::new_weighted(vec![
        (4, changes(cx)),
        (2, runs(cx)),
        (1, steers()),
        (1, turn_settings(cx)),
        (1, interrupt.boxed()),
        (1, actions(cx)),
    ]);
    let call = Union::new(vec![forks(cx), resumes(cx), changes(cx)]);
    let parallel = vec(call, 2..4).prop_map(Step::Parallel);
    let ephemeral = Fork::strategy(cx, true).prop_map(Step::from);
    let alone = Union::new_weighted(vec![
        (3, parallel.boxed()),
        (1, start.boxed()),
        (5, forks(cx)),
        (1, ephemeral.boxed()),
        (5, resumes(cx)),
        (5, changes(cx)),
        (5, runs(cx)),
        (2, begins(cx)),
        (3, actions(cx)),
    ]);
    let during = (begins(cx), meanwhile).prop_map(|(begin, step)| {
        let step = begin.uses().map_or(step.clone(), |thread| step.about(thread));
        (Some(begin), step)
    });
    let call = Union::new_weighted(vec![
        (3, alone.prop_map(|step| (None, step)).boxed()),
        (1, during.boxed()),
    ]);
    (call, select(Delay::ALL.to_vec()))
        .prop_map(|((before, step), delay)| {
            before.into_iter().chain([Step::KillDuring(Box::new(step), delay)]).collect()
        })
        .boxed()
}

/// A restart, and a resume of a thread that is not loaded any more.
fn resumed_cold(cx: &DrawContext) -> BoxedStrategy<Vec<Step>> {
    (Restart::strategy(false), Resume::strategy(cx))
        .prop_map(|(restart, resume)| vec![restart.into(), resume.into()])
        .boxed()
}

/// These actions, and a resume of the same thread.
fn then_resume(actions: &'static [Action], cx: &DrawContext) -> BoxedStrategy<Vec<Step>> {
    (threads(), Resume::strategy(cx))
        .prop_map(|(thread, resume)| {
            let action = |action: &Action| Step::from(ThreadAction::plain(thread, *action));
            let resume = Step::from(Resume { thread, ..resume });
            actions.iter().map(action).chain([resume]).collect()
        })
        .boxed()
}

/// The first thread changes, and the first subagent that it spawned gets another task.
fn tightened_parent(cx: &DrawContext) -> BoxedStrategy<Vec<Step>> {
    (cx.settings(), rare_probes(&cx.shape))
        .prop_map(|(overrides, probe)| {
            let settings = Settings { thread: FIRST, overrides };
            vec![settings.into(), SubagentTurn { thread: CHILD, probe }.into()]
        })
        .boxed()
}

/// The first thread takes a profile with tables and comes back after a restart, and the model tries
/// what the tables say.
fn kept_tables(cx: &DrawContext) -> Vec<Step> {
    let mut profiles = cx.defaults.profiles.iter();
    let Some((id, profile)) = profiles.find(|(_, profile)| profile.has_tables()) else {
        return Vec::new();
    };
    let there = Overrides { profile: Setting::Set(id.clone()), ..Overrides::default() };
    let refusing = Consent { client: false, review: Review::Deny };
    let probe = Reply::Probe(ProbeScript { probe: decided(profile), consent: refusing });
    vec![
        Run::plain(FIRST, there).into(),
        Restart::by(Stop::Graceful).into(),
        Resume::plain(FIRST).into(),
        Run { reply: probe, ..Run::plain(FIRST, Overrides::default()) }.into(),
    ]
}

/// What the tables of a profile decide about.
fn decided(profile: &Profile) -> Probe {
    if profile.denies_secret {
        Probe::ReadSecret
    } else if profile.has_root {
        Probe::WriteOutside
    } else {
        Probe::Connect
    }
}

/// A turn in another folder or with other roots, in which the model writes somewhere.
fn moved(cx: &DrawContext) -> BoxedStrategy<Vec<Step>> {
    let probes = [Probe::WriteInside, Probe::WriteOutside, Probe::PatchInside, Probe::PatchOutside];
    (threads(), cx.place(), select(probes.to_vec()))
        .prop_map(|(thread, overrides, probe)| {
            let refusing = Consent { client: false, review: Review::Deny };
            let reply = Reply::Probe(ProbeScript { probe, consent: refusing });
            vec![Run { reply, ..Run::plain(thread, overrides) }.into()]
        })
        .boxed()
}

/// A thread works in a folder that is then removed, and something is asked of it.
fn in_lost_folder(cx: &DrawContext) -> BoxedStrategy<Vec<Step>> {
    let next = Union::new(vec![runs(cx), forks(cx), resumes(cx), changes(cx)]);
    let restart = weighted(0.5);
    (threads(), next, restart)
        .prop_map(|(thread, next, restart)| {
            let folder = Setting::Set(DRAWN.to_owned());
            let others = BTreeMap::from([(Dimension::CWD, folder)]);
            let there = Overrides { others, ..Overrides::default() };
            let removed = RemoveFolder { folder: DRAWN.to_owned() };
            let before = [Run::plain(thread, there).into(), removed.into()];
            let restart = restart.then(|| Restart::by(Stop::Graceful).into());
            before.into_iter().chain(restart).chain([next.about(thread)]).collect()
        })
        .boxed()
}

/// A turn that the model holds, something meanwhile, and mostly its end.
fn held_turn(cx: &DrawContext) -> BoxedStrategy<Vec<Step>> {
    let reads = threads().prop_map(|thread| WarmRead { thread }.into());
    let meanwhile = Union::new_weighted(vec![
        (3, changes(cx)),
        (2, runs(cx)),
        (2, resumes(cx)),
        (2, forks(cx)),
        (1, steers()),
        (4, turn_settings(cx)),
        (1, reads.boxed()),
        (1, actions(cx)),
    ]);
    let end = Union::new_weighted(vec![
        (5, Just(Some(End::Complete)).boxed()),
        (2, Just(Some(End::Interrupt)).boxed()),
        (1, Just(None).boxed()),
    ]);
    let meanwhile = vec((meanwhile, weighted(SAME_THREAD)), 0..3);
    (Begin::strategy(cx), meanwhile, end, rare_probes(&cx.shape))
        .prop_map(|(begin, meanwhile, end, probe)| {
            let thread = begin.thread;
            let same = |(step, same): (Step, bool)| if same { step.about(thread) } else { step };
            let probe = |end: End| probe.filter(|_| end == End::Complete);
            let end = end.map(|end| Step::from(Finish { thread, end, probe: probe(end) }));
            let meanwhile = meanwhile.into_iter().map(same);
            std::iter::once(Step::from(begin)).chain(meanwhile).chain(end).collect()
        })
        .boxed()
}

fn changes(cx: &DrawContext) -> BoxedStrategy<Step> {
    Settings::strategy(cx).prop_map(Step::from).boxed()
}

fn turn_settings(cx: &DrawContext) -> BoxedStrategy<Step> {
    TurnSettings::strategy(cx).prop_map(Step::from).boxed()
}

fn runs(cx: &DrawContext) -> BoxedStrategy<Step> {
    Run::strategy(cx).prop_map(Step::from).boxed()
}

fn begins(cx: &DrawContext) -> BoxedStrategy<Step> {
    Begin::strategy(cx).prop_map(Step::from).boxed()
}

fn resumes(cx: &DrawContext) -> BoxedStrategy<Step> {
    Resume::strategy(cx).prop_map(Step::from).boxed()
}

fn forks(cx: &DrawContext) -> BoxedStrategy<Step> {
    Fork::strategy(cx, false).prop_map(Step::from).boxed()
}

fn actions(cx: &DrawContext) -> BoxedStrategy<Step> {
    ThreadAction::strategy(cx).prop_map(Step::from).boxed()
}

fn steers() -> BoxedStrategy<Step> {
    threads().prop_map(|thread| Steer { thread }.into()).boxed()
}
