//! Homes that move from one release to another.
//!
//! Moves are laid over a program that is drawn as any other. Nearly every program moves its home:
//! most begin on the home of another release and come back, some go the other way, and each move is
//! followed by a look at what came through it.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::strategy::{BoxedStrategy, Union};
use semver::Version;

use super::overrides::DrawContext;
use super::values::threads;
use crate::policy::CallOverrides;
use crate::program::ops::Step;
use crate::program::ops::fork::Fork;
use crate::program::ops::restart::{Restart, Server, Stop};
use crate::program::ops::resume::Resume;

/// Moves in a program at the most: there, back, and there once more.
const MOVES_MAX: usize = 3;

/// Steps that come with the moves, at the most: each move with two looks.
pub(super) const STEPS_MAX: usize = 3 * MOVES_MAX;

/// A move that is drawn.
#[derive(Clone, Debug)]
pub(super) struct Move {
    /// How many steps of the program come before it, modulo how many there are.
    after: usize,
    stop: Stop,
    /// Which of the other releases, where it goes to one.
    to: usize,
    /// What is done as soon as the home has moved.
    looks: Vec<Step>,
}

/// Moves with looks whose overrides differ from the program's defaults.
pub(super) fn moves(cx: &DrawContext) -> BoxedStrategy<Vec<Move>> {
    let looks = Union::new_weighted(vec![
        (4, threads().prop_map(|thread| vec![Resume::plain(thread).into()]).boxed()),
        (2, Resume::strategy(cx).prop_map(|resume| vec![resume.into()]).boxed()),
        (3, threads().prop_map(|source| vec![forked(source)]).boxed()),
        (
            2,
            threads().prop_map(|source| vec![Resume::plain(source).into(), forked(source)]).boxed(),
        ),
        (1, Just(Vec::new()).boxed()),
    ]);
    let stops =
        Union::new_weighted(vec![(3, Just(Stop::Graceful).boxed()), (1, Just(Stop::Kill).boxed())]);
    let one = (any::<u16>(), stops, any::<u8>(), looks).prop_map(|(after, stop, to, looks)| Move {
        after: usize::from(after),
        stop,
        to: usize::from(to),
        looks,
    });
    vec(one, 2..=MOVES_MAX).boxed()
}

fn forked(source: crate::program::thread::ThreadRef) -> Step {
    Fork::of(source, CallOverrides::default()).into()
}

/// The steps with the moves among them: to one of the releases and back by turns.
pub(super) fn with_moves(
    steps: &[Step],
    mut moves: Vec<Move>,
    begins_elsewhere: bool,
    releases: &[Version],
) -> Vec<Step> {
    moves.iter_mut().for_each(|each| each.after = 1 + each.after % steps.len());
    moves.sort_by_key(|each| each.after);
    if begins_elsewhere && let Some(first) = moves.first_mut() {
        first.after = 0;
    }
    let mut all = Vec::new();
    for place in 0..=steps.len() {
        let here = moves.iter().enumerate().filter(|(_, each)| each.after == place);
        for (number, each) in here {
            let away = number % 2 == 0;
            let to = &releases[each.to % releases.len()];
            let release = if away { Server::Release(to.clone()) } else { Server::Main };
            all.push(Restart { release: Some(release), ..Restart::by(each.stop) }.into());
            // Before the first step there is no thread to look at.
            all.extend(each.looks.iter().filter(|_| place > 0).cloned());
        }
        all.extend(steps.get(place).cloned());
    }
    all
}
