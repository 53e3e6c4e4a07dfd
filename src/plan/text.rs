//! [core] The text form of a plan: its printer and its parser.
//!
//! One line a step, the form's version in the first: `# heirloom case v1`. `parse(print(p)) == p`
//! for every plan. A line that cannot be read is named by its number, with what was expected;
//! nothing is guessed. Blank lines and further lines that begin with `#` are comments.

use std::fmt;
use std::str::FromStr;

use super::{Name, Plan, Reply, Step, Who};
use crate::op::{Flaw, Stop};
use crate::policy::words::UnknownWord;
use crate::policy::{ApprovalMode, CallOverrides, Defaults, Overrides, TurnOverrides, Wish};

mod lexer;

use self::lexer::Line;

/// The first line of every case file.
pub const HEADER: &str = "# heirloom case v1";

/// How the first line of a case of any form begins.
const FAMILY: &str = "# heirloom case v";

/// The version of this heirloom.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What some editors put before the first line.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Lines of a plan at the most: a run of as many takes half an hour, and no stop is heard within
/// it.
const LINES_MAX: usize = 10_000;

/// A text that is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct Malformed {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong and what was expected.
    pub problem: String,
}

/// What is wrong with one line.
struct Problem(String);

impl From<UnknownWord> for Problem {
    fn from(error: UnknownWord) -> Problem {
        Problem(error.to_string())
    }
}

fn problem<T>(text: impl Into<String>) -> Result<T, Problem> {
    Err(Problem(text.into()))
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nconfig  {}", Config(&self.defaults))?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))?;
        writeln!(f, "audit")
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = match self {
            Step::Start { overrides, new } => arrow(format!("start  {overrides}"), *new),
            Step::Fork { from, overrides, new } => {
                arrow(format!("fork    {from}{overrides}"), *new)
            }
            Step::Resume { thread, overrides } => format!("resume  {thread}{overrides}"),
            Step::Reread { thread } => format!("reread  {thread}"),
            Step::Restart { stop } => format!("restart {stop}"),
            Step::Configure { defaults } => format!("configure {}", Config(defaults)),
            Step::Run { thread, prompt, overrides, flaw, reply } => {
                let flaw = flaw.map_or(String::new(), |flaw| format!(" flaw={flaw}"));
                let call = format!("run     {thread} {}{overrides}{flaw}", quoted(prompt));
                format!("{call:<37} <- {reply}")
            }
        };
        f.write_str(&line)
    }
}

fn arrow(call: String, new: Name) -> String {
    format!("{call:<37} -> {new}")
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Text(text) => write!(f, "text {}", quoted(text)),
            Reply::Call { tool, arguments } => write!(f, "call {tool} {}", quoted(arguments)),
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
        let Defaults { approval, reviewer, sandbox, network } = self.0;
        write!(f, "approval={approval} reviewer={reviewer} sandbox={sandbox}")?;
        f.write_str(if *network { " network=on" } else { "" })
    }
}

impl<S: fmt::Display> fmt::Display for Overrides<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&wish("approval", &self.approval))?;
        f.write_str(&wish("reviewer", &self.reviewer))?;
        f.write_str(&wish("sandbox", &self.sandbox))
    }
}

fn wish<T: fmt::Display>(key: &str, wish: &Wish<T>) -> String {
    match wish {
        Wish::Omit => String::new(),
        Wish::Null => format!(" {key}=null"),
        Wish::Set(value) => format!(" {key}={value}"),
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stop::Graceful => "graceful",
            Stop::Kill => "kill",
        })
    }
}

const FLAWS: [(Flaw, &str); 6] = [
    (Flaw::UnknownApproval, "unknown-approval"),
    (Flaw::UnknownReviewer, "unknown-reviewer"),
    (Flaw::UnknownSandbox, "unknown-sandbox"),
    (Flaw::RelativeRoot, "relative-root"),
    (Flaw::UnknownProfile, "unknown-profile"),
    (Flaw::ProfileWithSandbox, "profile-with-sandbox"),
];

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = FLAWS.iter().find(|(flaw, _)| flaw == self).map(|(_, word)| *word);
        f.write_str(word.expect("every flaw has a word"))
    }
}

