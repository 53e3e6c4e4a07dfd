//! How everything is spelled on the wire, and read back.
//!
//! JSON-RPC lines, the calls of the alphabet, notifications, rollout items and the model's events.
//! This room alone knows method names and keys. Every value has one canonical reading: defaults
//! filled in, paths as WS, HOME and OUT; a spelling that is not in the contract is kept, as odd.

pub mod subagents;
pub mod requests;
pub mod probe;
pub mod model;
pub mod notifications;
pub mod policy;
pub mod rollout;
pub mod rpc;
pub mod schema;
mod secondary;
pub mod store;
pub mod model_context;
