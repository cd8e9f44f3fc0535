//! Routing by the realm of a user name.

use portvakt_auth::{
    NameError, NetworkAccessIdentifier, Realm, RealmError, Refusal, ShortText, Symptom,
};

use crate::shown::as_given;

/// Which realms are our own.
#[derive(Clone, Debug)]
pub struct Realms {
    /// The primary one first.
    pub ours: Vec<Realm>,
    /// Whether a name without a realm belongs to the primary one.
    pub bare_names: bool,
    /// Windows domains in lower case, and the realm of each: `CAMPUS\anna` is anna there.
    pub windows_domains: Vec<(String, Realm)>,
}

/// A name that nobody of ours can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRefused {
    /// The reason.
    pub refusal: Refusal,
    /// The fault of the name, for the log.
    pub detail: String,
    /// The same as a symptom, where the reason leaves it open.
    pub symptom: Option<Symptom>,
}

impl Realms {
    /// Reads a name as it was sent; that of a [Windows domain](Self::windows_domains) is one of the
    /// domain's realm.
    ///
    /// # Errors
    /// As [`NetworkAccessIdentifier::parse`].
    pub fn read(&self, name: &[u8]) -> Result<NetworkAccessIdentifier, NameError> {
        match self.of_windows(name) {
            Some(([], _)) => Err(NameError::Empty),
            // A domain and a realm: the name would have two sources.
            Some((user, _)) if user.contains(&b'@') => Err(NameError::DownLevel),
            Some((user, realm)) => {
                let name = [user, b"@", realm.as_str().as_bytes()].concat();
                NetworkAccessIdentifier::parse(&name)
            }
            None => NetworkAccessIdentifier::parse(name),
        }
    }

