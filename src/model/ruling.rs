//! [core] Rulings and kinds: which clause a value rests on, and what an operation is called.
//!
//! A ruling has a clause for every dimension, and one for the operation as a whole. The name of a
//! kind stands in signatures and reports.

use super::{Kind, Ruling};
use crate::contract::Clause;
use crate::op::Act;
use crate::plan::Step;
use crate::policy::{Dimension, Overrides, Value};

impl Ruling {
    /// What a cold read restores once a turn has run.
    pub const RESTORED: Ruling = Ruling {
        kind: Kind::Resume,
        own: Clause::R4,
        clauses: [
            Clause::R4,
            Clause::R5,
            Clause::R8,
            Clause::R6,
            Clause::R9,
            Clause::R9,
            Clause::G1,
            Clause::R10,
            Clause::R13,
            Clause::R13,
        ],
    };

    /// The same clause for every value.
    pub fn all(kind: Kind, clause: Clause) -> Ruling {
        Ruling { kind, own: clause, clauses: [clause; 10] }
    }

    /// The clause of a value.
    pub fn clause(&self, value: &Value) -> Clause {
        self.of(value.dimension())
    }

    /// The clause of a dimension.
    pub fn of(&self, dimension: Dimension) -> Clause {
        self.clauses[dimension as usize]
    }

    /// The clause that the operation is told under as a whole.
    pub fn main(&self) -> Clause {
        self.own
    }

    /// This ruling with another clause for the operation as a whole.
    pub fn under(self, own: Clause) -> Ruling {
        Ruling { own, ..self }
    }

    /// This ruling with another clause for these dimensions.
    pub fn with(mut self, dimensions: &[Dimension], clause: Clause) -> Ruling {
        for dimension in dimensions {
            self.clauses[*dimension as usize] = clause;
        }
        self
    }

    /// `set` where the overrides set a value, this ruling's clause elsewhere.
    pub fn where_set<S>(self, set: Clause, overrides: &Overrides<S>) -> Ruling {
        let dimensions: Vec<Dimension> =
            Dimension::ALL.into_iter().filter(|one| overrides.sets(*one)).collect();
        self.with(&dimensions, set)
    }
}

impl Step {
    /// The kind of operation, as findings name it; a look is the resume that takes it.
    pub fn kind(&self) -> Kind {
        match self {
            Step::Start { .. } => Kind::Start,
            Step::Run { .. } | Step::Begin { .. } | Step::Finish { .. } => Kind::Run,
            Step::Steer { .. } => Kind::Steer,
            Step::Retune { .. } => Kind::Retune,
            Step::Settings { .. } => Kind::Settings,
            Step::Fork { .. } => Kind::Fork,
            Step::Resume { .. } | Step::Reread { .. } | Step::Fresh { .. } => Kind::Resume,
            Step::Act { act, .. } => Kind::Act(*act),
            Step::Spawn { .. } => Kind::Spawn,
            Step::Task { .. } => Kind::Task,
            Step::Rival { .. } => Kind::Rival,
            Step::Invalid { .. } => Kind::Invalid,
            Step::Restart { .. } => Kind::Restart,
            Step::Configure { .. } => Kind::Configure,
            Step::Disk { .. } => Kind::Disk,
            Step::Second(step) | Step::Torn(step, _) => step.kind(),
            Step::Together(_) => Kind::Together,
        }
    }
}

impl Kind {
    /// Every kind.
    pub fn all() -> Vec<Kind> {
        let own = [
            Kind::Start,
            Kind::Run,
            Kind::Steer,
            Kind::Retune,
            Kind::Settings,
            Kind::Fork,
            Kind::Resume,
            Kind::Spawn,
            Kind::Task,
            Kind::Rival,
            Kind::Invalid,
            Kind::Restart,
            Kind::Configure,
            Kind::Disk,
            Kind::Together,
        ];
        own.into_iter().chain(Act::ALL.into_iter().map(Kind::Act)).collect()
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Start => "start",
            Kind::Run => "run",
            Kind::Steer => "steer",
            Kind::Retune => "retune",
            Kind::Settings => "settings",
            Kind::Fork => "fork",
            Kind::Resume => "resume",
            Kind::Spawn => "spawn",
            Kind::Task => "task",
            Kind::Rival => "rival",
            Kind::Invalid => "invalid",
            Kind::Restart => "restart",
            Kind::Configure => "configure",
            Kind::Disk => "disk",
            Kind::Together => "together",
            Kind::Act(act) => return act.fmt(f),
        })
    }
}
