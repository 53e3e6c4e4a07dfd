//! A simulated server: it answers as the model predicts, with or without a fault.
//!
//! It leaves the trace that a real run would leave. A fault changes the step that it receives, the
//! world that it remembers, or an answer; all consequences follow from its state. It tests the judge
//! and the shrinker, never the model, because its answers are the model's.

use std::collections::{BTreeMap, BTreeSet};

use heirloom::model::step::step;
use heirloom::model::{Branch, Expected, World};
use heirloom::policy::model_context::ContextPart;
use heirloom::policy::{Approval, CallOverrides, DEFAULT, Defaults, Dimension, Policy, Reviewer};
use heirloom::program::Program;
use heirloom::program::ops::begin::Begin;
use heirloom::program::ops::cold_read::ColdRead;
use heirloom::program::ops::finish::Finish;
use heirloom::program::ops::fork::Fork;
use heirloom::program::ops::restart::{Restart, Stop};
use heirloom::program::ops::resume::Resume;
use heirloom::program::ops::run::Run;
use heirloom::program::ops::warm_read::WarmRead;
use heirloom::program::ops::{Delay, Step};
use heirloom::program::reply::Reply;
use heirloom::program::thread::{ThreadName, ThreadRef};
use heirloom::trace::view::View;
use heirloom::trace::{Evidence, Observation, ThreadLabel, Trace};

pub(crate) mod defect;
pub(crate) mod enforcement;
pub(crate) mod fault;
mod recorder;

use self::defect::Defect;
use self::enforcement::Enforcement;
use self::fault::{Fault, know_defaults};
use self::recorder::Recorder;

/// A kill after this delay finds the call answered, with all its effects.
const ANSWERED: Delay = Delay(20);

/// The run ends here; the last entry of the trace has the reason.
struct Aborted;

/// A turn's change of its thread's policy.
struct Change {
    thread: ThreadName,
    /// The policy before the turn; none where the thread was not loaded.
    before: Option<Policy>,
    after: Policy,
}

struct Server {
    fault: Option<Fault>,
    defect: Option<Defect>,
    /// The secondary dimension in which the model context has config's value.
    misstated: Option<Dimension>,
    /// How it enforces policies, where its programs have probes.
    enforcement: Option<Enforcement>,
    world: World,
    recorder: Recorder,
}

/// The trace of the program on a server with the fault, or on a correct one.
pub(crate) fn run(program: &Program, fault: Option<Fault>) -> Trace {
    serve_all(program, Server { fault, ..Server::correct(program) })
}

/// The trace of the program on a server that states config's value of this dimension to the model.
pub(crate) fn run_misstating(program: &Program, dimension: Dimension) -> Trace {
    serve_all(program, Server { misstated: Some(dimension), ..Server::correct(program) })
}

/// The trace of the program on a server that enforces policies so.
pub(crate) fn run_enforcing(program: &Program, enforcement: Enforcement) -> Trace {
    serve_all(program, Server { enforcement: Some(enforcement), ..Server::correct(program) })
}

/// The trace of the program on a server with the defect.
pub(crate) fn run_with(program: &Program, defect: Defect) -> Trace {
    serve_all(program, Server { defect: Some(defect), ..Server::correct(program) })
}

fn serve_all(program: &Program, mut server: Server) -> Trace {
    server.show_config();
    for (index, step) in program.with_audit().iter().enumerate() {
        server.recorder.go_to(index);
        let before = server.world.defaults.clone();
        if server.step(step).is_err() {
            break;
        }
        if server.world.defaults != before {
            server.show_config();
        }
    }
    server.recorder.trace(program)
}

impl Server {
    fn correct(program: &Program) -> Server {
        let mut world = World::new(program.defaults.clone());
        know_defaults(&mut world);
        let recorder = Recorder::default();
        Server { fault: None, defect: None, misstated: None, enforcement: None, world, recorder }
    }

    /// What config.toml states of the policy of threads.
    fn show_config(&mut self) {
        let Defaults { user, trust, .. } = &self.world.defaults;
        let stated = [
            ("approval_policy", user.approval.as_ref().map(Approval::to_string)),
            ("approvals_reviewer", user.reviewer.as_ref().map(Reviewer::to_string)),
            ("sandbox_mode", user.sandbox.map(|mode| mode.to_string())),
            ("projects.WS.trust_level", trust.map(|trust| trust.to_string())),
        ];
        let states = stated.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        self.recorder.record(Observation::ConfigFile { states: states.collect() });
    }

