//! Programs that differ from one that shows a finding in one point.
//!
//! Each is made of a program's own steps: another way to restart, another operation that reads the
//! thread, another dimension or value, another way to set it, another first event or end of a turn.

use itertools::Itertools;
use strum::{Display, EnumIter, IntoEnumIterator};

use super::substitution::{Pair, place, substituted, with_pair};
use crate::judge::verdict::Finding;
use crate::model::life::{Fact, NO, YES};
use crate::policy::features::FeatureSet;
use crate::policy::{CallOverrides, Dimension, Overrides, Setting, TurnOverrides};
use crate::program::Program;
use crate::program::operation::{OpKind, Operation, OverridesOf};
use crate::program::ops::Step;
use crate::program::ops::action::{Action, ThreadAction};
use crate::program::ops::fork::Fork;
use crate::program::ops::restart::{Restart, Stop};
use crate::program::ops::resume::Resume;
use crate::program::ops::run::Run;
use crate::program::ops::settings::Settings;
use crate::program::reply::Reply;
use crate::program::thread::{ThreadName, ThreadRef};

/// In what two programs differ.
#[derive(
    Clone,
    Copy,
    Debug,
    Display,
    EnumIter,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Point {
    /// The kind of restart.
    Restart,
    /// The operation that reads the thread.
    Reader,
    Dimension,
    /// The form of the value that is due.
    Value,
    /// How the value was set.
    Setter,
    /// Whether the thread is loaded when it is read; one that is loaded is read by a fork.
    Loaded,
    /// Whether a kill breaks off a call.
    BrokenOff,
    /// The first event of the thread.
    Began,
    /// How the last turn ended.
    LastTurn,
    /// Whether config.toml has a third value, so that it shows where the wrong one comes from.
    Config,
    /// The features of the server.
    Features,
}

impl Point {
    /// What it is called in reports.
    pub fn words(self) -> &'static str {
        match self {
            Point::Restart => "how the server was restarted",
            Point::Reader => "which operation reads the thread",
            Point::Dimension => "the dimension",
            Point::Value => "the value",
            Point::Setter => "how the value was set",
            Point::Loaded => "whether the thread is loaded when it is forked",
            Point::BrokenOff => "whether a kill breaks off a call",
            Point::Began => "the thread's first event",
            Point::LastTurn => "how its last turn ended",
            Point::Config => "what config.toml says",
            Point::Features => "the features of the server",
        }
    }

    /// The fact of a thread that it changes.
    pub(super) fn fact(self) -> Option<Fact> {
        match self {
            Point::Restart => Some(Fact::Since),
            Point::Setter => Some(Fact::SetBy),
            Point::Loaded => Some(Fact::Loaded),
            Point::BrokenOff => Some(Fact::BrokenOff),
            Point::Began => Some(Fact::Began),
            Point::LastTurn => Some(Fact::LastTurn),
            Point::Features => Some(Fact::Features),
            Point::Reader | Point::Dimension | Point::Value | Point::Config => None,
        }
    }
}

/// A program that differs in one point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variation {
    pub point: Point,
    /// What stands there instead.
    pub word: String,
    pub program: Program,
}

/// A finding and the program that shows it, with every step that matters written out.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) program: Program,
    /// The step that shows it.
    pub(super) reader: usize,
    pub(super) finding: Finding,
    /// The thread that this step reads.
    thread: Option<ThreadName>,
    pub(super) pair: Option<Pair>,
}

impl Subject {
    pub(super) fn new(program: &Program, finding: &Finding) -> Subject {
        let mut program = program.clone();
        let mut reader = finding.step;
        // What the audit shows is read by a line of its own, so that it can be varied.
        if reader >= program.lines() {
            let audit = program.audit();
            let shows = audit.get(reader - program.lines()).cloned();
            let restart = Step::from(Restart::by(Stop::Graceful));
            program.steps.extend([Some(restart), shows].into_iter().flatten());
            reader = program.lines() - 1;
        }
        let thread = program.steps.get(reader).and_then(Step::uses).and_then(ThreadRef::name);
        let thread = thread.or(finding.thread);
        Subject { program, reader, finding: finding.clone(), thread, pair: Pair::of(finding) }
    }

