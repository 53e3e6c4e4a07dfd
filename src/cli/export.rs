//! `heirloom export`: a finding as a file that runs, or reads, without heirloom.
//!
//! The case is run until it shows the finding, and that run is exported.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use semver::Version;
use strum::VariantNames;

use super::failure::Failure;
use super::replay::program;
use super::server_flags::{self, Ready};
use super::text::{print, refuse_existing, write_new};
use crate::cause::{Known, Row};
use crate::drive::timeouts::Deadlines;
use crate::drive::{Recording, Worker};
use crate::judge::judge;
use crate::judge::signature::Signature;
use crate::judge::verdict::Finding;
use crate::program::Program;
use crate::report::export::form::Form;
use crate::report::export::subject::Exported;
use crate::report::words;

const EXIT_CODES: &str = "\
Exit codes:
  0  the file is written
  1  the case shows no such finding: nothing is written
  2  wrong usage, or a finding that this form cannot show
  3  heirloom itself had trouble";

/// Runs until a case shows its finding: a race that shows in every other run is seen with 97 %.
const RUNS: u32 = 5;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
// Here `--as` names the form, as in the sentence "export it as a shell script".
#[command(mut_arg("stands_for", |arg| arg.long("server-as")))]
pub(super) struct Flags {
    /// A case file, such as runs/latest/findings/ID.case, or a token that a campaign printed
    #[arg(value_name = "FILE|TOKEN")]
    case: String,
    /// `sh`: a shell script; `pytest` and `rust`: a test; `jsonrpc`: the messages, a JSON object
    /// a line; `markdown`: a bug report
    #[arg(long = "as", value_name = "FORM", value_parser = form())]
    form: Form,
    /// The finding, where the case shows several, such as R4/AP/resume/never/config
    /// [default: the one that the file is named after or kept for, else the first]
    #[arg(long, value_name = "SIGNATURE")]
    signature: Option<Signature>,
    /// Where to write it [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    server: server_flags::ServerFlags,
}

fn form() -> impl TypedValueParser<Value = Form> {
    let words = PossibleValuesParser::new(Form::VARIANTS);
    words.map(|word| word.parse().expect("the words of a form are its variants"))
}

/// A run that shows the finding.
struct Shown {
    finding: Finding,
    recording: Recording,
}

pub(super) fn run(flags: &Flags) -> Result<u8, Failure> {
    flags.out.iter().try_for_each(|out| refuse_existing(out, "--out"))?;
    let known = Known::embedded();
    let program = flags.server.features.applied(program(&flags.case)?);
    let Ready { test_bed, subject, stop, leases: _held } = flags.server.ready_for(&program)?;
    let mut worker = Worker::new(test_bed);
    let mut shown = None;
    for _ in 0..RUNS {
        if stop.load(Ordering::Relaxed) {
            return Err(Failure::Trouble("stopped before the case showed its finding".to_owned()));
        }
        let recording = worker.run_recorded(&program, Deadlines::Full);
        let verdict = judge(&recording.trace);
        if let Some(reason) = verdict.inconclusive {
            return Err(Failure::Trouble(format!("{} is inconclusive: {reason}", flags.case)));
        }
        if let Some(finding) = flags.wanted(verdict.findings, &known) {
            shown = Some(Shown { finding, recording });
            break;
        }
    }
    let server = words::name(&subject);
    match shown {
        Some(shown) => flags.write(&shown, &program, &known),
        None => {
            let which = match &flags.signature {
                Some(signature) => format!("the finding {signature}"),
                None => "a finding".to_owned(),
            };
            eprintln!("nothing to export: {} does not show {which} on {server}", flags.case);
            Ok(1)
        }
    }
}

impl Flags {
    /// The finding that is asked for; else the one that the file is named after, then one of the
    /// row that keeps the file, then one that widens.
    fn wanted(&self, mut findings: Vec<Finding>, known: &Known) -> Option<Finding> {
        if let Some(signature) = &self.signature {
            return findings.into_iter().find(|finding| finding.signature() == *signature);
        }
        let file = Path::new(&self.case).file_name().unwrap_or_default();
        let stem = Path::new(file).file_stem().unwrap_or_default();
        let row = known.rows.iter().find(|row| Path::new(&row.case).file_name() == Some(file));
        let rank = |finding: &Finding| {
            let is_named = stem == finding.signature().file_stem().as_str();
            let is_kept = row.is_some_and(|row| row.shows_in(finding));
            (!is_named, !is_kept, !finding.widened)
        };
        findings.sort_by_key(rank);
        findings.into_iter().next()
    }

    fn write(&self, shown: &Shown, program: &Program, known: &Known) -> Result<u8, Failure> {
        let Shown { finding, recording } = shown;
        let release = finding.home_history.release.as_ref();
        let row = known.standing(finding, release).map(|standing| standing.row);
        let id = finding.signature().file_stem();
        let exported = Exported {
            id: &id,
            finding,
            program,
            client: recording.trace.client,
            transcript: &recording.transcript,
            title: row.map(|row| row.title.as_str()),
            releases: row.map(|row| releases(row, release)),
            confirmed: None,
            probe: None,
        };
        let text = exported.text(self.form).map_err(Failure::usage)?;
        match &self.out {
            Some(out) => write_new(out, &text)?,
            None => print(&text)?,
        }
        Ok(0)
    }
}

fn releases(row: &Row, release: Option<&Version>) -> String {
    let carried = release.filter(|release| !row.releases.contains(release));
    let carried = carried.map(|release| format!(", and {release}"));
    format!("{}{}", row.releases, carried.unwrap_or_default())
}
