//! English sentences for the results and errors of the [use cases](crate::accounts).

use jiff::tz::TimeZone;
use portvakt_auth::Refusal;
use portvakt_registry::FeedErrors;

use crate::accounts::{ActError, Changed, Exempted, NtHashRemedy, PasswordSet, Unlocked};
use crate::shown::Shown;
use crate::times::for_people;

/// The error, and what to do.
pub(super) fn error(error: &ActError) -> String {
    match error {
        ActError::MalformedName { user, cause } => format!(
            "\"{}\" can't be a user name: {cause}; log-ons under it are in the audit log only",
            Shown(user)
        ),
        ActError::ForeignRealm { realm } => {
            format!("{realm} is not one of our realms; it is asked at its own home")
        }
        ActError::UnknownAccount { name } => {
            format!("there is no account {name}; `portvakt account list` shows the ones there are")
        }
        ActError::AmbiguousName { name, full_names } => format!(
            "several people are called {name}: say which, {}",
            full_names.join(" or ")
        ),
        ActError::Directory { detail, .. }
        | ActError::Import { detail }
        | ActError::Store { detail } => detail.clone(),
        ActError::ReadOnlyDirectory => {
            "this directory is read-only here: change the account where it is kept".to_owned()
        }
        ActError::NotListable => "this directory can't list its accounts".to_owned(),
        ActError::NoDirectory => "accounts are kept here, and no directory is asked: \
             `portvakt account show` has all"
            .to_owned(),
        ActError::UnknownService { service, offered } => format!(
            "no client has the service {service}; there are: {}",
            offered.join(", ")
        ),
        ActError::NoCondition => "say which sessions: a user, --mac or --session".to_owned(),
        ActError::NoMacAddress { text } => format!(
            "\"{}\" is no MAC address, like 02-00-00-aa-bb-cc",
            Shown(text)
        ),
        ActError::NoVlan { text } => format!(
            "\"{}\" is no VLAN: its number, 1 to 4094, or its name as the equipment has it",
            Shown(text)
        ),
        ActError::CodeRefused => {
            "that did not match: check user name and code; a code is good for \
             five tries, until its time is over, until it is used, or a newer one was made"
                .to_owned()
        }
        ActError::TooManyTries => {
            "many wrong PINs came in: none is looked at for a minute, or use a code".to_owned()
        }
        ActError::AccountClosed { refusal } => {
            format!(
                "the account is closed ({refusal}): {}",
                refusal.for_helpdesk()
            )
        }
        ActError::TooManyWindows { most } => {
            format!("the account had {most} windows within 31 days; --beyond-limit opens one more")
        }
        ActError::WindowLength => "a window is open for 10 minutes to 72 hours".to_owned(),
        ActError::PinsSwitchedOff => {
            "PINs are switched off (resets.pin); give the activation code".to_owned()
        }
        ActError::MalformedPin => "a PIN has four digits".to_owned(),
        ActError::MalformedNumber { detail } => format!("no message goes there: {detail}"),
        ActError::NotSent { detail } => format!("nothing was sent: {detail}"),
        ActError::UnfitPassword(unfit) => unfit.to_string(),
        ActError::OutOfMemory => "there is no memory to hash the password in".to_owned(),
        ActError::ChangedMeanwhile => {
            "the account was changed by somebody else meanwhile".to_owned()
        }
        ActError::RegistryFile { mistakes } => registry_mistakes(mistakes).join("; "),
        ActError::RegistryBusy => {
            "other files of the registry came first again and again: try once more".to_owned()
        }
        ActError::UnknownDigest { digest } => format!(
            "no file that is held back has the digest {}: `portvakt registry list` shows them",
            Shown(digest)
        ),
        ActError::UnknownImport { import } => {
            format!("there is no import {import}: `portvakt registry list` shows them")
        }
        ActError::NotUndoable { import } => format!(
            "import {import} can't be undone: it is not in force, or has been for seven days"
        ),
        ActError::UnknownPerson { name } => {
            format!("the student registry has told of no {}", Shown(name))
        }
        ActError::NotStudent { account } => {
            format!("{account} is no student: fee and registration are not asked of it")
        }
        ActError::UntilNotFit { until } => {
            format!("an exemption ends within a year and not before today, not on {until}")
        }
        ActError::NoTerms => "no terms are configured: [[accounts.term]]".to_owned(),
        ActError::AuditNotWritten => "the audit log could not be written".to_owned(),
    }
}

/// Every mistake of a file of the registry, a line each, with advice.
pub(super) fn registry_mistakes(mistakes: &FeedErrors) -> Vec<String> {
    let file = mistakes.file.iter().map(ToString::to_string);
    let rows = mistakes.rows.iter().map(|row| {
        let column = row
            .column
            .as_deref()
            .map(|column| format!(", {}", Shown(column)));
        let value = row.value.as_deref().filter(|value| !value.is_empty());
        let value = value.map(|value| format!(" \"{}\"", Shown(value)));
        format!(
            "line {}{}:{} {}: {}",
            row.line,
            column.unwrap_or_default(),
            value.unwrap_or_default(),
            row.fault,
            row.fault.advice()
        )
    });
    let untold = mistakes
        .rows_in_all
        .saturating_sub(mistakes.rows.len() as u64);
    let untold = (untold > 0).then(|| format!("and {untold} more mistakes"));
    file.chain(rows).chain(untold).collect()
}

pub(super) fn exempted(exempted: &Exempted, zone: &TimeZone) -> String {
    match exempted.until {
        Some(until) => format!(
            "{} is exempt from fee and registration until {}",
            exempted.account,
            for_people(until, zone)
        ),
        None => format!("{} is not exempt any more", exempted.account),
    }
}

pub(super) fn unlocked(unlocked: &Unlocked) -> String {
    let account = &unlocked.account;
    match (unlocked.was_locked, unlocked.durable) {
        (false, _) => format!("{account} was not locked and had no failed log-ons"),
        (true, true) => format!("{account} is unlocked, its failed log-ons are forgotten"),
        (true, false) => format!(
            "{account} is unlocked, but the disk refuses: if the server ends before it recovers, \
             the lock comes back"
        ),
    }
}

pub(super) fn changed(changed: &Changed) -> String {
    let (act, account) = (changed.act.word(), &changed.account);
    format!("{act}: done; {account} is now {}", state(changed.refusal))
}

pub(super) fn password_set(set: &PasswordSet) -> String {
    let consequence = match (set.had_nt_hash, set.has_nt_hash) {
        (_, true) => ", with an NT hash for MS-CHAP beside it",
        (true, false) => {
            "; the NT hash of the old one is gone, so MS-CHAP and PEAP with a password will refuse \
             it (`portvakt explain` says how to mend that)"
        }
        (false, false) => "",
    };
    format!("{} has a new password{consequence}", set.account)
}

/// The word of a list for an account's state: `open`, or the code of the refusal.
pub(super) fn state(refusal: Option<Refusal>) -> &'static str {
    refusal.map_or("open", Refusal::code)
}

/// The imperative that follows "to mend it, ".
pub(super) fn remedy(remedy: &NtHashRemedy) -> String {
    match remedy {
        NtHashRemedy::SetPassword => "set its password anew; better, set the device up with \
             TTLS/PAP or a certificate"
            .to_owned(),
        NtHashRemedy::Import { attribute } => format!(
            "import it with its {attribute}; better, set the device up with TTLS/PAP or a \
             certificate"
        ),
        NtHashRemedy::OtherMethod => "set the device up with TTLS/PAP or a certificate; this \
             server keeps no NT hashes (docs/methods.md says what they cost)"
            .to_owned(),
    }
}
