//! The list of operations, and the steps that are made of them.
//!
//! A step is one line of a program: an operation, or a wrapper around operations. To add an
//! operation is to add its file and one line to the list.

use std::fmt;
use std::str::FromStr;

use arbitrary::Unstructured;
use proptest::prelude::Strategy;
use proptest::strategy::BoxedStrategy;

use super::generate::overrides::DrawContext;
use super::line::{Line, Problem, problem};
use super::operation::{OpKind, Operation, OverridesOf};
use super::reply::{ProbeScript, TurnEnd};
use super::request::{Request, RequestContext, Sample};
use super::thread::{ThreadName, ThreadRef};
use crate::policy::{Dimension, Overrides};

/// A strategy for steps that belong together, and how often it is drawn.
pub(super) type Weighted = (u32, BoxedStrategy<Vec<Step>>);

/// A text or a strategy or a value from bytes, made by the operation of a verb.
type Parse = fn(&mut Line) -> Result<Step, Problem>;
type FromBytes = fn(&mut Unstructured<'_>) -> arbitrary::Result<Step>;

macro_rules! operations {
    ($dollar:tt $($module:ident: $name:ident as $variant:ident,)+) => {
        $(pub mod $module;)+

        /// One line of a program.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Step {
            $(#[doc = concat!("[`", stringify!($name), "`](", stringify!($module), "::", stringify!($name), ")")]
            $variant($module::$name),)+
            /// A step that a second connection to the same server asks for.
            SecondClient(Box<Step>),
            /// A step's request, and a kill of the server so long after it; it is started again.
            KillDuring(Box<Step>, Delay),
            /// Two to four steps at once, each by its own client.
            Parallel(Vec<Step>),
        }

        $(impl From<$module::$name> for Step {
            fn from(operation: $module::$name) -> Step {
                Step::$variant(operation)
            }
        })+

        /// Evaluates an expression with the operation of a step, whichever it is; the wrappers
        /// come first, as arms of their own.
        macro_rules! with_operation {
            (
                $dollar step:expr, { $dollar($dollar wrapper:pat => $dollar wrapped:expr,)* }
                $dollar operation:ident => $dollar body:expr
            ) => {
                match $dollar step {
                    $dollar($dollar wrapper => $dollar wrapped,)*
                    $($crate::program::ops::Step::$variant($dollar operation) => $dollar body,)+
                }
            };
        }
        pub(crate) use with_operation;

        /// Declares the file of each operation, in a room that answers every operation.
        macro_rules! operation_files {
            () => { $(mod $module;)+ };
        }
        pub(crate) use operation_files;

        /// How each operation is read.
        const PARSERS: &[(&str, Parse)] = &[
            $(($module::$name::VERB, |line| Ok($module::$name::parse(line)?.into())),)+
        ];

        /// How each operation is made from bytes.
        const FROM_BYTES: &[FromBytes] =
            &[$(|bytes| Ok($module::$name::arbitrary(bytes)?.into()),)+];

        /// What findings call operations, in the order of the list.
        fn kinds() -> Vec<OpKind> {
            vec![$($module::$name::KIND),+]
        }

        /// The lines of programs as the help shows them, and what each does.
        pub fn help() -> Vec<(String, &'static str)> {
            let wrappers = WRAPPERS.iter().map(|(line, does)| ((*line).to_owned(), *does));
            [$($module::$name::help()),+, wrappers.collect()].concat()
        }

        /// Valid requests of every method, which `invalid` makes wrong.
        pub(super) fn samples(cx: RequestContext) -> Vec<Sample> {
            [$($module::$name::samples(cx)),+].concat()
        }

        /// The strategies of single operations.
        pub(super) fn draws(cx: &DrawContext) -> Vec<Weighted> {
            let mut all = Vec::new();
            $(for draw in $module::$name::draw(cx) {
                let steps = draw.strategy.prop_map(Step::from).boxed();
                all.push((draw.weight, then_read(steps, draw.then_read)));
            })+
            all
        }
    };
}

operations! { $
    start: Start as Start,
    run: Run as Run,
    begin: Begin as Begin,
    finish: Finish as Finish,
    steer: Steer as Steer,
    turn_settings: TurnSettings as TurnSettings,
    settings: Settings as Settings,
    fork: Fork as Fork,
    resume: Resume as Resume,
    warm_read: WarmRead as WarmRead,
    cold_read: ColdRead as ColdRead,
    action: ThreadAction as Action,
    interrupt: Interrupt as Interrupt,
    spawn: Spawn as Spawn,
    subagent_turn: SubagentTurn as SubagentTurn,
    second_server: SecondServer as SecondServer,
    invalid: Invalid as Invalid,
    restart: Restart as Restart,
    configure: Configure as Configure,
    disk: Disk as Disk,
    remove_folder: RemoveFolder as RemoveFolder,
}

