//! New passwords for directories that want the password itself: by the operation of RFC 3062, or as
//! Active Directory's `unicodePwd` ([MS-ADTS] 3.1.1.3.1.5); and why a directory takes one or not.

use std::sync::Arc;
use std::time::Instant;

use ldap3::controls::RawControl;
use ldap3::exop::PasswordModify;
use ldap3::result::LdapResult;
use ldap3::{Ldap, Mod};
use portvakt_auth::mschap::NtHash;
use portvakt_auth::{Account, AccountId, PasswordKind};
use zeroize::Zeroizing;

use crate::connection::failure::Failure;
use crate::schema::password_policy::{self, PolicyError};
use crate::settings::PasswordMethod;
use crate::write::modify::{Modification, Modifications, PersonEntry, again};
use crate::{LdapDirectory, LdapInner, unavailable};
use portvakt_directory::attributes::AttributeRole;
use portvakt_directory::{FindError, NewPassword, WriteError};

/// Result codes of RFC 4511 §4.1.9.
const SUCCESS: u32 = 0;
const CONSTRAINT_VIOLATION: u32 = 19;
const INSUFFICIENT_ACCESS: u32 = 50;

/// ERROR_PASSWORD_RESTRICTION of Windows.
const PASSWORD_RESTRICTION: u32 = 0x52D;

/// Why a directory did not do what it was asked, in words.
pub(crate) enum WriteRefusal {
    /// It takes no such password.
    Unfit(String),
    /// Anything else.
    Refused(String),
}

impl From<WriteRefusal> for WriteError {
    fn from(denied: WriteRefusal) -> Self {
        match denied {
            WriteRefusal::Unfit(words) => Self::Unfit(words),
            WriteRefusal::Refused(words) => Self::Refused(words),
        }
    }
}

/// The request that sets a password.
enum PasswordRequest {
    /// RFC 3062 §2: the directory hashes it.
    PasswordModify(Zeroizing<String>),
    /// A change of the entry.
    Modify(Vec<Modification>),
}

impl LdapDirectory {
    /// Sends the password itself, and writes beside it what the directory does not keep by itself.
    pub(crate) fn set_clear_password(
        &self,
        id: &AccountId,
        new: &NewPassword<'_>,
        way: PasswordMethod,
    ) -> Result<Option<Arc<Account>>, WriteError> {
        let only_a_hash = WriteError::NotWritable("a password of which only a hash is at hand");
        let text = new.text.ok_or(only_a_hash)?;
        let has_place = !self.attributes().of(AttributeRole::NtHash).is_empty();
        if new.nt_hash.is_some() && !has_place {
            return Err(WriteError::NotWritable(AttributeRole::NtHash.key()));
        }
        let began = Instant::now();
        let unknown = || WriteError::Unknown(id.clone());
        let before = self.person(began, id)?.ok_or_else(unknown)?;
        let version = before.account.credential_version;
        if new.in_place_of.is_some_and(|wanted| wanted != version) {
            return Ok(None);
        }
        let sent = match way {
            PasswordMethod::UnicodePwd => PasswordRequest::Modify(unicode_pwd(text, new.kept.kind)),
            _ => PasswordRequest::PasswordModify(Zeroizing::new(text.to_owned())),
        };
        self.send(began, id, before.entry.dn.clone(), sent)?;
        let after = self.person(began, id)?.ok_or_else(unknown)?;
        let beside = beside(self, &before, &after, new, way)?;
        if beside.is_empty() {
            return Ok(Some(Arc::new(after.account)));
        }
        let half_done = |error: WriteError| WriteError::HalfDone {
            account: id.clone(),
            cause: error.to_string(),
        };
        let written = self.send(began, id, after.entry.dn, PasswordRequest::Modify(beside));
        written.map_err(half_done)?;
        let now = self.person(began, id)?.ok_or_else(unknown)?;
        Ok(Some(Arc::new(now.account)))
    }

    /// Has a change made. What is read from now on counts, or nothing does.
    fn send(
        &self,
        began: Instant,
        id: &AccountId,
        dn: String,
        sent: PasswordRequest,
    ) -> Result<(), WriteError> {
        self.asked.recent.forget(id);
        self.written.note(id, Instant::now());
        let question = self
            .answer(move |asked, deadline| async move { asked.send(deadline, &dn, &sent).await });
        let done = question.wait(began);
        self.written.note(id, Instant::now());
        done?.map_err(WriteError::from)
    }
}

