//! Any bytes are a program.
//!
//! It prints and parses to itself, is in its normal form already, and the model has an answer to
//! every step of it.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use heirloom::model::expectations::expectations;
use heirloom::program::Program;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Unstructured::new(bytes);
    let program = Program::arbitrary(&mut bytes).expect("any bytes are a program");
    assert_eq!(program.to_string().parse(), Ok(program.clone()));
    assert_eq!(program.normalised(), program);
    expectations(&program);
});