const WRAPPERS: &[(&str, &str)] = &[
    ("client2 …", "the step, by a second connection to the same server"),
    ("parallel … | …", "two to four calls at once, each by its own client"),
    (
        "kill-during after=20ms …",
        "the step's request, and a kill so long after it; of several: `kill-during after=5ms \
         parallel …`",
    ),
];

/// What `parallel` lines are called in findings.
pub const PARALLEL: OpKind = OpKind("parallel");

/// Clients at once, at the most: the orders of as many calls can be followed.
pub(super) const PARALLEL_MAX: usize = 4;

/// How long after its request the server is killed, in milliseconds; 0: at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delay(pub u16);

impl Delay {
    /// Those that are drawn: settings are answered within a few milliseconds, a start takes 15, a
    /// resume and a fork 30 to 50, a turn 70 to 100.
    pub const ALL: [Delay; 7] =
        [Delay(0), Delay(2), Delay(5), Delay(10), Delay(20), Delay(40), Delay(80)];
}

impl OpKind {
    pub fn all() -> Vec<OpKind> {
        use strum::IntoEnumIterator;
        let mut all = kinds();
        // Of these each action is a kind.
        let general = [action::ThreadAction::KIND, interrupt::Interrupt::KIND];
        all.retain(|kind| !general.contains(kind));
        all.extend(action::Action::iter().map(action::Action::kind));
        all.push(PARALLEL);
        all.sort();
        all.dedup();
        all
    }
}

/// A word that names no kind of operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an operation")]
pub struct UnknownKind(pub String);

impl FromStr for OpKind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<OpKind, UnknownKind> {
        let word = super::v1::verb(word);
        let found = OpKind::all().into_iter().find(|kind| kind.word() == word);
        found.ok_or_else(|| UnknownKind(word.to_owned()))
    }
}

impl Step {
    /// What findings call it; a read is the resume that takes it.
    pub fn kind(&self) -> OpKind {
        with_operation!(self, {
            Step::SecondClient(step) | Step::KillDuring(step, _) => step.kind(),
            Step::Parallel(_) => PARALLEL,
        } operation => operation.kind())
    }

    /// The operations in it: itself, or those that it wraps.
    pub fn leaves(&self) -> Vec<&Step> {
        match self {
            Step::SecondClient(step) | Step::KillDuring(step, _) => step.leaves(),
            Step::Parallel(steps) => steps.iter().flat_map(Step::leaves).collect(),
            operation => vec![operation],
        }
    }

    pub fn leaves_mut(&mut self) -> Vec<&mut Step> {
        match self {
            Step::SecondClient(step) | Step::KillDuring(step, _) => step.leaves_mut(),
            Step::Parallel(steps) => steps.iter_mut().flat_map(Step::leaves_mut).collect(),
            operation => vec![operation],
        }
    }

    /// The threads that it creates, in order.
    pub fn names(&self) -> Vec<ThreadName> {
        let mut step = self.clone();
        step.leaves_mut().into_iter().filter_map(|leaf| leaf.creates_mut().copied()).collect()
    }

    /// The threads that it is about.
    pub fn used(&self) -> Vec<ThreadRef> {
        let mut step = self.clone();
        step.leaves_mut().into_iter().filter_map(|leaf| leaf.thread_mut().copied()).collect()
    }

    /// The thread that it is about; of several at once, the first one's.
    pub fn uses(&self) -> Option<ThreadRef> {
        self.used().first().copied()
    }

    /// Puts another thread where the step is about this one.
    pub fn rename(&mut self, old: ThreadRef, new: ThreadRef) {
        for thread in self.leaves_mut().into_iter().filter_map(Step::thread_mut) {
            if *thread == old {
                *thread = new;
            }
        }
    }

    /// The same about another thread, where it is about one.
    pub fn about(mut self, thread: ThreadRef) -> Step {
        self.leaves_mut().into_iter().filter_map(Step::thread_mut).for_each(|own| *own = thread);
        self
    }

