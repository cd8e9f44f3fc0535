//! Realms with directories of their own: two people of one name are two people, whoever asks, however
//! they log on, and whatever becomes of the other's directory.

use crate::common::{AccessPoint, Daemon, EapolTest, Setup, Slapd, eventually, text};
use portvakt_auth::password::{Argon2Cost, HashMemory, PasswordHash};
use portvakt_testkit::supplicant::{Authority, ClientCertificate, Device, Outcome, Profile};

const OF_CAMPUS: &str = "the-anna-of-the-campus";
const OF_PHYSICS: &str = "the-anna-of-physics";
const OF_GUESTS: &str = "the-anna-who-visits";

const REALMS: &str = "[\"campus.example\", \"physics.example\", \"old.campus.example\"]";

fn anna(password: &str) -> String {
    let cost = Argon2Cost::new(1024, 1, 1).unwrap();
    let hash = PasswordHash::hash_new(password.as_bytes(), [7; 16], cost, &mut HashMemory::new());
    format!(
        "dn: uid=anna,ou=people,dc=campus,dc=example
objectClass: inetOrgPerson
uid: anna
cn: anna
sn: anna
userPassword: {{ARGON2}}{}
",
        hash.unwrap().reveal()
    )
}

/// Two directories, each with its Anna.
struct Site {
    campus: Slapd,
    physics: Slapd,
}

impl Site {
    fn new() -> Self {
        Self {
            campus: Slapd::with(&anna(OF_CAMPUS)),
            physics: Slapd::with(&anna(OF_PHYSICS)),
        }
    }

    /// The first and the last realm in one directory, the second in the other.
    fn setup(&self, lines: &str) -> Setup {
        let lines = format!("default-kind = \"employee\"\ntimeout = \"1s\"\n{lines}");
        Setup::new()
            .people("")
            .set("", "realms", REALMS)
            .set("realm.\"campus.example\"", "directory", "\"campus\"")
            .set("realm.\"old.campus.example\"", "directory", "\"campus\"")
            .set("realm.\"physics.example\"", "directory", "\"physics\"")
            .more(&self.campus.named_table("campus", &lines))
            .more(&self.physics.named_table("physics", &lines))
    }

    fn start(&self, lines: &str) -> Daemon {
        let daemon = self.setup(lines).start();
        are_all_in(&daemon);
        daemon
    }
}

/// Waits until both directories answer.
fn are_all_in(daemon: &Daemon) {
    let people = [("anna", OF_CAMPUS), ("anna@physics.example", OF_PHYSICS)];
    for (user, password) in people {
        let accepted = || daemon.radclient(user, password).is_accept().then_some(());
        assert!(eventually(accepted).is_some(), "{user}\n{}", daemon.log());
    }
}

/// Account and reason of one more log-on.
fn told(daemon: &Daemon, user: &str, password: &str) -> [String; 2] {
    let is_attempt = |line: &serde_json::Value| line["event"] == "attempt";
    let before = daemon.audit_lines().into_iter().filter(is_attempt).count();
    daemon.radclient(user, password);
    let attempt = daemon.attempt(before + 1);
    ["account", "reason"].map(|key| attempt[key].as_str().unwrap_or_default().to_owned())
}

fn said(daemon: &Daemon, words: &[&str]) -> (bool, String) {
    let output = daemon.cli(words);
    (output.status.success(), text(&output))
}

