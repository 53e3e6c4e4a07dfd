//! Whether this machine can sandbox a command at all.
//!
//! The server itself shows it, once: under a policy that asks nobody and lets a command write only
//! into the workspace, a write there must succeed and one outside must fail. Where it does not, no
//! probe says anything about a sandbox.

use super::active_home::ActiveHome;
use super::recorder::Recorder;
use super::run::{Aborted, Runner};
use super::test_bed::{ServerSlot, TestBed};
use crate::client::tape::Tape;
use crate::policy::{Approval, CallOverrides, Defaults, SandboxMode, Setting, TurnOverrides};
use crate::program::ops::Step;
use crate::program::ops::run::Run;
use crate::program::ops::start::Start;
use crate::program::reply::{Probe, ProbeScript, Reply};
use crate::program::thread::{ThreadName, ThreadRef};
use crate::protocol::probe::command_output;
use crate::trace::Observation;

/// The thread of the attempt.
const THREAD: ThreadName = ThreadName(0);

/// How much of the command's result is kept: when a sandbox cannot start, the text is long, and its
/// beginning says why.
const RESULT_MAX: usize = 200;

impl TestBed {
    /// Why this machine cannot sandbox a command, if it cannot; the first call tries it, and tries it
    /// again where it fails, since the end of another server can be in the way.
    pub fn no_sandbox(&self) -> Option<&str> {
        let tried = || self.try_sandbox().or_else(|_| self.try_sandbox()).err();
        self.no_sandbox.get_or_init(tried).as_deref()
    }

    fn try_sandbox(&self) -> Result<(), String> {
        let home = self.home(ServerSlot::Main);
        let home = home.map_err(|error| format!("no home to try it in: {error}"))?;
        let model = self.mock_model.session();
        let mut active = ActiveHome::new(home, ServerSlot::Main);
        let mut recorder = Recorder::new(Tape::default());
        let mut run = Runner::new(self, &model, &mut active, &mut recorder);
        let done = write_twice(&mut run);
        let landed = recorder.observations().filter_map(|what| match what {
            Observation::Probe { landed, .. } => *landed,
            _ => None,
        });
        let requests = model.requests();
        let result = requests.iter().find_map(|request| Some(request.outputs().pop()?.1));
        let result = result.unwrap_or_else(|| "nothing".to_owned());
        let result = command_output(&result).split_whitespace().collect::<Vec<_>>().join(" ");
        let result: String = result.chars().take(RESULT_MAX).collect();
        match (done, landed.collect::<Vec<_>>().as_slice()) {
            (Ok(()), [true, false]) => Ok(()),
            (Ok(()), [_, true]) => Err("a write outside the workspace was not stopped".to_owned()),
            (Ok(()), [false, _]) => {
                Err(format!("a write into the workspace failed; the command printed: {result}"))
            }
            _ => Err(format!("the server ran no command; the model was sent: {result}")),
        }
    }
}

/// Starts a thread whose model writes into the workspace, and then outside it.
fn write_twice(run: &mut Runner<'_>) -> Result<(), Aborted> {
    let overrides = CallOverrides {
        approval: Setting::Set(Approval::Never),
        sandbox: Setting::Set(SandboxMode::WorkspaceWrite),
        ..CallOverrides::default()
    };
    let start = Start { overrides, ephemeral: false, new: THREAD };
    run.configure(&Defaults::default())?;
    run.start_server()?;
    let steps = [start.into(), turn(Probe::WriteInside), turn(Probe::WriteOutside)];
    for (index, step) in steps.iter().enumerate() {
        run.recorder.begin_step(index);
        run.step(step)?;
    }
    Ok(())
}

fn turn(probe: Probe) -> Step {
    let plain = Run::plain(ThreadRef::Thread(THREAD), TurnOverrides::default());
    Run { prompt: "probe".to_owned(), reply: Reply::Probe(ProbeScript::refused(probe)), ..plain }
        .into()
}
