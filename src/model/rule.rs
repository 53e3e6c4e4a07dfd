//! What every operation answers about what the contract allows.

use super::{Branch, Stage, World};
use crate::contract::Clause;

/// The rules of one operation.
pub(super) trait Rule {
    /// Whether it writes files, and so may fail on a full disk.
    const WRITES: bool = false;

    /// Whether a call that comes after it, and before it is acknowledged, meets what it changed.
    const MET_BY_LATER_CALLS: bool = false;

    /// Every answer that the contract allows; never empty.
    fn predict(&self, world: &World) -> Vec<Branch>;

    /// How far it can have come when the server is killed.
    fn stages(&self) -> &'static [Stage] {
        &[Stage::Nothing]
    }

    /// The world before it, once a kill may have broken it off.
    fn in_doubt(&self, world: &World) -> World {
        world.clone()
    }

    /// On a full disk: the worlds in which it is refused and was done in part.
    fn half_done(&self, _world: &World, _granted: &[Branch]) -> Vec<World> {
        Vec::new()
    }

    /// The clause that lets it leave a policy wider than was asked for (G12).
    fn permits_widening(&self, _world: &World) -> Option<Clause> {
        None
    }
}
