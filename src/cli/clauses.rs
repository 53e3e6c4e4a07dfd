//! `heirloom clauses`.
//!
//! Prints the contract, or one clause of it with what runs say of it: the last one, the last
//! matrix, and the list of known deviations. An id that is none is answered with those near it.

use std::path::{Path, PathBuf};

use super::check::RUNS;
use super::{Failure, known_flags, said};
use crate::contract::{Clause, UnknownClause};
use crate::report::clause_history::ClauseHistory;
use crate::report::clauses;
use crate::report::read_results::Read;
use crate::report::style::Style;

/// The flags of `heirloom clauses`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Flags {
    /// The clause, such as R4; all of them where none is given
    id: Option<String>,
    /// The run that says how often it was tried [default: runs/latest, where it is there]
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// The matrix that says which releases break it [default: runs/matrix, where it is there]
    #[arg(long, value_name = "DIR")]
    matrix: Option<PathBuf>,
    #[command(flatten)]
    excuses: known_flags::KnownFlags,
}

/// Prints the clauses.
pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    let paint = Style::stdout();
    let Some(id) = &flags.id else {
        return said(&clauses::list(&paint));
    };
    let read = id.parse().or_else(|error| id.to_uppercase().parse().map_err(|_| error));
    let clause: Clause = read.map_err(|error: UnknownClause| Failure::usage(error))?;
    let lore = ClauseHistory {
        run: found(flags.run.as_deref(), "latest")?,
        matrix: found(flags.matrix.as_deref(), "matrix")?,
        known: flags.excuses.list()?,
        list: flags.excuses.folder(),
    };
    said(&format!("{}{}", clauses::one(clause, &paint), lore.of(clause, &paint)))
}

/// What is in the folder that is named, else in the usual one, where something is there.
fn found(named: Option<&Path>, usual: &str) -> Result<Option<Read>, Failure> {
    match named {
        Some(folder) => Read::from(folder).map(Some).map_err(Failure::Usage),
        None => Ok(Read::from(&Path::new(RUNS).join(usual)).ok()),
    }
}
