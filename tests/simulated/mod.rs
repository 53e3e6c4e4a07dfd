//! A server that is not there.
//!
//! Runs a plan by what the model allows, and states what is due in the facts that a real run would
//! leave, in their order. With a fault it hears another step than was sent, remembers another world
//! or says something else, on its own state: what follows from the fault follows by itself. Knows
//! nothing of the judge, so that a judge is tried on it.

use heirloom::program::ops::cold_read::ColdRead;
use heirloom::program::ops::finish::Finish;
use heirloom::program::ops::fork::Fork;
use heirloom::program::ops::restart::Restart;
use heirloom::program::ops::resume::Resume;
use heirloom::program::ops::run::Run;
use heirloom::program::ops::warm_read::WarmRead;
use std::collections::BTreeSet;

use heirloom::model::step::step;
use heirloom::model::{Expected, World};
use heirloom::policy::model_context::ContextPart;
use heirloom::policy::{CallOverrides, Policy};
use heirloom::program::Program;
use heirloom::program::ops::Delay;
use heirloom::program::ops::Step;
use heirloom::program::ops::restart::Stop;
use heirloom::program::reply::Reply;
use heirloom::program::thread::ThreadName;
use heirloom::program::thread::ThreadRef;
use heirloom::trace::{Observation, ThreadLabel, Trace};

pub(crate) mod fault;
mod hand;

use self::fault::Fault;
use self::hand::Hand;

/// A call that is torn off later than this has had its answer, and done all that follows from it.
const ANSWERED: Delay = Delay(20);

/// The run ends here; why is the last fact.
struct Cut;

struct Server {
    fault: Option<Fault>,
    world: World,
    hand: Hand,
}

/// The trace that the plan leaves on a server with this fault, or on one without any.
pub(crate) fn run(program: &Program, fault: Option<Fault>) -> Trace {
    let world = World::new(program.defaults.clone());
    let mut server = Server { fault, world, hand: Hand::default() };
    for (index, step) in program.with_audit().iter().enumerate() {
        server.hand.go_to(index);
        if server.step(step).is_err() {
            break;
        }
    }
    server.hand.trace(program)
}

