//! A child's stdin, which both its client and its [`crate::server::Server`] may close.
//!
//! Closing never waits for a write that the child does not read. A later write fails with a broken
//! pipe.

use std::io::{self, Write};
use std::process::ChildStdin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The writing end of a child's stdin. Dropping it closes it.
#[derive(Debug)]
pub struct Input {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pipe: Mutex<Option<ChildStdin>>,
    closing: AtomicBool,
}

impl Input {
    pub(super) fn new(pipe: ChildStdin) -> Input {
        let pipe = Mutex::new(Some(pipe));
        Input { shared: Arc::new(Shared { pipe, closing: AtomicBool::new(false) }) }
    }

    /// Another handle of the same pipe.
    pub(super) fn share(&self) -> Input {
        Input { shared: Arc::clone(&self.shared) }
    }

    /// Closes the child's stdin: at once, or as soon as the write under way is done.
    pub fn close(&self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        if let Ok(mut pipe) = self.shared.pipe.try_lock() {
            pipe.take();
        }
    }

    fn with<T>(&self, use_pipe: impl FnOnce(&mut ChildStdin) -> io::Result<T>) -> io::Result<T> {
        let mut pipe = self.shared.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        let done = match pipe.as_mut() {
            Some(pipe) => use_pipe(pipe),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        drop(pipe);
        // A close in between could not take the lock, and left the closing to this write.
        if self.shared.closing.load(Ordering::SeqCst) {
            self.close();
        }
        done
    }
}

impl Write for Input {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|pipe| pipe.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with(ChildStdin::flush)
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.close();
    }
}
