//! The values of a line, read and printed: overrides, defaults, replies.
//!
//! Each reader takes its own words from the line and leaves the others, so that a word that nothing
//! takes is an error at the line's end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use itertools::Itertools;

use super::line::{Line, Problem, one_of, problem};
use super::reply::{Consent, ProbeScript, Reply};
use super::request::Cut;
use crate::policy::features::FeatureSet;
use crate::policy::folders::{is_folder, listed};
use crate::policy::words::{OPEN, UnknownWord};
use crate::policy::{
    ApprovalMode, CallOverrides, Defaults, Dimension, Layer, Overrides, Profile, Profiles, Setting,
    TurnOverrides,
};

/// The word of a thread that is kept in memory alone.
pub(super) fn ephemeral(ephemeral: bool) -> &'static str {
    if ephemeral { " ephemeral=on" } else { "" }
}

/// Where a fork is cut, if it is.
pub(super) fn cut(line: &mut Line) -> Result<Option<Cut>, Problem> {
    let number = |word: String| {
        let number = word.parse::<u8>();
        number.map_err(|_| Problem(format!("`{word}` is not a turn; expected a number from 0")))
    };
    match (line.value("last"), line.value("before")) {
        (None, None) => Ok(None),
        (Some(word), None) => Ok(Some(Cut::Last(number(word)?))),
        (None, Some(word)) => Ok(Some(Cut::Before(number(word)?))),
        (Some(_), Some(_)) => problem("a fork is cut at `last=` or at `before=`, not at both"),
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::Last(turn) => write!(f, "last={turn}"),
            Cut::Before(turn) => write!(f, "before={turn}"),
        }
    }
}

/// What the model answers, behind `<-`; a text where the line does not say.
pub(super) fn reply(line: &mut Line) -> Result<Reply, Problem> {
    if !line.skip("<-") {
        return Ok(Reply::ok());
    }
    let word = line.word().unwrap_or_default();
    match word.as_str() {
        "text" => line.quoted().map(Reply::Text).ok_or(Problem("expected a quoted text".into())),
        "call" => {
            let tool = line.word().unwrap_or_default();
            let missing = || Problem("expected `call TOOL \"ARGUMENTS\"`".into());
            Ok(Reply::Call { tool, arguments: line.quoted().ok_or_else(missing)? })
        }
        "probe" => probe_script(line).map(Reply::Probe),
        "fail" => Ok(Reply::Fail),
        "status" => {
            let code = line.word().and_then(|code| code.parse().ok());
            let code = code.filter(|code| (400..600).contains(code));
            code.map(Reply::Status).ok_or(Problem("expected `status` and 400 to 599".into()))
        }
        "drop" => Ok(Reply::Drop),
        "hold" => Ok(Reply::Hold),
        _ => problem(format!(
            "`{word}` is not a reply; expected text, call, probe, fail, status, drop or hold"
        )),
    }
}

/// The probe behind `<-`, where the line has one.
pub(super) fn probe(line: &mut Line) -> Result<Option<ProbeScript>, Problem> {
    if !line.skip("<-") {
        return Ok(None);
    }
    if !line.skip("probe") {
        return problem(
            "expected `probe` behind `<-`; the model's other answers are those of `run`",
        );
    }
    probe_script(line).map(Some)
}

fn probe_script(line: &mut Line) -> Result<ProbeScript, Problem> {
    Ok(ProbeScript { probe: line.one_of("probe")?, consent: consent(line)? })
}

/// What a line has behind its words where its turn has a probe.
pub(super) struct Arrow(pub(super) Option<ProbeScript>);

impl fmt::Display for Arrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |script| write!(f, " <- {script}"))
    }
}

fn consent(line: &mut Line) -> Result<Consent, Problem> {
    let client = match line.value("client").as_deref() {
        Some("accept") => true,
        Some("decline") => false,
        _ => return problem("expected `client=accept` or `client=decline`, the client's answer"),
    };
    let review = line.value("reviewer").unwrap_or_default();
    Ok(Consent { client, review: one_of(&review, "reviewer's answer")? })
}

