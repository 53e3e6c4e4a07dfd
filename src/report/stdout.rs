//! Standard output, whose reader may leave.
//!
//! A closed pipe is no trouble: what is said after it goes nowhere. Everything else that the system
//! refuses is the caller's to tell.

use std::io::{self, Write};

/// Standard output.
#[derive(Debug)]
pub struct Out {
    left: bool,
}

impl Out {
    /// This process's standard output.
    pub fn stdout() -> Out {
        Out { left: false }
    }

    /// Writes a text, and has it arrive before the next.
    ///
    /// # Errors
    /// When it cannot be written, though somebody reads.
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        if self.left {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.left = true;
                Ok(())
            }
            written => written,
        }
    }
}