/// The right password of one Anna is a wrong one for the other, and counts on her alone.
#[test]
fn peer_people_of_one_name_in_two_directories_are_kept_apart() {
    let site = Site::new();
    for lines in [
        "verify = \"hash\"",
        "verify = \"bind\"",
        "mirror = \"sync\"",
    ] {
        let daemon = site.start(lines);
        let physicist = "anna@physics.example";
        for user in ["anna", "anna@campus.example", "Anna@old.campus.example"] {
            assert_eq!(told(&daemon, user, OF_CAMPUS), ["anna", ""], "{lines}");
        }
        assert_eq!(told(&daemon, physicist, OF_PHYSICS), [physicist, ""]);
        for user in ["anna", "anna@old.campus.example"] {
            let wrong = told(&daemon, user, OF_PHYSICS);
            assert_eq!(wrong, ["anna", "wrong-credential"], "{lines}");
        }
        for _ in 0..6 {
            let wrong = told(&daemon, physicist, OF_CAMPUS);
            assert_eq!(wrong, [physicist, "wrong-credential"], "{lines}");
        }
        assert_eq!(
            told(&daemon, physicist, OF_PHYSICS),
            [physicist, "locked-out"]
        );
        assert_eq!(told(&daemon, "anna", OF_CAMPUS), ["anna", ""], "{lines}");
        let unlocked = said(&daemon, &["account", "unlock", physicist]);
        assert!(unlocked.0, "{}", unlocked.1);
        assert_eq!(told(&daemon, physicist, OF_PHYSICS), [physicist, ""]);
    }
}

#[test]
fn name_that_several_people_have_must_be_said_in_full() {
    let site = Site::new();
    let daemon = site.start("");
    for act in [
        &["explain"][..],
        &["account", "show"],
        &["account", "unlock"],
    ] {
        let (done, said) = said(&daemon, &[act, &["anna"]].concat());
        assert!(!done, "{said}");
        let names = "anna@campus.example or anna@physics.example";
        assert!(said.contains(names), "{said}");
    }
    daemon.guess_wrong("anna@physics.example", 2);
    let (_, of_campus) = said(&daemon, &["explain", "anna@campus.example"]);
    assert!(
        of_campus.contains("no failed log-ons counted"),
        "{of_campus}"
    );
    let (_, of_physics) = said(&daemon, &["explain", "anna@physics.example"]);
    assert!(of_physics.contains("2 of 6 failed"), "{of_physics}");
    assert!(of_physics.contains("anna@physics.example"), "{of_physics}");
    let (_, raw) = said(
        &daemon,
        &["account", "show", "anna@physics.example", "--raw"],
    );
    assert!(raw.contains("uid=anna,"), "{raw}");
}

/// E9: a name without a realm inside the tunnel is one of the realm outside.
#[test]
fn peer_eapol_test_tunnels_lead_to_the_people_of_the_outer_realm() {
    let site = Site::new();
    let daemon = site.start("");
    let device = |outer: &str, inner: &str, password: &str| {
        EapolTest::ttls_pap("", password)
            .line("anonymous_identity", &format!("\"anonymous@{outer}\""))
            .line("identity", &format!("\"{inner}\""))
            .run(&daemon)
    };
    for (outer, inner, password) in [
        ("campus.example", "anna", OF_CAMPUS),
        ("physics.example", "anna", OF_PHYSICS),
        ("physics.example", "anna@physics.example", OF_PHYSICS),
    ] {
        let run = device(outer, inner, password);
        assert!(run.is_accept(), "{outer} {inner}\n{}", run.output);
    }
    for (outer, inner, password) in [
        ("physics.example", "anna", OF_CAMPUS),
        ("campus.example", "anna", OF_PHYSICS),
        ("physics.example", "anna@campus.example", OF_CAMPUS),
    ] {
        let run = device(outer, inner, password);
        assert!(run.is_reject(), "{outer} {inner}\n{}", run.output);
    }
}

/// E7: what one Anna has proven opens nothing to a device that says it is the other's.
#[test]
fn session_stays_in_its_realm() {
    let site = Site::new();
    let daemon = site.start("");
    let profile = Profile::pap(daemon.authority(), "anna", OF_PHYSICS.as_bytes());
    let device = Device::new(profile);
    let comes_as = |outer: &str| {
        let mut supplicant = device.supplicant();
        let mut access_point = AccessPoint::of(&daemon).with_outer_name(outer);
        let outcome = access_point.converse(&mut supplicant);
        (outcome == Some(Outcome::Success), supplicant.is_resumed())
    };
    assert_eq!(comes_as("anonymous@physics.example"), (true, false));
    assert_eq!(comes_as("anonymous@physics.example"), (true, true));
    let (is_in, _) = comes_as("anonymous@campus.example");
    assert!(!is_in, "{}", daemon.log());
}

