//! A folder with packages, clients that are scripts, and a cache.
//!
//! What it shows is the same on every machine: its own path and the platform are hidden.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha512};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use heirloom::provision::fetch::provide_by;
use heirloom::provision::{Cache, Clients, Error, Executable, Progress, list, pins};

/// A program that is being written cannot be run, and a child that another test starts in that
/// moment holds it open a little longer: so the tests of this file take turns.
static TURN: Mutex<()> = Mutex::new(());

/// npm with the package of 9.9.9, counting what it is asked.
pub(crate) const NPM: &str = r#"
echo "$1" >> npm-asked
case "$1" in
view) if [ "$2" = @openai/codex ]; then echo '"9.9.9-linux-x64"'; else cat integrity; fi ;;
pack) cp package.tgz "$7/openai-codex-9.9.9.tgz" ;;
esac
"#;

/// npm that says, as the real one does, that there is no such version.
pub(crate) const NPM_UNKNOWN: &str = "
echo 'npm error code E404' >&2
echo 'npm error 404 No match found for version 9.9.9' >&2
exit 1
";

/// npm without a network.
pub(crate) const NPM_FAILS: &str = "echo 'npm error code ENOTFOUND' >&2; exit 1";

/// npm that writes half a package and its process id, and goes on for ever.
pub(crate) const NPM_HANGS: &str = r#"
case "$1" in
view) cat integrity ;;
pack) echo $$ > pid; echo half > "$7/openai-codex-9.9.9.tgz"; exec sleep 600 ;;
esac
"#;

/// pip with the wheel of 9.9.9.
pub(crate) const PIP: &str = r#"
echo "$1" >> pip-asked
case "$1" in
index) echo 'openai-codex-cli-bin (9.9.9)'; echo 'Available versions: 9.9.9, 9.9.8' ;;
download) cp wheel.whl "$8/openai_codex_cli_bin-9.9.9.whl" ;;
esac
"#;

/// pip that says, as the real one does, that there is no such version.
pub(crate) const PIP_UNKNOWN: &str = "
echo 'ERROR: No matching distribution found for openai-codex-cli-bin==9.9.9' >&2
exit 1
";

/// The codex of the packages.
pub(crate) const CODEX: &str = "#!/bin/sh\necho codex-cli 9.9.9\n";

/// A directory with packages, clients and a cache.
pub(crate) struct Stage {
    pub(crate) path: PathBuf,
    pub(crate) clients: Clients,
    _turn: MutexGuard<'static, ()>,
    _dir: TempDir,
}

/// A stage on which the clients are these scripts; an empty one is a client that is not there.
pub(crate) fn stage(npm: &str, pip: &str) -> Stage {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().expect("there is a temporary directory");
    let path = dir.path().to_owned();
    let mut stage = Stage { clients: clients(&path), path, _turn: turn, _dir: dir };
    for (name, script) in [("npm", npm), ("pip", pip)] {
        let script = format!("cd '{}'\n{script}", stage.path.display());
        fs::write(stage.path.join(name), script).expect("the stage can be written");
    }
    if npm.is_empty() {
        stage.clients.npm = vec![vec!["/nowhere/npm".to_owned()]];
    }
    if pip.is_empty() {
        stage.clients.pip = vec![vec!["/nowhere/pip".to_owned()]];
    }
    stage.package(CODEX);
    fs::write(stage.path.join("wheel.whl"), wheel(CODEX)).expect("the stage can be written");
    stage
}

/// The scripts of the stage at `path`, run by a shell.
pub(crate) fn clients(path: &Path) -> Clients {
    let script = |name| path.join(name).display().to_string();
    let command = |name| vec!["/bin/sh".to_owned(), script(name)];
    Clients { npm: vec![command("npm")], pip: vec![vec!["/nowhere/pip3".into()], command("pip")] }
}

impl Stage {
    pub(crate) fn cache(&self) -> Cache {
        Cache::at(self.path.join("cache"))
    }

    /// Gives npm a package with this executable, and the metadata that goes with it.
    pub(crate) fn package(&self, codex: &str) {
        let package = tarball(codex);
        let integrity = STANDARD.encode(Sha512::digest(&package));
        fs::write(self.path.join("package.tgz"), package).expect("the stage can be written");
        self.integrity(&integrity);
    }

    pub(crate) fn integrity(&self, base64: &str) {
        let text = format!("\"sha512-{base64}\"\n");
        fs::write(self.path.join("integrity"), text).expect("the stage can be written");
    }

