//! Provides a server by its path or from the cache, into which npm or else pip brings a release.
//!
//! A package is trusted when it has the digest that `ci/servers.lock` states. For a release without
//! a row there, npm's metadata states the digest, and a wheel is trusted as pip checked it.

use std::collections::BTreeSet;
use std::path::Path;

use semver::Version;

use crate::provision::cache::{self, Manifest, io_error, size_of_tree};
use crate::provision::client::Refusal;
use crate::provision::package::{Package, Request};
use crate::provision::progress_reader::{self, Fault};
use crate::provision::{
    Cache, Client, Clients, Error, Executable, OnProgress, Progress, Spec, Unfetched, digest,
    identify, npm, pins, pip, prune, unpack,
};

/// One release on its way into the cache.
struct Fetch<'a, 'b> {
    request: Request<'a>,
    scratch: &'a Path,
    on_progress: &'a mut OnProgress<'b>,
}

/// Provides the server that `spec` names, from the cache or else by npm or pip.
///
/// # Errors
/// Any [`Error`]; none leaves a half-finished download that a later call would use.
pub fn provide(
    spec: &Spec,
    cache: &Cache,
    on_progress: &mut OnProgress<'_>,
) -> Result<Executable, Error> {
    provide_by(&Clients::default(), spec, cache, on_progress)
}

/// As [`provide`], with other ways to call npm and pip.
///
/// # Errors
/// As [`provide`].
pub fn provide_by(
    clients: &Clients,
    spec: &Spec,
    cache: &Cache,
    on_progress: &mut OnProgress<'_>,
) -> Result<Executable, Error> {
    let version = match spec {
        Spec::Path(path) => return identify::executable_at(path),
        Spec::Version(version) => version.clone(),
        Spec::Latest => latest(clients, on_progress)?,
    };
    let found = release(clients, &version, cache, on_progress)?;
    Ok(Executable { spec: spec.clone(), ..found })
}

pub(super) fn latest(
    clients: &Clients,
    on_progress: &mut OnProgress<'_>,
) -> Result<Version, Error> {
    first_answer("`latest`", |client| match client {
        Client::Npm => npm::latest(clients, on_progress),
        Client::Pip => pip::latest(clients, on_progress),
    })
}

/// Every release that is published for this platform.
pub(super) fn published(
    clients: &Clients,
    on_progress: &mut OnProgress<'_>,
) -> Result<BTreeSet<Version>, Error> {
    let platform = platform()?;
    first_answer("releases", |client| match client {
        Client::Npm => npm::published(clients, platform, on_progress),
        Client::Pip => pip::published(clients, on_progress),
    })
}

/// A release from the cache, fetched into it where it must be.
fn release(
    clients: &Clients,
    version: &Version,
    cache: &Cache,
    on_progress: &mut OnProgress<'_>,
) -> Result<Executable, Error> {
    let platform = platform()?;
    let entry = cache.entry(version, platform);
    if let Some(found) = entry.executable() {
        return Ok(found);
    }
    let _lock = cache.lock(on_progress)?;
    // Whoever had the lock before may have brought the same release.
    if let Some(found) = entry.executable() {
        return Ok(found);
    }
    cache.sweep();
    let scratch = cache.scratch()?;
    let request = Request { clients, version, platform, pinned: pins::row(version, platform) };
    let mut fetch = Fetch { request, scratch: scratch.path(), on_progress };
    let manifest = fetch.run().map_err(|error| with_newest(error, clients, fetch.on_progress))?;
    entry.install(scratch.path(), &manifest)?;
    let found = entry.executable();
    let found = found.ok_or_else(|| fetch.bad_package("it changed while it was kept"))?;
    // By now even a client that outlived a killed caller has ended.
    drop(scratch);
    cache.sweep();
    prune::prune_to_limit(cache, on_progress)?;
    // Nothing is left that could be stopped.
    let _ = on_progress(&Progress::Ready { version: version.clone() });
    Ok(found)
}

impl Fetch<'_, '_> {
    /// Leaves the unpacked package in the scratch folder, at `entry`.
    fn run(&mut self) -> Result<Manifest, Error> {
        let Fetch { request, scratch, on_progress } = self;
        let package = first_answer(&request.name(), |client| match client {
            Client::Npm => npm::package(request, scratch, on_progress),
            Client::Pip => pip::package(request, scratch, on_progress),
        })?;
        let digest = self.verify(&package)?;
        let tree = self.scratch.join("entry");
        self.unpack(&package, &tree)?;
        self.manifest(&package, digest, &tree)
    }

