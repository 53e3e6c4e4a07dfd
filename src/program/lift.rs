//! From a case to its plan, and back.
//!
//! Total in both directions: a pick becomes a name or nobody, a wrapper that its inner operation
//! does not fit becomes that operation, and what a text says beyond its case (prompts, names with
//! gaps) is dropped on the way back.

use semver::Version;

use super::{Program, Reply, Server, Step, ThreadName, ThreadRef};
use crate::op::{Action, Case, Delay, Ending, Finish, NOBODY, Op, Pick, Stop};

/// Clients at once, at the most: the orders of as many calls can be followed.
const TOGETHER_MAX: usize = 4;

impl From<&Case> for Program {
    fn from(case: &Case) -> Program {
        let mut naming = Naming { servers: case.servers.clone(), ..Naming::default() };
        let steps = case.ops.iter().map(|op| naming.step(op)).collect();
        Program { steps, defaults: case.defaults.clone() }
    }
}

impl From<&Program> for Case {
    fn from(program: &Program) -> Case {
        let mut named = Vec::new();
        let servers = program.releases();
        let ops = program.steps.iter().map(|step| {
            let op = match step {
                Step::Restart { stop, drop_db, server } => Op::Restart {
                    stop: *stop,
                    drop_db: *drop_db,
                    server: server.as_ref().and_then(|server| number(server, &servers)),
                },
                step => op(step, &named),
            };
            named.extend(step.names());
            op
        });
        let ops = ops.collect();
        Case { ops, defaults: program.defaults.clone(), servers }
    }
}

/// The plan in its canonical form: names, prompts and replies as its case gives them.
pub fn canonical(program: &Program) -> Program {
    Program::from(&Case::from(program))
}

/// The names and turns that were given so far.
#[derive(Default)]
struct Naming {
    named: Vec<ThreadName>,
    turns: usize,
    /// The releases that a restart may name.
    servers: Vec<Version>,
}

impl Naming {
    fn step(&mut self, op: &Op) -> Step {
        let named = self.named.clone();
        self.inner(op, &named)
    }

    /// A step whose picks are read among these names; new ones are given all the same.
    fn inner(&mut self, op: &Op, named: &[ThreadName]) -> Step {
        let who = |pick: &Pick| who(*pick, named);
        match op {
            Op::Start { overrides, ephemeral } => Step::Start {
                overrides: overrides.clone(),
                ephemeral: *ephemeral,
                new: self.name(),
            },
            Op::Fork { from, overrides, cut, ephemeral } => Step::Fork {
                from: who(from),
                overrides: overrides.clone(),
                cut: *cut,
                ephemeral: *ephemeral,
                new: self.name(),
            },
            Op::Spawn { thread } => Step::Spawn { thread: who(thread), new: self.name() },
            Op::Run { thread, overrides, ending } => {
                self.turns += 1;
                Step::Run {
                    thread: who(thread),
                    prompt: format!("turn {}", self.turns),
                    overrides: overrides.clone(),
                    flaw: match ending {
                        Ending::Refused(flaw) => Some(*flaw),
                        _ => None,
                    },
                    reply: reply(*ending),
                }
            }
            Op::Resume { thread, overrides } => {
                Step::Resume { thread: who(thread), overrides: overrides.clone() }
            }
            Op::Begin { thread, overrides } => {
                Step::Begin { thread: who(thread), overrides: overrides.clone() }
            }
            Op::Settings { thread, overrides } => {
                Step::Settings { thread: who(thread), overrides: overrides.clone() }
            }
            Op::Finish { thread, finish } => Step::Finish { thread: who(thread), finish: *finish },
            Op::Steer { thread } => Step::Steer { thread: who(thread) },
            Op::TurnSettings { thread, reviewer } => {
                Step::TurnSettings { thread: who(thread), reviewer: reviewer.clone() }
            }
            Op::WarmRead { thread } => Step::WarmRead { thread: who(thread) },
            Op::ColdRead { thread } => Step::ColdRead { thread: who(thread) },
            Op::Action { thread, act } => Step::Action { thread: who(thread), act: *act },
            Op::SubagentTurn { thread } => Step::SubagentTurn { thread: who(thread) },
            Op::SecondServer { thread } => Step::SecondServer { thread: who(thread) },
            Op::Invalid { thread, method, wrong } => {
                Step::Invalid { thread: who(thread), method: *method, wrong: *wrong }
            }
            Op::Restart { stop, drop_db, server } => self.restart((*stop, *drop_db), *server),
            Op::Configure { defaults } => Step::Configure { defaults: defaults.clone() },
            Op::Disk { full } => Step::Disk { full: *full },
            Op::SecondClient(op) => by_second(self.inner(op, named)),
            Op::KillDuring(op, after) => torn(self.inner(op, named), *after),
            Op::Parallel(ops) => self.together(ops, named),
        }
    }