    fn step(&mut self, step: &Step) -> Result<(), Aborted> {
        match step {
            Step::Start(_) => self.ask("thread/start", step),
            Step::Fork(_) => self.ask("thread/fork", step),
            Step::Resume(_) => self.ask("thread/resume", step),
            Step::Run(_) => self.ask("turn/start", step),
            Step::WarmRead(WarmRead { thread }) => match self.recorder.no_warm_read(*thread) {
                Some(reason) => {
                    self.recorder.record(Observation::NotTaken { reason });
                    Ok(())
                }
                None => {
                    let overrides = CallOverrides::default();
                    self.ask("thread/resume", &Step::Resume(Resume { thread: *thread, overrides }))
                }
            },
            Step::Restart(Restart { stop, .. }) => {
                self.restart(step, *stop);
                Ok(())
            }
            Step::KillDuring(inner, after) if *after >= ANSWERED => {
                self.step(inner)?;
                let kill =
                    Step::Restart(Restart { stop: Stop::Kill, drop_db: false, release: None });
                self.restart(&kill, Stop::Kill);
                Ok(())
            }
            Step::KillDuring(inner, _) => {
                let unbound = self.recorder.is_unbound(inner);
                self.recorder.send("a request", unbound);
                self.restart(step, Stop::Kill);
                Ok(())
            }
            Step::Configure(_) | Step::Disk(_) => {
                self.serve(step);
                Ok(())
            }
            Step::Finish(Finish { thread, .. }) => {
                self.finish(step, *thread);
                Ok(())
            }
            Step::Parallel(lanes) => {
                self.parallel(lanes);
                Ok(())
            }
            Step::ColdRead(ColdRead { thread }) => {
                self.cold_read(*thread);
                Ok(())
            }
            other => {
                self.ask("a request", other)?;
                self.forget_unloaded(other);
                Ok(())
            }
        }
    }

    /// An archive unloads the thread, and no warm read of it is made.
    fn forget_unloaded(&mut self, step: &Step) {
        if let Some(ThreadRef::Thread(name)) = step.uses()
            && self.world.threads.get(&name).is_some_and(|thread| thread.live.is_none())
        {
            self.recorder.unload(name);
        }
    }

    fn finish(&mut self, step: &Step, thread: ThreadRef) {
        let due = self.serve(step);
        if let Expected::ModelContext { thread, policy, .. } = &due {
            self.send_model_context(*thread, policy, None);
            self.probe(step, *thread, policy);
        }
        if let ThreadRef::Thread(name) = thread
            && let Some(turn) = self.recorder.end_turn(name)
        {
            let (thread, status) = (ThreadLabel::Named(name), "completed".to_owned());
            self.recorder.record(Observation::TurnEnded { thread, turn, status });
        }
        self.close(&due);
    }

    fn close(&mut self, due: &Expected) {
        if let Expected::Closing { thread, closed: true } = due {
            self.recorder.record(Observation::Closed { thread: ThreadLabel::Named(*thread) });
            self.recorder.unload(*thread);
        }
    }

    fn parallel(&mut self, lanes: &[Step]) {
        let mut calls = Vec::new();
        let mut addressed = Vec::new();
        for lane in lanes {
            let unbound = self.recorder.is_unbound(lane);
            calls.push(self.recorder.send("a request", unbound));
            addressed.push(if unbound { to_unknown(lane) } else { lane.clone() });
        }
        let before = self.world.clone();
        let Expected::All(dues) = self.serve(&Step::Parallel(addressed)) else {
            unreachable!("several calls have several answers");
        };
        let mut changed = BTreeSet::new();
        for ((call, lane), due) in calls.into_iter().zip(lanes).zip(dues) {
            match due {
                Expected::Change { thread, .. } => {
                    changed.insert(thread);
                    self.recorder.record(Observation::Answered {
                        call,
                        thread: None,
                        policy: None,
                    });
                }
                due => self.answer_request(call, lane, due),
            }
        }
        // One notice has the result of all concurrent changes.
        let live = |world: &World, name| world.threads.get(name)?.live.clone();
        for name in &changed {
            let after = live(&self.world, name);
            if let Some(policy) =
                after.filter(|policy| live(&before, name).is_some_and(|before| before != *policy))
            {
                self.recorder
                    .record(Observation::Settings { thread: ThreadLabel::Named(*name), policy });
            }
        }
    }

