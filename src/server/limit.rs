//! A limit on the size of the files of a running child and its process group.
//!
//! Only the soft limit changes, so that it can be lifted again. The child must ignore SIGXFSZ,
//! which comes with a write beyond the limit; the spawner sees to that.

#[cfg(target_os = "linux")]
use std::fs;
use std::io;

#[cfg(target_os = "linux")]
pub(super) fn files(pid: u32, full: bool) -> io::Result<()> {
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

    // The child has inherited the limits of this process.
    let inherited = getrlimit(Resource::Fsize);
    let current = if full { Some(0) } else { inherited.current };
    let limit = |pid: u32| {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
        prlimit(Some(pid), Resource::Fsize, Rlimit { current, ..inherited })?;
        io::Result::Ok(())
    };
    // The server may be the child of a wrapper. Of the others, one may be gone by now.
    group(pid)?.into_iter().filter(|member| *member != pid).for_each(|member| drop(limit(member)));
    limit(pid)
}

/// The processes of a group, by what the system says of each.
#[cfg(target_os = "linux")]
fn group(leader: u32) -> io::Result<Vec<u32>> {
    let numbers = fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    Ok(numbers.filter(|pid| group_of(*pid) == Some(leader)).collect())
}

/// The group of a process: the third word behind its name, which stands in parentheses.
#[cfg(target_os = "linux")]
fn group_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, words) = stat.rsplit_once(')')?;
    words.split_whitespace().nth(2)?.parse().ok()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn files(_pid: u32, _full: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
