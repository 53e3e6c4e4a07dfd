//! The commands about several releases, as far as they need no real server.
//!
//! npm is a script, and the releases that it brings refuse every client.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use expect_test::{Expect, expect};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha512};
use tempfile::TempDir;

use crate::command::{EXE, seen, within};
use heirloom::model::REVISION;

/// npm with releases 9.9.7 to 9.9.9 for every platform.
const NPM: &str = r#"#!/bin/sh
cd "$(dirname "$0")"
case "$1 $3" in
"view versions") cat list ;;
"view dist-tags.latest") echo '"9.9.9-linux-x64"' ;;
view*) release="${2#@openai/codex@}"; cat "integrity-${release%%-*}" ;;
pack*) release="${2#@openai/codex@}"
    cp "package-${release%%-*}" "$7/openai-codex.tgz" ;;
esac
"#;

/// A release that says which it is, and refuses every client.
const CODEX: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo codex-cli RELEASE; exit; fi
read -r line
echo '{"id":1,"error":{"code":-32600,"message":"closed today"}}'
cat >/dev/null
"#;

/// A folder with npm, a cache, and what the binary prints with them.
struct Shop {
    path: PathBuf,
    _dir: TempDir,
}

fn shop() -> Shop {
    let dir = tempfile::tempdir().expect("a folder can be made");
    let path = dir.path().to_owned();
    let shop = Shop { path, _dir: dir };
    fs::create_dir(shop.path.join("bin")).expect("it can be made");
    shop.script("npm", NPM);
    let mut list = Vec::new();
    for release in ["9.9.7", "9.9.8", "9.9.9"] {
        for platform in ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"] {
            list.push(format!("\"{release}-{platform}\""));
        }
        let package = tarball(&CODEX.replace("RELEASE", release));
        let integrity = STANDARD.encode(Sha512::digest(&package));
        shop.write(&format!("integrity-{release}"), format!("\"sha512-{integrity}\"\n").as_bytes());
        shop.write(&format!("package-{release}"), &package);
    }
    shop.write("list", format!("[{}]\n", list.join(",")).as_bytes());
    shop
}

impl Shop {
    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path.join("bin").join(name), content).expect("it can be written");
    }

    fn script(&self, name: &str, content: &str) {
        use std::os::unix::fs::PermissionsExt;
        self.write(name, content.as_bytes());
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.path.join("bin").join(name), mode).expect("it is ours");
    }

    /// What a person sees, with what differs between machines hidden.
    fn seen(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output().expect(EXE);
        let text = seen(&output).replace(&self.path.display().to_string(), "SHOP");
        let platforms = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"];
        platforms.iter().fold(text, |text, platform| text.replace(platform, "PLATFORM"))
    }

    fn command(&self) -> Command {
        let mut command = within(&self.path, &self.path.join("cache"));
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.path.join("bin").display()));
        command
    }

    fn check(&self, arguments: &[&str], expected: Expect) {
        expected.assert_eq(&self.seen(arguments));
    }
}

/// An npm package with this executable.
fn tarball(codex: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(codex.len().try_into().expect("a length fits 64 bits"));
    let path = "package/vendor/some-target/bin/codex";
    builder.append_data(&mut header, path, codex.as_bytes()).expect("memory can be written");
    let gzip = builder.into_inner().expect("memory can be written");
    gzip.finish().expect("memory can be written")
}

/// Runs the binary from the package's folder, with an empty cache and nothing of the person's.
fn heirloom(arguments: &[&str]) -> Output {
    let empty = tempfile::tempdir().expect("a folder can be made");
    within(Path::new(env!("CARGO_MANIFEST_DIR")), empty.path()).args(arguments).output().expect(EXE)
}

/// The token of a case.
fn token() -> String {
    format!("r{REVISION}-s1-c1-o3")
}

fn check(arguments: &[&str], expected: Expect) {
    expected.assert_eq(&seen(&heirloom(arguments)));
}

