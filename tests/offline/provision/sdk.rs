//! The Python SDK, provided by a Python that is a script: no network, and no real SDK.

use std::fs;
use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;

use expect_test::{Expect, expect};
use zip::write::SimpleFileOptions;

use super::stage::{Stage, stage};
use heirloom::provision::python::Pythons;
use heirloom::provision::sdk::{list, provide_by};

/// A Python with pip, the SDK 9.9.9 and what that needs. It keeps what pip is asked in `asked`.
const PYTHON: &str = r#"#!/bin/sh
case "$*" in
*version_info*) echo "3.11.7 $0" ;;
*openai_codex.__version__*) echo 9.9.9 ;;
"-m pip index"*) echo index >> STAGE/asked; echo 'Available versions: 9.9.9, 9.9.8' ;;
"-m pip download"*"--no-deps"*) echo own >> STAGE/asked; cp STAGE/wheel.whl "$7/openai_codex-9.9.9.whl" ;;
"-m pip download"*) echo "needs" "$8" >> STAGE/asked; echo wheel > "$7/pydantic-2.whl" ;;
"-m pip install"*) echo install >> STAGE/asked; mkdir -p "$8"; echo sdk > "$8/openai_codex.py" ;;
"-m venv"*) mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
esac
"#;

/// A Python whose pip says this and fails.
fn failing(said: &str) -> String {
    let fails = format!("\"-m pip\"*) echo '{said}' >&2; exit 1 ;;\n\"-m pip index\"*)");
    PYTHON.replacen("\"-m pip index\"*)", &fails, 1)
}

/// Provides what the word names with this Python, or with none where its script is empty.
fn provide(stage: &Stage, python: &str, spec: &str) -> String {
    let place = stage.path.join("python");
    let root = stage.path.display().to_string();
    fs::write(&place, python.replace("STAGE", &root)).expect("the stage can be written");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let command = if python.is_empty() { "/nowhere/python".into() } else { place };
    let pythons = Pythons(vec![vec![command.display().to_string()]]);
    let spec = spec.parse().expect("the test names a client");
    let end = provide_by(&pythons, &spec, &stage.cache(), &mut |_| ControlFlow::Continue(()));
    let end = match end {
        Ok(sdk) => format!("{} {} by {}", sdk.client, sdk.version, sdk.python.display()),
        Err(error) => format!("error {}: {error}", if error.is_usage() { 2 } else { 3 }),
    };
    let asked = fs::read_to_string(stage.path.join("asked")).unwrap_or_default();
    let clients = stage.path.join("cache/clients");
    let kept = clients.read_dir().into_iter().flatten().flatten();
    let mut kept: Vec<_> =
        kept.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    kept.sort();
    let listed: Vec<String> = list(&stage.cache())
        .expect("the cache can be read")
        .iter()
        .map(|sdk| format!("{} for Python {}", sdk.version, sdk.python))
        .collect();
    let asked: Vec<&str> = asked.lines().collect();
    let shown = format!("{end}\nasked {asked:?} listed {listed:?} kept {kept:?}\n");
    shown.replace(&root, "STAGE").replace("; ", ";\n  ")
}

/// A stage with the wheel of the SDK.
fn sdk_stage() -> Stage {
    let stage = stage("", "");
    let mut wheel = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let name = "openai_codex-9.9.9.dist-info/METADATA";
    wheel.start_file(name, SimpleFileOptions::default()).expect("memory can be written");
    let needs = "Requires-Dist: pydantic>=2.12\nRequires-Dist: openai-codex-cli-bin==9.9.9\n\
                 Requires-Dist: x ; extra == 'dev'\n";
    wheel.write_all(needs.as_bytes()).expect("memory can be written");
    let bytes = wheel.finish().expect("memory can be written").into_inner();
    fs::write(stage.path.join("wheel.whl"), bytes).expect("the stage can be written");
    stage
}

fn check(python: &str, spec: &str, expected: Expect) {
    expected.assert_eq(&provide(&sdk_stage(), python, spec));
}

