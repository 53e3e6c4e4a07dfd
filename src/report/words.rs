//! Words for what the core names by letters and numbers, the same wherever a person reads them.

use std::time::Duration;

use itertools::Itertools;

use super::style::NO_BREAK;
use crate::campaign::{Conclusion, FindingReport, Outcome, Since, Stale, Subject, Why};
use crate::cause::words::{dimension, origin_noun};
use crate::contract::{Clause, all};
use crate::judge::origin::Origin;
use crate::judge::record::{Confirmed, FindingRecord, ProbeRecord, Status};
use crate::judge::releases::HomeHistory;
use crate::judge::signature::Signature;
use crate::judge::verdict::Finding;
use crate::policy::Dimension;

/// Longest part of a server's message that is shown, in characters: the mistake stands in front,
/// and some servers list behind it every value that they know.
const QUOTED: usize = 160;

/// What the widened findings of every report have in common.
pub const ALLOWS_MORE: &str = "the server allows MORE than it should";

/// What a finding has that allows some things more and others less.
pub const DIFFERS_BOTH_WAYS: &str =
    "the server allows some things more than it should, and others less";

/// How a finding differs from what should be, before other words about it; empty where it allows
/// nothing more.
pub fn degree(finding: &Finding) -> &'static str {
    if finding.widened {
        "WIDENED, "
    } else if finding.both_ways {
        "differs both ways, "
    } else {
        ""
    }
}

/// A clause with its title and the setting that it is about, as `R8 cold resume · sandbox`.
pub fn clause(clause: Clause, about: Option<Dimension>) -> String {
    match about {
        Some(about) => format!("{} · {}", clause.titled(), dimension(about)),
        None => clause.titled(),
    }
}

/// Clauses with their titles, as a list that breaks between clauses only.
pub fn clauses(clauses: &[Clause]) -> String {
    clauses.iter().map(|clause| unbroken(&clause.titled())).join(", ")
}

/// The text with spaces at which no line is broken.
pub fn unbroken(text: &str) -> String {
    text.replace(' ', &NO_BREAK.to_string())
}

/// A finding in a sentence, without its clause.
pub fn subject(finding: &Finding) -> String {
    let Finding { kind, expected, thread, .. } = finding;
    match (finding.dimension, thread) {
        (Some(about), Some(thread)) => {
            format!("{thread} has the wrong {} after `{kind}`", dimension(about))
        }
        (Some(about), None) => format!("wrong {} after `{kind}`", dimension(about)),
        (None, thread) => {
            let of = thread.map_or(String::new(), |thread| format!(" of {thread}"));
            format!("`{kind}`{of}: expected {expected}, seen {}", seen(finding))
        }
    }
}

/// A signature in words, as `R8 cold resume · sandbox: after resume, config.toml's default instead
/// of external`.
pub fn signature(signature: &Signature) -> String {
    let Signature { kind, form, origin, .. } = signature;
    let clause = clause(signature.clause, signature.dimension);
    match signature.dimension {
        Some(_) => format!("{clause}: after {kind}, {} instead of {form}", origin_noun(*origin)),
        None => format!("{clause}: {kind}, expected {form}"),
    }
}

/// What was seen: a value whole, a server's message cut. The trace has the whole.
pub fn seen(finding: &Finding) -> String {
    match finding.dimension {
        Some(_) => finding.seen.clone(),
        None => brief(&finding.seen),
    }
}

