//! The server that is meant, ready to be run.
//!
//! `--server`, else HEIRLOOM_SERVER, else the pinned release; provided, with its progress shown,
//! and started once to see that it is an app-server.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytesize::ByteSize;
use semver::Version;

use super::Failure;
use super::stop;
use crate::campaign::Subject;
use crate::drive::test_bed::{NoTestBed, TestBed};
use crate::drive::timeouts::Timeouts;
use crate::home::FeatureSet;
use crate::program::Program;
use crate::provision::lease::Lease;
use crate::provision::{self, Cache, Executable, PINNED, Progress, Spec};
use crate::report::download_progress::{DownloadProgress, Phase};

/// Which server, in which product state.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ServerFlags {
    /// The server: a release, `latest`, or a path to an executable
    #[arg(long, value_name = "SPEC", env = "HEIRLOOM_SERVER", hide_env_values = true)]
    #[arg(default_value = PINNED)]
    server: String,
    /// Features of the server: `default`, as released; `lean`, without those that have no part in
    /// policy, which takes a third less CPU
    #[arg(long, value_name = "NAME", value_parser = ["default", "lean"])]
    #[arg(default_value = "default", hide_possible_values = true)]
    profile: String,
}

/// A server that is ready, and the flag that Ctrl-C sets.
pub(super) struct Ready {
    pub(super) test_bed: Arc<TestBed>,
    pub(super) subject: Subject,
    pub(super) stop: Arc<AtomicBool>,
    /// Keep the executables in the cache; to be held for as long as they are run.
    pub(super) leases: Vec<Lease>,
}

impl ServerFlags {
    /// Provides the server and those that a program names, and starts each once.
    pub(super) fn ready_for(&self, program: &Program) -> Result<Ready, Failure> {
        let others: Vec<Spec> = program.releases().into_iter().map(Spec::Version).collect();
        self.ready(&others, false)
    }

    /// Provides the server and the others beside it, and starts each once; one that is there
    /// already is not added again.
    pub(super) fn ready(&self, others: &[Spec], quiet: bool) -> Result<Ready, Failure> {
        let spec = self.spec()?;
        let stop = stop::flag()?;
        let executable = provide(&spec, &cache()?, (&stop, quiet))?;
        let Executable { path, version, digest, lease, .. } = executable;
        let test_bed =
            TestBed::prepare(path, version.clone(), profile(&self.profile), Timeouts::default());
        let mut test_bed = test_bed.map_err(unprepared)?;
        let beside = add(&mut test_bed, others, (&stop, quiet))?;
        let (others, mut leases): (Vec<Version>, Vec<Lease>) = beside.into_iter().unzip();
        leases.push(lease);
        let subject = Subject { spec: spec.to_string(), version, digest, others };
        Ok(Ready { test_bed: Arc::new(test_bed), subject, stop, leases })
    }

    /// The flags as they were given.
    pub(super) fn again(&self) -> Vec<String> {
        let given = !self.server.is_empty() && self.server != PINNED;
        let server = given.then(|| format!("--server {}", self.server));
        let profile = (self.profile != "default").then(|| format!("--profile {}", self.profile));
        server.into_iter().chain(profile).collect()
    }

    fn spec(&self) -> Result<Spec, Failure> {
        match self.server.as_str() {
            "" => Ok(Spec::default()),
            "none" => Err(Failure::Usage(
                "HEIRLOOM_SERVER=none leaves out the live tests of `cargo test`, and here nothing \
                 would be left; unset it, or pass --server"
                    .to_owned(),
            )),
            text => text.parse().map_err(Failure::usage),
        }
    }
}

/// Makes servers ready beside the one that is checked; one that is there already is not added
/// again. Gives those that were added, each with what keeps it in the cache.
pub(super) fn add(
    test_bed: &mut TestBed,
    others: &[Spec],
    (stop, quiet): (&AtomicBool, bool),
) -> Result<Vec<(Version, Lease)>, Failure> {
    let mut added: Vec<(Version, Lease)> = Vec::new();
    for other in others {
        let is_here = |version: &Version| {
            let mut here = test_bed.main.version.iter().chain(added.iter().map(|(one, _)| one));
            here.any(|one| one == version)
        };
        if matches!(other, Spec::Version(version) if is_here(version)) {
            continue;
        }
        let found = provide(other, &cache()?, (stop, quiet))?;
        let Some(version) = found.version else {
            let problem = format!("{other} does not say which release it is");
            let advice = "homes move between releases that do";
            return Err(Failure::Usage(format!("{problem}, and {advice}; name another")));
        };
        if !is_here(&version) {
            test_bed.add(found.path, version.clone()).map_err(unprepared)?;
            added.push((version, found.lease));
        }
    }
    Ok(added)
}

