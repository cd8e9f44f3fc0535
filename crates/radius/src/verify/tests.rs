use super::MessageAuthenticatorPolicy::{LegacyOptional, Required};
use super::*;
use crate::{Reply, RequestWriter};

const AUTHENTICATOR: [u8; 16] = *b"0123456789abcdef";

fn secret() -> SharedSecret {
    SharedSecret::new(b"testing123").unwrap()
}

fn signed(write: impl FnOnce(&mut RequestWriter<'_>)) -> Vec<u8> {
    let mut buffer = [0; 4096];
    let mut request = RequestWriter::access_request(7, AUTHENTICATOR, &mut buffer).unwrap();
    write(&mut request);
    request.finish(&secret()).unwrap().to_vec()
}

fn unsigned(write: impl FnOnce(&mut RequestWriter<'_>)) -> Vec<u8> {
    let mut buffer = [0; 4096];
    let mut request = RequestWriter::legacy_access_request(7, AUTHENTICATOR, &mut buffer).unwrap();
    write(&mut request);
    request.finish(&secret()).unwrap().to_vec()
}

fn verify(octets: &[u8], policy: MessageAuthenticatorPolicy) -> Result<(), VerifyError> {
    let packet = Packet::parse(octets).unwrap();
    VerifiedRequest::verify(packet, &secret(), policy).map(|_| ())
}

/// Appends an attribute without signing anew.
fn with_attribute(octets: &[u8], kind: u8, value: &[u8]) -> Vec<u8> {
    let mut octets = octets.to_vec();
    octets.extend_from_slice(&[kind, u8::try_from(value.len() + 2).unwrap()]);
    octets.extend_from_slice(value);
    let length = u16::try_from(octets.len()).unwrap();
    octets[2..4].copy_from_slice(&length.to_be_bytes());
    octets
}

fn user_name(request: &mut RequestWriter<'_>) {
    request.push(AttributeType::USER_NAME, b"alice").unwrap();
}

/// R2.
#[test]
fn signed_request_is_believed() {
    assert_eq!(verify(&signed(user_name), Required), Ok(()));
}

/// R2.
#[test]
fn any_altered_octet_is_noticed() {
    let octets = signed(user_name);
    for at in (0..octets.len()).filter(|at| !(2..4).contains(at)) {
        let mut altered = octets.clone();
        altered[at] ^= 0x40;
        let believed = Packet::parse(&altered)
            .is_ok_and(|packet| VerifiedRequest::verify(packet, &secret(), Required).is_ok());
        assert!(!believed, "octet {at}");
    }
}

/// R2.
#[test]
fn message_authenticator_counts_wherever_it_stands() {
    let unsigned = unsigned(user_name);
    let zeroed = with_attribute(&with_attribute(&unsigned, 80, &[0; 16]), 32, b"ap");
    let value = secret().hmac(&[&zeroed]);
    let right = with_attribute(&with_attribute(&unsigned, 80, &value), 32, b"ap");
    assert_eq!(verify(&right, Required), Ok(()));
}

/// R2.
#[test]
fn missing_message_authenticator_passes_for_legacy_clients_only() {
    let octets = unsigned(user_name);
    let missing = Err(VerifyError::MessageAuthenticatorMissing);
    assert_eq!(verify(&octets, Required), missing);
    assert_eq!(verify(&octets, LegacyOptional), Ok(()));
}

/// R2.
#[test]
fn eap_needs_a_message_authenticator_from_legacy_clients_too() {
    let octets = unsigned(|request| request.push_eap_message(&[2, 1, 0, 5, 1]).unwrap());
    let missing = Err(VerifyError::MessageAuthenticatorMissing);
    assert_eq!(verify(&octets, LegacyOptional), missing);
}

/// R2: the room in which an Accept is forged (CVE-2024-3596).
#[test]
fn proxy_state_needs_a_message_authenticator_from_legacy_clients_too() {
    let proxy_state = |request: &mut RequestWriter<'_>| {
        user_name(request);
        request.push(AttributeType::PROXY_STATE, b"hop").unwrap();
    };
    let refused = Err(VerifyError::ProxyStateUnsigned);
    assert_eq!(verify(&unsigned(proxy_state), LegacyOptional), refused);
    assert_eq!(verify(&signed(proxy_state), LegacyOptional), Ok(()));
}

/// R2.
#[test]
fn wrong_message_authenticator_never_passes() {
    let octets = with_attribute(&unsigned(user_name), 80, &[0xaa; 16]);
    let wrong = Err(VerifyError::MessageAuthenticatorWrong);
    assert_eq!(verify(&octets, LegacyOptional), wrong);
}

/// R2.
#[test]
fn second_or_misshapen_message_authenticator_never_passes() {
    let twice = with_attribute(&signed(user_name), 80, &[0; 16]);
    let short = with_attribute(&unsigned(user_name), 80, &[0; 15]);
    let empty = with_attribute(&unsigned(user_name), 80, &[]);
    let length = Err(VerifyError::MessageAuthenticatorLength);
    assert_eq!(
        verify(&twice, Required),
        Err(VerifyError::MessageAuthenticatorRepeated)
    );
    assert_eq!(verify(&short, LegacyOptional), length);
    assert_eq!(verify(&empty, LegacyOptional), length);
}

/// R5.
#[test]
fn status_server_is_signed_whatever_the_policy() {
    let mut octets = unsigned(|_| ());
    octets[0] = Code::StatusServer.octet();
    let missing = Err(VerifyError::MessageAuthenticatorMissing);
    assert_eq!(verify(&octets, LegacyOptional), missing);
    let mut buffer = [0; 64];
    let status = RequestWriter::status_server(1, AUTHENTICATOR, &mut buffer).unwrap();
    assert_eq!(
        verify(status.finish(&secret()).unwrap(), LegacyOptional),
        Ok(())
    );
}

fn believed_until_altered(begun: Result<RequestWriter<'_>, crate::NoRoom>) {
    let mut request = begun.unwrap();
    request
        .push(AttributeType::ACCT_SESSION_ID, b"5F3")
        .unwrap();
    let mut octets = request.finish(&secret()).unwrap().to_vec();
    assert_eq!(verify(&octets, Required), Ok(()));
    octets[22] ^= 1;
    assert_eq!(
        verify(&octets, Required),
        Err(VerifyError::AuthenticatorWrong)
    );
}

/// R10, R11.
#[test]
fn accounting_and_coa_are_believed_by_their_authenticator() {
    let mut buffer = [0; 128];
    believed_until_altered(RequestWriter::accounting_request(3, &mut buffer));
    believed_until_altered(RequestWriter::coa_request(3, 0, &mut buffer));
    believed_until_altered(RequestWriter::disconnect_request(3, 0, &mut buffer));
}

#[test]
fn reply_is_no_request_and_request_no_reply() {
    let mut octets = signed(user_name);
    let packet = Packet::parse(&octets).unwrap();
    let as_reply = verify_reply(&packet, &AUTHENTICATOR, &secret());
    assert_eq!(as_reply, Err(VerifyError::UnexpectedCode));
    octets[0] = Code::AccessAccept.octet();
    assert_eq!(verify(&octets, Required), Err(VerifyError::UnexpectedCode));
}

#[test]
fn reply_is_bound_to_its_request() {
    let octets = signed(user_name);
    let request =
        VerifiedRequest::verify(Packet::parse(&octets).unwrap(), &secret(), Required).unwrap();
    let (context, mut buffer) = (request.reply_context(), [0; 64]);
    let reply = Reply::accept(&context, &mut buffer).unwrap();
    let reply = Packet::parse(reply.finish(&secret()).unwrap()).unwrap();
    assert_eq!(verify_reply(&reply, &AUTHENTICATOR, &secret()), Ok(()));
    let other_request = verify_reply(&reply, &[9; 16], &secret());
    assert_eq!(other_request, Err(VerifyError::AuthenticatorWrong));
}

#[test]
fn second_user_password_is_refused() {
    let octets = signed(|request| {
        request.push_user_password(b"one", &secret()).unwrap();
        request.push_user_password(b"two", &secret()).unwrap();
    });
    let packet = Packet::parse(&octets).unwrap();
    let request = VerifiedRequest::verify(packet, &secret(), Required).unwrap();
    assert_eq!(
        request.user_password(&secret()).unwrap_err(),
        PasswordError::Repeated
    );
}

#[test]
fn request_without_user_password_has_no_password() {
    let octets = signed(user_name);
    let packet = Packet::parse(&octets).unwrap();
    let request = VerifiedRequest::verify(packet, &secret(), Required).unwrap();
    assert_eq!(
        request.user_password(&secret()).unwrap_err(),
        PasswordError::Missing
    );
}

#[test]
fn labels_are_distinct() {
    let labels: std::collections::HashSet<_> = VerifyError::ALL.map(|error| error.label()).into();
    assert_eq!(labels.len(), VerifyError::ALL.len());
}
