//! [core] The reference world.