    /// What does not fit beside others is left out; one that is left alone is that operation, and
    /// nothing at all changes nothing.
    fn together(&mut self, ops: &[Op], named: &[ThreadName]) -> Step {
        let fits =
            |op: &&Op| matches!(op, Op::Fork { .. } | Op::Resume { .. } | Op::Settings { .. });
        let fitting: Vec<&Op> = ops.iter().filter(fits).take(TOGETHER_MAX).collect();
        match (fitting.as_slice(), ops.first()) {
            ([], None) => Step::Disk { full: false },
            ([], Some(op)) => self.inner(op, named),
            ([op], _) => self.inner(op, named),
            (several, _) => {
                Step::Parallel(several.iter().map(|op| self.inner(op, named)).collect())
            }
        }
    }

    fn restart(&self, (stop, drop_db): (Stop, bool), server: Option<u8>) -> Step {
        Step::Restart { stop, drop_db, server: server.and_then(|number| self.server(number)) }
    }

    /// The server of this number, modulo those there are; a case without others names none.
    fn server(&self, number: u8) -> Option<Server> {
        let among = self.servers.len().checked_add(1).filter(|among| *among > 1)?;
        Some(match (usize::from(number) % among).checked_sub(1) {
            None => Server::Main,
            Some(place) => Server::Release(self.servers[place].clone()),
        })
    }

    fn name(&mut self) -> ThreadName {
        let count = self.named.len();
        let new = ThreadName(u16::try_from(count).expect("a plan names fewer than 65536 threads"));
        self.named.push(new);
        new
    }
}

/// What a second connection can ask for: one request with one answer.
fn by_second(step: Step) -> Step {
    match step {
        Step::Start { .. }
        | Step::Fork { .. }
        | Step::Resume { .. }
        | Step::Settings { .. }
        | Step::WarmRead { .. }
        | Step::Run { .. } => Step::SecondClient(Box::new(step)),
        other => other,
    }
}

/// What can be torn: a request that would change something, and leaves nothing behind that begins
/// to run at a later resume.
fn torn(step: Step, after: Delay) -> Step {
    match &step {
        Step::Action {
            act: Action::Read | Action::List | Action::Goal | Action::Queue, ..
        } => step,
        Step::Start { .. }
        | Step::Fork { .. }
        | Step::Resume { .. }
        | Step::Settings { .. }
        | Step::Run { flaw: None, .. }
        | Step::Begin { .. }
        | Step::Steer { .. }
        | Step::TurnSettings { .. }
        | Step::Finish { finish: Finish::Interrupt, .. }
        | Step::Parallel(_)
        | Step::Action { .. } => Step::KillDuring(Box::new(step), after),
        _ => step,
    }
}

