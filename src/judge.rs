//! [core] The decision.
