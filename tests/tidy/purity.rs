//! What stays at the edge: files, processes, the clock, chance, the terminal.
//!
//! Core rooms are pure: they mention none of them. Chance is drawn only in `op`. `Instant`, which a
//! deadline needs, lives in edge rooms and in `campaign`; `SystemTime`, the date, only in
//! `campaign` and `cli`. Test code is free of these rules, as it is of the use-table.

use expect_test::expect;

use super::mention::Mention;
use super::source::{Complaint, Source, check};

/// What a core room may not touch, each with everything below it.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "crossbeam_channel",
    "hyper",
    "hyper_util",
    "indicatif",
    "nix",
    "signal_hook",
    "tempfile",
    "tokio",
    "eprint",
    "eprintln",
    "print",
    "println",
];

/// Crates that draw at random.
const CHANCE: &[&str] = &["arbitrary", "proptest", "rand", "fastrand", "getrandom"];

/// Complains about a core room that reaches outside.
pub(crate) fn core(source: &Source) -> Vec<Complaint> {
    if source.kind() != Some("core") {
        return Vec::new();
    }
    mentioned(source, |mention| {
        let reaches = IMPURE.iter().any(|outside| mention.is_below(outside));
        reaches.then(|| format!("core rooms are pure, and `{}` is not", mention.text()))
    })
}

/// Complains about chance outside `op`.
pub(crate) fn chance(source: &Source) -> Vec<Complaint> {
    if source.room() == Some("op") {
        return Vec::new();
    }
    mentioned(source, |mention| {
        let draws = mention.path.len() > 1 && CHANCE.contains(&mention.path[0].as_str());
        draws.then(|| format!("`{}`: chance is drawn only in `op`", mention.text()))
    })
}

/// Complains about a clock where none may stand.
pub(crate) fn clock(source: &Source) -> Vec<Complaint> {
    let (Some(room), Some(kind)) = (source.room(), source.kind()) else {
        return Vec::new();
    };
    let dated = ["campaign", "cli"].contains(&room);
    let timed = dated || kind == "edge";
    mentioned(source, |mention| {
        let names = |clock: &str| mention.path.iter().any(|segment| segment == clock);
        if names("Instant") && !timed {
            return Some(format!("`Instant` in `{room}`: deadlines are kept at the edge"));
        }
        (names("SystemTime") && !dated)
            .then(|| format!("`SystemTime` in `{room}`: only `campaign` and `cli` know the date"))
    })
}

fn mentioned(source: &Source, fault: impl Fn(&Mention) -> Option<String>) -> Vec<Complaint> {
    let code = source.mentions.iter().filter(|mention| !mention.test);
    code.filter_map(|mention| Some(source.complaint(mention.line, fault(mention)?))).collect()
}

#[test]
fn a_core_room_that_reaches_outside_is_complained_of() {
    let bad = "use std::{fmt, fs::File};\n\
               fn tell() { println!(\"{}\", std::env::args().count()); tokio::spawn(go()); }\n\
               #[cfg(test)] mod tests { use std::fs; }\n";
    check(
        core,
        "src/judge.rs",
        bad,
        expect![[r#"
        src/judge.rs:1: core rooms are pure, and `std::fs::File` is not
        src/judge.rs:2: core rooms are pure, and `println` is not
        src/judge.rs:2: core rooms are pure, and `std::env::args` is not
        src/judge.rs:2: core rooms are pure, and `tokio::spawn` is not
    "#]],
    );
    check(core, "src/server.rs", bad, expect![""]);
}

#[test]
fn chance_outside_op_is_complained_of() {
    let bad = "use proptest::strategy::Strategy;\n#[derive(arbitrary::Arbitrary)] struct Toss;\n";
    check(
        chance,
        "src/drive.rs",
        bad,
        expect![[r#"
        src/drive.rs:1: `proptest::strategy::Strategy`: chance is drawn only in `op`
        src/drive.rs:2: `arbitrary::Arbitrary`: chance is drawn only in `op`
    "#]],
    );
    check(chance, "src/op/shape.rs", bad, expect![""]);
}

#[test]
fn a_clock_in_the_wrong_room_is_complained_of() {
    let bad = "use std::time::{Duration, Instant};\nfn now() { time::SystemTime::now(); }\n";
    check(
        clock,
        "src/model.rs",
        bad,
        expect![[r#"
        src/model.rs:1: `Instant` in `model`: deadlines are kept at the edge
        src/model.rs:2: `SystemTime` in `model`: only `campaign` and `cli` know the date
    "#]],
    );
    check(
        clock,
        "src/client.rs",
        bad,
        expect![[r#"
        src/client.rs:2: `SystemTime` in `client`: only `campaign` and `cli` know the date
    "#]],
    );
    check(clock, "src/campaign.rs", bad, expect![""]);
}
