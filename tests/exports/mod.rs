//! Exported findings, run without heirloom: on the release that has the fault each shows it, and on
//! one without it each says that it is gone.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use tempfile::TempDir;

use heirloom::drive::test_bed::TestBed;
use heirloom::drive::timeouts::Deadlines;
use heirloom::drive::timeouts::Timeouts;
use heirloom::drive::{Recording, Worker};
use heirloom::judge::judge;
use heirloom::program::Program;
use heirloom::report::export::form::Form;
use heirloom::report::export::subject::Exported;

use crate::real::{Real, provided};

/// A case whose finding is exported, a release that shows it, and one that does not.
struct Cause {
    case: &'static str,
    signature: &'static str,
    broken: &'static str,
    clean: &'static str,
}

const CAUSES: [Cause; 3] = [
    Cause {
        case: include_str!("../cases/seed-1-resume-inherits-deny-all.case"),
        signature: "R4/AP/resume/never/config",
        broken: "0.144.4",
        clean: "0.169.0",
    },
    Cause {
        case: include_str!("../cases/r11-pp-override-comes-back.case"),
        signature: "R11/PP/resume/profile/config",
        broken: "0.144.4",
        clean: "0.169.0",
    },
    Cause {
        case: include_str!("../cases/r10-cwd-resume-cwd-unknown.case"),
        signature: "R10/CWD/resume/cwd/before",
        broken: "0.169.0",
        clean: "0.144.4",
    },
];

/// Where scripts find programs; heirloom is not there.
const PATH: &str = "/usr/bin:/bin";

/// Calls the one test of a file as pytest does. The exit code is 1 for a failed assertion.
const PYTEST: &str = "\
import runpy, sys, tempfile
tests = [f for name, f in runpy.run_path(sys.argv[1]).items() if name.startswith('test_')]
assert len(tests) == 1, tests
try:
    with tempfile.TemporaryDirectory() as folder:
        tests[0](folder)
except AssertionError:
    sys.exit(1)
except BaseException as error:
    print(repr(error))
    sys.exit(2)
";

/// The manifest of a crate that has the Rust tests; its versions are heirloom's own.
const MANIFEST: &str = "\
[package]
name = \"exported\"
version = \"0.0.0\"
edition = \"2024\"

[dev-dependencies]
serde_json = \"1\"

[workspace]
";

/// A program to run, and the exit code that it must have.
struct Job {
    name: String,
    command: Command,
    code: i32,
    /// What its output must contain.
    says: &'static str,
}

pub(crate) fn show_and_are_gone(_: &Real) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut jobs = Vec::new();
    for cause in &CAUSES {
        let files = Files::export(cause, folder.path())?;
        for (release, shows) in [(cause.broken, true), (cause.clean, false)] {
            jobs.extend(files.jobs(release, shows)?);
        }
    }
    // Compiled once, with all of them in it.
    build(folder.path())?;
    let complaints = run_all(jobs);
    if complaints.is_empty() { left_nothing(&folder) } else { Err(complaints.join("\n")) }
}

/// The files of one finding.
struct Files {
    name: String,
    folder: PathBuf,
}