/// A value, cut after so many characters.
pub fn shortened(value: &str, most: usize) -> String {
    match value.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// A server's message, cut between two words.
pub fn brief(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(QUOTED) else {
        return text.to_owned();
    };
    let cut = text[..end].rfind(char::is_whitespace).unwrap_or(end);
    format!("{} …", text[..cut].trim_end_matches([',', ' ']))
}

/// Where the wrong value comes from.
pub fn origin(finding: &Finding) -> String {
    if finding.origin == Origin::Unknown {
        return "no value of the program or of its config matches the one seen".to_owned();
    }
    let fits = std::iter::once(&finding.origin).chain(&finding.also_fits);
    format!("the value seen is {}", fits.map(|origin| origin.words()).join("; it is also "))
}

/// The line that a block of code in Markdown begins and ends with: longer than any in the text.
pub fn fence(text: &str) -> String {
    let runs = text.split(|letter| letter != '`').map(str::len);
    "`".repeat(runs.max().unwrap_or(0).max(2) + 1)
}

/// What the probe of a finding showed.
pub fn probe(probe: &ProbeRecord) -> String {
    format!("{}: {}", probe.proof, probe.words)
}

/// A deviation in a sentence, without its full stop: the reason of a row of the known list.
pub fn deviation(signature: &Signature, expected: &str, seen: &str) -> String {
    let Signature { clause, kind, origin, .. } = signature;
    let Some(about) = signature.dimension else {
        return format!("{kind}: {} instead of {expected} ({clause})", brief(seen));
    };
    let from = match origin {
        Origin::Unknown => String::new(),
        origin => format!(" ({})", origin.words()),
    };
    let about = dimension(about);
    format!("{kind} gives the wrong {about}: {seen}{from} instead of {expected} ({clause})")
}

/// How often a finding was confirmed.
pub fn confirmed(record: &FindingRecord) -> String {
    let Confirmed { shown, runs } = record.confirmed;
    match (record.status, runs) {
        (Status::Known | Status::Carried, 0) => {
            "not confirmed again, because it is known".to_owned()
        }
        (_, 0) => "not confirmed: the campaign was stopped before".to_owned(),
        _ => format!("in {shown} of {runs} runs in fresh processes"),
    }
}

/// The release that ran where a finding showed, and those that used the home before.
pub fn ran_on(history: &HomeHistory) -> String {
    let unknown = || "a server of an unknown release".to_owned();
    let now = history.release.as_ref().map_or_else(unknown, |release| format!("codex {release}"));
    if history.before.is_empty() {
        return now;
    }
    format!("{now}, on a home that {} used before", history.before.iter().join(" and "))
}

/// A server: the release that it states, and how it was asked for.
pub fn server(subject: &Subject) -> String {
    let Subject { spec, version, others, client, .. } = subject;
    let server = match version {
        Some(version) if *spec == version.to_string() => format!("codex {version}"),
        Some(version) => format!("codex {version}, asked for as {spec}"),
        None => format!("{spec}, which does not say which release it is"),
    };
    let server = match client {
        Some(client) => format!("{server} with the SDK's {client}"),
        None => server,
    };
    if others.is_empty() {
        return server;
    }
    format!("{server}; homes move to {} and back", others.iter().join(", "))
}

/// A server by its shortest name.
pub fn name(subject: &Subject) -> String {
    let server = match &subject.version {
        Some(version) => format!("codex {version}"),
        None => subject.spec.clone(),
    };
    match &subject.client {
        Some(client) => format!("{server} with the SDK's {client}"),
        None => server,
    }
}

/// The clauses that a campaign on this subject can test: those about the SDK only where a client of
/// it performs the cases.
pub fn testable(subject: &Subject) -> Vec<Clause> {
    let by_sdk = subject.client.is_some();
    let clauses = all().iter().map(|row| row.clause);
    clauses.filter(|clause| by_sdk || !clause.is_about_sdk()).collect()
}

/// The conclusion as a sentence without subject and full stop, for the end of a text that has the
/// details above it.
pub fn sentence(outcome: &Outcome) -> String {
    let details = match outcome.conclusion() {
        Conclusion::NewFinding => ", printed above with the programs that show it",
        Conclusion::Trouble => ", see inconclusive above",
        Conclusion::StaleKnown => {
            ": see stale above, then narrow the releases of its rows or remove them"
        }
        Conclusion::Conforms | Conclusion::NothingRan | Conclusion::Interrupted => "",
    };
    format!("{}{details}", verdict(outcome))
}

/// The conclusion as a sentence without subject and full stop.
pub fn verdict(outcome: &Outcome) -> String {
    let of = |status| outcome.causes.iter().filter(move |cause| cause.status == status);
    let excused = || of(Status::Known).chain(of(Status::Carried));
    let widened = match excused().filter(|cause| cause.widened).count() {
        0 => String::new(),
        count => format!(", {count} of them WIDENED"),
    };
    let known = match excused().count() {
        0 => String::new(),
        known => format!(", apart from {}{widened}", plural(known, "known deviation")),
    };
    let without_cause =
        |report: &&FindingReport| report.status == Status::New && report.cause.is_none();
    let unexplained = outcome.findings.iter().filter(without_cause).count();
    match outcome.conclusion() {
        Conclusion::Interrupted if outcome.cases == 0 => {
            "is undecided: it was stopped before the first case had ended".to_owned()
        }
        Conclusion::Interrupted => {
            let cases = plural(outcome.cases, "case");
            let result = match outcome.inconclusive.values().sum::<u64>() {
                0 => format!("which conform{known}"),
                count => format!("of which {count} could not be judged"),
            };
            format!("is undecided: it was stopped after {cases}, {result}")
        }
        Conclusion::Conforms => format!("conforms to every clause that was tested{known}"),
        Conclusion::NewFinding => {
            let new = match (of(Status::New).count(), unexplained) {
                (causes, 0) => plural(causes, "new cause"),
                (0, findings) => plural(findings, "new finding"),
                (causes, findings) => {
                    let findings = plural(findings, "new finding");
                    format!("{} and {findings} without one", plural(causes, "new cause"))
                }
            };
            format!("does not conform: {new}")
        }
        Conclusion::Trouble => "is undecided: not every case could be judged".to_owned(),
        Conclusion::StaleKnown => "conforms, but the list of known deviations is stale".to_owned(),
        Conclusion::NothingRan => "is undecided: no case was run".to_owned(),
    }
}

/// A number and a noun, with an `s` unless the number is 1.
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
            "it expired after {day} (line {line} of the list); check whether it still holds, then \
             set another day or remove it"
        ),
    }
}

