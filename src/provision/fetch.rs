//! Brings a release into the cache.
//!
//! npm first, else pip. A package is trusted when it has the digest of `ci/servers.lock`; one that
//! has no row there, when it has the digest of npm's metadata; a wheel without a row, as pip
//! checked it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use semver::Version;

use crate::provision::cache::{self, Manifest, failed};
use crate::provision::client::Refusal;
use crate::provision::progress_reader::{self, Fault};
use crate::provision::{
    Cache, Client, Clients, Error, Executable, Pinned, Progress, Tell, digest, identify, npm, pins,
    pip, prune, tree, unpack,
};

/// What is to be brought.
pub(super) struct Wanted<'a> {
    pub(super) clients: &'a Clients,
    pub(super) version: &'a Version,
    pub(super) platform: &'static str,
    pub(super) row: Option<Pinned>,
}

/// A package as a client left it.
struct Package {
    client: Client,
    file: PathBuf,
    /// The digest that it must have, and who states it.
    due: Option<(String, &'static str)>,
}

/// A package that is what it should be.
struct Trusted {
    client: Client,
    file: PathBuf,
    digest: String,
}

/// The newest release: npm's, or pip's where there is no npm.
pub(super) fn latest(clients: &Clients, tell: &mut Tell<'_>) -> Result<Version, Error> {
    match npm::latest(&clients.npm, tell) {
        Ok(version) => Ok(version),
        Err(Refusal::Stopped) => Err(Error::Stopped),
        Err(by_npm) => pip::latest(&clients.pip, tell)
            .map_err(|by_pip| refused("`latest`".to_owned(), by_npm, by_pip)),
    }
}

/// Every release that there is for this platform: npm's, or pip's where there is no npm.
pub(super) fn published(
    clients: &Clients,
    tell: &mut Tell<'_>,
) -> Result<BTreeSet<Version>, Error> {
    match npm::published(&clients.npm, platform()?, tell) {
        Ok(published) => Ok(published),
        Err(Refusal::Stopped) => Err(Error::Stopped),
        Err(by_npm) => pip::published(&clients.pip, tell)
            .map_err(|by_pip| refused("releases".to_owned(), by_npm, by_pip)),
    }
}

/// A release, from the cache or else through the clients.
pub(super) fn version(
    clients: &Clients,
    version: &Version,
    cache: &Cache,
    tell: &mut Tell<'_>,
) -> Result<Executable, Error> {
    let platform = platform()?;
    let entry = cache.entry(version, platform);
    if let Some(found) = entry.executable() {
        return Ok(found);
    }
    let _lock = cache.lock(tell)?;
    // Whoever had the lock before may have brought the same release.
    if let Some(found) = entry.executable() {
        return Ok(found);
    }
    let row = pins::row(version, platform);
    let wanted = Wanted { clients, version, platform, row };
    cache.sweep();
    let room = cache.room()?;
    let package = wanted.fetch(room.path(), tell)?;
    let package = wanted.verify(package, tell)?;
    let tree = room.path().join("entry");
    wanted.unpack(&package, &tree, tell)?;
    let manifest = wanted.manifest(&package, &tree, tell)?;
    entry.install(room.path(), &manifest)?;
    let found = entry.executable().ok_or_else(|| wanted.bad("it changed while it was kept"))?;
    // By now even a client that outlived a killed caller has ended.
    drop(room);
    cache.sweep();
    prune::trim(cache, tell)?;
    // There is nothing left to break off.
    let _ = tell(&Progress::Ready { version: version.clone() });
    Ok(found)
}

impl Wanted<'_> {
    /// Has the package brought by the first client that can.
    fn fetch(&self, room: &Path, tell: &mut Tell<'_>) -> Result<Package, Error> {
        let by_npm = match self.by_npm(room, tell) {
            Ok(package) => return Ok(package),
            Err(Refusal::Stopped) => return Err(Error::Stopped),
            Err(refusal) => refusal,
        };
        self.by_pip(room, tell).map_err(|by_pip| refused(self.what(), by_npm, by_pip))
    }

    fn by_npm(&self, room: &Path, tell: &mut Tell<'_>) -> Result<Package, Refusal> {
        // Asked for a pinned release too: it finds out soon that there is none, or no network.
        let stated = npm::integrity(self, tell)?;
        let due = match self.row.as_ref().and_then(|row| row.npm.clone()) {
            Some(pinned) => (pinned, pins::NAME),
            None => (stated, "npm's metadata"),
        };
        let file = npm::pack(self, room, tell)?;
        Ok(Package { client: Client::Npm, file, due: Some(due) })
    }

    fn by_pip(&self, room: &Path, tell: &mut Tell<'_>) -> Result<Package, Refusal> {
        let due = self.row.as_ref().and_then(|row| row.wheel.clone());
        let file = pip::download(self, room, tell)?;
        Ok(Package { client: Client::Pip, file, due: due.map(|due| (due, pins::NAME)) })
    }

