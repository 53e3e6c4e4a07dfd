//! A part of a campaign, for one of several machines.
//!
//! Of the cases of a seed, shard 2 of 4 takes those of index 1, 5, 9 and so on. Together the shards
//! run each case once, whatever their number.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which part of the cases, of how many parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// From 1.
    pub number: u32,
    pub of: u32,
}

/// Most shards of a campaign: a thousand machines.
const SHARDS_MAX: u32 = 1000;

/// A text that names no shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a part and the number of parts, such as 2/4, of at most {SHARDS_MAX}")]
pub struct NoShard;

impl Default for Shard {
    /// The whole.
    fn default() -> Shard {
        Shard { number: 1, of: 1 }
    }
}

impl Shard {
    pub fn is_whole(self) -> bool {
        self.of == 1
    }

    /// The index of its case at this place.
    pub fn index(self, place: u64) -> u64 {
        u64::from(self.number - 1) + place * u64::from(self.of)
    }

    /// How many of the first `cases` are its own.
    pub fn count(self, cases: u64) -> u64 {
        let before = u64::from(self.number - 1);
        cases.saturating_sub(before).div_ceil(u64::from(self.of))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Shard, NoShard> {
        let (number, of) = text.split_once('/').ok_or(NoShard)?;
        let read = |word: &str| word.parse::<u32>().map_err(|_| NoShard);
        let shard = Shard { number: read(number)?, of: read(of)? };
        let is_part = (1..=shard.of).contains(&shard.number) && shard.of <= SHARDS_MAX;
        is_part.then_some(shard).ok_or(NoShard)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::Shard;

    #[test]
    fn the_shards_of_a_campaign_run_each_case_once() {
        for (of, cases) in [(1, 7), (3, 7), (4, 4), (5, 2)] {
            let shards = (1..=of).map(|number| Shard { number, of });
            let mut indices: Vec<u64> = shards
                .flat_map(|shard| (0..shard.count(cases)).map(move |place| shard.index(place)))
                .collect();
            indices.sort_unstable();
            assert_eq!(indices, (0..cases).collect::<Vec<_>>(), "{cases} cases in {of} shards");
        }
    }

    #[test]
    fn a_part_that_is_no_part_is_refused() {
        let read = |text: &str| match text.parse::<Shard>() {
            Ok(shard) => shard.to_string(),
            Err(error) => error.to_string(),
        };
        let texts = ["2/4", "1/1", "0/4", "5/4", "4", "a/b", "1/1001"].map(read);
        expect![[r#"
            2/4
            1/1
            expected a part and the number of parts, such as 2/4, of at most 1000
            expected a part and the number of parts, such as 2/4, of at most 1000
            expected a part and the number of parts, such as 2/4, of at most 1000
            expected a part and the number of parts, such as 2/4, of at most 1000
            expected a part and the number of parts, such as 2/4, of at most 1000
        "#]]
        .assert_eq(&format!("{}\n", texts.join("\n")));
    }
}
