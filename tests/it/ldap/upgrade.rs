//! Older hashes in slapd are replaced by Argon2id once their password has come by.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portvakt_testkit::supplicant::{Device, Outcome, Profile};

use crate::common::{AccessPoint, Daemon, Setup, Slapd, eventually};
use crate::ldap::people::{PASSWORD, everybody, hash};
use crate::ldap::writing::{NEW, allow, log_on, reason, set_password, start};

/// The place of its access rules among those of the page's section.
const RULES: usize = 0;
/// [`PASSWORD`], salted and hashed once.
const SSHA: &str = "{SSHA}B4g2XJDGuQ+JSbM+X1l65fO/32NzYWx0c2FsdA==";

/// Bo and the victim have older hashes.
fn site(lines: &str) -> (Slapd, Daemon) {
    let slapd = Slapd::with(&people());
    allow(&slapd, RULES, "");
    let daemon = start(
        Setup::new(),
        &slapd,
        &format!("upgrade-hashes = true\n{lines}"),
    );
    (slapd, daemon)
}

fn people() -> String {
    let mut people = everybody();
    for uid in ["bo", "victim", "closed"] {
        let (before, entry) = people.split_once(&format!("uid: {uid}\n")).unwrap();
        let entry = entry.replacen(&hash(PASSWORD), SSHA, 1);
        people = format!("{before}uid: {uid}\n{entry}");
    }
    people
}

/// The hash that slapd has, which ldapsearch prints in base64.
fn stored(slapd: &Slapd, uid: &str) -> String {
    use base64ct::{Base64, Encoding};

    let values = slapd.values(uid, "userPassword");
    assert_eq!(values.len(), 1, "{values:?}");
    String::from_utf8(Base64::decode_vec(&values[0]).unwrap()).unwrap()
}

fn becomes_argon2(slapd: &Slapd, daemon: &Daemon, uid: &str) {
    let is_so = || {
        stored(slapd, uid)
            .starts_with("{ARGON2}$argon2id$")
            .then_some(())
    };
    assert!(eventually(is_so).is_some(), "{}", daemon.log());
}

#[test]
fn peer_hash_is_upgraded_and_the_devices_session_holds_on() {
    for mirror in ["", "mirror = \"sync\""] {
        let (slapd, daemon) = site(mirror);
        let profile = Profile::pap(daemon.authority(), "bo@campus.example", PASSWORD.as_bytes());
        let device = Device::new(profile);
        let comes_back = || {
            let mut supplicant = device.supplicant();
            let outcome = AccessPoint::of(&daemon).converse(&mut supplicant);
            (outcome == Some(Outcome::Success), supplicant.is_resumed())
        };
        assert_eq!(comes_back(), (true, false), "{}", daemon.log());
        becomes_argon2(&slapd, &daemon, "bo");
        assert!(slapd.knows("bo", PASSWORD));
        assert_eq!(
            comes_back(),
            (true, true),
            "{mirror} {:?}",
            daemon.audit_lines()
        );
        assert_eq!(reason(&daemon, "bo", PASSWORD), "");
        assert_eq!(reason(&daemon, "bo", "wrong"), "wrong-credential");
        let hash = stored(&slapd, "bo");
        log_on(&daemon, "bo", PASSWORD);
        assert_eq!(stored(&slapd, "bo"), hash);
    }
}

/// The replaced hash is of the present password, not of an earlier one.
#[test]
fn previous_password_is_known_across_an_upgrade() {
    let (slapd, daemon) = site("");
    log_on(&daemon, "bo", PASSWORD);
    becomes_argon2(&slapd, &daemon, "bo");
    let (success, said) = set_password(&daemon, "bo", NEW, &[]);
    assert!(success, "{said}");
    for _ in 0..7 {
        assert_eq!(reason(&daemon, "bo", PASSWORD), "previous-password");
    }
    assert_eq!(reason(&daemon, "bo", NEW), "");
}