    /// The user part of a name in a known Windows domain, and the domain's realm.
    fn of_windows<'n>(&self, name: &'n [u8]) -> Option<(&'n [u8], &Realm)> {
        let (domain, user) = name.split_at(name.iter().position(|octet| *octet == b'\\')?);
        let domain = str::from_utf8(domain).ok()?.to_lowercase();
        let mut known = self.windows_domains.iter();
        let (_, realm) = known.find(|(known, _)| *known == domain)?;
        Some((user.get(1..)?, realm))
    }

    /// The realm of a name; a name without one stands for the primary realm.
    pub(crate) fn realm_of<'r>(&'r self, name: &'r LocalName) -> Option<&'r Realm> {
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

/// The realm's decision about a request: a user of ours, or the reason it is refused for.
pub type Route = Result<LocalName, NameRefused>;

/// Routes a request by its outer name, User-Name where there is one.
///
/// # Errors
/// [`Refusal::RealmMalformed`] for what no server could route (S2), [`Refusal::RealmUnknown`] for
/// a realm that is not ours (S6: an answer, not silence).
pub fn route(name: Option<&[u8]>, realms: &Realms) -> Route {
    let refused = |refusal, detail, symptom| {
        Err(NameRefused {
            refusal,
            detail,
            symptom,
        })
    };
    let Some(name) = name else {
        let detail = "User-Name is missing".to_owned();
        return refused(Refusal::UnknownUser, detail, None);
    };
    let name = realms
        .read(name)
        .map_err(|error| refusal_for(&error, name))?;
    match name.realm() {
        Some(realm) if !realms.ours.contains(realm) => {
            let detail = format!("{realm} is none of the realms served here");
            return refused(Refusal::RealmUnknown, detail, None);
        }
        None if !realms.bare_names => {
            let detail = "the name has no realm, and bare-names = false".to_owned();
            return refused(Refusal::RealmUnknown, detail, Some(Symptom::RealmMissing));
        }
        _ => {}
    }
    let (user, realm) = name.into_parts();
    Ok(LocalName { user, realm })
}

/// Reads the inner identity of a tunnel and holds it against the outer name, whose realm it has if
/// it has none of its own.
///
/// # Errors
/// [`Refusal::IdentityMismatch`] where the inner realm is neither the outer one nor below it (E9).
pub(crate) fn inner_name(
    inner: &[u8],
    outer: &LocalName,
    realms: &Realms,
) -> Result<LocalName, NameRefused> {
    let name = realms
        .read(inner)
        .map_err(|error| refusal_for(&error, inner))?;
    if let Some(realm) = name.realm() {
        let outer = realms.realm_of(outer);
        if !outer.is_some_and(|outer| realm.is_or_is_below(outer)) {
            let outer = outer.map_or("that of nobody", Realm::as_str);
            return Err(NameRefused {
                refusal: Refusal::IdentityMismatch,
                detail: format!("{realm} inside the tunnel, {outer} outside"),
                symptom: None,
            });
        }
    }
    let (user, realm) = name.into_parts();
    let realm = realm.or_else(|| outer.realm.clone());
    Ok(LocalName { user, realm })
}

/// The error's own sentence; the name besides, escaped, where nobody would see what is wrong with it.
fn refusal_for(error: &NameError, name: &[u8]) -> NameRefused {
    let refusal = match error {
        NameError::Realm(_) => Refusal::RealmMalformed,
        _ => Refusal::UnknownUser,
    };
    let detail = match error {
        NameError::Space
        | NameError::ControlCharacter
        | NameError::NotUtf8
        | NameError::Realm(RealmError::Space | RealmError::Character) => {
            format!("{error}: \"{}\"", as_given(name))
        }
        NameError::DownLevel => {
            format!("{error}, and its domain is not among the windows-domains of a realm")
        }
        _ => error.to_string(),
    };
    NameRefused {
        refusal,
        detail,
        symptom: error.symptom(),
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
            windows_domains: vec![
                ("campus".to_owned(), Realm::parse("campus.example").unwrap()),
                (
                    "old.campus".to_owned(),
                    Realm::parse("old.campus.example").unwrap(),
                ),
            ],
        }
    }

    fn route_of(name: &str) -> Result<LocalName, NameRefused> {
        route(Some(name.as_bytes()), &ours())
    }

    fn routed(name: &str) -> Result<String, Refusal> {
        route_of(name)
            .map(|name| name.user.to_string())
            .map_err(|refused| refused.refusal)
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
        let refused = route(Some(b"s123456"), &strict).unwrap_err();
        assert_eq!(refused.refusal, Refusal::RealmUnknown);
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
        let outer = route_of("anonymous@campus.example").unwrap();
        let inner = |name: &str| {
            inner_name(name.as_bytes(), &outer, &ours())
                .map(|name| name.user.to_string())
                .map_err(|refused| refused.refusal)
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

    #[test]
    fn an_inner_name_without_a_realm_has_that_of_the_outer_one() {
        let realm_of = |outer: &str, inner: &str| {
            let outer = route_of(outer).unwrap();
            let inner = inner_name(inner.as_bytes(), &outer, &ours()).unwrap();
            inner.realm.map(|realm| realm.to_string())
        };
        let old = Some("old.campus.example".to_owned());
        assert_eq!(realm_of("anonymous@old.campus.example", "anna"), old);
        assert_eq!(realm_of("@campus.example", "anna@old.campus.example"), old);
        assert_eq!(realm_of("anonymous", "anna"), None);
    }

    /// E9, where the outer name has no realm: the primary one stands in for it.
    #[test]
    fn a_bare_outer_name_stands_for_the_primary_realm() {
        let outer = route_of("anonymous").unwrap();
        let inner = |name: &str| {
            inner_name(name.as_bytes(), &outer, &ours())
                .map(|name| name.user.to_string())
                .map_err(|refused| refused.refusal)
        };
        assert_eq!(inner("anna@campus.example").as_deref(), Ok("anna"));
        assert_eq!(inner("anna@other.example"), Err(Refusal::IdentityMismatch));
    }

    #[test]
    fn name_of_a_known_windows_domain_is_one_of_its_realm() {
        for name in ["CAMPUS\\anna", "campus\\Anna", "Campus\\anna"] {
            let routed = route_of(name).unwrap();
            assert_eq!(&*routed.user, "anna");
            assert_eq!(routed.realm.unwrap().as_str(), "campus.example");
        }
        let old = route_of("OLD.CAMPUS\\anna").unwrap();
        assert_eq!(old.realm.unwrap().as_str(), "old.campus.example");
        let outer = route_of("CAMPUS\\anna").unwrap();
        let inner = inner_name(b"CAMPUS\\anna", &outer, &ours()).unwrap();
        assert_eq!(inner, outer);
        let other = [
            "OTHER\\anna",
            "CAMPUS\\",
            "CAMPUS\\a@b.example",
            "CAMPUS\\a\\b",
            "\\anna",
        ];
        for name in other {
            assert_eq!(routed(name), Err(Refusal::UnknownUser), "{name}");
        }
        let outer = route_of("OLD.CAMPUS\\anna").unwrap();
        let elsewhere = inner_name(b"CAMPUS\\anna", &outer, &ours()).unwrap_err();
        assert_eq!(elsewhere.refusal, Refusal::IdentityMismatch);
    }

    #[test]
    fn refused_name_says_what_is_wrong_with_it() {
        for (name, detail) in [
            ("", "the name is empty"),
            (
                "OTHER\\anna",
                "the name has the Windows form DOMAIN\\name, and its domain is not \
                               among the windows-domains of a realm",
            ),
            ("an na", "the user name has a space in it: \"an na\""),
            (
                "anna\u{a0}",
                "the user name has a space in it: \"anna\\u{a0}\"",
            ),
            (
                "an\u{200b}na",
                "the user name has a control or invisible character in it: \
                              \"an\\u{200b}na\"",
            ),
            (
                "anna@campus.example ",
                "the realm is malformed: it has a space in it: \
                                      \"anna@campus.example \"",
            ),
            (
                "anna@campus.example\u{a0}",
                "the realm is malformed: it has a space in it: \
                                           \"anna@campus.example\\u{a0}\"",
            ),
            (
                "anna@campus.example.",
                "the realm is malformed: it ends with a dot",
            ),
            ("anna@campus", "the realm is malformed: it has no dot"),
            (
                "host/pc.campus.example",
                "the name is that of a machine, host/…",
            ),
            (
                "anna@AD.Campus.Example",
                "ad.campus.example is none of the realms served here",
            ),
        ] {
            assert_eq!(route_of(name).unwrap_err().detail, detail, "{name:?}");
        }
        let missing = route(None, &ours()).unwrap_err();
        assert_eq!(missing.detail, "User-Name is missing");
        let outer = route_of("anonymous@campus.example").unwrap();
        let mismatch = inner_name(b"anna@other.example", &outer, &ours()).unwrap_err();
        let detail = "other.example inside the tunnel, campus.example outside";
        assert_eq!(mismatch.detail, detail);
        let latin = route(Some(b"bj\xf8rn"), &ours()).unwrap_err();
        assert_eq!(latin.detail, "the name is not UTF-8: \"bj\\xf8rn\"");
    }
}
