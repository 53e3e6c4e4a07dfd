//! The rows of `ci/servers.lock`, which is built in.

use semver::Version;
use serde::Deserialize;

/// How errors call the file.
pub(super) const NAME: &str = "ci/servers.lock";

/// A row of `ci/servers.lock`: the digests of a release's packages on one platform.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    pub version: Version,
    /// npm's name of the platform: `linux-x64`.
    pub platform: String,
    /// The integrity of the npm package, `sha512-` and base64.
    pub npm: Option<String>,
    pub npm_bytes: Option<u64>,
    /// The sha256 of the wheel in hex.
    pub wheel: Option<String>,
}

#[derive(Deserialize)]
struct Rows {
    server: Vec<Pinned>,
}

#[must_use]
pub fn rows() -> Vec<Pinned> {
    let rows: Rows = toml::from_str(include_str!("../../ci/servers.lock"))
        .expect("ci/servers.lock has rows of the right form");
    rows.server
}

pub(super) fn row(version: &Version, platform: &str) -> Option<Pinned> {
    rows().into_iter().find(|row| row.version == *version && row.platform == platform)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    #[test]
    fn the_pinned_releases_are_these() {
        let rows = super::rows();
        let lines: Vec<_> = rows
            .iter()
            .map(|row| {
                let (npm, wheel) = (row.npm.is_some(), row.wheel.is_some());
                format!("{} {} npm={npm} wheel={wheel}\n", row.version, row.platform)
            })
            .collect();
        expect![[r#"
            0.169.0 linux-x64 npm=true wheel=false
            0.169.0 linux-arm64 npm=true wheel=false
            0.169.0 darwin-x64 npm=true wheel=false
            0.169.0 darwin-arm64 npm=true wheel=false
            0.169.0 win32-x64 npm=true wheel=false
            0.169.0 win32-arm64 npm=true wheel=false
            0.144.4 linux-x64 npm=true wheel=true
            0.144.4 linux-arm64 npm=false wheel=true
            0.131.0 linux-x64 npm=true wheel=false
        "#]]
        .assert_eq(&lines.concat());
    }
}