    /// Every variation, those first that say most.
    pub(super) fn variations(&self) -> Vec<Variation> {
        let all = Point::iter().flat_map(|point| self.of(point));
        all.filter(|one| one.program.normalised() != self.program.normalised())
            .unique_by(|one| one.program.normalised())
            .collect()
    }

    fn of(&self, point: Point) -> Vec<Variation> {
        let programs: Vec<(String, Program)> = match point {
            Point::Restart => self.restarts(),
            Point::Reader => {
                let kinds = [Resume::KIND, Fork::KIND];
                let read = |kind: &OpKind| Some((kind.to_string(), self.read_by(*kind)?));
                kinds.iter().filter(|kind| **kind != self.kind()).filter_map(read).collect()
            }
            Point::Dimension => self.dimensions(),
            Point::Value => self.values(),
            Point::Setter => {
                let words = ["start", "run", "settings", "resume", "fork", "request-config"];
                let set = |word: &&str| Some(((*word).to_owned(), self.set_by(word)?));
                words.iter().filter_map(set).collect()
            }
            Point::Loaded => self.loaded().into_iter().collect(),
            Point::BrokenOff => self.unbroken().into_iter().collect(),
            Point::Began => self.beginnings(),
            Point::LastTurn => self.last_turns(),
            Point::Config => self.third_config().into_iter().collect(),
            Point::Features => {
                let with =
                    |set: FeatureSet| (set.to_string(), self.program.clone().with_features(set));
                FeatureSet::iter().map(with).collect()
            }
        };
        programs.into_iter().map(|(word, program)| Variation { point, word, program }).collect()
    }

    /// What stands at a point in the program itself.
    pub(super) fn word(&self, point: Point) -> Option<String> {
        let fact = point.fact().and_then(|fact| self.finding.facts.word(fact));
        match point {
            Point::Restart => match self.program.steps.get(self.restart()?)? {
                Step::Restart(restart) => Some(restart.stop.to_string()),
                _ => None,
            },
            Point::Reader => Some(self.kind().to_string()),
            Point::Dimension => self.finding.dimension.map(|dimension| dimension.to_string()),
            Point::Value => self.pair.as_ref().map(|pair| pair.due.form().to_owned()),
            Point::Config => self.pair.as_ref().map(|pair| pair.seen.form().to_owned()),
            Point::LastTurn => self.last_word().map(str::to_owned),
            Point::Setter | Point::Loaded | Point::Began | Point::BrokenOff | Point::Features => {
                fact.map(str::to_owned)
            }
        }
    }

    fn kind(&self) -> OpKind {
        self.program.steps.get(self.reader).map_or(self.finding.kind, Step::kind)
    }

    fn about(&self, step: &Step) -> bool {
        self.thread.is_some() && step.used().iter().any(|used| used.name() == self.thread)
    }

    fn with(&self, index: usize, steps: Vec<Step>) -> Program {
        let mut program = self.program.clone();
        program.steps.splice(index..=index, steps);
        program
    }

    /// The restart before the step that shows it.
    fn restart(&self) -> Option<usize> {
        let before = &self.program.steps[..self.reader.min(self.program.steps.len())];
        let plain = |step: &Step| matches!(step, Step::Restart(Restart { release: None, .. }));
        before.iter().rposition(plain)
    }

    fn restarts(&self) -> Vec<(String, Program)> {
        let Some(at) = self.restart() else { return Vec::new() };
        let by = |stop: Stop| (stop.to_string(), self.with(at, vec![Restart::by(stop).into()]));
        let mut all: Vec<(String, Program)> = [Stop::Graceful, Stop::Kill].map(by).into();
        if let Some(name) = self.thread {
            let thread = ThreadRef::Thread(name);
            let unload = ThreadAction::plain(thread, Action::Unload);
            all.push(("unload".to_owned(), self.with(at, vec![unload.into()])));
        }
        all
    }

