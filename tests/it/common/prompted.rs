//! eapol_test with somebody at its control interface, who answers what the device asks its user.

use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::eapol_test::{EapolTest, Run};
use super::{Daemon, PATIENCE};

/// A question of the device, as its events name it.
const PROMPTS: [&str; 3] = ["IDENTITY", "PASSWORD", "NEW_PASSWORD"];

/// A device at work, and the folder with its socket; ended by force if it is dropped before.
struct Device {
    child: Child,
    folder: TempDir,
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl EapolTest {
    /// Logs on to `daemon`. When the device asks for something, the answers up to that one are
    /// given, each once. Returns also what was asked for, in order.
    pub fn run_prompted(&self, daemon: &Daemon, answers: &[(&str, &str)]) -> (Run, Vec<String>) {
        let mut device = Device::start(self, daemon);
        let asked = device.attend(answers);
        let status = device.child.wait().unwrap();
        let output = fs::read_to_string(device.folder.path().join("output")).unwrap();
        let success = status.success();
        (Run { output, success }, asked)
    }
}

impl Device {
    fn start(profile: &EapolTest, daemon: &Daemon) -> Self {
        let folder = TempDir::with_prefix("device").unwrap();
        let control = folder.path().join("control");
        let text = format!(
            "ctrl_interface={}\n{}",
            control.display(),
            profile.profile(daemon)
        );
        let path = folder.path().join("profile");
        fs::write(&path, text).unwrap();
        let output = File::create(folder.path().join("output")).unwrap();
        let mut command = Command::new("eapol_test");
        profile.arguments(&mut command, &path, daemon.address());
        let child = command
            .arg("-W")
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    /// Answers until the device has come to its end.
    fn attend(&mut self, answers: &[(&str, &str)]) -> Vec<String> {
        let give_up = Instant::now() + PATIENCE;
        let monitor = self.monitor(give_up);
        let (mut answers, mut asked) = (answers.to_vec(), Vec::new());
        let mut event = [0; 4096];
        while self.child.try_wait().unwrap().is_none() {
            assert!(
                Instant::now() < give_up,
                "the device does not come to an end"
            );
            let Ok(length) = monitor.recv(&mut event) else {
                continue;
            };
            let event = String::from_utf8_lossy(&event[..length]).into_owned();
            let Some(prompt) = prompt_of(&event) else {
                continue;
            };
            asked.push(prompt.to_owned());
            if let Some(place) = answers.iter().position(|(of, _)| *of == prompt) {
                for (of, answer) in answers.drain(..=place) {
                    let reply = format!("CTRL-RSP-{of}-0:{answer}");
                    monitor.send(reply.as_bytes()).unwrap();
                }
            }
        }
        asked
    }

    /// A socket that hears what the device says; the device starts once it is there.
    fn monitor(&mut self, give_up: Instant) -> UnixDatagram {
        let monitor = UnixDatagram::bind(self.folder.path().join("monitor")).unwrap();
        let patience = Some(Duration::from_millis(50));
        monitor.set_read_timeout(patience).unwrap();
        let control = self.folder.path().join("control/test");
        while monitor.connect(&control).is_err() {
            assert!(Instant::now() < give_up, "the device opens no socket");
            assert!(self.child.try_wait().unwrap().is_none(), "the device ended");
            std::thread::yield_now();
        }
        monitor.send(b"ATTACH").unwrap();
        monitor
    }
}

fn prompt_of(event: &str) -> Option<&'static str> {
    let (_, rest) = event.split_once("CTRL-REQ-")?;
    let (prompt, _) = rest.split_once('-')?;
    PROMPTS.into_iter().find(|known| *known == prompt)
}
