//! Programs whose homes move from one release to another and back.
//!
//! Their programs read back like all others, the contract demands the same of them, and a reduction
//! never names a release that the larger program does not name.

use proptest::prelude::Strategy;

use super::drawn::moving;
use super::{check, same};
use crate::simulated;
use heirloom::judge::judge;
use heirloom::program::Program;
use heirloom::program::generate::{self, Draw};
use heirloom::shrink::reductions::reductions;

fn programs() -> impl Strategy<Value = Program> {
    generate::programs(moving())
}

#[test]
fn a_program_that_moves_its_home_reads_back_and_is_normalised() {
    check(programs(), |program| {
        same(&program.to_string().parse(), &Ok(program.clone()))?;
        same(&program.normalised(), &program)
    });
}

#[test]
fn a_program_names_only_the_releases_of_its_draw() {
    let Draw { releases, .. } = moving();
    check(programs(), |program| {
        let unknown = program.releases().into_iter().find(|release| !releases.contains(release));
        same(&unknown, &None)
    });
}

#[test]
fn a_correct_server_has_no_finding_though_the_home_moves() {
    check(programs(), |program| {
        same(&judge(&simulated::run(&program, None)).findings, &Vec::new())
    });
}

#[test]
fn a_reduction_names_no_other_release() {
    check(programs(), |program| {
        let named = program.releases();
        let other =
            |smaller: &Program| smaller.releases().iter().any(|release| !named.contains(release));
        same(&reductions(&program).iter().any(other), &false)
    });
}
