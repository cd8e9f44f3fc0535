//! FreeRADIUS from Debian's package, with a configuration of its own in a folder of its own.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::eventually;

/// A server that runs until it is dropped.
pub struct FreeRadius {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Drop for FreeRadius {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl FreeRadius {
    /// Starts it on the files that `write` makes, `radiusd.conf` among them, given folder and port. A
    /// port that another process took meanwhile is another try's.
    ///
    /// # Errors
    /// Its log, where it does not start.
    pub fn start(write: impl Fn(&Path, u16)) -> Result<Self, String> {
        let mut last = String::new();
        for _ in 0..5 {
            let mut server = Self::spawn(&write)?;
            if server.stands() {
                return Ok(server);
            }
            last = server.log();
        }
        Err(format!("FreeRADIUS does not start:\n{last}"))
    }

    fn spawn(write: impl Fn(&Path, u16)) -> Result<Self, String> {
        let folder = TempDir::with_prefix("freeradius").unwrap();
        let port = free_port();
        write(folder.path(), port);
        let child = Command::new("/usr/sbin/freeradius")
            .args(["-f", "-n", "radiusd", "-d"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(fs::File::create(folder.path().join("stdout")).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("freeradius: {error} (tests/packages installs it)"))?;
        Ok(Self {
            folder,
            port,
            child,
        })
    }

    fn stands(&mut self) -> bool {
        let stands = eventually(|| {
            let ended = self.child.try_wait().unwrap().is_some();
            let ready = self.log().contains("Ready to process requests");
            (ended || ready).then_some(!ended)
        });
        stands == Some(true)
    }

    fn log(&self) -> String {
        let read = |name| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        read("stdout") + &read("radius.log")
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes a file for it to read: it refuses what others may read or write. Each word between @ is
    /// replaced by its value.
    pub fn write(folder: &Path, name: &str, template: &str, words: &[(&str, String)]) {
        let fill = |text: String, (word, value): &(&str, String)| {
            text.replace(&format!("@{word}@"), value)
        };
        let path = folder.join(name);
        fs::write(&path, words.iter().fold(template.to_owned(), fill)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}
