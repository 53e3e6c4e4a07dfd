//! One line of a program as tokens, and what can be read off them.
//!
//! A token is a word without blanks or a quoted JSON string. Words are taken from the front,
//! `key=value` words from anywhere before the arrow. What is left at the end of the line is an
//! error, so no word is ever ignored.

use std::collections::VecDeque;
use std::fmt::Display;
use std::str::FromStr;

use itertools::Itertools;
use strum::IntoEnumIterator;

use super::thread::{ThreadName, ThreadRef};
use super::v1::Translator;
use crate::policy::words::UnknownWord;

/// What is wrong with a line, and what was expected.
#[derive(Debug)]
pub struct Problem(pub(super) String);

impl From<UnknownWord> for Problem {
    fn from(error: UnknownWord) -> Problem {
        Problem(error.to_string())
    }
}

/// A line that cannot be read.
pub(super) fn problem<T>(text: impl Into<String>) -> Result<T, Problem> {
    Err(Problem(text.into()))
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
}

/// A line's verb and the tokens that are not taken yet.
#[derive(Debug)]
pub struct Line {
    pub(super) verb: String,
    tokens: VecDeque<Token>,
}

impl Line {
    pub(super) fn read(text: &str) -> Result<Line, Problem> {
        Ok(Line { verb: String::new(), tokens: tokens(text)? }.with_verb())
    }

    /// Splits a line of the first form.
    pub(super) fn read_v1(text: &str) -> Result<Line, Problem> {
        let mut tokens = tokens(text)?;
        let mut translator = Translator::default();
        for token in &mut tokens {
            if let Token::Word(word) = token {
                *word = translator.word(word);
            }
        }
        Ok(Line { verb: String::new(), tokens }.with_verb())
    }

    /// The same line with its first word taken as the verb.
    pub(super) fn with_verb(mut self) -> Line {
        self.verb = self.word().unwrap_or_default();
        self
    }

    /// Takes the next word as the verb.
    pub(super) fn next_verb(&mut self) {
        self.verb = self.word().unwrap_or_default();
    }

    /// Takes the first token if it is a word.
    pub(super) fn word(&mut self) -> Option<String> {
        match self.tokens.pop_front()? {
            Token::Word(word) => Some(word),
            quoted @ Token::Quoted(_) => {
                self.tokens.push_front(quoted);
                None
            }
        }
    }

    /// Takes the first token if it is a quoted text.
    pub(super) fn quoted(&mut self) -> Option<String> {
        match self.tokens.pop_front()? {
            Token::Quoted(text) => Some(text),
            word @ Token::Word(_) => {
                self.tokens.push_front(word);
                None
            }
        }
    }