#[test]
fn pip_brings_the_newest_sdk_without_its_server() {
    check(
        PYTHON,
        "python-async",
        expect![[r#"
        python-async 9.9.9 by STAGE/cache/clients/python-9.9.9-py3.11/bin/python
        asked ["index", "own", "needs pydantic>=2.12", "install"] listed ["9.9.9 for Python 3.11"] kept ["lock", "python-9.9.9-py3.11"]
    "#]],
    );
}

#[test]
fn a_kept_sdk_needs_no_network_and_one_that_suffered_is_fetched_again() {
    let stage = sdk_stage();
    provide(&stage, PYTHON, "python=9.9.9");
    let offline = failing("Failed to establish a new connection");
    let named = provide(&stage, &offline, "python=9.9.9");
    let newest = provide(&stage, &offline, "python");
    let entry = stage.path.join("cache/clients/python-9.9.9-py3.11");
    let module = entry.join("lib/python3.11/site-packages/openai_codex.py");
    fs::remove_file(module).expect("it is ours");
    let damaged = provide(&stage, PYTHON, "python=9.9.9");
    expect![[r#"
        python 9.9.9 by STAGE/cache/clients/python-9.9.9-py3.11/bin/python
        asked ["own", "needs pydantic>=2.12", "install"] listed ["9.9.9 for Python 3.11"] kept ["lock", "python-9.9.9-py3.11"]
        python 9.9.9 by STAGE/cache/clients/python-9.9.9-py3.11/bin/python
        asked ["own", "needs pydantic>=2.12", "install"] listed ["9.9.9 for Python 3.11"] kept ["lock", "python-9.9.9-py3.11"]
        python 9.9.9 by STAGE/cache/clients/python-9.9.9-py3.11/bin/python
        asked ["own", "needs pydantic>=2.12", "install", "own", "needs pydantic>=2.12", "install"] listed ["9.9.9 for Python 3.11"] kept ["lock", "python-9.9.9-py3.11"]
    "#]].assert_eq(&[named, newest, damaged].concat());
}

#[test]
fn without_a_python_the_error_says_what_to_do() {
    check(
        "",
        "python",
        expect![[r#"
        error 3: cannot run the Python SDK: no Python was found;
          install Python 3.10 or newer
        asked [] listed [] kept []
    "#]],
    );
}

#[test]
fn an_old_python_is_named() {
    check(
        &PYTHON.replace("3.11.7", "3.9.18"),
        "python",
        expect![[r#"
        error 3: cannot run the Python SDK: the Python found is 3.9.18, and the SDK needs 3.10 or newer;
          install one
        asked [] listed [] kept []
    "#]],
    );
}

#[test]
fn a_python_without_pip_is_named() {
    check(
        &failing("/usr/bin/python3: No module named pip"),
        "python",
        expect![[r#"
        error 3: cannot fetch openai-codex: Python 3.11 has no pip;
          install it, as with `python3 -m ensurepip`
        asked [] listed [] kept []
    "#]],
    );
}

#[test]
fn without_a_network_the_error_says_so() {
    check(
        &failing("Failed to establish a new connection"),
        "python=9.9.9",
        expect![[r#"
        error 3: cannot fetch openai-codex: no package registry can be reached;
          check the network, or name a release that `heirloom clients` lists
          pip: Failed to establish a new connection
        asked [] listed [] kept ["lock"]
    "#]],
    );
}

#[test]
fn a_release_that_is_not_published_is_a_usage_error_with_the_newest() {
    let unknown = "ERROR: No matching distribution found for openai-codex==1.1.1";
    let fails =
        format!("\"-m pip download\"*) echo '{unknown}' >&2; exit 1 ;;\n\"-m pip index\"*)");
    let python = PYTHON.replacen("\"-m pip index\"*)", &fails, 1);
    check(
        &python,
        "python=1.1.1",
        expect![[r#"
        error 2: openai-codex 1.1.1 is not published, and 9.9.9 is the newest;
          name another
        asked ["index"] listed [] kept ["lock"]
    "#]],
    );
}

#[test]
fn a_wheel_unlike_its_pinned_digest_is_refused() {
    let stage = sdk_stage();
    let shown = provide(&stage, PYTHON, "python=0.163.0");
    let (before, digest) = shown.split_once("its digest is ").expect("it is refused");
    expect![[r#"
        error 3: cannot trust the wheel of openai-codex 0.163.0: its digest is , ci/clients.lock says d151e3ff8188bc2c07a962855d598b93bf87a49ec3440810e45a5f2e1167d99e;
          nothing was kept;
          try again
        asked ["own"] listed [] kept ["lock"]
    "#]].assert_eq(&format!("{before}its digest is {}", &digest[64..]));
}

#[test]
fn an_sdk_that_cannot_be_imported_leaves_nothing() {
    let python = PYTHON.replace("echo 9.9.9 ;;", "echo 'ImportError: no' >&2; exit 1 ;;");
    check(
        &python,
        "python=9.9.9",
        expect![[r#"
        error 3: cannot use openai-codex 9.9.9: ImportError: no;
          nothing was kept;
          name another release
        asked ["own", "needs pydantic>=2.12", "install"] listed [] kept ["lock"]
    "#]],
    );
}
