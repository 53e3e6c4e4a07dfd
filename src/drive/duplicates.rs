//! Notifications that reach several connections.
//!
//! A server sends each of its clients the same notification. The first one counts, and those that
//! follow on other connections are duplicates. They are recognised by counting, since each
//! connection gets the notifications of a thread or a turn in the same order. The same notification
//! twice on one connection is not a duplicate.

use std::collections::BTreeMap;

/// How often each notification came, by what it is about and its method.
#[derive(Debug, Default)]
pub(super) struct Duplicates {
    counts: BTreeMap<(String, String), Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// On the connection that got it most often.
    most: u32,
    by_client: BTreeMap<usize, u32>,
}

impl Duplicates {
    /// Counts a notification, and says whether another connection got the same before.
    pub(super) fn is_duplicate(&mut self, about: &str, method: &str, client: usize) -> bool {
        let counts = self.counts.entry((about.to_owned(), method.to_owned())).or_default();
        let count = counts.by_client.entry(client).or_default();
        *count += 1;
        let duplicate = *count <= counts.most;
        counts.most = counts.most.max(*count);
        duplicate
    }

    /// Whether other connections got this, and this one did not yet.
    pub(super) fn is_due(&self, about: &str, method: &str, client: usize) -> bool {
        let counts = self.counts.get(&(about.to_owned(), method.to_owned()));
        counts.is_some_and(|counts| !counts.by_client.contains_key(&client))
    }

    /// A connection subscribes to something; it does not get again what came before.
    pub(super) fn subscribe(&mut self, about: &str, client: usize) {
        let same = self.counts.iter_mut().filter(|((other, _), _)| other == about);
        for (_, counts) in same {
            counts.by_client.insert(client, counts.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::Duplicates;

    /// The notifications that count: `1a` comes on connection 1 and is about `a`, `1+a` subscribes.
    fn check(notifications: &str, expected: Expect) {
        let mut duplicates = Duplicates::default();
        let counts = |notification: &&str| {
            let (client, about) = notification.split_at(1);
            let client = client.parse().expect("a digit comes first");
            if let Some(about) = about.strip_prefix('+') {
                duplicates.subscribe(about, client);
                return false;
            }
            !duplicates.is_duplicate(about, "method", client)
        };
        let counted: Vec<&str> = notifications.split(' ').filter(counts).collect();
        expected.assert_eq(&counted.join(" "));
    }

    #[test]
    fn the_first_notification_counts() {
        check("0a 1a 1a 0a 0b", expect!["0a 1a 0b"]);
    }

    #[test]
    fn the_same_notification_twice_on_one_connection_is_not_a_duplicate() {
        check("0a 0a 1a 1a", expect!["0a 0a"]);
    }

    #[test]
    fn a_late_subscriber_does_not_get_what_came_before() {
        check("0a 0a 1+a 1a 0a", expect!["0a 0a 1a"]);
    }
}
