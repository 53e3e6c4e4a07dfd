//! Standard output, whose reader may leave.
//!
//! After the pipe is closed, as `head` does it, output goes nowhere and is not an error.

use std::io::{self, Write};

#[derive(Debug, Default)]
pub struct Stdout {
    closed: bool,
}

impl Stdout {
    /// Writes and flushes a text.
    ///
    /// # Errors
    /// When it cannot be written for another reason than a closed pipe.
    pub fn write(&mut self, text: &str) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            written => written,
        }
    }
}
