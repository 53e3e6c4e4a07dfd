//! Which of the programs that a seed draws become cases.
//!
//! Of every four it is the one that brings its threads to the most states, for each of its steps,
//! to which no case before has brought one. On the faults of a simulated server that finds them in
//! four fifths of the steps (`cargo bench --bench draws`). The choice depends on what is drawn
//! alone, and neither on the server nor on the number of workers and shards.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use super::Campaign;
use crate::model::states::states;
use crate::program::Program;

/// The programs of which one becomes a case.
const CANDIDATES: u64 = 4;

/// The cases of a campaign, which its workers ask for.
pub struct Cases<'a> {
    campaign: &'a Campaign,
    selection: Mutex<Selection>,
}

/// The choices so far.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The states that were reached, as hashes: a long campaign has some hundred thousand.
    reached: HashSet<u64>,
    /// The number, among all that are drawn, of each case.
    chosen: Vec<u64>,
}

/// A program that may become a case.
struct Candidate {
    number: u64,
    steps: usize,
    states: HashSet<u64>,
}

impl Cases<'_> {
    pub fn of(campaign: &Campaign) -> Cases<'_> {
        Cases { campaign, selection: Mutex::default() }
    }

    /// The number, among all programs that the seed draws, of the case with this index.
    pub fn number(&self, index: u64) -> u64 {
        let case = usize::try_from(self.campaign.shard.index(index));
        let case = case.expect("cases are counted in memory");
        let mut selection = self.selection.lock().unwrap_or_else(PoisonError::into_inner);
        selection.number(case, |number| self.campaign.drawn_program(number))
    }
}

impl Selection {
    /// The number of the program that is this case. Both are counted from 0.
    pub fn number(&mut self, case: usize, drawn: impl Fn(u64) -> Program) -> u64 {
        while self.chosen.len() <= case {
            let first = CANDIDATES * self.chosen.len() as u64;
            let candidates =
                (first..first + CANDIDATES).map(|each| Candidate::of(each, &drawn(each)));
            let best = candidates.max_by_key(|each| (self.worth(each), Reverse(each.number)));
            let best = best.expect("there are several candidates");
            self.chosen.push(best.number);
            self.reached.extend(best.states);
        }
        self.chosen[case]
    }

    /// The new states in a thousand steps.
    fn worth(&self, candidate: &Candidate) -> usize {
        let new = candidate.states.difference(&self.reached).count();
        1000 * new / candidate.steps
    }
}

impl Candidate {
    fn of(number: u64, program: &Program) -> Candidate {
        let hash = |state| {
            let mut hasher = DefaultHasher::new();
            Hash::hash(&state, &mut hasher);
            hasher.finish()
        };
        let states = states(program).into_iter().map(hash).collect();
        Candidate { number, steps: program.with_audit().len(), states }
    }
}

#[cfg(test)]
mod tests {
    use super::Selection;
    use crate::program::Program;

    /// Programs of one thread and so many turns.
    fn turns(count: usize) -> Program {
        let turns = "run t0 \"hi\"\n".repeat(count);
        format!("# heirloom case v2\nconfig\nstart -> t0\n{turns}audit\n")
            .parse()
            .expect("it is a program")
    }

    /// A program that does something of its own.
    fn named() -> Program {
        "# heirloom case v2\nconfig\nstart -> t0\nname t0\naudit\n"
            .parse()
            .expect("it is a program")
    }

    #[test]
    fn of_programs_with_the_same_states_the_shortest_is_a_case() {
        let drawn = |number| turns([5, 2, 9, 3][number as usize]);
        assert_eq!(Selection::default().number(0, drawn), 1);
    }

    #[test]
    fn what_a_case_had_before_counts_no_more() {
        let drawn = |number| if number == 6 { named() } else { turns(2) };
        let mut selection = Selection::default();
        assert_eq!([0, 1, 2].map(|case| selection.number(case, drawn)), [0, 6, 8]);
    }

    #[test]
    fn a_case_is_the_same_whoever_asks_first() {
        let drawn = |number| if number % 3 == 0 { named() } else { turns(number as usize % 5 + 1) };
        let (mut one, mut other) = (Selection::default(), Selection::default());
        let third = one.number(2, drawn);
        assert_eq!([0, 1, 2].map(|case| other.number(case, drawn))[2], third);
        assert_eq!(one.number(0, drawn), other.number(0, drawn));
    }
}
