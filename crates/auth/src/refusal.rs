//! Why a log-on was refused: one closed list, the same in audit log, metrics, portal and API.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a log-on was refused.
///
/// The wire says nothing but "no"; these words are for the log, the helpdesk, and an owner who has
/// proven the password (I6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The directory has no such account.
    UnknownUser,
    /// The credential was checked and is wrong; the only reason that counts towards a lock.
    WrongCredential,
    /// The password was right until it was changed; not counted.
    PreviousPassword,
    /// The octets in the place of a password are none; nothing was checked.
    NotAPassword,
    /// Too many failures; the credential was not checked.
    LockedOut,
    /// The student registry does not know the student.
    NotRegistered,
    /// The term's deadline passed without fee or registration.
    NotActive,
    /// The studies or the account have ended.
    Left,
    /// Closed by IT support.
    Deactivated,
    /// Closed after an abuse report.
    Suspended,
    /// Closed in the directory, which says so whatever the password: nothing was compared, so it is
    /// told to the helpdesk alone.
    Barred,
    /// The password is older than the rules allow.
    PasswordExpired,
    /// The temporary password was not used in time.
    TemporaryExpired,
    /// A temporary password opens the portal, not the network.
    TemporaryNotAllowed,
    /// The account may not use this service.
    ServiceNotAllowed,
    /// The method is not allowed for this account or on this way in.
    MethodNotAllowed,
    /// Inner and outer name do not belong together (E9).
    IdentityMismatch,
    /// TEAP asked for a machine and got an account that is none, or for its user and got a machine.
    WrongIdentityType,
    /// The realm cannot exist (S2).
    RealmMalformed,
    /// No server answers for the realm (S6).
    RealmUnknown,
    /// The client certificate did not pass (E8).
    CertificateInvalid,
    /// The directory could not be asked; our fault, not counted.
    DirectoryUnavailable,
    /// Too much work at once; our fault, not counted.
    Overloaded,
    /// The device stopped in the middle (E10).
    GaveUp,
    /// The device broke the rules of its method; nothing was decided.
    ProtocolError,
}

impl Refusal {
    /// Every reason, in the order of the list above.
    pub const ALL: [Refusal; 25] = [
        Refusal::UnknownUser,
        Refusal::WrongCredential,
        Refusal::PreviousPassword,
        Refusal::NotAPassword,
        Refusal::LockedOut,
        Refusal::NotRegistered,
        Refusal::NotActive,
        Refusal::Left,
        Refusal::Deactivated,
        Refusal::Suspended,
        Refusal::Barred,
        Refusal::PasswordExpired,
        Refusal::TemporaryExpired,
        Refusal::TemporaryNotAllowed,
        Refusal::ServiceNotAllowed,
        Refusal::MethodNotAllowed,
        Refusal::IdentityMismatch,
        Refusal::WrongIdentityType,
        Refusal::RealmMalformed,
        Refusal::RealmUnknown,
        Refusal::CertificateInvalid,
        Refusal::DirectoryUnavailable,
        Refusal::Overloaded,
        Refusal::GaveUp,
        Refusal::ProtocolError,
    ];

