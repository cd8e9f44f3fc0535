//! A server that speaks LDAP as Active Directory does. It is **not** Active Directory: its answers
//! are shapes recorded from the documentation ([MS-ADTS]) and from captures that others published.
//! `tests/ldap/controller.rs` has a real domain controller, Samba's.
//!
//! The parts of it: 1000 entries a page and no more without pages, uSNChanged and
//! highestCommittedUSN, DirSync with its right, objectGUID as octets, times as FILETIME, continuation
//! references in every answer, binds that say why in `data` codes, and `unicodePwd`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use ldap3_proto::LdapCodec;
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapBindCred, LdapBindResponse, LdapExtendedResponse, LdapFilter, LdapModifyRequest,
    LdapModifyType, LdapMsg, LdapOp, LdapPartialAttribute, LdapResult, LdapResultCode,
    LdapSearchRequest, LdapSearchResultEntry, LdapSearchResultReference,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Decoder as _, Encoder as _};

/// The domain.
pub(crate) const CONTEXT: &str = "DC=ad,DC=campus,DC=example";
/// Our account in it, and its password.
pub(crate) const SERVICE: &str = "CN=portvakt,CN=Users,DC=ad,DC=campus,DC=example";
pub(crate) const SERVICE_PASSWORD: &str = "the-password-of-our-account";
/// The password of everybody.
pub(crate) const PASSWORD: &str = "correct-horse-battery";

/// MaxPageSize of the default query policy.
const PAGE: usize = 1000;
/// Objects that one answer of DirSync tells of; the real bound is in octets.
const DIRSYNC_AT_ONCE: usize = 400;
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";
const DIRSYNC: &str = "1.2.840.113556.1.4.841";

/// A user, or what is left of one.
#[derive(Clone)]
struct Object {
    dn: String,
    attributes: Vec<(String, Vec<u8>)>,
    /// The present one, and those before it.
    passwords: Vec<String>,
    /// Why a bind with the right password fails: the `data` code.
    refusal: Option<&'static str>,
    usn: u64,
    is_deleted: bool,
}

