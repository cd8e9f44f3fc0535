//! Questions to a directory: who has this name, and which groups are they in.

use ldap3::asn1::{PL, StructureTag};
use ldap3::result::LdapResult;
use ldap3::{Ldap, ResultEntry, Scope as LdapScope, SearchOptions, ldap_escape};
use portvakt_auth::Realm;
use zeroize::Zeroizing;

use crate::connection::failure::Failure;
use crate::connection::framing::Fault;
use crate::schema::entry_facts::MEMBER_OF;
use crate::schema::mapping::Mapping;
use crate::schema::template::id_attribute;
use crate::settings::{Membership, Scope, Settings};
use portvakt_directory::FindError;
use portvakt_directory::attributes::AttributeRole;
use portvakt_directory::entry::{Attribute, Entry};

/// Two entries are one too many (P2), and as many as need be seen.
const MAX_ENTRIES: i32 = 2;
/// More groups than anybody is in.
const MAX_GROUPS: i32 = 2000;
/// Matches groups within groups too ([MS-ADTS] §3.1.1.3.4.4.3).
const IN_CHAIN: &str = "member:1.2.840.113556.1.4.1941:";
/// More references to other servers than any answer has.
const MAX_REFERENCES: usize = 1000;
/// RFC 4511 §4.5.1.8.
const NO_ATTRIBUTES: &str = "1.1";
const SUCCESS: u32 = 0;

/// The search for a name.
pub(crate) struct Queries {
    base: String,
    scope: LdapScope,
    filter: String,
    wanted: Vec<String>,
    by_name: Vec<String>,
    by_principal: Vec<String>,
    realm: Option<Realm>,
    groups: Option<Membership>,
    group_base: String,
    id_attribute: &'static str,
}

impl Queries {
    pub(crate) fn new(settings: &Settings, mapping: &Mapping) -> Self {
        let of = |fact| mapping.attributes.of(fact).to_vec();
        Self {
            base: settings.base.clone(),
            scope: match settings.scope {
                Scope::Subtree => LdapScope::Subtree,
                Scope::OneLevel => LdapScope::OneLevel,
            },
            filter: settings.filter.clone().unwrap_or_default(),
            wanted: mapping.wanted(),
            by_name: [of(AttributeRole::UserName), of(AttributeRole::Alias)].concat(),
            by_principal: of(AttributeRole::PrincipalName),
            realm: mapping.realms.first().cloned(),
            groups: mapping.group_search(),
            group_base: settings.group_base.clone(),
            id_attribute: id_attribute(settings.template),
        }
    }

    /// The filter for whoever has this name; all that it brings along is escaped (P2; RFC 4515 §3).
    pub(crate) fn filter_for(&self, name: &str, realm: Option<&Realm>) -> String {
        let escaped = ldap_escape(name);
        let mut any: String = self
            .by_name
            .iter()
            .map(|n| format!("({n}={escaped})"))
            .collect();
        if let Some(realm) = realm.or(self.realm.as_ref()) {
            let principal = format!("{name}@{}", realm.as_str());
            let principal = ldap_escape(principal.as_str());
            any.extend(
                self.by_principal
                    .iter()
                    .map(|n| format!("({n}={principal})")),
            );
        }
        format!("(&(|{any}){})", self.filter)
    }

    /// The entries that have this name: none, one, or two, which is one too many.
    pub(crate) async fn find(
        &self,
        ldap: Ldap,
        name: &str,
        realm: Option<&Realm>,
    ) -> Result<Vec<Entry>, Failure> {
        let filter = self.filter_for(name, realm);
        let search = Search {
            base: &self.base,
            scope: self.scope,
            filter: &filter,
            most: MAX_ENTRIES,
        };
        let (found, result) = search.run(ldap, &self.wanted).await?;
        match (result.rc, found.len()) {
            (SUCCESS, _) | (_, 2..) => Ok(found),
            _ => Err(Failure::of_result(&result)),
        }
    }

