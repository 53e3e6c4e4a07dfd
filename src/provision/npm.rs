//! Has npm bring a package.
//!
//! The package of a release for one platform is a version of its own, `0.169.0-linux-x64`. What npm
//! downloads goes through a cache of ours, and not through the person's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use semver::Version;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::provision::client::{Download, Query, Refusal, quote};
use crate::provision::fetch::Wanted;
use crate::provision::{Client, Progress, Tell};

/// The package that has the native executables, and the releases' own tags.
const PACKAGE: &str = "@openai/codex";

/// How much of npm's report is quoted: its first lines say what, the later ones what to try.
const LINES: usize = 3;

/// A list as npm prints it: one alone stands by itself.
#[derive(Deserialize)]
#[serde(untagged)]
enum Listed {
    Many(Vec<String>),
    One(String),
}

/// The newest release.
pub(super) fn latest(commands: &[Vec<String>], tell: &mut Tell<'_>) -> Result<Version, Refusal> {
    let said: String = view(commands, &[PACKAGE, "dist-tags.latest"], tell)?;
    release(&said).ok_or_else(|| Refusal::Failed(format!("it names `{said}` as the latest")))
}

/// Every release that has a package for the platform.
pub(super) fn published(
    commands: &[Vec<String>],
    platform: &str,
    tell: &mut Tell<'_>,
) -> Result<BTreeSet<Version>, Refusal> {
    let listed = match view(commands, &[PACKAGE, "versions"], tell)? {
        Listed::Many(listed) => listed,
        Listed::One(only) => vec![only],
    };
    let ending = format!("-{platform}");
    let of_platform = |tagged: &String| Version::parse(tagged.strip_suffix(&ending)?).ok();
    Ok(listed.iter().filter_map(of_platform).collect())
}

/// The release that a version of the package belongs to: it may name a platform as well.
fn release(tagged: &str) -> Option<Version> {
    let of_system = |system: &&str| tagged.split_once(*system).map(|(release, _)| release);
    let release = ["-linux-", "-darwin-", "-win32-"].iter().find_map(of_system);
    Version::parse(release.unwrap_or(tagged)).ok()
}

/// The integrity that npm's metadata states for a release.
pub(super) fn integrity(wanted: &Wanted<'_>, tell: &mut Tell<'_>) -> Result<String, Refusal> {
    view::<String>(&wanted.clients.npm, &[&package(wanted), "dist.integrity"], tell)
}

/// Downloads the package of a release.
pub(super) fn pack(
    wanted: &Wanted<'_>,
    room: &Path,
    tell: &mut Tell<'_>,
) -> Result<PathBuf, Refusal> {
    let total = wanted.row.as_ref().and_then(|row| row.npm_bytes);
    let version = wanted.version;
    let download = Download {
        commands: &wanted.clients.npm,
        arguments: vec![
            "pack".into(),
            package(wanted).into(),
            "--json".into(),
            "--cache".into(),
            room.join("npm").into(),
            "--pack-destination".into(),
            room.join("out").into(),
        ],
        room,
        extension: "tgz",
        progress: &|arrived| {
            // npm's cache keeps a little more than the package.
            let bytes = total.map_or(arrived, |total| arrived.min(total));
            let version = version.clone();
            Progress::Fetching { client: Client::Npm, version, bytes, total }
        },
    };
    download.fetch(tell).map_err(explain)
}

fn package(wanted: &Wanted<'_>) -> String {
    format!("{PACKAGE}@{}-{}", wanted.version, wanted.platform)
}

/// One value of npm's metadata.
///
/// With one retry: by itself npm takes 70 s to find that there is no network, with one 10 s.
fn view<T: DeserializeOwned>(
    commands: &[Vec<String>],
    what: &[&str],
    tell: &mut Tell<'_>,
) -> Result<T, Refusal> {
    let arguments = [&["view"], what, &["--json", "--fetch-retries=1"]].concat();
    let progress = Progress::Asking { client: Client::Npm };
    let said = Query { commands, arguments: &arguments, progress }.ask(tell).map_err(explain)?;
    // An older npm prints nothing, and does not fail, for a version that is not there.
    serde_json::from_str(&said)
        .map_err(|_| Refusal::Unknown(format!("it has no {}", what.join(" "))))
}

/// Reads npm's report.
fn explain(refusal: Refusal) -> Refusal {
    let Refusal::Failed(report) = refusal else {
        return refusal;
    };
    let unknown = ["code E404", "code ETARGET"].iter().any(|code| report.contains(code));
    let said = quote(report.lines().filter_map(told).take(LINES));
    if unknown { Refusal::Unknown(said) } else { Refusal::Failed(said) }
}

/// What a line of the report says, without what npm says of itself.
fn told(line: &str) -> Option<&str> {
    let line = line.trim();
    let said = line.strip_prefix("npm error").or_else(|| line.strip_prefix("npm ERR!"));
    let said = said.unwrap_or(line).trim();
    let noise = said.is_empty()
        || said == "404"
        || ["npm warn", "npm WARN", "npm notice"].iter().any(|prefix| said.starts_with(prefix))
        || said.starts_with("A complete log of this run");
    (!noise).then_some(said)
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
