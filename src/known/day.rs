//! A day of the calendar, as `2027-06-01`.
//!
//! Read and compared, never asked for: what day it is, the shell says.

use std::fmt;
use std::str::FromStr;

/// Days of each month; February's 29th is let stand in every year, since a day that never comes
/// only expires a day later.
const DAYS: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Day { year, month, day } = self;
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Day, String> {
        read(text).ok_or_else(|| format!("`{text}` is no day; write it like 2027-06-01"))
    }
}

fn read(text: &str) -> Option<Day> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return None };
    if [year.len(), month.len(), day.len()] != [4, 2, 2] {
        return None;
    }
    let (year, month, day) = (year.parse().ok()?, month.parse::<u8>().ok()?, day.parse().ok()?);
    let days = DAYS.get(usize::from(month.checked_sub(1)?))?;
    (1..=*days).contains(&day).then_some(Day { year, month, day })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::Day;

    #[test]
    fn a_day_is_a_year_a_month_and_a_day_of_it() {
        let texts = ["2027-06-01", "2027-6-1", "2027-13-01", "2027-04-31", "2027-00-01", "soon"];
        let told = texts.map(|text| text.parse::<Day>().map(|day| day.to_string()).is_ok());
        expect!["[true, false, false, false, false, false]"].assert_eq(&format!("{told:?}"));
    }
}
