//! The page without a pointer, a script or good eyes: ids and links, words, contrast and size.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::expect;
use itertools::Itertools;

use super::{STYLE, html};
use crate::campaign::FindingReport;
use crate::cause::Known;
use crate::contract::all;
use crate::judge::record::Status;
use crate::matrix::{Column, Matrix, Outcome};
use crate::policy::Dimension;
use crate::program::Program;
use crate::report::matrix::tests::{check, column, key, matrix, missing, report, results};

/// What a page of forty releases may weigh, in bytes.
const SIZE_MAX: usize = 1_000_000;

/// Signatures on the large page; the page of twelve releases in `docs` has two hundred.
const SIGNATURES: usize = 300;

/// Causes on it.
const CAUSES: usize = 20;

/// WCAG 2.1: text, and marks that mean something.
const TEXT_CONTRAST: f64 = 4.5;
const MARK_CONTRAST: f64 = 3.0;

/// The attributes of this name, in order.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let parts = page.split(&format!(" {name}=\"")).skip(1).collect::<Vec<_>>();
    parts.into_iter().filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_heading_and_row_can_be_linked_to_and_nothing_has_to_be_hovered_over() {
    let page = html(&matrix(), &key());
    let ids = attributes(&page, "id");
    assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "an id names one thing");
    let between = |before: &str, after: &str| {
        let rest = page.split(before).nth(1).and_then(|rest| rest.split(after).next());
        rest.unwrap_or_default().replace("<li", "\n<li").replace("<tr", "\n<tr")
    };
    let heads = page.split("<section").skip(1).filter(|section| section.contains("<h2"));
    let heads = heads.filter(|section| attributes(section, "id").is_empty()).count();
    let rows = between("<table class=\"grid\">", "</table>");
    let rows = rows.lines().filter_map(|line| line.split("</th>").next());
    let rows = rows.filter(|row| row.contains("scope=\"row\"")).collect::<Vec<_>>();
    check(
        &format!(
            "hovers {}, main {}, heads without an id {heads}\n{}\n{}\n{}",
            attributes(&page, "title").len(),
            page.matches("<main>").count(),
            between("<nav aria-label=\"Contents\">", "</nav>"),
            rows.join("\n"),
            between("<ul class=\"turns\">", "</ul>"),
        ),
        expect![[r##"
            hovers 0, main 1, heads without an id 0
            <ul>
            <li><a href="#cause-by-release">Cause by release</a></li>
            <li><a href="#causes">Causes</a></li>
            <li><a href="#clause-by-release">Clause by release</a></li>
            <li><a href="#changes">What changed when</a></li>
            <li><a href="#deviations">Deviations</a></li>
            <li><a href="#clauses">Clauses</a></li>
            <li><a href="#releases">Releases</a></li></ul>
            <tr><th scope="row"><a href="#clause-t9">T9 change notification</a>
            <tr><th scope="row"><a href="#row-r4-ap">R4 cold resume · approval policy</a>

            <li><strong>0.169.0</strong><ul>
            <li><a href="#r4-ap-resume-never-config">R4 cold resume · approval policy</a> is repaired (compared with 0.144.4)</li>"##]],
    );
}

/// What the introduction says of the releases.
fn introduction(columns: Vec<Column>) -> String {
    let page = html(&Matrix::new(columns, &Known::default()), &key());
    let text = page.split("resumes? ").nth(1).and_then(|rest| rest.split("Every answer").next());
    let gaps = page.split("<p><strong>").nth(1).and_then(|rest| rest.split("</p>").next());
    let gaps = gaps.filter(|gaps| gaps.contains("release")).unwrap_or("all ran to their end");
    format!("{}\n  {}\n", text.unwrap_or_default().trim(), gaps.replace("</strong>", ""))
}

#[test]
fn the_introduction_counts_only_what_was_run_to_its_end() {
    let of_cases = |release: &str, cases: u64, interrupted: bool| {
        let mut results = results(release, Vec::new(), &[]);
        (results.cases, results.interrupted) = (cases, interrupted);
        Column { outcome: Outcome::Ran(Box::new(results)), ..missing(release) }
    };
    let all = [
        vec![of_cases("0.144.4", 20, false)],
        vec![of_cases("0.144.4", 20, false), of_cases("0.169.0", 20, false)],
        vec![of_cases("0.144.4", 26, false), of_cases("0.169.0", 35, false)],
        vec![of_cases("0.144.4", 35, false), of_cases("0.169.0", 7, true)],
        vec![missing("0.131.0"), of_cases("0.169.0", 7, true)],
    ];
    check(
        &all.map(introduction).concat(),
        expect![[r#"
            The release ran 20 random programs.
              all ran to their end
            Each of 2 releases ran the same 20 random programs.
              all ran to their end
            Each of 2 releases ran the same 20 random programs, and 6 to 15 more: programs of known deviations, or programs by which another release shows a difference.
              all ran to their end
            Each release that was run to its end ran the same 20 random programs, and 15 more: programs of known deviations, or programs by which another release shows a difference.
              1 of 2 releases stopped early: 0.169.0. What is not known of them has a ? below.
            No release was run to its end.
              1 of 2 releases not run: 0.131.0; 1 of 2 releases stopped early: 0.169.0. What is not known of them has a ? below.
        "#]],
    );
}

/// The colours of a theme, by their names.
fn colors(css: &str) -> BTreeMap<&str, [f64; 3]> {
    let part = |digits: &str| {
        let value = u8::from_str_radix(digits, 16).expect("a colour is hexadecimal");
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let declarations = css.split("--").skip(1).filter_map(|rest| rest.split_once(": #"));
    let colors = declarations.map(|(name, rest)| {
        let digits = rest.split(';').next().expect("a declaration ends");
        let digits = match digits.len() {
            3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
            _ => digits.to_owned(),
        };
        (name, [0, 2, 4].map(|at| part(&digits[at..at + 2])))
    });
    colors.collect()
}

fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let luminance = |[red, green, blue]: [f64; 3]| 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn text_and_marks_stand_out_from_their_ground_in_light_in_dark_and_on_paper() {
    let themes: Vec<&str> = STYLE.split(":root {").skip(1).collect();
    let mut compared = 0;
    let mut weakest = Vec::new();
    for theme in &themes {
        let colors = colors(theme.split('}').next().expect("a rule ends"));
        let pairs = [
            ("ink", "ground", TEXT_CONTRAST),
            ("ink", "card", TEXT_CONTRAST),
            ("faint", "ground", TEXT_CONTRAST),
            ("faint", "card", TEXT_CONTRAST),
            ("link", "ground", TEXT_CONTRAST),
            ("link", "card", TEXT_CONTRAST),
            ("good", "ground", TEXT_CONTRAST),
            ("bad", "bad-ground", TEXT_CONTRAST),
            ("wide", "wide-ground", TEXT_CONTRAST),
            ("wide-ground", "ground", MARK_CONTRAST),
            ("wide-ground", "card", MARK_CONTRAST),
            ("known", "known-ground", TEXT_CONTRAST),
            // The frame, against the cell within and the page around.
            ("known", "ground", MARK_CONTRAST),
            ("known", "bad-ground", MARK_CONTRAST),
        ];
        let measured = pairs.map(|(one, other, least)| {
            let measured = contrast(colors[one], colors[other]);
            assert!(measured >= least, "{one} on {other}: {measured:.2}, not {least}, in {theme}");
            measured
        });
        compared += measured.len();
        weakest.push(format!("{:.1}", measured.into_iter().fold(f64::MAX, f64::min)));
    }
    check(
        &format!("{compared} pairs in {} themes; weakest {}", themes.len(), weakest.join(", ")),
        expect!["42 pairs in 3 themes; weakest 4.8, 6.3, 6.1"],
    );
}

/// Findings of many signatures, each with one of three programs.
fn findings(release: usize) -> Vec<FindingReport> {
    let program = |turns: usize| -> Program {
        let turns = (1..=turns).map(|turn| format!("run t0 \"turn {turn}\" <- text \"ok\"\n"));
        let text = format!(
            "# heirloom case v2\nconfig approval=on-request reviewer=user sandbox=read-only\nstart \
             approval=never -> t0\n{}fork t0 sandbox=workspace-write -> t1\nrestart graceful\nresume t0\naudit\n",
            turns.collect::<String>()
        );
        text.parse().expect("it is a program")
    };
    let programs = [1, 2, 3].map(program);
    let mut template = report(Status::New);
    template.trace.entries.clear();
    template.trace.times_us.clear();
    let rows = all().iter().map(|row| row.clause).cartesian_product([Dimension::AP, Dimension::SB]);
    let signatures = rows.cartesian_product(["never", "on-request", "untrusted", "granular"]);
    let findings = signatures.take(SIGNATURES).enumerate().map(|(number, (row, form))| {
        let mut report = template.clone();
        let finding = &mut report.record.finding;
        (finding.clause, finding.dimension) = (row.0, Some(row.1));
        finding.form = form.to_owned();
        finding.widened = number % 2 == 0;
        report.record.id = report.record.finding.signature().file_stem();
        report.record.cause = (number < CAUSES).then(|| format!("cause-{number}"));
        report.trace.program = programs[(number + release) % programs.len()].clone();
        report
    });
    findings.collect()
}

#[test]
fn a_page_of_forty_releases_loads_in_a_moment() {
    let columns = (130..170).map(|minor| {
        let release = format!("0.{minor}.0");
        column(&release, findings(minor), &[])
    });
    let matrix = Matrix::new(columns.collect(), &Known::default());
    let page = html(&matrix, &key());
    let cards = page.matches("class=\"card\"").count();
    assert!(cards >= SIGNATURES, "{cards} cards");
    assert!(page.len() < SIZE_MAX, "{} bytes", page.len());
    let broken = matrix.rows.values().flatten().filter(|cell| !cell.breaches.is_empty()).count();
    check(
        &format!("{broken} broken cells, {cards} cards, {} kB", page.len() / 1000),
        expect!["3000 broken cells, 320 cards, 973 kB"],
    );
}
