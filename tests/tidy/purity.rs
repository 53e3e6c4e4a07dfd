//! Files, processes, the terminal, the clock and chance: each only where the design has it.
//!
//! Core rooms mention none of them. Test code is free of these rules.

use expect_test::expect;

use super::rooms::Table;
use super::source::Source;

/// What a core room does not touch, each with everything below it.
const IMPURE: &str = "std::env std::fs std::io::stderr std::io::stdin std::io::stdout std::net \
                      std::os std::process std::thread crossbeam_channel hyper hyper_util indicatif \
                      nix signal_hook tempfile tokio eprint! eprintln! print! println!";

/// Crates that draw at random.
const CHANCE: [&str; 5] = ["arbitrary", "proptest", "rand", "fastrand", "getrandom"];

pub(crate) fn complaints(source: &Source, table: &Table) -> Vec<String> {
    let Some(name) = source.room() else { return Vec::new() };
    let layer = table.room(name).map(|room| room.layer);
    let mut complaints = Vec::new();
    for mention in source.mentions.iter().filter(|mention| !mention.test) {
        let path = mention.segments.join("::");
        let first = mention.segments[0].as_str();
        let dated = ["campaign", "power", "cli"].contains(&name);
        let is_below = |outside: &str| format!("{path}::").starts_with(&format!("{outside}::"));
        let problem = if layer == Some(0) && IMPURE.split(' ').any(is_below) {
            "core rooms are pure"
        } else if name != "program" && path.contains("::") && CHANCE.contains(&first) {
            "chance is drawn only in `program`"
        } else if path.ends_with("Instant") && !dated && layer != Some(1) {
            "deadlines are kept at the edge"
        } else if path.ends_with("SystemTime") && !dated {
            "only `campaign` and `cli` know the date"
        } else {
            continue;
        };
        complaints.push(source.complaint(mention.line, format!("`{path}`: {problem}")));
    }
    complaints
}

#[test]
fn a_room_that_reaches_for_what_it_must_not_is_complained_of() {
    let text = "use std::{fmt, fs::File};\n\
                fn show() { println!(\"{}\", std::env::args().count()); tokio::spawn(go()); }\n\
                use proptest::strategy::Strategy;\n\
                use std::time::{Duration, Instant, SystemTime};\n\
                #[cfg(test)] mod tests { use std::fs; }\n";
    let table = Table::of_the_architecture();
    let complaints = |path| complaints(&Source::parse(path, text), &table).join("\n");
    expect![[r#"
        src/judge.rs:1: `std::fs::File`: core rooms are pure
        src/judge.rs:2: `println!`: core rooms are pure
        src/judge.rs:2: `std::env::args`: core rooms are pure
        src/judge.rs:2: `tokio::spawn`: core rooms are pure
        src/judge.rs:3: `proptest::strategy::Strategy`: chance is drawn only in `program`
        src/judge.rs:4: `std::time::Instant`: deadlines are kept at the edge
        src/judge.rs:4: `std::time::SystemTime`: only `campaign` and `cli` know the date
    "#]]
    .assert_eq(&format!("{}\n", complaints("src/judge.rs")));
    expect![[r#"
        src/server.rs:3: `proptest::strategy::Strategy`: chance is drawn only in `program`
        src/server.rs:4: `std::time::SystemTime`: only `campaign` and `cli` know the date
    "#]]
    .assert_eq(&format!("{}\n", complaints("src/server.rs")));
}
