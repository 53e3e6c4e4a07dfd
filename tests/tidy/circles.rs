//! Circles of files: two files that import each other, directly or through others.
//!
//! A parent that only declares `mod child;` does not import it. Test code does not count: tests
//! stand below what they test.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::expect;

use super::source::{Source, Tree};

/// What each file or room imports.
pub(crate) type Graph<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

pub(crate) fn complaints(tree: &Tree) -> Vec<String> {
    let graph = imports(tree);
    let circles = circles(&graph);
    let complaint = |circle: &BTreeSet<&str>| {
        let lines = circle.iter().map(|file| {
            let used: Vec<&str> = graph[file].intersection(circle).copied().collect();
            format!("\n  {file} imports {}", used.join(", "))
        });
        format!("{} files in a circle:{}", circle.len(), lines.collect::<String>())
    };
    circles.iter().map(complaint).collect()
}

/// The files of which each file imports something, itself not counted.
fn imports(tree: &Tree) -> Graph<'_> {
    let of_source = |source: &Source| {
        let code = source
            .mentions
            .iter()
            .filter(|mention| !(mention.test && source.path.starts_with("src/")));
        let targets = code.filter_map(|mention| tree.target(source, mention));
        targets.filter(|target| *target != source.path).collect()
    };
    tree.sources.iter().map(|(path, source)| (path.as_str(), of_source(source))).collect()
}

/// The sets of nodes that all reach each other, those of a single node left out.
pub(crate) fn circles<'a>(graph: &Graph<'a>) -> BTreeSet<BTreeSet<&'a str>> {
    let reached: Graph = graph.keys().map(|node| (*node, reached_from(graph, node))).collect();
    let around = |node: &&'a str| -> BTreeSet<&'a str> {
        let returns = |other: &&&str| reached.get(**other).is_some_and(|back| back.contains(node));
        reached[node].iter().filter(returns).copied().collect()
    };
    graph.keys().map(around).filter(|circle| circle.len() > 1).collect()
}

fn reached_from<'a>(graph: &Graph<'a>, start: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![start];
    while let Some(node) = waiting.pop() {
        let used = graph.get(node).into_iter().flatten();
        waiting.extend(used.filter(|used| reached.insert(**used)));
    }
    reached
}

#[test]
fn circles_within_and_across_rooms_are_complained_of() {
    let files = [
        ("src/lib.rs", "pub mod drive; pub mod judge;"),
        ("src/drive.rs", "mod steps; mod turns; fn go() { steps::go() }"),
        ("src/drive/steps.rs", "use super::turns::Turn; use crate::judge::Cell;"),
        ("src/drive/turns.rs", "use super::Run;"),
        ("src/judge.rs", "mod compare; #[cfg(test)] mod tests;"),
        ("src/judge/compare.rs", "use super::Cell; fn f() { say!(crate::drive::Run) }"),
        ("src/judge/tests.rs", "use super::judge;"),
    ];
    let tree = Tree::new(files.map(|(path, text)| Source::parse(path, text)));
    expect![[r#"
        3 files in a circle:
          src/drive.rs imports src/drive/steps.rs
          src/drive/steps.rs imports src/drive/turns.rs
          src/drive/turns.rs imports src/drive.rs"#]]
    .assert_eq(&complaints(&tree).join("\n"));
}
