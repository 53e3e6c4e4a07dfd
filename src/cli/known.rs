//! `heirloom known`: keeps the list of known deviations up to date.
//!
//! `update` proposes what a run or a matrix would change, and changes it with `--write`: rows are
//! narrowed to the releases that show them, widened to newer ones that do, or removed, and new
//! causes become rows. Their cases are copied beside the others; nothing is written over. `convert`
//! writes a list of the old form, a row a signature, in the new one, a row a cause.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::check::RUNS;
use super::failure::Failure;
use super::known_flags::{LIST, of_file};
use super::text::{print, read};
use crate::cause::Known;
use crate::cause::convert::converted;
use crate::cause::evidence::Proposed;
use crate::cause::update::{Change, changes, edited};
use crate::report::read_results::Read;
use crate::report::style::Style;
use crate::report::words::{self, clause, plural};

/// Where the cases of a list without rows go, below its folder.
const CASES: &str = "cases";

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Flags {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Show what a run or a matrix would change in the list; --write changes it
    Update(Update),
    /// Print a list of the old form, a row a signature, in the new one, a row a cause
    Convert(Convert),
}

#[derive(Clone, Debug, clap::Args)]
struct Update {
    /// The folder of a run or of a matrix [default: runs/latest]
    #[arg(value_name = "DIR")]
    from: Option<PathBuf>,
    #[arg(long, value_name = "FILE", default_value = LIST)]
    known: PathBuf,
    /// Change the list, and copy the cases of new rows beside those of the others
    #[arg(long)]
    write: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct Convert {
    #[arg(long, value_name = "FILE", default_value = LIST)]
    known: PathBuf,
    /// Write it over the old one; cases that no row has any more stay where they are
    #[arg(long)]
    write: bool,
}

pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    match &flags.command {
        Command::Update(update) => update.run(),
        Command::Convert(convert) => convert.run(),
    }
}

impl Convert {
    fn run(&self) -> Result<u8, Failure> {
        let text = read(&self.known)?;
        let known = of_file(&self.known, &text)?;
        let new = converted(&text, &known);
        let read_again = of_file(&self.known, &new)?;
        if !self.write {
            print(&new)?;
            return Ok(0);
        }
        fs::write(&self.known, &new).map_err(|error| about(&self.known, &error))?;
        let (old, new) = (plural(known.rows.len(), "row"), plural(read_again.rows.len(), "cause"));
        print(&format!("{old} became {new} in {}\n", self.known.display()))?;
        Ok(0)
    }
}

impl Update {
    fn run(&self) -> Result<u8, Failure> {
        if !self.known.exists() {
            let list = self.known.display();
            return Err(Failure::Usage(format!("{list} is not there; name a list with --known")));
        }
        let text = read(&self.known)?;
        let known = of_file(&self.known, &text)?;
        let from = self.from.clone().unwrap_or_else(|| Path::new(RUNS).join("latest"));
        let results = Read::from(&from).map_err(Failure::Usage)?;
        let evidence = results.evidence().map_err(Failure::Usage)?;
        for column in results.left_out() {
            print(&Style::stdout().row("left out", &column))?;
        }
        let changes = changes(&known, &evidence);
        if changes.is_empty() {
            let (list, from) = (self.known.display(), from.display());
            print(&format!("{list} agrees with {from}: nothing to change\n"))?;
            return Ok(0);
        }
        let cases = case_folder(&known);
        print(&listed(&changes, &cases))?;
        if !self.write {
            let many = plural(changes.len(), "change");
            print(&format!("\n{many}; --write makes them in {}\n", self.known.display()))?;
            return Ok(1);
        }
        self.copy_cases(&changes, &cases, &results.folder)?;
        self.write(&edited(&text, &changes, |proposed| lines(&cases, proposed)), &changes)?;
        Ok(0)
    }

    /// Copies the cases of new rows, before the list names them.
    fn copy_cases(&self, changes: &[Change], cases: &str, from: &Path) -> Result<(), Failure> {
        let folder = self.known.parent().map(PathBuf::from).unwrap_or_default();
        for change in changes {
            if let Change::Add(proposed) = change {
                copy(proposed, from, &folder.join(path(cases, proposed)))?;
            }
        }
        Ok(())
    }

    fn write(&self, text: &str, changes: &[Change]) -> Result<(), Failure> {
        of_file(&self.known, text)?;
        fs::write(&self.known, text).map_err(|error| about(&self.known, &error))?;
        print(&format!("\nwritten to {}\n", self.known.display()))?;
        let widens = |change: &&Change| matches!(change, Change::Add(row) if row.widened);
        let count = changes.iter().filter(widens).count();
        if count > 0 {
            let are = if count == 1 { "is" } else { "are" };
            let rows = plural(count, "new row");
            let advice = "see SECURITY.md before you publish the list or its cases";
            print(&format!("{rows} {are} WIDENED: {advice}\n"))?;
        }
        Ok(())
    }
}

fn copy(proposed: &Proposed, folder: &Path, to: &Path) -> Result<(), Failure> {
    let from = folder.join(&proposed.case);
    if !from.is_file() {
        let (id, case) = (&proposed.id, proposed.case.as_str());
        return Err(Failure::Usage(format!("the case of {id} is not in the folder: {case}")));
    }
    if to.exists() {
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(|error| about(parent, &error))?;
    }
    fs::copy(&from, to).map(drop).map_err(|error| about(to, &error))
}

/// The folder of the list's last case, as the list spells it: new cases go there.
fn case_folder(known: &Known) -> String {
    let last = known.rows.last().and_then(|row| row.case.rsplit_once('/'));
    last.map_or(CASES, |(folder, _)| folder).to_owned()
}

fn path(cases: &str, proposed: &Proposed) -> String {
    format!("{cases}/{}.case", proposed.id)
}

fn lines(cases: &str, proposed: &Proposed) -> Vec<String> {
    let finding = &proposed.example.finding;
    let title = || words::deviation(&finding.signature(), &finding.expected, &finding.seen);
    let title = proposed.title.clone().unwrap_or_else(title);
    proposed.lines(&path(cases, proposed), &title)
}

fn listed(changes: &[Change], cases: &str) -> String {
    let style = Style::stdout();
    let lines = changes.iter().map(|change| match change {
        Change::Releases { line, id, from, to, widens } => {
            let (label, which) = if *widens {
                ("widen", "newer releases show it too")
            } else {
                ("narrow", "the releases that show it")
            };
            style.row(label, &format!("line {line}, {id}: from `{from}` to `{to}`; {which}"))
        }
        Change::Remove { line, id } => style.row(
            "remove",
            &format!("line {line}, {id}: no release that was tested for it shows it"),
        ),
        Change::Add(proposed) => {
            let row = lines(cases, proposed).join("\n");
            let finding = &proposed.example.finding;
            let clause = clause(finding.clause, finding.dimension);
            let widened = if proposed.widened { "; WIDENED, may be a vulnerability" } else { "" };
            let head = style.row("add", &format!("{clause}, which no row excuses{widened}:"));
            format!("{}\n{row}\n\n", head.trim_end())
        }
    });
    lines.collect()
}

fn about(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Trouble(format!("cannot write {}: {error}", path.display()))
}
