//! Single operations, and those that come together.
//!
//! An operation is drawn with what makes it worth a run: an act with a look after it, a turn that
//! runs on with something said to it and its end. The shape says how often each comes.

use proptest::bool::weighted;
use proptest::prelude::{Just, Strategy, any};
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Union};

use super::overrides::Overriding;
use super::{Rare, values};
use crate::op::{
    Action, Consent, Cut, Delay, Ending, Finish, Flaw, Method, NOBODY, Op, Pick, Probe, Review,
    Stop, Wrong,
};

/// Of 100 picks, this many name a thread that never was.
const NOBODY_PERCENT: u32 = 3;

/// Of 100 turns, this many are requests that must be refused.
const FLAW_PERCENT: u32 = 6;

/// How much of what is said while a turn runs is said to its own thread.
const OWN: f64 = 0.75;

/// The first thread of a case, and the one that it spawns at once where a case is about subagents.
const PARENT: Pick = Pick(0);
const CHILD: Pick = Pick(1);

type Weighed = (u32, BoxedStrategy<Vec<Op>>);

/// One or a few operations that belong together.
pub(super) fn bursts(calls: &Overriding) -> BoxedStrategy<Vec<Op>> {
    let mut all = common(calls);
    all.extend(calls.shape.rares.into_iter().flat_map(|each| rare(each, calls)));
    all.retain(|(weight, _)| *weight > 0);
    Union::new_weighted(all).boxed()
}

/// What a case begins with after its first thread.
pub(super) fn opening(calls: &Overriding) -> Vec<Op> {
    let spawn = Op::Spawn { thread: PARENT };
    if calls.shape.has(Rare::Subagents) { vec![spawn] } else { Vec::new() }
}

fn one(ops: impl Strategy<Value = Op> + 'static) -> BoxedStrategy<Vec<Op>> {
    ops.prop_map(|op| vec![op]).boxed()
}

fn common(calls: &Overriding) -> Vec<Weighed> {
    let shape = calls.shape;
    let start = calls.call().prop_map(|overrides| Op::Start { overrides, ephemeral: false });
    let restart = stops().prop_map(|stop| Op::Restart { stop, drop_db: false, server: None });
    let configure =
        values::defaults(shape.profiles).prop_map(|defaults| Op::Configure { defaults });
    let settings =
        (picks(), calls.turn()).prop_map(|(thread, overrides)| Op::Settings { thread, overrides });
    let invalid = (picks(), select(Method::all()), select(Wrong::ALL.to_vec()))
        .prop_map(|(thread, method, wrong)| Op::Invalid { thread, method, wrong });
    vec![
        (2, one(start)),
        (8, one(runs(calls))),
        (2 * shape.forks + 2, one(forks(calls, false))),
        (2 * shape.resumes + 2, one(resumes(calls))),
        (4, one(picks().prop_map(|thread| Op::WarmRead { thread }))),
        (2 * shape.restarts, one(restart)),
        (2 * shape.configures + 1, one(configure)),
        (2 * shape.settings + 1, looked_at(settings)),
        (2 * shape.running, running(calls)),
        (2 * shape.acts, looked_at(acts())),
        (shape.acts.min(1), back_after(&[Action::Archive, Action::Unarchive], resumes(calls))),
        (shape.invalid, looked_at(invalid)),
    ]
}

fn rare(rare: Rare, calls: &Overriding) -> Vec<Weighed> {
    let run = || runs(calls);
    let call = || Union::new(vec![forks(calls, false), resumes(calls), changes(calls)]).boxed();
    match rare {
        Rare::Nothing => Vec::new(),
        Rare::Ephemeral => {
            let start = calls.call().prop_map(|overrides| Op::Start { overrides, ephemeral: true });
            vec![(3, one(start)), (3, one(forks(calls, true)))]
        }
        Rare::Crowd => {
            let second = Union::new(vec![call(), run(), acts()]);
            let second = second.prop_map(|op| Op::SecondClient(Box::new(op)));
            let together = proptest::collection::vec(call(), 2..5).prop_map(Op::Parallel);
            vec![(6, looked_at(second)), (6, looked_at(together))]
        }
        Rare::Subagents => {
            let spawn = picks().prop_map(|thread| Op::Spawn { thread });
            let task = picks().prop_map(|thread| Op::SubagentTurn { thread });
            vec![(2, one(spawn)), (1, one(task)), (5, told_again(calls))]
        }
        Rare::KillDuring => {
            let drop_db =
                stops().prop_map(|stop| Op::Restart { stop, drop_db: true, server: None });
            vec![(6, torn(calls)), (3, one(drop_db))]
        }
        Rare::Full => {
            let said = Union::new(vec![call(), run(), acts()]);
            let while_full = proptest::collection::vec(said, 1..4).prop_map(|said| {
                let full = |full| Op::Disk { full };
                [vec![full(true)], said, vec![full(false)]].concat()
            });
            vec![(4, while_full.boxed())]
        }
        Rare::Unload => {
            let rival = picks().prop_map(|thread| Op::SecondServer { thread });
            vec![
                (2, back_after(&[Action::Unload], resumes(calls))),
                (3, back_after(&[Action::Unsubscribe], resumes(calls))),
                (2, one(rival)),
            ]
        }
        Rare::ColdRead => vec![(5, one(picks().prop_map(|thread| Op::ColdRead { thread })))],
    }
}

