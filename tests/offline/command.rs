//! The built binary, and what a person sees of it.
//!
//! It runs with an empty cache and nothing of the person's; what it prints is shown with stderr
//! behind `!`, and with the exit code where it is not 0.

use std::path::Path;
use std::process::{Command, Output};

/// The binary.
pub(crate) const EXE: &str = env!("CARGO_BIN_EXE_heirloom");

/// The binary in a folder, with this cache.
pub(crate) fn within(folder: &Path, cache: &Path) -> Command {
    let mut command = Command::new(EXE);
    command.current_dir(folder).env("HEIRLOOM_CACHE", cache);
    command.env_remove("HEIRLOOM_SERVER").env_remove("HEIRLOOM_CACHE_LIMIT");
    command
}

/// What a person sees: stdout, stderr behind `!`, and the exit code where it is not 0.
pub(crate) fn seen(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr);
    let err: String = err.lines().map(|line| format!("! {line}\n")).collect();
    match output.status.code() {
        Some(0) => format!("{out}{err}"),
        code => format!("{out}{err}exit {}\n", code.expect("it was not killed")),
    }
}
