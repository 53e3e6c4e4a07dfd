//! One thing that several connections are told.
//!
//! A server tells each of its clients what one of them did. The first telling counts, and those
//! that follow on other connections are echoes: told apart by counting, since each connection hears
//! of a thread or a turn in the same order. One connection that is told twice is no echo.

use std::collections::BTreeMap;

/// What was told, by what it is about and its method.
#[derive(Debug, Default)]
pub(super) struct Duplicates {
    told: BTreeMap<(String, String), Tellings>,
}

#[derive(Debug, Default)]
struct Tellings {
    /// By the connection that was told most often.
    most: u32,
    by: BTreeMap<usize, u32>,
}

impl Duplicates {
    /// Counts a telling; whether another connection was told the same before.
    pub(super) fn echoes(&mut self, (about, method): (&str, &str), connection: usize) -> bool {
        let key = (about.to_owned(), method.to_owned());
        let tellings = self.told.entry(key).or_default();
        let count = tellings.by.entry(connection).or_default();
        *count += 1;
        let echoes = *count <= tellings.most;
        tellings.most = tellings.most.max(*count);
        echoes
    }

    /// Whether other connections were told this, and this one was not yet.
    pub(super) fn awaits(&self, (about, method): (&str, &str), connection: usize) -> bool {
        let key = (about.to_owned(), method.to_owned());
        let tellings = self.told.get(&key);
        tellings.is_some_and(|tellings| !tellings.by.contains_key(&connection))
    }

    /// A connection begins to hear of something: what was told before is not told to it again.
    pub(super) fn joins(&mut self, about: &str, connection: usize) {
        let own = self.told.iter_mut().filter(|((other, _), _)| other == about);
        for (_, tellings) in own {
            tellings.by.insert(connection, tellings.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::Duplicates;

    /// The tellings that count: `1a` is told on connection 1 and is about `a`, `1+a` joins it.
    fn check(tellings: &str, expected: Expect) {
        let mut echoes = Duplicates::default();
        let counts = |telling: &&str| {
            let (connection, about) = telling.split_at(1);
            let connection = connection.parse().expect("a digit comes first");
            match about.strip_prefix('+') {
                Some(about) => {
                    echoes.joins(about, connection);
                    false
                }
                None => !echoes.echoes((about, "method"), connection),
            }
        };
        let counted: Vec<&str> = tellings.split(' ').filter(counts).collect();
        expected.assert_eq(&counted.join(" "));
    }

    #[test]
    fn the_first_telling_counts() {
        check("0a 1a 1a 0a 0b", expect!["0a 1a 0b"]);
    }

    #[test]
    fn a_connection_that_is_told_twice_is_no_echo() {
        check("0a 0a 1a 1a", expect!["0a 0a"]);
    }

    #[test]
    fn who_joins_late_has_missed_what_came_before() {
        check("0a 0a 1+a 1a 0a", expect!["0a 0a 1a"]);
    }
}
