//! Any bytes are a case.
//!
//! Its plan prints and parses to itself, lifts back to the same case, and the model has an answer
//! to every step of it.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use heirloom::model::fires::fires;
use heirloom::op::Case;
use heirloom::plan::Plan;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let case = Case::arbitrary(&mut Unstructured::new(bytes)).expect("any bytes are a case");
    let plan = Plan::from(&case);
    assert_eq!(plan.to_string().parse(), Ok(plan.clone()));
    assert_eq!(Case::from(&plan), case_of(&plan));
    fires(&plan);
});

/// The case of a plan, by way of its text.
fn case_of(plan: &Plan) -> Case {
    let read: Plan = plan.to_string().parse().expect("a plan parses");
    Case::from(&read)
}