    pub(super) fn thread_mut(&mut self) -> Option<&mut ThreadRef> {
        with_operation!(self, {
            Step::SecondClient(_) | Step::KillDuring(..) | Step::Parallel(_) => None,
        } operation => operation.thread())
    }

    pub(super) fn creates_mut(&mut self) -> Option<&mut ThreadName> {
        with_operation!(self, {
            Step::SecondClient(_) | Step::KillDuring(..) | Step::Parallel(_) => None,
        } operation => operation.creates())
    }

    /// The overrides of its request, where it is an operation that can have any.
    pub fn overrides_mut(&mut self) -> Option<OverridesOf<'_>> {
        with_operation!(self, {
            Step::SecondClient(_) | Step::KillDuring(..) | Step::Parallel(_) => None,
        } operation => operation.overrides())
    }

    /// The dimensions that its overrides set, and whether they go through `config`.
    pub fn sets(&self) -> Option<(Vec<Dimension>, bool)> {
        fn set<S>(overrides: &Overrides<S>) -> (Vec<Dimension>, bool) {
            let all = Dimension::ALL.into_iter();
            (all.filter(|one| overrides.sets(*one)).collect(), overrides.by_config)
        }
        Some(match self.clone().overrides_mut()? {
            OverridesOf::Call(overrides) => set(overrides),
            OverridesOf::Turn(overrides) => set(overrides),
        })
    }

    /// How it leaves its thread's turn, where it is an operation that starts one or ends one.
    pub fn leaves_turn(&self) -> Option<TurnEnd> {
        with_operation!(self, {
            Step::SecondClient(_) | Step::KillDuring(..) | Step::Parallel(_) => None,
        } operation => operation.leaves_turn())
    }

    /// The probe in its turn, or in that of the step that a second client asks for.
    pub fn probe(&self) -> Option<ProbeScript> {
        with_operation!(self, {
            Step::SecondClient(step) => step.probe(),
            Step::KillDuring(..) | Step::Parallel(_) => None,
        } operation => operation.probe())
    }

    /// Its request, where it is an operation that sends one.
    pub fn request(&self, cx: RequestContext) -> Option<Request> {
        with_operation!(self, {
            Step::SecondClient(_) | Step::KillDuring(..) | Step::Parallel(_) => None,
        } operation => operation.request(cx))
    }

    /// Whether its request is invalid on purpose.
    pub fn must_be_refused(&self) -> bool {
        let refused = |leaf: &&Step| {
            with_operation!(leaf, {
                Step::SecondClient(_) | Step::KillDuring(..) | Step::Parallel(_) => false,
            } operation => operation.must_be_refused())
        };
        self.leaves().iter().any(refused)
    }

    /// Whether a kill in the middle of it is worth a run.
    pub(super) fn can_be_killed(&self) -> bool {
        with_operation!(self, {
            Step::Parallel(_) => true,
            Step::SecondClient(_) | Step::KillDuring(..) => false,
        } operation => operation.can_be_killed())
    }

    /// Whether a second client can ask for it.
    pub(super) fn fits_second_client(&self) -> bool {
        fn of<T: Operation>(_: &T) -> bool {
            T::SECOND_CLIENT
        }
        with_operation!(self, {
            Step::SecondClient(_) | Step::KillDuring(..) | Step::Parallel(_) => false,
        } operation => of(operation))
    }

    /// Whether it may stand in a `parallel` line.
    pub fn fits_parallel(&self) -> bool {
        fn of<T: Operation>(_: &T) -> bool {
            T::PARALLEL
        }
        with_operation!(self, {
            Step::SecondClient(_) | Step::KillDuring(..) | Step::Parallel(_) => false,
        } operation => of(operation))
    }

    /// Whether it is worth keeping in a first guess at a short program.
    pub fn changes_policy(&self) -> bool {
        with_operation!(self, {
            Step::SecondClient(_) | Step::KillDuring(..) | Step::Parallel(_) => true,
        } operation => operation.changes_policy())
    }

    /// Every step that is this one with one thing made plainer, the most promising first.
    pub fn simpler(&self) -> Vec<Step> {
        with_operation!(self, {
            Step::SecondClient(step) => unwrapped(step, Step::SecondClient),
            Step::KillDuring(step, delay) => {
                let mut all = unwrapped(step, |step| Step::KillDuring(step, *delay));
                let at_once = Step::KillDuring(step.clone(), Delay::default());
                all.extend((*self != at_once).then_some(at_once));
                all
            },
            Step::Parallel(lanes) => simpler_lanes(lanes),
        } operation => operation.simpler().into_iter().map(Step::from).collect())
    }

    /// The same with the texts that every drawn program has.
    pub(super) fn canonical(self, turn: &mut usize) -> Step {
        with_operation!(self, {
            Step::SecondClient(step) => Step::SecondClient(Box::new(step.canonical(turn))),
            Step::KillDuring(step, delay) => {
                Step::KillDuring(Box::new(step.canonical(turn)), delay)
            },
            Step::Parallel(steps) => {
                Step::Parallel(steps.into_iter().map(|step| step.canonical(turn)).collect())
            },
        } operation => operation.canonical(turn).into())
    }

    /// Reads a line whose verb is taken already.
    pub(super) fn parse(line: &mut Line) -> Result<Step, Problem> {
        match line.verb.as_str() {
            "client2" => Ok(Step::SecondClient(Box::new(inner(line)?))),
            "kill-during" => {
                let delay = delay(line)?;
                let step = if line.skip("parallel") { parallel(line)? } else { inner(line)? };
                Ok(Step::KillDuring(Box::new(step), delay))
            }
            "parallel" => parallel(line),
            verb => operation_parser(verb)?(line),
        }
    }
}

