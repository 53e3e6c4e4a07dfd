//! The search for the first release at which a verdict changes.
//!
//! The last of n releases is tried first, then the first that is like it is searched: at most
//! ⌈log2 n⌉ + 1 releases are tried. Both sides of the boundary have been tried. A release that
//! cannot be judged is left out, and the boundary may then be wider.

/// The search over releases 0 to n - 1, in order.
#[derive(Clone, Debug)]
pub struct Search {
    /// Those that may be judged, in order.
    left: Vec<usize>,
    /// Positions below it are unlike the last release.
    low: usize,
    /// Positions from it on are like the last release; all of them until that is tried.
    high: usize,
    tried: usize,
    began: bool,
}

/// What the search has proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boundary {
    /// The first release that is like the last.
    pub first: usize,
    /// The last before it that is not; none where the very first is like the last.
    pub last: Option<usize>,
}

impl Search {
    /// A search over so many releases, at least one.
    pub fn new(releases: usize) -> Search {
        Search { left: (0..releases).collect(), low: 0, high: releases, tried: 0, began: false }
    }

    /// The release to try next; none when the boundary is found.
    pub fn next(&self) -> Option<usize> {
        if !self.began {
            return self.left.last().copied();
        }
        (self.low < self.high).then(|| self.left[self.middle()])
    }

    /// Tells the search whether the release of `next` is like the last one.
    pub fn tell(&mut self, like: bool) {
        self.tried += 1;
        if !self.began {
            (self.began, self.high) = (true, self.left.len() - 1);
        } else if like {
            self.high = self.middle();
        } else {
            self.low = self.middle() + 1;
        }
    }

    /// Tells the search that the release of `next` cannot be judged; gives whether it can go on.
    pub fn pass_over(&mut self) -> bool {
        if !self.began {
            return false;
        }
        let middle = self.middle();
        self.left.remove(middle);
        self.high -= 1;
        true
    }

    /// How many releases were tried.
    pub fn tried(&self) -> usize {
        self.tried
    }

    /// The boundary, once there is nothing more to try.
    pub fn boundary(&self) -> Option<Boundary> {
        let found = self.began && self.low >= self.high;
        found.then(|| Boundary {
            first: self.left[self.high],
            last: self.high.checked_sub(1).map(|before| self.left[before]),
        })
    }

    fn middle(&self) -> usize {
        self.low + (self.high - self.low) / 2
    }
}

#[cfg(test)]
mod tests {
    use super::{Boundary, Search};

    /// Searches where releases from `first` on are like the last, and some cannot be judged.
    fn search(releases: usize, first: usize, unjudged: &[usize]) -> (Option<Boundary>, usize) {
        let mut search = Search::new(releases);
        while let Some(release) = search.next() {
            if unjudged.contains(&release) {
                assert!(search.pass_over(), "it can go on without {release}");
            } else {
                search.tell(release >= first);
            }
        }
        (search.boundary(), search.tried())
    }

    #[test]
    fn the_boundary_is_found_in_the_logarithm_of_the_releases_and_one() {
        for releases in 1..70_usize {
            let most = releases.next_power_of_two().trailing_zeros() as usize + 1;
            for first in 0..releases {
                let (found, tried) = search(releases, first, &[]);
                let expected = Boundary { first, last: first.checked_sub(1) };
                assert_eq!(found, Some(expected), "{releases} releases, from {first}");
                assert!(tried <= most, "{tried} of {releases} releases, at most {most}");
            }
        }
    }

    #[test]
    fn a_release_that_cannot_be_judged_is_left_out_of_the_boundary() {
        for unjudged in 0..8 {
            let (found, _) = search(9, 5, &[unjudged]);
            let judged = |release: &usize| *release != unjudged;
            let first = (5..9).find(judged).expect("one of them is judged");
            let last = (0..5).rev().find(judged);
            assert_eq!(found, Some(Boundary { first, last }), "without {unjudged}");
        }
    }

    #[test]
    fn a_last_release_that_cannot_be_judged_ends_the_search() {
        assert!(!Search::new(5).pass_over());
    }
}
