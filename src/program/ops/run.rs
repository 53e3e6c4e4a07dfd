//! `run`: `turn/start`, up to the end of the turn.

use std::fmt;

use arbitrary::Unstructured;
use proptest::prelude::{Just, Strategy};
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Union};
use serde_json::{Value, json};
use strum::{Display, EnumIter, EnumString, IntoEnumIterator};

use crate::policy::TurnOverrides;
use crate::program::generate::bytes;
use crate::program::generate::overrides::DrawContext;
use crate::program::generate::shape::Shape;
use crate::program::generate::values::{probe_scripts, threads};
use crate::program::line::{Line, Problem, one_of, problem, quoted};
use crate::program::operation::{Draw, Operation, OverridesOf};
use crate::program::reply::{ProbeScript, Reply, TurnEnd};
use crate::program::request::{Param, Request, RequestContext, Sample};
use crate::program::simplify;
use crate::program::thread::ThreadRef;
use crate::program::values::{reply, turn_overrides};

/// Of 100 drawn turns, this many are requests that must be refused.
const FLAW_PERCENT: u32 = 6;

/// `turn/start`, up to the turn's end. While a turn runs, it steers that turn (T6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run {
    /// The thread whose turn it is.
    pub thread: ThreadRef,
    pub prompt: String,
    pub overrides: TurnOverrides,
    /// What makes the request one that must be refused.
    pub flaw: Option<Flaw>,
    pub reply: Reply,
}

/// What makes a turn's request one that the server must refuse.
#[derive(
    Clone, Copy, Debug, Display, EnumIter, EnumString, PartialEq, Eq, PartialOrd, Ord, Hash,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Flaw {
    /// An approval policy that does not exist.
    UnknownApproval,
    /// A reviewer that does not exist.
    UnknownReviewer,
    /// A sandbox type that does not exist.
    UnknownSandbox,
    /// A writable root that is not absolute.
    RelativeRoot,
    /// A permission profile that does not exist.
    UnknownProfile,
    /// A permission profile together with a sandbox (G5).
    ProfileWithSandbox,
}

impl Run {
    /// A turn that the model answers with a text.
    pub fn plain(thread: ThreadRef, overrides: TurnOverrides) -> Run {
        Run { thread, prompt: String::new(), overrides, flaw: None, reply: Reply::ok() }
    }

    pub fn strategy(cx: &DrawContext) -> BoxedStrategy<Run> {
        (threads(), cx.turn(), endings(&cx.shape))
            .prop_map(|(thread, overrides, (flaw, reply))| Run {
                flaw,
                reply,
                ..Run::plain(thread, overrides)
            })
            .boxed()
    }
}

impl Operation for Run {
    const VERB: &'static str = "run";
    const HELP: &'static [(&'static str, &'static str)] = &[
        (
            "run t0 \"…\" … <- text \"ok\"",
            "a turn, to its end; behind the arrow is what the model answers",
        ),
        (
            "… <- probe write-outside client=accept reviewer=deny",
            "the model asks for a command or a patch, which is approved or not",
        ),
        (
            "… <- hold",
            "the model is silent until the client interrupts; `fail`, `status 500` and `drop` are \
             failures of the model",
        ),
    ];
    const SECOND_CLIENT: bool = true;

    fn parse(line: &mut Line) -> Result<Run, Problem> {
        let thread = line.thread()?;
        let Some(prompt) = line.quoted() else {
            return problem("expected what the user says, in quotes");
        };
        let overrides = turn_overrides(line)?;
        let flaw = line.value("flaw").map(|word| one_of(&word, "flaw")).transpose()?;
        Ok(Run { thread, prompt, overrides, flaw, reply: reply(line)? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flaw = self.flaw.map_or(String::new(), |flaw| format!(" flaw={flaw}"));
        let call = format!("{} {}{}{flaw}", self.thread, quoted(&self.prompt), self.overrides);
        // The replies of a program stand below one another.
        write!(f, "{call:<29} <- {}", self.reply)
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Run> {
        let plain = Run::plain(bytes::thread(bytes)?, bytes::turn(bytes)?);
        let reply = |reply| Run { reply, ..plain.clone() };
        Ok(match bytes.int_in_range(0..=15_u8)? {
            0..=8 => plain,
            9 => reply(Reply::Probe(bytes::probe(bytes)?)),
            10 => reply(Reply::Fail),
            11 => reply(Reply::Status(500)),
            12 => reply(Reply::Drop),
            13 => reply(Reply::Hold),
            _ => Run { flaw: Some(bytes::choose(bytes)?), ..plain },
        })
    }

    fn draw(cx: &DrawContext) -> Vec<Draw<Run>> {
        Draw::new(8, Run::strategy(cx))
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.thread)
    }

    fn overrides(&mut self) -> Option<OverridesOf<'_>> {
        Some(OverridesOf::Turn(&mut self.overrides))
    }

    fn leaves_turn(&self) -> Option<TurnEnd> {
        self.flaw.is_none().then(|| self.reply.ends_turn())
    }

    fn probe(&self) -> Option<ProbeScript> {
        match self.reply {
            Reply::Probe(script) => Some(script),
            _ => None,
        }
    }

    fn request(&self, _: RequestContext) -> Option<Request> {
        Some(turn_request(&self.prompt, &self.overrides, self.flaw))
    }

    fn samples(_: RequestContext) -> Vec<Sample> {
        let request = turn_request("one", &TurnOverrides::default(), None);
        let sample = Sample::new(Self::VERB, request);
        vec![sample.with_unknown_value("approvalPolicy", Value::from("sometimes"))]
    }

    fn must_be_refused(&self) -> bool {
        self.flaw.is_some()
    }

    fn can_be_killed(&self) -> bool {
        self.flaw.is_none()
    }

    fn simpler(&self) -> Vec<Run> {
        let mut all = Vec::new();
        if self.flaw.is_some() || self.reply != Reply::ok() {
            all.push(Run { flaw: None, reply: Reply::ok(), ..self.clone() });
        }
        let refused = self.probe().and_then(ProbeScript::simpler);
        all.extend(refused.map(|script| Run { reply: Reply::Probe(script), ..self.clone() }));
        let fewer = simplify::turn(&self.overrides).into_iter();
        all.extend(fewer.map(|overrides| Run { overrides, ..self.clone() }));
        all
    }

    fn changes_policy(&self) -> bool {
        self.flaw.is_none()
    }

    fn canonical(self, turn: &mut usize) -> Run {
        *turn += 1;
        let reply = if self.flaw.is_some() { Reply::ok() } else { self.reply.canonical() };
        Run { prompt: format!("turn {turn}"), reply, ..self }
    }
}

