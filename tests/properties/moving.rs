//! Cases whose homes move from one release to another and back.
//!
//! They have plans that read and lift back like all others, the contract asks the same of them, and
//! a search for a smaller case never names a release that the larger one did not.

use heirloom::judge::judge;

use heirloom::program::Program;
use heirloom::program::generate::cases;
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
fn a_plan_that_moves_reads_back_and_lifts_back() {
    check(programs(), |program| {
        same(&program.to_string().parse(), &Ok(program.clone()))?;
        same(&canonical(&program), &program)
    });
}

#[test]
fn any_number_names_a_server_that_the_case_has() {
    check(cases(moving()), |case| {
        let program = Program::from(&case);
        let named = program.releases();
        same(&named.iter().all(|release| case.servers.contains(release)), &true)?;
        let alone = Case { servers: Vec::new(), ..case };
        same(&Program::from(&alone).steps.iter().any(|step| step.moves_to().is_some()), &false)
    });
}

#[test]
fn a_server_that_keeps_the_contract_keeps_it_through_moves() {
    check(programs(), |program| {
        same(&judge(&simulated::run(&program, None)).findings, &Vec::new())
    });
}

#[test]
fn what_is_smaller_names_no_other_release() {
    check(programs(), |program| {
        let named = program.releases();
        let other = |smaller: &Program| smaller.releases().iter().any(|one| !named.contains(one));
        same(&reductions(&program).iter().any(other), &false)
    });
}
