//! `heirloom known`: the list of known deviations, read and kept up.
//!
//! `update` proposes what a run or a matrix would change, and with `--write` changes it: rows are
//! narrowed to the releases that show them, go where none does, and what no row excuses becomes
//! one. Cases of new rows are copied beside those of the others, and nothing is written over.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::check::RUNS;
use super::known_flags::{LIST, of_file};
use super::{Failure, print, read};
use crate::known::Known;
use crate::known::update::{Change, Proposed, changes, edited};
use crate::report::read_results::Read;
use crate::report::style::Style;
use crate::report::words::plural;

/// Where the cases of a list without rows go, below its folder.
const CASES: &str = "cases";

/// The flags of `heirloom known`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Flags {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Say what a run or a matrix would change in the list, and change it with --write
    Update(Update),
}

/// The flags of `heirloom known update`.
#[derive(Clone, Debug, clap::Args)]
struct Update {
    /// The folder of a run or of a matrix [default: runs/latest]
    #[arg(value_name = "DIR")]
    from: Option<PathBuf>,
    /// The list
    #[arg(long, value_name = "FILE", default_value = LIST)]
    known: PathBuf,
    /// Change the list, and copy the cases of new rows beside those of the others
    #[arg(long)]
    write: bool,
}

/// Does what is asked for.
pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    match &flags.command {
        Command::Update(update) => update.run(),
    }
}

impl Update {
    fn run(&self) -> Result<u8, Failure> {
        let text = read(&self.known)?;
        let known = of_file(&self.known, &text)?;
        let from = self.from.clone().unwrap_or_else(|| Path::new(RUNS).join("latest"));
        let record = Read::from(&from).map_err(Failure::Usage)?;
        let changes = changes(&known, &record.evidence());
        if changes.is_empty() {
            let none = format!("{} stands as {} has it", self.known.display(), from.display());
            print(&format!("{none}\n"))?;
            return Ok(0);
        }
        print(&told(&changes, &cases(&known)))?;
        if !self.write {
            let many = plural(changes.len(), "change");
            print(&format!("\n{many}; --write makes them in {}\n", self.known.display()))?;
            return Ok(1);
        }
        self.write(&text, &changes, (&known, &record))?;
        Ok(0)
    }

    /// Cases first: a list never names one that is not there.
    fn write(
        &self,
        text: &str,
        changes: &[Change],
        (known, record): (&Known, &Read),
    ) -> Result<(), Failure> {
        let folder = self.known.parent().map(PathBuf::from).unwrap_or_default();
        let place = cases(known);
        for change in changes {
            if let Change::Add(proposed) = change {
                copy(proposed, record, &folder.join(path(&place, proposed)))?;
            }
        }
        let after = edited(text, changes, |proposed| path(&place, proposed));
        of_file(&self.known, &after)?;
        fs::write(&self.known, after).map_err(|error| about(&self.known, &error))?;
        print(&format!("\nwritten to {}\n", self.known.display()))?;
        let widens = |change: &&Change| matches!(change, Change::Add(row) if row.widened);
        match changes.iter().filter(widens).count() {
            0 => Ok(()),
            count => print(&format!(
                "{} WIDENED: see SECURITY.md before the list or its cases are published\n",
                if count == 1 {
                    "1 new row is".to_owned()
                } else {
                    format!("{count} new rows are")
                },
            )),
        }
    }
}

fn copy(proposed: &Proposed, record: &Read, to: &Path) -> Result<(), Failure> {
    let from = record.case(&proposed.signature, &proposed.release);
    let from = from.filter(|from| from.exists()).ok_or_else(|| {
        Failure::Usage(format!("the case of {} is not in the folder", proposed.signature))
    })?;
    if to.exists() {
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(|error| about(parent, &error))?;
    }
    fs::copy(&from, to).map(drop).map_err(|error| about(to, &error))
}

/// The folder of the list's last case, as the list spells it: new cases go there.
fn cases(known: &Known) -> String {
    let last = known.rows.last().and_then(|row| row.case.rsplit_once('/'));
    last.map_or(CASES, |(folder, _)| folder).to_owned()
}

fn path(place: &str, proposed: &Proposed) -> String {
    format!("{place}/{}.case", proposed.case)
}

fn told(changes: &[Change], place: &str) -> String {
    let paint = Style::stdout();
    let lines = changes.iter().map(|change| match change {
        Change::Narrow { line, signature, from, to } => paint.row(
            "narrow",
            &format!("line {line}, {signature}: from `{from}` to `{to}`, which is what shows it"),
        ),
        Change::Remove { line, signature } => paint.row(
            "remove",
            &format!("line {line}, {signature}: no release that was asked for it shows it"),
        ),
        Change::Add(proposed) => {
            let row = proposed.lines(&path(place, proposed)).join("\n");
            let what = match proposed.widened {
                true => "what no row excuses; it is WIDENED, and may be a vulnerability:",
                false => "what no row excuses:",
            };
            format!("{}\n{row}\n\n", paint.row("add", what).trim_end())
        }
    });
    lines.collect()
}

fn about(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Trouble(format!("cannot write {}: {error}", path.display()))
}
