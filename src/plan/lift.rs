//! [core] From a case to its plan, and back.
//!
//! Total in both directions: a pick becomes a name or nobody, a wrapper that its inner operation
//! does not fit becomes that operation, and what a text says beyond its case (prompts, names with
//! gaps) is dropped on the way back.

use semver::Version;

use super::{Name, Plan, Reply, Server, Step, Who};
use crate::op::{Act, Case, Delay, Ending, Finish, NOBODY, Op, Pick, Stop};

/// Clients at once, at the most: the orders of as many calls can be followed.
const TOGETHER_MAX: usize = 4;

impl From<&Case> for Plan {
    fn from(case: &Case) -> Plan {
        let mut naming = Naming { servers: case.servers.clone(), ..Naming::default() };
        let steps = case.ops.iter().map(|op| naming.step(op)).collect();
        Plan { steps, defaults: case.defaults.clone() }
    }
}

impl From<&Plan> for Case {
    fn from(plan: &Plan) -> Case {
        let mut named = Vec::new();
        let servers = plan.releases();
        let ops = plan.steps.iter().map(|step| {
            let op = match step {
                Step::Restart { stop, forgets, server } => Op::Restart {
                    stop: *stop,
                    forgets: *forgets,
                    server: server.as_ref().and_then(|server| number(server, &servers)),
                },
                step => op(step, &named),
            };
            named.extend(step.names());
            op
        });
        let ops = ops.collect();
        Case { ops, defaults: plan.defaults.clone(), servers }
    }
}

/// The plan in its canonical form: names, prompts and replies as its case gives them.
pub fn canonical(plan: &Plan) -> Plan {
    Plan::from(&Case::from(plan))
}

/// The names and turns that were given so far.
#[derive(Default)]
struct Naming {
    named: Vec<Name>,
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
    fn inner(&mut self, op: &Op, named: &[Name]) -> Step {
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
            Op::Retune { thread, reviewer } => {
                Step::Retune { thread: who(thread), reviewer: reviewer.clone() }
            }
            Op::Reread { thread } => Step::Reread { thread: who(thread) },
            Op::Fresh { thread } => Step::Fresh { thread: who(thread) },
            Op::Act { thread, act } => Step::Act { thread: who(thread), act: *act },
            Op::Task { thread } => Step::Task { thread: who(thread) },
            Op::Rival { thread } => Step::Rival { thread: who(thread) },
            Op::Invalid { thread, method, wrong } => {
                Step::Invalid { thread: who(thread), method: *method, wrong: *wrong }
            }
            Op::Restart { stop, forgets, server } => self.restart((*stop, *forgets), *server),
            Op::Configure { defaults } => Step::Configure { defaults: defaults.clone() },
            Op::Disk { full } => Step::Disk { full: *full },
            Op::Second(op) => by_second(self.inner(op, named)),
            Op::Torn(op, after) => torn(self.inner(op, named), *after),
            Op::Together(ops) => self.together(ops, named),
        }
    }

    /// What does not fit beside others is left out; one that is left alone is that operation, and
    /// nothing at all changes nothing.
    fn together(&mut self, ops: &[Op], named: &[Name]) -> Step {
        let fits =
            |op: &&Op| matches!(op, Op::Fork { .. } | Op::Resume { .. } | Op::Settings { .. });
        let fitting: Vec<&Op> = ops.iter().filter(fits).take(TOGETHER_MAX).collect();
        match (fitting.as_slice(), ops.first()) {
            ([], None) => Step::Disk { full: false },
            ([], Some(op)) => self.inner(op, named),
            ([op], _) => self.inner(op, named),
            (several, _) => {
                Step::Together(several.iter().map(|op| self.inner(op, named)).collect())
            }
        }
    }

    fn restart(&self, (stop, forgets): (Stop, bool), server: Option<u8>) -> Step {
        Step::Restart { stop, forgets, server: server.and_then(|number| self.server(number)) }
    }

    /// The server of this number, modulo those there are; a case without others names none.
    fn server(&self, number: u8) -> Option<Server> {
        let among = self.servers.len().checked_add(1).filter(|among| *among > 1)?;
        Some(match (usize::from(number) % among).checked_sub(1) {
            None => Server::Main,
            Some(place) => Server::Release(self.servers[place].clone()),
        })
    }

    fn name(&mut self) -> Name {
        let count = self.named.len();
        let new = Name(u16::try_from(count).expect("a plan names fewer than 65536 threads"));
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
        | Step::Reread { .. }
        | Step::Run { .. } => Step::Second(Box::new(step)),
        other => other,
    }
}

/// What can be torn: a request that would change something, and leaves nothing behind that begins
/// to run at a later resume.
fn torn(step: Step, after: Delay) -> Step {
    match &step {
        Step::Act { act: Act::Read | Act::List | Act::Goal | Act::Queue, .. } => step,
        Step::Start { .. }
        | Step::Fork { .. }
        | Step::Resume { .. }
        | Step::Settings { .. }
        | Step::Run { flaw: None, .. }
        | Step::Begin { .. }
        | Step::Steer { .. }
        | Step::Retune { .. }
        | Step::Finish { finish: Finish::Interrupt, .. }
        | Step::Together(_)
        | Step::Act { .. } => Step::Torn(Box::new(step), after),
        _ => step,
    }
}

fn op(step: &Step, named: &[Name]) -> Op {
    let pick = |who: &Who| pick(*who, named);
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
        Step::Retune { thread, reviewer } => {
            Op::Retune { thread: pick(thread), reviewer: reviewer.clone() }
        }
        Step::Reread { thread } => Op::Reread { thread: pick(thread) },
        Step::Fresh { thread } => Op::Fresh { thread: pick(thread) },
        Step::Act { thread, act } => Op::Act { thread: pick(thread), act: *act },
        Step::Task { thread } => Op::Task { thread: pick(thread) },
        Step::Rival { thread } => Op::Rival { thread: pick(thread) },
        Step::Invalid { thread, method, wrong } => {
            Op::Invalid { thread: pick(thread), method: *method, wrong: *wrong }
        }
        Step::Restart { stop, forgets, .. } => {
            Op::Restart { stop: *stop, forgets: *forgets, server: None }
        }
        Step::Configure { defaults } => Op::Configure { defaults: defaults.clone() },
        Step::Disk { full } => Op::Disk { full: *full },
        Step::Second(step) => Op::Second(Box::new(op(step, named))),
        Step::Torn(step, after) => Op::Torn(Box::new(op(step, named)), *after),
        Step::Together(steps) => Op::Together(steps.iter().map(|step| op(step, named)).collect()),
    }
}

fn who(pick: Pick, named: &[Name]) -> Who {
    match named.len() {
        _ if pick == NOBODY => Who::Nobody,
        0 => Who::Nobody,
        count => Who::Thread(named[usize::from(pick.0) % count]),
    }
}

/// Past the 255th thread a pick can name no more of them, and names nobody.
fn pick(who: Who, named: &[Name]) -> Pick {
    match who {
        Who::Nobody => NOBODY,
        Who::Thread(name) => {
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
        Ending::Deed(probe, consent) => Reply::Deed(probe, consent),
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
        Reply::Deed(probe, consent) => Ending::Deed(*probe, *consent),
        Reply::Fail => Ending::Fails,
        Reply::Status(_) => Ending::HttpError,
        Reply::Drop => Ending::Drops,
        Reply::Hold => Ending::Interrupted,
    }
}
