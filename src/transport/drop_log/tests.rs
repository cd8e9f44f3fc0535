//! On virtual time: no test waits.

use portvakt_radius::{Code, ParseError, VerifyError};

use super::*;

const MISSING: DropReason = DropReason::Unverified(VerifyError::MessageAuthenticatorMissing);
const WRONG: DropReason = DropReason::Unverified(VerifyError::MessageAuthenticatorWrong);
const SECOND: Duration = Duration::from_secs(1);

fn address(number: u32) -> IpAddr {
    IpAddr::from(number.to_be_bytes())
}

/// 10.20.0.7
const ACCESS_POINT: u32 = 0x0a14_0007;

fn drops(log: &DropLog, count: u32, client: Option<&str>, reason: DropReason) {
    for _ in 0..count {
        log.note(address(ACCESS_POINT), client, reason);
    }
}

#[test]
fn first_drop_is_told_at_once_and_the_next_ones_once_a_minute_with_their_count() {
    let (log, start) = (DropLog::default(), Instant::now());
    drops(&log, 3, Some("access-points"), WRONG);
    let line =
        "access-points (10.20.0.7): Message-Authenticator is wrong: the shared secret differs";
    assert_eq!(log.take_lines(start), [line]);
    for second in 1..60 {
        drops(&log, 2, Some("access-points"), WRONG);
        assert!(log.take_lines(start + second * SECOND).is_empty());
    }
    assert_eq!(
        log.take_lines(start + PAUSE),
        [format!("{line} (118 more)")]
    );
    assert!(log.take_lines(start + 5 * PAUSE).is_empty());
    drops(&log, 1, Some("access-points"), WRONG);
    assert_eq!(
        log.take_lines(start + 6 * PAUSE),
        [format!("{line} (1 more)")]
    );
}

#[test]
fn each_client_and_reason_is_told_by_itself() {
    let (log, now) = (DropLog::default(), Instant::now());
    drops(&log, 1, Some("vpn"), MISSING);
    drops(&log, 1, Some("vpn"), WRONG);
    drops(&log, 1, Some("switches"), WRONG);
    let wrong_port = DropReason::WrongPort(Code::AccountingRequest);
    drops(&log, 1, Some("vpn"), wrong_port);
    let unexpected = DropReason::UnexpectedCode(Code::CoaRequest);
    drops(&log, 1, Some("vpn"), unexpected);
    drops(&log, 1, None, DropReason::UnknownClient);
    let lines = log.take_lines(now);
    let told = |words: &str| lines.iter().any(|line| line.contains(words));
    assert_eq!(lines.len(), 6, "{lines:#?}");
    for words in [
        "vpn (10.20.0.7): Message-Authenticator is missing",
        "legacy-message-authenticator-optional",
        "vpn (10.20.0.7): Message-Authenticator is wrong: the shared secret differs",
        "switches (10.20.0.7): Message-Authenticator is wrong",
        "vpn (10.20.0.7): Accounting-Request came to a port for authentication: accounting has a port",
        "vpn (10.20.0.7): CoA-Request came to this server",
        "10.20.0.7: no [[client]] has this address",
    ] {
        assert!(told(words), "{words} is not in {lines:#?}");
    }
}

#[test]
fn after_ten_quiet_minutes_it_is_told_anew() {
    let (log, start) = (DropLog::default(), Instant::now());
    drops(&log, 1, Some("vpn"), MISSING);
    let first = log.take_lines(start);
    assert!(log.take_lines(start + QUIET).is_empty());
    assert!(locked(&log.told).entries.is_empty());
    drops(&log, 1, Some("vpn"), MISSING);
    assert_eq!(log.take_lines(start + QUIET + SECOND), first);
}

#[test]
fn forged_addresses_fill_neither_memory_nor_log_nor_hide_a_client() {
    let (log, start) = (DropLog::default(), Instant::now());
    let mut lines = 0;
    let mut of_client = Vec::new();
    for second in 0..600 {
        for number in 0..1000 {
            log.note(
                address(second * 1000 + number),
                None,
                DropReason::UnknownClient,
            );
        }
        drops(&log, 1, Some("vpn"), MISSING);
        let told = log.take_lines(start + second * SECOND);
        of_client.extend(told.iter().filter(|line| line.starts_with("vpn")).cloned());
        lines += told.len();
        assert!(locked(&log.told).entries.len() <= ADDRESSES + 2);
    }
    assert_eq!(of_client.len(), 10, "{of_client:#?}");
    // Ten minutes: so many addresses a minute, one line for all others, one for the client.
    assert!(lines <= 10 * (ADDRESSES + 2), "{lines}");
}

#[test]
fn others_are_told_of_with_the_latest_address() {
    let (log, now) = (DropLog::default(), Instant::now());
    for number in 0..u32::try_from(ADDRESSES).unwrap() + 5 {
        log.note(address(number), None, DropReason::UnknownClient);
    }
    let lines = log.take_lines(now);
    assert_eq!(lines.len(), ADDRESSES + 1);
    assert!(
        lines
            .iter()
            .any(|line| line.contains("0.0.0.68 the latest")),
        "{lines:#?}"
    );
}

#[test]
fn tallies_of_several_threads_are_one_line() {
    let (log, now) = (DropLog::default(), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| drops(&log, 5, Some("vpn"), MISSING));
        }
    });
    assert_eq!(log.take_lines(now).len(), 1);
    drops(&log, 1, Some("vpn"), MISSING);
    let later = log.take_lines(now + PAUSE);
    assert!(later[0].ends_with("(1 more)"), "{later:?}");
}

#[test]
fn every_reason_says_what_to_do() {
    let unverified = VerifyError::ALL.map(DropReason::Unverified);
    let malformed = ParseError::ALL.map(DropReason::Malformed);
    let own = [
        DropReason::UnknownClient,
        DropReason::AnswerUnwritable,
        DropReason::SocketError,
    ];
    for reason in own.into_iter().chain(unverified).chain(malformed) {
        assert!(reason.advice().contains(':') || reason == DropReason::SocketError);
        assert!(DropReason::labels().contains(&reason.label()));
    }
}
