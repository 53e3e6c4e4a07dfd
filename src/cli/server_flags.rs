//! The server that a command runs: `--server`, else HEIRLOOM_SERVER, else the pinned release.
//!
//! It is provided with progress on stderr, and started once to see that it is an app-server.

use std::fmt::Display;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytesize::ByteSize;
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser};
use semver::Version;
use strum::VariantNames;

use super::failure::Failure;
use super::stop;
use super::text::print;
use crate::campaign::Subject;
use crate::drive::test_bed::{NoTestBed, TestBed};
use crate::drive::timeouts::Timeouts;
use crate::policy::features::FeatureMix;
use crate::program::Program;
use crate::program::sdk::SdkClient;
use crate::provision::lease::Lease;
use crate::provision::sdk::{self, Sdk};
use crate::provision::sdk_error::NoSdk;
use crate::provision::{self, Cache, Executable, PINNED, Progress, Spec};
use crate::report::download_progress::{DownloadProgress, Phase};

/// Which server, with which features.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ServerFlags {
    #[arg(long, value_name = "SPEC", value_parser = NonEmptyStringValueParser::new())]
    #[arg(help = format!("The server: a release, `latest`, or a path to an executable [default: \
                          HEIRLOOM_SERVER, else {PINNED}]"))]
    server: Option<String>,
    /// The release that the server stands for, where its `--version` says none or another: a
    /// build from source says 0.0.0
    #[arg(long = "as", value_name = "VERSION", value_parser = release)]
    stands_for: Option<Version>,
    /// Let the Python SDK perform the cases: `python` or `python-async`, or a release as
    /// `python=0.154.0`
    #[arg(long, value_name = "CLIENT")]
    client: Option<String>,
    #[command(flatten)]
    pub(super) features: FeatureFlag,
}

fn release(text: &str) -> Result<Version, String> {
    text.parse().map_err(|_| "expected a release like 0.169.0".to_owned())
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct FeatureFlag {
    /// The server's features: `full`, as released, `lean`, without those that play no
    /// part in policy, which takes a sixth less CPU, or `mixed`, three of four drawn
    /// cases lean [default: mixed, or what the case says]
    #[arg(long, alias = "profile", value_name = "NAME", value_parser = feature_mix())]
    #[arg(hide_possible_values = true)]
    features: Option<FeatureMix>,
}

impl FeatureFlag {
    /// The features of cases that are drawn.
    pub(super) fn drawn(&self) -> FeatureMix {
        self.features.unwrap_or_default()
    }

    /// A program with the features that are asked for.
    pub(super) fn applied(&self, program: Program) -> Program {
        match self.drawn().fixed() {
            Some(features) => program.with_features(features),
            None => program,
        }
    }
}

fn feature_mix() -> impl TypedValueParser<Value = FeatureMix> {
    let names = PossibleValuesParser::new(FeatureMix::VARIANTS);
    names.map(|name| name.parse().expect("a possible value is the name of a mix"))
}

/// A server that is ready, and the flag that Ctrl-C sets.
pub(super) struct Ready {
    pub(super) test_bed: Arc<TestBed>,
    pub(super) subject: Subject,
    pub(super) stop: Arc<AtomicBool>,
    /// Keep the executables in the cache; to be held for as long as they are run.
    pub(super) leases: Vec<Lease>,
}

/// Provides servers, with progress on stderr.
pub(super) struct Provider {
    pub(super) cache: Cache,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) quiet: bool,
}

impl ServerFlags {
    /// Provides the server and those that a program names, and starts each once.
    pub(super) fn ready_for(&self, program: &Program) -> Result<Ready, Failure> {
        let others: Vec<Spec> = program.releases().into_iter().map(Spec::Version).collect();
        self.ready(&others, false)
    }

    /// Provides the server and the others, and starts each once; one that is there already is not
    /// added again.
    pub(super) fn ready(&self, others: &[Spec], quiet: bool) -> Result<Ready, Failure> {
        let spec = self.spec()?;
        let client = self.client_spec()?;
        let provider = Provider { stop: stop::flag()?, cache: cache()?, quiet };
        let Executable { path, version, digest, lease, .. } = self.provided(&spec, &provider)?;
        let test_bed = TestBed::prepare(path, version.clone(), Timeouts::default());
        let mut test_bed = test_bed.map_err(unprepared)?;
        let added = provider.add(&mut test_bed, others)?;
        let (others, mut leases): (Vec<Version>, Vec<Lease>) = added.into_iter().unzip();
        leases.push(lease);
        let client = client.map(|spec| provider.use_sdk(&mut test_bed, &spec)).transpose()?;
        let client = client.map(|Sdk { client, version, lease, .. }| {
            leases.push(lease);
            format!("{client}={version}")
        });
        let subject = Subject { spec: spec.to_string(), version, digest, others, client };
        Ok(Ready { test_bed: Arc::new(test_bed), subject, stop: provider.stop, leases })
    }

