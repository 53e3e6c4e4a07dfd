//! The steps of a plan, one by one, on a running server.
//!
//! Each step sends its request and waits until the trace holds what ends it. A wait that runs out,
//! a server that is gone and trouble of our own cut the run; the cut is the last thing recorded.

use crate::program::ops::action::ThreadAction;
use crate::program::ops::begin::Begin;
use crate::program::ops::cold_read::ColdRead;
use crate::program::ops::configure::Configure;
use crate::program::ops::disk::Disk;
use crate::program::ops::finish::Finish;
use crate::program::ops::fork::Fork;
use crate::program::ops::invalid::Invalid;
use crate::program::ops::restart::Restart;
use crate::program::ops::resume::Resume;
use crate::program::ops::run::Run;
use crate::program::ops::second_server::SecondServer;
use crate::program::ops::settings::Settings;
use crate::program::ops::spawn::Spawn;
use crate::program::ops::start::Start;
use crate::program::ops::steer::Steer;
use crate::program::ops::subagent_turn::SubagentTurn;
use crate::program::ops::turn_settings::TurnSettings;
use crate::program::ops::warm_read::WarmRead;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::deed::PendingProbe;
use super::duplicates::Duplicates;
use super::model_requests::Heard;
use super::recorder::{Recorder, Thread};
use super::schema_check::SchemaCheck;
use super::transport::Transport;
use super::{ActiveHome, TestBed, is_flawed, spends};
use crate::mock_model::ModelSession;
use crate::program::Program;
use crate::program::ops::Step;
use crate::program::ops::action::Action;
use crate::program::thread::ThreadName;
use crate::program::thread::ThreadRef;
use crate::protocol::requests::{self, Call, NEVER_ISSUED};
use crate::protocol::rpc::Id;
use crate::trace::Observation;

/// The run ends here; why is the last fact.
pub(super) struct Aborted;

/// A request that has no answer yet.
pub(super) struct Open {
    pub(super) call: u32,
    /// The name that the reply's thread is given.
    pub(super) new: Option<ThreadName>,
}

