//! The rights that docs/ldap.md has an administrator grant: enough, and no more than that. Its own
//! blocks, with a slapd as Debian's package makes it.

use crate::common::{Daemon, Setup, Slapd, crowd, eventually, run_with};
use crate::ldap::page::{FIRST, Here, blocks, installed, people};

const OWN_SCHEMA: &str = include_str!("../../../config/ldap/portvakt-openldap.ldif");
const SCHEMA_OF_389DS: &str = include_str!("../../../config/ldap/portvakt-389ds.ldif");
const SERVICE_DN: &str = "cn=portvakt,ou=services,dc=campus,dc=example";

/// The rule of step 2, and that for `verify = "bind"`.
pub(crate) fn rules() -> [String; 2] {
    let allow = "What the directory must allow";
    [
        blocks(FIRST, "ldif")[1].clone(),
        blocks(allow, "ldif")[0].clone(),
    ]
}

/// The page followed up to the start of the server, with these rules, and nothing for anybody that
/// they don't give.
struct Site {
    slapd: Slapd,
    setup: Setup,
}

impl Site {
    fn new(rules: &str, more: &str) -> Self {
        Self::with(&people(), rules, more)
    }

    fn with(people: &str, rules: &str, more: &str) -> Self {
        let (slapd, setup) = (installed(people), Setup::new());
        deny_all(&slapd);
        let here = Here {
            slapd: &slapd,
            setup: &setup,
            port: 0,
        };
        here.prepare(rules, more);
        Self { slapd, setup }
    }

    fn password(&self) -> String {
        std::fs::read_to_string(self.setup.path("secrets/ldap")).unwrap()
    }

    /// Whether our account sees this of Anna.
    fn sees(&self, attribute: &str) -> bool {
        let password = self.password();
        let values = self
            .slapd
            .values_as((SERVICE_DN, &password), "anna", attribute);
        !values.is_empty()
    }

    /// Whether our account may make this change.
    fn may(&self, change: &str) -> bool {
        let mut command = self
            .slapd
            .command("ldapmodify", SERVICE_DN, &self.password());
        run_with(&mut command, change).status.success()
    }
}

/// Leaves people what they need to bind, and nobody anything else.
pub(crate) fn deny_all(slapd: &Slapd) {
    slapd.configure(
        "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nreplace: olcAccess\n\
         olcAccess: to attrs=userPassword by anonymous auth by * none\n\
         olcAccess: to * by * none\n",
    );
}

/// A server by the page, and whether Anna gets in.
struct Served {
    slapd: Slapd,
    daemon: Daemon,
}

impl Site {
    fn serve(self) -> Served {
        Served {
            slapd: self.slapd,
            daemon: Daemon::start(self.setup),
        }
    }
}

impl Served {
    fn anna_gets_in(&self) -> bool {
        let here = Here {
            slapd: &self.slapd,
            setup: &self.daemon,
            port: self.daemon.address().port(),
        };
        here.anna_gets_in()
    }
}

/// The rights that a rule of the page gives.
fn given(rule: &str) -> Vec<&str> {
    let (_, attributes) = rule.rsplit_once("attrs=").unwrap();
    let (attributes, _) = attributes.split_once("  by").unwrap();
    attributes.trim().split(',').map(str::trim).collect()
}

/// The rule without one of what it gives.
fn without(rule: &str, attribute: &str) -> String {
    let (before, attributes) = rule.rsplit_once("attrs=").unwrap();
    let (attributes, after) = attributes.split_once("  by").unwrap();
    let rest: Vec<_> = attributes.trim().split(',').map(str::trim).collect();
    let rest: Vec<_> = rest.into_iter().filter(|it| *it != attribute).collect();
    format!("{before}attrs={}\n  by{after}", rest.join(","))
}

#[test]
fn peer_slapd_that_gives_what_the_page_says_gives_enough() {
    let [hash, bind] = rules();
    for (rule, more) in [(hash, ""), (bind, "verify = \"bind\"\n")] {
        let served = Site::new(&rule, more).serve();
        assert!(served.anna_gets_in(), "{}", served.daemon.log());
    }
}

#[test]
fn peer_slapd_that_gives_less_than_the_page_says_lets_nobody_in() {
    let [hash, bind] = rules();
    let by_bind = "verify = \"bind\"\n";
    let cases = [
        (without(&hash, "userPassword"), ""),
        (without(&hash, "uid"), ""),
        (without(&hash, "entry"), ""),
        (without(&bind, "uid"), by_bind),
        (without(&bind, "entry"), by_bind),
    ];
    for (rule, more) in cases {
        let served = Site::new(&rule, more).serve();
        assert!(!served.anna_gets_in(), "{rule}");
    }
}

/// Least privilege: what the page's rules give, and what they keep.
#[test]
fn peer_slapd_shows_the_account_of_the_page_what_is_needed_and_nothing_else() {
    for (rule, sees_hash) in rules().iter().zip([true, false]) {
        let site = Site::new(rule, "");
        let unseen = ["homePhone", "sn", "creatorsName", "structuralObjectClass"];
        assert!(unseen.iter().all(|attribute| !site.sees(attribute)));
        assert_eq!(site.sees("userPassword"), sees_hash);
        // Anna has neither of these, and the first is no attribute.
        let absent = ["entry", "displayName", "mail", "mobile", "userPassword"];
        let given = given(rule);
        let present = given.iter().filter(|name| !absent.contains(name));
        for attribute in present {
            assert!(site.sees(attribute), "{attribute}");
        }
        assert!(!site.may(&change(
            "uid=anna,ou=people",
            "replace: mail\nmail: a@b.example"
        )));
        assert!(!site.may(&change(
            "uid=anna,ou=people",
            "replace: userPassword\nuserPassword: x"
        )));
        assert!(!site.may("dn: uid=anna,ou=people,dc=campus,dc=example\nchangetype: delete\n"));
    }
}

