//! Reads a file and reports progress; the listener may stop it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::provision::{OnProgress, Progress};

/// How many bytes are read between two reports: a hundredth of a second's work.
const STEP: u64 = 1024 * 1024;

/// Why a file was not read.
#[derive(Debug)]
pub(super) enum Fault {
    /// The listener asked to stop.
    Stopped,
    Io(io::Error),
}

pub(super) struct ProgressReader<'a, 'b> {
    file: File,
    bytes: u64,
    next: u64,
    go_on: &'a mut (dyn FnMut(u64) -> bool + 'b),
    stopped: bool,
}

/// Opens the file and reads it by `with`.
pub(super) fn read<T>(
    path: &Path,
    progress: fn(u64, u64) -> Progress,
    on_progress: &mut OnProgress<'_>,
    with: impl FnOnce(&mut ProgressReader<'_, '_>) -> io::Result<T>,
) -> Result<T, Fault> {
    let file = File::open(path).map_err(Fault::Io)?;
    let total = file.metadata().map_err(Fault::Io)?.len();
    let mut go_on = |bytes| on_progress(&progress(bytes, total)).is_continue();
    let mut reader = ProgressReader { file, bytes: 0, next: 0, go_on: &mut go_on, stopped: false };
    match with(&mut reader) {
        Err(_) if reader.stopped => Err(Fault::Stopped),
        result => result.map_err(Fault::Io),
    }
}

impl Read for ProgressReader<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes >= self.next {
            self.next = self.bytes + STEP;
            self.stopped |= !(self.go_on)(self.bytes);
        }
        if self.stopped {
            return Err(io::Error::other("the listener asked to stop"));
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