/// A call that a kill breaks off, in one of four cases while a turn runs.
fn torn(calls: &Overriding) -> BoxedStrategy<Vec<Op>> {
    let start = |ephemeral| {
        let start = calls.call();
        start.prop_map(move |overrides| Op::Start { overrides, ephemeral }).boxed()
    };
    let begin = || {
        let begin = (picks(), calls.started());
        begin.prop_map(|(thread, overrides)| Op::Begin { thread, overrides }).boxed()
    };
    let interrupt = picks().prop_map(|thread| Op::Finish { thread, finish: Finish::Interrupt });
    let said = Union::new_weighted(vec![
        (4, changes(calls)),
        (2, runs(calls)),
        (1, picks().prop_map(|thread| Op::Steer { thread }).boxed()),
        (1, retunes(calls)),
        (1, interrupt.boxed()),
        (1, acts()),
    ]);
    let call = Union::new(vec![forks(calls, false), resumes(calls), changes(calls)]);
    let together = proptest::collection::vec(call, 2..4).prop_map(Op::Parallel);
    let alone = Union::new_weighted(vec![
        (3, together.boxed()),
        (1, start(false)),
        (5, forks(calls, false)),
        (1, forks(calls, true)),
        (5, resumes(calls)),
        (5, changes(calls)),
        (5, runs(calls)),
        (2, begin()),
        (3, acts()),
    ]);
    let running = (begin(), said).prop_map(|(begin, said)| {
        let thread = thread_of(&begin);
        (Some(begin), thread.map_or(said.clone(), |thread| of(said, thread)))
    });
    let call = Union::new_weighted(vec![
        (3, alone.prop_map(|op| (None, op)).boxed()),
        (1, running.boxed()),
    ]);
    (call, select(Delay::ALL.to_vec()))
        .prop_map(|((before, op), after)| {
            before.into_iter().chain([Op::KillDuring(Box::new(op), after)]).collect()
        })
        .boxed()
}

/// These acts, and a resume of the same thread.
fn back_after(acts: &'static [Action], resumes: BoxedStrategy<Op>) -> BoxedStrategy<Vec<Op>> {
    (picks(), resumes)
        .prop_map(|(thread, resume)| {
            let acts = acts.iter().map(|act| Op::Action { thread, act: *act });
            acts.chain([of(resume, thread)]).collect()
        })
        .boxed()
}

/// The first thread changes, and the first one that it spawned is given a task.
fn told_again(calls: &Overriding) -> BoxedStrategy<Vec<Op>> {
    let change = calls.turn();
    change
        .prop_map(|overrides| {
            vec![Op::Settings { thread: PARENT, overrides }, Op::SubagentTurn { thread: CHILD }]
        })
        .boxed()
}

/// The operation, and a look at its thread every other time.
fn looked_at(ops: impl Strategy<Value = Op> + 'static) -> BoxedStrategy<Vec<Op>> {
    (ops, any::<bool>())
        .prop_map(|(op, looks)| {
            let look = thread_of(&op).filter(|_| looks).map(|thread| Op::WarmRead { thread });
            std::iter::once(op).chain(look).collect()
        })
        .boxed()
}

fn thread_of(op: &Op) -> Option<Pick> {
    match op {
        Op::Settings { thread, .. }
        | Op::Action { thread, .. }
        | Op::Invalid { thread, .. }
        | Op::Resume { thread, .. }
        | Op::Begin { thread, .. }
        | Op::Run { thread, .. } => Some(*thread),
        Op::SecondClient(op) => thread_of(op),
        Op::Parallel(ops) => ops.iter().find_map(thread_of),
        _ => None,
    }
}

