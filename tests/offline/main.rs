//! What needs no real server, in one binary: each test binary links the whole crate.

mod action;
mod cli;
mod command;
mod edge;
mod exports;
mod faulty;
mod live_page;
mod mock_model;
mod nightly;
mod provision;
mod releases;
mod upkeep;
