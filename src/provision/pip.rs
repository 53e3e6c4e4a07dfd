//! Has pip bring a wheel.
//!
//! pip picks the wheel for the machine it runs on, and checks it against its own index. Only wheels
//! are taken: another kind of package would run code of its own while it is fetched.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use semver::Version;

use crate::provision::client::{Download, Query, Refusal, quote};
use crate::provision::fetch::Wanted;
use crate::provision::{Client, Progress, Tell};

/// The package whose wheels have the native executables.
const PACKAGE: &str = "openai-codex-cli-bin";

/// How much of pip's report is quoted: the end says what, the line before it often why.
const LINES: usize = 3;

/// The newest release that pip has, a prerelease aside.
pub(super) fn latest(commands: &[Vec<String>], tell: &mut Tell<'_>) -> Result<Version, Refusal> {
    let newest = published(commands, tell)?.pop_last();
    newest.ok_or_else(|| Refusal::Failed("it names no version in a form that is known".to_owned()))
}

/// Every release that pip has, prereleases aside.
pub(super) fn published(
    commands: &[Vec<String>],
    tell: &mut Tell<'_>,
) -> Result<BTreeSet<Version>, Refusal> {
    let arguments = ["index", "versions", "--disable-pip-version-check", PACKAGE];
    let progress = Progress::Asking { client: Client::Pip };
    let said = Query { commands, arguments: &arguments, progress }.ask(tell).map_err(explain)?;
    Ok(listed(&said))
}

/// Downloads the wheel of a release.
pub(super) fn download(
    wanted: &Wanted<'_>,
    room: &Path,
    tell: &mut Tell<'_>,
) -> Result<PathBuf, Refusal> {
    let version = wanted.version;
    let download = Download {
        commands: &wanted.clients.pip,
        arguments: vec![
            "download".into(),
            "--no-deps".into(),
            "--no-cache-dir".into(),
            "--only-binary=:all:".into(),
            "--disable-pip-version-check".into(),
            "--progress-bar=off".into(),
            "-d".into(),
            room.join("out").into(),
            format!("{PACKAGE}=={version}").into(),
        ],
        room,
        extension: "whl",
        progress: &|bytes| {
            let version = version.clone();
            Progress::Fetching { client: Client::Pip, version, bytes, total: None }
        },
    };
    download.fetch(tell).map_err(explain)
}

/// The versions that pip lists, in a form that is known.
fn listed(said: &str) -> BTreeSet<Version> {
    let listed = said.lines().find_map(|line| line.strip_prefix("Available versions:"));
    let words = listed.unwrap_or_default().split(',');
    words.filter_map(|word| Version::parse(word.trim()).ok()).collect()
}

/// Reads pip's report.
fn explain(refusal: Refusal) -> Refusal {
    let Refusal::Failed(report) = refusal else {
        return refusal;
    };
    // Without a network pip says that nothing matches as well, out of no versions at all.
    let unknown =
        report.contains("No matching distribution") && !report.contains("(from versions: none)");
    let lines: Vec<_> = report.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.len().saturating_sub(LINES);
    let said = quote(lines[last..].iter().map(|line| line.trim_start_matches("ERROR: ")));
    if unknown { Refusal::Unknown(said) } else { Refusal::Failed(said) }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::provision::client::Refusal;

    fn check(report: &str, expect: Expect) {
        let refusal = super::explain(Refusal::Failed(report.to_owned()));
        expect.assert_eq(&format!("{refusal:?}").replace(" / ", " /\n"));
    }

    #[test]
    fn a_version_that_is_not_among_the_others_is_unknown() {
        check(
            "ERROR: Could not find a version (from versions: 0.1.0)\n\
             ERROR: No matching distribution found for x==9.9.9",
            expect![[r#"
                Unknown("Could not find a version (from versions: 0.1.0) /
                No matching distribution found for x==9.9.9")"#]],
        );
    }

    #[test]
    fn a_version_among_none_may_be_there() {
        check(
            "WARNING: Retrying after connection broken\n\
             ERROR: Could not find a version (from versions: none)\n\
             ERROR: No matching distribution found",
            expect![[r#"
                Failed("WARNING: Retrying after connection broken /
                Could not find a version (from versions: none) /
                No matching distribution found")"#]],
        );
    }

    #[test]
    fn the_versions_stand_in_one_line() {
        let said = "x (0.163.0)\nAvailable versions: 0.163.0, 0.162.1\n";
        let found: Vec<_> = super::listed(said).iter().map(ToString::to_string).collect();
        expect![[r#"["0.162.1", "0.163.0"]"#]].assert_eq(&format!("{found:?}"));
    }
}