    /// The package, if its digest is the one that is due.
    fn verify(&self, package: Package, tell: &mut Tell<'_>) -> Result<Trusted, Error> {
        let seen =
            progress_reader::read(&package.file, verifying, tell, |input| match package.client {
                Client::Npm => digest::integrity(input),
                Client::Pip => digest::sha256(input),
            });
        let seen = seen.map_err(|fault| self.faulty(fault, "read", &package.file))?;
        match &package.due {
            Some((due, authority)) if !digest::states(due, &seen) => Err(Error::WrongDigest {
                what: self.what(),
                client: package.client,
                seen,
                due: due.clone(),
                authority,
            }),
            _ => Ok(Trusted { client: package.client, file: package.file, digest: seen }),
        }
    }

    fn unpack(&self, package: &Trusted, into: &Path, tell: &mut Tell<'_>) -> Result<(), Error> {
        let progress = |bytes, total| Progress::Unpacking { bytes, total };
        progress_reader::read(&package.file, progress, tell, |input| match package.client {
            Client::Npm => unpack::tarball(input, into),
            Client::Pip => unpack::wheel(input, into),
        })
        .map_err(|fault| self.faulty(fault, "unpack into", into))
    }

    /// What the unpacked tree is, by its own word.
    fn manifest(
        &self,
        package: &Trusted,
        tree: &Path,
        tell: &mut Tell<'_>,
    ) -> Result<Manifest, Error> {
        let executable = identify::executable_in(tree)
            .ok_or_else(|| self.bad("it has no bin/codex where the releases so far have it"))?;
        let path = tree.join(&executable);
        let stated = identify::ask(&path).map_err(|why| self.bad(&why))?;
        if stated.as_ref() != Some(self.version) {
            let stated = stated.map_or("no version".to_owned(), |version| version.to_string());
            return Err(self.bad(&format!("its executable says that it is {stated}")));
        }
        let (size, modified_ns) = cache::stamp(&path).map_err(failed("read", &path))?;
        Ok(Manifest {
            version: self.version.clone(),
            platform: self.platform.to_owned(),
            client: package.client,
            package: package.digest.clone(),
            digest: self.fingerprint(&path, tell)?,
            executable,
            size,
            modified_ns,
            bytes: tree::bytes(tree),
        })
    }

    /// The digest of the executable, as [`Executable`] has it.
    fn fingerprint(&self, path: &Path, tell: &mut Tell<'_>) -> Result<String, Error> {
        progress_reader::read(path, verifying, tell, |input| identify::fingerprint(input))
            .map_err(|fault| self.faulty(fault, "read", path))
    }

    fn what(&self) -> String {
        format!("{} for {}", self.version, self.platform)
    }

    fn bad(&self, why: &str) -> Error {
        Error::BadPackage { what: self.what(), why: why.to_owned() }
    }

    /// The system's errors are about our cache, all others about the package.
    fn faulty(&self, fault: Fault, action: &'static str, path: &Path) -> Error {
        match fault {
            Fault::Stopped => Error::Stopped,
            Fault::Io(error) if error.raw_os_error().is_some() => failed(action, path)(error),
            Fault::Io(error) => self.bad(&error.to_string()),
        }
    }
}

/// The error for what no client could bring.
fn refused(what: String, by_npm: Refusal, by_pip: Refusal) -> Error {
    use Refusal::{Absent, Stopped, Unknown};
    let said = format!("npm: {}; pip: {}", told(&by_npm), told(&by_pip));
    match (by_npm, by_pip) {
        (Stopped, _) | (_, Stopped) => Error::Stopped,
        (Absent, Absent) => Error::NoClient { what },
        (Unknown(_), Unknown(_) | Absent) | (Absent, Unknown(_)) => {
            Error::UnknownVersion { what, said }
        }
        _ => Error::Unfetched { what, said },
    }
}

fn told(refusal: &Refusal) -> &str {
    match refusal {
        Refusal::Absent => "not found",
        Refusal::Unknown(said) | Refusal::Failed(said) => said,
        Refusal::Stopped => "stopped",
    }
}

fn verifying(bytes: u64, total: u64) -> Progress {
    Progress::Verifying { bytes, total }
}

/// npm's name for this machine.
fn platform() -> Result<&'static str, Error> {
    let machine = (std::env::consts::OS, std::env::consts::ARCH);
    match machine {
        ("linux", "x86_64") => Ok("linux-x64"),
        ("linux", "aarch64") => Ok("linux-arm64"),
        ("macos", "x86_64") => Ok("darwin-x64"),
        ("macos", "aarch64") => Ok("darwin-arm64"),
        ("windows", "x86_64") => Ok("win32-x64"),
        ("windows", "aarch64") => Ok("win32-arm64"),
        (os, architecture) => Err(Error::Platform { platform: format!("{os} on {architecture}") }),
    }
}