    /// The client of the SDK that performs the cases, if one does.
    pub(super) fn client(&self) -> Result<Option<SdkClient>, Failure> {
        Ok(self.client_spec()?.map(|spec| spec.client))
    }

    /// The client that is asked for, if one of the SDK's is.
    fn client_spec(&self) -> Result<Option<sdk::Spec>, Failure> {
        self.client.as_ref().map(|text| text.parse()).transpose().map_err(Failure::usage)
    }

    fn provided(&self, spec: &Spec, provider: &Provider) -> Result<Executable, Failure> {
        let executable = provider.provide(spec)?;
        let version = self.stands_for.clone().or(executable.version.clone());
        Ok(Executable { version, ..executable })
    }

    /// The server's executable, to be held for as long as it is run.
    #[cfg(feature = "power")]
    pub(super) fn executable(&self) -> Result<Executable, Failure> {
        let provider = Provider { stop: stop::flag()?, cache: cache()?, quiet: false };
        self.provided(&self.spec()?, &provider)
    }

    /// The flags as they were given.
    pub(super) fn again(&self) -> Vec<String> {
        let given = Some(self.server()).filter(|server| !server.is_empty() && server != PINNED);
        let server = given.map(|server| format!("--server {server}"));
        let features = self.features.features.map(|features| format!("--features {features}"));
        let stands_for = self.stands_for.as_ref().map(|release| format!("--as {release}"));
        let client = self.client.as_ref().map(|client| format!("--client {client}"));
        server.into_iter().chain(stands_for).chain(client).chain(features).collect()
    }

    /// As it was asked for; empty where it was not.
    fn server(&self) -> String {
        self.server.clone().or_else(|| std::env::var("HEIRLOOM_SERVER").ok()).unwrap_or_default()
    }

    fn spec(&self) -> Result<Spec, Failure> {
        match self.server().as_str() {
            "" => Ok(Spec::default()),
            "none" => Err(Failure::Usage(
                "HEIRLOOM_SERVER=none skips the live tests of `cargo test`, and leaves nothing to \
                 do here; unset it, or pass --server"
                    .to_owned(),
            )),
            text => text.parse().map_err(Failure::usage),
        }
    }
}

/// The cache: HEIRLOOM_CACHE, else the user's; limited by HEIRLOOM_CACHE_LIMIT.
pub(super) fn cache() -> Result<Cache, Failure> {
    let cache = Cache::user().map_err(Failure::trouble)?;
    Ok(limit()?.map_or(cache.clone(), |limit| cache.within(limit)))
}

/// The limit of the cache in bytes, where there is one.
pub(super) fn limit() -> Result<Option<u64>, Failure> {
    let text = std::env::var("HEIRLOOM_CACHE_LIMIT").unwrap_or_default();
    let read = (!text.is_empty()).then(|| size(&text)).transpose();
    read.map_err(|why| Failure::Usage(format!("HEIRLOOM_CACHE_LIMIT is `{text}`: {why}")))
}

/// Reads a size, as `5GB`. A number without a unit would be bytes, which is never meant.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let has_unit = text.ends_with(|last: char| last.is_ascii_alphabetic());
    if !has_unit && text.parse::<f64>().is_ok() {
        return Err(format!("it has no unit; write it like {text}GB or {text}MB"));
    }
    let size = has_unit.then(|| text.parse().ok()).flatten();
    let size: ByteSize = size.ok_or("expected a size such as 5GB or 800MB")?;
    Ok(size.as_u64())
}

