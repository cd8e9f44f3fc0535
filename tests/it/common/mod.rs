//! Helpers of the tests of the whole program: the real binary in a folder of its own, and its peers.
//!
//! ```ignore
//! let daemon = Setup::new().set("lockout", "duration", "\"2s\"").start();
//! assert!(daemon.radclient("anna", "correct-horse-battery").is_accept());
//! ```

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "each test uses the part of it that it needs"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod access_point;
mod daemon;
mod eapol_test;
mod freeradius;
pub mod issued;
mod namespace;
pub mod ocsp;
mod program;
mod prompted;
mod radclient;
pub mod relay;
mod setup;
mod slapd;

use std::time::{Duration, Instant};

pub use access_point::{AccessPoint, Reply};
pub use daemon::Daemon;
pub use eapol_test::{EapolTest, Run};
pub use freeradius::FreeRadius;
pub use namespace::Namespace;
pub use program::Program;
pub use radclient::{Answer, Radclient};
pub use setup::{DEMO_PEOPLE, SECRET, Setup, run_with};
pub use slapd::{
    ROOT_DN, ROOT_PASSWORD, Recipe, SERVICE_DN, SERVICE_PASSWORD, SUFFIX, Slapd, crowd,
};

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Asks again until there is something; `None` once patience is over.
pub fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let found = look();
        if found.is_some() || Instant::now() > give_up {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Both streams of a program, as text.
pub fn text(output: &std::process::Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(out).into_owned() + &String::from_utf8_lossy(err)
}
