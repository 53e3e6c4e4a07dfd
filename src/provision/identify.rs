//! Identifies an executable by its `--version`.
//!
//! It is asked in an environment that has nothing of the user's: a fixed search path and an empty
//! home. An executable that runs and states no version is a server of an unknown version.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use semver::Version;

use crate::provision::child::{self, Failure};
use crate::provision::lease::Lease;
use crate::provision::{Error, Executable, Spec, digest};

/// How long `--version` may take: it takes 0.2 s from a cold disk, more on a machine that is busy.
const VERSION_DEADLINE: Duration = Duration::from_secs(10);

/// Where a wrapper script finds its interpreter.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

pub(super) fn executable_at(path: &Path) -> Result<Executable, Error> {
    let unusable = |why: String| Error::Unusable { path: path.to_owned(), why };
    let full = std::path::absolute(path).map_err(|error| unusable(error.to_string()))?;
    let about = full.metadata().map_err(|error| unusable(missing(&error)))?;
    if about.is_dir() {
        return Err(unusable("it is a directory; name the executable in it".to_owned()));
    }
    if !about.is_file() {
        return Err(unusable("it is not a regular file; name an executable".to_owned()));
    }
    let version = stated_version(&full).map_err(unusable)?;
    let read = File::open(&full).and_then(|mut file| fingerprint(&mut file));
    let digest = read.map_err(|error| unusable(missing(&error)))?;
    let (spec, lease) = (Spec::Path(path.to_owned()), Lease::default());
    Ok(Executable { spec, path: full, version, digest, lease })
}

/// The version that the executable states, if it states one.
///
/// # Errors
/// Why it could not be asked, and what to do.
pub(super) fn stated_version(path: &Path) -> Result<Option<Version>, String> {
    let home = tempfile::tempdir()
        .map_err(|error| format!("there is no scratch directory to ask it in: {error}"))?;
    let mut command = Command::new(path);
    command.arg("--version").env_clear().env("PATH", SEARCH_PATH).current_dir(home.path());
    command.env("HOME", home.path()).env("CODEX_HOME", home.path());
    let ended = child::run(&mut command, VERSION_DEADLINE, &mut || ControlFlow::Continue(()))
        .map_err(|failure| no_answer(&failure))?;
    match ended.status.signal() {
        Some(signal) => {
            Err(format!("`--version` ended by signal {signal}; name a codex executable"))
        }
        None => Ok(version_in(&ended.stdout)),
    }
}

/// The digest of an executable, as [`Executable`] has it.
pub(super) fn fingerprint(executable: &mut dyn Read) -> io::Result<String> {
    Ok(format!("sha256:{}", digest::sha256(executable)?))
}

/// The version in the first line of the answer: `codex-cli 0.169.0`.
fn version_in(answer: &str) -> Option<Version> {
    let first = answer.lines().next()?;
    first.split_whitespace().find_map(|word| Version::parse(word).ok())
}

fn missing(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file; check the path".to_owned(),
        _ => format!("{error}; check its permissions"),
    }
}

fn no_answer(failure: &Failure) -> String {
    match failure {
        Failure::Start(error) => match error.kind() {
            io::ErrorKind::PermissionDenied => {
                "permission denied; make it executable or name another".to_owned()
            }
            _ => format!("it does not start: {error}; name an executable for this machine"),
        },
        Failure::Overrun | Failure::Stopped => format!(
            "it did not answer `--version` within {} s; name a codex executable",
            VERSION_DEADLINE.as_secs()
        ),
    }
}

