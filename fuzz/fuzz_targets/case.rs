//! Any bytes are a program; those of a case file are the program in it.
//!
//! It prints and parses to itself, is in its normal form already, and the model has an answer to
//! every step of it. The states that it brings its threads to count as covered, so that the corpus
//! keeps a program for each.

#![no_main]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU8, Ordering};

use arbitrary::{Arbitrary, Unstructured};
use heirloom::model::expectations::expectations;
use heirloom::model::states::states;
use heirloom::program::Program;
use libfuzzer_sys::fuzz_target;

/// Some of the thousands of states share a counter.
const COUNTERS: usize = 1 << 14;

/// libFuzzer reads what stands in this section as further counters of coverage, and clears it before
/// each input.
#[cfg_attr(target_os = "linux", unsafe(link_section = "__libfuzzer_extra_counters"))]
static STATES: [AtomicU8; COUNTERS] = [const { AtomicU8::new(0) }; COUNTERS];

fuzz_target!(|bytes: &[u8]| {
    let written = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<Program>().ok());
    let program = written.map(|program| program.normalised()).unwrap_or_else(|| {
        Program::arbitrary(&mut Unstructured::new(bytes)).expect("any bytes are a program")
    });
    assert_eq!(program.to_string().parse(), Ok(program.clone()));
    assert_eq!(program.normalised(), program);
    expectations(&program);
    for state in states(&program) {
        let mut hasher = DefaultHasher::new();
        state.hash(&mut hasher);
        STATES[hasher.finish() as usize % COUNTERS].store(1, Ordering::Relaxed);
    }
});
