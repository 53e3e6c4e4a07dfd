//! Fetches packages with npm.
//!
//! The package of a release for one platform is a version of its own, `0.169.0-linux-x64`. npm
//! downloads through a cache of ours, not the user's.

use std::collections::BTreeSet;
use std::path::Path;

use semver::Version;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::provision::client::{self, Download, Refusal, quote};
use crate::provision::package::{ExpectedDigest, Package, Request};
use crate::provision::{Client, Clients, OnProgress, pins};

/// The package with the native executables and the tags of the releases.
const PACKAGE: &str = "@openai/codex";

/// How many lines of npm's report are quoted: the first say what is wrong, the later what to try.
const LINES: usize = 3;

/// A list as npm prints it: a single entry stands without brackets.
#[derive(Deserialize)]
#[serde(untagged)]
enum Listed {
    Many(Vec<String>),
    One(String),
}

pub(super) fn latest(
    clients: &Clients,
    on_progress: &mut OnProgress<'_>,
) -> Result<Version, Refusal> {
    let tagged: String = view(clients, &[PACKAGE, "dist-tags.latest"], on_progress)?;
    release(&tagged).ok_or_else(|| Refusal::Failed(format!("it names `{tagged}` as the latest")))
}

/// Every release that has a package for the platform.
pub(super) fn published(
    clients: &Clients,
    platform: &str,
    on_progress: &mut OnProgress<'_>,
) -> Result<BTreeSet<Version>, Refusal> {
    let listed = match view(clients, &[PACKAGE, "versions"], on_progress)? {
        Listed::Many(listed) => listed,
        Listed::One(only) => vec![only],
    };
    let ending = format!("-{platform}");
    let release = |tagged: &String| Version::parse(tagged.strip_suffix(&ending)?).ok();
    Ok(listed.iter().filter_map(release).collect())
}

/// The release that a version of the package belongs to: it may name a platform as well.
fn release(tagged: &str) -> Option<Version> {
    let before = |system: &&str| tagged.split_once(*system).map(|(release, _)| release);
    let release = ["-linux-", "-darwin-", "-win32-"].iter().find_map(before);
    Version::parse(release.unwrap_or(tagged)).ok()
}

pub(super) fn package(
    request: &Request<'_>,
    scratch: &Path,
    on_progress: &mut OnProgress<'_>,
) -> Result<Package, Refusal> {
    let name = format!("{PACKAGE}@{}-{}", request.version, request.platform);
    // A pinned release is asked for too: it tells soon that there is none, or no network.
    let stated = view(request.clients, &[&name, "dist.integrity"], on_progress)?;
    let expected = match request.pinned.as_ref().and_then(|row| row.npm.clone()) {
        Some(digest) => ExpectedDigest { digest, authority: pins::NAME },
        None => ExpectedDigest { digest: stated, authority: "npm's metadata" },
    };
    let download = Download {
        client: Client::Npm,
        arguments: vec![
            "pack".into(),
            name.into(),
            "--json".into(),
            "--cache".into(),
            scratch.join("npm").into(),
            "--pack-destination".into(),
            scratch.join("out").into(),
            "--fetch-retries=1".into(),
        ],
        extension: "tgz",
        total: request.pinned.as_ref().and_then(|row| row.npm_bytes),
    };
    let file = download.run(request, scratch, on_progress).map_err(explain)?;
    Ok(Package { client: Client::Npm, file, expected: Some(expected) })
}

/// One value of npm's metadata.
///
/// With one retry: left alone npm takes 70 s to find that there is no network, with one 10 s.
fn view<T: DeserializeOwned>(
    clients: &Clients,
    value: &[&str],
    on_progress: &mut OnProgress<'_>,
) -> Result<T, Refusal> {
    let arguments = [&["view"], value, &["--json", "--fetch-retries=1"]].concat();
    let printed = client::ask(Client::Npm, clients, &arguments, on_progress).map_err(explain)?;
    // An older npm prints nothing, and does not fail, for a version that is not there.
    serde_json::from_str(&printed)
        .map_err(|_| Refusal::Unknown(format!("it has no {}", value.join(" "))))
}

/// Reads npm's report of a failure.
fn explain(refusal: Refusal) -> Refusal {
    let Refusal::Failed(report) = refusal else {
        return refusal;
    };
    let unknown = ["code E404", "code ETARGET"].iter().any(|code| report.contains(code));
    let quoted = quote(report.lines().filter_map(content).take(LINES));
    if unknown { Refusal::Unknown(quoted) } else { Refusal::Failed(quoted) }
}

/// A line of the report without its prefix; `None` for one that says nothing of the failure.
fn content(line: &str) -> Option<&str> {
    let line = line.trim();
    let rest = line.strip_prefix("npm error").or_else(|| line.strip_prefix("npm ERR!"));
    let rest = rest.unwrap_or(line).trim();
    let noise = rest.is_empty()
        || rest == "404"
        || ["npm warn", "npm WARN", "npm notice"].iter().any(|prefix| rest.starts_with(prefix))
        || rest.starts_with("A complete log of this run");
    (!noise).then_some(rest)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::provision::client::Refusal;

    fn check(report: &str, expect: Expect) {
        expect.assert_eq(&format!("{:?}", super::explain(Refusal::Failed(report.to_owned()))));
    }

    #[test]
    fn a_package_that_is_not_there_is_unknown() {
        check(
            "npm warn Unknown user config \"x\".\nnpm error code E404\n\
             npm error 404 No match found for version 9.9.9-linux-x64\nnpm error 404\n\
             npm error A complete log of this run can be found in: /log",
            expect![[r#"Unknown("code E404 / 404 No match found for version 9.9.9-linux-x64")"#]],
        );
    }

    #[test]
    fn an_older_npm_is_understood() {
        check(
            "npm ERR! code ETARGET\nnpm ERR! notarget No matching version found",
            expect![[r#"Unknown("code ETARGET / notarget No matching version found")"#]],
        );
    }

    #[test]
    fn anything_else_is_a_failure() {
        check(
            "npm error code ENOTFOUND\nnpm error errno ENOTFOUND\nnpm error network down",
            expect![[r#"Failed("code ENOTFOUND / errno ENOTFOUND / network down")"#]],
        );
    }

    #[test]
    fn the_release_is_told_from_its_platforms() {
        let tags = ["0.169.0", "0.131.0-alpha.8-linux-x64", "next"];
        let found = tags.map(|tag| super::release(tag).map(|version| version.to_string()));
        expect![[r#"[Some("0.169.0"), Some("0.131.0-alpha.8"), None]"#]]
            .assert_eq(&format!("{found:?}"));
    }

    #[test]
    fn a_silent_failure_is_called_that() {
        check("", expect![[r#"Failed("it failed and did not say why")"#]]);
    }
}