/// The page's rights for writing are no more than is needed.
#[test]
fn peer_slapd_lets_the_account_of_the_page_write_what_is_written_and_nothing_else() {
    let site = Site::new(&rules()[0], "");
    site.slapd.configure(OWN_SCHEMA);
    site.slapd.configure(&blocks("Writing", "ldif")[0]);
    let person = "uid=anna,ou=people";
    let classed = "add: objectClass\nobjectClass: portvaktPerson";
    assert!(!site.may(&change(person, classed)));
    site.slapd.change(&change(person, classed));
    assert!(site.may(&change(person, "replace: userPassword\nuserPassword: new")));
    assert!(site.may(&change(
        person,
        "replace: portvaktSuspended\nportvaktSuspended: report"
    )));
    for unwritten in [
        "mail",
        "uid",
        "cn",
        "homePhone",
        "portvaktAlias",
        "portvaktVlan",
    ] {
        let words = format!("replace: {unwritten}\n{unwritten}: 1");
        assert!(!site.may(&change(person, &words)), "{unwritten}");
    }
    assert!(!site.may("dn: uid=anna,ou=people,dc=campus,dc=example\nchangetype: delete\n"));
    let own = "cn=portvakt,ou=services";
    assert!(!site.may(&change(own, "replace: userPassword\nuserPassword: new")));
}

fn change(who: &str, words: &str) -> String {
    format!("dn: {who},dc=campus,dc=example\nchangetype: modify\n{words}\n")
}

/// Debian's slapd gives 500 entries to whoever has no grant.
#[test]
fn peer_slapd_is_mirrored_by_what_the_page_grants_and_not_without() {
    let people = format!(
        "{}\n{}",
        people(),
        crowd(600, "{SSHA}8PJeAwHjTeQzlWxYH8nXzBUDEAc5HRCb")
    );
    for (way, is_granted) in [("sync", true), ("poll", true), ("poll", false)] {
        let more = format!("mirror = {way:?}\npoll-every = \"1s\"\n");
        let site = Site::with(&people, &rules()[0], &more);
        if is_granted {
            site.slapd.configure(&blocks("The mirror", "ldif")[0]);
        }
        let served = site.serve();
        let wanted = if is_granted { 602.0 } else { 0.0 };
        let failures = |daemon: &Daemon| daemon.health().1.contains("limit");
        let settled = eventually(|| {
            let accounts = served
                .daemon
                .metric("portvakt_mirror_accounts{directory=\"campus\"}");
            let has_ended = accounts == 602.0 || failures(&served.daemon);
            has_ended.then_some(accounts)
        });
        assert_eq!(settled, Some(wanted), "{way}\n{}", served.daemon.log());
        assert!(served.anna_gets_in(), "{}", served.daemon.log());
    }
}

#[test]
fn schema_of_our_own_is_taken_by_slapd_and_read() {
    let slapd = installed(&people());
    slapd.configure(OWN_SCHEMA);
    slapd.change(
        "dn: uid=anna,ou=people,dc=campus,dc=example\nchangetype: modify\nadd: objectClass\n\
         objectClass: portvaktPerson\n-\nadd: portvaktAlias\nportvaktAlias: s100001\n-\n\
         add: portvaktRegisteredTerm\nportvaktRegisteredTerm: 2099-autumn\n-\n\
         add: portvaktFeePaidTerm\nportvaktFeePaidTerm: 2099-autumn\n-\n\
         add: portvaktInRegistry\nportvaktInRegistry: TRUE\n-\n\
         add: portvaktEndedOn\nportvaktEndedOn: 2099-06-30\n-\n\
         add: portvaktVlan\nportvaktVlan: 120\n-\n\
         add: portvaktService\nportvaktService: eduroam\nportvaktService: vpn\n-\n\
         add: portvaktTemporaryPassword\nportvaktTemporaryPassword: FALSE\n-\n\
         add: portvaktSuspended\nportvaktSuspended: report 17\n-\n\
         add: portvaktDeactivated\nportvaktDeactivated: lost laptop\n",
    );
    assert_eq!(slapd.values("anna", "portvaktService"), ["eduroam", "vpn"]);
    let wrong = "dn: uid=bo,ou=people,dc=campus,dc=example\nchangetype: modify\nadd: objectClass\n\
         objectClass: portvaktPerson\n-\nadd: portvaktInRegistry\nportvaktInRegistry: maybe\n";
    assert!(!slapd.try_change(wrong), "a boolean is TRUE or FALSE");
}

/// The same definitions, whatever the file around them looks like.
#[test]
fn both_schema_files_define_the_same() {
    let definitions = |text: &str| -> Vec<String> {
        let unfolded = text.replace("\n ", "");
        let of_line = |line: &str| line.split_once(": ( ").map(|(_, rest)| rest.to_owned());
        unfolded.lines().filter_map(of_line).collect()
    };
    let ours = definitions(OWN_SCHEMA);
    assert_eq!(ours.len(), 11);
    assert_eq!(ours, definitions(SCHEMA_OF_389DS));
}
