//! The `heirloom` binary: everything it does stands in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    match heirloom::cli::run(std::env::args_os()) {
        Ok(exit) => ExitCode::from(exit),
        Err(failure) => {
            eprintln!("heirloom: {failure}");
            ExitCode::from(failure.exit())
        }
    }
}