impl FromStr for Plan {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Plan, Malformed> {
        let text = text.trim_start_matches(BYTE_ORDER_MARK);
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        let (_, first) = lines.next().unwrap_or((1, ""));
        if first != HEADER {
            return Err(Malformed { line: 1, problem: not_ours(first) });
        }
        let mut reading = Reading::default();
        let mut last = 1;
        for (line, text) in lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#')) {
            last = line;
            reading.line(text).map_err(|Problem(problem)| Malformed { line, problem })?;
        }
        reading.end().map_err(|Problem(problem)| Malformed { line: last, problem })
    }
}

/// Why a first line is not ours: it is of another form, or no first line of a case at all.
fn not_ours(first: &str) -> String {
    let number = |line: &str| line.strip_prefix(FAMILY)?.parse::<u32>().ok();
    let ours = number(HEADER).expect("the header ends in the number of its form");
    match number(first) {
        Some(form) if form > ours => format!(
            "the case is of form {form}, and heirloom {VERSION} reads forms up to {ours}: a newer \
             heirloom wrote it, and reads it"
        ),
        _ => format!("`{first}` is not `{HEADER}`, the first line of a case"),
    }
}

/// A plan of which some lines are read.
#[derive(Default)]
struct Reading {
    defaults: Option<Defaults>,
    steps: Vec<Step>,
    named: Vec<Name>,
    audited: bool,
}

impl Reading {
    fn line(&mut self, text: &str) -> Result<(), Problem> {
        let mut line = Line::read(text).map_err(Problem)?;
        let verb = line.word().unwrap_or_default();
        if self.audited {
            return problem("nothing may follow `audit`");
        }
        match (verb.as_str(), &self.defaults) {
            ("config", None) => self.defaults = Some(defaults(&mut line)?),
            ("config", Some(_)) => return problem("a second `config`; use `configure` for a step"),
            (_, None) => return problem("the first step must be `config`"),
            ("audit", _) => self.audited = true,
            (verb, _) => {
                if self.steps.len() == LINES_MAX {
                    return problem(format!("a case has at most {LINES_MAX} lines; split it"));
                }
                let step = self.step(verb, &mut line)?;
                self.named.extend(step.names());
                self.steps.push(step);
            }
        }
        line.end().map_err(Problem)
    }

    fn step(&self, verb: &str, line: &mut Line) -> Result<Step, Problem> {
        match verb {
            "start" => Ok(Step::Start { overrides: call(line)?, new: self.new_name(line)? }),
            "fork" => Ok(Step::Fork {
                from: self.who(line)?,
                overrides: call(line)?,
                new: self.new_name(line)?,
            }),
            "resume" => Ok(Step::Resume { thread: self.who(line)?, overrides: call(line)? }),
            "reread" => Ok(Step::Reread { thread: self.who(line)? }),
            "restart" => Ok(Step::Restart { stop: stop(line)? }),
            "configure" => Ok(Step::Configure { defaults: defaults(line)? }),
            "run" => self.run(line),
            _ => problem(format!(
                "`{verb}` is no step that heirloom {VERSION} knows, though a newer one may; \
                 expected start, run, fork, resume, reread, restart, configure or audit"
            )),
        }
    }

    fn run(&self, line: &mut Line) -> Result<Step, Problem> {
        let thread = self.who(line)?;
        let Some(prompt) = line.quoted() else {
            return problem("expected what the person says, in quotes");
        };
        let overrides = turn(line)?;
        let flaw = line.value("flaw").map(|word| flaw(&word)).transpose()?;
        let reply = match line.skip("<-") {
            true => reply(line)?,
            false => Reply::Text("ok".to_owned()),
        };
        Ok(Step::Run { thread, prompt, overrides, flaw, reply })
    }

    fn who(&self, line: &mut Line) -> Result<Who, Problem> {
        let word = line.word().unwrap_or_default();
        if word == "nobody" {
            return Ok(Who::Nobody);
        }
        let name = name(&word)?;
        match self.named.contains(&name) {
            true => Ok(Who::Thread(name)),
            false => problem(format!(
                "no line before this one names {name}; write `nobody` for a thread that never was"
            )),
        }
    }

