//! Settings of the process in the kernel: no core dumps, room for descriptors.

use std::io;

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

/// Descriptors that are enough for every listener, directory and file there can be.
const ENOUGH: u64 = 65_536;
/// With fewer the directories' pools and a busy control socket may meet the limit.
const FEW: u64 = 1024;

/// Memory holds passwords, keys and hashes: no dump of it is written, and no other process of the
/// same user may read it. Root still may.
///
/// The kernel's pipe for dumps does not heed `RLIMIT_CORE`, so both are set.
///
/// # Errors
/// The kernel refuses.
pub(crate) fn forbid_core_dumps() -> io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: getrlimit(Resource::Core).maximum,
    };
    setrlimit(Resource::Core, none)?;
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Raises the soft limit of descriptors, which is often 1024, as far as it may and need be. Returns
/// a warning where that is little.
pub(crate) fn make_room_for_descriptors() -> Option<String> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = wanted(limit);
    let raised = Rlimit {
        current: Some(wanted),
        ..limit
    };
    let now = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(_) => limit.current.unwrap_or(ENOUGH),
    };
    (now < FEW).then(|| {
        format!(
            "only {now} file descriptors may be open at once: raise LimitNOFILE of the unit, or \
             `ulimit -Hn`, to {FEW} or more"
        )
    })
}

/// The soft limit to ask for: enough, never less than there is, never more than may be.
fn wanted(limit: Rlimit) -> u64 {
    let soft = limit.current.unwrap_or(u64::MAX);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    soft.max(ENOUGH.min(hard))
}

#[cfg(test)]
mod tests {
    use rustix::process::dumpable_behavior;

    use super::*;

    #[test]
    fn memory_is_neither_dumped_nor_read_by_others() {
        forbid_core_dumps().unwrap();
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }

    #[test]
    fn soft_limit_is_raised_as_far_as_it_may_and_never_lowered() {
        let cases = [
            (Some(1024), Some(524_288), ENOUGH),
            (Some(1024), Some(4096), 4096),
            (Some(256), Some(256), 256),
            (Some(100_000), Some(524_288), 100_000),
            (Some(1024), None, ENOUGH),
            (None, None, u64::MAX),
        ];
        for (current, maximum, expected) in cases {
            assert_eq!(wanted(Rlimit { current, maximum }), expected);
        }
    }
}
