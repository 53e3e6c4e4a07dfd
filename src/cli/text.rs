//! The text that commands read from files and print.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::failure::Failure;
use crate::report::stdout::Stdout;

/// The program as it was called, for commands that a person may copy.
pub(super) fn program_name() -> String {
    std::env::args().next().unwrap_or_else(|| "heirloom".to_owned())
}

/// Prints a text, and the exit code is 0.
pub(super) fn done(text: &str) -> Result<u8, Failure> {
    print(text)?;
    Ok(0)
}

pub(super) fn print(text: &str) -> Result<(), Failure> {
    let written = Stdout::default().write(text);
    written.map_err(|error| Failure::Trouble(format!("cannot write to standard output: {error}")))
}

/// Refuses a file to write that exists; `flag` names it.
pub(super) fn refuse_existing(path: &Path, flag: &str) -> Result<(), Failure> {
    if !path.exists() {
        return Ok(());
    }
    let problem = format!("cannot write {}: the file exists", path.display());
    Err(Failure::Usage(format!("{problem}; name another with {flag}")))
}

/// Writes a new file that a person named.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let written = File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::Trouble(format!("cannot write {}: {error}", path.display())))
}

/// Reads a text file that a person named.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let cannot = |error| Failure::Usage(format!("cannot read {}: {error}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| cannot(error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| cannot("it is not UTF-8 text".to_owned()))
}
