//! Which releases there are, which of them stay in the cache, and which go.
//!
//! The clients are scripts, and so is each release in the cache, which has the age that a test
//! says.

use std::fs::{self, FileTimes};
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use expect_test::{Expect, expect};

use crate::provision::stage::{CODEX, NPM_FAILS, NPM_UNKNOWN, PIP, Stage, stage};
use heirloom::provision::fetch::provide_by;
use heirloom::provision::prune::{Keep, Pruned, prune};
use heirloom::provision::resolve::{Every, servers};
use heirloom::provision::{Cache, Error, Executable, Progress, Spec, list};

/// npm that lists releases, and one that has no package; it brings what the stage has.
const NPM_LISTS: &str = r#"
case "$3" in
versions) cat list ;;
dist-tags.latest) echo '"9.9.9-linux-x64"' ;;
*) case "$1" in
    view) cat integrity ;;
    pack) cp package.tgz "$7/openai-codex-9.9.9.tgz" ;;
    esac ;;
esac
"#;

/// What the words name on this stage.
fn check_servers(stage: &Stage, words: &[&str], expected: Expect) {
    let spans: Result<Vec<_>, Error> = words.iter().map(|word| word.parse()).collect();
    let found = spans.and_then(|spans| {
        servers(&stage.clients, &spans, Every::Release, &mut |_| ControlFlow::Continue(()))
    });
    let text = match found {
        Ok(specs) => specs.iter().map(Spec::to_string).collect::<Vec<_>>().join(" "),
        Err(error) => format!("error {}: {error}", if error.is_usage() { 2 } else { 3 }),
    };
    expected.assert_eq(&stage.hide(&text));
}

fn listing(npm: &str) -> Stage {
    let stage = stage(npm, PIP);
    let platforms = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"];
    let tagged = ["9.9.7", "9.9.8", "9.9.9"]
        .into_iter()
        .flat_map(|release| platforms.map(|platform| format!("\"{release}-{platform}\"")));
    let list = ["\"9.9.6\"".to_owned()].into_iter().chain(tagged).collect::<Vec<_>>().join(",");
    fs::write(stage.path.join("list"), format!("[{list}]\n")).expect("the stage can be written");
    stage
}

#[test]
fn a_range_is_of_what_npm_has_for_the_platform() {
    check_servers(&listing(NPM_LISTS), &["9.9.6..9.9.8"], expect!["9.9.7 9.9.8"]);
}

#[test]
fn releases_come_in_order_and_once_and_paths_after_them() {
    let words = ["./codex", "latest", "9.9.8..9.9.9", "9.9.1", "./codex"];
    check_servers(&listing(NPM_LISTS), &words, expect!["9.9.1 9.9.8 9.9.9 ./codex"]);
}

#[test]
fn without_npm_a_range_is_of_what_pip_has() {
    check_servers(&listing(""), &["9.9"], expect!["9.9.8 9.9.9"]);
}

