//! One value put in the place of another, all through a program.
//!
//! A finding is about a value that was due and one that was seen. The same program with another
//! pair, in the same dimension or another one, shows whether the cause is the same.

use crate::judge::verdict::Finding;
use crate::policy::assign::SandboxSpelling;
use crate::policy::{
    Approval, Dimension, Granular, Overrides, Permissions, Reviewer, Sandbox, Value,
};
use crate::program::Program;
use crate::program::operation::OverridesOf;
use crate::program::ops::Step;

/// The value that was due and the one that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) due: Value,
    pub(super) seen: Value,
}

impl Pair {
    /// The values of a finding, where it is about values of a thread.
    pub(super) fn of(finding: &Finding) -> Option<Pair> {
        let dimension = finding.dimension?;
        let policies = finding.policies.as_ref()?;
        let due = policies.expected.value(dimension)?;
        Some(Pair { due, seen: policies.seen.value(dimension)? })
    }

    /// A pair of plain values in a dimension, for those that a start can set.
    pub(super) fn plain(dimension: Dimension) -> Option<Pair> {
        let other = |due: &str, seen: &str| Pair {
            due: Value::Other(dimension, due.to_owned()),
            seen: Value::Other(dimension, seen.to_owned()),
        };
        let permissions =
            |due, seen| Pair { due: Value::Permissions(due), seen: Value::Permissions(seen) };
        let read_only = Permissions::Legacy(Sandbox::ReadOnly { network: false });
        Some(match dimension {
            Dimension::AP => Pair {
                due: Value::Approval(Approval::Never),
                seen: Value::Approval(Approval::OnRequest),
            },
            Dimension::RV => Pair {
                due: Value::Reviewer(Reviewer::AutoReview),
                seen: Value::Reviewer(Reviewer::User),
            },
            Dimension::SB => permissions(Permissions::Legacy(Sandbox::FullAccess), read_only),
            Dimension::PP => permissions(Permissions::Profile(":workspace".to_owned()), read_only),
            Dimension::M => other("other-model", "mock-model"),
            Dimension::E => other("low", "default"),
            Dimension::CWD => other("HOME", "WS"),
            Dimension::WR => other("CWD+OUT", "CWD"),
            Dimension::T | Dimension::CM | Dimension::DP => return None,
        })
    }

    /// The same with the two values changed for one another.
    pub(super) fn swapped(&self) -> Pair {
        Pair { due: self.seen.clone(), seen: self.due.clone() }
    }

    /// Pairs in the same dimension with a due value of another form.
    pub(super) fn other_forms(&self) -> Vec<Pair> {
        let values: Vec<Value> = match &self.due {
            Value::Approval(_) => [
                Approval::Untrusted,
                Approval::OnRequest,
                Approval::Never,
                Approval::Granular(Granular {
                    sandbox_approval: false,
                    rules: false,
                    skill_approval: false,
                    request_permissions: false,
                    mcp_elicitations: false,
                }),
            ]
            .map(Value::Approval)
            .to_vec(),
            Value::Permissions(Permissions::Legacy(_)) => [
                Sandbox::ReadOnly { network: false },
                Sandbox::workspace(false),
                Sandbox::FullAccess,
                Sandbox::External { network: false },
            ]
            .map(|sandbox| Value::Permissions(Permissions::Legacy(sandbox)))
            .to_vec(),
            _ => Vec::new(),
        };
        let other =
            |value: &Value| value.form() != self.due.form() && value.form() != self.seen.form();
        let pair = |due| Pair { due, seen: self.seen.clone() };
        values.into_iter().filter(other).map(pair).collect()
    }
}

/// The program with the values of `new` in the place of those of `old`, where they can be spelled.
pub(super) fn substituted(program: &Program, old: &Pair, new: &Pair) -> Option<Program> {
    let mut changed = with_pair(program, old, new)?;
    let (from, to) = (place(old.due.dimension()), place(new.due.dimension()));
    if from != to {
        for step in &mut changed.steps {
            each_overrides(step, &mut Clear(from));
        }
    }
    (changed != *program).then_some(changed)
}

/// The program with the values of `new` beside those of `old`, in another dimension.
pub(super) fn with_pair(program: &Program, old: &Pair, new: &Pair) -> Option<Program> {
    let dimension = old.due.dimension();
    let mut program = program.clone();
    let stated = program.defaults.policy().value(dimension);
    let default = if stated.as_ref() == Some(&old.due) { &new.due } else { &new.seen };
    let plain = program.defaults.policy().value(new.due.dimension());
    if plain.as_ref() != Some(default) {
        program.defaults.assign(default)?;
    }
    for step in &mut program.steps {
        let mut put = Put { dimension, due: &old.due, new, fails: false };
        each_overrides(step, &mut put);
        if put.fails {
            return None;
        }
        if let Step::Configure(configure) = step {
            let value = configure.defaults.policy().value(dimension);
            let is_due = value.as_ref() == Some(&old.due);
            configure.defaults.assign(if is_due { &new.due } else { &new.seen })?;
        }
    }
    Some(program)
}

/// A dimension that stands for all that name the same place.
pub(super) fn place(dimension: Dimension) -> Dimension {
    if dimension == Dimension::PP { Dimension::SB } else { dimension }
}

/// A change of overrides, however they spell a sandbox.
trait Edit {
    fn edit<S: SandboxSpelling>(&mut self, overrides: &mut Overrides<S>);
}

struct Clear(Dimension);

impl Edit for Clear {
    fn edit<S: SandboxSpelling>(&mut self, overrides: &mut Overrides<S>) {
        overrides.clear(self.0);
    }
}

struct Put<'a> {
    dimension: Dimension,
    due: &'a Value,
    new: &'a Pair,
    fails: bool,
}

impl Edit for Put<'_> {
    fn edit<S: SandboxSpelling>(&mut self, overrides: &mut Overrides<S>) {
        let Some(value) = overrides.assigned(self.dimension) else { return };
        let is_due = value.form() == self.due.form();
        let new = if is_due { &self.new.due } else { &self.new.seen };
        self.fails |= overrides.assign(new).is_none();
    }
}

fn each_overrides(step: &mut Step, edit: &mut impl Edit) {
    for leaf in step.leaves_mut() {
        match leaf.overrides_mut() {
            Some(OverridesOf::Call(overrides)) => edit.edit(overrides),
            Some(OverridesOf::Turn(overrides)) => edit.edit(overrides),
            None => {}
        }
    }
}