    /// Provides the server, and shows the progress, the result, the calls of the clients and the
    /// cache.
    pub(crate) fn provide(&self, spec: &str) -> String {
        let mut words = Vec::new();
        let spec = spec.parse().expect("the test names a spec");
        let end = provide_by(&self.clients, &spec, &self.cache(), &mut |progress| {
            let word = word(progress);
            if words.last() != Some(&word) {
                words.push(word);
            }
            ControlFlow::Continue(())
        });
        format!("{}\n{}", words.join(", "), self.shown(end))
    }

    pub(crate) fn shown(&self, end: Result<Executable, Error>) -> String {
        let end = match end {
            Ok(found) => {
                let version = found.version.map_or("none".to_owned(), |found| found.to_string());
                let ran = Command::new(&found.path).output().expect("the server can be started");
                let ran = String::from_utf8_lossy(&ran.stdout).into_owned();
                format!("{version} at {}: {ran}", found.path.display())
            }
            Err(error) => format!("error {}: {error}\n", if error.is_usage() { 2 } else { 3 }),
        };
        let asked = ["npm-asked", "pip-asked"].map(|name| {
            let asked = fs::read_to_string(self.path.join(name)).unwrap_or_default();
            asked.split_whitespace().collect::<Vec<_>>().join(" ")
        });
        let listed = list(&self.cache()).expect("the cache can be listed");
        let listed = listed.iter().map(|one| format!("{} {} bytes", one.version, one.bytes));
        let shown = format!(
            "{end}npm [{}] pip [{}] listed [{}] kept [{}]\n",
            asked[0],
            asked[1],
            listed.collect::<Vec<_>>().join(", "),
            self.kept().into_iter().collect::<Vec<_>>().join(" ")
        );
        self.hide(&shown)
    }

    /// The entry of 9.9.9 in the cache.
    pub(crate) fn entry(&self) -> PathBuf {
        self.entry_of("9.9.9")
    }

    /// The entry of a release in the cache.
    pub(crate) fn entry_of(&self, version: &str) -> PathBuf {
        let kept = self.kept();
        let name = kept.iter().find(|name| name.starts_with(version)).expect("it is kept");
        self.path.join("cache/servers").join(name)
    }

    /// Writes another script for npm.
    pub(crate) fn npm(&self, script: &str) {
        let script = format!("cd '{}'\n{script}", self.path.display());
        fs::write(self.path.join("npm"), script).expect("the stage can be written");
    }

    /// The names beside each other in the cache.
    pub(crate) fn kept(&self) -> BTreeSet<String> {
        let entries = self.path.join("cache/servers").read_dir().into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// The same on every machine, in lines that are not too long.
    pub(crate) fn hide(&self, text: &str) -> String {
        let text = text.replace(&self.path.display().to_string(), "STAGE");
        let text = text.replace("STAGE/cache/servers/", "CACHE/");
        let platforms = pins::rows().into_iter().map(|row| row.platform);
        let text = platforms.fold(text, |text, platform| text.replace(&platform, "PLATFORM"));
        let text = text.replace("; ", ";\n  ").replace(": ", ":\n  ");
        text.replace("is sha512-", "is\n  sha512-\n  ").replace(", npm's", ",\n  npm's")
    }
}

/// One word for a piece of progress.
fn word(progress: &Progress) -> String {
    match progress {
        Progress::Waiting => "wait".to_owned(),
        Progress::Asking { client } => format!("ask {client}"),
        Progress::Fetching { client, .. } => format!("fetch by {client}"),
        Progress::FetchingSdk { .. } => "fetch the SDK".to_owned(),
        Progress::Verifying { .. } => "verify".to_owned(),
        Progress::Unpacking { .. } => "unpack".to_owned(),
        Progress::Freed { version, .. } => format!("{version} freed"),
        Progress::Ready { version } => format!("{version} ready"),
    }
}

/// An npm package with this executable and a helper beside it.
fn tarball(codex: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in [("bin/codex", codex), ("codex-path/rg", "rg")] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(content.len().try_into().expect("a length fits 64 bits"));
        let path = format!("package/vendor/some-target/{name}");
        builder.append_data(&mut header, path, content.as_bytes()).expect("memory can be written");
    }
    let gzip = builder.into_inner().expect("memory can be written");
    gzip.finish().expect("memory can be written")
}

/// A wheel with this executable.
fn wheel(codex: &str) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().unix_permissions(0o755);
    writer.start_file("codex_cli_bin/bin/codex", options).expect("memory can be written");
    writer.write_all(codex.as_bytes()).expect("memory can be written");
    writer.finish().expect("memory can be written").into_inner()
}