/// Account, or reason, of a device with a certificate of this authority.
fn opened(
    daemon: &Daemon,
    authority: &Authority,
    outer: &str,
    certificate: &ClientCertificate,
) -> String {
    let is_attempt = |line: &serde_json::Value| line["event"] == "attempt";
    let before = daemon.audit_lines().into_iter().filter(is_attempt).count();
    let client = authority.issue_client(certificate);
    let device = Device::new(Profile::tls(daemon.authority(), client));
    let name = format!("anonymous@{outer}");
    let mut access_point = AccessPoint::of(daemon).with_outer_name(&name);
    let outcome = access_point.converse(&mut device.supplicant());
    let line = daemon.attempt(before + 1);
    let key = match outcome {
        Some(Outcome::Success) => "account",
        _ => "reason",
    };
    line[key].as_str().unwrap().to_owned()
}

/// A certificate that names nobody's realm.
fn bare() -> ClientCertificate {
    ClientCertificate {
        email: None,
        common_name: "anna".to_owned(),
        ..ClientCertificate::of("", 7)
    }
}

/// E8: where each realm has authorities of its own, those say whose Anna is meant.
#[test]
fn certificate_without_a_realm_is_of_the_realm_whose_authority_signed_it() {
    let site = Site::new();
    let of_physics = Authority::new("Physics");
    let setup = site
        .setup("")
        .set("eap", "methods", "[\"tls\"]")
        .set("eap", "client-ca", "\"ca.pem\"")
        .set("eap", "client-names", "[\"common-name\"]")
        .set("realm.\"physics.example\"", "client-ca", "\"physics.pem\"")
        .set(
            "realm.\"physics.example\"",
            "client-names",
            "[\"common-name\"]",
        );
    setup.write("physics.pem", &of_physics.certificate_pem());
    let daemon = setup.start();
    are_all_in(&daemon);
    let (campus, physics) = ("campus.example", "physics.example");
    let of_campus = daemon.authority();
    assert_eq!(opened(&daemon, of_campus, campus, &bare()), "anna");
    let physicist = opened(&daemon, &of_physics, physics, &bare());
    assert_eq!(physicist, "anna@physics.example");
    for (authority, outer) in [(of_campus, physics), (&of_physics, campus)] {
        let refused = opened(&daemon, authority, outer, &bare());
        assert_eq!(refused, "certificate-invalid", "{outer}");
    }
}

/// E8: a certificate that both realms believe must say whose Anna it is of.
#[test]
fn certificate_opens_an_account_of_its_realm_only() {
    let site = Site::new();
    let setup = site
        .setup("")
        .set("eap", "methods", "[\"tls\"]")
        .set("eap", "client-ca", "\"ca.pem\"")
        .set("eap", "client-names", "[\"email\", \"common-name\"]");
    let daemon = setup.start();
    are_all_in(&daemon);
    let of = |realm: &str, serial| ClientCertificate::of(&format!("anna@{realm}"), serial);
    let (campus, physics) = ("campus.example", "physics.example");
    for (outer, certificate, expected) in [
        (campus, bare(), "certificate-invalid"),
        (physics, bare(), "certificate-invalid"),
        (campus, of(campus, 8), "anna"),
        (physics, of(physics, 9), "anna@physics.example"),
        (physics, of(campus, 10), "certificate-invalid"),
        (campus, of(physics, 11), "certificate-invalid"),
    ] {
        let said = opened(&daemon, daemon.authority(), outer, &certificate);
        assert_eq!(said, expected, "{outer}: {:?}", certificate.email);
    }
}