    /// The package's digest, if it is the expected one.
    fn verify(&mut self, package: &Package) -> Result<String, Error> {
        let read =
            progress_reader::read(
                &package.file,
                verifying,
                self.on_progress,
                |input| match package.client {
                    Client::Npm => digest::integrity(input),
                    Client::Pip => digest::sha256(input),
                },
            );
        let found = read.map_err(|fault| self.error(fault, "read", &package.file))?;
        match &package.expected {
            Some(expected) if !digest::states(&expected.digest, &found) => {
                Err(Error::WrongDigest {
                    package: self.request.name(),
                    client: package.client,
                    found,
                    expected: expected.digest.clone(),
                    authority: expected.authority,
                })
            }
            _ => Ok(found),
        }
    }

    fn unpack(&mut self, package: &Package, into: &Path) -> Result<(), Error> {
        let unpacking = |bytes, total| Progress::Unpacking { bytes, total };
        progress_reader::read(&package.file, unpacking, self.on_progress, |input| {
            match package.client {
                Client::Npm => unpack::tarball(input, into),
                Client::Pip => unpack::wheel(input, into),
            }
        })
        .map_err(|fault| self.error(fault, "unpack into", into))
    }

    fn manifest(
        &mut self,
        package: &Package,
        digest: String,
        tree: &Path,
    ) -> Result<Manifest, Error> {
        let executable = identify::executable_in(tree).ok_or_else(|| {
            self.bad_package("it has no bin/codex where the releases so far have it")
        })?;
        let path = tree.join(&executable);
        let stated = identify::stated_version(&path).map_err(|why| self.bad_package(&why))?;
        if stated.as_ref() != Some(self.request.version) {
            let stated = stated.map_or("no version".to_owned(), |version| version.to_string());
            return Err(self.bad_package(&format!("its executable says that it is {stated}")));
        }
        let (size, modified_ns) = cache::stamp(&path).map_err(io_error("read", &path))?;
        let fingerprint = progress_reader::read(&path, verifying, self.on_progress, |input| {
            identify::fingerprint(input)
        });
        Ok(Manifest {
            version: self.request.version.clone(),
            platform: self.request.platform.to_owned(),
            client: package.client,
            package: digest,
            digest: fingerprint.map_err(|fault| self.error(fault, "read", &path))?,
            executable,
            size,
            modified_ns,
            bytes: size_of_tree(tree),
        })
    }

    fn bad_package(&self, why: &str) -> Error {
        Error::BadPackage { package: self.request.name(), why: why.to_owned() }
    }

    /// The system's errors are about our cache, all others about the package.
    fn error(&self, fault: Fault, action: &'static str, path: &Path) -> Error {
        match fault {
            Fault::Stopped => Error::Stopped,
            Fault::Io(error) if error.raw_os_error().is_some() => io_error(action, path)(error),
            Fault::Io(error) => self.bad_package(&error.to_string()),
        }
    }
}

/// npm's answer, or pip's where npm has none.
fn first_answer<T>(
    question: &str,
    mut ask: impl FnMut(Client) -> Result<T, Refusal>,
) -> Result<T, Error> {
    let by_npm = match ask(Client::Npm) {
        Ok(answer) => return Ok(answer),
        Err(Refusal::Stopped) => return Err(Error::Stopped),
        Err(refusal) => refusal,
    };
    ask(Client::Pip).map_err(|by_pip| no_answer(question.to_owned(), by_npm, by_pip))
}

fn no_answer(question: String, by_npm: Refusal, by_pip: Refusal) -> Error {
    use Refusal::{Absent, Stopped, Unknown};
    let answers = format!("\n  npm: {by_npm}\n  pip: {by_pip}");
    match (by_npm, by_pip) {
        (Stopped, _) | (_, Stopped) => Error::Stopped,
        (Absent, Absent) => Error::NoClient { package: question },
        (Unknown(_), Unknown(_) | Absent) | (Absent, Unknown(_)) => {
            Error::UnknownVersion { package: question, newest: None, answers }
        }
        _ => Error::Unfetched { package: question, why: Unfetched::of(&answers), answers },
    }
}

fn verifying(bytes: u64, total: u64) -> Progress {
    Progress::Verifying { bytes, total }
}

/// A release that is not published, with the newest that is.
fn with_newest(error: Error, clients: &Clients, on_progress: &mut OnProgress<'_>) -> Error {
    match error {
        Error::UnknownVersion { package, answers, .. } => {
            let newest = latest(clients, on_progress).ok();
            Error::UnknownVersion { package, newest, answers }
        }
        error => error,
    }
}

/// npm's name for this machine.
fn platform() -> Result<&'static str, Error> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok("linux-x64"),
        ("linux", "aarch64") => Ok("linux-arm64"),
        ("macos", "x86_64") => Ok("darwin-x64"),
        ("macos", "aarch64") => Ok("darwin-arm64"),
        ("windows", "x86_64") => Ok("win32-x64"),
        ("windows", "aarch64") => Ok("win32-arm64"),
        (os, architecture) => Err(Error::Platform { platform: format!("{os} on {architecture}") }),
    }
}