/// Nothing is written by a log-on that is refused, and nothing where the directory says no.
#[test]
fn peer_upgrade_that_slapd_refuses_harms_no_log_on_and_is_told_once() {
    let slapd = Slapd::with(&people());
    let daemon = start(Setup::new(), &slapd, "upgrade-hashes = true");
    assert_eq!(reason(&daemon, "closed", PASSWORD), "deactivated");
    for uid in ["bo", "victim", "bo", "victim"] {
        log_on(&daemon, uid, PASSWORD);
    }
    daemon.wait_for_log("can't be replaced");
    log_on(&daemon, "bo", PASSWORD);
    assert_eq!(daemon.log().matches("can't be replaced").count(), 1);
    for uid in ["bo", "victim", "closed"] {
        assert_eq!(stored(&slapd, uid), SSHA);
    }
}

#[test]
fn without_the_word_of_the_configuration_no_hash_is_replaced() {
    let slapd = Slapd::with(&people());
    allow(&slapd, RULES, "");
    let daemon = start(Setup::new(), &slapd, "");
    log_on(&daemon, "bo", PASSWORD);
    // Whatever is written is written by then.
    let (success, said) = set_password(&daemon, "victim", NEW, &[]);
    assert!(success, "{said}");
    assert_eq!(stored(&slapd, "bo"), SSHA);
}

/// Runs `hook` at the moment when an upgrade is on its way to slapd, and then hands it on.
fn between(slapd: &Slapd, hook: impl Fn() + Send + Sync + 'static) -> u16 {
    const MARK: &[u8] = b"{ARGON2}$argon2id$";

    let address = slapd.ldap().replace("ldap://", "");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, hook) = (listener.local_addr().unwrap().port(), Arc::new(hook));
    std::thread::spawn(move || {
        for mut device in listener.incoming().map_while(Result::ok) {
            let Ok(mut directory) = TcpStream::connect(&address) else {
                return;
            };
            let hook = Arc::clone(&hook);
            let (mut back, mut to) = (directory.try_clone().unwrap(), device.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut back, &mut to));
            std::thread::spawn(move || {
                let mut buffer = [0; 16 * 1024];
                while let Ok(length @ 1..) = device.read(&mut buffer) {
                    let sent = &buffer[..length];
                    if sent.windows(MARK.len()).any(|window| window == MARK) {
                        hook();
                    }
                    if directory.write_all(sent).is_err() {
                        break;
                    }
                }
                let _ = directory.shutdown(Shutdown::Both);
            });
        }
    });
    port
}

/// A hash that another program writes between the look at the old hash and the new one stays.
#[test]
fn peer_password_that_is_set_at_the_same_moment_stays() {
    let slapd = Arc::new(Slapd::with(&people()));
    allow(&slapd, RULES, "");
    let (other, is_done) = (Arc::downgrade(&slapd), Arc::new(AtomicBool::new(false)));
    let done = Arc::clone(&is_done);
    let port = between(&slapd, move || {
        let Some(slapd) = other.upgrade() else { return };
        slapd.change(&format!(
            "dn: uid=bo,ou=people,dc=campus,dc=example\nchangetype: modify\n\
             replace: userPassword\nuserPassword: {}\n",
            hash(NEW)
        ));
        done.store(true, Ordering::Relaxed);
    });
    let server = format!("ldap://127.0.0.1:{port}");
    let lines = "start-tls = false\ndanger-plain-text = true\nwrite = true\nupgrade-hashes = true";
    let table = slapd.table_for(&[&server], lines);
    let daemon = Setup::new().people("").more(&table).start();
    log_on(&daemon, "bo", PASSWORD);
    let is_so = || is_done.load(Ordering::Relaxed).then_some(());
    assert!(eventually(is_so).is_some(), "{}", daemon.log());
    // The victim's is the next, and done only after this one's.
    log_on(&daemon, "victim", PASSWORD);
    becomes_argon2(&slapd, &daemon, "victim");
    assert_eq!(stored(&slapd, "bo"), hash(NEW));
    assert!(
        !daemon.log().contains("can't be replaced"),
        "{}",
        daemon.log()
    );
}
