//! `heirloom servers`: what is cached, what is pinned, where a server is, what may go.
//!
//! The list says nothing of other machines' platforms. `path` prints the path and nothing else, so
//! that a script may use it. Nothing is removed but by `prune`, which says what went.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::{SystemTime, UNIX_EPOCH};

use bytesize::ByteSize;
use clap::Subcommand;

use super::server_flags::{cache, limit, provide, size};
use super::{Failure, print, said, stop};
use crate::provision::prune::{Freed, Keep, Pruned, prune};
use crate::provision::range::Span;
use crate::provision::{self, Cached, PINNED, Spec};
use crate::report::words::plural;

/// Nanoseconds of a day.
const DAY_NS: i64 = 86_400_000_000_000;

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
    /// Free the cache of releases, those first that were not used for longest; one that is in use
    /// stays. Without arguments: down to HEIRLOOM_CACHE_LIMIT
    Prune(Prune),
}

/// The flags of `heirloom servers prune`.
#[derive(Clone, Debug, clap::Args)]
struct Prune {
    /// The releases that go: one, or a range such as 0.131..0.143
    #[arg(value_name = "SPEC", conflicts_with_all = ["keep", "limit"])]
    spans: Vec<String>,
    /// How many stay: those used last
    #[arg(long, value_name = "N", conflicts_with = "limit", value_parser = stay)]
    keep: Option<usize>,
    /// What may stay together, such as 5GB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    limit: Option<u64>,
}

/// Lists, fetches, locates or frees.
pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    match &flags.command {
        None => list(),
        Some(Command::Fetch { specs }) => fetch(specs),
        Some(Command::Path { spec }) => fetch(std::slice::from_ref(spec)),
        Some(Command::Prune(flags)) => free(&flags.keep()?),
    }
}

/// Provides each, and prints its path.
fn fetch(specs: &[String]) -> Result<u8, Failure> {
    let specs: Result<Vec<Spec>, _> = specs.iter().map(|spec| spec.parse()).collect();
    let specs = specs.map_err(Failure::usage)?;
    let stop = stop::flag()?;
    for spec in specs {
        let executable = provide(&spec, &cache()?, (&stop, false))?;
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
    text.push_str(&total(&cached)?);
    let pinned: BTreeSet<_> = provision::pinned().into_iter().map(|row| row.version).collect();
    text.push_str("\npinned, each with its digest\n");
    for version in pinned {
        let default = if version.to_string() == PINNED { "  the default" } else { "" };
        text.push_str(&format!("  {version}{default}\n"));
    }
    said(&text)
}

fn line(cached: &Cached) -> String {
    let size = told(cached.bytes);
    let pinned = if cached.pinned { "pinned" } else { "" };
    let (version, path) = (cached.version.to_string(), cached.path.display());
    format!("  {version:<16} {size:>10}  {:<17}  {pinned:<6}  {path}\n", used(cached.used_ns))
}

/// The sum, where there is one, and what it may be.
fn total(cached: &[Cached]) -> Result<String, Failure> {
    let sum = told(cached.iter().map(|one| one.bytes).sum());
    let limit = limit()?.map_or(String::new(), |limit| format!(", of at most {}", told(limit)));
    match cached.is_empty() {
        true => Ok(String::new()),
        false => Ok(format!("  {:<16} {sum:>10}{limit}\n", "together")),
    }
}

/// When a release was last provided.
fn used(used_ns: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ns = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX);
    match now_ns.saturating_sub(used_ns) / DAY_NS {
        ..1 => "used today".to_owned(),
        days => format!("used {} ago", plural(u64::try_from(days).unwrap_or(0), "day")),
    }
}

impl Prune {
    fn keep(&self) -> Result<Keep, Failure> {
        let spans: Result<Vec<Span>, _> = self.spans.iter().map(|text| text.parse()).collect();
        let spans = spans.map_err(Failure::usage)?;
        if let Some(count) = self.keep {
            return Ok(Keep::Last(count));
        }
        if !spans.is_empty() {
            return Ok(Keep::Without(spans));
        }
        let bytes = self.limit.map_or_else(limit, |limit| Ok(Some(limit)))?;
        bytes.map(Keep::Within).ok_or_else(|| {
            Failure::Usage(
                "say what is to go: releases, or --keep N, or --limit SIZE, or set \
                 HEIRLOOM_CACHE_LIMIT"
                    .to_owned(),
            )
        })
    }
}

/// Reads how many are to stay.
fn stay(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "expected a whole number from 0 on".to_owned())
}

fn free(keep: &Keep) -> Result<u8, Failure> {
    let pruned = prune(&cache()?, keep, &mut |_| ControlFlow::Continue(()));
    let Pruned { freed, in_use, left } = pruned.map_err(|error| match error.is_usage() {
        true => Failure::usage(error),
        false => Failure::trouble(error),
    })?;
    let mut text = String::new();
    for Freed { version, path, bytes } in &freed {
        let version = version.as_ref().map_or("broken".to_owned(), ToString::to_string);
        let (size, path) = (told(*bytes), path.display());
        text.push_str(&format!("freed   {version:<16} {size:>10}  {path}\n"));
    }
    for version in &in_use {
        text.push_str(&format!("in use  {version}: it stays\n"));
    }
    let sum = told(freed.iter().map(|one| one.bytes).sum());
    text.push_str(&format!("{sum} freed, {} left\n", told(left)));
    said(&text)
}

fn told(bytes: u64) -> String {
    ByteSize(bytes).display().si().to_string()
}
