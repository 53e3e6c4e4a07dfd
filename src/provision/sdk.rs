//! Provides the Python SDK: fetched with pip, verified, and cached in a virtual environment.
//!
//! The SDK brings its own server along, which is left out: heirloom gives it the server that is
//! checked. pip takes wheels alone and checks each against its index; the SDK's own must also have
//! the digest that `ci/clients.lock` states, where that has a row. An environment is made beside its
//! place and moved there at the end, under a lock.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::cache::{self, io_error, size_of_tree};
use super::lease::Lease;
use super::python::{Python, Pythons, Release, printed};
use super::sdk_error::{NoSdk, PACKAGE, Problem};
use super::{Cache, Error, OnProgress, Progress, digest};
use crate::program::sdk::SdkClient;

/// The package with the server, which the SDK names as a need of its own.
const SERVER: &str = "openai-codex-cli-bin";

/// Prints the version of the SDK that an environment has.
const VERSION: &str = "import openai_codex; print(openai_codex.__version__)";

/// A client as it is asked for: `python-async=0.154.0`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Spec {
    pub client: SdkClient,
    /// None: the newest.
    pub version: Option<Version>,
}

/// An SDK that can be run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sdk {
    pub client: SdkClient,
    pub version: Version,
    /// The Python of its environment, absolute.
    pub python: PathBuf,
    /// Keeps it in the cache; hold it for as long as it is used.
    pub lease: Lease,
}

/// An SDK in the cache.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CachedSdk {
    pub version: Version,
    /// The release of Python that it was installed for.
    pub python: String,
    /// Its folder.
    pub entry: PathBuf,
    /// The size of all its files.
    pub bytes: u64,
}

/// A row of `ci/clients.lock`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pinned {
    version: Version,
    /// The sha256 of the wheel in hex.
    wheel: String,
}

#[derive(Deserialize)]
struct Rows {
    client: Vec<Pinned>,
}

/// What an entry of the cache is.
#[derive(Serialize, Deserialize)]
struct Manifest {
    version: Version,
    /// The release of Python.
    python: String,
    /// The wheels, each with its sha256.
    wheels: Vec<Wheel>,
    /// The size of all files but this one.
    bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct Wheel {
    name: String,
    sha256: String,
}

/// One release on its way into the cache.
struct Fetch<'a, 'b> {
    python: &'a Python,
    version: &'a Version,
    scratch: &'a Path,
    on_progress: &'a mut OnProgress<'b>,
}

impl FromStr for Spec {
    type Err = NoSdk;

    fn from_str(text: &str) -> Result<Spec, NoSdk> {
        let no_spec = || NoSdk::NoSpec { text: text.to_owned() };
        let (client, version) = match text.split_once('=') {
            Some((client, version)) => (client, Some(version)),
            None => (text, None),
        };
        let version = version.map(str::parse).transpose().map_err(|_| no_spec())?;
        let client = client.parse().map_err(|_| no_spec())?;
        Ok(Spec { client, version })
    }
}

impl std::fmt::Display for Spec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.client)?;
        self.version.iter().try_for_each(|version| write!(f, "={version}"))
    }
}

/// Provides the SDK that `spec` names, from the cache or else by pip.
///
/// # Errors
/// Any [`NoSdk`]; none leaves a half-made environment that a later call would use.
pub fn provide(spec: &Spec, cache: &Cache, on_progress: &mut OnProgress<'_>) -> Result<Sdk, NoSdk> {
    provide_by(&Pythons::default(), spec, cache, on_progress)
}

/// As [`provide`], with other ways to call Python.
///
/// # Errors
/// As [`provide`].
pub fn provide_by(
    pythons: &Pythons,
    spec: &Spec,
    cache: &Cache,
    on_progress: &mut OnProgress<'_>,
) -> Result<Sdk, NoSdk> {
    let python = Python::find(pythons)?;
    let version = match &spec.version {
        Some(version) => version.clone(),
        None => newest(&python, cache, on_progress)?,
    };
    let place = cache.clients().join(format!("python-{version}-py{}", python.release));
    let found = |entry: &Path| sdk_in(entry, spec.client);
    if let Some(sdk) = found(&place) {
        return Ok(sdk);
    }
    let folder = cache.clients();
    let _lock = cache::lock(&folder, on_progress)?;
    // Whoever had the lock before may have brought the same release.
    if let Some(sdk) = found(&place) {
        return Ok(sdk);
    }
    cache::sweep(&folder);
    let scratch = cache::scratch(&folder)?;
    let mut fetch =
        Fetch { python: &python, version: &version, scratch: scratch.path(), on_progress };
    let manifest = fetch.run().map_err(|error| with_newest(error, &mut fetch))?;
    cache::install(&place, scratch.path(), &manifest)?;
    found(&place).ok_or_else(|| NoSdk::Broken { version, why: "it changed meanwhile".to_owned() })
}

