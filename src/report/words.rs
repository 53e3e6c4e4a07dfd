//! Words for what the core names by letters and numbers.
//!
//! One phrase for each, the same wherever a person reads it. Knows nothing of layout.

use std::time::Duration;

use crate::campaign::{Conclusion, Outcome, Stale, Subject, Why};
use crate::judge::origin::Origin;
use crate::judge::record::{Confirmed, ProbeRecord, Proof, Status};
use crate::judge::signature::Signature;
use crate::judge::{Finding, View};
use crate::policy::Dimension;

/// Letters of a server's own words that are shown at the most: what is wrong stands in front, and
/// some servers list behind it every value that they know.
const QUOTED: usize = 160;

/// A dimension in words.
pub fn dimension(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::AP => "approval policy",
        Dimension::RV => "approvals reviewer",
        Dimension::SB => "sandbox",
        Dimension::PP => "permission profile",
        Dimension::M => "model",
        Dimension::E => "reasoning effort",
        Dimension::T => "service tier",
        Dimension::CWD => "working directory",
        Dimension::CM => "collaboration mode",
        Dimension::DP => "disabled plugins",
    }
}

/// A view by its name, and what it looks at.
pub fn view(view: View) -> (&'static str, &'static str) {
    match view {
        View::Reply => ("reply", "the server's answer to the request"),
        View::Notice => ("notice", "its thread/settings/updated notification"),
        View::WarmRead => ("reread", "a resume of the loaded thread, changing nothing"),
        View::ModelContext => ("told", "what the server tells the model in its request"),
        View::Store => ("store", "the thread's row in the state database"),
        View::Rollout => ("rollout", "the thread's file on disk"),
        View::ColdRead => ("fresh", "a resume by a second process, on a copy of the home"),
        View::Probe => ("deed", "what happened when the model asked for a command"),
        View::Wire => ("wire", "its lines, turns and processes themselves"),
        View::Schema => ("schema", "each line beside the schema that the server prints"),
    }
}

/// A status in one word.
pub fn status(status: Status) -> &'static str {
    match status {
        Status::New => "new",
        Status::Known => "known",
        Status::Flaky => "flaky",
    }
}

/// A conclusion in one word, as it stands in files.
pub fn conclusion(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Conforms => "conforms",
        Conclusion::NewFinding => "new finding",
        Conclusion::Trouble => "trouble",
        Conclusion::StaleKnown => "stale known",
        Conclusion::NothingRan => "nothing ran",
    }
}

/// What a finding is about, in a line without its clause.
pub fn subject(finding: &Finding) -> String {
    let Finding { kind, expected, .. } = finding;
    let of = finding.thread.map_or(String::new(), |thread| format!(" of {thread}"));
    match finding.dimension {
        Some(name) => format!("wrong {}{of} after `{kind}`", dimension(name)),
        None => format!("`{kind}`{of}: expected {expected}, seen {}", seen(finding)),
    }
}

/// What was seen: a value as it is, and the server's own words as far as a person reads them. The
/// trace has the whole.
pub fn seen(finding: &Finding) -> String {
    match finding.dimension {
        Some(_) => finding.seen.clone(),
        None => brief(&finding.seen),
    }
}

/// A text as far as a person reads it, cut between two words.
pub fn brief(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(QUOTED) else {
        return text.to_owned();
    };
    let cut = text[..end].rfind(char::is_whitespace).unwrap_or(end);
    format!("{} …", text[..cut].trim_end_matches([',', ' ']))
}

/// What the deed of a finding showed.
pub fn deed(deed: &ProbeRecord) -> String {
    format!("{}: {}", proof(deed.proof), deed.words)
}

/// Whether a deed proves what a finding says, in a word or two.
pub fn proof(proof: Proof) -> &'static str {
    match proof {
        Proof::Proved => "proved",
        Proof::Refuted => "refuted",
        Proof::NotShown => "not shown",
    }
}

/// A deviation in a sentence, without its full stop.
pub fn deviation(signature: &Signature, expected: &str, seen: &str) -> String {
    let Signature { clause, kind, origin, .. } = signature;
    let value = match signature.dimension {
        Some(name) => format!("a wrong {}", dimension(name)),
        None => "what is not due".to_owned(),
    };
    let seen = match signature.dimension {
        Some(_) => seen.to_owned(),
        None => brief(seen),
    };
    let from = match origin {
        Origin::Unknown => String::new(),
        origin => format!(", which is {}", origin.words()),
    };
    format!("{kind} gives {value}: {seen} in the place of {expected}{from} ({clause})")
}

