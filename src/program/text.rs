//! The text form of a plan: its printer and its parser.
//!
//! One line a step, the form's version in the first: `# heirloom case v1`. `parse(print(p)) == p`
//! for every plan. A line that cannot be read is named by its number, with what was expected;
//! nothing is guessed. Blank lines and further lines that begin with `#` are comments.

use std::str::FromStr;

use super::{MAIN, Program, Reply, Server, Step, ThreadName, ThreadRef};
use crate::op::{Action, Delay, Flaw};
use crate::policy::Defaults;
use crate::policy::words::UnknownWord;

mod lexer;
mod printer;
mod values;
mod words;

use self::lexer::Line;
use self::values::{call, cut, defaults, name, read, reply, started, switch, turn};
use self::words::Worded;

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

impl FromStr for Program {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Program, Malformed> {
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
    named: Vec<ThreadName>,
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

    fn step(&mut self, verb: &str, line: &mut Line) -> Result<Step, Problem> {
        match verb {
            "start" => Ok(Step::Start {
                overrides: call(line)?,
                ephemeral: switch(line, "ephemeral")?,
                new: self.new_name(line)?,
            }),
            "fork" => Ok(Step::Fork {
                from: self.who(line)?,
                overrides: call(line)?,
                cut: cut(line)?,
                ephemeral: switch(line, "ephemeral")?,
                new: self.new_name(line)?,
            }),
            "spawn" => Ok(Step::Spawn { thread: self.who(line)?, new: self.new_name(line)? }),
            "run" => self.run(line),
            "restart" => {
                let (stop, drop_db) = (worded(line)?, line.skip("forgetting"));
                Ok(Step::Restart { stop, drop_db, server: server(line)? })
            }
            "configure" => Ok(Step::Configure { defaults: defaults(line)? }),
            "disk" => disk(line),
            "second" => Ok(Step::SecondClient(Box::new(self.wrapped(line)?))),
            "torn" => {
                let after = delay(line)?;
                let inner = match line.skip("together") {
                    true => self.together(line)?,
                    false => self.wrapped(line)?,
                };
                Ok(Step::KillDuring(Box::new(inner), after))
            }
            "together" => self.together(line),
            _ => self.of_thread(verb, line),
        }
    }

    /// A step that speaks of a thread and names none.
    fn of_thread(&self, verb: &str, line: &mut Line) -> Result<Step, Problem> {
        if !THREAD_VERBS.contains(&verb) && Action::read(verb).is_err() {
            return problem(no_step(verb));
        }
        let thread = self.who(line)?;
        match verb {
            "resume" => Ok(Step::Resume { thread, overrides: call(line)? }),
            "begin" => Ok(Step::Begin { thread, overrides: started(line)? }),
            "settings" => Ok(Step::Settings { thread, overrides: turn(line)? }),
            "finish" => Ok(Step::Finish { thread, finish: worded(line)? }),
            "steer" => Ok(Step::Steer { thread }),
            "retune" => match read(line, "reviewer")? {
                Some(reviewer) => Ok(Step::TurnSettings { thread, reviewer }),
                None => problem("expected `reviewer=`, the reviewer of the running turn"),
            },
            "reread" => Ok(Step::WarmRead { thread }),
            "fresh" => Ok(Step::ColdRead { thread }),
            "task" => Ok(Step::SubagentTurn { thread }),
            "rival" => Ok(Step::SecondServer { thread }),
            "invalid" => Ok(Step::Invalid { thread, method: worded(line)?, wrong: worded(line)? }),
            act => Ok(Step::Action { thread, act: Action::read(act).map_err(Problem)? }),
        }
    }

    /// The step within `second`, `torn` or `together`.
    fn wrapped(&mut self, line: &mut Line) -> Result<Step, Problem> {
        let verb = line.word().unwrap_or_default();
        match verb.as_str() {
            "second" | "torn" | "together" | "restart" | "disk" => {
                problem(format!("`{verb}` cannot stand within another step"))
            }
            verb => self.step(verb, line),
        }
    }

    /// Steps at once, with `|` between them; none speaks of a thread that another one names.
    fn together(&mut self, line: &mut Line) -> Result<Step, Problem> {
        let mut steps = Vec::new();
        for mut lane in line.split("|") {
            let step = self.wrapped(&mut lane)?;
            lane.end().map_err(Problem)?;
            if !step.is_one_call() {
                return problem("`together` takes start, fork, resume and settings");
            }
            steps.push(step);
        }
        match steps.len() {
            2.. => Ok(Step::Parallel(steps)),
            _ => problem("`together` wants two steps or more, with `|` between them"),
        }
    }

    fn run(&self, line: &mut Line) -> Result<Step, Problem> {
        let thread = self.who(line)?;
        let Some(prompt) = line.quoted() else {
            return problem("expected what the person says, in quotes");
        };
        let overrides = started(line)?;
        let flaw = line.value("flaw").map(|word| Flaw::read(&word)).transpose().map_err(Problem)?;
        let reply = match line.skip("<-") {
            true => reply(line)?,
            false => Reply::Text("ok".to_owned()),
        };
        Ok(Step::Run { thread, prompt, overrides, flaw, reply })
    }

