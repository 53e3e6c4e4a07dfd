//! [shell] `heirloom servers`: what is cached, what is pinned, and where a server is.
//!
//! The list says nothing of other machines' platforms. `path` prints the path and nothing else, so
//! that a script may use it.

use std::collections::BTreeSet;

use clap::Subcommand;
use indicatif::DecimalBytes;

use super::subject::{cache, provide};
use super::{Failure, print, said, stop};
use crate::provision::{self, Cached, PINNED, Spec};

/// The flags of `heirloom servers`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Flags {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Fetch releases into the cache
    Fetch {
        /// Releases, or `latest`
        #[arg(required = true, value_name = "SPEC")]
        specs: Vec<String>,
    },
    /// Print the path of a server's executable, fetched where it must be
    Path {
        /// A release, `latest`, or a path
        #[arg(value_name = "SPEC")]
        spec: String,
    },
}

/// Lists, fetches or locates.
pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    match &flags.command {
        None => list(),
        Some(Command::Fetch { specs }) => fetch(specs),
        Some(Command::Path { spec }) => fetch(std::slice::from_ref(spec)),
    }
}

/// Provides each, and prints its path.
fn fetch(specs: &[String]) -> Result<u8, Failure> {
    let specs: Result<Vec<Spec>, _> = specs.iter().map(|spec| spec.parse()).collect();
    let specs = specs.map_err(Failure::usage)?;
    let stop = stop::flag()?;
    for spec in specs {
        let executable = provide(&spec, &stop, false)?;
        print(&format!("{}\n", executable.path.display()))?;
    }
    Ok(0)
}

fn list() -> Result<u8, Failure> {
    let cached = provision::list(&cache()?).map_err(Failure::trouble)?;
    let mut text = String::from("cached\n");
    if cached.is_empty() {
        text.push_str("  none; `heirloom check` fetches the pinned one when it needs it\n");
    }
    cached.iter().for_each(|entry| text.push_str(&line(entry)));
    let pinned: BTreeSet<_> = provision::pinned().into_iter().map(|row| row.version).collect();
    text.push_str("\npinned, each with its digest\n");
    for version in pinned {
        let default = if version.to_string() == PINNED { "  the default" } else { "" };
        text.push_str(&format!("  {version}{default}\n"));
    }
    said(&text)
}

fn line(entry: &Cached) -> String {
    let Cached { version, path, bytes, pinned } = entry;
    let size = DecimalBytes(*bytes).to_string();
    let pinned = if *pinned { "pinned" } else { "" };
    format!("  {:<16} {size:>10}  {pinned:<6}  {}\n", version.to_string(), path.display())
}
