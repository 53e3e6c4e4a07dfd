//! A finding as a file that runs, or reads, without heirloom.
//!
//! Every form is made from the transcript of a run that showed the finding. A script performs the
//! same requests on a server that it is given, up to the message that shows the finding, and compares
//! that message with what the contract demands.

pub mod form;
mod ids;
mod jsonrpc;
mod lines;
mod markdown;
mod python;
mod rust;
mod scenario;
mod shown;
pub mod subject;
#[cfg(test)]
mod tests;
mod text;

use strum::IntoEnumIterator;

use self::form::Form;
use self::scenario::Scenario;
use self::subject::{Exported, NoExport};
use super::words;
use crate::campaign::FindingReport;
use crate::cause::record::CauseRecord;
use crate::judge::record::Status;

impl Exported<'_> {
    /// The text of a file.
    ///
    /// # Errors
    /// A finding that a script cannot show.
    pub fn text(&self, form: Form) -> Result<String, NoExport> {
        match form {
            Form::Jsonrpc => Ok(jsonrpc::text(self)),
            Form::Markdown => Ok(markdown::text(self, self.scenario().err().as_ref())),
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
        client: report.trace.client,
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
