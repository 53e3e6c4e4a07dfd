//! Lines of the first form of case files, word by word in the words of the present form.

/// The present verb for one of the first form; every other word as it is.
pub(super) fn verb(word: &str) -> &str {
    match word {
        "retune" => "turn-settings",
        "reread" => "warm-read",
        "fresh" => "cold-read",
        "task" => "subagent-turn",
        "rival" => "second-server",
        "second" => "client2",
        "torn" => "kill-during",
        "together" => "parallel",
        word => word,
    }
}

/// Translates the words of one line, from left to right.
#[derive(Default)]
pub(super) struct Translator {
    place: Place,
}

/// Where in the line the next word stands.
#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    #[default]
    Verb,
    /// Behind `torn`, where a delay may come before the verb.
    Delay,
    Argument,
    Reply,
    /// Behind `deed`: the probe, the client's answer, the reviewer's.
    Probe,
    Client,
    Reviewer,
}

impl Translator {
    /// The next word in present words.
    pub(super) fn word(&mut self, word: &str) -> String {
        let place = std::mem::replace(&mut self.place, Place::Argument);
        match place {
            Place::Delay if word.starts_with("after=") => self.then(Place::Verb, word),
            Place::Verb | Place::Delay => {
                self.place = match word {
                    "torn" => Place::Delay,
                    "second" | "together" => Place::Verb,
                    _ => Place::Argument,
                };
                verb(word).to_owned()
            }
            Place::Reply if word == "deed" => self.then(Place::Probe, "probe"),
            Place::Reply if word == "interrupt" => "hold".to_owned(),
            Place::Probe => self.then(Place::Client, probe(word)),
            Place::Client => self.then(Place::Reviewer, &format!("client={word}")),
            Place::Reviewer => format!("reviewer={word}"),
            Place::Argument | Place::Reply => self.argument(word),
        }
    }

    fn argument(&mut self, word: &str) -> String {
        match word {
            "<-" => self.then(Place::Reply, word),
            "|" => self.then(Place::Verb, word),
            "nobody" => "unknown".to_owned(),
            "forgetting" => "drop-db".to_owned(),
            "retune" => "turn-settings".to_owned(),
            _ => match word.strip_prefix("server=") {
                Some(release) => format!("release={release}"),
                None => word.to_owned(),
            },
        }
    }

    fn then(&mut self, place: Place, word: &str) -> String {
        self.place = place;
        word.to_owned()
    }
}

fn probe(word: &str) -> &str {
    match word {
        "py" => "run",
        "tin" => "write-inside",
        "tout" => "write-outside",
        "esc" => "escalate",
        "pin" => "patch-inside",
        "pout" => "patch-outside",
        word => word,
    }
}
