//! Whether this machine can sandbox a command at all.
//!
//! Found out once, by the server itself: under a policy that asks nobody and lets a command write
//! into the workspace alone, a write there must land and one outside must not. Where it is
//! otherwise no deed says anything of a sandbox.

use super::recorder::Recorder;
use super::releases::ServerSlot;
use super::steps::{Aborted, Run};
use super::{ActiveHome, TestBed};
use crate::policy::{Approval, CallOverrides, Defaults, SandboxMode, Setting, TurnOverrides};
use crate::program::ops::Step;
use crate::program::ops::run::Run;
use crate::program::ops::start::Start;
use crate::program::reply::Consent;
use crate::program::reply::Probe;
use crate::program::reply::Reply;
use crate::program::reply::Review;
use crate::program::thread::ThreadName;
use crate::program::thread::ThreadRef;
use crate::protocol::probe::printed;
use crate::trace::Observation;

/// The thread that tries it.
const TRIES: ThreadName = ThreadName(0);

/// What the model is told of a sandbox that does not begin is a long text; its start says what it
/// is.
const SAID_MAX: usize = 200;

impl TestBed {
    /// Why this machine cannot sandbox a command, where it cannot; found out at the first call.
    pub fn no_sandbox(&self) -> Option<&str> {
        self.sandbox.get_or_init(|| self.try_sandbox().err()).as_deref()
    }

    /// Whether it was found that this machine cannot.
    pub(super) fn is_known_unsandboxed(&self) -> bool {
        self.sandbox.get().is_some_and(Option::is_some)
    }

    fn try_sandbox(&self) -> Result<(), String> {
        let home = self.home().map_err(|error| format!("no home to try it in: {error}"))?;
        let stage = self.upstream.stage();
        let mut seat =
            ActiveHome { home, runs: ServerSlot::Main, session: None, cases: 0, spent: true };
        let mut record = Recorder::new();
        let mut run = Run::new(self, &stage, &mut seat, &mut record);
        let done = tried(&mut run);
        let landed = record.landed();
        let requests = stage.requests();
        let said = requests.iter().find_map(|request| Some(request.outputs().pop()?.1));
        let said = said.unwrap_or_else(|| "nothing".to_owned());
        let said: String = printed(&said).split_whitespace().collect::<Vec<_>>().join(" ");
        let said: String = said.chars().take(SAID_MAX).collect();
        match (done, landed.as_slice()) {
            (Ok(()), [true, false]) => Ok(()),
            (Ok(()), [_, true]) => Err("a write outside the workspace was not stopped".to_owned()),
            (Ok(()), [false, _]) => {
                Err(format!("a write into the workspace failed; the command said: {said}"))
            }
            _ => Err(format!("the server ran no command; the model was told: {said}")),
        }
    }
}

fn tried(run: &mut Run<'_>) -> Result<(), Aborted> {
    let overrides = CallOverrides {
        approval: Setting::Set(Approval::Never),
        sandbox: Setting::Set(SandboxMode::WorkspaceWrite),
        ..CallOverrides::default()
    };
    let start = Step::Start(Start { overrides, ephemeral: false, new: TRIES });
    run.configure(&Defaults::default())?;
    run.start_server()?;
    for (index, step) in
        [start, deed(Probe::WriteInside), deed(Probe::WriteOutside)].iter().enumerate()
    {
        run.record.step(index);
        run.step(step)?;
    }
    Ok(())
}

fn deed(probe: Probe) -> Step {
    let consent = Consent { client: false, review: Review::Deny };
    Step::Run(Run {
        thread: ThreadRef::Thread(TRIES),
        prompt: "deed".to_owned(),
        overrides: TurnOverrides::default(),
        flaw: None,
        reply: Reply::Probe(probe, consent),
    })
}

impl Recorder {
    /// Of each deed whether it landed.
    fn landed(&self) -> Vec<bool> {
        let landed = |what: &Observation| match what {
            Observation::Probe { landed, .. } => *landed,
            _ => None,
        };
        self.all().filter_map(landed).collect()
    }
}