impl Object {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let own = self.attributes.iter();
        own.filter(move |(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    fn set(&mut self, name: &str, value: &[u8]) {
        self.attributes
            .retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        self.attributes.push((name.to_owned(), value.to_vec()));
    }
}

struct Domain {
    objects: Vec<Object>,
    highest_usn: u64,
    may_replicate: bool,
    may_reset: bool,
}

/// The server, which ends when it is dropped.
pub(crate) struct ActiveDirectory {
    address: SocketAddr,
    domain: Arc<Mutex<Domain>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for ActiveDirectory {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl ActiveDirectory {
    /// With so many users, `u0000`, `u0001` …. `may_replicate` is whether our account has the right
    /// "Replicating Directory Changes".
    pub(crate) fn with(users: usize, may_replicate: bool) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let domain = Arc::new(Mutex::new(Domain {
            objects: Vec::new(),
            highest_usn: 12_000,
            may_replicate,
            may_reset: true,
        }));
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&domain);
        let thread = std::thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! { () = serve(listener, shared) => {}, _ = stopped => {} }
            });
        });
        let server = Self {
            address,
            domain,
            stop: Some(stop),
            thread: Some(thread),
        };
        (0..users).for_each(|number| server.add(&format!("u{number:04}")));
        server
    }

    /// `[directory.campus]` for it.
    pub(crate) fn directory_table(&self, password_file: &str, lines: &str) -> String {
        format!(
            "[directory.campus]\ntemplate = \"active-directory\"\nservers = [\"ldap://{}\"]\n\
             danger-plain-text = true\nstart-tls = false\nbase = \"{CONTEXT}\"\n\
             bind-dn = \"{SERVICE}\"\nbind-password-file = {password_file:?}\n\
             default-kind = \"employee\"\n{lines}\n",
            self.address
        )
    }

    /// Its address, without TLS.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes the right "Reset Password" from our account.
    pub(crate) fn forbid_resets(&self) {
        self.lock().may_reset = false;
    }

    /// Whether somebody's password is this, and the values of an attribute.
    pub(crate) fn state(&self, name: &str, attribute: &str) -> (String, Vec<String>) {
        let domain = self.lock();
        let called = |object: &&Object| {
            object
                .values("sAMAccountName")
                .any(|v| v == name.as_bytes())
        };
        let object = domain.objects.iter().find(called).unwrap();
        let values = object.values(attribute);
        let values = values.map(|value| String::from_utf8_lossy(value).into_owned());
        (object.passwords[0].clone(), values.collect())
    }

    /// A user that may log on.
    pub(crate) fn add(&self, name: &str) {
        let mut domain = self.lock();
        let mut object = Object {
            dn: format!("CN={name},CN=Users,{CONTEXT}"),
            attributes: Vec::new(),
            passwords: vec![PASSWORD.to_owned()],
            refusal: None,
            usn: 0,
            is_deleted: false,
        };
        // Real ones are any 16 octets; this server's library takes only text in filters.
        let guid = format!("{name:->16}");
        for (attribute, value) in [
            ("objectClass", "top"),
            ("objectClass", "person"),
            ("objectClass", "user"),
            ("sAMAccountName", name),
            ("objectGUID", &guid),
            ("userPrincipalName", &format!("{name}@campus.example")),
            ("userAccountControl", "512"),
            ("accountExpires", "9223372036854775807"),
            ("pwdLastSet", "134200000000000000"),
        ] {
            object
                .attributes
                .push((attribute.to_owned(), value.as_bytes().to_vec()));
        }
        domain.write(object);
    }

    /// Changes an attribute.
    pub(crate) fn replace(&self, name: &str, attribute: &str, value: &str) {
        self.change(name, |object| object.set(attribute, value.as_bytes()));
    }

    /// Has binds with the right password fail with this `data` code.
    pub(crate) fn refuse(&self, name: &str, code: &'static str) {
        self.change(name, |object| object.refusal = Some(code));
    }

    /// Deletes a user; a tombstone without most attributes stays.
    pub(crate) fn delete(&self, name: &str) {
        self.change(name, |object| {
            object
                .attributes
                .retain(|(own, _)| matches!(&**own, "objectGUID" | "objectClass"));
            object.set("isDeleted", b"TRUE");
            object.is_deleted = true;
        });
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Object)) {
        let mut domain = self.lock();
        let is_called = |object: &Object| {
            object
                .values("sAMAccountName")
                .any(|v| v == name.as_bytes())
        };
        let place = domain.objects.iter().position(is_called).unwrap();
        let mut object = domain.objects.remove(place);
        change(&mut object);
        domain.write(object);
    }

    fn lock(&self) -> MutexGuard<'_, Domain> {
        self.domain.lock().unwrap()
    }
}

async fn serve(listener: TcpListener, domain: Arc<Mutex<Domain>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(converse(stream, Arc::clone(&domain)));
    }
}