impl LdapInner {
    /// All is put in place of what was there, so asking a second server the same does no harm.
    async fn send(
        &self,
        deadline: Instant,
        dn: &str,
        sent: &PasswordRequest,
    ) -> Result<Result<(), WriteRefusal>, FindError> {
        let done = self.pool.ask(deadline, |mut ldap| async move {
            let result = match sent {
                PasswordRequest::PasswordModify(text) => {
                    password_modify(&mut ldap, dn, text).await?
                }
                PasswordRequest::Modify(list) => modify(&mut ldap, dn, list).await?,
            };
            Ok(outcome(&result)?.map_err(|denied| denied.of_writing(&sent.names(), &result)))
        });
        done.await.or_else(unavailable)
    }
}

impl PasswordRequest {
    /// The attributes that are written.
    fn names(&self) -> String {
        match self {
            Self::PasswordModify(_) => "passwords".to_owned(),
            Self::Modify(list) => names(list),
        }
    }
}

/// The attributes that a change writes.
pub(crate) fn names(list: &[Modification]) -> String {
    let name = |change: &Modification| match change {
        Mod::Add(name, _)
        | Mod::Delete(name, _)
        | Mod::Replace(name, _)
        | Mod::Increment(name, _) => String::from_utf8_lossy(name).into_owned(),
    };
    list.iter().map(name).collect::<Vec<_>>().join(", ")
}

impl WriteRefusal {
    /// A right that our account lacks is one of writing, and has a name in Active Directory. A rule
    /// for passwords is none, though slapd answers with the same code (pwdSafeModify).
    pub(crate) fn of_writing(self, names: &str, result: &LdapResult) -> Self {
        if matches!(self, Self::Unfit(_)) || result.rc != INSUFFICIENT_ACCESS {
            return self;
        }
        let right = match names.contains("unicodePwd") {
            true => " (the right Reset Password, and Write pwdLastSet for a temporary one)",
            false => "",
        };
        Self::Refused(format!("bind-dn may not write {names} there{right}"))
    }
}

/// As the account of `bind-dn`, which need not know the old password.
async fn password_modify(ldap: &mut Ldap, dn: &str, text: &str) -> Result<LdapResult, Failure> {
    let request = PasswordModify {
        user_id: Some(dn),
        old_pass: None,
        new_pass: Some(text),
    };
    let answer = ldap.with_controls(vec![policy()]).extended(request).await?;
    Ok(answer.1)
}

/// A change, with the wish to be told what a password policy says to it.
pub(crate) async fn modify(
    ldap: &mut Ldap,
    dn: &str,
    list: &[Modification],
) -> Result<LdapResult, Failure> {
    let list = list.iter().map(again).collect();
    Ok(ldap.with_controls(vec![policy()]).modify(dn, list).await?)
}

/// The wish to be told what a password policy says.
pub(crate) fn policy() -> RawControl {
    RawControl {
        ctype: password_policy::CONTROL.to_owned(),
        crit: false,
        val: None,
    }
}

/// The password as Active Directory takes it: in quotes, UTF-16LE, in place of whatever is there. A
/// temporary one has to be changed first, which `pwdLastSet` says.
fn unicode_pwd(text: &str, kind: PasswordKind) -> Vec<Modification> {
    let quoted = Zeroizing::new(format!("\"{text}\""));
    let octets = quoted.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let replace = |name: &str, value: Vec<u8>| {
        Mod::Replace(name.as_bytes().to_vec(), [value].into_iter().collect())
    };
    let mut list = vec![replace("unicodePwd", octets)];
    if kind == PasswordKind::Temporary {
        list.push(replace("pwdLastSet", b"0".to_vec()));
    }
    list
}

/// Modifications that must follow a password that the directory has taken: the NT hash, unless it
/// has made another by itself; when it was set, and whether it is temporary.
fn beside(
    directory: &LdapDirectory,
    before: &PersonEntry,
    after: &PersonEntry,
    new: &NewPassword<'_>,
    way: PasswordMethod,
) -> Result<Vec<Modification>, WriteError> {
    let mut list = Modifications::new(directory.attributes(), &after.entry);
    if before.account.nt_hash == after.account.nt_hash && after.account.nt_hash != new.nt_hash {
        let text = new.nt_hash.as_ref().map(NtHash::reveal);
        list.put(
            AttributeRole::NtHash,
            text.as_ref().map(|text| text.as_str()),
        )?;
    }
    if way == PasswordMethod::PasswordModify {
        list.password_changed(new.kept.changed_at);
        list.temporary(new.kept.kind)?;
    }
    Ok(list.finish())
}