    /// Answers a request that starts no turn.
    fn answer_request(&mut self, call: u32, step: &Step, due: Expected) {
        match due {
            Expected::Refusal(clause) => self.refuse(call, format!("refused by {clause}")),
            Expected::Answer { granted: false } => self.refuse(call, "not now".to_owned()),
            // Another process answers, and nothing is loaded here.
            Expected::ColdRead(name, policy, _) | Expected::Policy(name, policy, _)
                if matches!(step, Step::ColdRead(_) | Step::SecondServer(_)) =>
            {
                let thread = Some(ThreadLabel::Named(name));
                self.recorder.record(Observation::Answered { call, thread, policy: Some(policy) });
            }
            Expected::Policy(name, policy, _)
            | Expected::Look(name, policy, _)
            | Expected::ColdRead(name, policy, _) => self.answer_policy(call, step, name, policy),
            Expected::Change { thread, policy, notice, .. } => {
                self.recorder.record(Observation::Answered { call, thread: None, policy: None });
                if notice == Some(true) {
                    self.recorder.record(Observation::Settings {
                        thread: ThreadLabel::Named(thread),
                        policy,
                    });
                }
            }
            Expected::ModelContext { thread, policy, .. } => {
                if matches!(step, Step::Spawn(_)) {
                    self.recorder.load(thread, true);
                }
                self.recorder.record(Observation::Answered { call, thread: None, policy: None });
                self.send_model_context(thread, &policy, None);
                self.probe(step, thread, &policy);
            }
            Expected::Within { thread, policy, .. } => {
                self.recorder.record(Observation::Answered { call, thread: None, policy: None });
                self.probe(step, thread, &policy);
            }
            other => {
                self.recorder.record(Observation::Answered { call, thread: None, policy: None });
                self.close(&other);
            }
        }
    }

    /// Performs a step as the fault has it; returns the prediction that the server makes true.
    fn serve(&mut self, step_sent: &Step) -> Expected {
        let before = self.world.clone();
        let (received, remembered) = match self.fault {
            None => (step_sent.clone(), self.world.clone()),
            Some(fault) => {
                let received = fault.received(step_sent, &self.world);
                (received.clone(), fault.remembered(&received, &self.world))
            }
        };
        let (received, remembered) = match self.defect {
            None => (received, remembered),
            Some(defect) => defect.applied(received, remembered),
        };
        let mut branches = step(&remembered, &received);
        // A server with a defect keeps idle threads loaded, so that a resume finds them so.
        let open = |branch: &Branch| !matches!(branch.due, Expected::Closing { closed: true, .. });
        let at = self.defect.and_then(|_| branches.iter().position(open)).unwrap_or(0);
        let mut branch = branches.swap_remove(at);
        know_defaults(&mut branch.world);
        self.world = match self.fault {
            None => branch.world,
            Some(fault) => fault.stored(&received, &self.world, branch.world),
        };
        if let Some(defect) = self.defect {
            self.world = defect.stored(&received, &before, self.world.clone());
        }
        branch.due
    }

    fn ask(&mut self, method: &str, step: &Step) -> Result<(), Aborted> {
        let unbound = self.recorder.is_unbound(step);
        let call = self.recorder.send(method, unbound);
        if self.fault == Some(Fault::NeverAnswersForks) && method == "thread/fork" {
            return self.silent("the answer to thread/fork");
        }
        if self.fault == Some(Fault::Mutters) && method == "thread/start" {
            self.recorder
                .record(Observation::Strange { line: "not a message: not JSON".to_owned() });
        }
        let addressed = if unbound { to_unknown(step) } else { step.clone() };
        let before = self.world.clone();
        match self.serve(&addressed) {
            Expected::Turn { thread, policy, notice, .. } => {
                self.recorder.record(Observation::Answered { call, thread: None, policy: None });
                let before = before.threads.get(&thread).and_then(|thread| thread.live.clone());
                let change = Change { thread, before, after: policy };
                self.notice(&change, notice == Some(true));
                self.turn(thread, step)?;
                self.probe(step, thread, &change.after);
                self.model_context(change, tier_once(step));
                return Ok(());
            }
            due => self.answer_request(call, step, due),
        }
        if self.fault == Some(Fault::AnswersTwice) {
            self.recorder.record_later(Observation::Unasked { id: call.to_string() });
        }
        Ok(())
    }

    fn refuse(&mut self, call: u32, message: String) {
        self.recorder.record(Observation::Refused { call, code: -32600, message });
    }