/// How often a finding was confirmed.
pub fn confirmed(status: Status, confirmed: Confirmed) -> String {
    let Confirmed { shown, runs } = confirmed;
    match (status, runs) {
        (Status::Known, 0) => "not looked into, since it is known".to_owned(),
        (_, 0) => "not confirmed: the campaign was stopped before".to_owned(),
        _ => format!("in {shown} of {runs} runs in fresh processes"),
    }
}

/// A server: what it says it is, and how it was asked for.
pub fn server(subject: &Subject) -> String {
    let Subject { spec, version, others, .. } = subject;
    let moves = match others.as_slice() {
        [] => String::new(),
        others => {
            let others: Vec<String> = others.iter().map(ToString::to_string).collect();
            format!("; homes move to {} and back", others.join(", "))
        }
    };
    let server = match version {
        Some(version) if *spec == version.to_string() => format!("codex {version}"),
        Some(version) => format!("codex {version}, asked for as {spec}"),
        None => format!("{spec}, which does not say which release it is"),
    };
    format!("{server}{moves}")
}

/// A server by its shortest name.
pub fn name(subject: &Subject) -> String {
    match &subject.version {
        Some(version) => format!("codex {version}"),
        None => subject.spec.clone(),
    }
}

/// The conclusion as a sentence without subject and full stop.
pub fn sentence(outcome: &Outcome) -> String {
    let count = |status| outcome.findings.iter().filter(|told| told.status == status).count();
    let known = match count(Status::Known) {
        0 => String::new(),
        known => format!(", {} aside", plural(known, "known deviation")),
    };
    match outcome.conclusion() {
        Conclusion::Conforms if outcome.interrupted => {
            format!("was stopped before its time; it conforms so far{known}")
        }
        Conclusion::Conforms => {
            format!("conforms to every clause that was tested{known}")
        }
        Conclusion::NewFinding => {
            let new = plural(count(Status::New), "new finding");
            format!("does not conform: {new}, printed above as programs")
        }
        Conclusion::Trouble => {
            "is undecided: the suite had trouble of its own; what it was stands under inconclusive"
                .to_owned()
        }
        Conclusion::StaleKnown => {
            "conforms, but the list of known deviations is stale: what is wrong with its rows \
             stands under stale; narrow their releases, or remove them"
                .to_owned()
        }
        Conclusion::NothingRan => "is undecided: no case was run".to_owned(),
    }
}

/// A number and a noun, with an `s` where there are not one.
pub fn plural(count: impl TryInto<u64>, noun: &str) -> String {
    let count: u64 = count.try_into().unwrap_or(u64::MAX);
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// What is wrong with a row of the list of known deviations.
pub fn stale(stale: &Stale) -> String {
    let Stale { case, line, why, .. } = stale;
    match why {
        Why::Unseen => format!("{case} no longer shows it (line {line} of the list)"),
        Why::Expired(day) => format!(
            "it expired after {day} (line {line} of the list); see whether it still stands, and \
             set another day or remove it"
        ),
    }
}

/// A duration, as precise as a person wants it.
pub fn time(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// How many of something there were in each second.
pub fn rate(count: u64, wall: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate is told with one digit")]
    let count = count as f64;
    count / wall.as_secs_f64().max(f64::EPSILON)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{brief, deviation};

    fn check(told: &str, expected: Expect) {
        expected.assert_eq(told);
    }

    #[test]
    fn a_refusal_that_lists_every_value_is_cut_between_two_words() {
        let values: Vec<String> = (0..200).map(|one| format!("`value-{one}`")).collect();
        let long = format!("refused: unknown variant `x`, expected one of {}", values.join(", "));
        let unbroken = "é".repeat(500);
        let told = [unbroken.as_str(), &long, "refused: no"].map(brief);
        let letters = told.each_ref().map(|told| told.chars().count());
        check(&format!("{letters:?}"), expect!["[162, 156, 11]"]);
        let signature = "O1/-/read/accepted/unknown".parse().expect("it is a signature");
        let reason = deviation(&signature, "it is granted", &long);
        let ends = reason.split_once("`value-9`").map_or("nothing is cut", |(_, rest)| rest);
        check(ends, expect![" … in the place of it is granted (O1)"]);
        let signature = "R8/SB/resume/workspace-write/config".parse().expect("it is a signature");
        let whole = deviation(&signature, "workspace-write", &long);
        assert!(whole.contains(&long), "a value is never cut");
    }
}
