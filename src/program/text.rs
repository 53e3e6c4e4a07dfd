//! The text form of a program: its printer and its parser.
//!
//! One line a step, the form's version in the first line. `parse(print(p)) == p` for every program.
//! A line that cannot be read is named by its number, with what was expected; nothing is guessed.
//! Blank lines and further lines that begin with `#` are comments. The first form, whose words were
//! others, is still read.

use std::fmt;
use std::str::FromStr;

use super::Program;
use super::line::{Line, Problem, problem};
use super::ops::Step;
use super::thread::{ThreadName, ThreadRef};
use super::values::{Config, defaults};
use crate::policy::Defaults;

/// The first line of every case file.
pub const HEADER: &str = "# heirloom case v2";

/// How the first line of a case of any form begins.
const FAMILY: &str = "# heirloom case v";

/// The form that is written.
const FORM: u32 = 2;

/// What some editors put before the first line.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// Lines of a program at the most: a run of as many takes half an hour, and no stop takes effect
/// within it.
const LINES_MAX: usize = 10_000;

/// A text that is not a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct Malformed {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong and what was expected.
    pub problem: String,
}

impl FromStr for Program {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Program, Malformed> {
        let text = text.trim_start_matches(BYTE_ORDER_MARK);
        let mut lines = written_lines(text).into_iter().peekable();
        // What is copied from a finding has no first line of its own.
        let is_copied = lines.peek().is_some_and(|(_, line)| line.starts_with("config "));
        let first = if is_copied { HEADER } else { lines.next().map_or("", |(_, line)| line) };
        let form = form(first).map_err(|problem| Malformed { line: 1, problem })?;
        let mut reading = Reading::default();
        let mut last = 1;
        for (line, text) in lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#')) {
            last = line;
            let tokens = if form == 1 { Line::read_v1(text) } else { Line::read(text) };
            tokens
                .and_then(|line| reading.line(line))
                .map_err(|Problem(problem)| Malformed { line, problem })?;
        }
        reading.end().map_err(|Problem(problem)| Malformed { line: last, problem })
    }
}

/// The lines of a program with their numbers, also as a finding prints it: without the mark of the
/// step that shows it, what stands below that, and the audit's own steps.
fn written_lines(text: &str) -> Vec<(usize, &str)> {
    let mut written = Vec::new();
    let (mut remark, mut audited) = (None, false);
    for (index, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        if remark.is_some_and(|column| indent > column) {
            continue;
        }
        let words = line.trim();
        remark = words.starts_with('^').then_some(indent);
        let step = words.strip_prefix('>').map(str::trim);
        if remark.is_some() || audited && step.is_some() {
            continue;
        }
        audited |= words == "audit";
        written.push((index + 1, step.unwrap_or(words)));
    }
    written
}

/// The form that a first line names.
fn form(first: &str) -> Result<u32, String> {
    let version = env!("CARGO_PKG_VERSION");
    match first.strip_prefix(FAMILY).and_then(|form| form.parse::<u32>().ok()) {
        Some(form) if form > FORM => Err(format!(
            "the case is of form {form}, and heirloom {version} reads forms up to {FORM}: a newer \
             heirloom wrote it, and reads it"
        )),
        Some(form) if form > 0 => Ok(form),
        _ => Err(format!("`{first}` is not `{HEADER}`, the first line of a case")),
    }
}

/// A program of which some lines are read.
#[derive(Default)]
struct Reading {
    defaults: Option<Defaults>,
    steps: Vec<Step>,
    named: Vec<ThreadName>,
    audited: bool,
}

impl Reading {
    fn line(&mut self, mut line: Line) -> Result<(), Problem> {
        if self.audited {
            return problem("nothing may follow `audit`");
        }
        match (line.verb.as_str(), &self.defaults) {
            ("config", None) => self.defaults = Some(defaults(&mut line)?),
            ("config", Some(_)) => return problem("a second `config`; use `configure` for a step"),
            (_, None) => return problem("the first step must be `config`"),
            ("audit", _) => self.audited = true,
            _ => self.step(&mut line)?,
        }
        line.end()
    }

    fn step(&mut self, line: &mut Line) -> Result<(), Problem> {
        if self.steps.len() == LINES_MAX {
            return problem(format!("a case has at most {LINES_MAX} lines; split it"));
        }
        let step = Step::parse(line)?;
        for thread in step.used() {
            if let ThreadRef::Thread(name) = thread
                && !self.named.contains(&name)
            {
                return problem(format!(
                    "no line before this one creates {name}; write `unknown` for a thread that \
                     never existed"
                ));
            }
        }
        for name in step.names() {
            if self.named.contains(&name) {
                return problem(format!("{name} exists already; give the new thread another name"));
            }
            self.named.push(name);
        }
        self.steps.push(step);
        Ok(())
    }