/// The executable of an unpacked package, relative to `root`: every layout of the releases so far.
pub(super) fn executable_in(root: &Path) -> Option<PathBuf> {
    let vendor = root.join("package/vendor");
    let targets = vendor.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    targets
        .chain([root.join("codex_cli_bin")])
        .flat_map(|tree| ["bin/codex", "codex/codex"].map(|name| tree.join(name)))
        .find(|path| path.is_file())
        .and_then(|path| path.strip_prefix(root).map(Path::to_owned).ok())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use expect_test::{Expect, expect};

    use crate::provision::Error;

    fn check_path(path: &str, expect: Expect) {
        let error = super::executable_at(path.as_ref()).map(|found| found.version);
        expect.assert_eq(&error.map_or_else(|error| error.to_string(), |_| "a server".to_owned()));
    }

    fn check_file(content: &str, mode: u32, expect: Expect) {
        let dir = tempfile::tempdir().expect("there is a temporary directory");
        let path = dir.path().join("server");
        // Another process writes it: what this one has open for writing, a child that another test
        // starts in that moment has open too, and then it cannot be run.
        let text = dir.path().join("text");
        fs::write(&text, content).expect("the directory is ours");
        let copied = Command::new("cp").arg(&text).arg(&path).status().expect("cp is everywhere");
        assert!(copied.success(), "the directory is ours");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("the file is ours");
        expect.assert_eq(&match super::executable_at(&path) {
            Ok(found) => found.version.map_or("none".to_owned(), |version| version.to_string()),
            Err(Error::Unusable { why, .. }) => why.replace("; ", ";\n"),
            Err(error) => error.to_string(),
        });
    }

    fn check(answer: &str, expect: Expect) {
        let version = super::version_in(answer);
        expect.assert_eq(&version.map_or("none".to_owned(), |version| version.to_string()));
    }

    #[test]
    fn the_version_is_the_word_that_is_one() {
        check("codex-cli 0.169.0\n", expect!["0.169.0"]);
    }

    #[test]
    fn a_prerelease_is_a_version() {
        check("codex-cli 0.131.0-alpha.8\n", expect!["0.131.0-alpha.8"]);
    }

    #[test]
    fn a_version_below_the_first_line_does_not_count() {
        check("a server\nlibc 2.39.0\n", expect!["none"]);
    }

    #[test]
    fn silence_states_no_version() {
        check("", expect!["none"]);
    }

    #[test]
    fn a_file_that_is_not_executable_is_refused() {
        check_file(
            "#!/bin/sh\n",
            0o644,
            expect![[r#"
            permission denied;
            make it executable or name another"#]],
        );
    }

    #[test]
    fn a_directory_is_refused() {
        check_path(
            "/",
            expect!["cannot use / as the server: it is a directory; name the executable in it"],
        );
    }

    #[test]
    fn a_path_to_nothing_is_refused() {
        check_path(
            "/nowhere/codex",
            expect![
                "cannot use /nowhere/codex as the server: there is no such file; check the path"
            ],
        );
    }

    #[test]
    fn a_device_is_refused() {
        check_path(
            "/dev/null",
            expect![
                "cannot use /dev/null as the server: it is not a regular file; name an executable"
            ],
        );
    }

    #[test]
    fn a_file_for_another_machine_is_refused() {
        check_file(
            "\u{7f}ELF of another kind",
            0o755,
            expect![[r#"
            it does not start: Exec format error (os error 8);
            name an executable for this machine"#]],
        );
    }

    #[test]
    fn a_server_that_crashes_at_once_is_refused() {
        check_file(
            "#!/bin/sh\nkill -SEGV $$\n",
            0o755,
            expect![[r#"
            `--version` ended by signal 11;
            name a codex executable"#]],
        );
    }

    #[test]
    fn a_server_is_identified_by_its_version() {
        check_file("#!/bin/sh\necho codex-cli 1.2.3-beta.1\n", 0o755, expect!["1.2.3-beta.1"]);
    }

    #[test]
    fn a_server_may_state_no_version() {
        check_file("#!/bin/sh\necho hello\nexit 1\n", 0o755, expect!["none"]);
    }

    #[test]
    fn a_server_sees_nothing_of_the_users_environment() {
        let script = "#!/bin/sh\n[ -z \"$CARGO_MANIFEST_DIR\" ] && echo 1.0.0 clean\n";
        check_file(script, 0o755, expect!["1.0.0"]);
    }
}
