//! The users in the directories of these tests.

use portvakt_auth::password::{Argon2Cost, HashMemory, PasswordHash};

/// The password of everybody, and the word for Anna's second one.
pub(crate) const PASSWORD: &str = "correct-horse-battery";

/// Attributes beyond the openldap template, for the facts of students.
pub(crate) const ATTRIBUTES: &str = "
[directory.campus.attributes]
in-registry = \"portvaktInRegistry\"
registered-term = \"portvaktRegisteredTerm\"
fee-paid-term = \"portvaktFeePaidTerm\"
";

/// A user's entry; `lines` come on top of name, affiliation and password.
pub(crate) fn person(uid: &str, affiliation: &str, lines: &str) -> String {
    format!(
        "dn: uid={uid},ou=people,dc=campus,dc=example
objectClass: inetOrgPerson
objectClass: eduPerson
objectClass: schacEntryMetadata
objectClass: portvaktPerson
uid: {uid}
cn: {uid}
sn: {uid}
eduPersonPrimaryAffiliation: {affiliation}
userPassword: {}
{lines}
",
        hash(PASSWORD)
    )
}

/// As OpenLDAP's argon2 module keeps it.
pub(crate) fn hash(password: &str) -> String {
    let cost = Argon2Cost::new(1024, 1, 1).unwrap();
    let hash = PasswordHash::hash_new(password.as_bytes(), [7; 16], cost, &mut HashMemory::new());
    format!("{{ARGON2}}{}", hash.unwrap().reveal())
}

/// One for each state that the battery asks for.
pub(crate) fn everybody() -> String {
    let student = "portvaktAlias: s100001
portvaktInRegistry: TRUE
portvaktRegisteredTerm: 2099-autumn
portvaktFeePaidTerm: 2099-autumn
";
    let unpaid = "portvaktInRegistry: TRUE
portvaktRegisteredTerm: 2099-autumn
";
    [
        person("anna", "student", student),
        person("unpaid", "student", unpaid),
        person("bo", "employee", "portvaktVlan: 120\n"),
        person("gone", "employee", "schacExpiryDate: 20200101000000Z\n"),
        person("closed", "employee", "portvaktDeactivated: lost laptop\n"),
        person("old", "employee", "pwdChangedTime: 20200101000000Z\n"),
        person("victim", "employee", ""),
    ]
    .join("\n")
}