#[test]
fn a_range_of_nothing_says_what_there_is() {
    check_servers(
        &listing(NPM_LISTS),
        &["9.7..9.8"],
        expect![[r#"
            error 2:
              no release in 9.7..9.8 is published for this platform;
              they go from 9.9.7 to 9.9.9"#]],
    );
}

#[test]
fn a_range_that_cannot_be_looked_up_says_so() {
    let stage = stage(NPM_FAILS, "echo 'ERROR: no network' >&2; exit 1");
    check_servers(
        &stage,
        &["9.9"],
        expect![[r#"
            error 3:
              cannot fetch codex releases:
              no package registry can be reached;
              check the network, or pass --server PATH or set HEIRLOOM_SERVER
              npm:
              code ENOTFOUND
              pip:
              no network"#]],
    );
}

/// A stage whose cache has these releases, the first used longest ago.
fn kept(versions: &[&str]) -> Stage {
    let stage = stage(NPM_UNKNOWN, PIP);
    for (index, version) in (0..).zip(versions) {
        stage.npm(NPM_LISTS);
        stage.package(&CODEX.replace("9.9.9", version));
        drop(fetch(&stage, &stage.cache(), version));
        let manifest = stage.entry_of(version).join("heirloom.toml");
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 + index);
        let times = FileTimes::new().set_modified(long_ago);
        let file = fs::File::options().write(true).open(manifest).expect("it is ours");
        file.set_times(times).expect("it is ours");
    }
    stage
}

fn fetch(stage: &Stage, cache: &Cache, version: &str) -> (Executable, Vec<String>) {
    let spec = version.parse().expect("it is a version");
    let mut freed = Vec::new();
    let found = provide_by(&stage.clients, &spec, cache, &mut |progress| {
        if let Progress::Freed { version, .. } = progress {
            freed.push(version.to_string());
        }
        ControlFlow::Continue(())
    });
    (found.expect("the stage has it"), freed)
}

/// What pruning leaves on a stage.
fn check_prune(stage: &Stage, keep: &Keep, expected: Expect) {
    let end = prune(&stage.cache(), keep, &mut |_| ControlFlow::Continue(()));
    let text = match end {
        Ok(Pruned { freed, in_use, left }) => {
            let freed: Vec<_> = freed
                .iter()
                .map(|one| one.version.as_ref().map_or("broken".to_owned(), ToString::to_string))
                .collect();
            let in_use: Vec<_> = in_use.iter().map(ToString::to_string).collect();
            format!("freed [{}] in use [{}] left {left}", freed.join(" "), in_use.join(" "))
        }
        Err(error) => error.to_string(),
    };
    let listed = list(&stage.cache()).expect("the cache can be listed");
    let listed: Vec<_> = listed.iter().map(|one| one.version.to_string()).collect();
    expected.assert_eq(&format!("{}\nlisted [{}]", stage.hide(&text), listed.join(" ")));
}

#[test]
fn what_was_not_used_for_longest_goes_first() {
    check_prune(
        &kept(&["9.9.8", "9.9.7", "9.9.9"]),
        &Keep::Last(1),
        expect![[r#"
            freed [9.9.8 9.9.7] in use [] left 33
            listed [9.9.9]"#]],
    );
}

#[test]
fn a_size_is_kept_to() {
    check_prune(
        &kept(&["9.9.8", "9.9.7", "9.9.9"]),
        &Keep::Within(70),
        expect![[r#"
            freed [9.9.8] in use [] left 66
            listed [9.9.7 9.9.9]"#]],
    );
}

#[test]
fn a_release_in_use_stays() {
    let stage = kept(&["9.9.7", "9.9.8"]);
    let held = fetch(&stage, &stage.cache(), "9.9.7").0;
    let spans = vec!["9.9".parse().expect("it is a range")];
    check_prune(
        &stage,
        &Keep::Without(spans),
        expect![[r#"
            freed [9.9.8] in use [9.9.7] left 33
            listed [9.9.7]"#]],
    );
    drop(held);
    check_prune(
        &stage,
        &Keep::Last(0),
        expect![[r#"
            freed [9.9.7] in use [] left 0
            listed []"#]],
    );
}

#[test]
fn a_broken_entry_goes_in_any_case() {
    let stage = kept(&["9.9.7", "9.9.8"]);
    fs::remove_file(stage.entry_of("9.9.7").join("heirloom.toml")).expect("it is ours");
    check_prune(
        &stage,
        &Keep::Last(9),
        expect![[r#"
            freed [broken] in use [] left 33
            listed [9.9.8]"#]],
    );
}

#[test]
fn a_release_that_is_not_there_cannot_go() {
    check_prune(
        &kept(&["9.9.7"]),
        &Keep::Without(vec!["9.9.8".parse().expect("it is a release")]),
        expect![[r#"
            cannot free 9.9.8:
              it is not in the cache;
              `heirloom servers` lists what is
            listed [9.9.7]"#]],
    );
}

#[test]
fn a_fetch_keeps_to_the_limit_and_never_frees_what_it_brought() {
    let stage = kept(&["9.9.7", "9.9.8"]);
    stage.package(CODEX);
    let (found, freed) = fetch(&stage, &stage.cache().within(40), "9.9.9");
    let listed = list(&stage.cache()).expect("the cache can be listed");
    let listed: Vec<_> = listed.iter().map(|one| one.version.to_string()).collect();
    expect![[r#"freed ["9.9.7", "9.9.8"] listed ["9.9.9"] runs true"#]]
        .assert_eq(&format!("freed {freed:?} listed {listed:?} runs {}", found.path.exists()));
}
