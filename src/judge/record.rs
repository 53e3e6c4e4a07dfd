//! A finding as a campaign reports it, as files keep it, and as evidence about known deviations.
//!
//! One type is written and read. Files of older versions leave out what the signature says; it is
//! filled in from there.

use std::time::Duration;

use semver::Version;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::signature::Signature;
use super::verdict::Finding;
use crate::contract::row;

/// A finding and how sure it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingRecord {
    /// The name of its files, made from the signature.
    #[serde(default)]
    pub id: String,
    pub status: Status,
    /// As the smallest program shows it.
    #[serde(flatten, serialize_with = "write_finding", deserialize_with = "read_finding")]
    pub finding: Finding,
    #[serde(default)]
    pub confirmed: Confirmed,
    /// Lines of the program before the audit.
    #[serde(default)]
    pub steps: usize,
    #[serde(default)]
    pub shrink_runs: u32,
    #[serde(default, rename = "found_after_seconds", with = "seconds")]
    pub found_after: Duration,
    /// The case file, below the folder of the file that has this record.
    #[serde(default)]
    pub case: String,
    /// The token of the case that showed it first.
    #[serde(default)]
    pub token: String,
    /// The id of its cause.
    #[serde(default)]
    pub cause: Option<String>,
    #[serde(flatten)]
    pub excuse: Option<Excuse>,
    /// Only for a confirmed finding that widens.
    #[serde(default, alias = "deed")]
    pub probe: Option<ProbeRecord>,
}

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::Display,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Status {
    /// Confirmed in fresh processes, and not excused.
    New,
    /// Excused by the list of known deviations.
    Known,
    /// Excused by a row of the list whose last release is older.
    Carried,
    /// Seen once and never again.
    Flaky,
}

/// Runs in fresh processes: how many showed the finding, of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    pub shown: u32,
    pub runs: u32,
}

/// The row of the list that excuses a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excuse {
    /// Its reason, or its link where it has none.
    #[serde(rename = "excuse")]
    pub reason: String,
    #[serde(default, rename = "excuse_case")]
    pub case: String,
}

/// What a probe of a finding showed: whether the server does what it says it may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRecord {
    pub proof: Proof,
    /// What was seen, in words.
    pub words: String,
    /// Its case file, where a program was run.
    pub case: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "lowercase")]
pub enum Proof {
    /// The server went further than the expected policy lets it.
    Proved,
    Refuted,
    #[strum(to_string = "not shown")]
    NotShown,
}

impl FindingRecord {
    /// A finding that nothing has confirmed yet; `checked` is the release under test.
    pub fn new(finding: Finding, checked: Option<&Version>) -> FindingRecord {
        let stem = finding.signature().file_stem();
        let id = match &finding.home_history.release {
            Some(release) if checked != Some(release) => {
                format!("{stem}-on-{}", release.to_string().replace('.', "-"))
            }
            _ => stem,
        };
        FindingRecord {
            case: format!("findings/{id}.case"),
            id,
            status: Status::New,
            finding,
            confirmed: Confirmed::default(),
            steps: 0,
            shrink_runs: 0,
            found_after: Duration::ZERO,
            token: String::new(),
            cause: None,
            excuse: None,
            probe: None,
        }
    }
}

/// Writes the signature in front of the finding.
fn write_finding<S: Serializer>(finding: &Finding, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Signed<'a> {
        signature: Signature,
        #[serde(flatten)]
        finding: &'a Finding,
    }
    Signed { signature: finding.signature(), finding }.serialize(to)
}

fn read_finding<'de, D: Deserializer<'de>>(from: D) -> Result<Finding, D::Error> {
    let mut keys: Map<String, Value> = Map::deserialize(from)?;
    let signature = keys.get("signature").ok_or_else(|| D::Error::missing_field("signature"))?;
    let Signature { clause, dimension, kind, form, origin } =
        Signature::deserialize(signature).map_err(D::Error::custom)?;
    let strength = row(clause).strength(dimension);
    let parts = [
        ("clause", json!(clause)),
        ("dimension", json!(dimension)),
        ("kind", json!(kind)),
        ("form", json!(form)),
        ("origin", json!(origin)),
        ("strength", json!(strength)),
    ];
    keys.extend(parts.map(|(key, value)| (key.to_owned(), value)));
    serde_json::from_value(Value::Object(keys)).map_err(D::Error::custom)
}

/// A duration as a number of seconds.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(time.as_secs_f64())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{Confirmed, FindingRecord};
    use crate::judge::judge;
    use crate::judge::verdict::Finding;
    use crate::trace::Trace;

    const TRACE: &str = include_str!("../../tests/traces/r4-ap-resume-never-config.trace");

    #[test]
    fn a_record_that_is_read_again_is_the_same() {
        let trace: Trace = TRACE.parse().expect("the stored trace is one");
        let finding = judge(&trace).findings.remove(0);
        let record = FindingRecord {
            confirmed: Confirmed { shown: 4, runs: 5 },
            finding: Finding { thread: None, policies: None, ..finding },
            ..FindingRecord::new(judge(&trace).findings.remove(0), trace.server.as_ref())
        };
        let text = serde_json::to_string(&record).expect("a record is plain values");
        assert_eq!(serde_json::from_str::<FindingRecord>(&text).ok(), Some(record));
    }

    #[test]
    fn records_of_older_versions_are_read() {
        let old = r#"{"signature":"R4/AP/resume/never/config","status":"new","expected":"never",
            "seen":"on-request","views":["reread","told"],"confirmed":[2,5],"excuse":null,
            "deed":{"proof":"not-shown","words":"no","case":null},"case":"a.case"}"#;
        let record: FindingRecord = serde_json::from_str(old).expect("it is a record");
        let FindingRecord { finding, confirmed, probe, .. } = record;
        let Finding { clause, strength, views, origin, .. } = finding;
        expect!["R4 N {WarmRead, ModelContext} config 2 of 5 Some(NotShown)"].assert_eq(&format!(
            "{clause} {strength} {views:?} {origin} {} of {} {:?}",
            confirmed.shown,
            confirmed.runs,
            probe.map(|probe| probe.proof)
        ));
    }
}
