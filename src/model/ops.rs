//! What the contract allows each operation.

mod action;
mod begin;
mod cold_read;
mod configure;
mod disk;
mod finish;
mod fork;
mod invalid;
mod restart;
mod resume;
mod run;
mod second_server;
mod settings;
mod spawn;
mod start;
mod steer;
mod subagent_turn;
mod turn_settings;
mod warm_read;
