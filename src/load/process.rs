//! What the server under load costs: its CPU time and memory, read from /proc.

use std::time::Duration;

/// The counters of a process at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// User and system time of all its threads since it began; a tick is 10 ms.
    pub cpu: Duration,
    /// Octets of resident memory.
    pub resident: u64,
}

/// Reads the counters of a running process.
///
/// # Errors
/// There is no such process, or no /proc.
pub fn usage(pid: u32) -> std::io::Result<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm"))?;
    let malformed = || std::io::Error::other("/proc holds something unknown");
    Ok(Usage {
        cpu: cpu(&stat).ok_or_else(malformed)?,
        resident: resident(&statm).ok_or_else(malformed)?,
    })
}

/// utime and stime, fields 14 and 15; the name in field 2 may hold anything, blanks too.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis(
        (user + system) * 1000 / ticks_a_second(),
    ))
}

/// The second field, in pages.
fn resident(statm: &str) -> Option<u64> {
    let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
    Some(pages * u64::try_from(page.ok()??).ok()?)
}

fn ticks_a_second() -> u64 {
    let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK);
    let ticks = ticks
        .ok()
        .flatten()
        .and_then(|ticks| u64::try_from(ticks).ok());
    ticks.filter(|ticks| *ticks > 0).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_is_no_obstacle() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 1 1 1";
        let expected = Duration::from_millis(200 * 1000 / ticks_a_second());
        assert_eq!(cpu(stat), Some(expected));
        assert_eq!(cpu("7 (a"), None);
    }

    #[test]
    fn this_very_process_uses_memory() {
        assert!(usage(std::process::id()).unwrap().resident > 100_000);
        assert!(usage(u32::MAX).is_err());
    }
}
