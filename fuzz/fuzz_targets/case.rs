//! Any bytes are a case.
//!
//! Its plan prints and parses to itself, lifts back to the same case, and the model has an answer
//! to every step of it.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use heirloom::model::expectations::fires;

use heirloom::program::Program;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let case = Case::arbitrary(&mut Unstructured::new(bytes)).expect("any bytes are a case");
    let program = Program::from(&case);
    assert_eq!(program.to_string().parse(), Ok(program.clone()));
    assert_eq!(Case::from(&program), case_of(&program));
    fires(&program);
});

/// The case of a plan, by way of its text.
fn case_of(program: &Program) -> Case {
    let read: Program = program.to_string().parse().expect("a plan parses");
    Case::from(&read)
}