    /// The same with another operation that reads the thread.
    pub(super) fn read_by(&self, kind: OpKind) -> Option<Program> {
        let mut step = self.program.steps.get(self.reader)?.clone();
        let overrides = match step.overrides_mut() {
            Some(OverridesOf::Call(overrides)) => overrides.clone(),
            Some(OverridesOf::Turn(_)) => return None,
            None => CallOverrides::default(),
        };
        if ![Resume::KIND, Fork::KIND].contains(&step.kind()) {
            return None;
        }
        let thread = ThreadRef::Thread(self.thread?);
        let step: Step = match kind {
            Resume::KIND => Resume { thread, overrides }.into(),
            Fork::KIND => Fork::of(thread, overrides).into(),
            _ => return None,
        };
        Some(self.with(self.reader, vec![step]))
    }

    /// Other dimensions, as many in one program as go together.
    fn dimensions(&self) -> Vec<(String, Program)> {
        let Some(pair) = &self.pair else { return Vec::new() };
        let own = pair.due.dimension();
        let mut all = Vec::new();
        let (mut words, mut packed) = (Vec::new(), self.program.clone());
        for dimension in Dimension::ALL.into_iter().filter(|one| *one != own) {
            let Some(new) = Pair::plain(dimension) else { continue };
            let alone = place(dimension) == place(own) || dimension == Dimension::PP;
            if alone {
                let program = substituted(&self.program, pair, &new);
                all.extend(program.map(|program| (dimension.to_string(), program)));
            } else if let Some(program) = with_pair(&packed, pair, &new) {
                words.push(dimension.to_string());
                packed = program;
            }
        }
        all.extend((!words.is_empty()).then(|| (words.join(" "), packed)));
        all
    }

    /// The same with other values. Where the operation that sets the value cannot spell the new one,
    /// a turn or a change of settings sets it.
    pub(super) fn with_values(&self, new: &Pair) -> Option<Program> {
        let pair = self.pair.as_ref()?;
        let others = ["run", "settings"].iter().filter_map(|word| self.set_by(word));
        let programs = std::iter::once(self.program.clone()).chain(others);
        programs.into_iter().find_map(|program| substituted(&program, pair, new))
    }

    fn values(&self) -> Vec<(String, Program)> {
        let Some(pair) = &self.pair else { return Vec::new() };
        let others = std::iter::once(pair.swapped()).chain(pair.other_forms());
        let with = |new: Pair| {
            let word = new.due.form().to_owned();
            Some((word, self.with_values(&new)?))
        };
        others.filter_map(with).collect()
    }

    /// The step that sets the value, where it is another one than the step that shows it.
    fn setter(&self) -> Option<usize> {
        let place = self.pair.as_ref()?.due.dimension();
        let sets = |step: &Step| {
            let leaf = step.leaves().into_iter().next().unwrap_or(step);
            leaf.sets().is_some_and(|(dimensions, _)| dimensions.contains(&place))
        };
        let creates = |step: &Step| step.names().iter().any(|name| Some(*name) == self.thread);
        let before = &self.program.steps[..self.reader.min(self.program.steps.len())];
        before.iter().rposition(|step| sets(step) && (self.about(step) || creates(step)))
    }

