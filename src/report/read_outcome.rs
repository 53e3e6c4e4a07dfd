//! The outcome of a campaign, read back from its folder with the runs behind each finding.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::run_folder::TRANSCRIPT;
use super::summary::{CommandRecord, Summary};
use crate::campaign::{FindingReport, Outcome};
use crate::judge::record::FindingRecord;
use crate::matrix::record::judged_again;
use crate::model::REVISION;
use crate::trace::Trace;

/// A campaign that was run before.
#[derive(Clone, Debug)]
pub struct Kept {
    pub folder: PathBuf,
    pub outcome: Outcome,
    /// How it was called.
    pub command: CommandRecord,
}

impl Kept {
    /// Reads the folder of a run.
    ///
    /// # Errors
    /// It is none, another revision of the model has judged it, or a file of it cannot be read.
    pub fn read(folder: &Path) -> Result<Kept, String> {
        let file = folder.join("summary.json");
        let about = |problem: String| format!("cannot read {}: {problem}", file.display());
        let text = fs::read_to_string(&file).map_err(|error| about(error.to_string()))?;
        let summary = Summary::read(&text).map_err(about)?;
        if summary.revision != REVISION {
            let revision = summary.revision;
            let problem = format!("model revision {revision} judged it, and this is {REVISION}");
            return Err(about(format!("{problem}; run it again")));
        }
        let command = summary.command.clone();
        let files = FindingFiles { folder };
        let records = summary.findings.iter().cloned();
        let findings = records.map(|record| files.report(record)).collect::<Result<_, _>>()?;
        Ok(Kept { folder: folder.to_owned(), outcome: summary.outcome(findings), command })
    }
}

/// The files of findings in the folder of a run.
struct FindingFiles<'a> {
    folder: &'a Path,
}

impl FindingFiles<'_> {
    fn report(&self, record: FindingRecord) -> Result<FindingReport, String> {
        let path = self.path(&record.id, "trace");
        let trace = self.read(&record.id, "trace")?;
        let trace = trace.ok_or_else(|| format!("{} is missing", path.display()))?;
        let id = record.id.clone();
        let report = judged_again(record, trace).ok_or_else(|| {
            format!("{} does not show the finding of summary.json; run it again", path.display())
        })?;
        let transcript = self.text(&id, TRANSCRIPT)?;
        let transcript = transcript.map(|text| serde_json::from_str(&text)).transpose();
        let transcript = transcript.map_err(|error| {
            format!("cannot read {}: {error}", self.path(&id, TRANSCRIPT).display())
        })?;
        Ok(FindingReport {
            unlike: self.read(&id, "unlike.trace")?,
            probe_run: self.read::<Trace>(&id, "probe.trace")?,
            stderr: self.text(&id, "stderr")?.unwrap_or_default(),
            transcript,
            ..report
        })
    }

    fn path(&self, id: &str, ending: &str) -> PathBuf {
        self.folder.join("findings").join(format!("{id}.{ending}"))
    }

    /// The text of a file; none if it does not exist.
    fn text(&self, id: &str, ending: &str) -> Result<Option<String>, String> {
        let path = self.path(id, ending);
        if !path.exists() {
            return Ok(None);
        }
        let read = fs::read_to_string(&path).map(Some);
        read.map_err(|error| format!("cannot read {}: {error}", path.display()))
    }

    fn read<T: FromStr<Err: ToString>>(&self, id: &str, ending: &str) -> Result<Option<T>, String> {
        let Some(text) = self.text(id, ending)? else { return Ok(None) };
        let path = self.path(id, ending);
        let cannot =
            |error: T::Err| format!("cannot read {}: {}", path.display(), error.to_string());
        text.parse().map(Some).map_err(cannot)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use expect_test::expect;

    use super::Kept;
    use crate::judge::record::Status;
    use crate::report::run_folder::Folder;
    use crate::report::summary::Summary;
    use crate::report::tests::{outcome, report, results};

    #[test]
    fn an_outcome_is_read_back_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut flaky = report(Status::Flaky);
        flaky.record.id.push_str("-2");
        let outcome = outcome(vec![report(Status::New), flaky]);
        let mut written = Folder::at(folder.path()).expect("it is empty");
        written.close(&results(&outcome)).expect("there is room");
        let kept = Kept::read(folder.path()).expect("it is a run");
        let text = |outcome| serde_json::to_string_pretty(&Summary::new(outcome));
        let [own, read] =
            [&outcome, &kept.outcome].map(text).map(|text| text.expect("plain values"));
        assert_eq!(read, own);
        let traces = |outcome: &crate::campaign::Outcome| -> Vec<String> {
            outcome.findings.iter().map(|report| report.trace.to_string()).collect()
        };
        assert_eq!(traces(&kept.outcome), traces(&outcome));
        let unlike = kept.outcome.findings.iter().map(|report| report.unlike.is_some());
        assert_eq!(unlike.collect::<Vec<_>>(), [false, true]);
        expect!["heirloom check --seed 7 --cases 2 --server 0.144.4"]
            .assert_eq(&kept.command.again);
    }

    #[test]
    fn a_folder_that_cannot_be_read_says_why() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().display().to_string();
        let error = || Kept::read(folder.path()).expect_err("it is no run").replace(&path, "DIR");
        let mut all = format!("{}\n", error());
        let outcome = outcome(vec![report(Status::New)]);
        let mut written = Folder::at(folder.path()).expect("it is empty");
        written.close(&results(&outcome)).expect("there is room");
        let file = folder.path().join("summary.json");
        let summary = fs::read_to_string(&file).expect("it was written");
        let older = format!("\"revision\": {}", crate::model::REVISION);
        fs::write(&file, summary.replace(&older, "\"revision\": 3")).expect("there is room");
        let now = format!("this is {}", crate::model::REVISION);
        all.push_str(&format!("{}\n", error().replace(&now, "this is N")));
        fs::write(&file, summary).expect("there is room");
        fs::remove_dir_all(folder.path().join("findings")).expect("it is ours");
        all.push_str(&format!("{}\n", error()));
        expect![[r#"
            cannot read DIR/summary.json: No such file or directory (os error 2)
            cannot read DIR/summary.json: model revision 3 judged it, and this is N; run it again
            DIR/findings/r4-ap-resume-never-config.trace is missing
        "#]]
        .assert_eq(&all);
    }
}
