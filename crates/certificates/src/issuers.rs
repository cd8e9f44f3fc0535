//! The rest of the chain: devices know the root, and must be shown everything in between, in order.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};

use super::lints::{Chain, Lint, called};

/// How the certificates of a file hang together.
pub(super) struct Order {
    /// From the server's own certificate up to the last issuer that is there.
    path: Vec<usize>,
    /// Those that are not on it.
    strangers: Vec<usize>,
}

impl Order {
    pub(super) fn of(all: &[X509Certificate<'_>]) -> Self {
        let mut path = Vec::new();
        let mut next = (!all.is_empty()).then_some(0);
        while let Some(index) = next {
            path.push(index);
            next = all.get(index).and_then(|certificate| {
                let issues = |(at, issuer): &(usize, &X509Certificate<'_>)| {
                    !path.contains(at) && issuer.subject().as_raw() == certificate.issuer().as_raw()
                };
                all.iter().enumerate().find(issues).map(|(at, _)| at)
            });
        }
        let strangers = (0..all.len()).filter(|at| !path.contains(at)).collect();
        Self { path, strangers }
    }
}

pub(super) fn is_self_issued(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}

fn is_authority(certificate: &X509Certificate<'_>) -> bool {
    let constraints = certificate.basic_constraints().ok().flatten();
    constraints.is_some_and(|constraints| constraints.value.ca)
}

/// The last certificate that leads on from the server's own.
fn last<'c>(chain: &'c Chain<'_>) -> Option<&'c X509Certificate<'c>> {
    chain.all.get(*chain.order.path.last()?)
}

fn strangers<'c>(chain: &'c Chain<'_>) -> impl Iterator<Item = &'c X509Certificate<'c>> {
    let at = chain.order.strangers.iter();
    at.filter_map(|at| chain.all.get(*at))
}

pub(super) fn self_signed(chain: &Chain<'_>) -> Option<Lint> {
    let text =
        "the certificate is self-signed: each renewal would have to reach every device first";
    let advice = "make a CA of your own, give that to the devices, and issue this one from it";
    is_self_issued(chain.own).then(|| Lint::new(text, advice))
}

pub(super) fn own_is_an_authority(chain: &Chain<'_>) -> Option<Lint> {
    let text = "the first certificate is that of a CA, not of a server";
    let advice = "the server's own certificate comes first, and says CA:FALSE";
    is_authority(chain.own).then(|| Lint::new(text, advice))
}

pub(super) fn out_of_order(chain: &Chain<'_>) -> Option<Lint> {
    let Order { path, strangers } = &chain.order;
    let text = "the chain is not in order: some devices don't sort it";
    let advice = "each certificate is followed by its issuer's";
    (strangers.is_empty() && !path.is_sorted()).then(|| Lint::new(text, advice))
}

/// Further authorities that lead nowhere: something between is missing, or they don't belong here.
pub(super) fn broken(chain: &Chain<'_>) -> Option<Lint> {
    let stranger = strangers(chain).find(|stranger| is_authority(stranger))?;
    let last = last(chain)?;
    let text = format!(
        "the chain is broken: {} was issued by {}, which is not there, and {} issued none of it",
        called(last),
        last.issuer(),
        called(stranger)
    );
    let advice = "devices fetch nothing: put in each issuer between the server and the root";
    Some(Lint::new(text, advice))
}

/// With the server's certificate alone it can't be told whether the root issued it. Where it says
/// from where to fetch its issuer, it probably did not.
pub(super) fn incomplete(chain: &Chain<'_>) -> Option<Lint> {
    if chain.all.len() > 1 || is_self_issued(chain.own) || !names_its_issuers_address(chain.own) {
        return None;
    }
    let text = format!(
        "the chain ends with the server's own certificate: unless {} is the root that your devices \
         have, they can't check it",
        chain.own.issuer()
    );
    let advice = "add the CA's intermediate certificates after it: devices don't fetch them";
    Some(Lint::new(text, advice))
}

fn names_its_issuers_address(certificate: &X509Certificate<'_>) -> bool {
    let has_address = |extension: &ParsedExtension<'_>| match extension {
        ParsedExtension::AuthorityInfoAccess(access) => access.iter().any(|description| {
            description.access_method.to_id_string() == "1.3.6.1.5.5.7.48.2"
                && matches!(description.access_location, GeneralName::URI(_))
        }),
        _ => false,
    };
    let mut extensions = certificate.extensions().iter();
    extensions.any(|extension| has_address(extension.parsed_extension()))
}

pub(super) fn root_included(chain: &Chain<'_>) -> Option<Lint> {
    let root = last(chain).filter(|last| is_self_issued(last))?;
    let text = format!(
        "the root, {}, is in the chain: devices have it, and must",
        called(root)
    );
    let advice = "remove it: it only makes each log-on longer";
    (chain.all.len() > 1).then(|| Lint::new(text, advice))
}

pub(super) fn without_basic_constraints(chain: &Chain<'_>) -> Option<Lint> {
    let mut issuers = chain.order.path.iter().skip(1);
    let issuer = issuers.find_map(|at| {
        let issuer = chain.all.get(*at)?;
        (!is_authority(issuer)).then_some(issuer)
    })?;
    let text = format!(
        "{} does not say that it is a CA (BasicConstraints)",
        called(issuer)
    );
    Some(Lint::new(
        text,
        "devices refuse what it issued: use another CA",
    ))
}

pub(super) fn several_servers(chain: &Chain<'_>) -> Option<Lint> {
    let second = strangers(chain).find(|stranger| !is_authority(stranger))?;
    let text = format!(
        "there is a second server certificate in the chain, {}",
        called(second)
    );
    Some(Lint::new(text, "leave the server's own and its issuers"))
}
