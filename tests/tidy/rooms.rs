//! The use-table: which room may use which.
//!
//! It stands in ARCHITECTURE.md alone, and is read from there. Layers point inwards, no two rooms
//! reach each other, and a few arrows are forbidden on purpose, whatever the table says. Test code
//! may use every room.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use expect_test::expect;

use super::circles::{Graph, circles};
use super::source::{Source, Tree};

/// Rooms that never use another, each with the reason.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("drive", "model", "the driver does not know the answer"),
    ("drive", "judge", "the driver does not know the answer"),
    ("drive", "contract", "the driver does not know the answer"),
    ("model", "protocol", "the model knows no JSON"),
    ("model", "trace", "the model knows no observations"),
    ("report", "drive", "a report decides nothing"),
    ("any room", "cli", "only main.rs does"),
];

const LAYERS: [&str; 3] = ["core", "edge", "shell"];

pub(crate) struct Table {
    rooms: BTreeMap<String, Room>,
}

pub(crate) struct Room {
    /// A place in [`LAYERS`].
    pub(crate) layer: usize,
    uses: BTreeSet<String>,
}

impl Table {
    pub(crate) fn of_the_architecture() -> Table {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/ARCHITECTURE.md");
        Table::parse(&fs::read_to_string(path).expect("ARCHITECTURE.md is in the tree"))
    }

    /// Reads the rows of a room, its layer, what it is and what it may use.
    fn parse(markdown: &str) -> Table {
        let mut rows: Vec<(String, usize, String)> = Vec::new();
        for line in markdown.lines() {
            let line = line.trim_matches('|').replace('`', "");
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            if let [room, layer, _, uses] = cells.as_slice()
                && let Some(layer) = LAYERS.iter().position(|name| name == layer)
            {
                rows.push(((*room).to_owned(), layer, (*uses).to_owned()));
            }
        }
        let up_to = |highest: usize| -> BTreeSet<String> {
            let within = rows.iter().filter(|(_, layer, _)| *layer <= highest);
            within.map(|(room, ..)| room.clone()).collect()
        };
        let used = |word: &str| match word {
            "–" => BTreeSet::new(),
            "core" => up_to(0),
            "everything" => up_to(2),
            room => BTreeSet::from([room.to_owned()]),
        };
        let room = |(name, layer, uses): &(String, usize, String)| {
            let mut uses: BTreeSet<String> = uses.split(", ").flat_map(used).collect();
            uses.remove(name);
            (name.clone(), Room { layer: *layer, uses })
        };
        Table { rooms: rows.iter().map(room).collect() }
    }

    pub(crate) fn room(&self, name: &str) -> Option<&Room> {
        self.rooms.get(name)
    }

    /// What is wrong with the table.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, room) in &self.rooms {
            for used in &room.uses {
                let forbidden = FORBIDDEN
                    .iter()
                    .find(|(from, to, _)| (from == name || *from == "any room") && to == used);
                if let Some((_, _, reason)) = forbidden {
                    faults.push(format!("the table lets `{name}` use `{used}`: {reason}"));
                }
                if self.room(used).is_none_or(|used| used.layer > room.layer) {
                    faults.push(format!("`{used}` is not in a layer that `{name}` may use"));
                }
            }
        }
        let graph: Graph = self
            .rooms
            .iter()
            .map(|(name, room)| (name.as_str(), room.uses.iter().map(String::as_str).collect()))
            .collect();
        faults
            .extend(circles(&graph).iter().map(|circle| format!("rooms in a circle: {circle:?}")));
        faults
    }

    /// The rooms that stand in the table or in `src`, and not in both.
    pub(crate) fn missing_rooms(&self, tree: &Tree) -> Vec<String> {
        let present: BTreeSet<&str> = tree.sources.values().filter_map(Source::room).collect();
        let listed: BTreeSet<&str> = self.rooms.keys().map(String::as_str).collect();
        let odd = present.symmetric_difference(&listed);
        odd.map(|room| format!("room `{room}` is in the table or in src, and not in both"))
            .collect()
    }

    /// The rooms that a file mentions and may not use, each with its first mention.
    pub(crate) fn forbidden_uses(&self, tree: &Tree) -> Vec<String> {
        tree.each(|source| {
            let mut complaints = BTreeMap::new();
            let name = source.room().unwrap_or_default();
            let Some(room) = self.room(name) else { return Vec::new() };
            for mention in source.mentions.iter().filter(|mention| !mention.test) {
                let Some(target) = tree.target(source, mention) else { continue };
                let used = tree.sources[target].room().unwrap_or("lib.rs");
                if used != name && !room.uses.contains(used) {
                    let path = mention.segments.join("::");
                    let problem = format!("`{name}` may not use `{used}` ({path})");
                    complaints.entry(used).or_insert(source.complaint(mention.line, problem));
                }
            }
            complaints.into_values().collect()
        })
    }
}

fn example() -> Table {
    Table::parse(
        "| room | kind | what it is | may use |\n|---|---|---|---|\n\
         | `policy` | core | values | – |\n\
         | `model` | core | the world | policy |\n\
         | `drive` | edge | the driver | model, report |\n\
         | `report` | shell | output | core, drive, cli |\n| `cli` | shell | arguments | everything |\n",
    )
}

#[test]
fn a_table_with_forbidden_arrows_circles_and_outward_arrows_is_complained_of() {
    expect![[r#"
        the table lets `drive` use `model`: the driver does not know the answer
        `report` is not in a layer that `drive` may use
        the table lets `report` use `cli`: only main.rs does
        the table lets `report` use `drive`: a report decides nothing
        rooms in a circle: {"cli", "drive", "report"}
    "#]]
    .assert_eq(&format!("{}\n", example().faults().join("\n")));
}

#[test]
fn an_arrow_that_is_not_in_the_table_and_a_room_outside_of_it_are_complained_of() {
    let files = [
        ("src/lib.rs", "pub mod policy; pub mod model; pub mod shed;"),
        ("src/policy.rs", "pub struct Policy;"),
        ("src/model.rs", "use crate::policy::Policy; use super::shed::Spade; use crate::Check;"),
        (
            "src/policy/order.rs",
            "fn f() -> super::super::model::World {}\n#[cfg(test)] use crate::model;",
        ),
        ("src/shed.rs", "struct Spade;"),
    ];
    let tree = Tree::new(files.map(|(path, text)| Source::parse(path, text)));
    let table = example();
    let complaints = [table.missing_rooms(&tree), table.forbidden_uses(&tree)].concat();
    expect![[r#"
        room `cli` is in the table or in src, and not in both
        room `drive` is in the table or in src, and not in both
        room `report` is in the table or in src, and not in both
        room `shed` is in the table or in src, and not in both
        src/model.rs:1: `model` may not use `lib.rs` (crate::Check)
        src/model.rs:1: `model` may not use `shed` (super::shed::Spade)
        src/policy/order.rs:1: `policy` may not use `model` (super::super::model::World)
    "#]]
    .assert_eq(&format!("{}\n", complaints.join("\n")));
}