    fn end(self) -> Result<Program, Problem> {
        match (self.defaults, self.audited) {
            (None, _) => problem("the case has no `config` line"),
            (_, false) => problem("the last line must be `audit`"),
            (Some(defaults), true) => Ok(Program { defaults, steps: self.steps }),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nconfig  {}", Config(&self.defaults))?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))?;
        writeln!(f, "audit")
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::program::Program;

    /// How a line is read and printed again.
    fn check(line: &str, expected: Expect) {
        check_form(2, line, expected);
    }

    fn check_form(form: u32, line: &str, expected: Expect) {
        let text = format!("# heirloom case v{form}\nconfig\nstart -> t0\n{line}\naudit\n");
        expected.assert_eq(&match text.parse::<Program>() {
            Ok(program) => program.steps.last().map_or("no step".to_owned(), ToString::to_string),
            Err(error) => error.to_string(),
        });
    }

    #[test]
    fn a_folder_is_one_of_the_run_or_a_whole_path() {
        check(
            "run t0 \"hi\" roots=WS/sub+/srv",
            expect![[r#"run     t0 "hi" roots=WS/sub+/srv     <- text "ok""#]],
        );
        check(
            "run t0 \"hi\" roots=none",
            expect![[r#"run     t0 "hi" roots=none            <- text "ok""#]],
        );
        check(
            "run t0 \"hi\" roots=CWD+OUT",
            expect![
                "line 4: `CWD` is not a folder; expected WS, HOME, OUT, one below them, or a whole path"
            ],
        );
        check(
            "run t0 \"hi\" cwd=elsewhere",
            expect![
                "line 4: `elsewhere` is not a folder; expected WS, HOME, OUT, one below them, or a whole path"
            ],
        );
        check(
            "configure writable-roots=OUTER",
            expect![
                "line 4: `OUTER` is not a folder; expected WS, HOME, OUT, one below them, or a whole path"
            ],
        );
    }

    #[test]
    fn a_server_is_killed_at_once_where_the_line_does_not_say_when() {
        check("kill-during resume t0", expect!["kill-during resume  t0"]);
        check("kill-during after=0ms resume t0", expect!["kill-during resume  t0"]);
        check(
            "kill-during after=5ms parallel resume t0 | settings t0 approval=never",
            expect!["kill-during after=5ms parallel resume  t0 | settings t0 approval=never"],
        );
        check(
            "kill-during after=8ms resume t0 approval=never",
            expect!["kill-during after=8ms resume  t0 approval=never"],
        );
        check(
            "kill-during after=65535ms finish t0 interrupt",
            expect!["kill-during after=65535ms finish  t0 interrupt"],
        );
    }

    #[test]
    fn a_delay_is_a_number_of_milliseconds() {
        check(
            "kill-during after=8 resume t0",
            expect!["line 4: `after=8` is not a delay; expected one such as `after=20ms`"],
        );
        check(
            "kill-during after=65536ms resume t0",
            expect!["line 4: `after=65536ms` is not a delay; expected one such as `after=20ms`"],
        );
        check(
            "kill-during after=soon resume t0",
            expect!["line 4: `after=soon` is not a delay; expected one such as `after=20ms`"],
        );
    }

    #[test]
    fn a_word_that_is_not_understood_is_named() {
        check("start colour=red -> t1", expect!["line 4: `colour=red` is not understood here"]);
        check("list", expect!["line 4: `list` wants a thread, as `list t0`"]);
        check("client2", expect!["line 4: expected a step behind it"]);
        check(
            "rewind t0",
            expect![
                "line 4: `rewind` is not a step that heirloom 0.1.0 knows, though a newer one may; expected start, run, begin, finish, steer, turn-settings, settings, fork, resume, warm-read, cold-read, interrupt, spawn, subagent-turn, second-server, invalid, restart, configure, disk, remove-folder, name, read, list, archive, unarchive, unsubscribe, unload, revert, compact, shell, review, detached-review, goal, queue, inject, client2, kill-during, parallel or audit"
            ],
        );
        check(
            "resume t7",
            expect![
                "line 4: no line before this one creates t7; write `unknown` for a thread that never existed"
            ],
        );
        check(
            "invalid t0 sing unknown-value",
            expect![
                "line 4: `sing` is not a method; expected one of start, run, interrupt, steer, turn-settings, settings, fork, resume, name, read, list, archive, unarchive, unsubscribe, revert, compact, shell, review, goal, queue, inject"
            ],
        );
    }

    #[test]
    fn the_words_of_the_first_form_are_read() {
        check_form(
            1,
            "torn after=20ms together retune t0 reviewer=user | rival t0",
            expect!["line 4: `parallel` takes start, fork, resume and settings"],
        );
        check_form(
            1,
            "torn after=20ms together resume t0 | fork nobody -> t1",
            expect![
                "kill-during after=20ms parallel resume  t0 | fork    unknown                       -> t1"
            ],
        );
        check_form(
            1,
            "torn retune t0 reviewer=user",
            expect!["kill-during turn-settings t0 reviewer=user"],
        );
        check_form(1, "second reread t0", expect!["client2 warm-read t0"]);
        check_form(1, "fresh t0", expect!["cold-read t0"]);
        check_form(1, "task nobody", expect!["subagent-turn unknown"]);
        check_form(
            1,
            "restart kill forgetting server=0.144.4",
            expect!["restart kill drop-db release=0.144.4"],
        );
        check_form(
            1,
            "run t0 \"one\" <- deed pout accept silence",
            expect![[
                r#"run     t0 "one"                      <- probe patch-outside client=accept reviewer=silence"#
            ]],
        );
        check_form(
            1,
            "run t0 \"nobody <- deed\" approval=never <- interrupt",
            expect![[r#"run     t0 "nobody <- deed" approval=never <- hold"#]],
        );
        check_form(1, "finish t0 interrupt", expect!["finish  t0 interrupt"]);
        check_form(
            1,
            "invalid t0 retune unknown-value",
            expect!["invalid t0 turn-settings unknown-value"],
        );
    }
}