    /// The entry of a name, of those that have it: none, one, or of several the one whose principal
    /// name it is exactly, realm and all. Somebody's user name may be the user part of another's.
    ///
    /// # Errors
    /// [`FindError::Ambiguous`].
    pub(crate) fn only<'e>(
        &self,
        entries: &'e [Entry],
        name: &str,
        realm: Option<&Realm>,
    ) -> Result<Option<&'e Entry>, FindError> {
        if let [] | [_] = entries {
            return Ok(entries.first());
        }
        let whole = realm.map(|realm| format!("{name}@{}", realm.as_str()));
        let is_whole = |entry: &&Entry| {
            let mut values = self.by_principal.iter().flat_map(|name| entry.values(name));
            values.any(|value| {
                let text = std::str::from_utf8(&value.value).unwrap_or_default();
                whole
                    .as_ref()
                    .is_some_and(|whole| text.eq_ignore_ascii_case(whole))
            })
        };
        let mut exact = entries.iter().filter(is_whole);
        match (exact.next(), exact.next()) {
            (Some(entry), None) => Ok(Some(entry)),
            _ => {
                let names = entries.iter().map(|entry| entry.dn.clone());
                Err(FindError::Ambiguous(names.collect()))
            }
        }
    }

    /// The present name of an entry beneath the base, by what it keeps; `None` if it is gone.
    pub(crate) async fn name_of(
        &self,
        ldap: Ldap,
        id: [u8; 16],
    ) -> Result<Option<String>, Failure> {
        let filter = self.filter_for_id(id);
        let search = Search {
            base: &self.base,
            scope: self.scope,
            filter: &filter,
            most: MAX_ENTRIES,
        };
        let (found, result) = search.run(ldap, &[NO_ATTRIBUTES.to_owned()]).await?;
        match (result.rc, found.into_iter().next()) {
            (SUCCESS, entry) => Ok(entry.map(|entry| entry.dn)),
            _ => Err(Failure::of_result(&result)),
        }
    }

    /// Octets for objectGUID; the others are texts with hyphens, each in its own places.
    fn filter_for_id(&self, id: [u8; 16]) -> String {
        let after: &[usize] = match self.id_attribute {
            "objectGUID" => &[],
            "nsUniqueId" => &[4, 8, 12],
            _ => &[4, 6, 8, 10],
        };
        let is_octets = after.is_empty();
        let mut text = String::new();
        for (place, octet) in id.iter().enumerate() {
            if after.contains(&place) {
                text.push('-');
            }
            if is_octets {
                text.push('\\');
            }
            text.push_str(&format!("{octet:02x}"));
        }
        format!("(&({}={text}){})", self.id_attribute, self.filter)
    }

    /// Adds the groups that an entry is in, where they must be looked for.
    pub(crate) async fn add_groups(&self, ldap: Ldap, entry: &mut Entry) -> Result<(), Failure> {
        let Some(membership) = self.groups else {
            return Ok(());
        };
        let dn = ldap_escape(entry.dn.as_str()).into_owned();
        let filter = match membership {
            Membership::Nested => format!("({IN_CHAIN}={dn})"),
            _ => format!("(|(member={dn})(uniqueMember={dn}))"),
        };
        let search = Search {
            base: &self.group_base,
            scope: LdapScope::Subtree,
            filter: &filter,
            most: MAX_GROUPS,
        };
        let (groups, result) = search.run(ldap, &[NO_ATTRIBUTES.to_owned()]).await?;
        if result.rc != SUCCESS {
            return Err(Failure::of_result(&result));
        }
        entry
            .attributes
            .extend(groups.into_iter().map(|group| Attribute {
                name: MEMBER_OF.to_ascii_lowercase(),
                value: Zeroizing::new(group.dn.into_bytes()),
                line: None,
            }));
        Ok(())
    }
}

/// One search.
struct Search<'a> {
    base: &'a str,
    scope: LdapScope,
    filter: &'a str,
    most: i32,
}

impl Search<'_> {
    /// Its entries, and how it ended. References to other servers are passed over: Active Directory
    /// sends some with every answer. More than was asked for is read no further.
    async fn run(
        &self,
        mut ldap: Ldap,
        wanted: &[String],
    ) -> Result<(Vec<Entry>, LdapResult), Failure> {
        let options = SearchOptions::new().sizelimit(self.most);
        ldap.with_search_options(options);
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        // As a stream of its own: the library forgets to free the identifiers of collected ones.
        let mut stream = ldap
            .streaming_search(self.base, self.scope, self.filter, wanted)
            .await?;
        let mut entries = Vec::new();
        let most = usize::try_from(self.most).unwrap_or_default();
        let mut others = 0;
        while let Some(item) = stream.next().await? {
            if others > MAX_REFERENCES || entries.len() > most {
                return Err(Failure::PasswordRequest(Fault::Endless));
            }
            if item.is_ref() || item.is_intermediate() {
                others += 1;
                continue;
            }
            entries.push(entry(item).ok_or(Failure::Garbled)?);
        }
        Ok((entries, stream.finish().await))
    }
}

/// `SearchResultEntry ::= [APPLICATION 4] SEQUENCE { objectName, attributes }` (RFC 4511 §4.5.2);
/// `None` if it is anything else.
pub(crate) fn entry(item: ResultEntry) -> Option<Entry> {
    let mut parts = item.0.match_id(4)?.expect_constructed()?.into_iter();
    let dn = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
    let mut attributes = Vec::new();
    for attribute in parts.next()?.expect_constructed()? {
        add_values(attribute, &mut attributes)?;
    }
    Some(Entry {
        dn,
        line: None,
        attributes,
    })
}

/// `PartialAttribute ::= SEQUENCE { type, vals SET OF value }`
fn add_values(attribute: StructureTag, attributes: &mut Vec<Attribute>) -> Option<()> {
    let mut parts = attribute.expect_constructed()?.into_iter();
    let name = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
    for value in parts.next()?.expect_constructed()? {
        let PL::P(octets) = value.payload else {
            return None;
        };
        attributes.push(Attribute {
            name: name.to_ascii_lowercase(),
            value: Zeroizing::new(octets),
            line: None,
        });
    }
    Some(())
}
