//! The same log-ons over every directory: embedded, slapd with hashes read, slapd by bind, both
//! once more with no more rights than the page grants, a mirror of slapd, and what speaks as Active
//! Directory does.

use crate::common::{AccessPoint, Daemon, EapolTest, Setup, Slapd, eventually};
use crate::ldap::connect::{deny_all, rules};
use crate::ldap::ds389::Ds389;
use crate::ldap::people::{ATTRIBUTES, PASSWORD, everybody};

/// Attributes of the battery's users beyond those that every user has.
const BEYOND: &str = "eduPersonPrimaryAffiliation,schacExpiryDate,pwdChangedTime,portvaktAlias,\
                      portvaktVlan,portvaktDeactivated,portvaktInRegistry,portvaktRegisteredTerm,\
                      portvaktFeePaidTerm";

/// The directory checks passwords, and `valid-days` holds for them as for all others.
const OUR_AGES_BY_BIND: &str = "verify = \"bind\"\npassword-age = \"valid-days\"";

/// A daemon and what is behind it.
struct Site {
    daemon: Daemon,
    #[expect(dead_code, reason = "lives as long as the daemon")]
    behind: Option<Box<dyn std::any::Any>>,
}

fn setup() -> Setup {
    Setup::new().set("passwords", "remember-proofs", "\"0s\"")
}

fn embedded() -> Site {
    Site {
        daemon: setup().people(&everybody()).start(),
        behind: None,
    }
}

fn slapd(lines: &str) -> Site {
    in_front_of(Slapd::with(&everybody()), lines)
}

fn in_front_of(slapd: Slapd, lines: &str) -> Site {
    let table = slapd.directory_table(&format!("{lines}\n{ATTRIBUTES}"));
    Site {
        daemon: setup().people("").more(&table).start(),
        behind: Some(Box::new(slapd)),
    }
}

fn by_hash() -> Site {
    slapd("verify = \"hash\"")
}

fn by_bind() -> Site {
    slapd(OUR_AGES_BY_BIND)
}

/// As the page has its administrator grant, and nothing else.
fn by_the_page(rule: &str, lines: &str) -> Site {
    let slapd = Slapd::with(&everybody());
    deny_all(&slapd);
    let of_ours = rule.replace("cn=portvakt,ou=services,", "cn=portvakt,");
    slapd.configure(&of_ours.replace("attrs=entry,", &format!("attrs={BEYOND},entry,")));
    in_front_of(slapd, lines)
}

fn by_hash_with_the_rights_of_the_page() -> Site {
    by_the_page(&rules()[0], "verify = \"hash\"")
}

fn by_bind_with_the_rights_of_the_page() -> Site {
    by_the_page(&rules()[1], OUR_AGES_BY_BIND)
}

/// Once the mirror is complete: nobody is asked then.
fn by_mirror() -> Site {
    complete(slapd("mirror = \"sync\""))
}

fn complete(site: Site) -> Site {
    let is_complete = || {
        let accounts = site
            .daemon
            .metric("portvakt_mirror_accounts{directory=\"campus\"}");
        (accounts > 0.0).then_some(())
    };
    assert!(eventually(is_complete).is_some(), "{}", site.daemon.log());
    site
}

/// 389 Directory Server, with the rights that the page grants.
fn by_389ds(shows_hashes: bool, lines: &str) -> Site {
    let directory = Ds389::new(shows_hashes);
    let table = directory.table(&format!("{lines}\n{ATTRIBUTES}"));
    Site {
        daemon: setup().people("").more(&table).start(),
        behind: Some(Box::new(directory)),
    }
}

fn peer_389ds_by_hash() -> Site {
    by_389ds(true, "verify = \"hash\"")
}

fn peer_389ds_by_bind() -> Site {
    by_389ds(false, OUR_AGES_BY_BIND)
}

fn peer_389ds_by_mirror() -> Site {
    complete(by_389ds(true, "mirror = \"poll\""))
}

/// A server that speaks as Active Directory does, by bind.
fn by_domain() -> Site {
    let directory = crate::ldap::by_domain::everybody();
    Site {
        daemon: crate::ldap::by_domain::start(&directory, setup(), "password-age = \"valid-days\""),
        behind: Some(Box::new(directory)),
    }
}

fn right_password_lets_in_by_pap_and_in_a_tunnel(site: &Site) {
    for user in ["anna", "ANNA@Campus.Example", "bo"] {
        let answer = site.daemon.radclient(user, PASSWORD);
        assert!(answer.is_accept(), "{user}: {}", answer.output);
    }
    let run = EapolTest::ttls_pap("anna", PASSWORD).run(&site.daemon);
    assert!(run.success, "{}", run.output);
}

fn alias_is_the_same_account(site: &Site) {
    assert!(site.daemon.radclient("s100001", PASSWORD).is_accept());
    assert_eq!(site.daemon.attempt(1)["account"], "anna");
}

fn wrong_password_and_unknown_name_are_refused_for_what_they_are(site: &Site) {
    let cases = [
        ("anna", "wrong", "wrong-credential"),
        ("nobody", PASSWORD, "unknown-user"),
        ("people", PASSWORD, "unknown-user"),
    ];
    for (count, (user, password, reason)) in cases.into_iter().enumerate() {
        assert!(site.daemon.radclient(user, password).is_reject(), "{user}");
        assert_eq!(site.daemon.attempt(count + 1)["reason"], reason, "{user}");
    }
}

fn state_is_told_of_a_right_password_only(site: &Site) {
    let cases = [
        ("gone", "left"),
        ("closed", "deactivated"),
        ("old", "password-expired"),
        ("unpaid", "not-active"),
    ];
    let mut count = 0;
    for (user, reason) in cases {
        for (password, reason) in [("wrong", "wrong-credential"), (PASSWORD, reason)] {
            assert!(site.daemon.radclient(user, password).is_reject(), "{user}");
            count += 1;
            assert_eq!(site.daemon.attempt(count)["reason"], reason, "{user}");
        }
    }
}

fn sixth_failure_locks_and_the_right_password_is_not_even_checked(site: &Site) {
    site.daemon.guess_wrong("victim", 6);
    assert!(site.daemon.radclient("victim", PASSWORD).is_reject());
    assert_eq!(site.daemon.attempt(7)["reason"], "locked-out");
}

/// P1: a bind without a password succeeds as nobody, and lets nobody in.
fn empty_password_is_wrong(site: &Site) {
    assert!(!AccessPoint::of(&site.daemon).log_on("bo", ""));
    assert_eq!(site.daemon.attempt(1)["reason"], "wrong-credential");
}

macro_rules! battery {
    ($($site:ident),*: $($case:ident),* $(,)?) => {
        battery!(@sites [$($site)*] [$($case)*]);
    };
    (@sites [$($site:ident)*] $cases:tt) => { $(battery!(@one $site $cases);)* };
    (@one $site:ident [$($case:ident)*]) => {
        mod $site {
            $(
                #[test]
                fn $case() {
                    super::$case(&super::$site());
                }
            )*
        }
    };
}

battery!(embedded, by_hash, by_bind, by_mirror, by_domain,
    by_hash_with_the_rights_of_the_page, by_bind_with_the_rights_of_the_page,
    peer_389ds_by_hash, peer_389ds_by_bind, peer_389ds_by_mirror:
    right_password_lets_in_by_pap_and_in_a_tunnel,
    alias_is_the_same_account,
    wrong_password_and_unknown_name_are_refused_for_what_they_are,
    state_is_told_of_a_right_password_only,
    sixth_failure_locks_and_the_right_password_is_not_even_checked,
    empty_password_is_wrong,
);
