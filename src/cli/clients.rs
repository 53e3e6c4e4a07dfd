//! `heirloom clients`: lists and fetches releases of the Python SDK.

use bytesize::ByteSize;
use clap::Subcommand;

use super::failure::Failure;
use super::server_flags::{Provider, cache};
use super::text::done;
use crate::provision::sdk::{self, CachedSdk};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Flags {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Fetch releases of the SDK into the cache, and print the path of each one's Python
    Fetch {
        /// `python` for the newest release, or one as `python=0.163.0`
        #[arg(required = true, value_name = "CLIENT")]
        specs: Vec<String>,
    },
}

pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    match &flags.command {
        None => list(),
        Some(Command::Fetch { specs }) => {
            Provider::fetch(specs, |provider, spec| Ok(provider.provide_sdk(spec)?.python))
        }
    }
}

fn list() -> Result<u8, Failure> {
    let cached = sdk::list(&cache()?).map_err(Failure::trouble)?;
    let mut text = String::from("cached\n");
    if cached.is_empty() {
        text.push_str("  none; `heirloom check --client python` fetches the newest one\n");
    }
    cached.iter().for_each(|sdk| text.push_str(&line(sdk)));
    text.push_str("\npinned by digest\n");
    sdk::pinned().iter().for_each(|version| text.push_str(&format!("  {version}\n")));
    done(&text)
}

fn line(cached: &CachedSdk) -> String {
    let size = ByteSize(cached.bytes).display().si().to_string();
    let (version, python) = (cached.version.to_string(), &cached.python);
    format!("  {version:<16} {size:>10}  Python {python:<6}  {}\n", cached.entry.display())
}
