//! Certificates, users and, where a case needs it, the slapd that both servers share.

use std::fs;
use std::path::PathBuf;

use portvakt_testkit::supplicant::{Authority, ClientCertificate};
use tempfile::TempDir;

use super::cases::Case;
use super::people::People;
use crate::common::{Recipe, Slapd};

/// In both servers' certificates.
pub(crate) const SERVER_NAME: &str = "radius.campus.example";

/// Files and processes that last as long as the case.
pub(crate) struct Ground {
    folder: TempDir,
    pub(crate) people: People,
    pub(crate) slapd: Option<Slapd>,
}

impl Ground {
    pub(crate) fn prepare(case: &Case, people: usize, pairs: usize) -> Self {
        let people = People::of(case, people, pairs);
        let ground = Self {
            folder: TempDir::with_prefix("compare").unwrap(),
            slapd: case.ldap.map(|_| lean_slapd(&people)),
            people,
        };
        ground.write_certificates(case.rsa);
        ground.write("people", &ground.people.devices(0..ground.people.count));
        ground
    }

    fn write_certificates(&self, rsa: bool) {
        let authority = Authority::new("Compare");
        let server = match rsa {
            true => authority.issue_rsa_server(),
            false => authority.issue_server(),
        };
        let device = ClientCertificate::of("user000000@campus.example", 7);
        let client = authority.issue_client(&device);
        let authorities = authority.certificate_pem() + &authority.intermediate_pem();
        let lists = authority.revocation_lists(&[8, 9], 2090);
        self.write("ca.pem", &authority.certificate_pem());
        self.write("server.pem", &server.chain_pem);
        self.write("server.key", &server.key_pem);
        self.write("client.pem", &client.chain_pem);
        self.write("client.key", &client.key_pem);
        self.write("client.crl", &lists);
        // FreeRADIUS reads the lists from the same file.
        self.write("client-ca.pem", &(authorities + &lists));
    }

    /// Writes a file for the servers or the devices.
    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// 0 where there is no slapd.
    pub(crate) fn ldap_port(&self) -> u16 {
        self.slapd.as_ref().map_or(0, Slapd::port)
    }
}

/// Without the password policy, which costs time at each bind and is of no use here.
fn lean_slapd(people: &People) -> Slapd {
    let recipe = Recipe {
        policy: "",
        ..Recipe::default()
    };
    Slapd::of(&recipe, &people.ldif())
}
