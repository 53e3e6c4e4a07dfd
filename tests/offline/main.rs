//! What needs no real server, in one binary: each test binary links the whole crate.

mod cli;
mod command;
mod edge;
mod exports;
mod faulty;
mod mock_model;
mod provision;
mod releases;
mod upkeep;