/// The request that starts a turn.
pub(super) fn turn_request(prompt: &str, overrides: &TurnOverrides, flaw: Option<Flaw>) -> Request {
    let mut params = vec![Param::Turn(overrides.clone())];
    let tier = overrides.tier_once.as_ref();
    params.extend(tier.map(|tier| Param::Value("serviceTierForTurn", json!(tier))));
    params.push(Param::Value("input", json!([{ "type": "text", "text": prompt }])));
    let flawed = flaw.map(flawed).unwrap_or_default().into_iter();
    params.extend(flawed.map(|(key, value)| Param::Value(key, value)));
    params.push(Param::Thread);
    Request::new("turn/start", params)
}

/// The keys that make a turn one to refuse.
fn flawed(flaw: Flaw) -> Vec<(&'static str, Value)> {
    match flaw {
        Flaw::UnknownApproval => vec![("approvalPolicy", json!("sometimes"))],
        Flaw::UnknownReviewer => vec![("approvalsReviewer", json!("somebody"))],
        Flaw::UnknownSandbox => vec![("sandboxPolicy", json!({ "type": "somewhere" }))],
        Flaw::RelativeRoot => {
            let roots = json!({ "type": "workspaceWrite", "writableRoots": ["relative/root"] });
            vec![("sandboxPolicy", roots)]
        }
        Flaw::UnknownProfile => {
            vec![("sandboxPolicy", Value::Null), ("permissions", json!("no-such-profile"))]
        }
        Flaw::ProfileWithSandbox => vec![
            ("permissions", json!(":read-only")),
            ("sandboxPolicy", json!({ "type": "readOnly" })),
        ],
    }
}

/// How a turn ends.
fn endings(shape: &Shape) -> impl Strategy<Value = (Option<Flaw>, Reply)> + use<> {
    let flaws = select(Flaw::iter().collect::<Vec<_>>());
    let probes = shape.probe_percent();
    let probe = probe_scripts(shape).prop_map(|script| (None, Reply::Probe(script)));
    let reply = |reply| Just((None, reply)).boxed();
    let mut all = vec![
        (FLAW_PERCENT, flaws.prop_map(|flaw| (Some(flaw), Reply::ok())).boxed()),
        (probes, probe.boxed()),
        (2, reply(Reply::harmless_call())),
        (4, reply(Reply::Fail)),
        (3, reply(Reply::Status(500))),
        (3, reply(Reply::Drop)),
        (6, reply(Reply::Hold)),
        (100 - 18 - FLAW_PERCENT - probes, reply(Reply::ok())),
    ];
    all.retain(|(weight, _)| *weight > 0);
    Union::new_weighted(all)
}