impl Server {
    fn step(&mut self, step: &Step) -> Result<(), Cut> {
        match step {
            Step::Start(_) => self.ask("thread/start", step),
            Step::Fork(_) => self.ask("thread/fork", step),
            Step::Resume(_) => self.ask("thread/resume", step),
            Step::Run(_) => self.ask("turn/start", step),
            Step::WarmRead(WarmRead { thread }) => match self.hand.why_not(*thread) {
                Some(reason) => {
                    self.hand.seen(Observation::NotTaken { reason });
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
                let unbound = self.hand.unbound(inner);
                self.hand.send("a request", unbound);
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
                self.together(step, lanes);
                Ok(())
            }
            Step::ColdRead(ColdRead { thread }) => {
                self.fresh(*thread);
                Ok(())
            }
            other => {
                self.ask("a request", other)?;
                self.forget_unloaded(other);
                Ok(())
            }
        }
    }

    /// What an archive unloads is not looked at.
    fn forget_unloaded(&mut self, step: &Step) {
        if let Some(ThreadRef::Thread(name)) = step.uses()
            && self.world.threads.get(&name).is_some_and(|thread| thread.live.is_none())
        {
            self.hand.forget(name);
        }
    }

    /// The turn that runs ends.
    fn finish(&mut self, step: &Step, thread: ThreadRef) {
        let due = self.serve(step);
        if let Expected::ModelContext { thread, policy, .. } = &due {
            self.say_told(*thread, policy);
        }
        if let ThreadRef::Thread(name) = thread
            && let Some(turn) = self.hand.end(name)
        {
            let (thread, status) = (ThreadLabel::Named(name), "completed".to_owned());
            self.hand.seen(Observation::TurnEnded { thread, turn, status });
        }
        self.close(&due);
    }

    fn close(&mut self, due: &Expected) {
        if let Expected::Closing { thread, closed: true } = due {
            self.hand.seen(Observation::Closed { thread: ThreadLabel::Named(*thread) });
            self.hand.forget(*thread);
        }
    }

    fn together(&mut self, step: &Step, lanes: &[Step]) {
        let sent = lanes.iter().map(|lane| self.hand.unbound(lane)).collect::<Vec<_>>();
        let calls: Vec<u32> =
            sent.into_iter().map(|unbound| self.hand.send("a request", unbound)).collect();
        let before = self.world.clone();
        let Expected::All(dues) = self.serve(step) else {
            unreachable!("several calls have several answers");
        };
        let mut changed = BTreeSet::new();
        for ((call, lane), due) in calls.into_iter().zip(lanes).zip(dues) {
            match due {
                Expected::Change { thread, .. } => {
                    changed.insert(thread);
                    self.hand.seen(Observation::Answered { call, thread: None, policy: None });
                }
                due => self.say(call, lane, due),
            }
        }
        // Changes at once are told in one notice, of what they come to.
        let live = |world: &World, name| world.threads.get(name)?.live.clone();
        for name in &changed {
            let after = live(&self.world, name);
            if let Some(policy) =
                after.filter(|policy| live(&before, name).is_some_and(|before| before != *policy))
            {
                self.hand.seen(Observation::Settings { thread: ThreadLabel::Named(*name), policy });
            }
        }
    }

    /// What a request is answered where no turn starts by it.
    fn say(&mut self, call: u32, step: &Step, due: Expected) {
        match due {
            Expected::Refusal(clause) => self.refuse(call, format!("refused by {clause}")),
            Expected::Answer { granted: false } => self.refuse(call, "not now".to_owned()),
            // Another process answers, and nothing is loaded here.
            Expected::ColdRead(name, policy, _) | Expected::Policy(name, policy, _)
                if matches!(step, Step::ColdRead(_) | Step::SecondServer(_)) =>
            {
                let thread = Some(ThreadLabel::Named(name));
                self.hand.seen(Observation::Answered { call, thread, policy: Some(policy) });
            }
            Expected::Policy(name, policy, _)
            | Expected::Look(name, policy, _)
            | Expected::ColdRead(name, policy, _) => self.answer(call, step, (name, policy)),
            Expected::Change { thread, policy, notice, .. } => {
                self.hand.seen(Observation::Answered { call, thread: None, policy: None });
                if notice == Some(true) {
                    self.hand
                        .seen(Observation::Settings { thread: ThreadLabel::Named(thread), policy });
                }
            }
            Expected::ModelContext { thread, policy, .. } => {
                if matches!(step, Step::Spawn(_)) {
                    self.hand.load(thread, true);
                }
                self.hand.seen(Observation::Answered { call, thread: None, policy: None });
                self.say_told(thread, &policy);
            }
            other => {
                self.hand.seen(Observation::Answered { call, thread: None, policy: None });
                self.close(&other);
            }
        }
    }

    /// Takes a step as the fault lets it, and says what the server makes of it.
    fn serve(&mut self, step_sent: &Step) -> Expected {
        let (heard, recalled) = match self.fault {
            None => (step_sent.clone(), self.world.clone()),
            Some(fault) => {
                let heard = fault.hears(step_sent, &self.world);
                (heard.clone(), fault.recalls(&heard, &self.world))
            }
        };
        let branches = step(&recalled, &heard);
        let branch = branches.into_iter().next().expect("every step has an answer");
        self.world = match self.fault {
            None => branch.world,
            Some(fault) => fault.keeps(&heard, &self.world, branch.world),
        };
        branch.due
    }

    fn ask(&mut self, method: &str, step: &Step) -> Result<(), Cut> {
        let unbound = self.hand.unbound(step);
        let call = self.hand.send(method, unbound);
        if self.fault == Some(Fault::NeverAnswersForks) && method == "thread/fork" {
            return self.silent("the answer to thread/fork");
        }
        if self.fault == Some(Fault::Mutters) && method == "thread/start" {
            self.hand.seen(Observation::Strange { line: "not a message: not JSON".to_owned() });
        }
        let addressed = if unbound { to_nobody(step) } else { step.clone() };
        let before = self.world.clone();
        match self.serve(&addressed) {
            Expected::Turn { thread, policy, notice, .. } => {
                self.hand.seen(Observation::Answered { call, thread: None, policy: None });
                self.notice((thread, policy.clone()), notice == Some(true), &before);
                self.turn(thread, step)?;
                self.tell((thread, policy), &before);
                return Ok(());
            }
            due => self.say(call, step, due),
        }
        if self.fault == Some(Fault::AnswersTwice) {
            self.hand.later(Observation::Unasked { id: call.to_string() });
        }
        Ok(())
    }

    fn refuse(&mut self, call: u32, message: String) {
        self.hand.seen(Observation::Refused { call, code: -32600, message });
    }

    fn answer(&mut self, call: u32, step: &Step, (name, policy): (ThreadName, Policy)) {
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
        self.hand.load(named, !matches!(step, Step::Start(_)));
        let thread = Some(ThreadLabel::Named(named));
        self.hand.seen(Observation::Answered { call, thread, policy: stated });
    }

    /// T9 as the fault has it.
    fn notice(&mut self, (name, policy): (ThreadName, Policy), due: bool, before: &World) {
        let old = before.threads.get(&name).and_then(|thread| thread.live.clone());
        let said = match self.fault {
            Some(Fault::SendsNoNotice) => None,
            Some(Fault::NoticesTheOldValue) if due => old,
            Some(Fault::NoticesEqualValues) => Some(policy),
            _ => due.then_some(policy),
        };
        if let Some(policy) = said {
            self.hand.seen(Observation::Settings { thread: ThreadLabel::Named(name), policy });
        }
    }

    fn turn(&mut self, name: ThreadName, step: &Step) -> Result<(), Cut> {
        let thread = ThreadLabel::Named(name);
        let turn = self.hand.next_turn();
        self.hand.begin(name);
        self.hand.seen(Observation::TurnStarted { thread, turn });
        let reply = match step {
            Step::Run(Run { reply, .. }) => reply,
            Step::SecondClient(inner) => return self.turn_of_second(inner, (thread, turn)),
            _ => {
                self.hand.run_on(name, turn);
                return Ok(());
            }
        };
        match self.fault {
            Some(Fault::DiesInTurns) => return self.dies(),
            Some(Fault::HangsInTurns) => return self.silent("turn/completed"),
            Some(Fault::StartsTurnsTwice) => {
                self.hand.seen(Observation::TurnStarted { thread, turn })
            }
            _ => {}
        }
        let method = "item/completed".to_owned();
        self.hand.seen(Observation::TurnEvent { thread, turn, method: method.clone() });
        if *reply == Reply::Hold {
            let call = self.hand.send("turn/interrupt", false);
            self.hand.seen(Observation::Answered { call, thread: None, policy: None });
        }
        let status = status(reply).to_owned();
        let ended = Observation::TurnEnded { thread, turn, status };
        self.hand.seen(ended.clone());
        match self.fault {
            Some(Fault::EndsTurnsTwice) => self.hand.later(ended),
            Some(Fault::TrailsTurns) => {
                self.hand.later(Observation::TurnEvent { thread, turn, method });
            }
            _ => {}
        }
        Ok(())
    }

    /// What the model is told in the turn.
    fn tell(&mut self, (name, policy): (ThreadName, Policy), before: &World) {
        let old = before.threads.get(&name).and_then(|thread| thread.live.clone());
        let policy = match (self.fault, old) {
            (Some(Fault::TellsTheOldPolicy), Some(old)) => old,
            _ => policy,
        };
        self.say_told(name, &policy);
    }

    fn say_told(&mut self, name: ThreadName, policy: &Policy) {
        let profiles = &self.world.defaults.profiles;
        for voice in [ContextPart::Developer, ContextPart::Metadata] {
            let thread = ThreadLabel::Named(name);
            self.hand
                .seen(Observation::ModelContext { thread, told: policy.told(voice, profiles) });
        }
    }

    /// A cold resume on a copy: this server with nothing loaded, as it would be after its end.
    fn fresh(&mut self, who: ThreadRef) {
        if let Some(reason) = self.hand.why_no_copy(who) {
            self.hand.seen(Observation::NotTaken { reason });
            return;
        }
        let mut copy =
            Server { fault: self.fault, world: self.world.clone(), hand: Hand::default() };
        copy.serve(&Step::Restart(Restart { stop: Stop::Graceful, drop_db: false, release: None }));
        let resume = Step::Resume(Resume { thread: who, overrides: CallOverrides::default() });
        let seen = match copy.serve(&resume) {
            Expected::Policy(name, policy, _) => {
                Observation::ColdRead { thread: ThreadLabel::Named(name), policy: Some(policy) }
            }
            Expected::Refusal(clause) => {
                let thread = self.hand.whose(who);
                Observation::ColdReadRefused {
                    thread,
                    code: -32600,
                    message: format!("refused by {clause}"),
                }
            }
            due => unreachable!("a resume has no {due:?}"),
        };
        self.hand.seen(seen);
    }

    /// A turn that another connection asks for, without the faults of turns.
    fn turn_of_second(
        &mut self,
        inner: &Step,
        (thread, turn): (ThreadLabel, u32),
    ) -> Result<(), Cut> {
        if let Step::Run(Run { reply, .. }) = inner {
            let status = status(reply).to_owned();
            self.hand.seen(Observation::TurnEnded { thread, turn, status });
        }
        Ok(())
    }

    fn restart(&mut self, step: &Step, stop: Stop) {
        let exit = match stop {
            Stop::Graceful => "ended with code 0 when asked",
            Stop::Kill => "ended by signal 9, killed",
        };
        let panicked = self.fault == Some(Fault::PanicsAtTheEnd) && stop == Stop::Graceful;
        let stderr = if panicked { "thread 'main' panicked at src/main.rs:1:1\n" } else { "" };
        self.hand.seen(Observation::Ended {
            told: true,
            exit: exit.to_owned(),
            panicked,
            stderr: stderr.to_owned(),
        });
        self.serve(step);
        let names = self.hand.unload();
        for name in &names {
            let policy = self.stored(*name);
            self.hand.seen(Observation::Rollout { thread: ThreadLabel::Named(*name), policy });
        }
        if stop == Stop::Kill {
            return;
        }
        for name in names {
            if let Some(Policy { approval, permissions, .. }) = self.stored(name) {
                let (approval, permissions) = (Some(approval), Some(permissions));
                self.hand.seen(Observation::Store {
                    thread: ThreadLabel::Named(name),
                    approval,
                    permissions,
                });
            }
        }
    }

    fn stored(&self, name: ThreadName) -> Option<Policy> {
        let thread = self.world.threads.get(&name).filter(|thread| thread.materialised);
        thread.map(|thread| thread.stored.clone())
    }

    fn dies(&mut self) -> Result<(), Cut> {
        self.hand.seen(Observation::Ended {
            told: false,
            exit: "ended with code 101 by itself".to_owned(),
            panicked: false,
            stderr: "it was too much\n".to_owned(),
        });
        Err(Cut)
    }

    fn silent(&mut self, awaited: &str) -> Result<(), Cut> {
        self.hand.seen(Observation::Silent { awaited: awaited.to_owned(), seconds: 30 });
        Err(Cut)
    }
}

/// A name that has no thread is sent as an id that nobody was given.
fn to_nobody(step: &Step) -> Step {
    let mut addressed = step.clone();
    for used in step.used() {
        addressed.rename(used, ThreadRef::Unknown);
    }
    addressed
}

fn status(reply: &Reply) -> &'static str {
    match reply {
        Reply::Text(_) | Reply::Call { .. } | Reply::Probe(..) => "completed",
        Reply::Fail | Reply::Status(_) | Reply::Drop => "failed",
        Reply::Hold => "interrupted",
    }
}