    /// The stable code, e.g. `wrong-credential`.
    pub const fn code(self) -> &'static str {
        match self {
            Refusal::UnknownUser => "unknown-user",
            Refusal::WrongCredential => "wrong-credential",
            Refusal::PreviousPassword => "previous-password",
            Refusal::NotAPassword => "not-a-password",
            Refusal::LockedOut => "locked-out",
            Refusal::NotRegistered => "not-registered",
            Refusal::NotActive => "not-active",
            Refusal::Left => "left",
            Refusal::Deactivated => "deactivated",
            Refusal::Suspended => "suspended",
            Refusal::Barred => "barred",
            Refusal::PasswordExpired => "password-expired",
            Refusal::TemporaryExpired => "temporary-expired",
            Refusal::TemporaryNotAllowed => "temporary-not-allowed",
            Refusal::ServiceNotAllowed => "service-not-allowed",
            Refusal::MethodNotAllowed => "method-not-allowed",
            Refusal::IdentityMismatch => "identity-mismatch",
            Refusal::WrongIdentityType => "wrong-identity-type",
            Refusal::RealmMalformed => "realm-malformed",
            Refusal::RealmUnknown => "realm-unknown",
            Refusal::CertificateInvalid => "certificate-invalid",
            Refusal::DirectoryUnavailable => "directory-unavailable",
            Refusal::Overloaded => "overloaded",
            Refusal::GaveUp => "gave-up",
            Refusal::ProtocolError => "protocol-error",
        }
    }

    /// The reason with this code.
    pub fn from_code(code: &str) -> Option<Refusal> {
        Refusal::ALL
            .into_iter()
            .find(|refusal| refusal.code() == code)
    }

    /// The refusal as a sentence for the account's owner.
    pub const fn for_owner(self) -> &'static str {
        match self {
            Refusal::UnknownUser => "We found no account with the name your device sent.",
            Refusal::WrongCredential => "The password your device sent is not the right one.",
            Refusal::PreviousPassword => {
                "Your device still sends the password you had before you changed it."
            }
            Refusal::NotAPassword => {
                "What arrived in the place of your password cannot be one; it was not counted."
            }
            Refusal::LockedOut => {
                "After several wrong passwords the account is closed for a short while, to protect it."
            }
            Refusal::NotRegistered => {
                "The student registry does not have you as a student at the moment."
            }
            Refusal::NotActive => {
                "The term's deadline has passed, and the registry has no paid fee or no registration for you."
            }
            Refusal::Left => "Your studies or your time here have ended, and so has the account.",
            Refusal::Deactivated => "IT support has closed the account for now.",
            Refusal::Suspended => {
                "The account is closed while IT support looks into a report about its use."
            }
            Refusal::Barred => "The account is closed in the directory of your institution.",
            Refusal::PasswordExpired => {
                "Your password is older than the rules allow and has expired."
            }
            Refusal::TemporaryExpired => "The temporary password was valid for a few hours only.",
            Refusal::TemporaryNotAllowed => {
                "A temporary password opens the account page, but not yet the network."
            }
            Refusal::ServiceNotAllowed => "Your account does not include this service.",
            Refusal::MethodNotAllowed => {
                "Your device asked to log on in a way that is not safe or not allowed here."
            }
            Refusal::IdentityMismatch => {
                "Your device sent two names that do not belong to the same institution."
            }
            Refusal::WrongIdentityType => {
                "Your device did not prove that it is a computer of your institution."
            }
            Refusal::RealmMalformed => {
                "The part after @ in the user name your device sent is missing or misspelled."
            }
            Refusal::RealmUnknown => {
                "We could not reach the institution after @ in the user name your device sent."
            }
            Refusal::CertificateInvalid => {
                "The certificate on your device is too old, withdrawn, or not one of ours."
            }
            Refusal::DirectoryUnavailable => {
                "We could not look up your account just now; this is our fault and was not counted."
            }
            Refusal::Overloaded => {
                "Too many people logged on at once; this is our fault and was not counted."
            }
            Refusal::GaveUp => "Your device stopped before the log-on was complete.",
            Refusal::ProtocolError => "Your device sent something that we could not make sense of.",
        }
    }

    /// The refusal as a sentence for the helpdesk.
    pub const fn for_helpdesk(self) -> &'static str {
        match self {
            Refusal::UnknownUser => "No account has this name or alias.",
            Refusal::WrongCredential => {
                "The credential was checked against the current and the previous passwords and is wrong; it was counted."
            }
            Refusal::PreviousPassword => {
                "A device still sends a previous password; refused, but not counted."
            }
            Refusal::NotAPassword => {
                "What came in the place of the password can be none, so nothing was checked or counted; the detail says what it looks like."
            }
            Refusal::LockedOut => {
                "Locked after too many failed log-ons; nothing is checked or counted until the lock ends."
            }
            Refusal::NotRegistered => "The student registry has no current entry for this student.",
            Refusal::NotActive => {
                "Fee or registration for the current term was missing when its deadline passed."
            }
            Refusal::Left => {
                "The time after the end of the studies is over, or the account's expiry date has passed."
            }
            Refusal::Deactivated => "Deactivated by IT support; the note on the account says why.",
            Refusal::Suspended => {
                "Suspended after an abuse report; the note on the account says why."
            }
            Refusal::Barred => {
                "The directory lets nobody in to this account, whatever the password; it was neither checked nor counted."
            }
            Refusal::PasswordExpired => {
                "The password is right, but older than the rules allow; the detail says whose rule."
            }
            Refusal::TemporaryExpired => {
                "The temporary password is right, but was not used in time."
            }
            Refusal::TemporaryNotAllowed => {
                "The temporary password is right, but has to be replaced in the portal first."
            }
            Refusal::ServiceNotAllowed => "The account's list of services does not have this one.",
            Refusal::MethodNotAllowed => {
                "The authentication method is switched off, or too weak for this way in."
            }
            Refusal::IdentityMismatch => "The inner realm is neither the outer realm nor below it.",
            Refusal::WrongIdentityType => {
                "TEAP asked for the computer and the account is no machine, or it asked for the person and the account is one."
            }
            Refusal::RealmMalformed => {
                "The realm has no dot, a dot or space too many, or a character that no realm has."
            }
            Refusal::RealmUnknown => "No home server for this realm is known, or none answered.",
            Refusal::CertificateInvalid => {
                "The client certificate failed on chain, validity, purpose or revocation."
            }
            Refusal::DirectoryUnavailable => {
                "The directory did not answer in time; the attempt was not counted."
            }
            Refusal::Overloaded => "The server shed this attempt under load; it was not counted.",
            Refusal::GaveUp => {
                "The handshake stopped halfway; the event names the stage it reached. It was not counted."
            }
            Refusal::ProtocolError => {
                "The device broke the rules of its method; the event says how. It was not counted."
            }
        }
    }

    /// The next step, as a sentence.
    pub const fn next_step(self) -> &'static str {
        match self {
            Refusal::UnknownUser => {
                "Check the spelling of the user name on the device, including the part after @."
            }
            Refusal::WrongCredential => {
                "Type the password anew on the device; if you are unsure of it, set a new one on the account page."
            }
            Refusal::PreviousPassword => {
                "Forget the network on the device and join it again with the new password."
            }
            Refusal::NotAPassword => {
                "Tell IT support: the equipment and this server may have different shared secrets, or the host may not know the user."
            }
            Refusal::LockedOut => {
                "Wait until the lock ends, or ask the service centre to open it; then look for a device that still has an old password."
            }
            Refusal::NotRegistered => {
                "Contact the student administration; the account opens as soon as the registry has you."
            }
            Refusal::NotActive => {
                "Pay the semester fee and register for the term; the account opens as soon as the registry reports it."
            }
            Refusal::Left => {
                "If you are still a student or employee here, contact your faculty so that the registry is put right."
            }
            Refusal::Deactivated | Refusal::Suspended | Refusal::Barred => {
                "Contact IT support, who can say why and open the account again."
            }
            Refusal::PasswordExpired => "Choose a new password on the account page.",
            Refusal::TemporaryExpired => "Ask for a new temporary password on the account page.",
            Refusal::TemporaryNotAllowed => {
                "Log on to the account page with the temporary password and choose your own; then join the network with that."
            }
            Refusal::ServiceNotAllowed => {
                "If you need this service, ask IT support to add it to your account."
            }
            Refusal::MethodNotAllowed => {
                "Remove the network from the device and set it up again with the campus profile."
            }
            Refusal::IdentityMismatch => {
                "Set up the network again, with the same part after @ in both user names."
            }
            Refusal::WrongIdentityType => {
                "Log on from a computer that IT support has set up, or use the network for your own devices."
            }
            Refusal::RealmMalformed => {
                "Write the user name in full, as in name@campus.example, without spaces."
            }
            Refusal::RealmUnknown => {
                "Check the part after @; if it is right, your home institution's IT support can help."
            }
            Refusal::CertificateInvalid => {
                "Fetch a new certificate by setting up the network again with the campus profile."
            }
            Refusal::DirectoryUnavailable | Refusal::Overloaded => {
                "Try again in a minute; if it goes on, tell IT support."
            }
            Refusal::GaveUp => {
                "Set up the network again with the campus profile, so that the device trusts the right certificate."
            }
            Refusal::ProtocolError => {
                "Update the device and set up the network again with the campus profile; if it goes on, tell IT support which device it is."
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_distinct_and_lead_back() {
        let codes: HashSet<_> = Refusal::ALL.iter().map(|refusal| refusal.code()).collect();
        assert_eq!(codes.len(), Refusal::ALL.len());
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::from_code(refusal.code()), Some(refusal));
        }
        assert_eq!(Refusal::from_code("no-such-reason"), None);
    }

    #[test]
    fn serialised_form_is_the_code() {
        for refusal in Refusal::ALL {
            let json = serde_json::to_string(&refusal).unwrap();
            assert_eq!(json, format!("\"{}\"", refusal.code()));
            assert_eq!(serde_json::from_str::<Refusal>(&json).unwrap(), refusal);
        }
    }

    #[test]
    fn every_reason_has_three_whole_sentences() {
        for refusal in Refusal::ALL {
            for sentence in [
                refusal.for_owner(),
                refusal.for_helpdesk(),
                refusal.next_step(),
            ] {
                assert!(sentence.ends_with('.'), "{refusal}: {sentence}");
                assert!(
                    sentence.starts_with(char::is_uppercase),
                    "{refusal}: {sentence}"
                );
            }
        }
    }

    #[test]
    fn no_sentence_speaks_of_an_unproven_state_to_a_wrong_password() {
        for refusal in [Refusal::WrongCredential, Refusal::UnknownUser] {
            for word in ["locked", "fee", "expired", "left", "suspended"] {
                assert!(!refusal.for_owner().contains(word));
            }
        }
    }
}
