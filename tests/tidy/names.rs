//! Names: how they are imported, and what types are called.
//!
//! An import says where a name stands: no globs, and no re-exports but in lib.rs, so that each name
//! has one path. A name of a type or a file says what it is; the words below say only that it is
//! something. A module called `tests` is test code, and says so to the compiler.

use expect_test::expect;
use syn::visit::{self, Visit};

use super::source::{Complaint, Source, check};

/// Words that no name of a type or a file has.
const EMPTY_WORDS: &[&str] =
    &["Manager", "Helper", "Util", "Utils", "Common", "Handler", "Data", "Info"];

/// Complains about globs and re-exports.
pub(crate) fn imports(source: &Source) -> Vec<Complaint> {
    let mut found = Vec::new();
    for mention in &source.mentions {
        if mention.path.ends_with(&["*".to_owned()]) {
            let says = format!("`{}`: import the names that are used", mention.text());
            found.push(source.complaint(mention.line, says));
        }
    }
    if source.path != "src/lib.rs" {
        let mut reexports = Reexports { source, found };
        reexports.visit_file(&source.syntax);
        found = reexports.found;
    }
    found
}

/// Complains about types and files whose name says nothing.
pub(crate) fn types(source: &Source) -> Vec<Complaint> {
    let mut types = Types { source, found: Vec::new() };
    let stem = source.path.trim_end_matches(".rs").rsplit('/').next();
    if let Some(word) = EMPTY_WORDS.iter().find(|word| stem == Some(&word.to_lowercase())) {
        let says = format!("a file called `{}` says nothing; name the noun", word.to_lowercase());
        types.found.push(source.complaint(1, says));
    }
    types.visit_file(&source.syntax);
    types.found
}

/// Complains about a module of tests that is built into the library.
pub(crate) fn tests_apart(source: &Source) -> Vec<Complaint> {
    let outside =
        |module: &&syn::ItemMod| module.ident == "tests" && !module.attrs.iter().any(is_cfg_test);
    let modules = source.syntax.items.iter().filter_map(|item| match item {
        syn::Item::Mod(module) => Some(module),
        _ => None,
    });
    let complaint = |module: &syn::ItemMod| {
        let line = module.mod_token.span.start().line;
        source.complaint(line, "module `tests` without `#[cfg(test)]`")
    };
    modules.filter(outside).map(complaint).collect()
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
}

struct Reexports<'a> {
    source: &'a Source,
    found: Vec<Complaint>,
}

impl<'ast> Visit<'ast> for Reexports<'_> {
    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        if !matches!(import.vis, syn::Visibility::Inherited) {
            let line = import.use_token.span.start().line;
            let says = "a re-export: only lib.rs has them";
            self.found.push(self.source.complaint(line, says));
        }
    }
}

struct Types<'a> {
    source: &'a Source,
    found: Vec<Complaint>,
}

impl<'ast> Visit<'ast> for Types<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let name = match item {
            syn::Item::Struct(item) => Some(&item.ident),
            syn::Item::Enum(item) => Some(&item.ident),
            syn::Item::Union(item) => Some(&item.ident),
            syn::Item::Trait(item) => Some(&item.ident),
            syn::Item::Type(item) => Some(&item.ident),
            _ => None,
        };
        if let Some(name) = name
            && let Some(word) = words(&name.to_string()).find(|w| EMPTY_WORDS.contains(&w.as_str()))
        {
            let says = format!("type `{name}`: `{word}` says nothing; name the noun");
            self.found.push(self.source.complaint(name.span().start().line, says));
        }
        visit::visit_item(self, item);
    }
}

/// The words of a name in camel case.
fn words(name: &str) -> impl Iterator<Item = String> {
    let mut words: Vec<String> = Vec::new();
    for letter in name.chars() {
        match words.last_mut() {
            Some(word) if !letter.is_uppercase() => word.push(letter),
            _ => words.push(letter.to_string()),
        }
    }
    words.into_iter()
}

#[test]
fn globs_and_reexports_are_complained_of() {
    let bad =
        "use crate::plan::*;\nuse std::{fmt, io::{self, *}};\npub(crate) use crate::op::Op;\n";
    check(
        imports,
        "src/model.rs",
        bad,
        expect![[r#"
        src/model.rs:1: `crate::plan::*`: import the names that are used
        src/model.rs:2: `std::io::*`: import the names that are used
        src/model.rs:3: a re-export: only lib.rs has them
    "#]],
    );
    check(imports, "src/lib.rs", "pub use crate::op::Op;\n", expect![""]);
    check(
        imports,
        "src/lib.rs",
        "pub use crate::op::*;\n",
        expect![[r#"
            src/lib.rs:1: `crate::op::*`: import the names that are used
        "#]],
    );
}

#[test]
fn a_type_without_a_noun_is_complained_of() {
    let bad = "struct HomeManager;\nenum DataKind {}\ntrait Database {}\n\
               mod a { type Info = u8; fn b() { struct UtilBelt; } }\n";
    check(
        types,
        "src/wire/util.rs",
        "struct Belt;\n",
        expect![[r#"
        src/wire/util.rs:1: a file called `util` says nothing; name the noun
    "#]],
    );
    check(
        types,
        "src/model.rs",
        bad,
        expect![[r#"
        src/model.rs:1: type `HomeManager`: `Manager` says nothing; name the noun
        src/model.rs:2: type `DataKind`: `Data` says nothing; name the noun
        src/model.rs:4: type `Info`: `Info` says nothing; name the noun
        src/model.rs:4: type `UtilBelt`: `Util` says nothing; name the noun
    "#]],
    );
}

#[test]
fn tests_that_are_built_into_the_library_are_complained_of() {
    let bad = "mod tests;\nmod other;\n";
    check(
        tests_apart,
        "src/model.rs",
        bad,
        expect![[r#"
        src/model.rs:1: module `tests` without `#[cfg(test)]`
    "#]],
    );
    let good = "#[cfg(test)]\nmod tests { fn a() {} }\n";
    check(tests_apart, "src/model.rs", good, expect![""]);
}