/// Meaning of the answer to a change of a password.
///
/// # Errors
/// [`Failure`] of the server, so that another may be asked.
pub(crate) fn outcome(result: &LdapResult) -> Result<Result<(), WriteRefusal>, Failure> {
    match (result.rc, Failure::of_server(result)) {
        (SUCCESS, _) => Ok(Ok(())),
        (_, Some(failure)) => Err(failure),
        _ => Ok(Err(denied(result))),
    }
}

fn denied(result: &LdapResult) -> WriteRefusal {
    let said = shown(&result.text);
    let with = |words: &str| match said.is_empty() {
        true => words.to_owned(),
        false => format!("{words}: {said}"),
    };
    if let Some(PolicyError::NotTaken(why)) = password_policy::error(&result.ctrls) {
        return WriteRefusal::Unfit(with(why));
    }
    match (result.rc, windows_code(&result.text)) {
        (_, Some(PASSWORD_RESTRICTION)) => WriteRefusal::Unfit(with(
            "the domain's rules find it too short or too simple, or it was used before",
        )),
        (CONSTRAINT_VIOLATION, _) => WriteRefusal::Unfit(with("it breaks a rule of the directory")),
        _ => WriteRefusal::Refused(Failure::of_result(result).to_string()),
    }
}

/// Active Directory's text begins with a code, as in `0000052D: SvcErr: DSID-031A1248, problem 5003
/// (WILL_NOT_PERFORM), data 0`.
fn windows_code(text: &str) -> Option<u32> {
    let (digits, _) = text.split_once(": ")?;
    let is_code = digits.len() == 8;
    is_code.then(|| u32::from_str_radix(digits, 16).ok())?
}

/// As much of a directory's words as fits in a line.
fn shown(text: &str) -> String {
    let text = text.chars().filter(|c| !c.is_control());
    text.take(200).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ldap3::controls::Control;

    fn answer(rc: u32, text: &str, policy_error: Option<u8>) -> LdapResult {
        let control = |error| RawControl {
            ctype: password_policy::CONTROL.to_owned(),
            crit: false,
            val: Some(vec![0x30, 3, 0x81, 1, error]),
        };
        LdapResult {
            rc,
            matched: String::new(),
            text: text.to_owned(),
            refs: Vec::new(),
            ctrls: policy_error
                .map(|error| Control(None, control(error)))
                .into_iter()
                .collect(),
        }
    }

    fn unfit(result: &LdapResult) -> String {
        match outcome(result) {
            Ok(Err(WriteRefusal::Unfit(words))) => words,
            _ => panic!("{result}"),
        }
    }

    #[test]
    fn refusal_of_a_password_has_words_for_the_operator() {
        let domain = "0000052D: SvcErr: DSID-031A1248, problem 5003 (WILL_NOT_PERFORM), data 0\n\0";
        assert!(unfit(&answer(53, domain, None)).starts_with("the domain's rules"));
        let samba = "0000052D: Constraint violation - check_password_restrictions: too short!";
        assert!(unfit(&answer(19, samba, None)).ends_with("too short!"));
        let policy = answer(19, "Password fails quality checking policy", Some(5));
        assert!(unfit(&policy).contains("too simple"));
        assert!(unfit(&answer(19, "", Some(8))).contains("used before"));
        assert_eq!(
            unfit(&answer(19, "", None)),
            "it breaks a rule of the directory"
        );
    }

    #[test]
    fn refusal_of_anything_else_is_no_word_on_the_password() {
        let plain = "0000001F: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0";
        for result in [
            answer(53, plain, None),
            answer(50, "", None),
            answer(16, "", None),
        ] {
            assert!(matches!(
                outcome(&result),
                Ok(Err(WriteRefusal::Refused(_)))
            ));
        }
        assert!(outcome(&answer(51, "busy", None)).is_err());
        assert!(matches!(outcome(&answer(0, "", None)), Ok(Ok(()))));
    }

    #[test]
    fn unicode_pwd_is_quoted_utf_16_and_a_temporary_one_must_be_changed() {
        let list = unicode_pwd("å€", PasswordKind::Permanent);
        let [Mod::Replace(name, values)] = &list[..] else {
            panic!("{list:?}");
        };
        assert_eq!(name, b"unicodePwd");
        let value = b"\x22\0\xe5\0\xac\x20\x22\0".to_vec();
        assert_eq!(values.iter().collect::<Vec<_>>(), [&value]);
        assert_eq!(unicode_pwd("å€", PasswordKind::Temporary).len(), 2);
    }
}