    fn answer_policy(&mut self, call: u32, step: &Step, name: ThreadName, policy: Policy) {
        let forked_from = match step {
            Step::Fork(Fork { source: ThreadRef::Thread(from), .. }) => Some(*from),
            _ => None,
        };
        let named = match (self.fault, forked_from) {
            (Some(Fault::AnswersForTheSource), Some(from)) => from,
            _ => name,
        };
        let stated = match (self.fault, forked_from) {
            (Some(Fault::StatesNoPolicyOfForks), Some(_)) => None,
            _ => Some(policy),
        };
        self.recorder.load(named, !matches!(step, Step::Start(_)));
        let thread = Some(ThreadLabel::Named(named));
        self.recorder.record(Observation::Answered { call, thread, policy: stated });
    }

    /// The notice of a change (T9), as the fault has it.
    fn notice(&mut self, change: &Change, is_due: bool) {
        let after = Some(change.after.clone());
        let policy = match self.fault {
            Some(Fault::SendsNoNotice) => None,
            Some(Fault::NoticesTheOldValue) if is_due => change.before.clone(),
            Some(Fault::NoticesEqualValues) => after,
            _ => after.filter(|_| is_due),
        };
        if let Some(policy) = policy {
            let thread = ThreadLabel::Named(change.thread);
            self.recorder.record(Observation::Settings { thread, policy });
        }
    }

    fn turn(&mut self, name: ThreadName, step: &Step) -> Result<(), Aborted> {
        let thread = ThreadLabel::Named(name);
        let turn = self.recorder.next_turn();
        self.recorder.start_history(name);
        self.recorder.record(Observation::TurnStarted { thread, turn });
        let reply = match step {
            Step::Run(Run { reply, .. }) => reply,
            Step::SecondClient(inner) => {
                self.end_turn_of_second_client(inner, thread, turn);
                return Ok(());
            }
            _ => {
                self.recorder.keep_running(name, turn);
                return Ok(());
            }
        };
        match self.fault {
            Some(Fault::DiesInTurns) => return self.dies(),
            Some(Fault::HangsInTurns) => return self.silent("turn/completed"),
            Some(Fault::StartsTurnsTwice) => {
                self.recorder.record(Observation::TurnStarted { thread, turn })
            }
            _ => {}
        }
        let method = "item/completed".to_owned();
        self.recorder.record(Observation::TurnEvent { thread, turn, method: method.clone() });
        if *reply == Reply::Hold {
            let call = self.recorder.send("turn/interrupt", false);
            self.recorder.record(Observation::Answered { call, thread: None, policy: None });
        }
        let status = status(reply).to_owned();
        let ended = Observation::TurnEnded { thread, turn, status };
        self.recorder.record(ended.clone());
        match self.fault {
            Some(Fault::EndsTurnsTwice) => self.recorder.record_later(ended),
            Some(Fault::TrailsTurns) => {
                self.recorder.record_later(Observation::TurnEvent { thread, turn, method });
            }
            _ => {}
        }
        Ok(())
    }

    /// The model context of a turn, as the fault has it.
    fn model_context(&mut self, change: Change, tier_once: Option<&str>) {
        let old = change.before.filter(|_| self.fault == Some(Fault::TellsTheOldPolicy));
        let policy = old.unwrap_or(change.after);
        self.send_model_context(change.thread, &policy, tier_once);
    }

    fn probe(&mut self, step: &Step, name: ThreadName, policy: &Policy) {
        let turn = (policy, &self.world.defaults.profiles);
        let thread = ThreadLabel::Named(name);
        let probe = self.enforcement.and_then(|how| how.probe(step, thread, turn));
        probe.into_iter().for_each(|probe| self.recorder.record(probe));
    }

    fn send_model_context(&mut self, name: ThreadName, policy: &Policy, tier_once: Option<&str>) {
        let profiles = &self.world.defaults.profiles;
        let config = self.world.defaults.policy();
        for part in [ContextPart::Developer, ContextPart::Metadata, ContextPart::Request] {
            let thread = ThreadLabel::Named(name);
            let mut told = policy.stated(part, profiles);
            if let Some(dimension) = self.misstated
                && let Some(word) = told.others.get_mut(&dimension)
            {
                *word = config.others.get(&dimension).map_or(DEFAULT, String::as_str).to_owned();
            }
            if let Some(tier) = tier_once.filter(|_| part == ContextPart::Request) {
                told.others.insert(Dimension::T, tier.to_owned());
            }
            self.recorder.record(Observation::ModelContext { thread, told });
        }
    }

