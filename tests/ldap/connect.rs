//! What docs/ldap.md tells a new user to do, done: its own blocks, with a slapd as Debian installs it.

use std::path::Path;
use std::process::Command;

use crate::common::{Daemon, EapolTest, Setup, Slapd, eventually, run_with};
use crate::people::{PASSWORD, hash};

const PAGE: &str = include_str!("../../docs/ldap.md");
const OWN_SCHEMA: &str = include_str!("../../config/ldap/portvakt-openldap.ldif");
const SCHEMA_OF_389DS: &str = include_str!("../../config/ldap/portvakt-389ds.ldif");
const SERVICE_DN: &str = "cn=portvakt,ou=services,dc=campus,dc=example";

/// The blocks of the page in this language.
pub(crate) fn blocks(language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    let after = PAGE.split(&start).skip(1);
    after
        .filter_map(|rest| rest.split_once("\n```"))
        .map(|(block, _)| format!("{block}\n"))
        .collect()
}

/// People as a plain slapd has them.
fn people() -> String {
    let person = |uid: &str| {
        format!(
            "dn: uid={uid},ou=people,dc=campus,dc=example\nobjectClass: inetOrgPerson\n\
             uid: {uid}\ncn: {uid}\nsn: {uid}\nhomePhone: 555\nuserPassword: {}\n",
            hash(PASSWORD)
        )
    };
    ["anna", "bo"].map(person).join("\n")
}

/// A slapd in which the page's account may read what the page's rules say.
fn slapd(rules: &str, password: &Path) -> Slapd {
    let slapd = Slapd::as_installed(&people());
    let hashed = run_with(Command::new("slappasswd").arg("-T").arg(password), "");
    let hash = String::from_utf8(hashed.stdout).unwrap();
    slapd.change(&blocks("ldif")[0].replace("HASH", hash.trim()));
    slapd.configure(rules);
    slapd
}

/// The page's configuration in a folder of its own; only addresses and ports are this machine's.
fn start(setup: Setup, slapd: &Slapd, more: &str) -> Daemon {
    let ca = slapd.path("ca.pem");
    let page = &blocks("toml")[0];
    let here = page
        .replace("ldaps://ldap.campus.example", &slapd.ldaps())
        .replace("realms =", "data = \"data\"\nlisten = [{ address = \"127.0.0.1:0\" }]\nmetrics = { address = \"127.0.0.1:0\" }\nrealms =");
    let text = format!(
        "{here}ca-file = {:?}\nserver-name = \"radius.campus.example\"\n{more}\n",
        ca.display().to_string()
    );
    setup.write("portvakt.toml", &text);
    Daemon::start(setup)
}

/// The secrets and the certificate that the steps make.
fn setup() -> Setup {
    let setup = Setup::new();
    for folder in ["secrets", "tls"] {
        std::fs::create_dir(setup.path(folder)).unwrap();
    }
    setup.write("secrets/radius", &format!("{}\n", crate::common::SECRET));
    setup.write("secrets/ldap", "a-password-without-a-line-end");
    for (from, to) in [
        ("radius.pem", "tls/radius.pem"),
        ("radius.key", "tls/radius.key"),
    ] {
        std::fs::copy(setup.path(from), setup.path(to)).unwrap();
    }
    setup
}

fn log_on(daemon: &Daemon) {
    let accepted = eventually(|| {
        let run = EapolTest::ttls_pap("anna", PASSWORD).run(daemon);
        run.success.then_some(())
    });
    assert!(accepted.is_some(), "{}", daemon.log());
    assert!(!EapolTest::ttls_pap("anna", "wrong").run(daemon).success);
}

#[test]
fn first_log_on_by_the_page_takes_ten_lines() {
    assert!(blocks("toml")[0].lines().count() <= 10);
    let setup = setup();
    let slapd = slapd(&blocks("ldif")[1], &setup.path("secrets/ldap"));
    let daemon = start(setup, &slapd, "");
    log_on(&daemon);
    assert_eq!(daemon.attempt(1)["account"], "anna");
}

#[test]
fn bind_by_the_page_shows_our_account_no_hash() {
    let setup = setup();
    let slapd = slapd(&blocks("ldif")[2], &setup.path("secrets/ldap"));
    let daemon = start(setup, &slapd, "verify = \"bind\"");
    log_on(&daemon);
}

/// Least privilege: what the page's rules give, and what they keep.
#[test]
fn account_of_the_page_sees_what_is_needed_and_nothing_else() {
    let setup = setup();
    let password = std::fs::read_to_string(setup.path("secrets/ldap")).unwrap();
    for (rules, sees_hash) in [(1, true), (2, false)] {
        // Even where nobody else may read anything.
        let slapd = slapd(&blocks("ldif")[rules], &setup.path("secrets/ldap"));
        slapd.configure(
            "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\n\
             olcAccess: {2}to * by dn.exact=\"cn=portvakt,ou=services,dc=campus,dc=example\" none \
             by * break\n",
        );
        let sees = |attribute: &str| {
            !slapd
                .values_as((SERVICE_DN, &password), "anna", attribute)
                .is_empty()
        };
        assert!(sees("uid") && sees("cn"));
        assert!(!sees("homePhone"));
        assert_eq!(sees("userPassword"), sees_hash);
        let change = "dn: uid=anna,ou=people,dc=campus,dc=example\nchangetype: modify\n\
                      replace: mail\nmail: somebody@else.example\n";
        let mut command = slapd.command("ldapmodify", SERVICE_DN, &password);
        assert!(!run_with(&mut command, change).status.success());
    }
}

#[test]
fn schema_of_our_own_is_taken_by_slapd_and_read() {
    let setup = setup();
    let slapd = slapd(&blocks("ldif")[1], &setup.path("secrets/ldap"));
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
