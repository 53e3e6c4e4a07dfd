//! What a program leans to, drawn once per program (swarm testing): some programs are all forks,
//! and some all turns.

use proptest::prelude::{Just, Strategy};
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Union};

use super::focus::Focus;

/// Of 100 calls, how many override something where values are the point.
const OFTEN: u32 = 70;

/// A number is a weight beside the others, from 0.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub forks: u32,
    pub resumes: u32,
    pub restarts: u32,
    pub configures: u32,
    pub settings: u32,
    /// Turns that are held, and what happens while they run.
    pub running: u32,
    /// Actions that change no policy.
    pub actions: u32,
    /// Requests that must be refused.
    pub invalid: u32,
    /// What only some programs have; a second one in a fifth of them.
    pub rares: [Rare; 2],
    /// Of 100 calls, how many override anything at all.
    pub overriding: u32,
    /// Whether named profiles are defined and selected.
    pub profiles: bool,
    /// Whether named profiles, where there are any, have tables of their own.
    pub tables: bool,
    /// Whether probes ask for permissions and answers, for which config offers tools.
    pub questions: bool,
    /// Whether config leaves defaults out, and the project in the workspace has its own.
    pub layers: bool,
    /// Whether secondary dimensions are overridden.
    pub secondary: bool,
    /// Of 100 turns, how many have a probe where profiles have no tables.
    pub probes: u32,
}

/// What only some programs have, since it costs a server or changes how a program is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rare {
    Nothing,
    Ephemeral,
    /// A second connection, and calls at once.
    Clients,
    Subagents,
    /// Kills during calls, and databases that are gone.
    KillDuring,
    FullDisk,
    /// Turns in other folders and with other roots, and folders that are removed.
    Folders,
    /// Threads that are unloaded, and a second server.
    Unload,
    /// Reads from a copy of the home.
    ColdRead,
}

impl Shape {
    /// Whether the program has this.
    pub fn has(&self, rare: Rare) -> bool {
        self.rares.contains(&rare)
    }

    /// Whether profiles with tables of their own are defined.
    pub fn has_tables(&self) -> bool {
        self.profiles && self.tables
    }

    /// Of 100 turns, how many have a probe: tables show in probes alone.
    pub fn probe_percent(&self) -> u32 {
        if self.has_tables() { self.probes.max(40) } else { self.probes }
    }

    pub(super) fn strategy(focus: Focus) -> impl Strategy<Value = Shape> {
        let weight = || select(vec![0, 1, 3]);
        let lifecycle = (weight(), weight(), 1..3_u32, 0..2_u32, weight());
        let turns = (
            select(vec![0, 0, 1, 2]),
            select(vec![0, 1, 1, 3]),
            select(vec![0, 0, 1]),
            select(vec![0, 10, 40]),
        );
        let values =
            (select(vec![15, 40, 70]), one_in(3), one_in(6), one_in(2), one_in(3), one_in(5));
        (lifecycle, turns, values, rares()).prop_map(move |(lifecycle, turns, values, rares)| {
            let (forks, resumes, restarts, configures, settings) = lifecycle;
            let (running, actions, invalid, probes) = turns;
            let (overriding, profiles, layers, secondary, tables, questions) = values;
            Shape {
                forks,
                resumes,
                restarts,
                configures,
                settings,
                running,
                actions,
                invalid,
                rares,
                overriding,
                profiles,
                tables,
                questions,
                layers,
                secondary,
                probes,
            }
            .focused(focus)
        })
    }
}

impl Shape {
    /// The same program's shape, turned to an area.
    pub(super) fn focused(self, focus: Focus) -> Shape {
        let rares = |rare| [rare, self.rares[0]];
        match focus {
            Focus::All => self,
            Focus::Core => Shape {
                forks: self.forks.max(1),
                resumes: self.resumes.max(1),
                actions: 0,
                rares: [Rare::Nothing; 2],
                secondary: false,
                ..self
            },
            Focus::Config => {
                let restarts = self.restarts.max(2);
                Shape { configures: 3, layers: true, restarts, ..self }
            }
            Focus::Folders => {
                Shape { rares: rares(Rare::Folders), secondary: true, probes: 40, ..self }
            }
            Focus::Modes => Shape { secondary: true, overriding: OFTEN, ..self },
            Focus::Profiles => Shape { profiles: true, overriding: OFTEN, ..self },
            Focus::Enforcement => Shape { probes: 60, ..self },
            Focus::Running => Shape { running: 4, ..self },
            Focus::Subagents => Shape { rares: rares(Rare::Subagents), ..self },
            Focus::Clients => Shape { rares: rares(Rare::Clients), ..self },
            Focus::Crashes => {
                let disk = self.rares[0] == Rare::FullDisk;
                let crash = if disk { Rare::FullDisk } else { Rare::KillDuring };
                Shape { rares: rares(crash), restarts: self.restarts.max(2), ..self }
            }
        }
    }
}

/// Mostly at most one, for each takes the place of something else.
fn rares() -> BoxedStrategy<[Rare; 2]> {
    (rare(), rare(), one_in(5))
        .prop_map(|(first, second, both)| [first, if both { second } else { Rare::Nothing }])
        .boxed()
}

fn rare() -> BoxedStrategy<Rare> {
    let weighted = [
        (10, Rare::Nothing),
        (2, Rare::Ephemeral),
        (3, Rare::Clients),
        (2, Rare::Subagents),
        (2, Rare::KillDuring),
        (1, Rare::FullDisk),
        (2, Rare::Folders),
        (2, Rare::Unload),
        (1, Rare::ColdRead),
    ];
    Union::new_weighted(weighted.map(|(weight, rare)| (weight, Just(rare).boxed())).to_vec())
        .boxed()
}

fn one_in(programs: u32) -> BoxedStrategy<bool> {
    (0..programs).prop_map(|number| number == 0).boxed()
}