    /// A cold resume on a copy of the home: by this server as it would be after a restart.
    fn cold_read(&mut self, who: ThreadRef) {
        if let Some(reason) = self.recorder.no_cold_read(who) {
            self.recorder.record(Observation::NotTaken { reason });
            return;
        }
        let mut copy = Server { world: self.world.clone(), recorder: Recorder::default(), ..*self };
        copy.serve(&Step::Restart(Restart { stop: Stop::Graceful, drop_db: false, release: None }));
        let resume = Step::Resume(Resume { thread: who, overrides: CallOverrides::default() });
        let observation = match copy.serve(&resume) {
            Expected::Policy(name, policy, _) => {
                Observation::ColdRead { thread: ThreadLabel::Named(name), policy: Some(policy) }
            }
            Expected::Refusal(clause) => {
                let thread = self.recorder.label(who);
                Observation::ColdReadRefused {
                    thread,
                    code: -32600,
                    message: format!("refused by {clause}"),
                }
            }
            due => unreachable!("a resume has no {due:?}"),
        };
        self.recorder.record(observation);
    }

    /// Ends a turn of another connection; the faults of turns do not affect it.
    fn end_turn_of_second_client(&mut self, inner: &Step, thread: ThreadLabel, turn: u32) {
        if let Step::Run(Run { reply, .. }) = inner {
            let status = status(reply).to_owned();
            self.recorder.record(Observation::TurnEnded { thread, turn, status });
        }
    }

    fn restart(&mut self, step: &Step, stop: Stop) {
        let exit = match stop {
            Stop::Graceful => "ended with code 0 when asked",
            Stop::Kill => "ended by signal 9, killed",
        };
        let panicked = self.fault == Some(Fault::PanicsAtTheEnd) && stop == Stop::Graceful;
        let stderr = if panicked { "thread 'main' panicked at src/main.rs:1:1\n" } else { "" };
        self.recorder.record(Observation::Ended {
            told: true,
            exit: exit.to_owned(),
            panicked,
            stderr: stderr.to_owned(),
        });
        self.serve(step);
        let names = self.recorder.unload_all();
        for name in &names {
            self.record_evidence(View::Rollout, *name, self.stored(*name));
        }
        if stop == Stop::Kill {
            return;
        }
        for name in names {
            if let Some(policy) = self.stored(name) {
                let policy = Policy { reviewer: Reviewer::Open, others: BTreeMap::new(), ..policy };
                self.record_evidence(View::StateDb, name, Some(policy));
            }
        }
    }

    fn record_evidence(&mut self, view: View, name: ThreadName, policy: Option<Policy>) {
        let thread = ThreadLabel::Named(name);
        self.recorder.record(Observation::Evidence(Evidence { view, thread, policy }));
    }

    fn stored(&self, name: ThreadName) -> Option<Policy> {
        let thread = self.world.threads.get(&name).filter(|thread| thread.materialised);
        thread.map(|thread| thread.stored.clone())
    }

    fn dies(&mut self) -> Result<(), Aborted> {
        self.recorder.record(Observation::Ended {
            told: false,
            exit: "ended with code 101 by itself".to_owned(),
            panicked: false,
            stderr: "it was too much\n".to_owned(),
        });
        Err(Aborted)
    }

    fn silent(&mut self, awaited: &str) -> Result<(), Aborted> {
        self.recorder.record(Observation::Silent { awaited: awaited.to_owned(), seconds: 30 });
        Err(Aborted)
    }
}

/// The tier of the turn that the step starts, and of no other.
fn tier_once(step: &Step) -> Option<&str> {
    match step {
        Step::SecondClient(inner) => tier_once(inner),
        Step::Run(Run { overrides, .. }) | Step::Begin(Begin { overrides, .. }) => {
            overrides.tier_once.as_deref()
        }
        _ => None,
    }
}

/// A name without a thread is sent as an id that no thread has.
fn to_unknown(step: &Step) -> Step {
    let mut addressed = step.clone();
    for used in step.used() {
        addressed.rename(used, ThreadRef::Unknown);
    }
    addressed
}

fn status(reply: &Reply) -> &'static str {
    match reply {
        Reply::Text(_) | Reply::Call { .. } | Reply::Probe(_) => "completed",
        Reply::Fail | Reply::Status(_) | Reply::Drop => "failed",
        Reply::Hold => "interrupted",
    }
}
