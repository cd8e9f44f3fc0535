//! `[store]`: the database that accounts, locks, attempts and sessions are kept in.

use portvakt_store::{PostgresSettings, SettingsError, SynchronousCommit};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::external::External;
use super::pem;
use super::problem::Problem;
use super::section::Section;

/// Keys that do nothing without `url`.
const DETAILS: [&str; 3] = ["password-file", "ca-file", "synchronous-commit"];

/// The database elsewhere; `None` for the file in the data folder.
pub(super) fn store(root: &mut Section<'_>, external: &External) -> Option<PostgresSettings> {
    let mut section = root.table("store");
    let detail = DETAILS.into_iter().find(|key| section.has(key));
    let is_elsewhere = section.has("url");
    let settings = url(&mut section);
    let password = external.secret_file(&mut section, "password-file");
    let authorities = authorities(&mut section, external);
    let words = SynchronousCommit::ALL;
    let commit = section.word("synchronous-commit", &words, SynchronousCommit::default());
    if let Some(detail) = detail.filter(|_| !is_elsewhere) {
        let lint =
            "without `store.url` the database is a file in the data folder: this does nothing";
        let place = section.key_place(detail);
        section
            .report()
            .warning(&place, lint, "give the url too, or remove this line");
    }
    section.finish();
    let mut settings = settings?.with_synchronous_commit(commit);
    if let Some(password) = password {
        settings = settings.with_password(password.value.as_bytes());
    }
    if let Some(authorities) = authorities {
        settings = settings.with_authorities(authorities);
    }
    Some(settings)
}

fn url(section: &mut Section<'_>) -> Option<PostgresSettings> {
    // Not shown: a password may be in it.
    let given = section.hidden_text("url")?;
    match PostgresSettings::parse(&given.value) {
        Ok(settings) => {
            if settings.is_unprotected() {
                let lint = "password hashes cross the network in the clear";
                let advice = "remove sslmode=disable, and set up TLS at the database";
                section.report().warning(&given.place, lint, advice);
            }
            Some(settings)
        }
        Err(error) => {
            let advice = match &error {
                SettingsError::Password => "put the password into a file: store.password-file",
                _ => "like \"postgres://portvakt@db1.campus.example/portvakt\"",
            };
            let problem = Problem::Unreadable(error.to_string());
            section.report().problem(&given.place, problem, advice);
            None
        }
    }
}

fn authorities(
    section: &mut Section<'_>,
    external: &External,
) -> Option<Vec<CertificateDer<'static>>> {
    let given = external.file(section, "ca-file")?;
    let (path, content) = given.value;
    let octets = pem::authorities(section, &given.place, &path, content)?;
    let certificates = CertificateDer::pem_slice_iter(&octets);
    Some(certificates.filter_map(Result::ok).collect())
}
