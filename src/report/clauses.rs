//! The contract for a reader.
//!
//! All clauses in their sections, or one with what its strengths and sources mean. Prints the rows
//! as they stand; a clause's id begins every line about it.

use super::style::{Color, Style};
use super::words;
use crate::contract::{Clause, Row, Strength, all, row, source_meaning};
use crate::policy::Dimension;

/// Where a clause's words begin.
const INDENT: usize = 14;

/// The whole contract.
pub fn list(paint: &Style) -> String {
    let mut text = String::new();
    let mut section = "";
    for row in all() {
        if row.section != section {
            section = row.section;
            let gap = if text.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{gap}{}\n", paint.ink(Color::Strong, section)));
        }
        text.push_str(&brief(row, paint));
    }
    text.push_str("\nStrengths: how firmly the sources stand behind a clause\n");
    for strength in [Strength::N, Strength::D, Strength::I, Strength::S] {
        text.push_str(&paint.row(&strength.to_string(), strength.meaning()));
    }
    text.push_str("\n`heirloom clauses R4` tells one clause in full, with its sources.\n");
    text
}

/// One clause in full.
pub fn one(clause: Clause, paint: &Style) -> String {
    let row = row(clause);
    let head = paint.ink(Color::Strong, &clause.to_string());
    let mut text = format!("{head}  {}\n\n", row.section);
    text.push_str(&format!("{}\n\n", paint.wrap("  ", "  ", row.text)));
    text.push_str("Strength: how firmly the sources stand behind it\n");
    text.push_str(&strength("otherwise", row.default, row, paint));
    for (dimension, one) in row.exceptions {
        let label = dimension.to_string();
        text.push_str(&strength(&label, *one, row, paint));
    }
    text.push_str("\nSources\n");
    for source in row.sources {
        let meaning = source_meaning(source).unwrap_or_default();
        text.push_str(&paint.wrap("  ", "      ", &format!("{source}: {meaning}")));
        text.push('\n');
    }
    text.push_str("\nDimensions\n");
    let named = dimensions(row);
    if named.is_empty() {
        text.push_str(
            "  none of its own: it is about each that its operation touches, or about none\n",
        );
    }
    for one in named {
        text.push_str(&paint.row(&one.to_string(), words::dimension(one)));
    }
    text
}

/// A clause as it stands in the list.
fn brief(row: &Row, paint: &Style) -> String {
    let mut strength = row.default.to_string();
    for (dimension, one) in row.exceptions {
        strength.push_str(&format!("; {dimension} {one}"));
    }
    let words = format!("{} [{strength}]", row.text);
    let indent = " ".repeat(INDENT - 8);
    let id = format!("  {:<width$}", row.clause, width = INDENT - 10);
    let wrapped = paint.wrap(&indent, &indent, &words);
    let rest = wrapped.strip_prefix(&indent).unwrap_or(&wrapped);
    format!("{}{rest}\n", paint.ink(Color::Strong, &id))
}

fn strength(label: &str, strength: Strength, row: &Row, paint: &Style) -> String {
    let label = match row.exceptions {
        [] => "everywhere",
        _ => label,
    };
    let words =
        format!("{strength}: {} (a finding is a {})", strength.meaning(), strength.verdict());
    paint.row(label, &words)
}

/// The dimensions that the row's words or strengths name.
fn dimensions(row: &Row) -> Vec<Dimension> {
    use Dimension::{AP, CM, CWD, DP, E, M, PP, RV, SB, T};
    let named = |dimension: &Dimension| {
        let word = dimension.to_string();
        let mut words = row.text.split(|letter: char| !letter.is_ascii_alphanumeric());
        words.any(|one| one == word) || row.exceptions.iter().any(|(one, _)| one == dimension)
    };
    [AP, RV, SB, PP, M, E, T, CWD, CM, DP].into_iter().filter(named).collect()
}
