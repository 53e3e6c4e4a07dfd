//! A finding as a file that runs, or reads, without heirloom.
//!
//! Every form is made from the transcript of a run that showed the finding. A script performs the
//! same requests on a server that it is given, up to the message that shows the finding, and compares
//! that message with what the contract demands.

mod ids;
mod jsonrpc;
mod markdown;
mod python;
mod rust;
mod scenario;
mod shown;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeSet;

use itertools::Itertools;
use strum::IntoEnumIterator;

use self::scenario::Scenario;
use super::words;
use crate::campaign::FindingReport;
use crate::cause::record::CauseRecord;
use crate::judge::record::{ProbeRecord, Status};
use crate::judge::verdict::Finding;
use crate::judge::view::View;
use crate::program::Program;
use crate::protocol::policy::Places;
use crate::transcript::Transcript;

/// The form of an exported finding.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    strum::EnumIter,
    strum::EnumString,
    strum::VariantNames,
    strum::Display,
)]
#[strum(serialize_all = "lowercase")]
pub enum Form {
    /// A shell script that needs Python's standard library.
    Sh,
    /// A test for pytest.
    Pytest,
    /// A test for `cargo test`.
    Rust,
    /// The messages, a JSON object a line.
    Jsonrpc,
    /// A bug report.
    Markdown,
}

/// A finding, and what is known of it.
#[derive(Clone, Debug)]
pub struct Exported<'a> {
    /// The name of its files.
    pub id: &'a str,
    pub finding: &'a Finding,
    pub program: &'a Program,
    /// A run that shows it.
    pub transcript: &'a Transcript,
    /// What its cause is called, where that is known.
    pub title: Option<&'a str>,
    /// The releases that are known to show it, in words.
    pub releases: Option<String>,
    /// How many runs showed it, in words.
    pub confirmed: Option<String>,
    pub probe: Option<&'a ProbeRecord>,
}

/// Why a finding has no script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoExport {
    /// What it takes to show it.
    #[error("the program {0}, which a script cannot repeat; `heirloom replay` shows it")]
    Step(&'static str),
    #[error(
        "the finding shows in {0}, and a script can only compare a value in a reply or in a settings \
         notice, or whether a request is granted; `heirloom replay` shows it"
    )]
    View(String),
    #[error("the run has no message that states the id of {0}, which a later request needs")]
    UnknownId(String),
    #[error("the run was cut before the request was answered that shows the finding")]
    Unanswered,
}

impl NoExport {
    fn view(finding: &Finding) -> NoExport {
        let views: &BTreeSet<View> = &finding.views;
        let words = views.iter().map(|view| view.meaning()).join(" and ");
        NoExport::View(if words.is_empty() { "no single message".to_owned() } else { words })
    }
}

impl Form {
    /// The name of its file beside a case.
    pub fn file_name(self, id: &str) -> String {
        match self {
            Form::Sh => format!("{id}.sh"),
            Form::Pytest => format!("test_{}.py", text::identifier(id)),
            Form::Rust => format!("{id}.rs"),
            Form::Jsonrpc => format!("{id}.jsonl"),
            Form::Markdown => format!("{id}.md"),
        }
    }
}

impl Exported<'_> {
    /// The text of a file.
    ///
    /// # Errors
    /// A finding that a script cannot show.
    pub fn text(&self, form: Form) -> Result<String, NoExport> {
        match form {
            Form::Jsonrpc => Ok(jsonrpc::text(self)),
            Form::Markdown => Ok(markdown::text(self)),
            Form::Sh => self.scenario().map(|scenario| python::sh(self, &scenario)),
            Form::Pytest => self.scenario().map(|scenario| python::pytest(self, &scenario)),
            Form::Rust => self.scenario().map(|scenario| rust::text(self, &scenario)),
        }
    }

    fn scenario(&self) -> Result<Scenario, NoExport> {
        Scenario::new(self.finding, self.program, self.transcript)
    }
}

/// A file beside the case of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportFile {
    pub name: String,
    pub text: String,
}

/// The files of a new finding, in every form that can show it. Where a script cannot, the report
/// says why.
pub fn files(report: &FindingReport, cause: Option<&CauseRecord>) -> Vec<ExportFile> {
    let Some(transcript) = report.transcript.as_ref().filter(|_| report.status == Status::New)
    else {
        return Vec::new();
    };
    let exported = Exported {
        id: &report.id,
        finding: &report.finding,
        program: &report.trace.program,
        transcript,
        title: cause.map(|cause| cause.title.as_str()),
        releases: None,
        confirmed: Some(words::confirmed(report)),
        probe: report.probe.as_ref(),
    };
    let file = |form: Form| {
        let text = exported.text(form).ok()?;
        Some(ExportFile { name: form.file_name(exported.id), text })
    };
    Form::iter().filter_map(file).collect()
}

/// The folders of a run as a transcript has them.
fn places() -> Places {
    Places { workspace: "<WS>".into(), home: "<HOME>".into(), outside: "<OUT>".into() }
}
