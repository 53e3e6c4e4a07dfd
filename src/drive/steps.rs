//! [edge] The steps of a plan, one by one, on a running server.
//!
//! Each step sends its request and waits until the trace holds what ends it. A wait that runs out,
//! a server that is gone and trouble of our own cut the run; the cut is the last thing recorded.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::record::Record;
use super::session::{NoSession, Session};
use super::told::Heard;
use super::{Bench, Seat, kills};
use crate::client::{Arrived, Lost};
use crate::op::Stop;
use crate::plan::{Name, Plan, Reply, Step, Who};
use crate::policy::Defaults;
use crate::server::{Cause, Ended};
use crate::trace::What;
use crate::upstream::Stage;
use crate::wire::call::{self, Call, NEVER_ISSUED};
use crate::wire::model::ModelRequest;
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
    pub(super) open: BTreeMap<Id, Open>,
    pub(super) heard: Heard,
    pub(super) stderr: String,
    /// The number of the turn that was granted last.
    pub(super) turn: Option<u32>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        bench: &'a Bench,
        stage: &'a Stage,
        seat: &'a mut Seat,
        record: &'a mut Record,
    ) -> Run<'a> {
        let (heard, open, stderr) = (Heard::new(stage.watch()), BTreeMap::new(), String::new());
        Run { bench, stage, seat, record, open, heard, stderr, turn: None }
    }

    /// Performs every step, the audit's included.
    pub(super) fn plan(&mut self, plan: &Plan) -> Result<(), Cut> {
        self.configure(&plan.defaults)?;
        match &mut self.seat.session {
            Some(session) => drop(session.client.drain()),
            None => self.start_server()?,
        }
        for (index, step) in plan.whole().iter().enumerate() {
            self.record.step(index);
            self.seat.spent |= kills(step);
            self.step(step)?;
            self.write_told();
        }
        Ok(())
    }

    /// The last words of the servers that ended.
    pub(super) fn stderr(&self) -> String {
        self.stderr.clone()
    }

    fn step(&mut self, step: &Step) -> Result<(), Cut> {
        match step {
            Step::Start { overrides, new } => {
                let call = call::start(overrides, self.seat.home.places());
                self.ask(call, (false, Some(*new)))
            }
            Step::Fork { from, overrides, new } => {
                let (id, unbound) = self.id(*from);
                self.ask(call::fork(&id, overrides), (unbound, Some(*new)))?;
                self.begun(Who::Thread(*new))
            }
            Step::Resume { thread, overrides } => {
                let (id, unbound) = self.id(*thread);
                self.ask(call::resume(&id, overrides), (unbound, None))?;
                self.begun(*thread)
            }
            Step::Reread { thread } => self.reread(*thread),
            Step::Fresh { thread } => self.fresh(*thread),
            Step::Run { .. } => self.turn(step),
            Step::Restart { stop } => self.restart(*stop),
            Step::Configure { defaults } => self.configure(defaults),
        }
    }

    /// A thread that was forked or resumed has a history.
    fn begun(&mut self, who: Who) -> Result<(), Cut> {
        let granted = self.record.of_step().any(|what| matches!(what, What::Answered { .. }));
        if let Who::Thread(name) = who
            && let Some(thread) = self.record.threads.get_mut(&name)
        {
            thread.begun |= granted;
        }
        Ok(())
    }

    /// The id of a thread, and whether the plan's name has none.
    fn id(&self, who: Who) -> (String, bool) {
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
    fn ask(&mut self, call: Call, (unbound, new): (bool, Option<Name>)) -> Result<(), Cut> {
        let method = call.method;
        let number = self.send(call, (unbound, new))?;
        self.until(&format!("the answer to {method}"), self.bench.patience.answer, |what| {
            answers(what, number)
        })
    }

    fn send(&mut self, call: Call, (unbound, new): (bool, Option<Name>)) -> Result<u32, Cut> {
        let number = self.record.next_call();
        let method = call.method.to_owned();
        self.record.seen(What::Sent { call: number, method, unbound });
        let session = self.seat.session.as_mut().expect("a cut run sends nothing");
        match session.client.send(call.method, call.params) {
            Ok(id) => {
                self.open.insert(id.id(), Open { call: number, new });
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
            Some(thread) if !thread.begun => "the thread has no history yet",
            Some(thread) => {
                let call = call::resume(&thread.id, &Default::default());
                return self.ask(call, (false, None));
            }
        };
        self.record.seen(What::NotTaken { reason: reason.to_owned() });
        Ok(())
    }

    fn turn(&mut self, step: &Step) -> Result<(), Cut> {
        let Step::Run { thread, prompt, overrides, flaw, reply } = step else {
            return Ok(());
        };
        let (id, unbound) = self.id(*thread);
        self.turn = None;
        let asked = self.stage.watch();
        self.stage.queue(&id, reply.clone());
        let turn = call::Turn { thread: &id, prompt, overrides, flaw: *flaw };
        let call = call::turn(turn, self.seat.home.places());
        self.ask(call, (unbound, None))?;
        if self.record.of_step().any(|what| matches!(what, What::Refused { .. })) {
            self.stage.forget();
            return Ok(());
        }
        if *reply == Reply::Hold {
            self.interrupt(&id, &asked)?;
        }
        let granted = self.turn;
        self.until("turn/completed", self.bench.patience.turn, |what| match what {
            What::TurnEnded { turn, .. } => granted.is_none_or(|granted| *turn == granted),
            _ => false,
        })
    }

    /// Waits until the model is asked, and then interrupts the turn that asks it.
    fn interrupt(&mut self, id: &str, asked: &Receiver<Arc<ModelRequest>>) -> Result<(), Cut> {
        let deadline = Instant::now() + self.bench.patience.turn;
        let of_thread = |request: &ModelRequest| request.thread.as_deref() == Some(id);
        loop {
            let session = self.seat.session.as_mut().expect("it has just answered");
            match session.client.beside(asked, deadline) {
                Ok(request) if !of_thread(&request) => {}
                Err(Lost::Deadline { .. }) => {
                    return self.silent("turn/started and its request", self.bench.patience.turn);
                }
                // The end of a server that is gone is found where its last words are read.
                Ok(_) | Err(_) => break,
            }
        }
        self.until("turn/started", self.bench.patience.turn, |what| {
            matches!(what, What::TurnStarted { .. } | What::TurnEnded { .. })
        })?;
        let turn = self.record.last_turn().unwrap_or_default().to_owned();
        self.ask(call::interrupt(id, &turn), (false, None))
    }

    fn restart(&mut self, stop: Stop) -> Result<(), Cut> {
        if let Some(mut session) = self.seat.session.take() {
            let ended = match stop {
                Stop::Graceful => session.stop(self.bench),
                Stop::Kill => session.kill(),
            };
            self.last_words(&mut session.client);
            self.ended(&ended, ended.cause != Cause::Itself);
        }
        self.record.threads.values_mut().for_each(|thread| thread.loaded = false);
        self.read_rollouts()?;
        if stop == Stop::Graceful {
            self.read_store();
        }
        self.start_server()
    }

    fn configure(&mut self, defaults: &Defaults) -> Result<(), Cut> {
        let url = self.stage.base_url();
        match self.seat.home.configure(defaults, self.bench.profile, &url) {
            Ok(()) => Ok(()),
            Err(error) => self.trouble(format!("cannot write config.toml: {error}; free space")),
        }
    }

    fn read_rollouts(&mut self) -> Result<(), Cut> {
        let threads = self.record.threads.values();
        let files: Vec<_> =
            threads.filter_map(|thread| Some((thread.id.clone(), thread.path.clone()?))).collect();
        for (id, path) in files {
            match self.seat.home.rollout(&path, &id) {
                Ok(policy) => {
                    let thread = self.record.whose(&id);
                    self.record.seen(What::Rollout { thread, policy });
                }
                Err(error) => {
                    let path = path.display();
                    return self.trouble(format!("cannot read {path}: {error}; run it again"));
                }
            }
        }
        Ok(())
    }

    fn start_server(&mut self) -> Result<(), Cut> {
        match Session::start(self.bench, &self.seat.home) {
            Ok(session) => {
                self.seat.session = Some(session);
                Ok(())
            }
            Err(NoSession::Ours(reason)) => self.trouble(reason),
            Err(NoSession::Refused(reason)) => {
                self.record.seen(What::Strange { line: format!("no handshake: {reason}") });
                self.silent("the answer to initialize", self.bench.patience.answer)
            }
            Err(NoSession::Silent(lost, ended, garbage)) => {
                if let Some(line) = garbage {
                    self.record.seen(What::Strange { line });
                }
                if let Lost::Deadline { .. } = lost {
                    return self.silent("the answer to initialize", self.bench.patience.answer);
                }
                self.ended(&ended, false);
                Err(Cut)
            }
        }
    }

    /// Records what arrives until the step has shown this. A server that talks on and on is heard
    /// as long again, for what came in time may be waiting in line.
    fn until(
        &mut self,
        awaited: &str,
        patience: Duration,
        is: impl Fn(&What) -> bool,
    ) -> Result<(), Cut> {
        let deadline = Instant::now() + patience;
        while !self.record.of_step().any(&is) {
            let session = self.seat.session.as_mut().expect("a cut run waits for nothing");
            match session.client.next(deadline) {
                None => return self.silent(awaited, patience),
                Some(Arrived::Closed) => return self.gone(),
                Some(Arrived::Garbage(line)) => {
                    self.record.seen(What::Strange { line: line.to_string() });
                }
                Some(Arrived::Message(message)) => self.message(message)?,
            }
            if Instant::now() >= deadline + patience {
                return self.silent(awaited, patience);
            }
        }
        Ok(())
    }

    /// The server does not take what it is sent.
    pub(super) fn lost(&mut self, lost: &Lost) -> Result<(), Cut> {
        match lost {
            Lost::Deadline { awaited } => self.silent(awaited, self.bench.patience.answer),
            Lost::Unread { sent, seconds } => {
                let awaited = format!("room to send {sent}");
                self.silent(&awaited, Duration::from_secs(*seconds))
            }
            Lost::Closed { .. } | Lost::Broken { .. } => self.gone(),
        }
    }

    pub(super) fn silent(&mut self, awaited: &str, patience: Duration) -> Result<(), Cut> {
        let (awaited, seconds) = (awaited.to_owned(), patience.as_secs());
        self.record.seen(What::Silent { awaited, seconds });
        self.cut()
    }

    /// The server closed its stdout; if it has not ended with that, it is ended now.
    fn gone(&mut self) -> Result<(), Cut> {
        if let Some(session) = self.seat.session.take() {
            let ended = session.reap();
            self.ended(&ended, false);
        }
        self.cut()
    }

    pub(super) fn trouble(&mut self, reason: String) -> Result<(), Cut> {
        self.record.trouble(reason);
        self.cut()
    }

    pub(super) fn cut(&mut self) -> Result<(), Cut> {
        self.seat.spent = true;
        self.seat.session = None;
        Err(Cut)
    }

    pub(super) fn ended(&mut self, ended: &Ended, told: bool) {
        self.stderr.push_str(&ended.stderr_tail);
        let worth = !told || ended.panicked;
        let stderr = if worth { ended.stderr_tail.clone() } else { String::new() };
        let exit = match (told, ended.cause) {
            (false, Cause::Killed) => format!("it closed its stdout and went on; {ended}"),
            _ => ended.to_string(),
        };
        self.seat.spent |= worth;
        self.record.seen(What::Ended { told, exit, panicked: ended.panicked, stderr });
    }
}

fn answers(what: &What, number: u32) -> bool {
    match what {
        What::Answered { call, .. } | What::Refused { call, .. } => *call == number,
        _ => false,
    }
}
