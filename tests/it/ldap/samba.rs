//! NT hashes in slapd: a password that its owner changes by MS-CHAPv2, what is written beside it, and
//! what the directory's own rules say to it.

use portvakt_auth::mschap::NtHash;

use crate::common::{Daemon, EapolTest, Run, Setup, Slapd};
use crate::ldap::people::{PASSWORD, everybody, person};
use crate::ldap::writing::{NEW, allow, reason, set_password, start};

/// The place of the access rules among those of the page's section.
const RULES: usize = 0;
const BY_OPERATION: &str = "write-passwords = \"password-modify\"";
const ATTRIBUTES: &str = "[directory.campus.attributes]\nnt-hash = \"sambaNTPassword\"\n\
                          password-changed = \"sambaPwdLastSet\"";

/// Peter's password has expired.
fn people() -> String {
    let nt_hash = NtHash::of_password(PASSWORD);
    let lines = format!(
        "sambaNTPassword: {}\nsambaPwdLastSet: 1577836800\n",
        *nt_hash.reveal()
    );
    let class = "objectClass: portvaktPerson\n";
    let peter = person("peter", "employee", &lines);
    let peter = peter.replacen(class, &format!("{class}objectClass: sambaSamAccount\n"), 1);
    everybody() + "\n" + &peter
}

/// By hashes that are made here, or by the directory's own.
fn site(lines: &str) -> (Slapd, Daemon) {
    let slapd = Slapd::set_up(&people(), "password-hash {ARGON2}\n");
    allow(&slapd, RULES, ",sambaNTPassword,sambaPwdLastSet");
    let setup = Setup::new()
        .set("eap", "methods", "[\"ttls\", \"peap\"]")
        .set("passwords", "change-by-mschapv2", "true");
    let daemon = start(setup, &slapd, &format!("{lines}\n{ATTRIBUTES}"));
    (slapd, daemon)
}

fn peap(password: &str) -> EapolTest {
    EapolTest::ttls_pap("peter", password)
        .line("eap", "PEAP")
        .line("phase2", "\"auth=MSCHAPV2\"")
}

fn change(daemon: &Daemon, new: &str) -> Run {
    let (run, asked) = peap(PASSWORD).run_prompted(daemon, &[("NEW_PASSWORD", new)]);
    assert_eq!(asked, ["NEW_PASSWORD"], "{}", run.output);
    run
}

#[test]
fn peer_expired_password_is_changed_in_the_directory_by_the_device() {
    for lines in ["", BY_OPERATION] {
        let (slapd, daemon) = site(lines);
        let run = change(&daemon, NEW);
        assert!(run.is_accept(), "{}\n{}", run.output, daemon.log());
        assert!(slapd.knows("peter", NEW) && !slapd.knows("peter", PASSWORD));
        let nt_hash = NtHash::of_password(NEW);
        assert_eq!(
            slapd.values("peter", "sambaNTPassword"),
            [nt_hash.reveal().to_string()]
        );
        let set: i64 = slapd.values("peter", "sambaPwdLastSet")[0].parse().unwrap();
        assert!(set > 1_577_836_800, "{set}");
        for run in [
            peap(NEW).run(&daemon),
            EapolTest::ttls_pap("peter", NEW).run(&daemon),
        ] {
            assert!(run.is_accept(), "{}\n{}", run.output, daemon.log());
        }
        assert!(peap(PASSWORD).run(&daemon).is_reject());
        let previous = daemon.wait_for_audit(1, |line| line["reason"] == "previous-password");
        assert_eq!(previous[0]["method"], "peap/eap-mschapv2");
    }
}

/// E=709, and the reason in the log. Nothing counts, nothing has changed.
#[test]
fn peer_device_hears_that_the_directory_does_not_take_its_new_password() {
    let (slapd, daemon) = site(BY_OPERATION);
    slapd.change(
        "dn: cn=policy,dc=campus,dc=example\nchangetype: modify\nreplace: pwdCheckQuality\n\
         pwdCheckQuality: 1\n-\nreplace: pwdMinLength\npwdMinLength: 20\n",
    );
    let run = change(&daemon, "nineteen-characters");
    assert!(
        run.is_reject() && run.output.contains("error 709"),
        "{}",
        run.output
    );
    let refused = |line: &serde_json::Value| {
        let detail = line["detail"].as_str().unwrap_or_default();
        line["reason"] == "password-expired" && detail.contains("too short")
    };
    daemon.wait_for_audit(1, refused);
    assert!(slapd.knows("peter", PASSWORD));
    assert!(change(&daemon, NEW).is_accept(), "{}", daemon.log());
}

/// It would let the old password in by MS-CHAP.
#[test]
fn nt_hash_of_the_password_before_is_removed() {
    let (slapd, daemon) = site("");
    let (success, said) = set_password(&daemon, "peter", NEW, &[]);
    assert!(
        success && said.contains("NT hash of the old one is gone"),
        "{said}"
    );
    assert!(slapd.values("peter", "sambaNTPassword").is_empty());
    assert_eq!(reason(&daemon, "peter", NEW), "");
}

/// Without a mirror: the hash is another than at the log-on before.
#[test]
fn password_that_was_changed_elsewhere_between_two_log_ons_is_a_previous_one() {
    let (slapd, daemon) = site("");
    assert_eq!(reason(&daemon, "bo", PASSWORD), "");
    slapd.change(&format!(
        "dn: uid=bo,ou=people,dc=campus,dc=example\nchangetype: modify\n\
         replace: userPassword\nuserPassword: {}\n",
        crate::ldap::people::hash(NEW)
    ));
    for _ in 0..7 {
        assert_eq!(reason(&daemon, "bo", PASSWORD), "previous-password");
    }
    assert_eq!(reason(&daemon, "bo", "wrong"), "wrong-credential");
}