    /// The same with the value set by another operation.
    pub(super) fn set_by(&self, word: &str) -> Option<Program> {
        let value = &self.pair.as_ref()?.due;
        if word == "request-config" {
            let at = if self.setter_reads() { self.reader } else { self.setter()? };
            let mut program = self.program.clone();
            let OverridesOf::Call(overrides) = program.steps.get_mut(at)?.overrides_mut()? else {
                return None;
            };
            overrides.by_config = true;
            return Some(program);
        }
        let at = if self.setter_reads() { self.reader } else { self.setter()? };
        if self.program.steps[at].kind().word() == word {
            return self.set_directly(at);
        }
        if self.setter_reads() {
            return None;
        }
        let mut program = self.program.clone();
        clear(&mut program.steps[at], value.dimension());
        let thread = ThreadRef::Thread(self.thread?);
        let created = program
            .steps
            .iter()
            .position(|step| step.names().iter().any(|name| Some(*name) == self.thread))?;
        match word {
            "start" => match program.steps[created].overrides_mut()? {
                OverridesOf::Call(overrides) => overrides.assign(value)?,
                OverridesOf::Turn(_) => return None,
            },
            "run" => {
                let turn = program.steps[created..self.reader]
                    .iter()
                    .position(|step| matches!(step, Step::Run(_)) && self.about(step))?;
                match program.steps[created + turn].overrides_mut()? {
                    OverridesOf::Turn(overrides) => overrides.assign(value)?,
                    OverridesOf::Call(_) => return None,
                }
            }
            "resume" | "fork" => return None,
            _ => {
                let mut overrides = TurnOverrides::default();
                overrides.assign(value)?;
                program.steps.insert(at + 1, Settings { thread, overrides }.into());
            }
        }
        Some(program)
    }

    /// The same with the value as a key of the request where it went through `config`.
    fn set_directly(&self, at: usize) -> Option<Program> {
        let mut program = self.program.clone();
        match program.steps[at].overrides_mut()? {
            OverridesOf::Call(overrides) if overrides.by_config => overrides.by_config = false,
            _ => return None,
        }
        Some(program)
    }

    /// Whether the step that shows it sets the value itself.
    fn setter_reads(&self) -> bool {
        let Some(pair) = &self.pair else { return false };
        let sets = self.program.steps.get(self.reader).and_then(Step::sets);
        sets.is_some_and(|(dimensions, _)| dimensions.contains(&pair.due.dimension()))
    }

    /// A fork of a thread that is loaded instead of a look at one that is not, or the other way.
    fn loaded(&self) -> Option<(String, Program)> {
        let reads = [Resume::KIND, Fork::KIND].contains(&self.kind());
        match self.finding.facts.word(Fact::Loaded).filter(|_| reads)? {
            YES if self.kind() == Fork::KIND => {
                let reader = self.program.steps.get(self.reader)?.clone();
                let restart = Restart::by(Stop::Graceful).into();
                Some((NO.to_owned(), self.with(self.reader, vec![restart, reader])))
            }
            YES => None,
            _ => {
                let mut program = self.read_by(Fork::KIND)?;
                program.steps.remove(self.restart()?);
                Some((YES.to_owned(), program))
            }
        }
    }

    /// The call that a kill breaks off made to its end, and the kill after it.
    fn unbroken(&self) -> Option<(String, Program)> {
        let is_killed = |step: &Step| matches!(step, Step::KillDuring(..));
        let at = self.program.steps.iter().rposition(is_killed)?;
        let Step::KillDuring(inner, _) = &self.program.steps[at] else { return None };
        let steps = vec![(**inner).clone(), Restart::by(Stop::Kill).into()];
        Some(("nothing".to_owned(), self.with(at, steps)))
    }

    /// The thread's first event replaced by each other one.
    fn beginnings(&self) -> Vec<(String, Program)> {
        let Some(began) = self.finding.facts.word(Fact::Began) else { return Vec::new() };
        let killed = self.finding.facts.word(Fact::BrokenOff).is_some_and(|word| word == began);
        if [Run::KIND, Fork::KIND].iter().any(|kind| kind.word() == began) && !killed {
            return Vec::new();
        }
        let began_here = |step: &Step| {
            let leaf = step.leaves().into_iter().next().unwrap_or(step);
            leaf.kind().word() == began && self.about(step)
        };
        let Some((at, thread)) = self.program.steps.iter().position(began_here).zip(self.thread)
        else {
            return Vec::new();
        };
        let thread = ThreadRef::Thread(thread);
        let action = |action: Action| {
            let step = Step::from(ThreadAction::plain(thread, action));
            (action.word().to_owned(), step)
        };
        let run = Step::from(Run::plain(thread, TurnOverrides::default()));
        let mut firsts = vec![(Run::KIND.to_string(), run)];
        let all = [Action::Name, Action::Shell, Action::Archive, Action::Inject, Action::Goal];
        firsts.extend(all.map(action));
        let replaced = |(word, first): (String, Step)| {
            let archives = word == Action::Archive.word() && began != Action::Archive.word();
            let mut steps = vec![match &self.program.steps[at] {
                Step::KillDuring(_, delay) => Step::KillDuring(Box::new(first), *delay),
                _ => first,
            }];
            steps.extend(archives.then(|| action(Action::Unarchive).1));
            let mut program = self.with(at, steps);
            if began == Action::Archive.word() {
                let unarchive = |step: &Step| matches!(step, Step::Action(one) if one.action == Action::Unarchive);
                program.steps.retain(|step| !unarchive(step));
                // An archived thread is not loaded.
                if self.restart().is_none() {
                    program.steps.insert(at + 1, Restart::by(Stop::Graceful).into());
                }
            }
            (word, program)
        };
        firsts.into_iter().filter(|(word, _)| word != began).map(replaced).collect()
    }

