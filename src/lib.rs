//! Property-based conformance and fuzz suite for policy inheritance in `codex app-server`.
//!
//! [`Check`] is a campaign in one call, for your own `cargo test`. The parts are usable alone, and
//! [`prelude`] imports what most tests need:
//!
//! * [`drive::isolated::Isolated`]: a server with its own home, model and connection;
//! * [`mock_model::MockModel`]: the stand-in for the model, with queued answers, delays, gates and
//!   captured requests;
//! * [`client::Client`] and [`server::Server`]: JSON-RPC over any byte stream, and one process;
//! * [`protocol::policy`]: the policy that a reply or a notice states.
//!
//! A case goes through the modules in the order in which they stand below: [`drive`] performs a
//! program and records a trace, the judge compares that with the model, and a campaign repeats,
//! shrinks and confirms.

pub mod policy;
#[doc(hidden)]
pub mod program;
#[doc(hidden)]
pub mod contract;
#[doc(hidden)]
pub mod model;
pub mod protocol;
#[doc(hidden)]
pub mod trace;
#[doc(hidden)]
pub mod transcript;
#[doc(hidden)]
pub mod judge;
#[doc(hidden)]
pub mod cause;
#[doc(hidden)]
pub mod shrink;
#[doc(hidden)]
pub mod provision;
pub mod home;
pub mod server;
pub mod mock_model;
pub mod client;
pub mod drive;
#[doc(hidden)]
pub mod campaign;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod matrix;
#[doc(hidden)]
pub mod report;
pub mod check;
#[cfg(any(all(test, feature = "cli"), feature = "power"))]
#[doc(hidden)]
pub mod power;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(test)]
mod testing;

pub use check::Check;

/// What a test needs: `use heirloom::prelude::*;`.
pub mod prelude {
    pub use serde_json::{Value, json};

    pub use crate::cause::Known;
    pub use crate::check::{Check, Unready};
    pub use crate::drive::isolated::{Isolated, RequestError, ServerRequest, Thread, TurnEnd};
    pub use crate::drive::test_bed::TestBed;
    pub use crate::drive::timeouts::Timeouts;
    pub use crate::mock_model::answer::{Answer, Gate};
    pub use crate::policy::features::{FeatureMix, FeatureSet};
    pub use crate::policy::{Defaults, Policy};
    pub use crate::program::reply::Reply;
}

/// The examples of the guide, which are compiled as they stand there.
#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
struct Guide;