/// The SDKs in the cache, oldest first.
///
/// # Errors
/// When the cache is there and cannot be read.
pub fn list(cache: &Cache) -> Result<Vec<CachedSdk>, Error> {
    let folder = cache.clients();
    let found = match folder.read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.map_err(io_error("read", &folder))?,
    };
    let mut all: Vec<CachedSdk> = found
        .flatten()
        .filter(|entry| !cache::is_scratch(entry))
        .filter_map(|entry| {
            let Manifest { version, python, bytes, .. } = valid_manifest(&entry.path())?;
            Some(CachedSdk { version, python, entry: entry.path(), bytes })
        })
        .collect();
    all.sort_by(|a, b| (&a.version, &a.entry).cmp(&(&b.version, &b.entry)));
    Ok(all)
}

/// The releases that `ci/clients.lock` pins, newest first.
///
/// # Panics
/// Never: the file is built in.
pub fn pinned() -> Vec<Version> {
    rows().into_iter().map(|row| row.version).collect()
}

fn rows() -> Vec<Pinned> {
    let rows: Rows = toml::from_str(include_str!("../../ci/clients.lock"))
        .expect("ci/clients.lock has rows of the right form");
    rows.client
}

/// The newest release that pip knows of, or without a network the newest in the cache.
fn newest(
    python: &Python,
    cache: &Cache,
    on_progress: &mut OnProgress<'_>,
) -> Result<Version, NoSdk> {
    match published(python, on_progress) {
        Ok(version) => Ok(version),
        Err(stopped @ NoSdk::Other(_)) => Err(stopped),
        Err(error) => {
            let here = list(cache)?;
            let fitting =
                here.into_iter().rev().find(|sdk| sdk.python == python.release.to_string());
            fitting.map(|sdk| sdk.version).ok_or(error)
        }
    }
}

/// The newest release that pip knows of.
fn published(python: &Python, on_progress: &mut OnProgress<'_>) -> Result<Version, NoSdk> {
    let printed = python.published(PACKAGE, on_progress)?;
    let listed = printed.lines().find_map(|line| line.strip_prefix("Available versions:"));
    let words = listed.unwrap_or_default().split(',');
    let newest = words.filter_map(|word| Version::parse(word.trim()).ok()).max();
    let unclear = || NoSdk::Pip(Problem::Unclear, "it names no version".to_owned());
    newest.ok_or_else(unclear)
}

fn with_newest(error: NoSdk, fetch: &mut Fetch<'_, '_>) -> NoSdk {
    match error {
        NoSdk::Pip(Problem::Unknown, _) => NoSdk::UnknownVersion {
            version: fetch.version.clone(),
            newest: published(fetch.python, fetch.on_progress).ok(),
        },
        error => error,
    }
}

/// The SDK of an entry, if it is whole; the result holds it in the cache.
fn sdk_in(entry: &Path, client: SdkClient) -> Option<Sdk> {
    let lease = Lease::take(&entry.join(cache::MANIFEST))?;
    let version = valid_manifest(entry)?.version;
    let python = std::path::absolute(entry.join("bin/python")).ok()?;
    Some(Sdk { client, version, python, lease })
}

/// The manifest of an entry, if it agrees with the files.
fn valid_manifest(entry: &Path) -> Option<Manifest> {
    let path = entry.join(cache::MANIFEST);
    let manifest: Manifest = toml::from_str(&fs::read_to_string(&path).ok()?).ok()?;
    // The Python that it links to may have been removed since.
    let is_whole = entry.join("bin/python").exists()
        && size_of_tree(entry) == manifest.bytes + size_of_tree(&path);
    is_whole.then_some(manifest)
}

impl Fetch<'_, '_> {
    /// Leaves the environment in the scratch folder, at `entry`.
    fn run(&mut self) -> Result<Manifest, NoSdk> {
        let own = self.download(&[format!("{PACKAGE}=={}", self.version)], &["--no-deps"])?;
        let own = own.first().ok_or_else(|| self.broken("pip left no wheel"))?.clone();
        self.verify(&own)?;
        let needs = needs(&own).map_err(|error| self.broken(&error.to_string()))?;
        let wheels = self.download(&needs, &[])?;
        let entry = self.scratch.join("entry");
        self.python.environment(entry.as_os_str())?;
        self.install(&wheels, &entry)?;
        let python = entry.join("bin/python");
        let version = printed(python.as_os_str(), VERSION).map_err(|why| self.broken(&why))?;
        if version != self.version.to_string() {
            return Err(self.broken(&format!("it says that it is {version}")));
        }
        Ok(Manifest {
            version: self.version.clone(),
            python: self.python.release.to_string(),
            wheels: wheels.iter().map(|wheel| digested(wheel)).collect::<Result<_, _>>()?,
            bytes: size_of_tree(&entry),
        })
    }

