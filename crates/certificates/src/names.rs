//! Names of a server: one host name, as common name and in subjectAltName, suits every device.

use x509_parser::certificate::X509Certificate;

use super::dns_names;
use super::lints::{Chain, Lint};

const ADVICE: &str =
    "have one host name in it, such as radius.campus.example, as CN and as SAN:DNS";

fn common_names<'c>(certificate: &'c X509Certificate<'_>) -> Vec<&'c str> {
    let names = certificate.subject().iter_common_name();
    names.filter_map(|name| name.as_str().ok()).collect()
}

pub(super) fn missing(chain: &Chain<'_>) -> Option<Lint> {
    if !dns_names(chain.own).is_empty() {
        return None;
    }
    let text = match common_names(chain.own).first() {
        Some(name) => format!(
            "the certificate names its host only as common name, {name} (no SAN:DNS): Android and \
             Apple devices don't look there"
        ),
        None => "the certificate names no host (no SAN:DNS)".to_owned(),
    };
    Some(Lint::new(text, ADVICE))
}

pub(super) fn only_in_one_place(chain: &Chain<'_>) -> Option<Lint> {
    let (alternative, common) = (dns_names(chain.own), common_names(chain.own));
    if alternative.is_empty() {
        return None;
    }
    let is_in_both = |name: &&str| alternative.iter().any(|dns| dns.eq_ignore_ascii_case(name));
    if common.iter().any(is_in_both) {
        return None;
    }
    let common = match common.first() {
        Some(name) => format!("the common name is {name}"),
        None => "there is no common name".to_owned(),
    };
    let names = alternative.join(", ");
    let text = format!("no name is in both CN and SAN: {common}, SAN:DNS has {names}");
    Some(Lint::new(text, ADVICE))
}

pub(super) fn several_common_names(chain: &Chain<'_>) -> Option<Lint> {
    let names = common_names(chain.own);
    let text = format!("the certificate has {} common names", names.len());
    (names.len() > 1).then(|| Lint::new(text, ADVICE))
}

pub(super) fn wildcard(chain: &Chain<'_>) -> Option<Lint> {
    let alternative = dns_names(chain.own);
    let common = common_names(chain.own);
    let mut names = alternative.iter().map(String::as_str).chain(common);
    let text = "some devices refuse a wildcard certificate";
    names
        .any(|name| name.contains('*'))
        .then(|| Lint::new(text, ADVICE))
}

pub(super) fn malformed(chain: &Chain<'_>) -> Option<Lint> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '*');
    let is_host = |name: &&String| name.contains('.') && name.chars().all(is_letter);
    let names = dns_names(chain.own);
    let wrong = names.iter().find(|name| !is_host(name))?;
    let text = format!("{wrong:?} in SAN:DNS is no host name");
    Some(Lint::new(text, ADVICE))
}
