//! The printer: one line a step, as the parser takes it.
//!
//! The first word is the step's verb, the name of a new thread stands after `->`, what the model
//! answers after `<-`. What a step leaves out is not printed.

use std::fmt;

use super::HEADER;
use super::words::Worded;
use crate::op::{Cut, Delay};
use crate::policy::{Defaults, Dimension, Overrides, Setting};
use crate::program::{Program, Reply, Step, ThreadName};

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nconfig  {}", Config(&self.defaults))?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))?;
        writeln!(f, "audit")
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = match self {
            Step::Start { overrides, ephemeral, new } => {
                arrow(format!("start  {overrides}{}", kept(*ephemeral)), *new)
            }
            Step::Fork { from, overrides, cut, ephemeral, new } => {
                let cut = cut.map_or(String::new(), |cut| format!(" {cut}"));
                arrow(format!("fork    {from}{cut}{overrides}{}", kept(*ephemeral)), *new)
            }
            Step::Spawn { thread, new } => arrow(format!("spawn   {thread}"), *new),
            Step::Resume { thread, overrides } => format!("resume  {thread}{overrides}"),
            Step::Begin { thread, overrides } => format!("begin   {thread}{overrides}"),
            Step::Settings { thread, overrides } => format!("settings {thread}{overrides}"),
            Step::Finish { thread, finish } => format!("finish  {thread} {}", finish.word()),
            Step::Steer { thread } => format!("steer   {thread}"),
            Step::TurnSettings { thread, reviewer } => {
                format!("retune  {thread} reviewer={reviewer}")
            }
            Step::WarmRead { thread } => format!("reread  {thread}"),
            Step::ColdRead { thread } => format!("fresh   {thread}"),
            Step::Action { thread, act } => format!("{:<7} {thread}", act.word()),
            Step::SubagentTurn { thread } => format!("task    {thread}"),
            Step::SecondServer { thread } => format!("rival   {thread}"),
            Step::Invalid { thread, method, wrong } => {
                format!("invalid {thread} {} {}", method.word(), wrong.word())
            }
            Step::Restart { stop, drop_db, server } => {
                let server = server.as_ref().map_or(String::new(), |to| format!(" server={to}"));
                format!("restart {stop}{}{server}", if *drop_db { " forgetting" } else { "" })
            }
            Step::Configure { defaults } => format!("configure {}", Config(defaults)),
            Step::Disk { full } => format!("disk    {}", if *full { "full" } else { "free" }),
            Step::SecondClient(step) => format!("second  {step}"),
            Step::KillDuring(step, Delay(0)) => format!("torn    {step}"),
            Step::KillDuring(step, Delay(after)) => format!("torn    after={after}ms {step}"),
            Step::Parallel(steps) => {
                let lanes: Vec<String> = steps.iter().map(Step::to_string).collect();
                format!("together {}", lanes.join(" | "))
            }
            Step::Run { thread, prompt, overrides, flaw, reply } => {
                let flaw = flaw.map_or(String::new(), |flaw| format!(" flaw={}", flaw.word()));
                let call = format!("run     {thread} {}{overrides}{flaw}", quoted(prompt));
                format!("{call:<37} <- {reply}")
            }
        };
        f.write_str(&line)
    }
}

fn arrow(call: String, new: ThreadName) -> String {
    format!("{call:<37} -> {new}")
}

fn kept(ephemeral: bool) -> &'static str {
    if ephemeral { " ephemeral=on" } else { "" }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::Last(turn) => write!(f, "last={turn}"),
            Cut::Before(turn) => write!(f, "before={turn}"),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Text(text) => write!(f, "text {}", quoted(text)),
            Reply::Call { tool, arguments } => write!(f, "call {tool} {}", quoted(arguments)),
            Reply::Probe(probe, consent) => {
                let client = if consent.client { "accept" } else { "decline" };
                write!(f, "deed {} {client} {}", probe.word(), consent.review.word())
            }
            Reply::Fail => f.write_str("fail"),
            Reply::Status(code) => write!(f, "status {code}"),
            Reply::Drop => f.write_str("drop"),
            Reply::Hold => f.write_str("interrupt"),
        }
    }
}

/// The defaults as the words of a config line; what is left out is the word that `parse` takes for
/// it.
struct Config<'a>(&'a Defaults);

impl fmt::Display for Config<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Defaults { approval, reviewer, sandbox, network, profiles, profile, others } = self.0;
        write!(f, "approval={approval} reviewer={reviewer} sandbox={sandbox}")?;
        f.write_str(if *network { " network=on" } else { "" })?;
        let defined: Vec<String> =
            profiles.iter().map(|(id, base)| format!("{id}:{}", base.word())).collect();
        if !defined.is_empty() {
            write!(f, " profiles={}", defined.join("+"))?;
        }
        profile.iter().try_for_each(|id| write!(f, " profile={id}"))?;
        others.iter().try_for_each(|(dimension, word)| write!(f, " {}={word}", dimension.key()))
    }
}

impl<S: fmt::Display> fmt::Display for Overrides<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Overrides { approval, reviewer, sandbox, profile, others, tier_once, by_config } = self;
        f.write_str(&setting("approval", approval))?;
        f.write_str(&setting("reviewer", reviewer))?;
        f.write_str(&setting("sandbox", sandbox))?;
        f.write_str(&setting("profile", profile))?;
        let each =
            |(dimension, word): (&Dimension, &Setting<String>)| setting(dimension.key(), word);
        others.iter().try_for_each(|other| f.write_str(&each(other)))?;
        tier_once.iter().try_for_each(|tier| write!(f, " tier-once={tier}"))?;
        f.write_str(if *by_config { " via=config" } else { "" })
    }
}

fn setting<T: fmt::Display>(key: &str, setting: &Setting<T>) -> String {
    match setting {
        Setting::Omit => String::new(),
        Setting::Null => format!(" {key}=null"),
        Setting::Set(value) => format!(" {key}={value}"),
    }
}
