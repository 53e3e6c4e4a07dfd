//! Cases whose homes move from one release to another and back.
//!
//! Their programs read back like all others, the contract demands the same of them, and a reduction
//! never names a release that the larger program does not name.

use heirloom::judge::judge;
use heirloom::op::Case;
use heirloom::op::strategy::cases;
use heirloom::program::Program;
use heirloom::program::lift::canonical;
use heirloom::shrink::reductions::reductions;
use proptest::prelude::Strategy;

use super::drawn::moving;
use super::{check, same};
use crate::simulated;

fn programs() -> impl Strategy<Value = Program> {
    cases(moving()).prop_map(|case| Program::from(&case))
}

#[test]
fn a_program_that_moves_its_home_reads_back_and_is_canonical() {
    check(programs(), |program| {
        same(&program.to_string().parse(), &Ok(program.clone()))?;
        same(&canonical(&program), &program)
    });
}

#[test]
fn every_restart_names_a_release_of_the_case() {
    check(cases(moving()), |case| {
        let program = Program::from(&case);
        let named = program.releases();
        same(&named.iter().all(|release| case.servers.contains(release)), &true)?;
        let alone = Case { servers: Vec::new(), ..case };
        same(&Program::from(&alone).steps.iter().any(|step| step.moves_to().is_some()), &false)
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
        let other = |smaller: &Program| smaller.releases().iter().any(|one| !named.contains(one));
        same(&reductions(&program).iter().any(other), &false)
    });
}