/// The defaults of a `config` or `configure` line.
pub(super) fn defaults(line: &mut Line) -> Result<Defaults, Problem> {
    let plain = Defaults::default();
    let mut others = BTreeMap::new();
    for dimension in [Dimension::M, Dimension::E, Dimension::T] {
        others.extend(line.value(dimension.key()).map(|word| (dimension, word)));
    }
    let features = line.value("features");
    let features = features.map(|word| one_of(&word, "feature set")).transpose()?;
    let features = features.unwrap_or(plain.features);
    let defaults = Defaults {
        user: layer(line, "", plain.user)?,
        project: layer(line, PROJECT, Layer::default())?,
        trust: line.value("trust").map(|word| one_of(&word, "trust")).transpose()?,
        network: line.switch("network")?,
        roots: roots(line)?,
        profiles: profiles(line)?,
        profile: line.value("profile"),
        others,
        features,
    };
    if defaults.is_complete() {
        Ok(defaults)
    } else {
        problem("no server starts a thread with `profiles=` and `sandbox=unset`; add `profile=`")
    }
}

/// What one file of config states: its words begin with `prefix`, and one that is left out means
/// what `plain` has.
fn layer(line: &mut Line, prefix: &str, plain: Layer) -> Result<Layer, Problem> {
    Ok(Layer {
        approval: stated(line, &format!("{prefix}approval"), plain.approval)?,
        reviewer: stated(line, &format!("{prefix}reviewer"), plain.reviewer)?,
        sandbox: stated(line, &format!("{prefix}sandbox"), plain.sandbox)?,
    })
}

fn stated<T: FromStr<Err = UnknownWord>>(
    line: &mut Line,
    key: &str,
    plain: Option<T>,
) -> Result<Option<T>, Problem> {
    match line.value(key).as_deref() {
        None => Ok(plain),
        Some(UNSET) => Ok(None),
        Some(OPEN) => problem(format!("`{key}={OPEN}` is not a value; is it `{key}={UNSET}`?")),
        Some(word) => Ok(Some(word.parse()?)),
    }
}

fn roots(line: &mut Line) -> Result<BTreeSet<String>, Problem> {
    let list = line.value("writable-roots").unwrap_or_default();
    let roots = list.split('+').filter(|root| !root.is_empty());
    roots.map(|root| folder(root).map(|()| root.to_owned())).collect()
}

/// A server refuses a path that begins nowhere.
fn folder(word: &str) -> Result<(), Problem> {
    if is_folder(word) {
        return Ok(());
    }
    problem(format!(
        "`{word}` is not a folder; expected WS, HOME, OUT, one below them, or a whole path"
    ))
}

fn profiles(line: &mut Line) -> Result<Profiles, Problem> {
    let Some(list) = line.value("profiles") else {
        return Ok(Profiles::new());
    };
    // What a profile adds stands behind it, and has no colon.
    let mut items: Vec<String> = Vec::new();
    for item in list.split('+') {
        match items.last_mut().filter(|_| !item.contains(':')) {
            Some(last) => *last += &format!("+{item}"),
            None => items.push(item.to_owned()),
        }
    }
    let profile = |item: &String| match item.split_once(':') {
        Some((id, profile)) if !id.is_empty() => Ok((id.to_owned(), profile.parse::<Profile>()?)),
        _ => problem(format!("`{item}` is not a profile; expected one such as `id:read-only`")),
    };
    items.iter().map(profile).collect()
}

/// The defaults as the words of a config line; a word that is left out means what `defaults` takes
/// for it.
pub(super) struct Config<'a>(pub(super) &'a Defaults);

impl fmt::Display for Config<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Defaults { user, project, trust, network, roots, .. } = self.0;
        let Defaults { profiles, profile, others, features, .. } = self.0;
        let Layer { approval, reviewer, sandbox } = user;
        write!(f, "approval={}", or_unset(approval))?;
        write!(f, " reviewer={} sandbox={}", or_unset(reviewer), or_unset(sandbox))?;
        f.write_str(if *network { " network=on" } else { "" })?;
        if !roots.is_empty() {
            write!(f, " writable-roots={}", roots.iter().join("+"))?;
        }
        trust.iter().try_for_each(|trust| write!(f, " trust={trust}"))?;
        let Layer { approval, reviewer, sandbox } = project;
        approval.iter().try_for_each(|it| write!(f, " {PROJECT}approval={it}"))?;
        reviewer.iter().try_for_each(|it| write!(f, " {PROJECT}reviewer={it}"))?;
        sandbox.iter().try_for_each(|it| write!(f, " {PROJECT}sandbox={it}"))?;
        if !profiles.is_empty() {
            let defined = profiles.iter().map(|(id, profile)| format!("{id}:{profile}")).join("+");
            write!(f, " profiles={defined}")?;
        }
        profile.iter().try_for_each(|id| write!(f, " profile={id}"))?;
        others.iter().try_for_each(|(dimension, word)| write!(f, " {}={word}", dimension.key()))?;
        match features {
            FeatureSet::Full => Ok(()),
            FeatureSet::Lean => write!(f, " features={features}"),
        }
    }
}

