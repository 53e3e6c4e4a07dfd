//! A list of the old form in the new one.
//!
//! Rows of the old form that share reason, releases and homes are about one cause, and become one
//! row, with the case of the first. The facts of the cause are not in the old form: a person adds
//! them, or a run does.

use super::ids::{of_title, unused};
use super::row_text::{RowText, WIDENING};
use super::{Known, Row};

/// The text of the list in the new form, with the comments at its head.
pub fn converted(text: &str, known: &Known) -> String {
    let is_head = |line: &&str| line.trim().is_empty() || line.starts_with('#');
    let head: Vec<&str> = text.lines().take_while(is_head).collect();
    let head = head.join("\n");
    // The comment about a widening belongs to the row below it.
    let head = head.trim_end().trim_end_matches(WIDENING).trim_end();
    let mut parts: Vec<String> = (!head.is_empty()).then(|| head.to_owned()).into_iter().collect();
    let widens = |line: usize| line > 1 && text.lines().nth(line - 2) == Some(WIDENING);
    let causes = causes(known);
    let lines = causes.iter().map(|cause| {
        let widened = cause.lines.iter().any(|line| widens(*line));
        RowText::of(&cause.row, widened).lines().join("\n")
    });
    parts.extend(lines);
    format!("{}\n", parts.join("\n\n"))
}

/// A row, and where the rows that it was made of begin.
struct Merged {
    row: Row,
    lines: Vec<usize>,
}

fn causes(known: &Known) -> Vec<Merged> {
    let mut causes: Vec<Merged> = Vec::new();
    for row in &known.rows {
        match causes.iter_mut().find(|cause| is_same(&cause.row, row)) {
            None => causes.push(Merged { row: row.clone(), lines: vec![row.line] }),
            Some(cause) => cause.take(row),
        }
    }
    let mut named: Vec<String> = Vec::new();
    for cause in &mut causes {
        if cause.lines.len() > 1 {
            cause.row.id = of_title(&cause.row.title);
        }
        cause.row.id = unused(&cause.row.id, &named);
        named.push(cause.row.id.clone());
    }
    causes
}

/// Whether two rows are about one cause. What is about a value is apart from what is not.
fn is_same(one: &Row, other: &Row) -> bool {
    let about_value = |row: &Row| !row.scope.dimensions.is_empty();
    one.title == other.title
        && one.scope.facts == other.scope.facts
        && about_value(one) == about_value(other)
        && (&one.reason, &one.link) == (&other.reason, &other.link)
        && (&one.releases, &one.from) == (&other.releases, &other.from)
        && one.expires == other.expires
}

impl Merged {
    fn take(&mut self, row: &Row) {
        let (scope, more) = (&mut self.row.scope, row.scope.clone());
        scope.clauses.extend(more.clauses);
        scope.operations.extend(more.operations);
        scope.dimensions.extend(more.dimensions);
        scope.expected.extend(more.expected);
        scope.wrong.extend(more.wrong);
        scope.seen.extend(more.seen);
        self.lines.push(row.line);
        // The case of a row that shows each time is the better one.
        if self.row.racy && !row.racy {
            self.row.racy = false;
            self.row.case.clone_from(&row.case);
        }
    }
}
