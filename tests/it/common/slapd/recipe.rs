//! Configuration, schema and upper tree of the slapds of the tests.

use std::fmt::Write as _;
use std::path::Path;

use super::{ROOT_DN, ROOT_PASSWORD, SERVICE_DN, SUFFIX};

/// eduPerson and schac as far as the tests need them.
pub(super) const SCHEMA: &str = include_str!("../people.schema");
/// The schema that is shipped, for attributes that no standard schema has.
const OWN_SCHEMA: &str = include_str!("../../../../config/ldap/portvakt-openldap.ldif");

/// The tree, our account, and a policy that locks after twenty failed binds.
pub(super) const TREE: &str = "\
dn: dc=campus,dc=example
objectClass: domain
dc: campus

dn: cn=portvakt,dc=campus,dc=example
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: portvakt
userPassword: the-password-of-our-account

dn: ou=people,dc=campus,dc=example
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=campus,dc=example
objectClass: organizationalUnit
ou: groups

dn: cn=policy,dc=campus,dc=example
objectClass: organizationalRole
objectClass: pwdPolicy
cn: policy
pwdAttribute: userPassword
pwdLockout: TRUE
pwdMaxFailure: 20
pwdLockoutDuration: 600
pwdMustChange: TRUE

";

/// The entries that Debian's package makes, and a branch for users.
pub(super) const DEBIAN_TREE: &str = "\
dn: dc=campus,dc=example
objectClass: top
objectClass: dcObject
objectClass: organization
o: campus
dc: campus

dn: ou=people,dc=campus,dc=example
objectClass: organizationalUnit
ou: people

";

/// How one is set up, in the words of slapd.conf(5).
pub struct Recipe<'a> {
    /// Lines at its head.
    pub head: &'a str,
    /// Lines for the overlay syncprov.
    pub sync: &'a str,
    /// How many entries our account gets at most.
    pub size_limit: &'a str,
    /// The overlay for a password policy, or nothing.
    pub policy: &'a str,
}

const POLICY: &str = "overlay ppolicy
ppolicy_default \"cn=policy,dc=campus,dc=example\"
ppolicy_use_lockout";

impl Default for Recipe<'_> {
    fn default() -> Self {
        Self {
            head: "",
            sync: "",
            size_limit: "unlimited",
            policy: POLICY,
        }
    }
}

impl Recipe<'_> {
    pub(super) fn configuration(&self, folder: &Path) -> String {
        let folder = folder.display();
        let Self {
            head,
            sync,
            size_limit,
            policy,
        } = self;
        format!(
            "{}{}pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
{head}
database config
access to * by dn.exact=\"{}\" manage
database mdb
maxsize 8589934592
dbnosync
suffix \"{SUFFIX}\"
directory {folder}/db
rootdn \"{ROOT_DN}\"
rootpw {ROOT_PASSWORD}
index objectClass,entryUUID,entryCSN,modifyTimestamp eq
index uid,eduPersonPrincipalName,portvaktAlias eq
limits dn.exact=\"{SERVICE_DN}\" size={size_limit} time=unlimited
access to attrs=userPassword by dn.exact=\"{SERVICE_DN}\" read by * auth
access to * by dn.exact=\"{SERVICE_DN}\" read by * none
overlay memberof
overlay syncprov
{sync}
{policy}
",
            schemas_and_modules(&folder.to_string()),
            own_schema(),
            whoever_runs_it(),
        )
    }
}

fn schemas_and_modules(folder: &str) -> String {
    let mut text = String::new();
    for schema in ["core", "cosine", "nis", "inetorgperson"] {
        writeln!(text, "include /etc/ldap/schema/{schema}.schema").unwrap();
    }
    writeln!(text, "include {folder}/people.schema").unwrap();
    writeln!(text, "modulepath /usr/lib/ldap").unwrap();
    let modules = "back_mdb ppolicy syncprov argon2 pw-sha2 memberof";
    for module in modules.split(' ') {
        writeln!(text, "moduleload {module}").unwrap();
    }
    text
}

/// Our own schema as the older form of configuration has it.
fn own_schema() -> String {
    let unfolded = OWN_SCHEMA.replace("\n ", "");
    let definitions = unfolded.lines().filter_map(|line| {
        let attribute = line.strip_prefix("olcAttributeTypes:");
        let class = line.strip_prefix("olcObjectClasses:");
        let definition = |word: &str, text: &str| format!("{word}{text}\n");
        attribute
            .map(|text| definition("attributetype", text))
            .or(class.map(|text| definition("objectclass", text)))
    });
    definitions.collect()
}

/// The configuration that Debian's package makes, for a folder of its own and whoever runs it
/// instead of root.
pub(super) fn debian(folder: &Path) -> String {
    let template = std::fs::read_to_string("/usr/share/slapd/slapd.init.ldif").unwrap();
    let folder = folder.display();
    template
        .replace("/var/run/slapd", &folder.to_string())
        .replace("/var/lib/ldap", &format!("{folder}/db"))
        .replace(
            "gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth",
            &whoever_runs_it(),
        )
        .replace("@SUFFIX@", SUFFIX)
        .replace("@PASSWORD@", ROOT_PASSWORD)
}

/// How slapd calls its own user at its socket.
fn whoever_runs_it() -> String {
    let (user, group) = (nix::unistd::getuid(), nix::unistd::getgid());
    format!("gidNumber={group}+uidNumber={user},cn=peercred,cn=external,cn=auth")
}

/// People `u000000`, `u000001` …, each with this `userPassword`.
pub fn crowd(people: usize, hash: &str) -> String {
    let mut ldif = String::new();
    for number in 0..people {
        write!(
            ldif,
            "dn: uid=u{number:06},ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\n\
             uid: u{number:06}\ncn: u{number:06}\nsn: Nordmann\ndisplayName: Kari Nordmann\n\
             mail: u{number:06}@campus.example\nuserPassword: {hash}\n\n"
        )
        .unwrap();
    }
    ldif
}
