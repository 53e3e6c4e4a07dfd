//! `fork`: `thread/fork`.

use std::fmt;

use arbitrary::Unstructured;
use proptest::prelude::{Just, Strategy};
use proptest::strategy::{BoxedStrategy, Union};
use serde_json::{Value, json};

use crate::policy::CallOverrides;
use crate::program::generate::bytes;
use crate::program::generate::overrides::DrawContext;
use crate::program::generate::shape::Rare;
use crate::program::generate::values::threads;
use crate::program::line::{Line, Problem};
use crate::program::operation::{Draw, Operation, OverridesOf};
use crate::program::request::{Cut, Param, Request, RequestContext, Sample};
use crate::program::simplify;
use crate::program::thread::{ThreadName, ThreadRef};
use crate::program::values::{call_overrides, cut, ephemeral};

/// `thread/fork`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fork {
    /// The thread that is forked.
    pub source: ThreadRef,
    pub overrides: CallOverrides,
    /// Where the source's history is cut, if it is.
    pub cut: Option<Cut>,
    /// Whether the fork is kept in memory alone.
    pub ephemeral: bool,
    pub new: ThreadName,
}

impl Fork {
    /// A plain durable fork that has no name yet.
    pub fn of(source: ThreadRef, overrides: CallOverrides) -> Fork {
        Fork { source, overrides, cut: None, ephemeral: false, new: ThreadName::NEW }
    }

    pub fn strategy(cx: &DrawContext, ephemeral: bool) -> BoxedStrategy<Fork> {
        let cuts = Union::new_weighted(vec![
            (5, Just(None).boxed()),
            (1, (0..6_u8).prop_map(|turn| Some(Cut::Last(turn))).boxed()),
            (1, (0..6_u8).prop_map(|turn| Some(Cut::Before(turn))).boxed()),
        ]);
        (threads(), cx.call(), cuts)
            .prop_map(move |(source, overrides, cut)| Fork {
                cut,
                ephemeral,
                ..Fork::of(source, overrides)
            })
            .boxed()
    }
}

impl Operation for Fork {
    const VERB: &'static str = "fork";
    const HELP: &'static [(&'static str, &'static str)] =
        &[("fork t0 … -> t1", "`thread/fork`; `last=2` or `before=2` cuts the history at a turn")];
    const PARALLEL: bool = true;
    const SECOND_CLIENT: bool = true;

    fn parse(line: &mut Line) -> Result<Fork, Problem> {
        Ok(Fork {
            source: line.thread()?,
            new: line.new_thread()?,
            overrides: call_overrides(line)?,
            cut: cut(line)?,
            ephemeral: line.switch("ephemeral")?,
        })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.source, self.overrides)?;
        self.cut.iter().try_for_each(|cut| write!(f, " {cut}"))?;
        f.write_str(ephemeral(self.ephemeral))
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Fork> {
        Ok(Fork {
            cut: bytes::cut(bytes)?,
            ephemeral: bytes::rarely(bytes)?,
            ..Fork::of(bytes::thread(bytes)?, bytes::call(bytes)?)
        })
    }

    fn draw(cx: &DrawContext) -> Vec<Draw<Fork>> {
        let mut all = Draw::new(2 * cx.shape.forks + 2, Fork::strategy(cx, false));
        if cx.shape.has(Rare::Ephemeral) {
            all.extend(Draw::new(3, Fork::strategy(cx, true)));
        }
        all
    }

    fn thread(&mut self) -> Option<&mut ThreadRef> {
        Some(&mut self.source)
    }

    fn creates(&mut self) -> Option<&mut ThreadName> {
        Some(&mut self.new)
    }

    fn overrides(&mut self) -> Option<OverridesOf<'_>> {
        Some(OverridesOf::Call(&mut self.overrides))
    }

    /// An ephemeral fork is refused unless it leaves out the turns of its reply.
    fn request(&self, _: RequestContext) -> Option<Request> {
        let mut params = vec![Param::Call(self.overrides.clone())];
        params.extend(self.cut.map(Param::Cut));
        if self.ephemeral {
            params.push(Param::Value("ephemeral", json!(true)));
            params.push(Param::Value("excludeTurns", json!(true)));
        }
        params.push(Param::Thread);
        Some(Request::new("thread/fork", params))
    }

    fn samples(cx: RequestContext) -> Vec<Sample> {
        let request = Fork::of(ThreadRef::Unknown, CallOverrides::default()).request(cx);
        let request = request.expect("a fork has a request");
        let sample = Sample::new(Self::VERB, request);
        vec![sample.with_unknown_value("approvalPolicy", Value::from("sometimes"))]
    }

    fn can_be_killed(&self) -> bool {
        true
    }

    fn simpler(&self) -> Vec<Fork> {
        let fewer = simplify::call(&self.overrides).into_iter();
        let fewer = fewer.map(|overrides| Fork { overrides, ..self.clone() });
        let whole = self.cut.map(|_| Fork { cut: None, ..self.clone() });
        let durable = self.ephemeral.then(|| Fork { ephemeral: false, ..self.clone() });
        fewer.chain(whole).chain(durable).collect()
    }

    fn changes_policy(&self) -> bool {
        true
    }
}
