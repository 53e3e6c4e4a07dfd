//! The contract for a reader: all clauses in their sections, or one with the meaning of its
//! strengths and sources.

use super::style::{Color, Style};
use crate::cause::words as cause_words;
use crate::contract::{Clause, Row, Strength, all, row, source_meaning};
use crate::policy::Dimension;

/// Where a clause's words begin.
const INDENT: usize = 6;

pub fn list(style: &Style) -> String {
    let mut text = String::new();
    for section in all().chunk_by(|one, next| one.section == next.section) {
        let gap = if text.is_empty() { "" } else { "\n" };
        text.push_str(&format!("{gap}{}", style.heading(section[0].section)));
        section.iter().for_each(|row| text.push_str(&brief(row, style)));
    }
    text.push_str("\nStrengths: how firmly the sources stand behind a clause\n");
    for strength in [Strength::N, Strength::D, Strength::I, Strength::S] {
        text.push_str(&style.row(&strength.to_string(), strength.meaning()));
    }
    text.push_str("\nSettings\n");
    for dimension in Dimension::ALL {
        text.push_str(&style.row(&dimension.to_string(), cause_words::dimension(dimension)));
    }
    text.push_str("\n`heirloom clauses R4` prints one clause in full, with its sources.\n");
    text
}

pub fn full(clause: Clause, style: &Style) -> String {
    let row = row(clause);
    let head = style.paint(Color::Strong, &clause.titled());
    let mut text = format!("{head}  ({})\n\n", row.section);
    text.push_str(&format!("{}\n\n", style.wrap("  ", "  ", row.text)));
    text.push_str("Strength: how firmly the sources stand behind it\n");
    let default = if row.exceptions.is_empty() { "everywhere" } else { "otherwise" };
    text.push_str(&strength(default, row.default, style));
    for (dimension, exception) in row.exceptions {
        text.push_str(&strength(cause_words::dimension(*dimension), *exception, style));
    }
    text.push_str("\nSources\n");
    for source in row.sources {
        let meaning = source_meaning(source).unwrap_or_default();
        text.push_str(&style.wrap("  ", "      ", &format!("{source}: {meaning}")));
        text.push('\n');
    }
    text
}

/// A clause as it stands in the list: id and title, and its words below.
fn brief(row: &Row, style: &Style) -> String {
    let mut strength = row.default.to_string();
    for (dimension, exception) in row.exceptions {
        strength.push_str(&format!("; {dimension} {exception}"));
    }
    let id = format!("  {:<width$}", row.clause, width = INDENT - 2);
    let head = style.paint(Color::Strong, &format!("{id}{}", row.title));
    let indent = " ".repeat(INDENT);
    format!("{head} [{strength}]\n{}\n", style.wrap(&indent, &indent, row.text))
}

fn strength(label: &str, strength: Strength, style: &Style) -> String {
    let (meaning, verdict) = (strength.meaning(), strength.verdict());
    style.row(label, &format!("{strength}: {meaning} (a finding is a {verdict})"))
}