fn op(step: &Step, named: &[ThreadName]) -> Op {
    let pick = |who: &ThreadRef| pick(*who, named);
    match step {
        Step::Start { overrides, ephemeral, .. } => {
            Op::Start { overrides: overrides.clone(), ephemeral: *ephemeral }
        }
        Step::Fork { from, overrides, cut, ephemeral, .. } => Op::Fork {
            from: pick(from),
            overrides: overrides.clone(),
            cut: *cut,
            ephemeral: *ephemeral,
        },
        Step::Spawn { thread, .. } => Op::Spawn { thread: pick(thread) },
        Step::Run { thread, overrides, flaw, reply, .. } => Op::Run {
            thread: pick(thread),
            overrides: overrides.clone(),
            ending: flaw.map_or_else(|| ending(reply), Ending::Refused),
        },
        Step::Resume { thread, overrides } => {
            Op::Resume { thread: pick(thread), overrides: overrides.clone() }
        }
        Step::Begin { thread, overrides } => {
            Op::Begin { thread: pick(thread), overrides: overrides.clone() }
        }
        Step::Settings { thread, overrides } => {
            Op::Settings { thread: pick(thread), overrides: overrides.clone() }
        }
        Step::Finish { thread, finish } => Op::Finish { thread: pick(thread), finish: *finish },
        Step::Steer { thread } => Op::Steer { thread: pick(thread) },
        Step::TurnSettings { thread, reviewer } => {
            Op::TurnSettings { thread: pick(thread), reviewer: reviewer.clone() }
        }
        Step::WarmRead { thread } => Op::WarmRead { thread: pick(thread) },
        Step::ColdRead { thread } => Op::ColdRead { thread: pick(thread) },
        Step::Action { thread, act } => Op::Action { thread: pick(thread), act: *act },
        Step::SubagentTurn { thread } => Op::SubagentTurn { thread: pick(thread) },
        Step::SecondServer { thread } => Op::SecondServer { thread: pick(thread) },
        Step::Invalid { thread, method, wrong } => {
            Op::Invalid { thread: pick(thread), method: *method, wrong: *wrong }
        }
        Step::Restart { stop, drop_db, .. } => {
            Op::Restart { stop: *stop, drop_db: *drop_db, server: None }
        }
        Step::Configure { defaults } => Op::Configure { defaults: defaults.clone() },
        Step::Disk { full } => Op::Disk { full: *full },
        Step::SecondClient(step) => Op::SecondClient(Box::new(op(step, named))),
        Step::KillDuring(step, after) => Op::KillDuring(Box::new(op(step, named)), *after),
        Step::Parallel(steps) => Op::Parallel(steps.iter().map(|step| op(step, named)).collect()),
    }
}

fn who(pick: Pick, named: &[ThreadName]) -> ThreadRef {
    match named.len() {
        _ if pick == NOBODY => ThreadRef::Unknown,
        0 => ThreadRef::Unknown,
        count => ThreadRef::Thread(named[usize::from(pick.0) % count]),
    }
}

/// Past the 255th thread a pick can name no more of them, and names nobody.
fn pick(who: ThreadRef, named: &[ThreadName]) -> Pick {
    match who {
        ThreadRef::Unknown => NOBODY,
        ThreadRef::Thread(name) => {
            let place = named.iter().position(|other| *other == name);
            place.and_then(|place| u8::try_from(place).ok()).map_or(NOBODY, Pick)
        }
    }
}

/// The number of a server among these releases; past the 255th none is named.
fn number(server: &Server, releases: &[Version]) -> Option<u8> {
    match server {
        Server::Main if releases.is_empty() => None,
        Server::Main => Some(0),
        Server::Release(release) => {
            let place = releases.iter().position(|other| other == release)?;
            u8::try_from(place + 1).ok()
        }
    }
}

fn reply(ending: Ending) -> Reply {
    match ending {
        Ending::Completes | Ending::Refused(_) => Reply::Text("ok".to_owned()),
        Ending::Calls => Reply::Call {
            tool: "exec_command".to_owned(),
            arguments: r#"{"cmd":"true","login":false}"#.to_owned(),
        },
        Ending::Probe(probe, consent) => Reply::Probe(probe, consent),
        Ending::Fails => Reply::Fail,
        Ending::HttpError => Reply::Status(500),
        Ending::Drops => Reply::Drop,
        Ending::Interrupted => Reply::Hold,
    }
}

fn ending(reply: &Reply) -> Ending {
    match reply {
        Reply::Text(_) => Ending::Completes,
        Reply::Call { .. } => Ending::Calls,
        Reply::Probe(probe, consent) => Ending::Probe(*probe, *consent),
        Reply::Fail => Ending::Fails,
        Reply::Status(_) => Ending::HttpError,
        Reply::Drop => Ending::Drops,
        Reply::Hold => Ending::Interrupted,
    }
}
