//! Paths that a source mentions.
//!
//! Read from the tokens, so that comments and strings do not count while the insides of macros do.
//! `use a::{b, c::d}` mentions `a::b` and `a::c::d`; a glob ends in `*`. Each mention knows whether
//! it stands in test code and how many inline modules surround it.

use expect_test::expect;
use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};

/// One path, as it is written.
pub(crate) struct Mention {
    /// Its segments; a single name is a path too.
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    /// Whether it stands below `#[cfg(test)]`, or in a file of tests.
    pub(crate) test: bool,
    /// How many inline modules of the file it stands in.
    pub(crate) depth: usize,
}

/// Where the walk is.
#[derive(Clone, Copy)]
struct Place {
    test: bool,
    depth: usize,
}

struct Walk {
    found: Vec<Mention>,
}

/// Every path in the tokens, in order; `test` says that all of them are test code.
pub(crate) fn mentions(tokens: &TokenStream, test: bool) -> Vec<Mention> {
    let mut walk = Walk { found: Vec::new() };
    walk.stream(tokens, Place { test, depth: 0 });
    walk.found
}

impl Mention {
    /// The path as text.
    pub(crate) fn text(&self) -> String {
        self.path.join("::")
    }

    /// Whether the path is, or lies below, the one given as text.
    pub(crate) fn is_below(&self, prefix: &str) -> bool {
        let mut segments = self.path.iter();
        prefix.split("::").all(|wanted| segments.next().is_some_and(|segment| segment == wanted))
    }
}

impl Walk {
    fn stream(&mut self, tokens: &TokenStream, place: Place) {
        let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
        let mut rest = trees.as_slice();
        while !rest.is_empty() {
            rest = self.next(rest, place);
        }
    }

    /// Takes what stands first and returns what follows it.
    fn next<'a>(&mut self, trees: &'a [TokenTree], place: Place) -> &'a [TokenTree] {
        match trees {
            [TokenTree::Punct(hash), TokenTree::Group(attribute), ..]
                if hash.as_char() == '#' && squeezed(attribute) == "[cfg(test)]" =>
            {
                let (item, rest) = trees[2..].split_at(item_end(&trees[2..]));
                let place = Place { test: true, ..place };
                self.stream(&item.iter().cloned().collect(), place);
                rest
            }
            [TokenTree::Ident(word), TokenTree::Ident(_), TokenTree::Group(body), ..]
                if word == "mod" =>
            {
                let depth = place.depth + 1;
                self.stream(&body.stream(), Place { depth, ..place });
                &trees[3..]
            }
            [TokenTree::Ident(first), ..] => self.path(vec![first], &trees[1..], place),
            [TokenTree::Group(group), ..] => {
                self.stream(&group.stream(), place);
                &trees[1..]
            }
            _ => &trees[1..],
        }
    }

    /// Follows a path that has begun and returns what comes after it.
    fn path<'a>(
        &mut self,
        mut segments: Vec<&'a Ident>,
        mut trees: &'a [TokenTree],
        place: Place,
    ) -> &'a [TokenTree] {
        while let [TokenTree::Punct(one), TokenTree::Punct(two), next, ..] = trees {
            if one.as_char() != ':' || two.as_char() != ':' {
                break;
            }
            match next {
                TokenTree::Ident(segment) => segments.push(segment),
                TokenTree::Group(group) => {
                    self.group(&texts(&segments), group, place);
                    return &trees[3..];
                }
                TokenTree::Punct(star) if star.as_char() == '*' => {
                    let path = [texts(&segments), vec!["*".to_owned()]].concat();
                    self.record(path, star.span().start().line, place);
                    return &trees[3..];
                }
                _ => break,
            }
            trees = &trees[3..];
        }
        let line = segments[0].span().start().line;
        self.record(texts(&segments), line, place);
        trees
    }

    /// Reads the branches of a use-group below a path.
    fn group(&mut self, above: &[String], group: &Group, place: Place) {
        let trees: Vec<TokenTree> = group.stream().into_iter().collect();
        let comma = |tree: &TokenTree| matches!(tree, TokenTree::Punct(p) if p.as_char() == ',');
        for branch in trees.split(comma) {
            let mut inner = Walk { found: Vec::new() };
            match branch {
                [TokenTree::Ident(only), ..] if only == "self" => {
                    inner.record(Vec::new(), only.span().start().line, place);
                }
                [TokenTree::Ident(first), rest @ ..] => {
                    inner.path(vec![first], rest, place);
                }
                [TokenTree::Punct(star), ..] => {
                    inner.record(vec!["*".to_owned()], star.span().start().line, place);
                }
                _ => {}
            }
            for mention in inner.found {
                self.record([above, &mention.path].concat(), mention.line, place);
            }
        }
    }

    fn record(&mut self, path: Vec<String>, line: usize, place: Place) {
        self.found.push(Mention { path, line, test: place.test, depth: place.depth });
    }
}

fn texts(segments: &[&Ident]) -> Vec<String> {
    segments.iter().map(|segment| segment.to_string()).collect()
}

fn squeezed(group: &Group) -> String {
    group.to_string().replace(' ', "")
}

/// How many trees an item takes: up to its first semicolon or brace.
fn item_end(trees: &[TokenTree]) -> usize {
    let ends = |tree: &TokenTree| match tree {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    };
    trees.iter().position(ends).map_or(trees.len(), |at| at + 1)
}

#[test]
fn groups_globs_macros_and_test_code_are_read() {
    let tokens = "
        use std::{fs, time::{self, Instant}, io::*};
        // crate::comment::Ignored
        fn read() { say!(\"crate::string\", crate::wire::Line) }
        #[cfg(test)] mod tests { use super::Fact; fn a() { b::<u8>() } }
        fn after() {}
    ";
    let tokens: TokenStream = tokens.parse().expect("the example is Rust");
    let paths: Vec<String> = mentions(&tokens, false)
        .iter()
        .filter(|mention| mention.path.len() > 1 || mention.text() == "after")
        .map(|m| format!("{} {} test={} depth={}\n", m.line, m.text(), m.test, m.depth))
        .collect();
    expect![[r#"
        2 std::fs test=false depth=0
        2 std::time test=false depth=0
        2 std::time::Instant test=false depth=0
        2 std::io::* test=false depth=0
        4 crate::wire::Line test=false depth=0
        5 super::Fact test=true depth=1
        6 after test=false depth=0
    "#]]
    .assert_eq(&paths.concat());
}
