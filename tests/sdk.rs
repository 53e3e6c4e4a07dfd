//! The Python SDK on the real server: the six upstream tests through both clients, and what else
//! upstream's harness tries.
//!
//! The newest SDK that `ci/clients.lock` pins is fetched with pip where it is not in the cache yet.
//! Without Python or pip each of these tests fails and says so; with `HEIRLOOM_SERVER=none` they are
//! listed as not run.

mod casebook;
mod harness;
#[expect(dead_code, reason = "every program of these runs by the SDK")]
mod real;

use std::process::{Command, ExitCode};

use casebook::case_files;
use expect_test::{Expect, expect};
use harness::SCENARIOS;
use real::{Real, Suite};

use heirloom::contract::Clause;
use heirloom::drive::Recording;
use heirloom::drive::timeouts::Deadlines;
use heirloom::judge::judge;
use heirloom::judge::verdict::Verdict;
use heirloom::program::Program;
use heirloom::program::sdk::SdkClient;
use heirloom::report::export::form::Form;
use heirloom::report::export::subject::Exported;

/// What upstream's harness tries beside approvals, and two ways to lose a server.
const LIFE: &str = "\
# heirloom case v2
config  approval=granular(rules) reviewer=user sandbox=read-only
start   sandbox=workspace-write       -> t0
run     t0 \"a run\"                    <- text \"ok\"
begin   t0
steer   t0
finish  t0 complete
begin   t0
finish  t0 interrupt
run     t0 \"a failed turn\"            <- fail
name    t0
read    t0
list    t0
start   approval=never sandbox=danger-full-access -> t1
begin   t0
begin   t1
finish  t1 complete
finish  t0 complete
fork    t1 approval=on-request reviewer=auto_review sandbox=read-only -> t2
run     t1 \"denied\"                  <- probe escalate client=accept reviewer=allow
compact t1
archive t1
unarchive t1
run     t2 \"a probe\"                  <- probe escalate client=decline reviewer=allow
restart kill
resume  t0
kill-during after=20ms run     t0 \"lost\" approval=never <- text \"ok\"
audit
";

fn main() -> ExitCode {
    let mut suite = Suite::new("sdk", Vec::new(), Vec::new());
    for client in [SdkClient::Python, SdkClient::PythonAsync] {
        for seed in case_files("seed-") {
            let name = format!("{} by {client}", seed.name);
            suite.live_by(client, &name, move |real| passes(real, &seed.program()?));
        }
        let name = format!("a finding is exported by what the SDK sent by {client}");
        suite.live_by(client, &name, exports);
        let name = format!("what an SDK can do keeps the contract by {client}");
        suite.live_by(client, &name, |real| life(real, &expected()));
        for scenario in &SCENARIOS {
            let name = format!("{} by {client}", scenario.name);
            suite.live_by(client, &name, |real| scenario.check(real));
        }
    }
    suite.conclude()
}

/// The program passes, nothing of it is left out, and what the SDK sent was compared.
fn passes(real: &Real, program: &Program) -> Result<(), String> {
    let verdict = real.verdict(program)?;
    if let Some(what) = verdict.left_out.values().next() {
        return Err(format!("left out: {what}"));
    }
    match compared(&verdict, Clause::K1) {
        0 => Err("nothing that the SDK sent was compared".to_owned()),
        _ => Ok(()),
    }
}

/// How often each clause about the SDK was compared, and what was found.
fn life(real: &Real, expected: &Expect) -> Result<(), String> {
    let program: Program = LIFE.parse().expect("it is a case");
    let verdict = real.verdict(&program)?;
    let mut lines = String::new();
    for clause in [Clause::K1, Clause::K2, Clause::K4, Clause::K5, Clause::K6] {
        lines += &format!("{clause} compared {}\n", compared(&verdict, clause));
    }
    for finding in &verdict.findings {
        lines += &format!("{}: {}\n", finding.signature(), finding.seen);
    }
    lines += &format!("left out: {:?}\n", verdict.left_out);
    expected.assert_eq(&lines);
    Ok(())
}

/// A finding on the pinned release, which the SDK's requests show; the script shows it without the
/// SDK.
const LOST: &str = "\
# heirloom case v2
config  approval=on-request reviewer=user sandbox=read-only
start   approval=never                -> t0
run     t0 \"one\" sandbox=workspace-write <- text \"ok\"
audit
";

fn exports(real: &Real) -> Result<(), String> {
    let program: Program = LOST.parse().expect("it is a case");
    let recording = real.with_worker(|worker| worker.run_recorded(&program, Deadlines::Full))?;
    let Recording { trace, transcript } = recording;
    let findings = judge(&trace).findings;
    let [finding] = findings.as_slice() else {
        return Err(format!("{} findings", findings.len()));
    };
    let exported = Exported {
        id: "lost",
        finding,
        program: &program,
        client: trace.client,
        transcript: &transcript,
        title: None,
        releases: None,
        confirmed: None,
        probe: None,
    };
    let script = exported.text(Form::Sh).map_err(|error| error.to_string())?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let file = folder.path().join("lost.sh");
    std::fs::write(&file, script).map_err(|error| error.to_string())?;
    let server = &real.provided.as_ref().map_err(Clone::clone)?.path;
    let output = Command::new("/bin/sh").arg(&file).arg(server).output();
    let output = output.map_err(|error| error.to_string())?;
    let shown = String::from_utf8_lossy(&output.stdout);
    let (code, errors) = (output.status.code(), String::from_utf8_lossy(&output.stderr));
    expect![[r#"
        Some(1)
        expected {"type": "workspaceWrite", "networkAccess": false, "excludeTmpdirEnvVar": false, "excludeSlashTmp": false, "writableRoots": []}
        seen     {"type": "readOnly", "networkAccess": false}
        the bug is there
    "#]].assert_eq(&format!("{code:?}\n{shown}{errors}"));
    Ok(())
}

fn compared(verdict: &Verdict, clause: Clause) -> u64 {
    let cells = verdict.tally.iter().filter(|(cell, _)| cell.clause == clause);
    cells.map(|(_, count)| count.compared).sum()
}

fn expected() -> Expect {
    expect![[r#"
        K1 compared 13
        K2 compared 24
        K4 compared 3
        K5 compared 1
        K6 compared 5
        R8/SB/resume/workspace-write/config: read-only
        K6/-/restart/sdk-error-gone/unknown: BrokenPipeError: [Errno 32] Broken pipe
        left out: {}
    "#]]
}