    /// Takes the first token if it is this word, and says whether it was.
    pub(super) fn skip(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.front(), Some(Token::Word(first)) if first == word);
        if found {
            self.tokens.pop_front();
        }
        found
    }

    /// Takes the value of the first `key=value` word with this key.
    pub(super) fn value(&mut self, key: &str) -> Option<String> {
        let value = |token: &Token| match token {
            Token::Word(word) => {
                let value = word.strip_prefix(key).and_then(|rest| rest.strip_prefix('='));
                value.map(str::to_owned)
            }
            Token::Quoted(_) => None,
        };
        let arrow = |token: &Token| matches!(token, Token::Word(word) if word == "<-");
        let end = self.tokens.iter().position(arrow).unwrap_or(self.tokens.len());
        let place = self.tokens.iter().take(end).position(|token| value(token).is_some())?;
        self.tokens.remove(place).as_ref().and_then(value)
    }

    /// Takes the value of a key, if the line has it.
    pub(super) fn value_of<T: FromStr<Err = UnknownWord>>(
        &mut self,
        key: &str,
    ) -> Result<Option<T>, Problem> {
        Ok(self.value(key).map(|word| word.parse()).transpose()?)
    }

    /// Takes a word that is one of the values of a type.
    pub(super) fn one_of<T>(&mut self, what: &str) -> Result<T, Problem>
    where
        T: FromStr + IntoEnumIterator + Display,
    {
        one_of(&self.word().unwrap_or_default(), what)
    }

    /// Takes a word that is `on` or `off`; left out it is off.
    pub(super) fn switch(&mut self, key: &str) -> Result<bool, Problem> {
        match self.value(key).as_deref() {
            None | Some("off") => Ok(false),
            Some("on") => Ok(true),
            Some(word) => problem(format!("`{key}={word}`; expected on or off")),
        }
    }

    /// Takes the thread that the line is about.
    pub(super) fn thread(&mut self) -> Result<ThreadRef, Problem> {
        match self.word().as_deref() {
            Some("unknown") => Ok(ThreadRef::Unknown),
            Some(word) => thread_name(word).map(ThreadRef::Thread),
            None => {
                let verb = &self.verb;
                problem(format!("`{verb}` wants a thread, as `{verb} t0`"))
            }
        }
    }

    /// The tokens that are left, split at this word; each part's first word is its verb.
    pub(super) fn split(&mut self, word: &str) -> Vec<Line> {
        let tokens: Vec<Token> = self.tokens.drain(..).collect();
        let parts = tokens.split(|token| matches!(token, Token::Word(own) if own == word));
        let line =
            |part: &[Token]| Line { verb: String::new(), tokens: part.iter().cloned().collect() };
        parts.map(|part| line(part).with_verb()).collect()
    }

    /// Takes `-> tN` from the end of the line.
    pub(super) fn new_thread(&mut self) -> Result<ThreadName, Problem> {
        let arrow = |token: &Token| matches!(token, Token::Word(word) if word == "->");
        if let Some(place) = self.tokens.iter().position(arrow) {
            let name = match self.tokens.get(place + 1) {
                Some(Token::Word(word)) => thread_name(word)?,
                _ => return problem("expected `-> tN`, the name of the new thread"),
            };
            self.tokens.drain(place..place + 2);
            return Ok(name);
        }
        problem("expected `-> tN` at the end of the line, the name of the new thread")
    }

    /// Says what was not understood, if anything is left.
    pub(super) fn end(&mut self) -> Result<(), Problem> {
        match self.tokens.pop_front() {
            None => Ok(()),
            Some(Token::Word(word)) => problem(format!("`{word}` is not understood here")),
            Some(Token::Quoted(text)) => {
                problem(format!("the text \"{text}\" is not understood here"))
            }
        }
    }
}

fn tokens(text: &str) -> Result<VecDeque<Token>, Problem> {
    let mut tokens = VecDeque::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let quoted = rest.starts_with('"');
        let end = if quoted {
            quote_end(rest).ok_or_else(|| Problem(format!("unclosed quote in `{rest}`")))?
        } else {
            rest.find(char::is_whitespace).unwrap_or(rest.len())
        };
        let (token, after) = rest.split_at(end);
        tokens.push_back(if quoted {
            Token::Quoted(unquoted(token)?)
        } else {
            Token::Word(token.to_owned())
        });
        rest = after.trim_start();
    }
    Ok(tokens)
}

/// A text in quotes, as JSON writes it.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A word as one of the values of a type.
pub(super) fn one_of<T>(word: &str, what: &str) -> Result<T, Problem>
where
    T: FromStr + IntoEnumIterator + Display,
{
    let expected = || T::iter().join(", ");
    word.parse().map_err(|_| match word {
        "" => Problem(format!("expected a {what}: one of {}", expected())),
        word => Problem(format!("`{word}` is not a {what}; expected one of {}", expected())),
    })
}

/// The name of a thread.
fn thread_name(word: &str) -> Result<ThreadName, Problem> {
    let number = word.strip_prefix('t').and_then(|number| number.parse().ok());
    number
        .map(ThreadName)
        .ok_or_else(|| Problem(format!("`{word}` is not a thread; expected t0, t1, …")))
}

/// The place after the closing quote.
fn quote_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    let closing = text.char_indices().skip(1).find(|(_, letter)| {
        let closes = *letter == '"' && !escaped;
        escaped = *letter == '\\' && !escaped;
        closes
    });
    closing.map(|(place, _)| place + 1)
}

fn unquoted(token: &str) -> Result<String, Problem> {
    serde_json::from_str(token)
        .map_err(|error| Problem(format!("{token} is not a JSON string: {error}")))
}
