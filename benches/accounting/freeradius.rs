//! FreeRADIUS from Debian's package, with accounting alone.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::common::{SECRET, eventually};

/// A server that runs until it is dropped.
pub(crate) struct FreeRadius {
    folder: TempDir,
    address: SocketAddr,
    child: Child,
}

impl Drop for FreeRadius {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl FreeRadius {
    pub(crate) fn start() -> Self {
        let folder = TempDir::with_prefix("freeradius").unwrap();
        let free = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let config = include_str!("freeradius.conf")
            .replace("@FOLDER@", &folder.path().display().to_string())
            .replace("@PORT@", &address.port().to_string())
            .replace("@SECRET@", SECRET)
            .replace("@THREADS@", &threads.to_string());
        let path = folder.path().join("radiusd.conf");
        fs::write(&path, config).unwrap();
        // It refuses what others may read.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let child = Command::new("/usr/sbin/freeradius")
            .args(["-f", "-n", "radiusd", "-d"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(fs::File::create(folder.path().join("stdout")).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .expect("freeradius (tests/packages installs it)");
        let server = Self {
            folder,
            address,
            child,
        };
        let ready = || {
            server
                .log()
                .contains("Ready to process requests")
                .then_some(())
        };
        eventually(ready).unwrap_or_else(|| panic!("{}", server.log()));
        server
    }

    fn log(&self) -> String {
        let read = |name| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        read("stdout") + &read("radius.log")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}
