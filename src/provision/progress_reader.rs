//! Reads a file while somebody listens.
//!
//! Every mebibyte the listener hears how far it is, and may break off.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::provision::{Progress, Tell};

/// How far it reads between two words to the listener: a hundredth of a second's work.
const STEP: u64 = 1024 * 1024;

/// What kept a file from being read.
#[derive(Debug)]
pub(super) enum Fault {
    /// The listener broke off.
    Stopped,
    /// This came back.
    Io(io::Error),
}

/// The file that is read.
pub(super) struct ProgressReader<'a, 'b> {
    file: File,
    bytes: u64,
    next: u64,
    tell: &'a mut (dyn FnMut(u64) -> bool + 'b),
    stopped: bool,
}

/// Opens the file and hands it to `with`.
pub(super) fn read<T>(
    path: &Path,
    progress: fn(u64, u64) -> Progress,
    tell: &mut Tell<'_>,
    with: impl FnOnce(&mut ProgressReader<'_, '_>) -> io::Result<T>,
) -> Result<T, Fault> {
    let file = File::open(path).map_err(Fault::Io)?;
    let total = file.metadata().map_err(Fault::Io)?.len();
    let mut go_on = |bytes| tell(&progress(bytes, total)).is_continue();
    let mut watched = ProgressReader { file, bytes: 0, next: 0, tell: &mut go_on, stopped: false };
    match with(&mut watched) {
        Err(_) if watched.stopped => Err(Fault::Stopped),
        result => result.map_err(Fault::Io),
    }
}

impl Read for ProgressReader<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes >= self.next {
            self.next = self.bytes + STEP;
            self.stopped |= !(self.tell)(self.bytes);
        }
        if self.stopped {
            return Err(io::Error::other("the listener broke off"));
        }
        let length = self.file.read(buffer)?;
        self.bytes += u64::try_from(length).expect("a length fits 64 bits");
        Ok(length)
    }
}

impl Seek for ProgressReader<'_, '_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