/// P4.
#[test]
fn peer_directory_that_is_down_harms_its_own_people_only() {
    let mut site = Site::new();
    let daemon = site.setup("grace = \"0s\"");
    let daemon = daemon.set("passwords", "remember-proofs", "\"0s\"").start();
    are_all_in(&daemon);
    site.physics.kill();
    for _ in 0..7 {
        let [_, reason] = told(&daemon, "anna@physics.example", OF_PHYSICS);
        assert_eq!(reason, "directory-unavailable");
        assert_eq!(told(&daemon, "anna", OF_CAMPUS), ["anna", ""]);
    }
    let (status, health) = daemon.health();
    assert_eq!(status, 503, "{health}");
    let page: serde_json::Value = serde_json::from_str(&health).unwrap();
    let checks = page["checks"].as_array().unwrap().iter();
    let failing: Vec<_> = checks.filter(|check| check["ok"] == false).collect();
    assert_eq!(failing.len(), 1, "{health}");
    assert_eq!(failing[0]["directory"], "physics", "{health}");
    let up = |name: &str, slapd: &Slapd| {
        let server = slapd.ldaps();
        let labels = format!("directory=\"{name}\",server={server:?}");
        daemon.metric(&format!("portvakt_directory_up{{{labels}}}"))
    };
    assert_eq!(up("campus", &site.campus), 1.0);
    assert_eq!(up("physics", &site.physics), 0.0);
    let (done, explained) = said(&daemon, &["explain", "anna"]);
    assert!(done, "{explained}");
    site.physics.start();
    are_all_in(&daemon);
}

/// Rules are those of the account's home, by whichever name it came.
#[test]
fn each_home_has_its_own_limit_whatever_name_is_used() {
    let site = Site::new();
    let setup = site
        .setup("")
        .set("realm.\"physics.example\".lockout", "attempts", "2")
        .set("realm.\"campus.example\".lockout", "attempts", "3");
    let daemon = setup.start();
    are_all_in(&daemon);
    daemon.guess_wrong("anna@physics.example", 2);
    let [_, reason] = told(&daemon, "anna@physics.example", OF_PHYSICS);
    assert_eq!(reason, "locked-out");
    daemon.guess_wrong("anna@old.campus.example", 2);
    let (_, explained) = said(&daemon, &["explain", "anna@campus.example"]);
    assert!(explained.contains("2 of 3 failed"), "{explained}");
    daemon.guess_wrong("anna@campus.example", 1);
    assert_eq!(told(&daemon, "anna", OF_CAMPUS), ["anna", "locked-out"]);
}

/// A change in one directory leaves the accounts of the other as they were.
#[test]
fn peer_password_that_changes_in_one_directory_is_the_others_as_before() {
    let site = Site::new();
    let daemon = site.start("mirror = \"sync\"");
    let physicist = "anna@physics.example";
    let state = "portvakt_mirror_state{directory=\"physics\",state=\"current\"}";
    let is_current = || (daemon.metric(state) == 1.0).then_some(());
    assert!(eventually(is_current).is_some(), "{}", daemon.metrics());
    let anew = anna("another-one");
    let hash = anew
        .lines()
        .find_map(|line| line.strip_prefix("userPassword: "));
    site.physics.change(&format!(
        "dn: uid=anna,ou=people,dc=campus,dc=example\nchangetype: modify\n\
         replace: userPassword\nuserPassword: {}\n",
        hash.unwrap()
    ));
    let is_changed = || {
        let answer = told(&daemon, physicist, OF_PHYSICS);
        (answer == [physicist, "previous-password"]).then_some(())
    };
    assert!(eventually(is_changed).is_some(), "{}", daemon.log());
    // Right, and by the policy of this directory to be changed by its owner first.
    let right = told(&daemon, physicist, "another-one");
    assert_eq!(right, [physicist, "temporary-not-allowed"]);
    assert_eq!(told(&daemon, "anna", OF_CAMPUS), ["anna", ""]);
}

/// A password set by command is written to the account's own directory.
#[test]
fn peer_password_that_is_set_here_is_written_where_its_owner_is() {
    let mut site = Site::new();
    for slapd in [&mut site.campus, &mut site.physics] {
        slapd.configure(
            "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\n\
             olcAccess: {0}to attrs=userPassword,pwdReset by \
             dn.exact=\"cn=portvakt,dc=campus,dc=example\" write by * auth\n",
        );
    }
    let daemon = site.start("write = true");
    let physicist = "anna@physics.example";
    let set = daemon.cli_with(
        &["account", "set-password", physicist],
        "a-new-word-for-her\n",
    );
    assert!(set.status.success(), "{}", text(&set));
    assert_eq!(
        told(&daemon, physicist, "a-new-word-for-her"),
        [physicist, ""]
    );
    assert!(site.campus.knows("anna", OF_CAMPUS));
    assert_eq!(told(&daemon, "anna", OF_CAMPUS), ["anna", ""]);
}