#[test]
fn a_release_that_does_not_start_is_a_column_that_says_so() {
    let shop = shop();
    let output = shop.seen(&["matrix", "9.9.8..9.9.9", "--cases", "2", "--quiet", "--out", "out"]);
    let kept = |name: &str| shop.path.join("out").join(name).exists();
    assert!(kept("matrix.json") && kept("matrix.html"), "the files are there");
    let words = ["9.9", "app-server", "closed", "exit"];
    let lines: Vec<&str> =
        output.lines().filter(|line| words.iter().any(|word| line.contains(word))).collect();
    expect![[r#"
              9.9.8      9.9.9
          9.9.8         not run:
                        SHOP/cache/servers/9.9.8-PLATFORM/package/vendor/some-target/bin/codex
                        is not an app-server: closed today (code -32600); pass one with
          9.9.9         not run:
                        SHOP/cache/servers/9.9.9-PLATFORM/package/vendor/some-target/bin/codex
                        is not an app-server: closed today (code -32600); pass one with
          incomplete    2 of 2 releases not run: 9.9.8, 9.9.9
        exit 5"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn the_servers_of_a_matrix_go_again_where_the_cache_has_a_limit() {
    let shop = shop();
    let flags = ["--cases", "1", "--quiet", "--cache-limit", "300B", "--out", "out"];
    drop(shop.seen(&[["matrix", "9.9.7..9.9.9"].as_slice(), &flags].concat()));
    let output = shop.seen(&["servers"]);
    let cached: Vec<&str> = output.lines().filter(|line| line.contains("9.9.")).collect();
    assert_eq!(cached.len(), 1, "{output}");
}

#[test]
fn a_mistake_in_the_releases_is_one_line() {
    let shop = shop();
    let mistakes: [&[&str]; 12] = [
        &["matrix"],
        &["matrix", "9.9.9..9.9.7"],
        &["matrix", "9.7..9.8"],
        &["matrix", "newest"],
        &["matrix", "9.9.9", "--cache-limit", "much"],
        &["matrix", "9.9.9", "--out", "bin"],
        &["diff", "9.9.9", "9.9"],
        &["diff", "9.9.9", "9.9.9", "--quiet"],
        &["bisect", "lost.case", "--good", "9.9.7", "--bad", "9.9.9"],
        &["bisect", &token(), "--good", "9.9.9", "--bad", "9.9.9"],
        &["matrix", "9.9.7.."],
        &["diff", "latest", "9.9..9.9.9"],
    ];
    let lines = mistakes.map(|arguments| shop.seen(arguments));
    assert!(!shop.path.join("cache/servers").exists(), "nothing is fetched for a mistake");
    expect![[r#"
        ! heirloom: the following required arguments were not provided: <SPEC>...; see `heirloom matrix --help`
        exit 2
        ! heirloom: `9.9.9..9.9.7` does not name releases: it ends before it begins; write 9.9.7..9.9.9
        exit 2
        ! heirloom: no release in 9.7..9.8 is published for this platform; they go from 9.9.7 to 9.9.9
        exit 2
        ! heirloom: `newest` does not name releases: it is not a release, a range, `latest` or a file
        exit 2
        ! heirloom: invalid value 'much' for '--cache-limit <SIZE>': expected a size such as 5GB or 800MB; see `heirloom matrix --help`
        exit 2
        ! heirloom: cannot keep a matrix in bin: something else is in it; name another with --out
        exit 2
        ! heirloom: `9.9` does not name a server: it is not a version, `latest` or a file; give a release such as 0.169.0, or a path
        exit 2
        ! heirloom: 9.9.9 and 9.9.9 are the same release; name two, such as 0.144.4 and 0.169.0
        exit 2
        ! heirloom: `lost.case` is neither a file nor a token; expected a case file, or a token like rN-s42-c17-o12 that a campaign printed
        exit 2
        ! heirloom: --good and --bad are both 9.9.9; name two releases
        exit 2
        ! heirloom: `9.9.7..` does not name releases: it has no last release; write both ends, as 0.144..0.169
        exit 2
        ! heirloom: `9.9..9.9.9` does not name a server: it is not a version, `latest` or a file; give a release such as 0.169.0, or a path
        exit 2
    "#]].assert_eq(&lines.concat());
}

#[test]
fn an_end_that_cannot_be_judged_ends_a_search() {
    let output = shop().seen(&["bisect", &token(), "--good", "9.9.7", "--bad", "9.9.9"]);
    let says = |line: &&str| line.contains("cannot judge") || !line.starts_with('!');
    let lines: Vec<&str> = output.lines().filter(says).collect();
    expect![[r#"
          searching     3 releases from 9.9.7 to 9.9.9
          9.9.9         cannot be judged:
                        SHOP/cache/servers/9.9.9-PLATFORM/package/vendor/some-target/bin/codex
                        is not an app-server: closed today (code -32600); pass one with
                        --server
        ! heirloom: cannot judge 9.9.9: SHOP/cache/servers/9.9.9-PLATFORM/package/vendor/some-target/bin/codex is not an app-server: closed today (code -32600); pass one with --server
        exit 3"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn servers_are_listed_with_their_sizes_and_are_removed_on_request() {
    let shop = shop();
    drop(shop.seen(&["servers", "fetch", "9.9.7", "9.9.8"]));
    shop.check(&["servers"], expect![[r#"
        cached
          9.9.7                 164 B  used today                 SHOP/cache/servers/9.9.7-PLATFORM/package/vendor/some-target/bin/codex
          9.9.8                 164 B  used today                 SHOP/cache/servers/9.9.8-PLATFORM/package/vendor/some-target/bin/codex
          together              328 B

        pinned by digest
          0.131.0
          0.144.4
          0.169.0  the default
    "#]]);
    shop.check(&["servers", "prune"], expect![[r#"
        ! heirloom: say what to remove: releases, or --keep N, or --limit SIZE, or set HEIRLOOM_CACHE_LIMIT
        exit 2
    "#]]);
    shop.check(
        &["servers", "prune", "9.9.9"],
        expect![[r#"
        ! heirloom: cannot free 9.9.9: it is not in the cache; `heirloom servers` lists what is
        exit 2
    "#]],
    );
    shop.check(
        &["servers", "prune", "9.9.7"],
        expect![[r#"
            removed  9.9.7                 164 B  SHOP/cache/servers/9.9.7-PLATFORM
            164 B freed, 164 B left
        "#]],
    );
    shop.check(
        &["servers", "prune", "--keep", "0"],
        expect![[r#"
            removed  9.9.8                 164 B  SHOP/cache/servers/9.9.8-PLATFORM
            164 B freed, 0 B left
        "#]],
    );
}

#[test]
fn a_limit_that_is_no_size_is_one_line() {
    let shop = shop();
    let limited = |limit: &str, arguments: &[&str]| {
        let output = shop.command().args(arguments).env("HEIRLOOM_CACHE_LIMIT", limit).output();
        seen(&output.expect(EXE))
    };
    drop(shop.seen(&["servers", "fetch", "9.9.7"]));
    let lines = [
        limited("much", &["servers"]),
        limited("5", &["servers", "prune"]),
        limited("", &["servers", "prune", "--limit", "5"]),
        limited("", &["matrix", "9.9.9", "--cache-limit", "0.5"]),
        limited("", &["servers", "prune", "--limit", "300 B"]),
    ];
    expect![[r#"
        ! heirloom: HEIRLOOM_CACHE_LIMIT is `much`: expected a size such as 5GB or 800MB
        exit 2
        ! heirloom: HEIRLOOM_CACHE_LIMIT is `5`: it has no unit; write it like 5GB or 5MB
        exit 2
        ! heirloom: invalid value '5' for '--limit <SIZE>': it has no unit; write it like 5GB or 5MB; see `heirloom servers prune --help`
        exit 2
        ! heirloom: invalid value '0.5' for '--cache-limit <SIZE>': it has no unit; write it like 0.5GB or 0.5MB; see `heirloom matrix --help`
        exit 2
        0 B freed, 164 B left
    "#]].assert_eq(&lines.concat());
}

#[test]
fn an_empty_cache_is_listed_as_such() {
    check(
        &["servers"],
        expect![[r#"
            cached
              none; `heirloom check` fetches the default one when it needs it

            pinned by digest
              0.131.0
              0.144.4
              0.169.0  the default
        "#]],
    );
}

#[test]
fn the_path_of_a_server_stands_alone() {
    let line = seen(&heirloom(&["servers", "path", EXE])).replace(EXE, "EXE");
    expect![[r#"
        EXE
    "#]]
    .assert_eq(&line);
}
