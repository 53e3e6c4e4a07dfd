//! `interrupt`: an action that starts a turn, and an interrupt before the turn is over.

use std::fmt;

use arbitrary::Unstructured;
use proptest::prelude::Strategy;
use proptest::sample::select;
use proptest::strategy::BoxedStrategy;

use super::action::{Action, ThreadAction};
use crate::program::generate::bytes;
use crate::program::generate::overrides::DrawContext;
use crate::program::generate::values::threads;
use crate::program::line::{Line, Problem, one_of, problem};
use crate::program::operation::{Draw, OpKind, Operation};
use crate::program::reply::TurnEnd;
use crate::program::thread::ThreadRef;

/// The actions that can be interrupted.
const TURNS: [Action; 3] = [Action::Compact, Action::Review, Action::Goal];

/// An action of a client whose turn it interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interrupt {
    pub thread: ThreadRef,
    /// Compaction, a review or a goal.
    pub action: Action,
}

impl Interrupt {
    /// The action itself.
    pub fn action(&self) -> ThreadAction {
        ThreadAction { thread: self.thread, action: self.action, probe: None }
    }

    fn strategy() -> BoxedStrategy<Interrupt> {
        (threads(), select(TURNS.to_vec()))
            .prop_map(|(thread, action)| Interrupt { thread, action })
            .boxed()
    }
}

impl Operation for Interrupt {
    const VERB: &'static str = "interrupt";
    const HELP: &'static [(&'static str, &'static str)] = &[(
        "interrupt compact t0",
        "the action, and `turn/interrupt` before its turn is over; also `review` and `goal`",
    )];

    fn parse(line: &mut Line) -> Result<Interrupt, Problem> {
        let word = line.word().unwrap_or_default();
        let action: Action = one_of(&word, "action")?;
        if !TURNS.contains(&action) {
            return problem(format!(
                "`{word}` has no turn to interrupt; expected compact, review or goal"
            ));
        }
        Ok(Interrupt { action, thread: line.thread()? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action, self.thread)
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Interrupt> {
        Ok(Interrupt { thread: bytes::thread(bytes)?, action: *bytes.choose(&TURNS)? })
    }

    fn draw(cx: &DrawContext) -> Vec<Draw<Interrupt>> {
        Draw::then_read(cx.shape.actions.min(cx.shape.running), Interrupt::strategy())
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.thread)
    }

    fn kind(&self) -> OpKind {
        self.action.kind()
    }

    fn leaves_turn(&self) -> Option<TurnEnd> {
        Some(TurnEnd::Interrupted)
    }
}
