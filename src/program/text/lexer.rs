//! One line of a case file as tokens.
//!
//! A token is a word without blanks or a quoted JSON string. Words are taken from the front,
//! `key=value` words from anywhere before the arrow. What is left at the end of the line is an
//! error, so no word is ever ignored.

use std::collections::VecDeque;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
}

/// The tokens of one line that are not taken yet.
pub(super) struct Line(VecDeque<Token>);

impl Line {
    /// Splits a line; the error says what is wrong.
    pub(super) fn read(text: &str) -> Result<Line, String> {
        let mut tokens = VecDeque::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let end = match rest.starts_with('"') {
                true => quote_end(rest).ok_or_else(|| format!("unclosed quote in `{rest}`"))?,
                false => rest.find(char::is_whitespace).unwrap_or(rest.len()),
            };
            let (token, after) = rest.split_at(end);
            tokens.push_back(match rest.starts_with('"') {
                true => Token::Quoted(unquoted(token)?),
                false => Token::Word(token.to_owned()),
            });
            rest = after.trim_start();
        }
        Ok(Line(tokens))
    }

    /// Takes the first token if it is a word.
    pub(super) fn word(&mut self) -> Option<String> {
        match self.0.pop_front()? {
            Token::Word(word) => Some(word),
            quoted @ Token::Quoted(_) => {
                self.0.push_front(quoted);
                None
            }
        }
    }

    /// Takes the first token if it is a quoted text.
    pub(super) fn quoted(&mut self) -> Option<String> {
        match self.0.pop_front()? {
            Token::Quoted(text) => Some(text),
            word @ Token::Word(_) => {
                self.0.push_front(word);
                None
            }
        }
    }

    /// Takes the first token if it is this word, and says whether it was.
    pub(super) fn skip(&mut self, word: &str) -> bool {
        let found = matches!(self.0.front(), Some(Token::Word(first)) if first == word);
        if found {
            self.0.pop_front();
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
        let place = self.0.iter().position(|token| value(token).is_some())?;
        self.0.remove(place).as_ref().and_then(value)
    }

    /// The tokens that are left, parted at this word.
    pub(super) fn split(&mut self, word: &str) -> Vec<Line> {
        let tokens: Vec<Token> = self.0.drain(..).collect();
        let parts = tokens.split(|token| matches!(token, Token::Word(own) if own == word));
        parts.map(|part| Line(part.iter().cloned().collect())).collect()
    }

    /// Says what was not understood, if anything is left.
    pub(super) fn end(mut self) -> Result<(), String> {
        match self.0.pop_front() {
            None => Ok(()),
            Some(Token::Word(word)) => Err(format!("`{word}` is not understood here")),
            Some(Token::Quoted(text)) => Err(format!("the text \"{text}\" is not understood here")),
        }
    }
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

fn unquoted(token: &str) -> Result<String, String> {
    serde_json::from_str(token).map_err(|error| format!("{token} is no JSON string: {error}"))
}
