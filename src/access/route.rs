//! Whose user this is: the realm of the name decides.

use portvakt_auth::{NameError, NetworkAccessIdentifier, Realm, Refusal};

use super::policy::Policy;

/// One of our own users, by the name's normalised user part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalName {
    /// The user part, NFC and lower case; empty or `anonymous` in an outer name.
    pub user: String,
    /// The realm that was given, if any.
    pub realm: Option<Realm>,
}

/// Reads the outer name and decides where it belongs.
///
/// # Errors
/// [`Refusal::RealmMalformed`] for what no server could route (S2), [`Refusal::RealmUnknown`] for
/// a realm that is not ours (S6: an answer, not silence).
pub(super) fn route(name: &[u8], policy: &Policy) -> Result<LocalName, Refusal> {
    let name = NetworkAccessIdentifier::parse(name).map_err(|error| refusal_for(&error))?;
    let ours = match name.realm() {
        Some(realm) => policy.realms.contains(realm),
        None => policy.bare_names,
    };
    if !ours {
        return Err(Refusal::RealmUnknown);
    }
    Ok(LocalName {
        user: name.user().to_owned(),
        realm: name.realm().cloned(),
    })
}

/// Reads the inner identity of a tunnel and holds it against the outer name.
///
/// # Errors
/// [`Refusal::IdentityMismatch`] where the inner realm is neither the outer one nor below it (E9).
pub(super) fn inner_name(
    inner: &[u8],
    outer: &LocalName,
    policy: &Policy,
) -> Result<LocalName, Refusal> {
    let name = NetworkAccessIdentifier::parse(inner).map_err(|error| refusal_for(&error))?;
    if let Some(realm) = name.realm() {
        let matches = match outer.realm.as_ref().or(policy.realms.first()) {
            Some(outer) => realm.is_or_is_below(outer),
            None => false,
        };
        if !matches {
            return Err(Refusal::IdentityMismatch);
        }
    }
    Ok(LocalName {
        user: name.user().to_owned(),
        realm: name.realm().cloned(),
    })
}

fn refusal_for(error: &NameError) -> Refusal {
    match error {
        NameError::Realm(_) => Refusal::RealmMalformed,
        _ => Refusal::UnknownUser,
    }
}