    fn who(&self, line: &mut Line) -> Result<ThreadRef, Problem> {
        let word = line.word().unwrap_or_default();
        if word == "nobody" {
            return Ok(ThreadRef::Unknown);
        }
        let name = name(&word)?;
        match self.named.contains(&name) {
            true => Ok(ThreadRef::Thread(name)),
            false => problem(format!(
                "no line before this one names {name}; write `nobody` for a thread that never was"
            )),
        }
    }

    fn new_name(&self, line: &mut Line) -> Result<ThreadName, Problem> {
        if !line.skip("->") {
            return problem("expected `-> tN`, the name of the new thread");
        }
        let name = name(&line.word().unwrap_or_default())?;
        match self.named.contains(&name) {
            true => problem(format!("{name} is named already; give the new thread another name")),
            false => Ok(name),
        }
    }

    fn end(self) -> Result<Program, Problem> {
        match (self.defaults, self.audited) {
            (None, _) => problem("the case has no `config` line"),
            (_, false) => problem("the last line must be `audit`"),
            (Some(defaults), true) => Ok(Program { defaults, steps: self.steps }),
        }
    }
}

/// The verbs of steps that speak of a thread, besides those of acts.
const THREAD_VERBS: [&str; 11] = [
    "resume", "begin", "settings", "finish", "steer", "retune", "reread", "fresh", "task", "rival",
    "invalid",
];

fn no_step(verb: &str) -> String {
    let acts: Vec<&str> = Action::table().into_iter().map(|(_, word)| word).collect();
    format!(
        "`{verb}` is no step that heirloom {VERSION} knows, though a newer one may; expected \
         start, run, fork, spawn, restart, configure, disk, second, \
         torn, together, {}, {} or audit",
        THREAD_VERBS.join(", "),
        acts.join(", ")
    )
}

/// The next word as a value of the alphabet.
fn worded<T: Worded>(line: &mut Line) -> Result<T, Problem> {
    T::read(&line.word().unwrap_or_default()).map_err(Problem)
}

/// The server that a restart names.
fn server(line: &mut Line) -> Result<Option<Server>, Problem> {
    let Some(word) = line.value("server") else {
        return Ok(None);
    };
    if word == MAIN {
        return Ok(Some(Server::Main));
    }
    let release = word.parse().map_err(|error| {
        Problem(format!(
            "`server={word}` names no release: {error}; expected one such as `server=0.144.4`, or \
             `server={MAIN}` for the one that is checked"
        ))
    });
    release.map(|release| Some(Server::Release(release)))
}

/// How long after its request a call is torn off.
fn delay(line: &mut Line) -> Result<Delay, Problem> {
    let Some(word) = line.value("after") else {
        return Ok(Delay::default());
    };
    let number = word.strip_suffix("ms").and_then(|number| number.parse().ok());
    number.map(Delay).ok_or_else(|| {
        Problem(format!("`after={word}` is no delay; expected one such as `after=20ms`"))
    })
}

fn disk(line: &mut Line) -> Result<Step, Problem> {
    match line.word().as_deref() {
        Some("full") => Ok(Step::Disk { full: true }),
        Some("free") => Ok(Step::Disk { full: false }),
        _ => problem("expected `disk full` or `disk free`"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::program::Program;

    /// How a line that is torn off is read and printed again.
    fn check(line: &str, expected: Expect) {
        let text = format!("# heirloom case v1\nconfig\nstart -> t0\n{line}\naudit\n");
        expected.assert_eq(&match text.parse::<Program>() {
            Ok(program) => program.steps.last().map_or("no step".to_owned(), ToString::to_string),
            Err(error) => error.to_string(),
        });
    }

    #[test]
    fn a_call_is_torn_off_at_once_where_it_does_not_say_when() {
        check("torn    resume  t0", expect!["torn    resume  t0"]);
        check("torn after=0ms resume t0", expect!["torn    resume  t0"]);
        check(
            "torn after=5ms together resume t0 | settings t0 approval=never",
            expect!["torn    after=5ms together resume  t0 | settings t0 approval=never"],
        );
        check(
            "torn after=8ms resume t0 approval=never",
            expect!["torn    after=8ms resume  t0 approval=never"],
        );
        check(
            "torn after=65535ms finish t0 interrupt",
            expect!["torn    after=65535ms finish  t0 interrupt"],
        );
    }

    #[test]
    fn a_delay_is_a_number_of_milliseconds() {
        check(
            "torn after=8 resume t0",
            expect!["line 4: `after=8` is no delay; expected one such as `after=20ms`"],
        );
        check(
            "torn after=65536ms resume t0",
            expect!["line 4: `after=65536ms` is no delay; expected one such as `after=20ms`"],
        );
        check(
            "torn after=soon resume t0",
            expect!["line 4: `after=soon` is no delay; expected one such as `after=20ms`"],
        );
    }
}