/// A turn that runs on, something meanwhile, and mostly its end.
fn running(calls: &Overriding) -> BoxedStrategy<Vec<Op>> {
    let said = Union::new_weighted(vec![
        (3, changes(calls)),
        (2, runs(calls)),
        (2, resumes(calls)),
        (2, forks(calls, false)),
        (1, picks().prop_map(|thread| Op::Steer { thread }).boxed()),
        (4, retunes(calls)),
        (1, picks().prop_map(|thread| Op::WarmRead { thread }).boxed()),
        (1, acts()),
    ]);
    let end = Union::new_weighted(vec![
        (5, Just(Some(Finish::Complete)).boxed()),
        (2, Just(Some(Finish::Interrupt)).boxed()),
        (1, Just(None).boxed()),
    ]);
    (picks(), calls.started(), proptest::collection::vec((said, weighted(OWN)), 0..3), end)
        .prop_map(|(thread, overrides, said, end)| {
            let begin = Op::Begin { thread, overrides };
            let said = said.into_iter().map(|(op, own)| if own { of(op, thread) } else { op });
            let end = end.map(|finish| Op::Finish { thread, finish });
            std::iter::once(begin).chain(said).chain(end).collect()
        })
        .boxed()
}

/// The operation, about this thread.
fn of(mut op: Op, pick: Pick) -> Op {
    match &mut op {
        Op::Settings { thread, .. }
        | Op::Run { thread, .. }
        | Op::Resume { thread, .. }
        | Op::Fork { from: thread, .. }
        | Op::Steer { thread }
        | Op::TurnSettings { thread, .. }
        | Op::Finish { thread, .. }
        | Op::WarmRead { thread }
        | Op::Action { thread, .. } => *thread = pick,
        _ => {}
    }
    op
}

fn changes(calls: &Overriding) -> BoxedStrategy<Op> {
    let settings = (picks(), calls.turn());
    settings.prop_map(|(thread, overrides)| Op::Settings { thread, overrides }).boxed()
}

fn retunes(calls: &Overriding) -> BoxedStrategy<Op> {
    let reviewer = values::other_reviewer(&calls.defaults.reviewer);
    (picks(), reviewer).prop_map(|(thread, reviewer)| Op::TurnSettings { thread, reviewer }).boxed()
}

fn runs(calls: &Overriding) -> BoxedStrategy<Op> {
    (picks(), calls.started(), endings(calls.shape.deeds))
        .prop_map(|(thread, overrides, ending)| Op::Run { thread, overrides, ending })
        .boxed()
}

fn resumes(calls: &Overriding) -> BoxedStrategy<Op> {
    let resume = (picks(), calls.call());
    resume.prop_map(|(thread, overrides)| Op::Resume { thread, overrides }).boxed()
}

fn forks(calls: &Overriding, ephemeral: bool) -> BoxedStrategy<Op> {
    let cuts = Union::new_weighted(vec![
        (5, Just(None).boxed()),
        (1, (0..6_u8).prop_map(|turn| Some(Cut::Last(turn))).boxed()),
        (1, (0..6_u8).prop_map(|turn| Some(Cut::Before(turn))).boxed()),
    ]);
    (picks(), calls.call(), cuts)
        .prop_map(move |(from, overrides, cut)| Op::Fork { from, overrides, cut, ephemeral })
        .boxed()
}

/// Waiting until a thread is unloaded takes a second: it comes where the shape asks for it.
fn acts() -> BoxedStrategy<Op> {
    let all = Action::ALL.into_iter().filter(|act| *act != Action::Unload).collect::<Vec<_>>();
    (picks(), select(all)).prop_map(|(thread, act)| Op::Action { thread, act }).boxed()
}

fn picks() -> BoxedStrategy<Pick> {
    let named = (0..8_u8).prop_map(Pick).boxed();
    Union::new_weighted(vec![(100 - NOBODY_PERCENT, named), (NOBODY_PERCENT, Just(NOBODY).boxed())])
        .boxed()
}

fn stops() -> impl Strategy<Value = Stop> {
    select(vec![Stop::Graceful, Stop::Kill])
}

/// Of 100 turns, `deeds` ask for one.
fn endings(deeds: u32) -> impl Strategy<Value = Ending> {
    let flaws = select(Flaw::ALL.to_vec());
    let consents = (any::<bool>(), select(Review::ALL.to_vec()))
        .prop_map(|(client, review)| Consent { client, review });
    let deed = (select(Probe::ALL.to_vec()), consents)
        .prop_map(|(probe, consent)| Ending::Probe(probe, consent));
    let mut all = vec![
        (FLAW_PERCENT, flaws.prop_map(Ending::Refused).boxed()),
        (deeds, deed.boxed()),
        (2, Just(Ending::Calls).boxed()),
        (4, Just(Ending::Fails).boxed()),
        (3, Just(Ending::HttpError).boxed()),
        (3, Just(Ending::Drops).boxed()),
        (6, Just(Ending::Interrupted).boxed()),
        (100 - 18 - FLAW_PERCENT - deeds, Just(Ending::Completes).boxed()),
    ];
    all.retain(|(weight, _)| *weight > 0);
    Union::new_weighted(all)
}