/// The inner step alone, then the wrapped one made simpler.
fn unwrapped(step: &Step, wrap: impl Fn(Box<Step>) -> Step) -> Vec<Step> {
    let simpler = step.simpler().into_iter().map(|step| wrap(Box::new(step)));
    std::iter::once(step.clone()).chain(simpler).collect()
}

/// With one lane fewer, then with one lane simpler. A lane that creates a thread stays, since later
/// lines may be about that thread.
fn simpler_lanes(lanes: &[Step]) -> Vec<Step> {
    let mut all = Vec::new();
    for index in (0..lanes.len()).filter(|index| lanes[*index].names().is_empty()) {
        let mut fewer = lanes.to_vec();
        fewer.remove(index);
        if fewer.len() == 1 {
            all.extend(fewer);
        } else {
            all.push(Step::Parallel(fewer));
        }
    }
    for (index, lane) in lanes.iter().enumerate() {
        let with = |step: Step| {
            let mut lanes = lanes.to_vec();
            lanes[index] = step;
            Step::Parallel(lanes)
        };
        all.extend(lane.simpler().into_iter().map(with));
    }
    all
}

fn operation_parser(verb: &str) -> Result<Parse, Problem> {
    use strum::IntoEnumIterator;
    let actions: Vec<&str> = action::Action::iter().map(action::Action::word).collect();
    let action = action::ThreadAction::VERB;
    let listed = if actions.contains(&verb) { action } else { verb };
    let found = PARSERS.iter().find(|(known, _)| *known == listed && verb != action);
    if let Some((_, parse)) = found {
        return Ok(*parse);
    }
    let verbs = PARSERS.iter().map(|(verb, _)| *verb).filter(|verb| *verb != action);
    let expected: Vec<&str> =
        verbs.chain(actions).chain(["client2", "kill-during", "parallel"]).collect();
    let version = env!("CARGO_PKG_VERSION");
    problem(format!(
        "`{verb}` is not a step that heirloom {version} knows, though a newer one may; expected \
         {} or audit",
        expected.join(", ")
    ))
}

/// The step within `client2`, `kill-during` or `parallel`.
fn inner(line: &mut Line) -> Result<Step, Problem> {
    line.next_verb();
    inner_of(line)
}

fn inner_of(line: &mut Line) -> Result<Step, Problem> {
    match line.verb.as_str() {
        "" => problem("expected a step behind it"),
        verb @ ("client2" | "kill-during" | "parallel" | "restart" | "disk" | "remove-folder") => {
            problem(format!("`{verb}` cannot stand within another step"))
        }
        _ => Step::parse(line),
    }
}

fn parallel(line: &mut Line) -> Result<Step, Problem> {
    let mut steps = Vec::new();
    for mut lane in line.split("|") {
        let step = inner_of(&mut lane)?;
        lane.end()?;
        if !step.fits_parallel() {
            return problem("`parallel` takes start, fork, resume and settings");
        }
        steps.push(step);
    }
    if steps.len() < 2 {
        return problem("`parallel` wants two steps or more, with `|` between them");
    }
    Ok(Step::Parallel(steps))
}