/// The word of a key that config.toml does not have.
const UNSET: &str = "unset";

/// What the words of the project's own config begin with.
const PROJECT: &str = "project-";

fn or_unset<T: fmt::Display>(value: &Option<T>) -> String {
    value.as_ref().map_or(UNSET.to_owned(), T::to_string)
}

/// The overrides of start, fork or resume.
pub(super) fn call_overrides(line: &mut Line) -> Result<CallOverrides, Problem> {
    match line.value_of::<ApprovalMode>("mode")? {
        Some(mode) => Ok(mode.on_call()),
        None => overrides(line),
    }
}

pub(super) fn settings_overrides(line: &mut Line) -> Result<TurnOverrides, Problem> {
    match line.value_of::<ApprovalMode>("mode")? {
        Some(mode) => Ok(mode.on_turn()),
        None => overrides(line),
    }
}

/// The overrides of a turn.
pub(super) fn turn_overrides(line: &mut Line) -> Result<TurnOverrides, Problem> {
    let tier_once = line.value("tier-once");
    Ok(TurnOverrides { tier_once, ..settings_overrides(line)? })
}

fn overrides<S: FromStr<Err = UnknownWord>>(line: &mut Line) -> Result<Overrides<S>, Problem> {
    let by_config = match line.value("via").as_deref() {
        None => false,
        Some("config") => true,
        Some(word) => return problem(format!("`via={word}`; expected `via=config`")),
    };
    let word = |word: String| if word == "null" { Setting::Null } else { Setting::Set(word) };
    let mut others = BTreeMap::new();
    for dimension in Dimension::SECONDARY {
        let Some(value) = line.value(dimension.key()) else { continue };
        let value = word(value);
        if let (Dimension::CWD | Dimension::WR, Setting::Set(folders)) = (dimension, &value) {
            listed(folders).try_for_each(folder)?;
        }
        others.insert(dimension, value);
    }
    Ok(Overrides {
        approval: setting(line, "approval")?,
        reviewer: setting(line, "reviewer")?,
        sandbox: setting(line, "sandbox")?,
        profile: line.value("profile").map_or(Setting::Omit, word),
        others,
        tier_once: None,
        by_config,
    })
}

fn setting<T: FromStr<Err = UnknownWord>>(
    line: &mut Line,
    key: &str,
) -> Result<Setting<T>, Problem> {
    match line.value(key) {
        None => Ok(Setting::Omit),
        Some(word) if word == "null" => Ok(Setting::Null),
        Some(word) if word == OPEN => problem(format!("`{key}={OPEN}` is not a value")),
        Some(word) => Ok(Setting::Set(word.parse()?)),
    }
}

impl<S: fmt::Display> fmt::Display for Overrides<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Overrides { approval, reviewer, sandbox, profile, others, tier_once, by_config } = self;
        f.write_str(&printed("approval", approval))?;
        f.write_str(&printed("reviewer", reviewer))?;
        f.write_str(&printed("sandbox", sandbox))?;
        f.write_str(&printed("profile", profile))?;
        for (dimension, word) in others {
            f.write_str(&printed(dimension.key(), word))?;
        }
        tier_once.iter().try_for_each(|tier| write!(f, " tier-once={tier}"))?;
        f.write_str(if *by_config { " via=config" } else { "" })
    }
}

fn printed<T: fmt::Display>(key: &str, setting: &Setting<T>) -> String {
    match setting {
        Setting::Omit => String::new(),
        Setting::Null => format!(" {key}=null"),
        Setting::Set(value) => format!(" {key}={value}"),
    }
}
