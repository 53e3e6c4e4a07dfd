//! The use-table: which room may use which.
//!
//! Stands here and in ARCHITECTURE.md, word for word, so that neither changes alone: an arrow is a
//! decision. The table itself has rules: layers point inwards, no room reaches itself, and a few
//! arrows are forbidden on purpose.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::expect;

use super::source;

/// One row of the table.
pub(crate) struct Room {
    pub(crate) name: &'static str,
    /// `core`, `edge` or `shell`.
    pub(crate) kind: &'static str,
    /// The rooms it may use, as the table says it: names, `core`, `everything`, or a dash.
    uses: &'static str,
}

/// The table.
#[rustfmt::skip]
pub(crate) const ROOMS: &[Room] = &[
    row("policy", "core", "–"),
    row("op", "core", "policy"),
    row("program", "core", "op, policy"),
    row("contract", "core", "policy"),
    row("model", "core", "op, program, policy, contract"),
    row("protocol", "core", "op, program, policy"),
    row("trace", "core", "op, program, protocol, policy"),
    row("judge", "core", "op, program, model, trace, contract, policy"),
    row("known", "core", "program, judge, contract"),
    row("shrink", "core", "op, program, policy, model, judge"),
    row("provision", "edge", "program"),
    row("home", "edge", "policy, protocol"),
    row("server", "edge", "–"),
    row("mock_model", "edge", "program, protocol"),
    row("client", "edge", "protocol"),
    row("drive", "edge", "op, program, policy, protocol, trace, home, server, mock_model, client"),
    row("campaign", "shell", "core, provision, drive"),
    row("matrix", "shell", "core, provision, home, drive, campaign"),
    row("report", "shell", "campaign, matrix, known, judge, contract, program, trace, policy"),
    row("check", "shell", "core, provision, drive, home, campaign, report"),
    row("cli", "shell", "everything"),
];

/// Arrows that no change of the table may bring, each with what it would break.
pub(crate) const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("drive", "model", "the hand does not know the answer"),
    ("drive", "judge", "the hand does not know the answer"),
    ("drive", "contract", "the hand does not know the answer"),
    ("model", "protocol", "the model knows no spelling"),
    ("model", "trace", "the model knows nothing of what was seen"),
    ("report", "drive", "a report tells what was decided, and decides nothing"),
];

const fn row(name: &'static str, kind: &'static str, uses: &'static str) -> Room {
    Room { name, kind, uses }
}

/// The rooms that a room may use; none where the table does not know it.
pub(crate) fn uses(name: &str) -> BTreeSet<&'static str> {
    let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
        return BTreeSet::new();
    };
    let expand = |word: &'static str| -> Vec<&'static str> {
        match word {
            "–" => Vec::new(),
            "core" => core_rooms(),
            "everything" => ROOMS.iter().map(|room| room.name).collect(),
            name => vec![name],
        }
    };
    room.uses.split(", ").flat_map(expand).collect()
}

fn core_rooms() -> Vec<&'static str> {
    let core = ROOMS.iter().filter(|room| room.kind == "core");
    core.map(|room| room.name).collect()
}

/// The rows of the table in a markdown text: name, kind and uses.
fn rows_of(markdown: &str) -> Vec<String> {
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_matches('|');
        inner.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    markdown
        .lines()
        .skip_while(|line| cells(line) != ["room", "kind", "verb", "what it is", "may use"])
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| match cells(line).as_slice() {
            [name, kind, _, _, uses] => format!("{} {kind}: {uses}", name.trim_matches('`')),
            _ => format!("unreadable row: {line}"),
        })
        .collect()
}

/// What `lib.rs` declares.
fn modules_of(library: &str) -> BTreeSet<String> {
    let file = syn::parse_file(library).expect("lib.rs is Rust");
    let module = |item: &syn::Item| match item {
        syn::Item::Mod(module) => Some(module.ident.to_string()),
        _ => None,
    };
    file.items.iter().filter_map(module).collect()
}

#[test]
fn the_table_in_the_architecture_is_this_one() {
    let ours: Vec<String> =
        ROOMS.iter().map(|room| format!("{} {}: {}", room.name, room.kind, room.uses)).collect();
    assert_eq!(rows_of(&source::text("ARCHITECTURE.md")), ours);
}

#[test]
fn a_changed_row_in_the_architecture_is_seen() {
    let rows = rows_of(
        "| room | kind | verb | what it is | may use |\n\
         |---|---|---|---|---|\n\
         | `model` | core | allows | the reference world | plan, wire |\n\
         | `lost` | core |\n\
         \n\
         | `after` | core | is | not read | – |\n",
    );
    expect![[r#"
        model core: plan, wire
        unreadable row: | `lost` | core |"#]]
    .assert_eq(&rows.join("\n"));
}

#[test]
fn the_library_declares_the_rooms_and_no_others() {
    let ours: BTreeSet<String> = ROOMS.iter().map(|room| room.name.to_owned()).collect();
    assert_eq!(modules_of(&source::text("src/lib.rs")), ours);
    assert!(modules_of("pub mod shed;").contains("shed"));
}

#[test]
fn layers_point_inwards() {
    let kinds: BTreeMap<&str, &str> = ROOMS.iter().map(|room| (room.name, room.kind)).collect();
    let rank = |name: &str| ["core", "edge", "shell"].iter().position(|kind| *kind == kinds[name]);
    for room in ROOMS {
        for used in uses(room.name) {
            assert!(rank(used) <= rank(room.name), "{} uses {used}", room.name);
        }
    }
}

#[test]
fn no_room_reaches_itself() {
    for room in ROOMS.iter().filter(|room| room.uses != "everything") {
        let mut reached = uses(room.name);
        for _ in ROOMS {
            reached = reached.iter().flat_map(|name| uses(name)).chain(reached.clone()).collect();
        }
        assert!(!reached.contains(room.name), "{} reaches itself", room.name);
    }
}

#[test]
fn forbidden_arrows_are_not_in_the_table() {
    for (from, to, reason) in FORBIDDEN {
        assert!(!uses(from).contains(to), "{from} uses {to}: {reason}");
    }
    for room in ROOMS.iter().filter(|room| room.name != "cli") {
        assert!(!uses(room.name).contains("cli"), "{} uses cli", room.name);
    }
}
