//! [edge] The steps of a plan, one by one, on a running server.
//!
//! Each step sends its request and waits until the trace holds what ends it. A wait that runs out,
//! a server that is gone and trouble of our own cut the run; the cut is the last thing recorded.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::deed::Deed;
use super::echoes::Echoes;
use super::record::{Record, Thread};
use super::sockets::Transport;
use super::told::Heard;
use super::validity::Validity;
use super::{Bench, Seat, is_flawed, spends};
use crate::op::Act;
use crate::plan::{Name, Plan, Step, Who};
use crate::trace::What;
use crate::upstream::Stage;
use crate::wire::call::{self, Call, NEVER_ISSUED};
use crate::wire::rpc::Id;

/// The run ends here; why is the last fact.
pub(super) struct Cut;

/// A request that has no answer yet.
pub(super) struct Open {
    pub(super) call: u32,
    /// The name that the reply's thread is given.
    pub(super) new: Option<Name>,
}

/// A plan being performed.
pub(super) struct Run<'a> {
    pub(super) bench: &'a Bench,
    pub(super) stage: &'a Stage,
    pub(super) seat: &'a mut Seat,
    pub(super) record: &'a mut Record,
    /// The requests without an answer, by connection and id.
    pub(super) open: BTreeMap<(usize, Id), Open>,
    /// The number of the connection that asks: 0, but where the plan says otherwise.
    pub(super) speaks: usize,
    pub(super) transport: Transport,
    pub(super) echoes: Echoes,
    pub(super) heard: Heard,
    pub(super) stderr: String,
    /// The number of the turn that was granted last.
    pub(super) turn: Option<u32>,
    pub(super) validity: Validity<'a>,
    /// What the model asks for in the present turn.
    pub(super) deed: Option<Deed>,
    /// Whether the server's writes to files fail now.
    pub(super) full: bool,
    /// Whether an idle thread that nobody hears is unloaded soon.
    pub(super) unloads: bool,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        bench: &'a Bench,
        stage: &'a Stage,
        seat: &'a mut Seat,
        record: &'a mut Record,
    ) -> Run<'a> {
        let schema = bench.installed(seat.runs).schema.as_deref();
        Run {
            bench,
            stage,
            seat,
            record,
            open: BTreeMap::new(),
            speaks: 0,
            transport: Transport::Pipes,
            echoes: Echoes::default(),
            heard: Heard::new(stage.watch()),
            stderr: String::new(),
            turn: None,
            validity: Validity::new(schema),
            deed: None,
            full: false,
            unloads: false,
        }
    }

    /// Performs every step, the audit's included.
    pub(super) fn plan(&mut self, plan: &Plan) -> Result<(), Cut> {
        self.record.all_seen(self.validity.begin());
        self.unloads = plan.steps.iter().any(unloads);
        self.seat.home.unload_soon(self.unloads);
        self.configure(&plan.defaults)?;
        self.transport = Transport::of(plan);
        // A plan whose first line names a server begins with the start of that one.
        if plan.steps.first().and_then(Step::moves_to).is_none() {
            self.take_server()?;
        }
        for (index, step) in plan.whole().iter().enumerate() {
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

    pub(super) fn step(&mut self, step: &Step) -> Result<(), Cut> {
        match step {
            Step::Start { overrides, ephemeral, new } => {
                let call = call::start(overrides, *ephemeral, self.seat.home.places());
                self.ask(call, (false, Some(*new)))
            }
            Step::Fork { from, overrides, cut, ephemeral, new } => {
                let (id, unbound) = self.id(*from);
                let cut = cut.map(|cut| self.cut_at(*from, cut));
                let cut = cut.as_ref().map(|(key, turn)| (*key, turn.as_str()));
                let fork = call::Fork { thread: &id, overrides, cut, ephemeral: *ephemeral };
                let call = call::fork(fork, self.seat.home.places());
                self.ask(call, (unbound, Some(*new)))?;
                self.begun(Who::Thread(*new))
            }
            Step::Resume { thread, overrides } => {
                let (id, unbound) = self.id(*thread);
                let call = call::resume(&id, overrides, self.seat.home.places());
                self.ask(call, (unbound, None))?;
                if self.refused() {
                    self.doubtful(*thread);
                }
                self.begun(*thread)
            }
            Step::Reread { thread } => self.reread(*thread),
            Step::Run { .. } => self.turn(step),
            Step::Begin { thread, overrides } => self.begin(*thread, overrides),
            Step::Finish { thread, finish } => self.finish(*thread, *finish),
            Step::Steer { thread } => self.steer(*thread),
            Step::Retune { thread, reviewer } => self.retune(*thread, reviewer),
            Step::Settings { thread, overrides } => self.settings(*thread, overrides),
            Step::Restart { stop, forgets, server } => {
                self.restart((*stop, *forgets), server.as_ref())
            }
            Step::Configure { defaults } => self.configure(defaults),
            Step::Act { thread, act } => self.act(*thread, *act),
            Step::Invalid { thread, method, wrong } => self.invalid(*thread, *method, *wrong),
            Step::Disk { full } => self.disk(*full),
            Step::Torn(inner, after) => self.torn(inner, *after),
            Step::Fresh { thread } => self.fresh(*thread),
            Step::Spawn { thread, new } => self.spawn(*thread, *new),
            Step::Task { thread } => self.task(*thread),
            Step::Rival { thread } => self.rival(*thread),
            Step::Second(inner) => self.second(inner),
            Step::Together(steps) => self.together(steps),
        }
    }

    /// A thread that was forked or resumed has a history.
    pub(super) fn begun(&mut self, who: Who) -> Result<(), Cut> {
        let granted = self.record.of_step().any(|what| matches!(what, What::Answered { .. }));
        if let Who::Thread(name) = who
            && let Some(thread) = self.record.threads.get_mut(&name)
        {
            thread.begun |= granted;
        }
        Ok(())
    }

    /// The id of a thread, and whether the plan's name has none.
    pub(super) fn id(&self, who: Who) -> (String, bool) {
        let bound = match who {
            Who::Thread(name) => self.record.threads.get(&name),
            Who::Nobody => None,
        };
        match bound {
            Some(thread) => (thread.id.clone(), false),
            None => (NEVER_ISSUED.to_owned(), matches!(who, Who::Thread(_))),
        }
    }

    /// Sends a request and waits for its answer.
    pub(super) fn ask(
        &mut self,
        call: Call,
        (unbound, new): (bool, Option<Name>),
    ) -> Result<(), Cut> {
        if let Some(what) = self.validity.lacks(&call) {
            return self.left_out(&what);
        }
        let method = call.method;
        let number = self.send(call, (unbound, new))?;
        self.until(&format!("the answer to {method}"), self.bench.patience.answer, |what| {
            what.answers(number)
        })
    }

    pub(super) fn send(
        &mut self,
        call: Call,
        (unbound, new): (bool, Option<Name>),
    ) -> Result<u32, Cut> {
        let number = self.record.next_call();
        let method = call.method.to_owned();
        self.record.all_seen(self.validity.request(&call));
        self.record.seen(What::Sent { call: number, method, unbound });
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
    fn reread(&mut self, who: Who) -> Result<(), Cut> {
        let known = match who {
            Who::Thread(name) => self.record.threads.get(&name),
            Who::Nobody => None,
        };
        let reason = match known {
            None => "the thread does not exist",
            Some(thread) if !thread.loaded => "the thread is not loaded",
            Some(thread) if !thread.heard_by.contains(&0) => "the first client does not hear of it",
            Some(thread) if !thread.begun => "the thread has no history yet",
            Some(thread) => {
                let places = self.seat.home.places();
                let call = call::resume(&thread.id, &Default::default(), places);
                return self.ask(call, (false, None));
            }
        };
        self.record.seen(What::NotTaken { reason: reason.to_owned() });
        Ok(())
    }

    /// What the run knows of a thread.
    pub(super) fn known(&mut self, who: Who) -> Option<&mut Thread> {
        match who {
            Who::Thread(name) => self.record.threads.get_mut(&name),
            Who::Nobody => None,
        }
    }

    /// The step asks for what cannot be had now.
    pub(super) fn not_taken(&mut self, reason: &str) -> Result<(), Cut> {
        self.record.seen(What::NotTaken { reason: reason.to_owned() });
        Ok(())
    }

    /// The release does not have what the step asks for.
    pub(super) fn left_out(&mut self, what: &str) -> Result<(), Cut> {
        self.record.seen(What::LeftOut { what: what.to_owned() });
        Ok(())
    }

    /// Records what arrives until the step has shown this or the time is over.
    pub(super) fn within(
        &mut self,
        patience: Duration,
        is: impl Fn(&What) -> bool,
    ) -> Result<(), Cut> {
        let deadline = Instant::now() + patience;
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
        patience: Duration,
        is: impl Fn(&What) -> bool,
    ) -> Result<(), Cut> {
        let deadline = Instant::now() + patience;
        while !self.record.of_step().any(&is) {
            let session = self.seat.session.as_mut().expect("a cut run waits for nothing");
            match session.next(deadline) {
                None => return self.silent(awaited, patience),
                Some(arrived) => self.arrived(arrived)?,
            }
            if Instant::now() >= deadline + patience {
                return self.silent(awaited, patience);
            }
        }
        Ok(())
    }
}

/// Whether a step wants an idle thread unloaded.
fn unloads(step: &Step) -> bool {
    match step {
        Step::Act { act, .. } => *act == Act::Unload,
        Step::Second(step) | Step::Torn(step, _) => unloads(step),
        Step::Together(steps) => steps.iter().any(unloads),
        _ => false,
    }
}