/// The product state of this name.
pub(super) fn profile(name: &str) -> FeatureSet {
    match name {
        "lean" => FeatureSet::Lean,
        _ => FeatureSet::Default,
    }
}

/// The cache: HEIRLOOM_CACHE, else the user's; no larger than HEIRLOOM_CACHE_LIMIT says.
pub(super) fn cache() -> Result<Cache, Failure> {
    let cache = match std::env::var_os("HEIRLOOM_CACHE").filter(|path| !path.is_empty()) {
        Some(path) => Cache::at(PathBuf::from(path)),
        None => Cache::user().map_err(Failure::trouble)?,
    };
    Ok(limit()?.map_or(cache.clone(), |limit| cache.within(limit)))
}

/// The limit of the cache in bytes, where there is one.
pub(super) fn limit() -> Result<Option<u64>, Failure> {
    let text = std::env::var("HEIRLOOM_CACHE_LIMIT").unwrap_or_default();
    let read = (!text.is_empty()).then(|| size(&text)).transpose();
    read.map_err(|why| Failure::Usage(format!("HEIRLOOM_CACHE_LIMIT is `{text}`: {why}")))
}

/// Reads a size, as `5GB`. A number alone would be bytes, of which nobody means five.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let unread = |_| "expected a size such as 5GB or 800MB".to_owned();
    match text.trim().ends_with(|last: char| last.is_ascii_alphabetic()) {
        true => text.parse().map(|size: ByteSize| size.as_u64()).map_err(unread),
        false if text.trim().parse::<f64>().is_ok() => {
            Err(format!("it has no unit; write it like {text}GB or {text}MB", text = text.trim()))
        }
        false => Err("expected a size such as 5GB or 800MB".to_owned()),
    }
}

/// Provides a server, with progress on stderr.
pub(super) fn provide(
    spec: &Spec,
    cache: &Cache,
    (stop, quiet): (&AtomicBool, bool),
) -> Result<Executable, Failure> {
    let mut gauge = DownloadProgress::new(quiet);
    let mut freed = Vec::new();
    let mut tell = |progress: &Progress| {
        match progress {
            Progress::Freed { version, bytes } => freed.push(gone(version, *bytes)),
            progress => gauge.show(&stretch(progress)),
        }
        match stop.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    let provided = provision::provide(spec, cache, &mut tell);
    gauge.end();
    freed.iter().filter(|_| !quiet).for_each(|line| eprintln!("{line}"));
    provided.map_err(|error| match error.is_usage() {
        true => Failure::usage(error),
        false => Failure::trouble(error),
    })
}

/// What a fetch freed.
fn gone(version: &Version, bytes: u64) -> String {
    let size = ByteSize(bytes).display().si();
    format!("freed {size} of the cache: codex {version} was not used for longest")
}

fn unprepared(error: NoTestBed) -> Failure {
    match &error {
        NoTestBed::NoServer { .. } => Failure::usage(error),
        NoTestBed::Ours { .. } => Failure::trouble(error),
    }
}

fn stretch(progress: &Progress) -> Phase {
    let plain = |what: String| Phase { what, bytes: None, total: None };
    match progress {
        Progress::Waiting => plain("waiting for another process that fetches".to_owned()),
        Progress::Asking { client } => plain(format!("asking {client}")),
        Progress::Fetching { client, version, bytes, total } => Phase {
            what: format!("fetching codex {version} by {client}"),
            bytes: Some(*bytes),
            total: *total,
        },
        Progress::Verifying { bytes, total } => {
            Phase { what: "verifying".to_owned(), bytes: Some(*bytes), total: Some(*total) }
        }
        Progress::Unpacking { bytes, total } => {
            Phase { what: "unpacking".to_owned(), bytes: Some(*bytes), total: Some(*total) }
        }
        Progress::Freed { version, bytes } => plain(gone(version, *bytes)),
        Progress::Ready { version } => plain(format!("codex {version} is ready")),
    }
}
