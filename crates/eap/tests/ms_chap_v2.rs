//! EAP-MSCHAPv2 beyond the first answer, in EAP-TTLS and PEAP: another try, and a change of the
//! password. Whatever the device does, nothing but an accepting verdict opens.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::{Campus, user, user_with};
use portvakt_eap::{
    FailureCause, InnerCredential, Keys, Limits, MsChapV2Error, TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{Inner, Outcome, Outer, Supplicant, converse_with};

const EVERYWHERE: [(Outer, TlsVersions); 4] = [
    (Outer::Ttls, TlsVersions::Tls12Only),
    (Outer::Ttls, TlsVersions::Tls13Only),
    (Outer::Peap, TlsVersions::Tls12Only),
    (Outer::Peap, TlsVersions::Tls13Only),
];

/// A device whose user first tries `first`, then these, and changes an expired password.
fn insistent(first: &str, tries: &[&str], new_password: Option<&str>) -> Inner {
    Inner::Insistent {
        user: user_with(first),
        tries: tries.iter().map(|&text| text.to_owned()).collect(),
        new_password: new_password.map(str::to_owned),
    }
}

/// Lets it log on where the caller judges like this; what it was asked, and how it ended.
fn log_on(
    (outer, versions): (Outer, TlsVersions),
    inner: Inner,
    mut judge: impl FnMut(&InnerCredential) -> Verdict,
) -> (Vec<&'static str>, Result<Keys, FailureCause>) {
    let campus = Campus::generous(versions);
    let mut supplicant = Supplicant::new(campus.profile_of(outer, inner));
    let mut asked = Vec::new();
    let ending = converse_with(
        &campus.methods,
        &mut supplicant,
        Limits::USUAL,
        |credential| {
            asked.push(credential.label());
            judge(credential)
        },
    );
    let result = ending.unwrap().result.expect("an end");
    let expected = match &result {
        Ok(keys) => {
            assert_eq!(Some(keys.msk), supplicant.msk(), "{outer:?} {versions:?}");
            Outcome::Success
        }
        Err(_) => Outcome::Failure,
    };
    assert_eq!(
        supplicant.outcome(),
        Some(expected),
        "{outer:?} {versions:?}"
    );
    (asked, result)
}

/// Accounts that let a device try again, so often.
fn patient(mut tries: u8) -> impl FnMut(&InnerCredential) -> Verdict {
    move |credential| match user().judge(credential) {
        Verdict::Refused if tries > 0 => {
            tries -= 1;
            Verdict::Retry {
                challenge: [tries; 16],
            }
        }
        verdict => verdict,
    }
}

/// Accounts whose user's password has expired.
fn expired(credential: &InnerCredential) -> Verdict {
    if let Some((_, verdict)) = user().judge_change(credential) {
        return verdict;
    }
    match user().judge(credential) {
        verdict if verdict.is_accepting() => Verdict::ChangePassword {
            challenge: [0xce; 16],
        },
        verdict => verdict,
    }
}

#[test]
fn right_password_at_the_second_or_third_try_opens() {
    let right = user().password;
    for place in EVERYWHERE {
        for tries in [vec![right.as_str()], vec!["also wrong", &right]] {
            let device = insistent("wrong", &tries, None);
            let (asked, result) = log_on(place, device, patient(2));
            assert_eq!(asked, vec!["mschapv2"; 1 + tries.len()]);
            assert!(result.is_ok(), "{place:?}: {result:?}");
        }
    }
}

#[test]
fn tries_end_when_the_accounts_say_so() {
    let right = user().password;
    for place in EVERYWHERE {
        let device = insistent("wrong", &["also wrong", &right], None);
        let (asked, result) = log_on(place, device, patient(1));
        assert_eq!(asked.len(), 2);
        assert_eq!(result.unwrap_err(), FailureCause::Refused);
        let device = insistent("wrong", &[], None);
        let (asked, result) = log_on(place, device, patient(2));
        assert_eq!(asked.len(), 1, "a device that does not want to");
        assert_eq!(result.unwrap_err(), FailureCause::Refused);
    }
}

/// The keys come from the new password, and crypto-binding rests on them.
#[test]
fn expired_password_is_changed_and_opens() {
    for place in EVERYWHERE {
        let device = insistent(&user().password, &[], Some("a-new-password"));
        let mut changed = None;
        let (asked, result) = log_on(place, device, |credential| {
            changed = changed.take().or(user().judge_change(credential));
            expired(credential)
        });
        assert_eq!(asked, ["mschapv2", "mschapv2-change"]);
        assert!(result.is_ok(), "{place:?}: {result:?}");
        assert_eq!(changed.unwrap().0, "a-new-password");
    }
}

#[test]
fn change_that_is_not_taken_or_not_wanted_opens_nothing() {
    for place in EVERYWHERE {
        let device = insistent(&user().password, &[], Some("a-new-password"));
        let (asked, result) = log_on(place, device, |credential| match expired(credential) {
            verdict if verdict.is_accepting() => {
                Verdict::RefusedBecause(MsChapV2Error::ChangingPassword)
            }
            verdict => verdict,
        });
        assert_eq!(asked, ["mschapv2", "mschapv2-change"]);
        assert_eq!(result.unwrap_err(), FailureCause::Refused);
        let device = insistent(&user().password, &[], None);
        let (asked, result) = log_on(place, device, expired);
        assert_eq!(asked, ["mschapv2"]);
        assert_eq!(result.unwrap_err(), FailureCause::Refused);
    }
}

/// MS-CHAPv2 that is not EAP has one try inside EAP-TTLS: devices take the error for the end.
#[test]
fn bare_ms_chap_v2_and_other_methods_take_every_no_for_the_last() {
    let challenge = [1; 16];
    let because = Verdict::RefusedBecause(MsChapV2Error::AccountDisabled);
    let noes = [
        Verdict::Retry { challenge },
        Verdict::ChangePassword { challenge },
        because,
    ];
    for versions in [TlsVersions::Tls12Only, TlsVersions::Tls13Only] {
        for (name, inner) in common::ttls_inner(&user()) {
            if name == "ttls/eap-mschapv2" {
                continue;
            }
            for no in &noes {
                let place = (Outer::Ttls, versions);
                let (asked, result) = log_on(place, inner.clone(), |_| no.clone());
                assert_eq!(asked.len(), 1, "{name}");
                assert_eq!(result.unwrap_err(), FailureCause::Refused, "{name}");
            }
        }
    }
}