async fn converse(mut stream: TcpStream, domain: Arc<Mutex<Domain>>) {
    let mut codec = LdapCodec::default();
    let (mut received, mut sent) = (BytesMut::new(), BytesMut::new());
    loop {
        while let Ok(Some(message)) = codec.decode(&mut received) {
            let answers = domain.lock().unwrap().answer(&message);
            let Some(answers) = answers else {
                return;
            };
            for answer in answers {
                codec.encode(answer, &mut sent).unwrap();
            }
        }
        if stream.write_all(&sent).await.is_err() {
            return;
        }
        sent.clear();
        match stream.read_buf(&mut received).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

impl Domain {
    fn write(&mut self, mut object: Object) {
        self.highest_usn += 1;
        object.usn = self.highest_usn;
        object.set("uSNChanged", self.highest_usn.to_string().as_bytes());
        self.objects.push(object);
    }

    /// `None` ends the connection.
    fn answer(&mut self, message: &LdapMsg) -> Option<Vec<LdapMsg>> {
        let ops = match &message.op {
            LdapOp::BindRequest(bind) => {
                let res = self.bind(&bind.dn, &bind.cred);
                vec![(
                    LdapOp::BindResponse(LdapBindResponse {
                        res,
                        saslcreds: None,
                    }),
                    None,
                )]
            }
            LdapOp::SearchRequest(search) => self.search(search, &message.ctrl),
            LdapOp::ModifyRequest(modify) => {
                let done = self.modify(modify);
                vec![(LdapOp::ModifyResponse(done), None)]
            }
            LdapOp::ExtendedRequest(_) => vec![(
                LdapOp::ExtendedResponse(LdapExtendedResponse {
                    res: result(LdapResultCode::Success, ""),
                    name: None,
                    value: Some(b"u:AD\\portvakt".to_vec()),
                }),
                None,
            )],
            _ => return None,
        };
        let answers = ops.into_iter().map(|(op, control)| LdapMsg {
            msgid: message.msgid,
            op,
            ctrl: control.into_iter().collect(),
        });
        Some(answers.collect())
    }

    fn bind(&self, dn: &str, credential: &LdapBindCred) -> LdapResult {
        let LdapBindCred::Simple(password) = credential else {
            return result(LdapResultCode::AuthMethodNotSupported, "");
        };
        if dn == SERVICE && password == SERVICE_PASSWORD {
            return result(LdapResultCode::Success, "");
        }
        let object = self
            .objects
            .iter()
            .find(|object| object.dn == dn && !object.is_deleted);
        let code = match object {
            None => "525",
            Some(object) if *password != object.passwords[0] => "52e",
            Some(object) => match object.refusal {
                None => return result(LdapResultCode::Success, ""),
                Some(code) => code,
            },
        };
        let text = format!(
            "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data {code}, \
             v4563"
        );
        result(LdapResultCode::InvalidCredentials, &text)
    }

    /// [MS-ADTS] 3.1.1.3.1.5: the reset of a password, and `pwdLastSet` = 0 beside it.
    fn modify(&mut self, modify: &LdapModifyRequest) -> LdapResult {
        let place = self
            .objects
            .iter()
            .position(|object| object.dn == modify.dn);
        let Some(place) = place.filter(|_| self.may_reset) else {
            let text =
                "00000005: SecErr: DSID-031A11D1, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0\n\0";
            return result(LdapResultCode::InsufficentAccessRights, text);
        };
        let mut object = self.objects[place].clone();
        for change in &modify.changes {
            let (name, values) = (&change.modification.atype, &change.modification.vals);
            assert_eq!(change.operation, LdapModifyType::Replace, "no reset");
            match (name.as_str(), &values[..]) {
                ("unicodePwd", [value]) => match new_password(value, &object.passwords) {
                    Some(password) => {
                        object.passwords.insert(0, password);
                        object.set("pwdLastSet", b"134300000000000000");
                    }
                    None => {
                        let text = "0000052D: SvcErr: DSID-031A1248, problem 5003 \
                                    (WILL_NOT_PERFORM), data 0\n\0";
                        return result(LdapResultCode::UnwillingToPerform, text);
                    }
                },
                ("pwdLastSet", [value]) if value == b"0" => object.set("pwdLastSet", value),
                _ => return result(LdapResultCode::UnwillingToPerform, "no such change"),
            }
        }
        self.objects.remove(place);
        self.write(object);
        result(LdapResultCode::Success, "")
    }

    fn search(
        &self,
        search: &LdapSearchRequest,
        controls: &[LdapControl],
    ) -> Vec<(LdapOp, Option<LdapControl>)> {
        if search.base.is_empty() {
            return self.root();
        }
        for control in controls {
            match control {
                LdapControl::AdDirsync { cookie, .. } => return self.dirsync(cookie.as_deref()),
                LdapControl::SimplePagedResults { size, cookie } => {
                    let size = usize::try_from(*size).unwrap_or(PAGE).min(PAGE);
                    return self.page(search, size, cookie);
                }
                _ => {}
            }
        }
        let mut found: Vec<_> = self.matching(search).collect();
        let limit = match usize::try_from(search.sizelimit) {
            Ok(0) | Err(_) => PAGE,
            Ok(limit) => limit.min(PAGE),
        };
        let code = match found.len() > limit {
            true => LdapResultCode::SizeLimitExceeded,
            false => LdapResultCode::Success,
        };
        found.truncate(limit);
        answer(&found, search, code, None)
    }

    fn matching<'a>(&'a self, search: &'a LdapSearchRequest) -> impl Iterator<Item = &'a Object> {
        let base = search.base.to_lowercase();
        self.objects.iter().filter(move |object| {
            let is_beneath = object.dn.to_lowercase().ends_with(&base);
            !object.is_deleted && is_beneath && self.fits(object, &search.filter)
        })
    }

    fn page(
        &self,
        search: &LdapSearchRequest,
        size: usize,
        cookie: &[u8],
    ) -> Vec<(LdapOp, Option<LdapControl>)> {
        let start = usize::try_from(number(cookie)).unwrap();
        let found: Vec<_> = self.matching(search).skip(start).take(size).collect();
        let next = start + found.len();
        let cookie = match self.matching(search).nth(next) {
            Some(_) => next.to_string().into_bytes(),
            None => Vec::new(),
        };
        let control = LdapControl::SimplePagedResults { size: 0, cookie };
        answer(&found, search, LdapResultCode::Success, Some(control))
    }

    /// [MS-ADTS] 3.1.1.3.4.1.3: which have changed since the cookie, deleted ones too.
    fn dirsync(&self, cookie: Option<&[u8]>) -> Vec<(LdapOp, Option<LdapControl>)> {
        if !self.may_replicate {
            let text =
                "00002105: SecErr: DSID-03151F8D, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0";
            let refused = result(LdapResultCode::InsufficentAccessRights, text);
            return vec![(LdapOp::SearchResultDone(refused), None)];
        }
        let since = number(cookie.unwrap_or_default());
        let mut changed: Vec<_> = self.objects.iter().filter(|o| o.usn > since).collect();
        changed.sort_by_key(|object| object.usn);
        let more = changed.len() > DIRSYNC_AT_ONCE;
        changed.truncate(DIRSYNC_AT_ONCE);
        let next = changed.last().map_or(since, |object| object.usn);
        let mut ops: Vec<_> = changed
            .iter()
            .map(|object| (entry(object, &["objectGUID", "isDeleted"]), None))
            .collect();
        let control = LdapControl::AdDirsync {
            flags: i64::from(more),
            max_bytes: 0,
            cookie: Some(next.to_string().into_bytes()),
        };
        let done = LdapOp::SearchResultDone(result(LdapResultCode::Success, ""));
        ops.push((done, Some(control)));
        ops
    }

    fn root(&self) -> Vec<(LdapOp, Option<LdapControl>)> {
        let service = format!(
            "CN=NTDS Settings,CN=DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites,\
             CN=Configuration,{CONTEXT}"
        );
        let attribute = |name: &str, values: &[&str]| LdapPartialAttribute {
            atype: name.to_owned(),
            vals: values
                .iter()
                .map(|value| value.as_bytes().to_vec())
                .collect(),
        };
        let entry = LdapSearchResultEntry {
            dn: String::new(),
            attributes: vec![
                attribute("supportedControl", &["1.2.840.113556.1.4.319", DIRSYNC]),
                attribute("defaultNamingContext", &[CONTEXT]),
                attribute("dsServiceName", &[&service]),
                attribute("highestCommittedUSN", &[&self.highest_usn.to_string()]),
            ],
        };
        let done = LdapOp::SearchResultDone(result(LdapResultCode::Success, ""));
        vec![(LdapOp::SearchResultEntry(entry), None), (done, None)]
    }
}

impl Domain {
    fn fits(&self, object: &Object, filter: &LdapFilter) -> bool {
        match filter {
            LdapFilter::And(all) => all.iter().all(|filter| self.fits(object, filter)),
            LdapFilter::Or(any) => any.iter().any(|filter| self.fits(object, filter)),
            LdapFilter::Not(filter) => !self.fits(object, filter),
            LdapFilter::Present(name) => object.values(name).next().is_some(),
            LdapFilter::Equality(name, wanted) => object
                .values(name)
                .any(|value| value.eq_ignore_ascii_case(wanted.as_bytes())),
            LdapFilter::GreaterOrEqual(name, least) => object
                .values(name)
                .any(|value| number(value) >= number(least.as_bytes())),
            LdapFilter::Extensible(rule) if rule.matching_rule.as_deref() == Some(IN_CHAIN) => {
                self.has_in_chain(object, &rule.match_value, &mut Vec::new())
            }
            _ => false,
        }
    }

    /// Whether `dn` is a member of a group, or of one that is in it ([MS-ADTS] 3.1.1.3.4.4.3).
    fn has_in_chain<'a>(&'a self, group: &'a Object, dn: &str, seen: &mut Vec<&'a str>) -> bool {
        if seen.contains(&&*group.dn) {
            return false;
        }
        seen.push(&group.dn);
        group.values("member").any(|member| {
            let inner = self.objects.iter().find(|o| o.dn.as_bytes() == member);
            member.eq_ignore_ascii_case(dn.as_bytes())
                || inner.is_some_and(|inner| self.has_in_chain(inner, dn, seen))
        })
    }
}

/// The password in a value of `unicodePwd`, if the domain takes it: in quotes, eighteen characters at least,
/// none that was there before.
fn new_password(value: &[u8], before: &[String]) -> Option<String> {
    let (pairs, []) = value.as_chunks::<2>() else {
        return None;
    };
    let units: Vec<_> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    let quoted = String::from_utf16(&units).ok()?;
    let password = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let is_fit = password.chars().count() >= 18 && !before.contains(&password.to_owned());
    is_fit.then(|| password.to_owned())
}

fn number(text: &[u8]) -> u64 {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

fn entry(object: &Object, wanted: &[&str]) -> LdapOp {
    let attributes = wanted.iter().filter_map(|name| {
        let vals: Vec<_> = object.values(name).map(<[u8]>::to_vec).collect();
        let atype = (*name).to_owned();
        (!vals.is_empty()).then_some(LdapPartialAttribute { atype, vals })
    });
    LdapOp::SearchResultEntry(LdapSearchResultEntry {
        dn: object.dn.clone(),
        attributes: attributes.collect(),
    })
}

fn answer(
    found: &[&Object],
    search: &LdapSearchRequest,
    code: LdapResultCode,
    control: Option<LdapControl>,
) -> Vec<(LdapOp, Option<LdapControl>)> {
    let wanted: Vec<_> = search.attrs.iter().map(String::as_str).collect();
    let mut ops: Vec<_> = found
        .iter()
        .map(|object| (entry(object, &wanted), None))
        .collect();
    let elsewhere = format!("ldap://ForestDnsZones.ad.campus.example/DC=ForestDnsZones,{CONTEXT}");
    let reference = LdapSearchResultReference {
        uris: vec![elsewhere],
    };
    ops.push((LdapOp::SearchResultReference(reference), None));
    ops.push((LdapOp::SearchResultDone(result(code, "")), control));
    ops
}

fn result(code: LdapResultCode, message: &str) -> LdapResult {
    LdapResult {
        code,
        matcheddn: String::new(),
        message: message.to_owned(),
        referral: Vec::new(),
    }
}
