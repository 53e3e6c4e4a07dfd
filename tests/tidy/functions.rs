//! Limits of functions: length, parameters, nesting.
//!
//! Length runs from `fn` to the closing brace. The receiver is no parameter. Nesting counts `if`,
//! `match` and the loops inside each other, those in closures too; an `else if` goes no deeper, and
//! an inner function is judged by itself. The insides of macros are not read.

use expect_test::expect;
use syn::visit::{self, Visit};
use syn::{Block, Expr, FnArg, Signature};

use super::source::{Complaint, Source, check};

/// Longest function, in lines.
const FUNCTION_LINES: usize = 60;

/// Most parameters, the receiver not counted.
const PARAMETERS: usize = 4;

/// Deepest nesting of branches and loops.
const NESTING: usize = 3;

/// Complains about functions beyond a limit.
pub(crate) fn limits(source: &Source) -> Vec<Complaint> {
    let mut functions = Functions { source, found: Vec::new() };
    functions.visit_file(&source.syntax);
    functions.found
}

struct Functions<'a> {
    source: &'a Source,
    found: Vec<Complaint>,
}

impl Functions<'_> {
    fn judge(&mut self, signature: &Signature, body: Option<&Block>) {
        let name = &signature.ident;
        let line = signature.fn_token.span.start().line;
        let typed = |argument: &&FnArg| matches!(argument, FnArg::Typed(_));
        let parameters = signature.inputs.iter().filter(typed).count();
        if parameters > PARAMETERS {
            let says = format!("`{name}` takes {parameters} parameters, more than {PARAMETERS}");
            self.found.push(self.source.complaint(line, says));
        }
        let Some(body) = body else { return };
        let lines = body.brace_token.span.close().end().line - line + 1;
        if lines > FUNCTION_LINES {
            let says = format!("`{name}` is {lines} lines long, more than {FUNCTION_LINES}");
            self.found.push(self.source.complaint(line, says));
        }
        let mut nesting = Nesting::default();
        nesting.visit_block(body);
        if nesting.deepest > NESTING {
            let says = format!("`{name}` nests {} deep, more than {NESTING}", nesting.deepest);
            self.found.push(self.source.complaint(line, says));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.judge(&function.sig, Some(&function.block));
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.judge(&function.sig, Some(&function.block));
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        self.judge(&function.sig, function.default.as_ref());
        visit::visit_trait_item_fn(self, function);
    }
}

#[derive(Default)]
struct Nesting {
    depth: usize,
    deepest: usize,
}

impl<'ast> Visit<'ast> for Nesting {
    fn visit_expr(&mut self, expression: &'ast Expr) {
        let deeper = matches!(
            expression,
            Expr::If(_) | Expr::Match(_) | Expr::ForLoop(_) | Expr::While(_) | Expr::Loop(_)
        );
        self.depth += usize::from(deeper);
        self.deepest = self.deepest.max(self.depth);
        visit::visit_expr(self, expression);
        self.depth -= usize::from(deeper);
    }

    fn visit_expr_if(&mut self, branch: &'ast syn::ExprIf) {
        self.visit_expr(&branch.cond);
        self.visit_block(&branch.then_branch);
        match &branch.else_branch {
            Some((_, chained)) if matches!(**chained, Expr::If(_)) => {
                visit::visit_expr(self, chained);
            }
            Some((_, last)) => self.visit_expr(last),
            None => {}
        }
    }

    /// An inner item is judged by itself.
    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

#[test]
fn a_long_function_is_complained_of() {
    let body = |lines: usize| format!("\nfn go() {{\n{}}}\n", "step();\n".repeat(lines));
    check(limits, "src/model.rs", &body(58), expect![""]);
    check(
        limits,
        "src/model.rs",
        &body(59),
        expect![[r#"
        src/model.rs:2: `go` is 61 lines long, more than 60
    "#]],
    );
}

#[test]
fn a_fifth_parameter_is_complained_of() {
    let bad = "impl Go {\n\
               fn four(&self, a: u8, b: u8, c: u8, d: [(u8, u8); 2]) {}\n\
               fn five(&self, a: u8, b: u8, c: u8, d: u8, e: Map<u8, u8>) {}\n\
               }\n\
               trait Run { fn five(a: u8, b: u8, c: u8, d: u8, e: u8); }\n";
    check(
        limits,
        "src/model.rs",
        bad,
        expect![[r#"
        src/model.rs:3: `five` takes 5 parameters, more than 4
        src/model.rs:5: `five` takes 5 parameters, more than 4
    "#]],
    );
}

#[test]
fn a_fourth_level_is_complained_of() {
    let bad = "fn go() {\n\
               if a { for b in c { match d { _ => {} } } }\n\
               if a { while b { let e = || { match d { _ =>\n loop {} } }; } }\n\
               }\n";
    check(
        limits,
        "src/model.rs",
        bad,
        expect![[r#"
        src/model.rs:1: `go` nests 4 deep, more than 3
    "#]],
    );
    let chain = "fn go() { if a {} else if b {} else if c {} else if d {} else { if e {} } }\n";
    check(limits, "src/model.rs", chain, expect![""]);
}
