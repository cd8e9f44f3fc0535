//! EAP: whole conversations of real devices, by every method, over a network that does what the
//! input says.

use portvakt_eap::{Conversation, InnerCredential, Limits, TlsVersions, Verdict};
use portvakt_testkit::supplicant::{Action, Device, Everything, LogOn, Message, converse_over};
use std::sync::OnceLock;

/// The bits of the second octet.
const TLS_1_2: u8 = 0x01;
const WRONG_CREDENTIAL: u8 = 0x02;
const RESUME: u8 = 0x04;
const ACCOUNTS_REFUSE: u8 = 0x08;
/// Octets that begin an action; others let a message through.
const ACTION: u8 = 0x80;

/// Oracle: no success without the accounts' yes to the right credential in this very conversation,
/// one key at both ends; what the server drops changes nothing, its requests keep to the limit, and
/// what has ended stays so. Returns whether it succeeded.
///
/// The first four octets of `data` choose the kind of log-on, who logs on and how (above), and the
/// limits of both ends in units of four octets. Then each message takes one octet, or an action
/// with what it needs (`next_action`); when nothing is left, all messages arrive.
pub fn conversation(data: &[u8]) -> bool {
    let Some(([kind, how, server, client], mut script)) = data.split_first_chunk() else {
        return false;
    };
    let everything = campus(how & TLS_1_2 != 0);
    let is_right = how & WRONG_CREDENTIAL == 0;
    let names: Vec<_> = names(everything).collect();
    let name = usize::from(*kind).checked_rem(names.len());
    let name = name.and_then(|index| names.get(index)).unwrap_or(&"");
    let octets = usize::from(*client).max(30) * 4;
    let Some(device) = everything.device(name, is_right, octets) else {
        return false;
    };
    if how & RESUME != 0 {
        run(everything, &device, Limits::USUAL, true, |_| {
            Action::Deliver
        });
    }
    let limits = Limits {
        eap_octets: usize::from(*server) * 4,
    };
    let agree = how & ACCOUNTS_REFUSE == 0;
    let is_success = run(everything, &device, limits, agree, |message| {
        next_action(&mut script, message)
    });
    assert!(
        !is_success || (is_right && agree),
        "the wrong one was let in"
    );
    is_success
}

/// One conversation, and whether it succeeded.
fn run(
    everything: &Everything,
    device: &Device,
    limits: Limits,
    agree: bool,
    script: impl FnMut(Message) -> Action,
) -> bool {
    let mut supplicant = device.supplicant();
    let mut accepted = false;
    let judge = |conversation: &mut Conversation, credential: &InnerCredential| {
        let verdict = everything.judge(conversation, credential);
        let verdict = if agree { verdict } else { Verdict::Refused };
        accepted = verdict.is_accepting();
        verdict
    };
    let methods = &everything.methods;
    let course = converse_over(methods, &mut supplicant, limits, script, judge);
    let is_success = course.is_success(&supplicant);
    assert!(accepted || !is_success, "success out of nothing");
    is_success
}

/// The next action, with up to three octets of its own.
fn next_action(script: &mut &[u8], message: Message) -> Action {
    let lead = octet(script);
    if lead & ACTION == 0 {
        return Action::Deliver;
    }
    match lead % 12 {
        0 => Action::Lose,
        1 => Action::Double,
        2 => Action::Delay,
        3 => Action::Cut {
            at: position(script),
        },
        4 => Action::Insert {
            at: position(script),
            octet: octet(script),
        },
        5 => Action::Rename { by: octet(script) },
        6 => Action::Claim,
        7 => Action::Replay {
            which: octet(script).into(),
        },
        8 => Action::Substitute {
            which: octet(script).into(),
        },
        // The end is where authentication tags are.
        9 => Action::Flip {
            at: message.octets.saturating_sub(octet(script).into()),
            mask: octet(script),
        },
        _ => Action::Flip {
            at: position(script),
            mask: octet(script),
        },
    }
}

fn octet(script: &mut &[u8]) -> u8 {
    let Some((first, rest)) = script.split_first() else {
        return 0;
    };
    *script = rest;
    *first
}

fn position(script: &mut &[u8]) -> usize {
    u16::from_be_bytes([octet(script), octet(script)]).into()
}

fn names(everything: &Everything) -> impl Iterator<Item = &'static str> {
    let all = LogOn::all(&everything.user).into_iter();
    all.map(|log_on| log_on.name)
}

/// One server of each version for all runs: making keys would take longer than everything else.
fn campus(is_tls12: bool) -> &'static Everything {
    static CAMPUS: [OnceLock<Everything>; 2] = [const { OnceLock::new() }; 2];
    let [tls13, tls12] = &CAMPUS;
    match is_tls12 {
        true => tls12.get_or_init(|| Everything::new(TlsVersions::Tls12Only)),
        false => tls13.get_or_init(|| Everything::new(TlsVersions::Tls13Only)),
    }
}

#[cfg(test)]
mod tests {
    use super::{ACCOUNTS_REFUSE, ACTION, RESUME, WRONG_CREDENTIAL, campus, conversation, names};
    use portvakt_testkit::supplicant::Random;

    fn kinds() -> Vec<u8> {
        (0..)
            .zip(names(campus(false)))
            .map(|(kind, _)| kind)
            .collect()
    }

    /// Undisturbed, everybody gets in who should, and nobody else; by every method.
    #[test]
    fn scripts_without_actions_let_in_whom_they_should() {
        for kind in kinds() {
            for how in 0..16 {
                let expected = how & (WRONG_CREDENTIAL | ACCOUNTS_REFUSE) == 0;
                assert_eq!(
                    conversation(&[kind, how, 255, 255]),
                    expected,
                    "{kind} {how}"
                );
            }
        }
    }

    /// Most messages arrive, so that scripts get as far as the end of a conversation.
    fn script(random: &mut Random, kind: u8) -> Vec<u8> {
        let how = [0, 1, RESUME, RESUME | 1, random.octet()];
        let how = how[random.below(how.len())];
        let mut script = vec![kind, how, 60 + random.octet() / 2, random.octet()];
        for _ in 0..40 {
            match random.below(12) {
                0 => script.extend([ACTION | random.octet(), random.octet() / 64]),
                _ => script.push(0),
            }
            if random.below(30) == 0 {
                script.extend([random.octet(), random.octet()]);
            }
        }
        script
    }

    #[test]
    fn two_thousand_scripts_keep_the_promises() {
        let mut random = Random::new(0x2716);
        let kinds = kinds();
        let mut successes = 0;
        for round in 0..2_000 {
            let script = script(&mut random, kinds[round % kinds.len()]);
            successes += usize::from(conversation(&script));
        }
        // Were it none, the test would prove nothing; were it all, nothing was disturbed.
        assert!((400..1_800).contains(&successes), "{successes}");
    }
}
