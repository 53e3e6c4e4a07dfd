//! `name`, `read`, `archive`, …: what a client does with a thread and that changes no policy.
//!
//! An action is a row of the table below: its request, and how it ends. Each request is the
//! smallest that the releases take, and one that ends without further requests: a goal has a budget
//! that its first turn spends, a command does nothing.

use std::fmt;

use arbitrary::Unstructured;
use itertools::Itertools;
use proptest::prelude::Strategy;
use proptest::sample::select;
use proptest::strategy::BoxedStrategy;
use serde_json::{Value, json};
use strum::{Display, EnumIter, EnumString, IntoEnumIterator, IntoStaticStr};

use crate::program::generate::bytes;
use crate::program::generate::overrides::DrawContext;
use crate::program::generate::values::{rare_probes, threads};
use crate::program::line::{Line, Problem, one_of};
use crate::program::operation::{Draw, OpKind, Operation};
use crate::program::reply::{ProbeScript, TurnEnd, simpler_probe};
use crate::program::request::{Back, Param, Request, RequestContext, Sample};
use crate::program::thread::ThreadRef;
use crate::program::values::{self, Arrow};

/// The tokens that a goal may cost: less than any answer does, so that one turn pursues it.
const GOAL_TOKENS: u64 = 1;

/// Something that a client does with a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadAction {
    pub thread: ThreadRef,
    /// What is done with it.
    pub action: Action,
    /// What the model asks for in the turn of a goal, a queued message or a review.
    pub probe: Option<ProbeScript>,
}

/// How an action that the server granted ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Answer,
    /// With the answer; the thread has a history from then on.
    History,
    /// With the answer; the thread is unloaded.
    Archived,
    /// With the answer; which turns are left is each release's own.
    Reverted,
    /// With the answer; the client is not subscribed any more.
    Unsubscribed,
    /// The same, and the server unloads the thread once it is idle.
    Unloaded,
    /// With the end of a command that is a turn, or a part of the running one.
    Command,
    /// With the end of the review's turn, whose id the answer states.
    Review,
    /// With the end of the review's turn, which is another thread's.
    DetachedReview,
    /// With the end of a turn that the server starts.
    Turn,
    /// The same; while a turn runs, it would wait.
    Queued,
    /// The same; the goal is cleared afterwards.
    Goal,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident ends $end:ident: $request:expr;)+) => {
        /// What a client does with a thread.
        #[derive(
            Clone, Copy, Debug, Display, EnumIter, EnumString, IntoStaticStr, PartialEq, Eq,
            PartialOrd, Ord, Hash,
        )]
        #[strum(serialize_all = "kebab-case")]
        pub enum Action { $($(#[$doc])* $name),+ }

        impl Action {
            pub fn request(self, cx: RequestContext) -> Request {
                match self {
                    $(Action::$name => {
                        let request: fn(RequestContext) -> Request = $request;
                        request(cx)
                    })+
                }
            }

            pub fn end(self) -> End {
                match self { $(Action::$name => End::$end),+ }
            }
        }
    };
}

actions! {
    /// `thread/name/set`.
    Name ends Answer: |_| of_thread("thread/name/set", [("name", json!("a name"))]);
    /// `thread/read`.
    Read ends Answer: |_| of_thread("thread/read", []);
    /// `thread/list`.
    List ends Answer: |_| Request::new("thread/list", []);
    /// `thread/archive`.
    Archive ends Archived: |_| of_thread("thread/archive", []);
    /// `thread/unarchive`.
    Unarchive ends Answer: |_| of_thread("thread/unarchive", []);
    /// `thread/unsubscribe`.
    Unsubscribe ends Unsubscribed: |_| of_thread("thread/unsubscribe", []);
    /// `thread/unsubscribe`, and a wait until the idle thread is unloaded.
    Unload ends Unloaded: |_| of_thread("thread/unsubscribe", []);
    /// `thread/revert` to before the last turn, or `thread/rollback` of one turn, by release.
    Revert ends Reverted: |cx| match cx.back {
        Back::Revert => Request::new(
            "thread/revert",
            [Param::LastTurn("beforeTurnId"), Param::Thread],
        ),
        Back::Rollback => of_thread("thread/rollback", [("numTurns", json!(1))]),
    };
    /// `thread/compact/start`, up to its end.
    Compact ends Turn: |_| of_thread("thread/compact/start", []);
    /// `thread/shellCommand`, up to its end.
    Shell ends Command: |_| of_thread("thread/shellCommand", [("command", json!("true"))]);
    /// `review/start`, up to its end.
    Review ends Review: |_| of_thread(
        "review/start",
        [("target", json!({ "type": "custom", "instructions": "look at it" }))],
    );
    /// `review/start` on a thread of its own, up to its end.
    DetachedReview ends DetachedReview: |_| of_thread(
        "review/start",
        [
            ("delivery", json!("detached")),
            ("target", json!({ "type": "custom", "instructions": "look at it" })),
        ],
    );
    /// `thread/goal/set`, up to the end of the turn that pursues it.
    Goal ends Goal: |_| of_thread(
        "thread/goal/set",
        [
            ("objective", json!("done")),
            ("status", json!("active")),
            ("tokenBudget", json!(GOAL_TOKENS)),
        ],
    );
    /// `thread/queue/add`, up to the end of the turn that it becomes.
    Queue ends Queued: |cx| of_thread(
        "thread/queue/add",
        [
            ("clientUserMessageId", json!(format!("message-{}", cx.number))),
            ("input", json!([{ "type": "text", "text": "later" }])),
        ],
    );
    /// `thread/inject_items`.
    Inject ends History: |_| of_thread("thread/inject_items", [("items", json!([{
        "type": "message",
        "role": "user",
        "content": [{ "type": "input_text", "text": "by the way" }],
    }]))]);
}

impl Action {
    pub fn word(self) -> &'static str {
        self.into()
    }

    pub fn kind(self) -> OpKind {
        OpKind(self.into())
    }

    /// Whether the server starts a turn in which the thread's model can ask for a command.
    pub fn runs_commands(self) -> bool {
        matches!(self.end(), End::Goal | End::Queued | End::Review | End::DetachedReview)
    }

    /// A key with a value that its enumeration does not have.
    fn unknown_value(self) -> Option<(&'static str, Value)> {
        match self {
            Action::Queue => Some(("input", json!([{ "type": "scent", "text": "roses" }]))),
            Action::Goal => Some(("status", json!("forgotten"))),
            Action::Review | Action::DetachedReview => {
                Some(("target", json!({ "type": "everything" })))
            }
            Action::List => Some(("sortKey", json!("beauty"))),
            _ => None,
        }
    }
}

