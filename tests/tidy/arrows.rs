//! Arrows between rooms.
//!
//! A file of a room mentions only rooms that the table allows it; its test code may use every room
//! but `cli`, since a test may build its world with any of them. Names that lib.rs re-exports, and
//! `super` out of the room, are no way around the table. lib.rs and main.rs stand outside.

use expect_test::expect;

use super::mention::Mention;
use super::rooms::{FORBIDDEN, ROOMS, uses};
use super::source::{Complaint, Source, check};

/// Complains about each mention of a room that the table does not allow.
pub(crate) fn crossing(source: &Source) -> Vec<Complaint> {
    let Some(room) = source.room() else {
        return Vec::new();
    };
    if source.kind().is_none() {
        let says = format!("room `{room}` is not in the table of ARCHITECTURE.md");
        return vec![source.complaint(1, says)];
    }
    let judged = source.mentions.iter().filter_map(|mention| {
        let used = target(mention, source)?;
        let says = fault(room, used, mention.test)?;
        Some(source.complaint(mention.line, says))
    });
    judged.collect()
}

/// The name directly below the crate's root that a mention leads to.
fn target<'a>(mention: &'a Mention, source: &Source) -> Option<&'a str> {
    let supers = mention.path.iter().take_while(|word| *word == "super").count();
    if mention.path[0] == "crate" {
        return mention.path.get(1).map(String::as_str);
    }
    if supers == 0 || supers <= levels(&source.path) + mention.depth {
        return None;
    }
    mention.path.get(supers).map(String::as_str)
}

/// How many modules a file stands below its room's face.
fn levels(path: &str) -> usize {
    let below = path.trim_end_matches("/mod.rs");
    below.matches('/').count().saturating_sub(1)
}

fn fault(room: &str, used: &str, test: bool) -> Option<String> {
    if ROOMS.iter().all(|row| row.name != used) {
        return Some(format!("`crate::{used}` is no room; name the room it stands in"));
    }
    let allowed = if test { used != "cli" } else { uses(room).contains(used) };
    if used == room || allowed {
        return None;
    }
    let on_purpose = FORBIDDEN.iter().find(|(from, to, _)| (*from, *to) == (room, used));
    Some(match on_purpose {
        Some((_, _, reason)) => format!("`{room}` never uses `{used}`: {reason}"),
        None => format!("`{room}` may not use `{used}`; the table is in ARCHITECTURE.md"),
    })
}

#[test]
fn an_arrow_that_is_not_in_the_table_is_complained_of() {
    let bad = "use crate::{plan::Plan, model::World};\n\
               use super::judge;\n\
               fn go() -> crate::Case { vec![crate::cli::run()] }\n\
               #[cfg(test)]\n\
               mod tests { use super::go; use crate::shrink::Search; use crate::cli::Menu; }\n";
    check(
        crossing,
        "src/drive.rs",
        bad,
        expect![[r#"
        src/drive.rs:1: `drive` never uses `model`: the hand does not know the answer
        src/drive.rs:2: `drive` never uses `judge`: the hand does not know the answer
        src/drive.rs:3: `crate::Case` is no room; name the room it stands in
        src/drive.rs:3: `drive` may not use `cli`; the table is in ARCHITECTURE.md
        src/drive.rs:5: `drive` may not use `cli`; the table is in ARCHITECTURE.md
    "#]],
    );
}

#[test]
fn an_arrow_out_of_a_folder_is_complained_of() {
    let bad = "use super::Frame; use super::super::trace::Trace; use crate::model::World;";
    check(
        crossing,
        "src/model/arms.rs",
        bad,
        expect![[r#"
        src/model/arms.rs:1: `model` never uses `trace`: the model knows nothing of what was seen
    "#]],
    );
}

#[test]
fn a_room_that_is_not_in_the_table_is_complained_of() {
    check(
        crossing,
        "src/shed.rs",
        "fn keep() {}",
        expect![[r#"
        src/shed.rs:1: room `shed` is not in the table of ARCHITECTURE.md
    "#]],
    );
}

#[test]
fn what_the_table_allows_passes() {
    let good = "use crate::plan::Plan; use crate::contract::Clause; use self::arms::go;";
    check(crossing, "src/model.rs", good, expect![""]);
    check(crossing, "src/main.rs", "use heirloom::cli; fn main() {}", expect![""]);
}
