//! The steps of docs/ldap.md as a new user takes them: its own files and its own lines, from a slapd as
//! Debian's package makes it to the first log-on.

use std::path::Path;
use std::process::{Command, Output};

use crate::common::{Daemon, ROOT_PASSWORD, Setup, Slapd, run_with, text};

/// The section with the steps.
pub(crate) const FIRST: &str = "The first log-on";
/// Of the password on the page, as slapd makes it when nobody says otherwise.
const SSHA: &str = "{SSHA}chs0savcMUsKYoMUFDhY3TlfLTP6osIe";
const PAGE: &str = include_str!("../../../docs/ldap.md");

/// The text under a heading of the page.
fn section(heading: &str) -> &'static str {
    let after = PAGE.split_once(&format!("\n## {heading}\n")).unwrap().1;
    after.split("\n## ").next().unwrap()
}

/// The blocks of a section, each with its language.
fn blocks_of(heading: &str) -> Vec<(&'static str, String)> {
    let fences = section(heading).split("\n```").skip(1).step_by(2);
    fences
        .map(|block| block.split_once('\n').unwrap())
        .map(|(language, block)| (language, format!("{block}\n")))
        .collect()
}

/// The blocks of a section in this language; `""` is none.
pub(crate) fn blocks(heading: &str, language: &str) -> Vec<String> {
    let of_language = |(its, block): (&str, String)| (its == language).then_some(block);
    blocks_of(heading)
        .into_iter()
        .filter_map(of_language)
        .collect()
}

/// The lines of a section that are to be typed.
fn typed(heading: &str) -> String {
    let mut is_outside = true;
    let lines = section(heading).lines().filter_map(|line| {
        is_outside ^= line.starts_with("```");
        line.strip_prefix("    ").filter(|_| is_outside)
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// People as a plain slapd has them.
pub(crate) fn people() -> String {
    let person = |uid: &str| {
        format!(
            "dn: uid={uid},ou=people,dc=campus,dc=example\nobjectClass: inetOrgPerson\n\
             uid: {uid}\ncn: {uid}\nsn: {uid}\nhomePhone: 555\nuserPassword: {SSHA}\n"
        )
    };
    ["anna", "bo"].map(person).join("\n")
}

/// A slapd as it is installed, with people in it, and a certificate for it at hand.
pub(crate) fn installed(people: &str) -> Slapd {
    let slapd = Slapd::as_installed(people);
    let authority = slapd.authority();
    slapd.write("ca.pem", &authority.certificate_pem());
    slapd.put_certificate(&authority.issue_server_called("127.0.0.1"));
    slapd
}

/// The user's two machines, both of them here.
pub(crate) struct Here<'a> {
    pub(crate) slapd: &'a Slapd,
    pub(crate) setup: &'a Setup,
    /// The RADIUS address, once the server has one.
    pub(crate) port: u16,
}

impl Here<'_> {
    /// The whole list of what is otherwise than on the page: addresses, ports and folders, and that
    /// nobody is there to type the administrator's password.
    fn text(&self, page: &str) -> String {
        let path = |name: &str| self.slapd.path(name).display().to_string();
        let folder = self.setup.folder().display().to_string();
        page.replace("/etc/portvakt", &folder)
            .replace("/etc/ldap/tls/ldap.pem", &path("server.pem"))
            .replace("/etc/ldap/tls/ldap.key", &path("server.key"))
            .replace("ldapi:///", &self.slapd.ldapi())
            .replace("ldap://ldap.campus.example", &self.slapd.ldap())
            .replace(" -W ", " -y administrator ")
            .replace("-a 127.0.0.1", &format!("-a 127.0.0.1 -p {}", self.port))
    }

    /// Writes a file of the page.
    pub(crate) fn write(&self, name: &str, page: &str) {
        self.setup.write(name, &self.text(page));
    }

    /// Types lines of the page, and what they say.
    pub(crate) fn type_in(&self, page: &str) -> String {
        let typed = self.try_to_type_in(page);
        assert!(typed.status.success(), "{page}\n{}", text(&typed));
        text(&typed)
    }

    /// Whether Anna gets in by the page's last line.
    pub(crate) fn anna_gets_in(&self) -> bool {
        let lines = typed(FIRST);
        let (_, line) = lines.rsplit_once("eapol_test").unwrap();
        let typed = self.try_to_type_in(&format!("eapol_test{line}"));
        typed.status.success()
    }

    /// Types lines of the page; the first that fails ends it.
    fn try_to_type_in(&self, page: &str) -> Output {
        let programs = Path::new(env!("CARGO_BIN_EXE_portvakt")).parent().unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command
            .args(["-e", "-o", "pipefail", "-c", &self.text(page)])
            .current_dir(self.setup.folder())
            .env("PATH", path)
            .env("PORTVAKT_CONFIG", self.setup.config())
            .env("LDAPTLS_CACERT", self.slapd.path("ca.pem"));
        run_with(&mut command, "")
    }

    /// All before the server starts, with this as `access.ldif` and more lines in its directory's
    /// table. The configuration has a place to listen at and to keep data, and trusts who signed
    /// slapd's certificate, as the page says how.
    pub(crate) fn prepare(&self, access: &str, more: &str) {
        self.write("tls.ldif", &blocks("TLS", "")[0]);
        self.type_in(&typed("TLS"));
        self.setup.write("administrator", ROOT_PASSWORD);
        self.write("account.ldif", &blocks(FIRST, "ldif")[0]);
        self.write("access.ldif", access);
        self.write("anna.conf", &blocks(FIRST, "")[0]);
        let listen = "data = \"data\"\nlisten = [{ address = \"127.0.0.1:0\" }]\n\
                      metrics = { address = \"127.0.0.1:0\" }\n";
        let trust = format!("ca-file = {:?}\n", self.slapd.path("ca.pem"));
        let page = &blocks(FIRST, "toml")[0];
        self.write("portvakt.toml", &format!("{listen}{page}{trust}{more}"));
        let lines = typed(FIRST);
        let (before, _) = lines.split_once("portvakt check").unwrap();
        self.type_in(&format!("{before}portvakt check\n"));
    }
}

#[test]
fn peer_slapd_as_installed_and_ten_lines_lead_to_the_first_log_on() {
    assert!(blocks(FIRST, "toml")[0].lines().count() <= 10);
    let (slapd, setup) = (installed(&people()), Setup::new());
    let here = Here {
        slapd: &slapd,
        setup: &setup,
        port: 0,
    };
    here.prepare(&blocks(FIRST, "ldif")[1], "");
    let daemon = Daemon::start(setup);
    let here = Here {
        slapd: &slapd,
        setup: &daemon,
        port: daemon.address().port(),
    };
    let lines = typed(FIRST);
    let (_, after) = lines.split_once("portvakt serve\n").unwrap();
    let seen = here.type_in(after);
    for expected in ["uid=anna,ou=people", "user name", "(SHA-1)"] {
        assert!(seen.contains(expected), "{expected} is not in\n{seen}");
    }
    assert!(seen.trim_end().ends_with("SUCCESS"), "{seen}");
    assert_eq!(daemon.attempt(1)["account"], "anna");
}