impl ThreadAction {
    /// Actions on any thread. Waiting until a thread is unloaded takes a second: it is drawn only
    /// where the shape asks for it.
    pub fn strategy(cx: &DrawContext) -> BoxedStrategy<ThreadAction> {
        let all = Action::iter().filter(|action| *action != Action::Unload);
        (threads(), select(all.collect::<Vec<_>>()), rare_probes(&cx.shape))
            .prop_map(|(thread, action, probe)| {
                ThreadAction { probe, ..ThreadAction::plain(thread, action) }.fitting()
            })
            .boxed()
    }

    /// An action whose turn, where it has one, is answered with a text.
    pub fn plain(thread: ThreadRef, action: Action) -> ThreadAction {
        ThreadAction { thread, action, probe: None }
    }

    /// The same, without a probe where its action has no turn for one.
    fn fitting(self) -> ThreadAction {
        ThreadAction { probe: self.probe.filter(|_| self.action.runs_commands()), ..self }
    }
}

impl Operation for ThreadAction {
    const VERB: &'static str = "action";
    const HELP: &'static [(&'static str, &'static str)] = &[];

    fn help() -> Vec<(String, &'static str)> {
        let words = Action::iter().map(Action::word).join(" t0, ");
        vec![(format!("{words} t0"), "what a client does with a thread and that changes no policy")]
    }

    fn parse(line: &mut Line) -> Result<ThreadAction, Problem> {
        let plain = ThreadAction::plain(line.thread()?, one_of(&line.verb, "step")?);
        let probe = if plain.action.runs_commands() { values::probe(line)? } else { None };
        Ok(ThreadAction { probe, ..plain })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.thread, Arrow(self.probe))
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<ThreadAction> {
        let plain = ThreadAction::plain(bytes::thread(bytes)?, bytes::choose(bytes)?);
        Ok(ThreadAction { probe: bytes::rare_probe(bytes)?, ..plain }.fitting())
    }

    fn draw(cx: &DrawContext) -> Vec<Draw<ThreadAction>> {
        Draw::then_read(2 * cx.shape.actions, ThreadAction::strategy(cx))
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.thread)
    }

    fn kind(&self) -> OpKind {
        self.action.kind()
    }

    fn verb(&self) -> &'static str {
        self.action.word()
    }

    fn leaves_turn(&self) -> Option<TurnEnd> {
        let turn = matches!(self.action.end(), End::Review | End::Turn | End::Queued | End::Goal);
        turn.then_some(TurnEnd::Completed)
    }

    fn probe(&self) -> Option<ProbeScript> {
        self.probe
    }

    fn request(&self, cx: RequestContext) -> Option<Request> {
        Some(self.action.request(cx))
    }

    /// One unsubscribes and reviews in two ways by one method each, and a server grants an unsubscribe
    /// for a thread that does not exist.
    fn samples(cx: RequestContext) -> Vec<Sample> {
        let others = [Action::Unload, Action::DetachedReview];
        let actions = Action::iter().filter(|action| !others.contains(action));
        let sample = |action: Action| {
            let sample = Sample::new(action.word(), action.request(cx));
            let refuses = sample.refuses_unknown_thread && action != Action::Unsubscribe;
            let lists = action == Action::List;
            Sample {
                unknown_value: action.unknown_value(),
                wrong_type: if lists { ("limit", json!("many")) } else { sample.wrong_type },
                refuses_unknown_thread: refuses,
                ..sample
            }
        };
        actions.map(sample).collect()
    }

    fn simpler(&self) -> Vec<ThreadAction> {
        simpler_probe(self.probe).into_iter().map(|probe| ThreadAction { probe, ..*self }).collect()
    }

    /// What is queued, and a goal, would begin to run at a later resume.
    fn can_be_killed(&self) -> bool {
        let nothing = matches!(self.action, Action::Read | Action::List | Action::DetachedReview);
        !nothing && !matches!(self.action, Action::Goal | Action::Queue)
    }
}

/// `thread/goal/clear`.
pub fn clear_goal() -> Request {
    of_thread("thread/goal/clear", [])
}

fn of_thread<const N: usize>(method: &'static str, values: [(&'static str, Value); N]) -> Request {
    let values = values.into_iter().map(|(key, value)| Param::Value(key, value));
    Request::new(method, values.chain([Param::Thread]).collect::<Vec<_>>())
}