const GUEST: &str = "dn: uid=anna,dc=guests
uid: anna
portvaktAlias: visitor
eduPersonPrimaryAffiliation: guest
userPassword: the-anna-who-visits
";

/// This server's own database beside a directory.
#[test]
fn guests_who_are_kept_here_are_nobody_elses() {
    let slapd = Slapd::with(&anna(OF_CAMPUS));
    let setup = Setup::new()
        .people(GUEST)
        .set("", "realms", "[\"campus.example\", \"guests.example\"]")
        .set("realm.\"guests.example\"", "directory", "\"embedded\"")
        .more(&slapd.directory_table("default-kind = \"employee\""));
    let mut daemon = setup.start();
    let is_in = || {
        daemon
            .radclient("anna", OF_CAMPUS)
            .is_accept()
            .then_some(())
    };
    assert!(eventually(is_in).is_some(), "{}", daemon.log());
    let guest = "anna@guests.example";
    assert_eq!(told(&daemon, guest, OF_GUESTS), [guest, ""]);
    assert_eq!(
        told(&daemon, "visitor@guests.example", OF_GUESTS),
        [guest, ""]
    );
    assert_eq!(told(&daemon, guest, OF_CAMPUS), [guest, "wrong-credential"]);
    assert_eq!(
        told(&daemon, "anna", OF_GUESTS),
        ["anna", "wrong-credential"]
    );
    assert_eq!(told(&daemon, "visitor", OF_GUESTS)[1], "unknown-user");
    let (_, list) = said(&daemon, &["account", "list"]);
    assert!(list.contains(guest), "{list}");
    assert!(list.contains("those of campus are not here"), "{list}");
    let (done, suspended) = said(&daemon, &["account", "suspend", guest]);
    assert!(done, "{suspended}");
    daemon.restart();
    assert_eq!(told(&daemon, guest, OF_GUESTS), [guest, "suspended"]);
    assert!(said(&daemon, &["account", "restore", guest]).0);
    assert_eq!(told(&daemon, guest, OF_GUESTS), [guest, ""]);
    let ldif = daemon.write("again.ldif", GUEST);
    let again = [
        "account",
        "import",
        "--hash-cleartext",
        ldif.to_str().unwrap(),
    ];
    let (_, imported) = said(&daemon, &again);
    assert!(
        imported.contains("0 new, 0 changed, 1 unchanged"),
        "{imported}"
    );
    let (done, deleted) = said(&daemon, &["account", "delete", "--yes", guest]);
    assert!(done, "{deleted}");
    assert_eq!(told(&daemon, guest, OF_GUESTS)[1], "unknown-user");
}

/// A directory is opened at the start: nobody is looked up elsewhere meanwhile.
#[test]
fn realm_with_a_new_directory_is_served_after_a_restart_and_not_by_another_before() {
    let site = Site::new();
    let setup = Setup::new().people("").more(
        &site
            .campus
            .named_table("campus", "default-kind = \"employee\""),
    );
    let mut daemon = setup.start();
    let is_in = || {
        daemon
            .radclient("anna", OF_CAMPUS)
            .is_accept()
            .then_some(())
    };
    assert!(eventually(is_in).is_some(), "{}", daemon.log());
    let new = site.setup("");
    daemon.write("portvakt.toml", &new.config_text());
    assert!(daemon.reload(), "{}", daemon.log());
    daemon.wait_for_log("these take effect after a restart: directory");
    let physicist = "anna@physics.example";
    for password in [OF_CAMPUS, OF_PHYSICS] {
        assert_eq!(told(&daemon, physicist, password), ["", "realm-unknown"]);
    }
    assert_eq!(
        told(&daemon, "anna@old.campus.example", OF_CAMPUS),
        ["anna", ""]
    );
    daemon.restart();
    are_all_in(&daemon);
    assert_eq!(
        told(&daemon, physicist, OF_CAMPUS),
        [physicist, "wrong-credential"]
    );
}