    /// The thread's last turn before the step that shows it.
    fn last_turn(&self) -> Option<usize> {
        let before = &self.program.steps[..self.reader.min(self.program.steps.len())];
        let is_turn = |step: &Step| matches!(step, Step::Run(_) | Step::Begin(_));
        before.iter().rposition(|step| is_turn(step) && self.about(step))
    }

    /// How the last turn ends in the program itself.
    fn last_word(&self) -> Option<&'static str> {
        match self.program.steps.get(self.last_turn()?)? {
            Step::Run(run) => Some((&run.reply).into()),
            // It runs until the server goes down.
            Step::Begin(_) => Some("begin"),
            _ => None,
        }
    }

    fn last_turns(&self) -> Vec<(String, Program)> {
        let Some(at) = self.last_turn() else { return Vec::new() };
        let run = match &self.program.steps[at] {
            Step::Run(run) => run.clone(),
            Step::Begin(begin) => Run::plain(begin.thread, begin.overrides.clone()),
            _ => return Vec::new(),
        };
        let word = self.last_word();
        if word == Some(<&str>::from(&Reply::ok())) {
            return Vec::new();
        }
        let replies = [Reply::ok(), Reply::Hold, Reply::Fail, Reply::Drop, Reply::Status(500)];
        let with = |reply: Reply| {
            let word = <&str>::from(&reply).to_owned();
            (word, self.with(at, vec![Run { reply, ..run.clone() }.into()]))
        };
        let others = replies.into_iter().filter(|reply| Some(<&str>::from(reply)) != word);
        others.map(with).collect()
    }

    /// The same with a third value in config.toml, and the start asking for what it said before.
    fn third_config(&self) -> Option<(String, Program)> {
        let pair = self.pair.as_ref()?;
        let third = pair.other_forms().into_iter().map(|pair| pair.due);
        let mut program = self.program.clone();
        if program.defaults.policy().value(pair.seen.dimension()).as_ref() != Some(&pair.seen) {
            return None;
        }
        let third = third.into_iter().find(|value| program.defaults.assign(value).is_some())?;
        for step in &mut program.steps {
            let Step::Start(start) = step else { continue };
            if start.overrides.assigned(pair.seen.dimension()).is_none() {
                start.overrides.assign(&pair.seen)?;
            }
        }
        Some((third.form().to_owned(), program))
    }
}

/// Leaves a dimension out of a step's overrides, and asks for nothing through `config` any more
/// where nothing is left.
fn clear(step: &mut Step, dimension: Dimension) {
    fn of<S: crate::policy::assign::SandboxSpelling>(
        overrides: &mut Overrides<S>,
        dimension: Dimension,
    ) {
        overrides.clear(dimension);
        overrides.by_config &= overrides.sets_any();
        overrides.others.retain(|_, setting| *setting != Setting::Omit);
    }
    for leaf in step.leaves_mut() {
        match leaf.overrides_mut() {
            Some(OverridesOf::Call(overrides)) => of(overrides, dimension),
            Some(OverridesOf::Turn(overrides)) => of(overrides, dimension),
            None => {}
        }
    }
}
