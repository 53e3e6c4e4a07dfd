//! Property-based conformance and fuzz suite for policy inheritance in `codex app-server`.

pub mod campaign;
pub mod cli;
pub mod client;
pub mod contract;
pub mod disk;
pub mod drive;
pub mod judge;
pub mod known;
pub mod model;
pub mod op;
pub mod plan;
pub mod policy;
pub mod provision;
pub mod report;
pub mod server;
pub mod shrink;
pub mod trace;
pub mod upstream;
pub mod wire;
