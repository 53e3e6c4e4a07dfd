//! The values of a line: overrides, defaults, replies.
//!
//! Each takes its own words from the line and leaves the others, so that what nobody takes is an
//! error at the line's end. A value that cannot be read is answered with what was expected.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::lexer::Line;
use super::words::Worded;
use super::{Problem, problem, worded};
use crate::op::{Consent, Cut};
use crate::policy::words::UnknownWord;
use crate::policy::{
    ApprovalMode, CallOverrides, Defaults, Dimension, Overrides, Profiles, SandboxMode, Setting,
    TurnOverrides,
};
use crate::program::{Reply, ThreadName};

/// The name of a thread.
pub(super) fn name(word: &str) -> Result<ThreadName, Problem> {
    let number = word.strip_prefix('t').and_then(|number| number.parse().ok());
    number
        .map(ThreadName)
        .ok_or_else(|| Problem(format!("`{word}` is no thread; expected t0, t1, …")))
}

/// A word that is `on` or `off`; left out it is off.
pub(super) fn switch(line: &mut Line, key: &str) -> Result<bool, Problem> {
    match line.value(key).as_deref() {
        None | Some("off") => Ok(false),
        Some("on") => Ok(true),
        Some(word) => problem(format!("`{key}={word}`; expected on or off")),
    }
}

/// Where a fork is cut, if it is.
pub(super) fn cut(line: &mut Line) -> Result<Option<Cut>, Problem> {
    let number = |word: String| {
        let number = word.parse::<u8>();
        number.map_err(|_| Problem(format!("`{word}` is no turn; expected a number from 0")))
    };
    match (line.value("last"), line.value("before")) {
        (None, None) => Ok(None),
        (Some(word), None) => Ok(Some(Cut::Last(number(word)?))),
        (None, Some(word)) => Ok(Some(Cut::Before(number(word)?))),
        (Some(_), Some(_)) => problem("a fork is cut at `last=` or at `before=`, not at both"),
    }
}

/// What the model answers.
pub(super) fn reply(line: &mut Line) -> Result<Reply, Problem> {
    let word = line.word().unwrap_or_default();
    match word.as_str() {
        "text" => line.quoted().map(Reply::Text).ok_or(Problem("expected a quoted text".into())),
        "call" => {
            let tool = line.word().unwrap_or_default();
            let arguments = line.quoted();
            let missing = || Problem("expected `call TOOL \"ARGUMENTS\"`".into());
            Ok(Reply::Call { tool, arguments: arguments.ok_or_else(missing)? })
        }
        "deed" => {
            let probe = worded(line)?;
            let client = match line.word().as_deref() {
                Some("accept") => true,
                Some("decline") => false,
                _ => return problem("expected `accept` or `decline`, the client's answer"),
            };
            Ok(Reply::Probe(probe, Consent { client, review: worded(line)? }))
        }
        "fail" => Ok(Reply::Fail),
        "status" => {
            let code = line.word().and_then(|code| code.parse().ok());
            let code = code.filter(|code| (400..600).contains(code));
            code.map(Reply::Status).ok_or(Problem("expected `status` and 400 to 599".into()))
        }
        "drop" => Ok(Reply::Drop),
        "interrupt" => Ok(Reply::Hold),
        _ => problem(format!(
            "`{word}` is no reply; expected text, call, deed, fail, status, drop or interrupt"
        )),
    }
}

/// The defaults of a `config` or `configure` line.
pub(super) fn defaults(line: &mut Line) -> Result<Defaults, Problem> {
    let plain = Defaults::default();
    let mut others = BTreeMap::new();
    for dimension in [Dimension::M, Dimension::E, Dimension::T] {
        others.extend(line.value(dimension.key()).map(|word| (dimension, word)));
    }
    Ok(Defaults {
        approval: read(line, "approval")?.unwrap_or(plain.approval),
        reviewer: read(line, "reviewer")?.unwrap_or(plain.reviewer),
        sandbox: read(line, "sandbox")?.unwrap_or(plain.sandbox),
        network: switch(line, "network")?,
        profiles: profiles(line)?,
        profile: line.value("profile"),
        others,
    })
}

fn profiles(line: &mut Line) -> Result<Profiles, Problem> {
    let Some(list) = line.value("profiles") else {
        return Ok(Profiles::new());
    };
    let one = |item: &str| match item.split_once(':') {
        Some((id, base)) if !id.is_empty() => {
            Ok((id.to_owned(), SandboxMode::read(base).map_err(Problem)?))
        }
        _ => problem(format!("`{item}` is no profile; expected `id:read-only` and the like")),
    };
    list.split('+').map(one).collect()
}

/// The overrides of a lifecycle call.
pub(super) fn call(line: &mut Line) -> Result<CallOverrides, Problem> {
    match read::<ApprovalMode>(line, "mode")? {
        Some(mode) => Ok(mode.on_call()),
        None => overrides(line),
    }
}

/// The overrides of a turn.
pub(super) fn turn(line: &mut Line) -> Result<TurnOverrides, Problem> {
    match read::<ApprovalMode>(line, "mode")? {
        Some(mode) => Ok(mode.on_turn()),
        None => overrides(line),
    }
}

/// The overrides of the turn that a request starts.
pub(super) fn started(line: &mut Line) -> Result<TurnOverrides, Problem> {
    let tier_once = line.value("tier-once");
    Ok(TurnOverrides { tier_once, ..turn(line)? })
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
        others.extend(line.value(dimension.key()).map(|value| (dimension, word(value))));
    }
    Ok(Overrides {
        approval: wished(line, "approval")?,
        reviewer: wished(line, "reviewer")?,
        sandbox: wished(line, "sandbox")?,
        profile: line.value("profile").map_or(Setting::Omit, word),
        others,
        tier_once: None,
        by_config,
    })
}

fn wished<T: FromStr<Err = UnknownWord>>(
    line: &mut Line,
    key: &str,
) -> Result<Setting<T>, Problem> {
    match line.value(key) {
        None => Ok(Setting::Omit),
        Some(word) if word == "null" => Ok(Setting::Null),
        Some(word) => Ok(Setting::Set(word.parse()?)),
    }
}

/// The value of a key, if the line has it.
pub(super) fn read<T: FromStr<Err = UnknownWord>>(
    line: &mut Line,
    key: &str,
) -> Result<Option<T>, Problem> {
    Ok(line.value(key).map(|word| word.parse()).transpose()?)
}
