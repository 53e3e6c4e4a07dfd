//! Operations per second of a campaign's worker, beside a bare client that performs the same plans
//! without recording or judging anything; and the share of CPU that is spent outside the server.
//!
//! Both run in turn on the same plans in one process, so that the ratio holds on a noisy machine.
//! `HEIRLOOM_SERVER` names another server than the pinned one.

use heirloom::program::ops::configure::Configure;
use heirloom::program::ops::fork::Fork;
use heirloom::program::ops::restart::Restart;
use heirloom::program::ops::resume::Resume;
use heirloom::program::ops::run::Run;
use heirloom::program::ops::start::Start;
use heirloom::program::ops::warm_read::WarmRead;
use std::collections::BTreeMap;
use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heirloom::client::{Arrived, Client};
use heirloom::drive::Worker;
use heirloom::drive::test_bed::TestBed;
use heirloom::drive::timeouts::Timeouts;
use heirloom::home::root::Root;
use heirloom::home::{FeatureSet, Home};
use heirloom::judge::judge;
use heirloom::mock_model::{MockModel, ModelSession};
use heirloom::program::Program;
use heirloom::program::generate;
use heirloom::program::ops::Step;
use heirloom::program::ops::restart::Stop;
use heirloom::program::reply::Reply;
use heirloom::program::thread::ThreadName;
use heirloom::program::thread::ThreadRef;
use heirloom::protocol::notifications;
use heirloom::protocol::requests::{self, Call, NEVER_ISSUED};
use heirloom::protocol::rpc::{Message, Surface};
use heirloom::provision::{Cache, Spec, provide};
use heirloom::server::{Launch, STOP_DEADLINE, Server};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde_json::Value;

/// Plans in a round, and rounds: about a minute on two cores.
const PLANS: u64 = 15;
const ROUNDS: u64 = 7;
const SEED: u64 = 1;
const PATIENCE: Duration = Duration::from_secs(60);

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What one half of a round took.
#[derive(Clone, Copy)]
struct Took {
    ops: usize,
    wall: Duration,
    server_cpu_us: i64,
    own_cpu_us: i64,
}

fn main() -> Outcome<()> {
    let spec: Spec = match std::env::var("HEIRLOOM_SERVER") {
        Ok(text) => text.parse()?,
        Err(_) => Spec::default(),
    };
    let found = provide(&spec, &Cache::user()?, &mut |_| ControlFlow::Continue(()))?;
    let path = found.path.clone();
    let test_bed = TestBed::prepare(path, found.version, FeatureSet::Default, Timeouts::default())?;
    let test_bed = Arc::new(test_bed);
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let draw = |index| {
            let drawn = generate::drawn(SEED, round * PLANS + index, generate::Draw::default());
            plain(Program::from(&drawn))
        };
        let programs: Vec<Program> = (0..PLANS).map(draw).collect();
        let watched = measured(&programs, || watch(&test_bed, &programs))?;
        let bare = measured(&programs, || perform(&test_bed, &programs))?;
        println!("round {round}: {}", told(&watched, &bare));
        rounds.push((watched, bare));
    }
    println!("median over {ROUNDS} rounds: {}", medians(&rounds));
    Ok(())
}

fn measured(programs: &[Program], work: impl FnOnce() -> Outcome<()>) -> Outcome<Took> {
    let (begun, before) = (Instant::now(), cpu_us()?);
    work()?;
    let (wall, after) = (begun.elapsed(), cpu_us()?);
    Ok(Took {
        ops: programs.iter().map(|program| program.with_audit().len()).sum(),
        wall,
        server_cpu_us: after.0 - before.0,
        own_cpu_us: after.1 - before.1,
    })
}

fn cpu_us() -> Outcome<(i64, i64)> {
    let used = |who| -> Outcome<i64> {
        let usage = getrusage(who)?;
        Ok((usage.user_time() + usage.system_time()).num_microseconds())
    };
    Ok((used(UsageWho::RUSAGE_CHILDREN)?, used(UsageWho::RUSAGE_SELF)?))
}

fn rate(took: &Took) -> f64 {
    took.ops as f64 / took.wall.as_secs_f64()
}

fn outside(took: &Took) -> f64 {
    100.0 * took.own_cpu_us as f64 / (took.own_cpu_us + took.server_cpu_us) as f64
}

