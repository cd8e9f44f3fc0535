use proptest::prelude::*;

use super::*;

/// BindResponse, success, number 1.
const ANSWER: [u8; 14] = [
    0x30, 0x0C, 0x02, 0x01, 0x01, 0x61, 0x07, 0x0A, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00,
];

/// The numbers of the messages in a stream, cut after each of these octets.
fn numbers(stream: &[u8], cuts: &[usize]) -> Result<(Vec<u32>, bool), Fault> {
    let mut framing = Framing::of_messages();
    let mut numbers = Vec::new();
    let mut from = 0;
    for to in cuts.iter().copied().chain([stream.len()]) {
        let to = to.clamp(from, stream.len());
        framing.take(&stream[from..to], |id| {
            numbers.push(id);
            Ok(())
        })?;
        assert!(framing.open.len() <= MAX_DEPTH && framing.open.capacity() <= MAX_DEPTH);
        from = to;
    }
    Ok((numbers, framing.is_between()))
}

fn fault(stream: &[u8]) -> Option<Fault> {
    numbers(stream, &[]).err()
}

/// So many elements within one another, the lengths in four octets.
fn nested(depth: u32) -> Vec<u8> {
    (0..depth).rev().fold(Vec::new(), |mut all, inner| {
        all.push(0x30);
        all.push(0x84);
        all.extend((inner * 6).to_be_bytes());
        all
    })
}

/// A message whose operation is this.
fn message(operation: &[u8]) -> Vec<u8> {
    let length = u32::try_from(operation.len() + 3).unwrap().to_be_bytes();
    [&[0x30, 0x84], &length[..], &[0x02, 0x01, 0x07], operation].concat()
}

/// An operation that holds this.
fn operation(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[0x64, 0x84], &length[..], content].concat()
}

#[test]
fn messages_pass_wherever_the_stream_is_cut() {
    let stream = [&ANSWER[..], &message(&operation(&nested(10))), &ANSWER].concat();
    let cuts: Vec<_> = (0..stream.len()).collect();
    assert_eq!(numbers(&stream, &cuts), Ok((vec![1, 7, 1], true)));
    assert_eq!(numbers(&stream, &[]), Ok((vec![1, 7, 1], true)));
    assert_eq!(numbers(&stream[..20], &[]), Ok((vec![1], false)));
}

#[test]
fn library_reads_what_passes() {
    for stream in [&ANSWER[..], &message(&operation(&nested(30)))] {
        assert_eq!(fault(stream), None);
        assert!(ldap3::asn1::parse_tag(stream).is_ok());
    }
}

#[test]
fn elements_too_deep_are_refused_at_the_first_of_them() {
    let fits = u32::try_from(MAX_DEPTH).unwrap() - 2;
    assert_eq!(fault(&message(&operation(&nested(fits)))), None);
    for depth in [fits + 1, 300_000] {
        assert_eq!(
            fault(&message(&operation(&nested(depth)))),
            Some(Fault::Depth)
        );
    }
    assert!(Framing::is_fit(&nested(fits + 2)));
    assert!(!Framing::is_fit(&nested(fits + 3)));
    assert!(!Framing::is_fit(&nested(300_000)));
}

#[test]
fn lengths_that_are_too_much_are_refused_before_their_octets_come() {
    let cases: [(&[u8], Fault); 6] = [
        (
            &[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF],
            Fault::Octets(u32::MAX),
        ),
        (&[0x30, 0x80], Fault::Length),
        (&[0x30, 0x85], Fault::Length),
        (&[0x30, 0xFF], Fault::Length),
        // Longer than what holds them: the length, the head.
        (&[0x30, 0x07, 0x02, 0x01, 0x01, 0x61, 0x03], Fault::Overrun),
        (&[0x30, 0x04, 0x02, 0x01, 0x01, 0x61, 0x00], Fault::Overrun),
    ];
    for (stream, expected) in cases {
        assert_eq!(fault(stream), Some(expected), "{stream:02x?}");
    }
}

#[test]
fn what_is_no_message_is_refused() {
    let cases: [&[u8]; 8] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        &[0x30, 0x00],
        &[0x30, 0x03, 0x02, 0x01, 0x01],
        &[0x30, 0x05, 0x04, 0x01, 0x01, 0x61, 0x00],
        &[0x30, 0x05, 0x02, 0x01, 0x01, 0x30, 0x00],
        &[0x30, 0x07, 0x02, 0x01, 0x01, 0x61, 0x00, 0x30, 0x00],
        &[
            0x30, 0x09, 0x02, 0x01, 0x01, 0x61, 0x00, 0xA0, 0x00, 0xA0, 0x00,
        ],
        &[0x30, 0x04, 0x02, 0x00, 0x61, 0x00],
    ];
    for stream in cases {
        assert_eq!(fault(stream), Some(Fault::NoMessage), "{stream:02x?}");
    }
    assert_eq!(fault(&[0x30, 0x7F, 0x02, 1, 1, 0x7F]), Some(Fault::Tag));
}

#[test]
fn elements_too_many_are_refused() {
    let count = usize::try_from(MAX_ELEMENTS).unwrap();
    let empty = [0x04, 0x00].repeat(count - 3);
    assert_eq!(fault(&message(&operation(&empty))), None);
    let empty = [0x04, 0x00].repeat(count - 2);
    assert_eq!(fault(&message(&operation(&empty))), Some(Fault::Elements));
}

#[test]
fn element_is_read_with_short_and_long_lengths() {
    let expected = Some((0x04, &[7u8][..], &[9u8][..]));
    assert_eq!(element(&[0x04, 1, 7, 9]), expected);
    assert_eq!(element(&[0x04, 0x84, 0, 0, 0, 1, 7, 9]), expected);
    for octets in [
        &[][..],
        &[4],
        &[4, 2, 7],
        &[4, 0x80],
        &[4, 0x84, 0, 0],
        &[4, 0x85, 0],
    ] {
        assert_eq!(element(octets), None, "{octets:02x?}");
    }
}

proptest! {
    /// Whatever comes, and however it is cut: no panic, and the same verdict.
    #[test]
    fn cuts_change_nothing(
        stream in prop::collection::vec(any::<u8>(), 0..200),
        mut cuts in prop::collection::vec(0usize..200, 0..20),
    ) {
        cuts.sort_unstable();
        prop_assert_eq!(numbers(&stream, &cuts), numbers(&stream, &[]));
    }

    /// The same of messages in which an octet has changed; what passes, the library reads.
    #[test]
    fn altered_messages_pass_only_if_the_library_can_read_them(
        depth in 0u32..40,
        place in 0usize..300,
        octet in any::<u8>(),
        mut cuts in prop::collection::vec(0usize..300, 0..20),
    ) {
        let mut stream = message(&operation(&nested(depth)));
        let place = place % stream.len();
        stream[place] = octet;
        cuts.sort_unstable();
        let whole = numbers(&stream, &[]);
        prop_assert_eq!(numbers(&stream, &cuts), whole.clone());
        if let Ok((_, true)) = whole {
            prop_assert!(ldap3::asn1::parse_tag(&stream).is_ok());
        }
    }
}
