//! Moves of a case's home from one release to another.
//!
//! Laid over a case that is drawn as ever, so that what is not about moves stays as it is. Nearly
//! every case moves: most begin on the home of another release and come back, some go the other
//! way, and each move is followed by a look at what came through it.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::strategy::{BoxedStrategy, Union};
use semver::Version;

use super::{Draw, cases, overrides::Overriding, shapes};
use crate::op::{Case, Op, Pick, Stop};
use crate::policy::Defaults;

/// Moves in a case at the most: there, back, and there once more.
const MOVES_MAX: usize = 3;

/// Operations that come with the moves, at the most: each move with two looks.
const ADDED_MAX: usize = 3 * MOVES_MAX;

/// A move that is drawn.
#[derive(Clone, Debug)]
struct Move {
    /// How many operations of the case come before it.
    after: usize,
    stop: Stop,
    /// Which of the other releases, where it goes to one.
    to: u8,
    /// What is done as soon as the home has moved.
    looks: Vec<Op>,
}

/// Cases whose homes move to these releases and back.
pub(super) fn moving(draw: &Draw, servers: Vec<Version>) -> BoxedStrategy<Case> {
    let max_ops = draw.max_ops.max(1);
    let few = max_ops.saturating_sub(ADDED_MAX).max(max_ops.div_ceil(2));
    let plain = Draw { max_ops: few, servers: Vec::new(), ..draw.clone() };
    let begins = Union::new_weighted(vec![(3, Just(true).boxed()), (2, Just(false).boxed())]);
    let secondary = draw.secondary;
    let with_moves = move |case: Case| (looked_at(secondary, &case.defaults), Just(case));
    (cases(plain).prop_flat_map(with_moves), begins)
        .prop_map(move |((mut moves, case), begins_elsewhere)| {
            let count = case.ops.len();
            moves.iter_mut().for_each(|one| one.after = 1 + one.after % count);
            moves.sort_by_key(|one| one.after);
            if begins_elsewhere && let Some(first) = moves.first_mut() {
                first.after = 0;
            }
            let mut ops = laid(&case, &moves, u8::try_from(servers.len()).unwrap_or(u8::MAX));
            ops.truncate(max_ops);
            Case { ops, servers: servers.clone(), ..case }
        })
        .boxed()
}

/// The case's operations with the moves among them: there and back by turns.
fn laid(case: &Case, moves: &[Move], among: u8) -> Vec<Op> {
    let mut ops = Vec::new();
    for place in 0..=case.ops.len() {
        let here = moves.iter().enumerate().filter(|(_, one)| one.after == place);
        for (number, one) in here {
            let away = number % 2 == 0;
            let server = Some(if away { 1 + one.to % among.max(1) } else { 0 });
            ops.push(Op::Restart { stop: one.stop, drop_db: false, server });
            // Before the first operation there is no thread to look at.
            ops.extend(one.looks.iter().filter(|_| place > 0).cloned());
        }
        ops.extend(case.ops.get(place).cloned());
    }
    ops
}

/// Moves with looks whose overrides differ from the case's defaults.
fn looked_at(secondary: bool, defaults: &Defaults) -> BoxedStrategy<Vec<Move>> {
    let defaults = defaults.clone();
    let moves = move |shape| {
        let calls = Overriding { defaults: defaults.clone(), shape };
        vec(moves(&calls), 2..=MOVES_MAX)
    };
    shapes(secondary).prop_flat_map(moves).boxed()
}

fn moves(calls: &Overriding) -> impl Strategy<Value = Move> + use<> {
    let picks = || (0..4_u8).prop_map(Pick);
    let looks = Union::new_weighted(vec![
        (4, picks().prop_map(|thread| vec![resumed(thread)]).boxed()),
        (2, (picks(), calls.call()).prop_map(overridden).boxed()),
        (3, picks().prop_map(|from| vec![forked(from)]).boxed()),
        (2, picks().prop_map(|from| vec![resumed(from), forked(from)]).boxed()),
        (1, Just(Vec::new()).boxed()),
    ]);
    let stops =
        Union::new_weighted(vec![(3, Just(Stop::Graceful).boxed()), (1, Just(Stop::Kill).boxed())]);
    (any::<u16>(), stops, any::<u8>(), looks).prop_map(|(after, stop, to, looks)| Move {
        after: usize::from(after),
        stop,
        to,
        looks,
    })
}

fn resumed(thread: Pick) -> Op {
    Op::Resume { thread, overrides: Default::default() }
}

fn overridden((thread, overrides): (Pick, crate::policy::CallOverrides)) -> Vec<Op> {
    vec![Op::Resume { thread, overrides }]
}

fn forked(from: Pick) -> Op {
    Op::Fork { from, overrides: Default::default(), cut: None, ephemeral: false }
}