    fn new_name(&self, line: &mut Line) -> Result<Name, Problem> {
        if !line.skip("->") {
            return problem("expected `-> tN`, the name of the new thread");
        }
        let name = name(&line.word().unwrap_or_default())?;
        match self.named.contains(&name) {
            true => problem(format!("{name} is named already; give the new thread another name")),
            false => Ok(name),
        }
    }

    fn end(self) -> Result<Plan, Problem> {
        match (self.defaults, self.audited) {
            (None, _) => problem("the case has no `config` line"),
            (_, false) => problem("the last line must be `audit`"),
            (Some(defaults), true) => Ok(Plan { defaults, steps: self.steps }),
        }
    }
}

fn name(word: &str) -> Result<Name, Problem> {
    let number = word.strip_prefix('t').and_then(|number| number.parse().ok());
    number.map(Name).ok_or_else(|| Problem(format!("`{word}` is no thread; expected t0, t1, …")))
}

fn stop(line: &mut Line) -> Result<Stop, Problem> {
    match line.word().as_deref() {
        Some("graceful") => Ok(Stop::Graceful),
        Some("kill") => Ok(Stop::Kill),
        _ => problem("expected `restart graceful` or `restart kill`"),
    }
}

fn flaw(word: &str) -> Result<Flaw, Problem> {
    let known = FLAWS.iter().find(|(_, known)| *known == word);
    known.map(|(flaw, _)| *flaw).ok_or_else(|| {
        let words = FLAWS.map(|(_, word)| word).join(", ");
        Problem(format!("`{word}` is no flaw; expected one of {words}"))
    })
}

fn reply(line: &mut Line) -> Result<Reply, Problem> {
    let word = line.word().unwrap_or_default();
    match word.as_str() {
        "text" => line.quoted().map(Reply::Text).ok_or(Problem("expected a quoted text".into())),
        "call" => {
            let tool = line.word().unwrap_or_default();
            let arguments = line.quoted();
            let missing = || Problem("expected `call TOOL \"ARGUMENTS\"`".into());
            Ok(Reply::Call { tool, arguments: arguments.ok_or_else(missing)? })
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
            "`{word}` is no reply; expected text, call, fail, status, drop or interrupt"
        )),
    }
}

fn defaults(line: &mut Line) -> Result<Defaults, Problem> {
    let network = match line.value("network").as_deref() {
        None | Some("off") => false,
        Some("on") => true,
        Some(word) => return problem(format!("`network={word}`; expected on or off")),
    };
    let plain = Defaults::default();
    Ok(Defaults {
        approval: read(line, "approval")?.unwrap_or(plain.approval),
        reviewer: read(line, "reviewer")?.unwrap_or(plain.reviewer),
        sandbox: read(line, "sandbox")?.unwrap_or(plain.sandbox),
        network,
    })
}

fn call(line: &mut Line) -> Result<CallOverrides, Problem> {
    match read::<ApprovalMode>(line, "mode")? {
        Some(mode) => Ok(mode.on_call()),
        None => overrides(line),
    }
}

fn turn(line: &mut Line) -> Result<TurnOverrides, Problem> {
    match read::<ApprovalMode>(line, "mode")? {
        Some(mode) => Ok(mode.on_turn()),
        None => overrides(line),
    }
}

fn overrides<S: FromStr<Err = UnknownWord>>(line: &mut Line) -> Result<Overrides<S>, Problem> {
    Ok(Overrides {
        approval: wished(line, "approval")?,
        reviewer: wished(line, "reviewer")?,
        sandbox: wished(line, "sandbox")?,
    })
}

fn wished<T: FromStr<Err = UnknownWord>>(line: &mut Line, key: &str) -> Result<Wish<T>, Problem> {
    match line.value(key) {
        None => Ok(Wish::Omit),
        Some(word) if word == "null" => Ok(Wish::Null),
        Some(word) => Ok(Wish::Set(word.parse()?)),
    }
}

fn read<T: FromStr<Err = UnknownWord>>(line: &mut Line, key: &str) -> Result<Option<T>, Problem> {
    Ok(line.value(key).map(|word| word.parse()).transpose()?)
}
