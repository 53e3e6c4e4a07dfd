//! Provisioning with clients that are played by scripts: no network, no real server.
//!
//! Each test prepares a folder with packages and clients, provides a server from it, and shows the
//! progress and what was kept.

mod keeping;
mod sdk;
mod stage;

use std::fs;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use expect_test::{Expect, expect};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::provision::stage::{
    CODEX, NPM, NPM_FAILS, NPM_HANGS, NPM_UNKNOWN, PIP, PIP_UNKNOWN, Stage, clients, stage,
};
use heirloom::provision::fetch::provide_by;
use heirloom::provision::{Cache, Client, Progress};

/// Where the victim of the kill finds its stage.
const VICTIM: &str = "HEIRLOOM_PROVISION_VICTIM";

/// What providing `spec` shows on this stage.
fn check(stage: &Stage, spec: &str, expect: Expect) {
    expect.assert_eq(&stage.provide(spec));
}

/// Something that happens to an entry.
type Damage = (&'static str, fn(&Path));

/// What comes of a release that was kept and then suffered this.
fn check_damage(damages: &[Damage], expect: Expect) {
    let lines = damages.iter().map(|(name, damage)| {
        let stage = stage(NPM, PIP);
        stage.provide("9.9.9");
        damage(&stage.entry());
        let shown = stage.provide("9.9.9");
        format!("{name}: {}\n", shown.lines().skip(1).collect::<Vec<_>>().join("\n  "))
    });
    expect.assert_eq(&lines.collect::<String>());
}

#[test]
fn npm_brings_a_release() {
    check(
        &stage(NPM, PIP),
        "9.9.9",
        expect![[r#"
        ask npm, fetch by npm, verify, unpack, verify, 9.9.9 ready
        9.9.9 at CACHE/9.9.9-PLATFORM/package/vendor/some-target/bin/codex:
          codex-cli 9.9.9
        npm [view pack] pip [] listed [9.9.9 33 bytes] kept [9.9.9-PLATFORM lock]
    "#]],
    );
}

#[test]
fn a_kept_release_that_differs_from_its_manifest_is_fetched_again() {
    const CODEX_IN: &str = "package/vendor/some-target/bin/codex";
    let damages: [Damage; 6] = [
        ("nothing", |_| {}),
        ("shortened", |entry| fs::write(entry.join(CODEX_IN), "#!/bin/sh\n").expect("it is ours")),
        ("other content", |entry| {
            fs::write(entry.join(CODEX_IN), CODEX.replace("9.9.9", "9.9.8")).expect("it is ours");
        }),
        ("same content", |entry| fs::write(entry.join(CODEX_IN), CODEX).expect("it is ours")),
        ("no helper", |entry| {
            fs::remove_file(entry.join("package/vendor/some-target/codex-path/rg"))
                .expect("it is ours");
        }),
        ("no manifest", |entry| {
            fs::remove_file(entry.join("heirloom.toml")).expect("it is ours");
        }),
    ];
    check_damage(
        &damages,
        expect![[r#"
        nothing: 9.9.9 at CACHE/9.9.9-PLATFORM/package/vendor/some-target/bin/codex:
            codex-cli 9.9.9
          npm [view pack] pip [] listed [9.9.9 33 bytes] kept [9.9.9-PLATFORM lock]
        shortened: 9.9.9 at CACHE/9.9.9-PLATFORM/package/vendor/some-target/bin/codex:
            codex-cli 9.9.9
          npm [view pack view pack] pip [] listed [9.9.9 33 bytes] kept [9.9.9-PLATFORM lock]
        other content: 9.9.9 at CACHE/9.9.9-PLATFORM/package/vendor/some-target/bin/codex:
            codex-cli 9.9.9
          npm [view pack view pack] pip [] listed [9.9.9 33 bytes] kept [9.9.9-PLATFORM lock]
        same content: 9.9.9 at CACHE/9.9.9-PLATFORM/package/vendor/some-target/bin/codex:
            codex-cli 9.9.9
          npm [view pack] pip [] listed [9.9.9 33 bytes] kept [9.9.9-PLATFORM lock]
        no helper: 9.9.9 at CACHE/9.9.9-PLATFORM/package/vendor/some-target/bin/codex:
            codex-cli 9.9.9
          npm [view pack view pack] pip [] listed [9.9.9 33 bytes] kept [9.9.9-PLATFORM lock]
        no manifest: 9.9.9 at CACHE/9.9.9-PLATFORM/package/vendor/some-target/bin/codex:
            codex-cli 9.9.9
          npm [view pack view pack] pip [] listed [9.9.9 33 bytes] kept [9.9.9-PLATFORM lock]
    "#]],
    );
}

#[test]
fn latest_is_the_release_that_npm_tags() {
    check(
        &stage(NPM, PIP),
        "latest",
        expect![[r#"
        ask npm, fetch by npm, verify, unpack, verify, 9.9.9 ready
        9.9.9 at CACHE/9.9.9-PLATFORM/package/vendor/some-target/bin/codex:
          codex-cli 9.9.9
        npm [view view pack] pip [] listed [9.9.9 33 bytes] kept [9.9.9-PLATFORM lock]
    "#]],
    );
}

#[test]
fn latest_is_the_newest_of_pip_without_npm() {
    check(
        &stage("", PIP),
        "latest",
        expect![[r#"
            ask pip, fetch by pip, verify, unpack, verify, 9.9.9 ready
            9.9.9 at CACHE/9.9.9-PLATFORM/codex_cli_bin/bin/codex:
              codex-cli 9.9.9
            npm [] pip [index download] listed [9.9.9 31 bytes] kept [9.9.9-PLATFORM lock]
        "#]],
    );
}

#[test]
fn pip_brings_what_npm_does_not_know() {
    check(
        &stage(NPM_UNKNOWN, PIP),
        "9.9.9",
        expect![[r#"
        ask npm, fetch by pip, verify, unpack, verify, 9.9.9 ready
        9.9.9 at CACHE/9.9.9-PLATFORM/codex_cli_bin/bin/codex:
          codex-cli 9.9.9
        npm [] pip [download] listed [9.9.9 31 bytes] kept [9.9.9-PLATFORM lock]
    "#]],
    );
}

#[test]
fn pip_brings_what_npm_cannot_reach() {
    check(
        &stage(NPM_FAILS, PIP),
        "9.9.9",
        expect![[r#"
        ask npm, fetch by pip, verify, unpack, verify, 9.9.9 ready
        9.9.9 at CACHE/9.9.9-PLATFORM/codex_cli_bin/bin/codex:
          codex-cli 9.9.9
        npm [] pip [download] listed [9.9.9 31 bytes] kept [9.9.9-PLATFORM lock]
    "#]],
    );
}

#[test]
fn without_a_client_the_error_says_what_to_do() {
    check(
        &stage("", ""),
        "9.9.9",
        expect![[r#"

            error 3:
              cannot fetch codex 9.9.9 for PLATFORM:
              neither npm nor pip was found;
              install one of them, or pass --server PATH or set HEIRLOOM_SERVER
            npm [] pip [] listed [] kept [lock]
        "#]],
    );
}

#[test]
fn an_unknown_release_is_a_usage_error() {
    check(
        &stage(NPM_UNKNOWN, PIP_UNKNOWN),
        "9.9.9",
        expect![[r#"
            ask npm, fetch by pip, ask npm, ask pip
            error 2:
              codex 9.9.9 for PLATFORM is not published;
              name another, or pass --server PATH
              npm:
              code E404 / 404 No match found for version 9.9.9
              pip:
              No matching distribution found for openai-codex-cli-bin==9.9.9
            npm [] pip [] listed [] kept [lock]
        "#]],
    );
}

#[test]
fn a_release_that_cannot_be_reached_may_exist() {
    check(
        &stage(NPM_FAILS, "exit 2"),
        "9.9.9",
        expect![[r#"
            ask npm, fetch by pip
            error 3:
              cannot fetch codex 9.9.9 for PLATFORM:
              no package registry can be reached;
              check the network, or pass --server PATH or set HEIRLOOM_SERVER
              npm:
              code ENOTFOUND
              pip:
              it failed and did not say why
            npm [] pip [] listed [] kept [lock]
        "#]],
    );
}

#[test]
fn a_client_that_leaves_nothing_has_failed() {
    check(
        &stage("cat integrity", ""),
        "9.9.9",
        expect![[r#"
            ask npm, fetch by npm
            error 3:
              cannot fetch codex 9.9.9 for PLATFORM:
              npm and pip did not bring it;
              see what they say, or pass --server PATH or set HEIRLOOM_SERVER
              npm:
              it did not leave exactly one .tgz file
              pip:
              not found
            npm [] pip [] listed [] kept [lock]
        "#]],
    );
}

#[test]
fn a_package_unlike_its_metadata_is_refused() {
    let stage = stage(NPM, PIP);
    stage.integrity("AAAA");
    fs::write(stage.path.join("package.tgz"), "other").expect("the stage can be written");
    check(
        &stage,
        "9.9.9",
        expect![[r#"
        ask npm, fetch by npm, verify
        error 3:
          cannot trust the package of codex 9.9.9 for PLATFORM from npm:
          its digest is
          sha512-
          4lrDhF+MvhKAGi36WonUxV3EeQDztu3Jqe5ZDzwrkxL2ZdADnJOCi3tY8zlQvIF6CVWpxQAKjT4oBWnwh0XKaA==,
          npm's metadata says sha512-AAAA;
          nothing was kept;
          try again, or pass --server PATH
        npm [view pack] pip [] listed [] kept [lock]
    "#]],
    );
}

#[test]
fn a_pinned_release_unlike_its_row_is_refused() {
    let stage = stage(NPM, PIP);
    let text = stage.provide("0.169.0");
    let last = text.lines().last().unwrap_or_default();
    let refused = text.contains("ci/servers.lock says sha512-") && text.contains("error 3");
    expect!["refused=true npm [view pack] pip [] listed [] kept [lock]"]
        .assert_eq(&format!("refused={refused} {last}"));
}

#[test]
fn a_package_that_is_another_release_is_refused() {
    let stage = stage(NPM, PIP);
    stage.package("#!/bin/sh\necho codex-cli 9.9.8\n");
    check(
        &stage,
        "9.9.9",
        expect![[r#"
        ask npm, fetch by npm, verify, unpack
        error 3:
          cannot use the package of codex 9.9.9 for PLATFORM:
          its executable says that it is 9.9.8;
          nothing was kept;
          pass --server PATH
        npm [view pack] pip [] listed [] kept [lock]
    "#]],
    );
}

#[test]
fn a_package_for_another_machine_is_refused() {
    let stage = stage(NPM, PIP);
    stage.package("\u{7f}ELF of another kind");
    check(
        &stage,
        "9.9.9",
        expect![[r#"
        ask npm, fetch by npm, verify, unpack
        error 3:
          cannot use the package of codex 9.9.9 for PLATFORM:
          it does not start:
          Exec format error (os error 8);
          name an executable for this machine;
          nothing was kept;
          pass --server PATH
        npm [view pack] pip [] listed [] kept [lock]
    "#]],
    );
}

#[test]
fn a_fetch_that_is_stopped_leaves_nothing() {
    let stage = stage(NPM_HANGS, PIP);
    let spec = "9.9.9".parse().expect("it is a version");
    let end = provide_by(&stage.clients, &spec, &stage.cache(), &mut |progress| match progress {
        Progress::Fetching { client: Client::Npm, bytes: 1.., .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    expect![[r#"
        error 3:
          stopped before the server was there;
          nothing was kept
        npm [] pip [] listed [] kept [lock]
    "#]]
    .assert_eq(&stage.shown(end));
}

#[test]
fn a_kill_in_the_middle_leaves_nothing_that_is_used() {
    let stage = stage(NPM_HANGS, PIP);
    let mut victim = Command::new(std::env::current_exe().expect("the test is a program"))
        .args(["provision::the_victim_of_the_kill", "--exact", "--nocapture"])
        .env(VICTIM, &stage.path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test can be started once more");
    let lines = BufReader::new(victim.stdout.take().expect("it is piped")).lines();
    let seen = lines.map_while(Result::ok).any(|line| line.contains("half is there"));
    victim.kill().expect("the victim is ours");
    victim.wait().expect("the victim is ours");
    let pid = fs::read_to_string(stage.path.join("pid")).expect("npm wrote its process id");
    kill(Pid::from_raw(pid.trim().parse().expect("it is a number")), Signal::SIGKILL)
        .expect("npm outlives a caller that is killed");
    let left = stage.kept().iter().filter(|name| name.starts_with(".fetch-")).count();

    stage.npm(NPM);
    expect![[r#"
        seen=true left=1
        ask npm, fetch by npm, verify, unpack, verify, 9.9.9 ready
        9.9.9 at CACHE/9.9.9-PLATFORM/package/vendor/some-target/bin/codex:
          codex-cli 9.9.9
        npm [view pack] pip [] listed [9.9.9 33 bytes] kept [9.9.9-PLATFORM lock]
    "#]]
    .assert_eq(&format!("seen={seen} left={left}\n{}", stage.provide("9.9.9")));
}

#[test]
fn the_victim_of_the_kill() {
    // Not a test of its own: the one above runs it as a process that can be killed.
    let Some(path) = std::env::var_os(VICTIM).map(PathBuf::from) else {
        return;
    };
    let spec = "9.9.9".parse().expect("it is a version");
    let cache = Cache::at(path.join("cache"));
    let end = provide_by(&clients(&path), &spec, &cache, &mut |progress| {
        if matches!(progress, Progress::Fetching { bytes: 1.., .. }) {
            println!("half is there");
        }
        ControlFlow::Continue(())
    });
    panic!("the victim came to an end: {end:?}");
}

#[test]
fn two_at_once_fetch_once() {
    let stage = stage(NPM, PIP);
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(|| stage.provide("9.9.9"));
        (stage.provide("9.9.9"), other.join().expect("it does not panic"))
    });
    let end = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>().join("\n");
    expect![[r#"
        same=true
        9.9.9 at CACHE/9.9.9-PLATFORM/package/vendor/some-target/bin/codex:
          codex-cli 9.9.9
        npm [view pack] pip [] listed [9.9.9 33 bytes] kept [9.9.9-PLATFORM lock]"#]]
    .assert_eq(&format!("same={}\n{}", end(&first) == end(&second), end(&first)));
}

#[test]
fn a_cache_that_is_a_file_is_reported_with_what_to_do() {
    let stage = stage(NPM, PIP);
    fs::write(stage.path.join("cache"), "").expect("the stage can be written");
    let spec = "9.9.9".parse().expect("it is a version");
    let end = provide_by(&stage.clients, &spec, &stage.cache(), &mut |_| ControlFlow::Continue(()));
    let text = end.map_or_else(|error| error.to_string(), |found| format!("{found:?}"));
    expect![[r#"
        cannot create STAGE/cache/servers:
          Not a directory (os error 20);
          set HEIRLOOM_CACHE to a directory with room"#]]
    .assert_eq(&stage.hide(&text));
}
