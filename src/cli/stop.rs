//! Ctrl-C, and the request to terminate.
//!
//! The first sets a flag, and what was done until then is reported. The second ends the process at
//! once; its servers end with it, since each is notified of its parent's death.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::failure::Failure;

/// The exit code that a shell gives to a process ended by Ctrl-C.
const INTERRUPTED: i32 = 130;

/// The flag that the first signal sets.
///
/// # Errors
/// When the system refuses the handler.
pub(super) fn flag() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the second signal finds the flag set, the first does not.
        flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&stop))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| Failure::Trouble(format!("cannot handle Ctrl-C: {error}")))?;
    }
    Ok(stop)
}
