//! Laws of the rows.
//!
//! Ids are unique and come back from text, no row lacks words or a source that means something,
//! and strengths are read by dimension as the contract states them.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};

use super::{Clause, Strength, all, row, source_meaning};
use crate::policy::Dimension;

fn check(subject: &str, expected: Expect) {
    expected.assert_eq(subject);
}

fn strengths(clause: Clause) -> String {
    use Dimension::{AP, CM, CWD, DP, E, M, PP, RV, SB, T};
    [AP, RV, SB, PP, M, E, T, CWD, CM, DP]
        .map(|dimension| format!("{dimension} {}", row(clause).strength(Some(dimension))))
        .join(", ")
}

#[test]
fn ids_are_unique_and_come_back_from_their_text() {
    let ids: BTreeSet<String> = all().iter().map(|row| row.clause.to_string()).collect();
    assert_eq!(ids.len(), all().len());
    for row in all() {
        assert_eq!(row.clause.to_string().parse(), Ok(row.clause));
        let json = serde_json::to_string(&row.clause).expect("an id is a string");
        assert_eq!(json, format!("\"{}\"", row.clause));
        assert_eq!(serde_json::from_str::<Clause>(&json).ok(), Some(row.clause));
    }
}

#[test]
fn rows_stand_in_the_order_of_their_ids() {
    assert!(all().is_sorted_by_key(|row| row.clause));
    assert!(all().iter().all(|found| std::ptr::eq(row(found.clause), found)));
}

#[test]
fn every_row_has_words_and_sources_that_mean_something() {
    for row in all() {
        assert!(row.text.ends_with(['.', ')']), "{row}");
        assert!(!row.sources.is_empty(), "{row}");
        for source in row.sources {
            assert!(source_meaning(source).is_some(), "`{source}` in {row}");
        }
    }
}

#[test]
fn every_title_has_one_to_four_words() {
    for row in all() {
        let words = row.title.split(' ').count();
        assert!((1..=4).contains(&words) && row.title.is_ascii(), "{}", row.clause.titled());
    }
}

#[test]
fn the_contract_has_these_ids() {
    let mut text = String::new();
    for section in all().chunk_by(|one, next| one.section == next.section) {
        let ids: Vec<String> = section.iter().map(|row| row.clause.to_string()).collect();
        text.push_str(&format!("{}: {}\n", section[0].section, ids.join(" ")));
    }
    check(
        &text,
        expect![[r#"
            General: G1 G2 G3 G4 G5 G6 G8 G9 G10 G11 G12
            Threads: R0 R16 S1 S2 S7
            Turns and settings: T1 T2 T3 T5 T6 T7 T8 T9 U0 U1 U3 U4
            Resume: R1 R2 R3 R4 R5 R6 R7 R8 R9 R10 R11 R12 R13 R17 R18
            Fork: F1 F2 F3 F4 F6 F7 F8
            Others: O1 O3 O4 O5 O6 O7 O8 O9 O10 CM1 O14 O13 WR1 WR2 E1 E2 E3 E4 E5 E6 E7 E8 L1 L2 L3 L4 L5 L6 W1 W2 W3 W4
            The SDK's clients: K1 K2 K3 K4 K5 K6
        "#]],
    );
}

#[test]
fn strength_is_read_by_dimension() {
    use Clause::{F4, G1, R4, S2, U3};
    let told = [G1, S2, U3, F4, R4].map(|clause| format!("{clause:4}{}\n", strengths(clause)));
    check(
        &told.concat(),
        expect![[r#"
        G1  AP N, RV N, SB S, PP N, M N, E N, T N, CWD N, CM N, DP N
        S2  AP N, RV I, SB S, PP I, M S, E S, T S, CWD S, CM S, DP S
        U3  AP I, RV N, SB S, PP N, M N, E N, T S, CWD N, CM S, DP S
        F4  AP I, RV N, SB I, PP I, M I, E I, T I, CWD I, CM I, DP I
        R4  AP N, RV N, SB N, PP N, M N, E N, T N, CWD N, CM N, DP N
    "#]],
    );
    assert_eq!(row(Clause::W1).strength(None), Strength::N);
}

#[test]
fn a_row_prints_as_one_clause_in_full() {
    check(
        &row(Clause::F4).to_string().replace("; ", ";\n"),
        expect![[r#"
            F4 [I;
            RV N] (T-resume, SEED 2): The fork's policy is durable with no turn;
            its id is new;
            the source is unchanged, and later changes of the source do not reach it."#]],
    );
}

#[test]
fn an_unknown_id_is_answered_with_the_near_ones() {
    let told = ["R14", "r4", "sandbox!", "Ж1"].map(|given| {
        let unknown = given.parse::<Clause>().expect_err("no such clause");
        format!("{unknown}\n").replace("; ", ";\n  ")
    });
    check(
        &told.concat(),
        expect![[r#"
        no clause `R14` in the contract;
          near it stand R13, R16, R12, R11;
          `heirloom clauses` lists them all
        no clause `r4` in the contract;
          near it stand R4, R3, R5, R2;
          `heirloom clauses` lists them all
        no clause `sandbox!` in the contract;
          near it stand S1, S2, S7;
          `heirloom clauses` lists them all
        no clause `Ж1` in the contract;
          `heirloom clauses` lists them all
    "#]],
    );
}

#[test]
fn a_source_is_explained_by_its_first_word() {
    let told = ["SEED 4, 5", "#14888", "stance: why", "G3", "hearsay"].map(|source| {
        let meaning = source_meaning(source).unwrap_or_else(|| "nothing".to_owned());
        format!("{source}:\n  {meaning}\n")
    });
    check(
        &told.concat(),
        expect![[r#"
        SEED 4, 5:
          the six approval tests of the Python SDK upstream, by their number
        #14888:
          issue or pull request 14888 of openai/codex
        stance: why:
          a position that this suite takes, with its reason where one is given
        G3:
          follows from clause G3 lasting override: An override on turn/start holds for that turn and for later turns.
        hearsay:
          nothing
    "#]],
    );
}
