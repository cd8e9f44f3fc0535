//! Writing into a directory: `write`, `write-passwords`, `upgrade-hashes`.

use portvakt_ldap::settings::{LdapServer, PasswordMethod, Security, Template, Verify, Writing};

use crate::config::problem::Problem;
use crate::config::section::Section;

const WAYS: [(&str, PasswordMethod); 3] = [
    ("hash", PasswordMethod::Hash),
    ("password-modify", PasswordMethod::PasswordModify),
    ("unicode-pwd", PasswordMethod::UnicodePwd),
];

/// `None` where nothing is written.
pub(super) fn writing(
    section: &mut Section<'_>,
    template: Option<Template>,
    verify: Verify,
    servers: &[LdapServer],
) -> Option<Writing> {
    let write = section.boolean("write", false).value;
    let passwords = passwords(section, template, write);
    if write && passwords == PasswordMethod::UnicodePwd {
        refuse_plain_text(section, servers);
    }
    let is_possible = write && passwords == PasswordMethod::Hash && verify == Verify::Hash;
    let upgrade_hashes = section.boolean("upgrade-hashes", false);
    if upgrade_hashes.value && !is_possible {
        let problem =
            Problem::Conflict("passwords that are checked or written otherwise".to_owned());
        let advice = "it needs write = true, write-passwords = \"hash\" and verify = \"hash\"";
        let place = &upgrade_hashes.place;
        section.report().problem(place, problem, advice);
    }
    write.then_some(Writing {
        passwords,
        upgrade_hashes: upgrade_hashes.value,
    })
}

/// Active Directory takes nothing but `unicodePwd`, and nobody else has it.
fn passwords(section: &mut Section<'_>, template: Option<Template>, write: bool) -> PasswordMethod {
    let is_active_directory = template == Some(Template::ActiveDirectory);
    let default = match is_active_directory {
        true => PasswordMethod::UnicodePwd,
        false => PasswordMethod::Hash,
    };
    let (is_given, place) = (
        section.has("write-passwords"),
        section.key_place("write-passwords"),
    );
    let way = section.word("write-passwords", &WAYS, default);
    if is_given && !write {
        let problem = Problem::Conflict("write = false".to_owned());
        let advice = "nothing is written without write = true: add it, or leave this line out";
        section.report().problem(&place, problem, advice);
    }
    if template.is_some() && is_active_directory != (way == PasswordMethod::UnicodePwd) {
        let problem = Problem::Conflict("a template that knows another way".to_owned());
        let advice =
            "\"unicode-pwd\" is Active Directory's way, and its only one: leave the line out";
        section.report().problem(&place, problem, advice);
    }
    way
}

/// Active Directory takes no password over a connection that others can read.
fn refuse_plain_text(section: &mut Section<'_>, servers: &[LdapServer]) {
    let is_plain = |server: &LdapServer| server.security == Security::DangerPlainText;
    if servers.iter().any(is_plain) {
        let place = section.key_place("write");
        let problem = Problem::Conflict("danger-plain-text".to_owned());
        let advice = "Active Directory takes passwords over TLS only: write ldaps://, or leave start-tls out";
        section.report().problem(&place, problem, advice);
    }
}