impl Provider {
    /// Provides what each of these names, and prints its path.
    pub(super) fn fetch<S: FromStr<Err: Display>>(
        specs: &[String],
        provide: fn(&Provider, &S) -> Result<PathBuf, Failure>,
    ) -> Result<u8, Failure> {
        let specs: Result<Vec<S>, _> = specs.iter().map(|spec| spec.parse()).collect();
        let specs = specs.map_err(Failure::usage)?;
        let provider = Provider { cache: cache()?, stop: stop::flag()?, quiet: false };
        for spec in &specs {
            print(&format!("{}\n", provide(&provider, spec)?.display()))?;
        }
        Ok(0)
    }

    pub(super) fn provide(&self, spec: &Spec) -> Result<Executable, Failure> {
        let mut shown = DownloadProgress::new(self.quiet);
        let mut freed = Vec::new();
        let mut tell = |progress: &Progress| {
            match progress {
                Progress::Freed { version, bytes } => freed.push(removed(version, *bytes)),
                progress => shown.show(&phase(progress)),
            }
            unless(&self.stop)
        };
        let provided = provision::fetch::provide(spec, &self.cache, &mut tell);
        shown.end();
        freed.iter().filter(|_| !self.quiet).for_each(|line| eprintln!("{line}"));
        provided.map_err(not_provided)
    }

    /// Lets the SDK perform the programs of a test bed.
    fn use_sdk(&self, test_bed: &mut TestBed, spec: &sdk::Spec) -> Result<Sdk, Failure> {
        let sdk = self.provide_sdk(spec)?;
        test_bed.use_sdk(&sdk.python, sdk.client).map_err(Failure::trouble)?;
        Ok(sdk)
    }

    pub(super) fn provide_sdk(&self, spec: &sdk::Spec) -> Result<Sdk, Failure> {
        let mut shown = DownloadProgress::new(self.quiet);
        let mut tell = |progress: &Progress| {
            shown.show(&phase(progress));
            unless(&self.stop)
        };
        let provided = sdk::provide(spec, &self.cache, &mut tell);
        shown.end();
        provided.map_err(not_provided_sdk)
    }

    /// Makes servers ready beside the one that is checked; one that is there already is not added
    /// again. Gives those that were added, each with its lease.
    pub(super) fn add(
        &self,
        test_bed: &mut TestBed,
        others: &[Spec],
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
            let found = self.provide(other)?;
            let Some(version) = found.version else {
                let problem = format!("{other} does not say which release it is");
                let advice = "homes move between known releases only; name another";
                return Err(Failure::Usage(format!("{problem}; {advice}")));
            };
            if !is_here(&version) {
                test_bed.add(found.path, version.clone()).map_err(unprepared)?;
                added.push((version, found.lease));
            }
        }
        Ok(added)
    }
}

pub(super) fn unless(stop: &AtomicBool) -> ControlFlow<()> {
    if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

pub(super) fn not_provided(error: provision::Error) -> Failure {
    if error.is_usage() { Failure::usage(error) } else { Failure::trouble(error) }
}

pub(super) fn not_provided_sdk(error: NoSdk) -> Failure {
    if error.is_usage() { Failure::usage(error) } else { Failure::trouble(error) }
}

/// A release that made room in the cache.
fn removed(version: &Version, bytes: u64) -> String {
    let size = ByteSize(bytes).display().si();
    format!("removed codex {version} from the cache, the longest unused: {size} freed")
}

fn unprepared(error: NoTestBed) -> Failure {
    match &error {
        NoTestBed::NoServer { .. } => Failure::usage(error),
        NoTestBed::Ours { .. } => Failure::trouble(error),
    }
}

fn phase(progress: &Progress) -> Phase {
    let (name, bytes, total) = match progress {
        Progress::Waiting => ("waiting for another process that fetches".to_owned(), None, None),
        Progress::Asking { client } => (format!("asking {client} for the release"), None, None),
        Progress::Fetching { client, version, bytes, total } => {
            (format!("fetching codex {version} with {client}"), Some(*bytes), *total)
        }
        Progress::FetchingSdk { version, bytes } => {
            (format!("fetching openai-codex {version} with pip"), Some(*bytes), None)
        }
        Progress::Verifying { bytes, total } => {
            ("verifying".to_owned(), Some(*bytes), Some(*total))
        }
        Progress::Unpacking { bytes, total } => {
            ("unpacking".to_owned(), Some(*bytes), Some(*total))
        }
        Progress::Freed { version, bytes } => (removed(version, *bytes), None, None),
        Progress::Ready { version } => (format!("codex {version} is ready"), None, None),
    };
    Phase { name, bytes, total }
}
