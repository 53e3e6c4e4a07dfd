//! `heirloom servers`: lists, fetches, locates and removes servers.
//!
//! `path` prints the path and nothing else, for scripts. Only `prune` removes anything.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::{SystemTime, UNIX_EPOCH};

use bytesize::ByteSize;
use clap::Subcommand;

use super::failure::Failure;
use super::server_flags::{Provider, cache, limit, not_provided, size};
use super::text::done;
use crate::provision::prune::{Freed, Keep, Pruned, prune};
use crate::provision::range::Span;
use crate::provision::{self, Cached, PINNED};
use crate::report::words::plural;

const DAY_NS: i64 = 86_400_000_000_000;

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
    /// Print the path of a server's executable; fetch it if needed
    Path {
        /// A release, `latest`, or a path
        #[arg(value_name = "SPEC")]
        spec: String,
    },
    /// Remove releases from the cache, the longest unused first and never one in use;
    /// without arguments: down to HEIRLOOM_CACHE_LIMIT
    Prune(Prune),
}

#[derive(Clone, Debug, clap::Args)]
struct Prune {
    /// The releases to remove, or ranges of them such as 0.131..0.143
    #[arg(value_name = "SPEC", conflicts_with_all = ["keep", "limit"])]
    spans: Vec<String>,
    /// How many releases to keep, the last used ones
    #[arg(long, value_name = "N", conflicts_with = "limit")]
    keep: Option<usize>,
    /// The most space that the cache may take, such as 5GB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    limit: Option<u64>,
}

pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    match &flags.command {
        None => list(),
        Some(Command::Fetch { specs }) => fetch(specs),
        Some(Command::Path { spec }) => fetch(std::slice::from_ref(spec)),
        Some(Command::Prune(flags)) => remove(&flags.keep()?),
    }
}

fn fetch(specs: &[String]) -> Result<u8, Failure> {
    Provider::fetch(specs, |provider, spec| Ok(provider.provide(spec)?.path))
}

fn list() -> Result<u8, Failure> {
    let cached = provision::list(&cache()?).map_err(Failure::trouble)?;
    let mut text = String::from("cached\n");
    if cached.is_empty() {
        text.push_str("  none; `heirloom check` fetches the default one when it needs it\n");
    }
    cached.iter().for_each(|entry| text.push_str(&line(entry)));
    text.push_str(&total(&cached)?);
    let pinned: BTreeSet<_> = provision::pins::rows().into_iter().map(|row| row.version).collect();
    text.push_str("\npinned by digest\n");
    for version in pinned {
        let default = if version.to_string() == PINNED { "  the default" } else { "" };
        text.push_str(&format!("  {version}{default}\n"));
    }
    done(&text)
}

fn line(cached: &Cached) -> String {
    let size = size_words(cached.bytes);
    let pinned = if cached.pinned { "pinned" } else { "" };
    let (version, path) = (cached.version.to_string(), cached.path.display());
    format!("  {version:<16} {size:>10}  {:<17}  {pinned:<6}  {path}\n", used(cached.used_ns))
}

/// The sum and its limit, if anything is cached.
fn total(cached: &[Cached]) -> Result<String, Failure> {
    if cached.is_empty() {
        return Ok(String::new());
    }
    let sum = size_words(cached.iter().map(|entry| entry.bytes).sum());
    let limit = limit()?;
    let limit = limit.map_or(String::new(), |limit| format!(", of at most {}", size_words(limit)));
    Ok(format!("  {:<16} {sum:>10}{limit}\n", "together"))
}

/// When a release was last used.
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
                "say what to remove: releases, or --keep N, or --limit SIZE, or set \
                 HEIRLOOM_CACHE_LIMIT"
                    .to_owned(),
            )
        })
    }
}

fn remove(keep: &Keep) -> Result<u8, Failure> {
    let pruned = prune(&cache()?, keep, &mut |_| ControlFlow::Continue(()));
    let Pruned { freed, in_use, left } = pruned.map_err(not_provided)?;
    let mut text = String::new();
    for Freed { version, path, bytes } in &freed {
        let version = version.as_ref().map_or("broken".to_owned(), ToString::to_string);
        let (size, path) = (size_words(*bytes), path.display());
        text.push_str(&format!("removed  {version:<16} {size:>10}  {path}\n"));
    }
    for version in &in_use {
        text.push_str(&format!("kept     {version}: it is in use\n"));
    }
    let sum = size_words(freed.iter().map(|entry| entry.bytes).sum());
    text.push_str(&format!("{sum} freed, {} left\n", size_words(left)));
    done(&text)
}

fn size_words(bytes: u64) -> String {
    ByteSize(bytes).display().si().to_string()
}