fn told(watched: &Took, bare: &Took) -> String {
    format!(
        "{:.1} ops/s watched, {:.1} ops/s bare, ratio {:.3}; {:.2} % of CPU outside the server",
        rate(watched),
        rate(bare),
        rate(watched) / rate(bare),
        outside(watched)
    )
}

fn medians(rounds: &[(Took, Took)]) -> String {
    let median = |of: &dyn Fn(&(Took, Took)) -> f64| {
        let mut all: Vec<f64> = rounds.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    format!(
        "{:.1} ops/s watched, {:.1} ops/s bare, ratio {:.3}; {:.2} % of CPU outside the server",
        median(&|(watched, _)| rate(watched)),
        median(&|(_, bare)| rate(bare)),
        median(&|(watched, bare)| rate(watched) / rate(bare)),
        median(&|(watched, _)| outside(watched))
    )
}

/// A campaign's worker: records and judges everything.
fn watch(test_bed: &Arc<TestBed>, programs: &[Program]) -> Outcome<()> {
    let mut worker = Worker::new(test_bed.clone());
    for program in programs {
        let verdict = judge(&worker.run(program));
        if let Some(reason) = verdict.inconclusive {
            return Err(reason.into());
        }
    }
    worker.finish();
    Ok(())
}

/// The same requests, with nothing looked at but what the next request needs.
/// The plan with the lines that a loop of some dozens of lines performs too.
fn plain(mut program: Program) -> Program {
    program.steps.retain(|step| match step {
        Step::Run(Run { reply, .. }) => !matches!(reply, Reply::Probe(..)),
        Step::Start(_)
        | Step::Fork(Fork { cut: None, .. })
        | Step::Resume(_)
        | Step::WarmRead(_)
        | Step::Restart(Restart { drop_db: false, .. })
        | Step::Configure(_) => true,
        _ => false,
    });
    program
}

fn perform(test_bed: &TestBed, programs: &[Program]) -> Outcome<()> {
    let root = Root::create()?;
    let upstream = MockModel::start()?;
    let mut bare = Bare::new(test_bed, &root, &upstream)?;
    for program in programs {
        bare.program(program)?;
        let kills = |step: &Step| matches!(step, Step::Restart(Restart { stop: Stop::Kill, .. }));
        if program.steps.iter().any(kills) {
            bare.server.kill();
            bare = Bare::new(test_bed, &root, &upstream)?;
        }
    }
    bare.server.kill();
    Ok(())
}

struct Bare<'a> {
    test_bed: &'a TestBed,
    home: Home,
    stage: ModelSession,
    server: Server,
    client: Client,
    /// Ids, and whether a turn, a fork or a resume gave the thread a history.
    threads: BTreeMap<ThreadName, (String, bool)>,
    loaded: BTreeMap<ThreadName, bool>,
}

