//! Verdicts that no change of the code may change.
//!
//! `tests/verdicts/` holds traces of real runs on 0.169.0, 0.144.4 and homes that both used, and
//! copies of some with a fact or two bent. They are of the first form, which is read by this too.

use std::fs;
use std::path::Path;

use expect_test::expect_file;

use heirloom::judge::judge;
use heirloom::judge::verdict::Finding;
use heirloom::trace::Trace;

#[test]
fn a_stored_trace_keeps_its_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verdicts");
    let files = fs::read_dir(&folder).expect("the folder is there");
    let mut files: Vec<_> = files.map(|file| file.expect("a file can be listed").path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "trace"));
    files.sort();
    let verdicts: String = files.iter().map(|path| verdict(path)).collect();
    expect_file![folder.join("verdicts.txt")].assert_eq(&verdicts);
}

/// The file's name, what was compared, and each finding and notice.
fn verdict(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a trace can be read");
    let trace: Trace = text.parse().expect("it is a trace");
    let verdict = judge(&trace);
    let held: u64 = verdict.tally.values().map(|count| count.held).sum();
    let name = path.file_stem().unwrap_or_default().display();
    let findings = verdict.findings.iter().map(finding);
    let notices = verdict.notices.iter().map(|notice| {
        format!("  notice {} at step {}: {}\n", notice.clause, notice.step, notice.text)
    });
    let reason = verdict.inconclusive.iter().map(|reason| format!("  inconclusive: {reason}\n"));
    let lines: String = findings.chain(notices).chain(reason).collect();
    format!("{name}: {held} held\n{lines}")
}

fn finding(finding: &Finding) -> String {
    let thread = finding.thread.map_or("-".to_owned(), |thread| thread.to_string());
    let views: Vec<String> = finding.views.iter().map(ToString::to_string).collect();
    let widened = if finding.widened { " widened" } else { "" };
    format!(
        "  {} at step {} of {thread} in {}{widened}: {} became {}\n",
        finding.signature(),
        finding.step,
        views.join("+"),
        finding.expected,
        finding.seen,
    )
}
