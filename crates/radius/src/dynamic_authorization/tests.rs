use super::*;
use crate::RequestWriter;
use crate::writer::Writer;

const NOW: u32 = 1_790_000_000;

fn secret() -> SharedSecret {
    SharedSecret::new(b"of this one NAS alone").unwrap()
}

fn request(code: Code) -> Vec<u8> {
    let mut buffer = [0; 256];
    let mut writer = match code {
        Code::CoaRequest => RequestWriter::coa_request(7, NOW, &mut buffer),
        _ => RequestWriter::disconnect_request(7, NOW, &mut buffer),
    }
    .unwrap();
    writer.push(AttributeType::USER_NAME, b"anna").unwrap();
    writer.finish(&secret()).unwrap().to_vec()
}

/// An answer as a NAS writes it, signed over the authenticator of `request`.
fn answer(
    code: Code,
    request: &[u8],
    is_signed: bool,
    attributes: &[(AttributeType, &[u8])],
) -> Vec<u8> {
    let request = Packet::parse(request).unwrap();
    let mut buffer = [0; 256];
    let authenticator = request.authenticator();
    let mut writer = Writer::new(&mut buffer, code, request.identifier(), authenticator).unwrap();
    if is_signed {
        writer.message_authenticator().unwrap();
    }
    for (kind, value) in attributes {
        writer.attribute(*kind, &[value]).unwrap();
    }
    writer.set_length().unwrap();
    if is_signed {
        let signature = secret().hmac(&[writer.written()]);
        writer.set_message_authenticator(&signature).unwrap();
    }
    let authenticator = secret().digest_before_secret(&[writer.written()]);
    writer.set_authenticator(&authenticator).unwrap();
    writer.into_written().unwrap().to_vec()
}

fn read(answer: &[u8], request: &[u8]) -> Result<DynamicAnswer, DynamicAnswerError> {
    let (answer, request) = (Packet::parse(answer), Packet::parse(request));
    DynamicAnswer::read(&answer.unwrap(), &request.unwrap(), &secret(), NOW)
}

/// DA4: Message-Authenticator first, then Event-Timestamp.
#[test]
fn request_is_signed_and_dated() {
    for code in [Code::DisconnectRequest, Code::CoaRequest] {
        let octets = request(code);
        let packet = Packet::parse(&octets).unwrap();
        let kinds: Vec<_> = packet
            .attributes()
            .map(|attribute| attribute.kind)
            .collect();
        let expected = [
            AttributeType::MESSAGE_AUTHENTICATOR,
            AttributeType::EVENT_TIMESTAMP,
            AttributeType::USER_NAME,
        ];
        assert_eq!(kinds, expected);
        assert_eq!(packet.integer(AttributeType::EVENT_TIMESTAMP), Some(NOW));
        assert_eq!(packet.code(), code);
    }
}

/// DA5.
#[test]
fn answers_are_read_with_their_cause() {
    let (disconnect, coa) = (request(Code::DisconnectRequest), request(Code::CoaRequest));
    let stamp: (_, &[u8]) = (AttributeType::EVENT_TIMESTAMP, &NOW.to_be_bytes());
    let not_found: (_, &[u8]) = (AttributeType::ERROR_CAUSE, &503_u32.to_be_bytes());
    for is_signed in [false, true] {
        let ack = answer(Code::DisconnectAck, &disconnect, is_signed, &[stamp]);
        assert_eq!(read(&ack, &disconnect), Ok(DynamicAnswer::Ack(None)));
        let nak = answer(Code::DisconnectNak, &disconnect, is_signed, &[not_found]);
        let cause = Some(ErrorCause::SessionContextNotFound);
        assert_eq!(read(&nak, &disconnect), Ok(DynamicAnswer::Nak(cause)));
        let ack = answer(Code::CoaAck, &coa, is_signed, &[]);
        assert_eq!(read(&ack, &coa), Ok(DynamicAnswer::Ack(None)));
        let nak = answer(Code::CoaNak, &coa, is_signed, &[]);
        assert_eq!(read(&nak, &coa), Ok(DynamicAnswer::Nak(None)));
    }
}

#[test]
fn answer_to_another_request_is_refused() {
    let (disconnect, coa) = (request(Code::DisconnectRequest), request(Code::CoaRequest));
    let ack = answer(Code::DisconnectAck, &disconnect, true, &[]);
    assert_eq!(read(&ack, &coa), Err(DynamicAnswerError::Code));
    let mut other = disconnect.clone();
    other[1] = 8;
    assert_eq!(read(&ack, &other), Err(DynamicAnswerError::Identifier));
    let replayed = answer(Code::CoaAck, &disconnect, true, &[]);
    let wrong = DynamicAnswerError::NotAuthentic(VerifyError::AuthenticatorWrong);
    assert_eq!(read(&replayed, &coa), Err(wrong));
    // A request that comes back as it was sent is no answer.
    assert_eq!(
        read(&disconnect, &disconnect),
        Err(DynamicAnswerError::Code)
    );
}

#[test]
fn altered_answer_is_refused_at_every_octet() {
    let request = request(Code::DisconnectRequest);
    let stamp: (_, &[u8]) = (AttributeType::EVENT_TIMESTAMP, &NOW.to_be_bytes());
    let ack = answer(Code::DisconnectAck, &request, true, &[stamp]);
    for place in 0..ack.len() {
        for bit in 0..8 {
            let mut forged = ack.clone();
            forged[place] ^= 1 << bit;
            if Packet::parse(&forged).is_ok() {
                assert!(read(&forged, &request).is_err(), "octet {place}, bit {bit}");
            }
        }
    }
}

/// RFC 5176 §6.3.
#[test]
fn answer_of_another_time_is_refused() {
    let request = request(Code::DisconnectRequest);
    for (stamp, is_of_now) in [
        (NOW, true),
        (NOW - 300, true),
        (NOW + 300, true),
        (NOW - 301, false),
        (NOW + 301, false),
        (0, false),
        (u32::MAX, false),
    ] {
        let stamp: (_, &[u8]) = (AttributeType::EVENT_TIMESTAMP, &stamp.to_be_bytes());
        let ack = answer(Code::DisconnectAck, &request, true, &[stamp]);
        let expected = match is_of_now {
            true => Ok(DynamicAnswer::Ack(None)),
            false => Err(DynamicAnswerError::EventTimestamp),
        };
        assert_eq!(read(&ack, &request), expected, "{stamp:?}");
    }
    let short: (_, &[u8]) = (AttributeType::EVENT_TIMESTAMP, &[1, 2, 3]);
    let ack = answer(Code::DisconnectAck, &request, true, &[short]);
    assert_eq!(
        read(&ack, &request),
        Err(DynamicAnswerError::EventTimestamp)
    );
}
