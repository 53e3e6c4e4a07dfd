//! The JSON protocol, written and read: JSON-RPC lines, requests, notifications, rollout items, the
//! model's events and the server's own schema.
//!
//! Only this module knows JSON keys. Every value is read in one canonical form: defaults filled in,
//! paths as WS, HOME and OUT. A value that the contract does not name is kept as unrecognised.

pub mod subagents;
pub mod requests;
pub mod probe;
pub mod model;
pub mod notifications;
pub mod config_file;
pub mod policy;
pub mod profile;
pub mod rollout;
pub mod rpc;
pub mod schema;
pub mod sdk;
pub mod statement;
mod secondary;
pub mod model_context;
