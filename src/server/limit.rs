//! A limit on the size of a running child's files.
//!
//! Only the soft limit changes, so that it can be lifted again. The child must ignore SIGXFSZ,
//! which comes with a write beyond the limit; the spawner sees to that.

use std::io;

#[cfg(target_os = "linux")]
pub(super) fn files(pid: u32, full: bool) -> io::Result<()> {
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
    // The child has inherited the limits of this process.
    let inherited = getrlimit(Resource::Fsize);
    let current = if full { Some(0) } else { inherited.current };
    prlimit(Some(pid), Resource::Fsize, Rlimit { current, ..inherited })?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn files(_pid: u32, _full: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