/// A plan being performed.
pub(super) struct Run<'a> {
    pub(super) test_bed: &'a TestBed,
    pub(super) stage: &'a ModelSession,
    pub(super) seat: &'a mut ActiveHome,
    pub(super) record: &'a mut Recorder,
    /// The requests without an answer, by connection and id.
    pub(super) open: BTreeMap<(usize, Id), Open>,
    /// The number of the connection that asks: 0, but where the plan says otherwise.
    pub(super) speaks: usize,
    pub(super) transport: Transport,
    pub(super) echoes: Duplicates,
    pub(super) heard: Heard,
    pub(super) stderr: String,
    /// The number of the turn that was granted last.
    pub(super) turn: Option<u32>,
    pub(super) validity: SchemaCheck<'a>,
    /// What the model asks for in the present turn.
    pub(super) deed: Option<PendingProbe>,
    /// Whether the server's writes to files fail now.
    pub(super) full: bool,
    /// Whether an idle thread that nobody hears is unloaded soon.
    pub(super) unloads: bool,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        test_bed: &'a TestBed,
        stage: &'a ModelSession,
        seat: &'a mut ActiveHome,
        record: &'a mut Recorder,
    ) -> Run<'a> {
        let schema = test_bed.installed(seat.runs).schema.as_deref();
        Run {
            test_bed,
            stage,
            seat,
            record,
            open: BTreeMap::new(),
            speaks: 0,
            transport: Transport::Pipes,
            echoes: Duplicates::default(),
            heard: Heard::new(stage.watch()),
            stderr: String::new(),
            turn: None,
            validity: SchemaCheck::new(schema),
            deed: None,
            full: false,
            unloads: false,
        }
    }

    /// Performs every step, the audit's included.
    pub(super) fn program(&mut self, program: &Program) -> Result<(), Aborted> {
        self.record.all_seen(self.validity.begin());
        self.unloads = program.steps.iter().any(unloads);
        self.seat.home.unload_soon(self.unloads);
        self.configure(&program.defaults)?;
        self.transport = Transport::of(program);
        // A plan whose first line names a server begins with the start of that one.
        if program.steps.first().and_then(Step::moves_to).is_none() {
            self.take_server()?;
        }
        for (index, step) in program.whole().iter().enumerate() {
            self.record.step(index);
            self.validity.on_purpose = is_flawed(step);
            self.seat.spent |= spends(step);
            self.step(step)?;
            self.write_told();
        }
        Ok(())
    }

    /// The last words of the servers that ended.
    pub(super) fn stderr(&self) -> String {
        self.stderr.clone()
    }

    pub(super) fn step(&mut self, step: &Step) -> Result<(), Aborted> {
        match step {
            Step::Start(Start { overrides, ephemeral, new }) => {
                let call = requests::start(overrides, *ephemeral, self.seat.home.places());
                self.ask(call, (false, Some(*new)))
            }
            Step::Fork(Fork { source: from, overrides, cut, ephemeral, new }) => {
                let (id, unbound) = self.id(*from);
                let cut = cut.map(|cut| self.cut_at(*from, cut));
                let cut = cut.as_ref().map(|(key, turn)| (*key, turn.as_str()));
                let fork = requests::Fork { thread: &id, overrides, cut, ephemeral: *ephemeral };
                let call = requests::fork(fork, self.seat.home.places());
                self.ask(call, (unbound, Some(*new)))?;
                self.begun(ThreadRef::Thread(*new))
            }
            Step::Resume(Resume { thread, overrides }) => {
                let (id, unbound) = self.id(*thread);
                let call = requests::resume(&id, overrides, self.seat.home.places());
                self.ask(call, (unbound, None))?;
                if self.refused() {
                    self.doubtful(*thread);
                }
                self.begun(*thread)
            }
            Step::WarmRead(WarmRead { thread }) => self.reread(*thread),
            Step::Run(_) => self.turn(step),
            Step::Begin(Begin { thread, overrides }) => self.begin(*thread, overrides),
            Step::Finish(Finish { thread, end: finish }) => self.finish(*thread, *finish),
            Step::Steer(Steer { thread }) => self.steer(*thread),
            Step::TurnSettings(TurnSettings { thread, reviewer }) => self.retune(*thread, reviewer),
            Step::Settings(Settings { thread, overrides }) => self.settings(*thread, overrides),
            Step::Restart(Restart { stop, drop_db, release: server }) => {
                self.restart((*stop, *drop_db), server.as_ref())
            }
            Step::Configure(Configure { defaults }) => self.configure(defaults),
            Step::Action(ThreadAction { thread, action: act }) => self.act(*thread, *act),
            Step::Invalid(Invalid { thread, method, wrong }) => {
                self.invalid(*thread, *method, *wrong)
            }
            Step::Disk(Disk { full }) => self.disk(*full),
            Step::KillDuring(inner, after) => self.torn(inner, *after),
            Step::ColdRead(ColdRead { thread }) => self.fresh(*thread),
            Step::Spawn(Spawn { thread, new }) => self.spawn(*thread, *new),
            Step::SubagentTurn(SubagentTurn { thread }) => self.task(*thread),
            Step::SecondServer(SecondServer { thread }) => self.rival(*thread),
            Step::SecondClient(inner) => self.second(inner),
            Step::Parallel(steps) => self.together(steps),
        }
    }

    /// A thread that was forked or resumed has a history.
    pub(super) fn begun(&mut self, who: ThreadRef) -> Result<(), Aborted> {
        let granted =
            self.record.of_step().any(|what| matches!(what, Observation::Answered { .. }));
        if let ThreadRef::Thread(name) = who
            && let Some(thread) = self.record.threads.get_mut(&name)
        {
            thread.begun |= granted;
        }
        Ok(())
    }

    /// The id of a thread, and whether the plan's name has none.
    pub(super) fn id(&self, who: ThreadRef) -> (String, bool) {
        let bound = match who {
            ThreadRef::Thread(name) => self.record.threads.get(&name),
            ThreadRef::Unknown => None,
        };
        match bound {
            Some(thread) => (thread.id.clone(), false),
            None => (NEVER_ISSUED.to_owned(), matches!(who, ThreadRef::Thread(_))),
        }
    }

    /// Sends a request and waits for its answer.
    pub(super) fn ask(
        &mut self,
        call: Call,
        (unbound, new): (bool, Option<ThreadName>),
    ) -> Result<(), Aborted> {
        if let Some(what) = self.validity.lacks(&call) {
            return self.left_out(&what);
        }
        let method = call.method;
        let number = self.send(call, (unbound, new))?;
        self.until(&format!("the answer to {method}"), self.test_bed.timeouts.answer, |what| {
            what.answers(number)
        })
    }

    pub(super) fn send(
        &mut self,
        call: Call,
        (unbound, new): (bool, Option<ThreadName>),
    ) -> Result<u32, Aborted> {
        let number = self.record.next_call();
        let method = call.method.to_owned();
        self.record.all_seen(self.validity.request(&call));
        self.record.seen(Observation::Sent { call: number, method, unbound });
        let session = self.seat.session.as_mut().expect("a cut run sends nothing");
        match session.speaker(self.speaks).send(call.method, call.params) {
            Ok(id) => {
                self.validity.sent((self.speaks, id.id()), call.method);
                self.open.insert((self.speaks, id.id()), Open { call: number, new });
                Ok(number)
            }
            Err(lost) => self.lost(&lost).map(|()| number),
        }
    }

    /// A look is taken where this connection has loaded the thread and it has a history.
    fn reread(&mut self, who: ThreadRef) -> Result<(), Aborted> {
        let known = match who {
            ThreadRef::Thread(name) => self.record.threads.get(&name),
            ThreadRef::Unknown => None,
        };
        let reason = match known {
            None => "the thread does not exist",
            Some(thread) if !thread.loaded => "the thread is not loaded",
            Some(thread) if !thread.heard_by.contains(&0) => "the first client does not hear of it",
            Some(thread) if !thread.begun => "the thread has no history yet",
            Some(thread) => {
                let places = self.seat.home.places();
                let call = requests::resume(&thread.id, &Default::default(), places);
                return self.ask(call, (false, None));
            }
        };
        self.record.seen(Observation::NotTaken { reason: reason.to_owned() });
        Ok(())
    }

    /// What the run knows of a thread.
    pub(super) fn known(&mut self, who: ThreadRef) -> Option<&mut Thread> {
        match who {
            ThreadRef::Thread(name) => self.record.threads.get_mut(&name),
            ThreadRef::Unknown => None,
        }
    }

    /// The step asks for what cannot be had now.
    pub(super) fn not_taken(&mut self, reason: &str) -> Result<(), Aborted> {
        self.record.seen(Observation::NotTaken { reason: reason.to_owned() });
        Ok(())
    }

    /// The release does not have what the step asks for.
    pub(super) fn left_out(&mut self, what: &str) -> Result<(), Aborted> {
        self.record.seen(Observation::LeftOut { what: what.to_owned() });
        Ok(())
    }

    /// Records what arrives until the step has shown this or the time is over.
    pub(super) fn within(
        &mut self,
        timeouts: Duration,
        is: impl Fn(&Observation) -> bool,
    ) -> Result<(), Aborted> {
        let deadline = Instant::now() + timeouts;
        while !self.record.of_step().any(&is) && Instant::now() < deadline {
            let session = self.seat.session.as_mut().expect("a cut run waits for nothing");
            match session.next(deadline) {
                None => return Ok(()),
                Some(arrived) => self.arrived(arrived)?,
            }
        }
        Ok(())
    }

    /// Records what arrives until the step has shown this. A server that talks on and on is heard
    /// as long again, for what came in time may be waiting in line.
    pub(super) fn until(
        &mut self,
        awaited: &str,
        timeouts: Duration,
        is: impl Fn(&Observation) -> bool,
    ) -> Result<(), Aborted> {
        let deadline = Instant::now() + timeouts;
        while !self.record.of_step().any(&is) {
            let session = self.seat.session.as_mut().expect("a cut run waits for nothing");
            match session.next(deadline) {
                None => return self.silent(awaited, timeouts),
                Some(arrived) => self.arrived(arrived)?,
            }
            if Instant::now() >= deadline + timeouts {
                return self.silent(awaited, timeouts);
            }
        }
        Ok(())
    }
}

/// Whether a step wants an idle thread unloaded.
fn unloads(step: &Step) -> bool {
    match step {
        Step::Action(ThreadAction { action: act, .. }) => *act == Action::Unload,
        Step::SecondClient(step) | Step::KillDuring(step, _) => unloads(step),
        Step::Parallel(steps) => steps.iter().any(unloads),
        _ => false,
    }
}
