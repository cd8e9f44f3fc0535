//! Whose user this is: the realm of the name decides.

use portvakt_auth::{NameError, NetworkAccessIdentifier, Realm, Refusal, ShortText};

/// Which realms are our own.
#[derive(Clone, Debug)]
pub struct Realms {
    /// The primary one first.
    pub ours: Vec<Realm>,
    /// Whether a name without a realm belongs to the primary one.
    pub bare_names: bool,
}

impl Realms {
    /// The realm of a name; a name without one stands for the primary realm.
    pub(super) fn realm_of<'r>(&'r self, name: &'r LocalName) -> Option<&'r Realm> {
        name.realm.as_ref().or(self.ours.first())
    }
}

/// One of our own users, by the name's normalised user part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalName {
    /// The user part, NFC and lower case; empty or `anonymous` in an outer name.
    pub user: ShortText,
    /// The realm that was given, if any.
    pub realm: Option<Realm>,
}

/// Reads the outer name and decides where it belongs.
///
/// # Errors
/// [`Refusal::RealmMalformed`] for what no server could route (S2), [`Refusal::RealmUnknown`] for
/// a realm that is not ours (S6: an answer, not silence).
pub(super) fn route(name: &[u8], realms: &Realms) -> Result<LocalName, Refusal> {
    let name = NetworkAccessIdentifier::parse(name).map_err(|error| refusal_for(&error))?;
    let ours = match name.realm() {
        Some(realm) => realms.ours.contains(realm),
        None => realms.bare_names,
    };
    if !ours {
        return Err(Refusal::RealmUnknown);
    }
    let (user, realm) = name.into_parts();
    Ok(LocalName { user, realm })
}

/// Reads the inner identity of a tunnel and holds it against the outer name.
///
/// # Errors
/// [`Refusal::IdentityMismatch`] where the inner realm is neither the outer one nor below it (E9).
pub(super) fn inner_name(
    inner: &[u8],
    outer: &LocalName,
    realms: &Realms,
) -> Result<LocalName, Refusal> {
    let name = NetworkAccessIdentifier::parse(inner).map_err(|error| refusal_for(&error))?;
    if let Some(realm) = name.realm() {
        let matches = match realms.realm_of(outer) {
            Some(outer) => realm.is_or_is_below(outer),
            None => false,
        };
        if !matches {
            return Err(Refusal::IdentityMismatch);
        }
    }
    let (user, realm) = name.into_parts();
    Ok(LocalName { user, realm })
}

fn refusal_for(error: &NameError) -> Refusal {
    match error {
        NameError::Realm(_) => Refusal::RealmMalformed,
        _ => Refusal::UnknownUser,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Realms {
        let realms = ["campus.example", "old.campus.example"];
        Realms {
            ours: realms.map(|realm| Realm::parse(realm).unwrap()).to_vec(),
            bare_names: true,
        }
    }

    fn routed(name: &str) -> Result<String, Refusal> {
        route(name.as_bytes(), &ours()).map(|name| name.user.to_string())
    }

    #[test]
    fn our_realms_and_bare_names_are_ours() {
        assert_eq!(routed("S123456@Campus.Example").as_deref(), Ok("s123456"));
        assert_eq!(
            routed("s123456@old.campus.example").as_deref(),
            Ok("s123456")
        );
        assert_eq!(routed("s123456").as_deref(), Ok("s123456"));
        assert_eq!(routed("@campus.example").as_deref(), Ok(""));
        let strict = Realms {
            bare_names: false,
            ..ours()
        };
        assert_eq!(route(b"s123456", &strict), Err(Refusal::RealmUnknown));
    }

    /// S2, S6: an answer for whatever can't be routed.
    #[test]
    fn other_realms_are_unknown_and_broken_ones_malformed() {
        assert_eq!(routed("a@other.example"), Err(Refusal::RealmUnknown));
        assert_eq!(routed("a@sub.campus.example"), Err(Refusal::RealmUnknown));
        for name in [
            "a@campus",
            "a@.campus.example",
            "a@campus..example",
            "a@campus.example.",
        ] {
            assert_eq!(routed(name), Err(Refusal::RealmMalformed), "{name}");
        }
        assert_eq!(routed("host/pc.campus.example"), Err(Refusal::UnknownUser));
        assert_eq!(routed(""), Err(Refusal::UnknownUser));
    }

    /// E9.
    #[test]
    fn the_inner_realm_is_the_outer_one_or_below_it() {
        let outer = route(b"anonymous@campus.example", &ours()).unwrap();
        let inner = |name: &str| {
            inner_name(name.as_bytes(), &outer, &ours()).map(|name| name.user.to_string())
        };
        assert_eq!(inner("anna@campus.example").as_deref(), Ok("anna"));
        assert_eq!(inner("anna@students.campus.example").as_deref(), Ok("anna"));
        assert_eq!(inner("anna").as_deref(), Ok("anna"));
        assert_eq!(inner("anna@other.example"), Err(Refusal::IdentityMismatch));
        assert_eq!(
            inner("anna@evilcampus.example"),
            Err(Refusal::IdentityMismatch)
        );
    }

    /// E9, where the outer name has no realm: the primary one stands in for it.
    #[test]
    fn a_bare_outer_name_stands_for_the_primary_realm() {
        let outer = route(b"anonymous", &ours()).unwrap();
        let inner = |name: &str| {
            inner_name(name.as_bytes(), &outer, &ours()).map(|name| name.user.to_string())
        };
        assert_eq!(inner("anna@campus.example").as_deref(), Ok("anna"));
        assert_eq!(inner("anna@other.example"), Err(Refusal::IdentityMismatch));
    }
}