impl Files {
    /// Runs the case on the release that shows it, and writes the files of its finding.
    fn export(cause: &Cause, folder: &Path) -> Result<Files, String> {
        let program: Program = cause.case.parse().map_err(|error| format!("{error}"))?;
        let found = provided(cause.broken)?;
        let test_bed = TestBed::prepare(found.path, found.version, Timeouts::default());
        let mut worker = Worker::new(Arc::new(test_bed.map_err(|error| error.to_string())?));
        let Recording { trace, transcript } = worker.run_recorded(&program, Deadlines::Full);
        let findings = judge(&trace).findings;
        let mut found = findings.iter();
        let found = found.find(|finding| finding.signature().to_string() == cause.signature);
        let finding = found.ok_or_else(|| format!("{} does not show", cause.signature))?;
        let id = finding.signature().file_stem();
        let exported = Exported {
            id: &id,
            finding,
            program: &program,
            client: None,
            transcript: &transcript,
            title: None,
            releases: None,
            confirmed: None,
            probe: None,
        };
        let files = Files { name: id.replace('-', "_"), folder: folder.to_owned() };
        for (form, path) in [
            (Form::Sh, files.path("sh")),
            (Form::Pytest, files.path("py")),
            (Form::Rust, folder.join("tests").join(format!("{}.rs", files.name))),
        ] {
            let text = exported.text(form).map_err(|error| error.to_string())?;
            fs::create_dir_all(path.parent().expect("it lies in the folder"))
                .and_then(|()| fs::write(&path, text))
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        Ok(files)
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }

    /// Each file on a release that shows the finding, or does not.
    fn jobs(&self, release: &str, shows: bool) -> Result<Vec<Job>, String> {
        let server = provided(release)?.path;
        let mut sh = self.command("sh");
        sh.arg(self.path("sh")).arg(&server);
        let mut pytest = self.command("python3");
        pytest.args(["-c", PYTEST]).arg(self.path("py")).env("HEIRLOOM_SERVER", &server);
        let mut rust = self.command(self.folder.join("bin").join(&self.name));
        rust.env("HEIRLOOM_SERVER", &server);
        let job = |form: Form, command: Command, code: i32, says: &'static str| Job {
            name: format!("{} as {form} on {release}", self.name),
            command,
            code,
            says,
        };
        Ok(if shows {
            vec![
                job(Form::Sh, sh, 1, "the bug is there"),
                job(Form::Pytest, pytest, 1, ""),
                job(Form::Rust, rust, 101, "assertion `left == right` failed"),
            ]
        } else {
            vec![
                job(Form::Sh, sh, 0, "the bug is gone"),
                job(Form::Pytest, pytest, 0, ""),
                job(Form::Rust, rust, 0, "1 passed"),
            ]
        })
    }

    /// A command in the folder, with nothing of heirloom's in its environment.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let temp = self.folder.join("temp");
        command.env_clear().env("PATH", PATH).env("TMPDIR", temp).current_dir(&self.folder);
        command
    }
}

/// Compiles the Rust tests, and puts each below `bin` by its name.
fn build(folder: &Path) -> Result<(), String> {
    let cannot = |error: std::io::Error| format!("cannot make a crate: {error}");
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock");
    fs::copy(lock, folder.join("Cargo.lock")).map_err(cannot)?;
    fs::write(folder.join("Cargo.toml"), MANIFEST).map_err(cannot)?;
    for name in ["src", "bin", "temp"] {
        fs::create_dir_all(folder.join(name)).map_err(cannot)?;
    }
    fs::write(folder.join("src/lib.rs"), "").map_err(cannot)?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--offline", "--no-run", "--tests", "--message-format=json"]);
    cargo.current_dir(folder).env("CARGO_TARGET_DIR", folder.join("target"));
    let built = cargo.env("CARGO_PROFILE_DEV_DEBUG", "0").output().map_err(cannot)?;
    if !built.status.success() {
        return Err(format!(
            "the tests do not compile: {}",
            String::from_utf8_lossy(&built.stderr)
        ));
    }
    for line in String::from_utf8_lossy(&built.stdout).lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        if let (Some(path), Some(name)) =
            (line["executable"].as_str(), line["target"]["name"].as_str())
        {
            fs::copy(path, folder.join("bin").join(name)).map_err(cannot)?;
        }
    }
    Ok(())
}

/// Runs the jobs, as many at once as there are cores; what is wrong with them.
fn run_all(jobs: Vec<Job>) -> Vec<String> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (left, complaints) = (Mutex::new(jobs), Mutex::new(Vec::new()));
    let next = || left.lock().expect("no job panics with the lock").pop();
    let work = || {
        while let Some(job) = next() {
            if let Err(complaint) = job.run() {
                complaints.lock().expect("no job panics with the lock").push(complaint);
            }
        }
    };
    thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    complaints.into_inner().expect("every job is over")
}

impl Job {
    fn run(mut self) -> Result<(), String> {
        let output = self.command.output().map_err(|error| format!("{}: {error}", self.name))?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        if output.status.code() == Some(self.code) && text.contains(self.says) {
            return Ok(());
        }
        let Job { name, code, .. } = self;
        Err(format!("{name}: expected exit code {code}, seen {}:\n{text}", output.status))
    }
}

/// A script removes the folder that it makes.
fn left_nothing(folder: &TempDir) -> Result<(), String> {
    let left = fs::read_dir(folder.path().join("temp")).map_err(|error| error.to_string())?;
    let left: Vec<_> = left.flatten().map(|entry| entry.path()).collect();
    if left.is_empty() { Ok(()) } else { Err(format!("left behind: {left:?}")) }
}