    /// Downloads packages, and gives every wheel that is there by then.
    fn download(&mut self, packages: &[String], flags: &[&str]) -> Result<Vec<PathBuf>, NoSdk> {
        let out = self.scratch.join("out");
        if !packages.is_empty() {
            let mut words: Vec<&OsStr> =
                ["download", "--only-binary=:all:", "--retries=1", "-d"].map(OsStr::new).to_vec();
            words.push(out.as_os_str());
            words.extend(flags.iter().map(OsStr::new));
            words.extend(packages.iter().map(OsStr::new));
            self.pip(&words)?;
        }
        let entries = out.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
        let mut wheels: Vec<_> =
            entries.filter(|path| path.extension().is_some_and(|end| end == "whl")).collect();
        wheels.sort();
        Ok(wheels)
    }

    fn install(&mut self, wheels: &[PathBuf], entry: &Path) -> Result<(), NoSdk> {
        let Release { major, minor } = self.python.release;
        let packages = entry.join(format!("lib/python{major}.{minor}/site-packages"));
        let mut words: Vec<&OsStr> =
            ["install", "--no-index", "--no-deps", "--quiet", "--target"].map(OsStr::new).to_vec();
        words.push(packages.as_os_str());
        words.extend(wheels.iter().map(|wheel| wheel.as_os_str()));
        self.pip(&words)
    }

    fn pip(&mut self, words: &[&OsStr]) -> Result<(), NoSdk> {
        let Fetch { scratch, version, on_progress, python } = self;
        python.fetch(words, &mut || -> ControlFlow<()> {
            let bytes = size_of_tree(&scratch.join("out")) + size_of_tree(&scratch.join("entry"));
            on_progress(&Progress::FetchingSdk { version: version.clone(), bytes })
        })
    }

    fn verify(&self, wheel: &Path) -> Result<(), NoSdk> {
        let found = digested(wheel)?.sha256;
        match rows().into_iter().find(|row| row.version == *self.version) {
            Some(row) if row.wheel != found => {
                let (version, expected) = (self.version.clone(), row.wheel);
                Err(NoSdk::WrongDigest { version, found, expected })
            }
            _ => Ok(()),
        }
    }

    fn broken(&self, why: &str) -> NoSdk {
        NoSdk::Broken { version: self.version.clone(), why: why.to_owned() }
    }
}

fn digested(wheel: &Path) -> Result<Wheel, Error> {
    let mut file = File::open(wheel).map_err(io_error("read", wheel))?;
    let sha256 = digest::sha256(&mut file).map_err(io_error("read", wheel))?;
    let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Wheel { name, sha256 })
}

/// The packages that a wheel says it needs, without the server.
fn needs(wheel: &Path) -> io::Result<Vec<String>> {
    let mut archive = zip::ZipArchive::new(File::open(wheel)?)?;
    let name = archive.file_names().find(|name| name.ends_with(".dist-info/METADATA"));
    let name = name.ok_or(io::ErrorKind::NotFound)?.to_owned();
    let mut text = String::new();
    archive.by_name(&name)?.read_to_string(&mut text)?;
    let needs = text.lines().filter_map(|line| line.strip_prefix("Requires-Dist:"));
    let needs = needs.map(str::trim).filter(|need| !need.contains("extra =="));
    Ok(needs.filter(|need| !need.starts_with(SERVER)).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::Spec;

    #[test]
    fn a_client_is_named_with_a_release_or_without() {
        let words = ["python", "python-async=0.154.0", "ruby", "python=newest", "python="];
        let lines = words.map(|word| match word.parse::<Spec>() {
            Ok(spec) => format!("{spec} is {:?} {:?}\n", spec.client, spec.version.is_some()),
            Err(error) => format!("{error}\n"),
        });
        expect![[r#"
            python is Python false
            python-async=0.154.0 is PythonAsync true
            `ruby` does not name a client: give `python` or `python-async`, with a release as `python=0.163.0`
            `python=newest` does not name a client: give `python` or `python-async`, with a release as `python=0.163.0`
            `python=` does not name a client: give `python` or `python-async`, with a release as `python=0.163.0`
        "#]]
        .assert_eq(&lines.concat());
    }

    #[test]
    fn the_pinned_releases_are_these() {
        let releases = super::pinned().iter().map(ToString::to_string).collect::<Vec<_>>();
        expect!["0.163.0 0.159.3 0.155.1 0.154.0 0.147.0 0.144.4"].assert_eq(&releases.join(" "));
    }
}
