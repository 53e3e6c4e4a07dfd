//! `heirloom clauses`: the contract, or one clause and what runs say of it.

use std::path::{Path, PathBuf};

use super::check::RUNS;
use super::failure::Failure;
use super::known_flags;
use super::text::{done, program_name};
use crate::contract::Clause;
use crate::contract::id::UnknownClause;
use crate::report::clause_history::ClauseHistory;
use crate::report::clauses;
use crate::report::read_results::Read;
use crate::report::style::Style;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Flags {
    /// The clause, such as R4 [default: print all]
    id: Option<String>,
    /// The run that says how often it was tested [default: runs/latest, if it exists]
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// The matrix that says which releases break it [default: runs/matrix, if it exists]
    #[arg(long, value_name = "DIR")]
    matrix: Option<PathBuf>,
    #[command(flatten)]
    known: known_flags::KnownFlags,
}

pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    let style = Style::stdout();
    let Some(id) = &flags.id else {
        return done(&clauses::list(&style));
    };
    let clause = id.parse().or_else(|error| id.to_uppercase().parse().map_err(|_| error));
    let clause: Clause = clause.map_err(|error: UnknownClause| Failure::usage(error))?;
    let history = ClauseHistory {
        run: results(flags.run.as_deref(), "latest")?,
        matrix: results(flags.matrix.as_deref(), "matrix")?,
        known: flags.known.list()?,
        list_folder: flags.known.folder(),
        called: program_name(),
    };
    done(&format!("{}{}", clauses::full(clause, &style), history.text(clause, &style)))
}

/// The results in the folder that is given, else those in the usual one, if there are any.
fn results(given: Option<&Path>, usual: &str) -> Result<Option<Read>, Failure> {
    match given {
        Some(folder) => Read::from(folder).map(Some).map_err(Failure::Usage),
        None => Ok(Read::from(&Path::new(RUNS).join(usual)).ok()),
    }
}
