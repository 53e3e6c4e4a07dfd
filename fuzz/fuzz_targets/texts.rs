//! Any text is read or refused.
//!
//! A case file, a trace, a list of known deviations, a line of a server: nothing panics, and a
//! trace that is read is judged.

#![no_main]

use heirloom::cause::Known;
use heirloom::judge::judge;
use heirloom::program::Program;
use heirloom::protocol::rpc;
use heirloom::trace::Trace;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let _ = rpc::parse(&text);
    let _ = Known::parse(&text, |_| Ok(text.to_string()));
    if let Ok(program) = text.parse::<Program>() {
        assert_eq!(program.to_string().parse(), Ok(program));
    }
    if let Ok(trace) = text.parse::<Trace>() {
        judge(&trace);
    }
});