/// What changed since an earlier campaign, a line each.
pub fn since(since: &Since) -> Vec<String> {
    let Since { run, more, fewer } = since;
    if more.is_empty() && fewer.is_empty() {
        return vec![format!("the same causes as in {run}")];
    }
    let more = more.iter().map(|title| format!("not in {run}: {title}"));
    let fewer = fewer.iter().map(|title| format!("only in {run}: {title}"));
    more.chain(fewer).collect()
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

/// How many there were in each second.
pub fn rate(count: u64, wall: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate is printed with one digit")]
    let count = count as f64;
    count / wall.as_secs_f64().max(f64::EPSILON)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{brief, deviation, signature};
    use crate::judge::signature::Signature;

    fn check(text: &str, expected: Expect) {
        expected.assert_eq(text);
    }

    fn parsed(text: &str) -> Signature {
        text.parse().expect("it is a signature")
    }

    #[test]
    fn a_signature_is_a_line_in_words() {
        let all = ["R8/SB/resume/external/config", "F1/-/fork/accepted/unknown"];
        check(
            &all.map(|text| signature(&parsed(text))).join("\n"),
            expect![[r#"
                R8 cold resume · sandbox: after resume, config.toml's default instead of external
                F1 fork: fork, expected accepted"#]],
        );
    }

    #[test]
    fn a_refusal_that_lists_every_value_is_cut_between_two_words() {
        let values: Vec<String> = (0..200).map(|one| format!("`value-{one}`")).collect();
        let long = format!("refused: unknown variant `x`, expected one of {}", values.join(", "));
        let unbroken = "é".repeat(500);
        let cut = [unbroken.as_str(), &long, "refused: no"].map(brief);
        let letters = cut.each_ref().map(|text| text.chars().count());
        check(&format!("{letters:?}"), expect!["[162, 156, 11]"]);
        let reason = deviation(&parsed("O1/-/read/accepted/unknown"), "it is granted", &long);
        let ends = reason.split_once("`value-9`").map_or("nothing is cut", |(_, rest)| rest);
        check(ends, expect![" … instead of it is granted (O1)"]);
        let signature = parsed("R8/SB/resume/workspace-write/config");
        let whole = deviation(&signature, "workspace-write", &long);
        assert!(whole.contains(&long), "a value is never cut");
    }
}
