//! `heirloom matrix` and `heirloom diff`: many releases as a table, and two of them in words.
//!
//! Both keep what they ran and do not run it again. A release that could not be run is trouble.

use super::failure::Failure;
use super::matrix_flags::{MatrixFlags, MatrixResults};
use super::text::print;
use crate::campaign::Conclusion;
use crate::matrix::change::Kind;
use crate::matrix::{Matrix, Outcome};
use crate::program::release_range::ReleaseRange;
use crate::provision::Spec;
use crate::provision::range::Span;
use crate::provision::resolve::Every;
use crate::report::matrix::changes::Upgrade;
use crate::report::matrix::files::{DOCUMENT, PAGE};
use crate::report::matrix::text;
use crate::report::style::Style;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Flags {
    /// Releases, ranges of them such as 0.144..0.169, `latest`, or paths
    #[arg(value_name = "SPEC", required_unless_present = "every")]
    specs: Vec<String>,
    /// `minor`: only the last release of every minor version in each range;
    /// without a range, from 0.131 on
    #[arg(long, value_name = "minor", value_parser = ["minor"], hide_possible_values = true)]
    every: Option<String>,
    #[command(flatten)]
    matrix: MatrixFlags,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Diff {
    /// The release to upgrade from, or a path
    #[arg(value_name = "A")]
    from: String,
    /// The release to upgrade to, or a path
    #[arg(value_name = "B")]
    to: String,
    #[command(flatten)]
    matrix: MatrixFlags,
}

pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    let spans: Result<Vec<Span>, _> = flags.specs.iter().map(|word| word.parse()).collect();
    let mut spans = spans.map_err(Failure::usage)?;
    if spans.is_empty() {
        spans.push(Span::Range(ReleaseRange::default()));
    }
    let every = if flags.every.is_some() { Every::Minor } else { Every::Release };
    let MatrixResults { matrix, folder } = flags.matrix.run(&spans, every)?;
    let style = Style::stdout();
    let mut text = format!("{}\n", text(&matrix, &style));
    for (label, name) in [("page", PAGE), ("JSON", DOCUMENT)] {
        text.push_str(&style.row_whole(label, &folder.join(name).display().to_string()));
    }
    print(&text)?;
    Ok(conclusion(&matrix) as u8)
}

pub(super) fn diff(flags: &Diff) -> Result<u8, Failure> {
    let specs = [flags.from.parse(), flags.to.parse()];
    let [from, to] = specs.map(|spec: Result<Spec, _>| spec.map_err(Failure::usage));
    let specs = [from?, to?];
    if specs[0] == specs[1] {
        return Err(flags.one_release());
    }
    let spans = specs.each_ref().map(|spec| Span::One(spec.clone()));
    let MatrixResults { matrix, folder } = flags.matrix.run(&spans, Every::Release)?;
    let columns = specs.map(|spec| column(&matrix, &spec.to_string()));
    let [Some(from), Some(to)] = columns.map(|at| at.filter(|_| columns[0] != columns[1])) else {
        return Err(flags.one_release());
    };
    for at in [from, to] {
        if let Outcome::NotRun(reason) = &matrix.columns[at].outcome {
            return Err(Failure::Trouble(format!("{}: {reason}", matrix.columns[at].label)));
        }
    }
    let style = Style::stdout();
    let mut text = Upgrade { matrix: &matrix, from, to }.text(&style);
    text.push_str(&style.row_whole("results", &folder.display().to_string()));
    print(&text)?;
    let difference = matrix.difference(from, to);
    let breaks = difference.changes.iter().any(|change| change.kind == Kind::Broken);
    Ok(u8::from(breaks || !difference.causes.appear.is_empty()))
}

impl Diff {
    fn one_release(&self) -> Failure {
        let Diff { from, to, .. } = self;
        let problem = format!("{from} and {to} are the same release");
        Failure::Usage(format!("{problem}; name two, such as 0.144.4 and 0.169.0"))
    }
}

/// The column that a person named.
fn column(matrix: &Matrix, word: &str) -> Option<usize> {
    let exact = matrix.columns.iter().position(|column| {
        let asked = column.results().map(|results| results.subject.spec.as_str());
        column.label == word || asked == Some(word)
    });
    // `latest` is resolved by the time that it has a column.
    let newest = || matrix.columns.iter().rposition(|column| column.version.is_some());
    exact.or_else(|| (word == "latest").then(newest).flatten())
}

/// A new deviation before everything else.
fn conclusion(matrix: &Matrix) -> Conclusion {
    let results = || matrix.columns.iter().filter_map(|column| column.results());
    let ran = results().count();
    let inconclusive = results().any(|results| !results.inconclusive.is_empty());
    if matrix.has_new() {
        Conclusion::NewFinding
    } else if results().any(|results| results.interrupted) {
        Conclusion::Interrupted
    } else if ran == 0 {
        Conclusion::NothingRan
    } else if ran < matrix.columns.len() || inconclusive {
        Conclusion::Trouble
    } else {
        Conclusion::Conforms
    }
}
