//! What every operation answers about itself.

use std::fmt;

use arbitrary::Unstructured;
use proptest::strategy::BoxedStrategy;

use super::generate::overrides::DrawContext;
use super::line::{Line, Problem};
use super::reply::{ProbeScript, TurnEnd};
use super::request::{Request, RequestContext, Sample};
use super::thread::{ThreadName, ThreadRef};
use crate::policy::{CallOverrides, TurnOverrides};

/// An operation: one line of a program that is not a wrapper around other lines.
pub trait Operation: Clone + fmt::Debug + Sized + 'static {
    /// The first word of its line.
    const VERB: &'static str;

    /// Its lines as the help shows them: the line, and what it does.
    const HELP: &'static [(&'static str, &'static str)];

    /// The same, for lines whose words come from a list.
    fn help() -> Vec<(String, &'static str)> {
        Self::HELP.iter().map(|(line, does)| ((*line).to_owned(), *does)).collect()
    }

    /// What findings call it; several operations may share a kind.
    const KIND: OpKind = OpKind(Self::VERB);

    /// Whether it is one request and its answer, and may stand in a `parallel` line.
    const PARALLEL: bool = false;

    /// Whether a second client can ask for it.
    const SECOND_CLIENT: bool = false;

    /// Reads what follows the verb.
    fn parse(line: &mut Line) -> Result<Self, Problem>;

    /// Prints what follows the verb, without the name of a new thread.
    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// One from a fuzzer's bytes.
    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Self>;

    /// The strategies that draw it, each with its weight.
    fn draw(_: &DrawContext) -> Vec<Draw<Self>> {
        Vec::new()
    }

    /// The thread that it is about.
    fn thread(&mut self) -> Option<&mut ThreadRef> {
        None
    }

    /// The thread that it creates.
    fn creates(&mut self) -> Option<&mut ThreadName> {
        None
    }

    /// The overrides of its request, where it can have any.
    fn overrides(&mut self) -> Option<OverridesOf<'_>> {
        None
    }

    /// How it leaves its thread's turn, where it starts one or ends one.
    fn leaves_turn(&self) -> Option<TurnEnd> {
        None
    }

    /// What findings call this one.
    fn kind(&self) -> OpKind {
        Self::KIND
    }

    /// The first word of this one's line.
    fn verb(&self) -> &'static str {
        Self::VERB
    }

    /// The probe in its turn.
    fn probe(&self) -> Option<ProbeScript> {
        None
    }

    /// Its request, where it sends one that the server may grant.
    fn request(&self, _: RequestContext) -> Option<Request> {
        None
    }

    /// Valid requests of its methods, from which `invalid` makes requests that must be refused.
    fn samples(_: RequestContext) -> Vec<Sample> {
        Vec::new()
    }

    /// Whether its own request is one that must be refused.
    fn must_be_refused(&self) -> bool {
        false
    }

    /// Whether a kill in the middle of it is worth a run: its request changes something, and
    /// leaves nothing behind that would begin to run at a later resume.
    fn can_be_killed(&self) -> bool {
        false
    }

    /// Versions of it with one thing made plainer, the most promising first.
    fn simpler(&self) -> Vec<Self> {
        Vec::new()
    }

    /// Whether it is worth keeping in a first guess at a short program.
    fn changes_policy(&self) -> bool {
        false
    }

    /// The same with the texts that every drawn program has; `turn` numbers the program's turns.
    fn canonical(self, _turn: &mut usize) -> Self {
        self
    }
}

/// What findings call an operation: its verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpKind(pub(crate) &'static str);

/// The overrides of an operation, by how they spell a sandbox.
pub enum OverridesOf<'a> {
    Call(&'a mut CallOverrides),
    Turn(&'a mut TurnOverrides),
}

/// One way to draw an operation.
pub struct Draw<T> {
    /// How often, beside the others.
    pub weight: u32,
    pub strategy: BoxedStrategy<T>,
    /// Whether half of them are followed by a warm read of their thread.
    pub then_read: bool,
}

impl<T> Draw<T> {
    pub fn new(weight: u32, strategy: BoxedStrategy<T>) -> Vec<Draw<T>> {
        vec![Draw { weight, strategy, then_read: false }]
    }

    /// Drawn so often, and half of them followed by a warm read.
    pub fn then_read(weight: u32, strategy: BoxedStrategy<T>) -> Vec<Draw<T>> {
        vec![Draw { weight, strategy, then_read: true }]
    }
}

impl OpKind {
    pub fn word(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for OpKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
