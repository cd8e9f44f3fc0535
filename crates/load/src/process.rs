//! CPU time and memory of a process.

use std::time::Duration;

use nix::time::ClockId;
use nix::unistd::Pid;

/// The counters of a process at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// User and system time of all its threads since it began, those that have ended too.
    pub cpu: Duration,
    /// Octets of resident memory.
    pub resident: u64,
}

/// Reads the counters of a running process.
///
/// # Errors
/// There is no such process, or no /proc.
pub fn usage(pid: u32) -> std::io::Result<Usage> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm"))?;
    let malformed = || std::io::Error::other("/proc holds something unknown");
    let id = i32::try_from(pid).map_err(|_| malformed())?;
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(id))?;
    Ok(Usage {
        cpu: clock.now()?.into(),
        resident: resident(&statm).ok_or_else(malformed)?,
    })
}

/// The second field, in pages.
fn resident(statm: &str) -> Option<u64> {
    let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
    Some(pages * u64::try_from(page.ok()??).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_time() {
        let usage = usage(std::process::id()).unwrap();
        assert!(usage.resident > 100_000);
        assert!(usage.cpu > Duration::ZERO);
    }

    #[test]
    fn missing_process_cannot_be_read() {
        assert!(usage(u32::MAX).is_err());
    }
}
