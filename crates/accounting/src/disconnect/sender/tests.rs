use super::*;
use crate::disconnect::RequestKind;

const NAS: &str = "192.0.2.1:3799";

fn nas() -> SocketAddr {
    NAS.parse().unwrap()
}

fn at(milliseconds: i64) -> Tick {
    Tick::from_millis(milliseconds)
}

fn request() -> SessionRequest {
    SessionRequest {
        kind: RequestKind::Disconnect,
        attributes: Vec::new(),
    }
}

fn job(token: u32) -> Job<u32> {
    Job {
        token,
        request: request(),
        narrower: None,
    }
}

/// The identifier alone; each call is another packet.
fn encode(_: &u32, identifier: u8, _: &SessionRequest) -> Option<Arc<[u8]>> {
    Some(Arc::from([identifier]))
}

fn identifiers(sent: &[Transmission]) -> Vec<u8> {
    sent.iter().map(|sent| sent.packet[0]).collect()
}

/// DA4.
#[test]
fn silent_nas_is_asked_four_times_with_the_same_octets_and_given_up() {
    let mut sender = Sender::new(250);
    sender.queue(nas(), job(1));
    let mut times = Vec::new();
    let mut now = at(0);
    while let Some(due) = {
        times.extend(sender.advance(now, encode).iter().map(|sent| {
            assert_eq!(sent.packet[..], [250]);
            now.as_millis()
        }));
        sender.next_due()
    } {
        assert!(due > now);
        now = due;
    }
    assert_eq!(times, [0, 2_000, 6_000, 14_000]);
    assert_eq!(now, at(30_000));
    assert_eq!(sender.take_outcomes(), [(1, Outcome::NoAnswer)]);
    assert_eq!(sender.open(), 0);
}

/// DA4.
#[test]
fn nas_gets_fifty_packets_a_second_and_has_two_hundred_requests_open() {
    let mut sender = Sender::new(0);
    for token in 0..2_000 {
        sender.queue(nas(), job(token));
    }
    let mut sent = 0;
    for milliseconds in (0..2_000).step_by(10) {
        sent += sender.advance(at(milliseconds), encode).len();
        let open = sender.nases[&nas()].in_flight.len();
        assert!(open <= MOST_IN_FLIGHT);
    }
    assert!((100..=100 + 5).contains(&sent), "{sent}");
}

#[test]
fn pace_of_one_nas_does_not_slow_another() {
    let mut sender = Sender::new(0);
    for token in 0..100 {
        sender.queue(nas(), job(token));
    }
    let other: SocketAddr = "[2001:db8::1]:1700".parse().unwrap();
    sender.queue(other, job(1_000));
    let sent = sender.advance(at(0), encode);
    assert!(sent.iter().any(|sent| sent.to == other));
}

#[test]
fn answer_settles_its_request_alone() {
    let mut sender = Sender::new(0);
    for token in 0..3 {
        sender.queue(nas(), job(token));
    }
    let sent = sender.advance(at(0), encode);
    assert_eq!(identifiers(&sent), [0, 1, 2]);
    assert_eq!(sender.open_request(nas(), 1), Some((&mut 1, &[1][..])));
    sender.answered(nas(), 1, Answer::Ack);
    sender.answered(nas(), 1, Answer::Nak(None));
    sender.answered(nas(), 77, Answer::Ack);
    sender.answered("192.0.2.9:3799".parse().unwrap(), 0, Answer::Ack);
    assert_eq!(sender.take_outcomes(), [(1, Outcome::Acked)]);
    assert_eq!(sender.open_request(nas(), 1), None);
    assert_eq!(sender.open(), 2);
}

/// DA5.
#[test]
fn too_wide_a_request_is_narrowed_once() {
    for cause in [401, 508] {
        let mut sender = Sender::new(0);
        let narrower = SessionRequest {
            kind: RequestKind::ChangeOfAuthorization,
            ..request()
        };
        let narrower = Some(narrower);
        sender.queue(nas(), Job { narrower, ..job(1) });
        assert_eq!(sender.advance(at(0), encode).len(), 1);
        sender.answered(nas(), 0, Answer::Nak(Some(cause)));
        assert_eq!(sender.take_outcomes(), []);
        let sent = sender.advance(at(20), |_, identifier, request| {
            assert_eq!(request.kind, RequestKind::ChangeOfAuthorization);
            Some(Arc::from([identifier]))
        });
        assert_eq!(identifiers(&sent), [1]);
        sender.answered(nas(), 1, Answer::Nak(Some(cause)));
        assert_eq!(sender.take_outcomes(), [(1, Outcome::Nak(Some(cause)))]);
    }
}

#[test]
fn other_causes_are_outcomes() {
    let mut sender = Sender::new(0);
    let narrower = Some(request());
    sender.queue(nas(), Job { narrower, ..job(1) });
    assert_eq!(sender.advance(at(0), encode).len(), 1);
    sender.answered(nas(), 0, Answer::Nak(Some(503)));
    assert_eq!(sender.take_outcomes(), [(1, Outcome::Nak(Some(503)))]);
}

#[test]
fn what_is_too_long_is_not_sent_and_takes_no_turn() {
    let mut sender = Sender::new(0);
    for token in 0..2 {
        sender.queue(nas(), job(token));
    }
    let sent = sender.advance(at(0), |_, _, _| None);
    assert_eq!(sent, []);
    let too_long = Outcome::NotPossible(NotPossible::TooLong);
    assert_eq!(sender.take_outcomes(), [(0, too_long), (1, too_long)]);
}

#[test]
fn queue_is_bounded() {
    let mut sender = Sender::new(0);
    for token in 0..=u32::try_from(MOST_WAITING).unwrap() {
        let number = u16::try_from(token % 64).unwrap();
        sender.queue(SocketAddr::new(nas().ip(), number), job(token));
    }
    let beyond = u32::try_from(MOST_WAITING).unwrap();
    assert_eq!(sender.take_outcomes(), [(beyond, Outcome::QueueFull)]);
    assert_eq!(sender.open(), MOST_WAITING);
}

#[test]
fn silent_nas_leaves_room_for_the_others() {
    let mut sender = Sender::new(0);
    let most = u32::try_from(MOST_WAITING_FOR_ONE).unwrap();
    for token in 0..=most {
        sender.queue(nas(), job(token));
    }
    assert_eq!(sender.take_outcomes(), [(most, Outcome::QueueFull)]);
    sender.queue("192.0.2.2:3799".parse().unwrap(), job(0));
    assert_eq!(sender.take_outcomes(), []);
}

/// strongSwan answers a request with the identifier of its last one as it answered that.
#[test]
fn identifier_is_another_one_after_any_pause() {
    let mut sender = Sender::new(255);
    for (second, identifier) in [(0, 255), (3_600, 0), (7_200, 1)] {
        sender.queue(nas(), job(1));
        let sent = sender.advance(at(second * 1_000), encode);
        assert_eq!(identifiers(&sent), [identifier]);
        sender.answered(nas(), identifier, Answer::Ack);
        assert_eq!(sender.next_due(), None);
    }
}

#[test]
fn nases_that_rest_are_bounded() {
    let mut sender = Sender::new(0);
    for port in 1..u16::try_from(MOST_RESTING).unwrap() + 2 {
        let to = SocketAddr::new(nas().ip(), port);
        sender.queue(to, job(1));
        assert_eq!(sender.advance(at(0), encode).len(), 1);
        sender.answered(to, 0, Answer::Ack);
    }
    let _ = sender.advance(at(1), encode);
    assert!(sender.nases.is_empty());
    assert_eq!(sender.resting.len(), 1);
}
