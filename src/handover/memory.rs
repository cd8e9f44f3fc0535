//! Memory as a descriptor: anonymous, never on a disk, sealed against change.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use zeroize::Zeroizing;

/// Most octets that are read: proofs of two million accounts.
const AT_MOST: u64 = 256 << 20;

/// Why passed memory is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum MemoryError {
    /// The system's.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Somebody could still change it.
    #[error("the memory is not sealed")]
    Unsealed,
    /// Above [`AT_MOST`].
    #[error("it has {0} octets")]
    TooLong(u64),
}

/// The seals: nobody writes or appends. Shrinking stays possible, for the reader frees it so.
fn seals() -> SealFlag {
    SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_GROW
}

/// Puts octets into new memory and seals it.
pub(super) fn write(octets: &[u8]) -> io::Result<OwnedFd> {
    let flags = MFdFlags::MFD_ALLOW_SEALING | MFdFlags::MFD_CLOEXEC;
    let mut memory = File::from(memfd_create(c"portvakt-proofs", flags)?);
    memory.write_all(octets)?;
    fcntl(
        &memory,
        FcntlArg::F_ADD_SEALS(seals() | SealFlag::F_SEAL_SEAL),
    )?;
    Ok(memory.into())
}

/// Reads what was passed on under this number, and frees it.
pub(super) fn take(descriptor: i32) -> Result<Zeroizing<Vec<u8>>, MemoryError> {
    // The number itself stays open, and is of empty memory then.
    let path = format!("/proc/self/fd/{descriptor}");
    let mut memory = File::options().read(true).write(true).open(path)?;
    let found = fcntl(&memory, FcntlArg::F_GET_SEALS).map_err(io::Error::from)?;
    if !SealFlag::from_bits_truncate(found).contains(seals()) {
        return Err(MemoryError::Unsealed);
    }
    let length = memory.metadata()?.len();
    if length > AT_MOST {
        return Err(MemoryError::TooLong(length));
    }
    // With all its room from the beginning: nothing of it is left in freed memory.
    let room = usize::try_from(length).unwrap_or_default() + 1;
    let mut octets = Zeroizing::new(Vec::with_capacity(room));
    memory.read_to_end(&mut octets)?;
    memory.set_len(0)?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd as _;

    #[test]
    fn octets_come_back_once_and_nobody_changes_them() {
        let memory = File::from(write(b"proofs").unwrap());
        let error = (&memory).write(b"x").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(nix::libc::EPERM));
        let number = memory.as_raw_fd();
        assert_eq!(*take(number).unwrap(), b"proofs");
        assert_eq!(*take(number).unwrap(), b"", "it is freed");
    }

    #[test]
    fn what_is_not_sealed_is_not_read() {
        let flags = MFdFlags::MFD_ALLOW_SEALING | MFdFlags::MFD_CLOEXEC;
        let open = memfd_create(c"open", flags).unwrap();
        let read = take(open.as_raw_fd());
        assert!(matches!(read, Err(MemoryError::Unsealed)), "{read:?}");
        let file = tempfile::tempfile().unwrap();
        let read = take(file.as_raw_fd());
        assert!(
            matches!(read, Err(MemoryError::Io(_) | MemoryError::Unsealed)),
            "{read:?}"
        );
    }
}
