//! Fetches wheels with pip.
//!
//! pip picks the wheel for the machine it runs on, and checks it against its own index. Only wheels
//! are taken: another kind of package would run its own code while it is fetched.

use std::collections::BTreeSet;
use std::path::Path;

use semver::Version;

use crate::provision::client::{self, Download, Refusal, quote};
use crate::provision::package::{ExpectedDigest, Package, Request};
use crate::provision::{Client, Clients, OnProgress, pins};

/// The package whose wheels have the native executables.
const PACKAGE: &str = "openai-codex-cli-bin";

/// How many lines of pip's report are quoted: the last says what is wrong, the one before often
/// why.
const LINES: usize = 3;

/// The newest release that pip has, prereleases aside.
pub(super) fn latest(
    clients: &Clients,
    on_progress: &mut OnProgress<'_>,
) -> Result<Version, Refusal> {
    let newest = published(clients, on_progress)?.pop_last();
    newest.ok_or_else(|| Refusal::Failed("it names no version in a known form".to_owned()))
}

/// Every release that pip has, prereleases aside.
pub(super) fn published(
    clients: &Clients,
    on_progress: &mut OnProgress<'_>,
) -> Result<BTreeSet<Version>, Refusal> {
    let arguments = ["index", "versions", "--disable-pip-version-check", "--retries=1", PACKAGE];
    let printed = client::ask(Client::Pip, clients, &arguments, on_progress).map_err(explain)?;
    Ok(listed(&printed))
}

pub(super) fn package(
    request: &Request<'_>,
    scratch: &Path,
    on_progress: &mut OnProgress<'_>,
) -> Result<Package, Refusal> {
    let download = Download {
        client: Client::Pip,
        arguments: vec![
            "download".into(),
            "--no-deps".into(),
            "--no-cache-dir".into(),
            "--only-binary=:all:".into(),
            "--disable-pip-version-check".into(),
            "--progress-bar=off".into(),
            "-d".into(),
            scratch.join("out").into(),
            format!("{PACKAGE}=={}", request.version).into(),
            "--retries=1".into(),
            // The wheel runs without Python, so that the age of this one does not matter.
            "--python-version=3.12".into(),
        ],
        extension: "whl",
        total: None,
    };
    let file = download.run(request, scratch, on_progress).map_err(explain)?;
    let digest = request.pinned.as_ref().and_then(|row| row.wheel.clone());
    let expected = digest.map(|digest| ExpectedDigest { digest, authority: pins::NAME });
    Ok(Package { client: Client::Pip, file, expected })
}

/// The versions that pip lists, as far as they have a known form.
fn listed(printed: &str) -> BTreeSet<Version> {
    let listed = printed.lines().find_map(|line| line.strip_prefix("Available versions:"));
    let words = listed.unwrap_or_default().split(',');
    words.filter_map(|word| Version::parse(word.trim()).ok()).collect()
}

/// Reads pip's report of a failure.
fn explain(refusal: Refusal) -> Refusal {
    let Refusal::Failed(report) = refusal else {
        return refusal;
    };
    // Without a network pip says that nothing matches as well, out of no versions at all.
    let unknown =
        report.contains("No matching distribution") && !report.contains("(from versions: none)");
    let lines: Vec<_> = report.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.len().saturating_sub(LINES);
    let quoted = quote(lines[last..].iter().map(|line| line.trim_start_matches("ERROR: ")));
    if unknown { Refusal::Unknown(quoted) } else { Refusal::Failed(quoted) }
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
        let printed = "x (0.163.0)\nAvailable versions: 0.163.0, 0.162.1\n";
        let found: Vec<_> = super::listed(printed).iter().map(ToString::to_string).collect();
        expect![[r#"["0.162.1", "0.163.0"]"#]].assert_eq(&format!("{found:?}"));
    }
}
