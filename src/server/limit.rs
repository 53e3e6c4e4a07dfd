//! A limit on the size of a child's files, set from outside while it runs.
//!
//! Only the soft limit is moved, so that it can be lifted again. A child must ignore the signal
//! that comes with a write beyond the limit, or it would end: the spawner sees to that.

use std::io;

#[cfg(target_os = "linux")]
pub(super) fn files(pid: u32, full: bool) -> io::Result<()> {
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
    // The child has inherited what holds here.
    let own = getrlimit(Resource::Fsize);
    let current = if full { Some(0) } else { own.current };
    prlimit(Some(pid), Resource::Fsize, Rlimit { current, ..own })?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn files(_pid: u32, _full: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