impl<'a> Bare<'a> {
    fn new(test_bed: &'a TestBed, root: &Root, upstream: &MockModel) -> Outcome<Bare<'a>> {
        let home = test_bed.home_in(root)?;
        let stage = upstream.session();
        home.configure(&Default::default(), test_bed.profile, &stage.base_url())?;
        let (server, client) = start(test_bed, &home)?;
        let (threads, loaded) = Default::default();
        Ok(Bare { test_bed, home, stage, server, client, threads, loaded })
    }

    fn program(&mut self, program: &Program) -> Outcome<()> {
        self.home.renew_workspace()?;
        self.threads.clear();
        self.loaded.clear();
        self.stage.reset();
        let url = self.stage.base_url();
        self.home.configure(&program.defaults, self.test_bed.profile, &url)?;
        program.with_audit().iter().try_for_each(|step| self.step(step))
    }

    fn step(&mut self, step: &Step) -> Outcome<()> {
        match step {
            Step::Start(Start { overrides, ephemeral, new }) => {
                let call = requests::start(overrides, *ephemeral, self.home.places());
                self.bind(call, *new, false)
            }
            Step::Fork(Fork { source: from, overrides, ephemeral, new, .. }) => {
                let thread = &self.id(*from);
                let fork = requests::Fork { thread, overrides, cut: None, ephemeral: *ephemeral };
                self.bind(requests::fork(fork, self.home.places()), *new, true)
            }
            Step::Resume(Resume { thread, overrides }) => {
                let call = requests::resume(&self.id(*thread), overrides, self.home.places());
                let granted = self.ask(call)?.is_some();
                self.history(*thread, granted);
                Ok(())
            }
            Step::WarmRead(WarmRead { thread: ThreadRef::Thread(name) })
                if self.loaded.get(name) == Some(&true) =>
            {
                let history = self.threads.get(name).is_some_and(|(_, history)| *history);
                let places = self.home.places();
                let call = requests::resume(
                    &self.id(ThreadRef::Thread(*name)),
                    &Default::default(),
                    places,
                );
                if history { self.ask(call).map(drop) } else { Ok(()) }
            }
            Step::WarmRead(_) => Ok(()),
            Step::Run(_) => self.turn(step),
            Step::Restart(Restart { stop, .. }) => self.restart(*stop),
            Step::Configure(Configure { defaults }) => {
                let url = self.stage.base_url();
                Ok(self.home.configure(defaults, self.test_bed.profile, &url)?)
            }
            // The plans have no other lines.
            _ => Ok(()),
        }
    }

    fn id(&self, who: ThreadRef) -> String {
        let known = match who {
            ThreadRef::Thread(name) => self.threads.get(&name),
            ThreadRef::Unknown => None,
        };
        known.map_or(NEVER_ISSUED, |(id, _)| id).to_owned()
    }

    fn history(&mut self, who: ThreadRef, granted: bool) {
        if let (ThreadRef::Thread(name), true) = (who, granted) {
            self.loaded.insert(name, true);
            self.threads.entry(name).and_modify(|(_, history)| *history = true);
        }
    }

    fn bind(&mut self, call: Call, new: ThreadName, history: bool) -> Outcome<()> {
        if let Some(reply) = self.ask(call)?
            && let Some(id) = notifications::thread_id(&reply)
        {
            self.threads.insert(new, (id.to_owned(), history));
            self.loaded.insert(new, true);
        }
        Ok(())
    }

    fn ask(&mut self, call: Call) -> Outcome<Option<Value>> {
        let answer = self.client.call(call.method, call.params, Instant::now() + PATIENCE)?;
        Ok(answer.ok())
    }

    fn turn(&mut self, step: &Step) -> Outcome<()> {
        let Step::Run(Run { thread, prompt, overrides, flaw, reply }) = step else { return Ok(()) };
        let id = self.id(*thread);
        let asked = self.stage.watch();
        self.stage.queue(&id, reply.clone());
        let turn = requests::Turn { thread: &id, prompt, overrides, flaw: *flaw };
        let Some(begun) = self.ask(requests::turn(turn, self.home.places()))? else {
            self.stage.reset();
            return Ok(());
        };
        if *reply == Reply::Hold {
            asked.recv_deadline(Instant::now() + PATIENCE)?;
            let turn = notifications::turn_id(&begun).unwrap_or_default();
            self.ask(requests::interrupt(&id, turn))?;
        }
        self.history(*thread, true);
        self.turn_end()
    }

    fn turn_end(&mut self) -> Outcome<()> {
        loop {
            match self.client.next(Instant::now() + PATIENCE) {
                Some(Arrived::Message(Message::Notification { method, .. })) => {
                    if method == "turn/completed" {
                        return Ok(());
                    }
                }
                Some(Arrived::Message(Message::Request { id, method, .. })) => {
                    self.client.reply(&id, notifications::decline(&method))?;
                }
                Some(Arrived::Message(Message::Answer { .. })) => {}
                other => return Err(format!("no end of the turn, but {other:?}").into()),
            }
        }
    }

    fn restart(&mut self, stop: Stop) -> Outcome<()> {
        match stop {
            Stop::Graceful => self.server.stop(Instant::now() + STOP_DEADLINE),
            Stop::Kill => self.server.kill(),
        };
        self.loaded.clear();
        (self.server, self.client) = start(self.test_bed, &self.home)?;
        Ok(())
    }
}

fn start(test_bed: &TestBed, home: &Home) -> Outcome<(Server, Client)> {
    let mut launch = Launch::new(&test_bed.main.executable, &home.places().home);
    launch.scratch = home.scratch();
    launch.temp = home.temp();
    launch.directory = home.scratch();
    let mut server = Server::start(&launch)?;
    let pipes = server.pipes().ok_or("the pipes are gone")?;
    let mut client = Client::over(pipes.output, pipes.input);
    client.initialize("bare", Surface::Experimental, Instant::now() + PATIENCE)??;
    Ok((server, client))
}