fn delay(line: &mut Line) -> Result<Delay, Problem> {
    let Some(word) = line.value("after") else {
        return Ok(Delay::default());
    };
    let number = word.strip_suffix("ms").and_then(|number| number.parse().ok());
    number.map(Delay).ok_or_else(|| {
        Problem(format!("`after={word}` is not a delay; expected one such as `after=20ms`"))
    })
}

/// An operation, mostly a plain one, or a wrapper around operations; bytes never nest wrappers.
pub(super) fn from_bytes(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Step> {
    Ok(match bytes.int_in_range(0..=15_u8)? {
        0 => Step::SecondClient(Box::new(operation_from_bytes(bytes)?)),
        1 => Step::KillDuring(Box::new(operation_from_bytes(bytes)?), *bytes.choose(&Delay::ALL)?),
        2 => Step::KillDuring(Box::new(lanes_from_bytes(bytes)?), *bytes.choose(&Delay::ALL)?),
        3 => lanes_from_bytes(bytes)?,
        _ => operation_from_bytes(bytes)?,
    })
}

fn operation_from_bytes(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Step> {
    bytes.choose(FROM_BYTES)?(bytes)
}

fn lanes_from_bytes(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Step> {
    Ok(Step::Parallel(vec![operation_from_bytes(bytes)?, operation_from_bytes(bytes)?]))
}

/// The step, and half of the time a warm read of its thread.
pub(super) fn then_read(steps: BoxedStrategy<Step>, reads: bool) -> BoxedStrategy<Vec<Step>> {
    if !reads {
        return steps.prop_map(|step| vec![step]).boxed();
    }
    (steps, proptest::bool::ANY)
        .prop_map(|(step, reads)| {
            let thread = step.uses().filter(|_| reads);
            let read = thread.map(|thread| Step::from(warm_read::WarmRead { thread }));
            std::iter::once(step).chain(read).collect()
        })
        .boxed()
}

impl fmt::Display for Step {
    /// The verb first; the name of a new thread stands after `->`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::SecondClient(step) => write!(f, "client2 {step}"),
            Step::KillDuring(step, Delay(0)) => write!(f, "kill-during {step}"),
            Step::KillDuring(step, Delay(after)) => write!(f, "kill-during after={after}ms {step}"),
            Step::Parallel(steps) => {
                let lanes: Vec<String> = steps.iter().map(Step::to_string).collect();
                write!(f, "parallel {}", lanes.join(" | "))
            }
            operation => {
                let rest = Printed(operation).to_string();
                let line = format!("{:<7} {}", operation.verb(), rest.trim_start());
                match operation.names().first() {
                    Some(name) => write!(f, "{line:<37} -> {name}"),
                    None => f.write_str(&line),
                }
            }
        }
    }
}

impl Step {
    /// The first word of its line.
    pub fn verb(&self) -> &'static str {
        with_operation!(self, {
            Step::SecondClient(_) => "client2",
            Step::KillDuring(..) => "kill-during",
            Step::Parallel(_) => PARALLEL.word(),
        } operation => operation.verb())
    }
}

struct Printed<'a>(&'a Step);

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        with_operation!(self.0, {
            Step::SecondClient(_) | Step::KillDuring(..) | Step::Parallel(_) => Ok(()),
        } operation => operation.print(f))
    }
}

#[cfg(test)]
mod tests {
    use itertools::Itertools;

    use super::{OpKind, help};

    /// Where the table of lines stands in a document.
    const MARKERS: [&str; 2] = ["<!-- lines -->", "<!-- /lines -->"];

    #[test]
    fn the_table_of_lines_in_the_documentation_is_the_help() {
        let document = include_str!("../../docs/programs.md");
        let [begin, end] = MARKERS;
        let (_, rest) = document.split_once(begin).expect("the table begins at its marker");
        let (table, _) = rest.split_once(end).expect("the table ends at its marker");
        let row =
            |(line, does): &(String, &str)| format!("| `{}` | {does} |", line.replace('|', "\\|"));
        let rows = help().iter().map(row).join("\n");
        assert_eq!(table.trim(), format!("| line | what it does |\n|---|---|\n{rows}"));
    }

    #[test]
    fn every_kind_is_read_as_it_is_printed() {
        let read = OpKind::all().into_iter().map(|kind| (kind.to_string().parse(), kind));
        assert!(read.clone().count() > 20);
        read.for_each(|(read, kind)| assert_eq!(read, Ok(kind)));
    }
}
