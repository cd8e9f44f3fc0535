//! From outcome to audit line, counters and the row that `explain` shows: every exit goes through
//! here.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use portvakt_auth::{Grant, Refusal, Symptom};
use portvakt_eap::{Conversation, FailureCause, MethodName, Stage, TlsAlert, TlsVersion};
use portvakt_store::{AttemptOutcome, AttemptRef, UnattributedAttempt};

use super::conversations::PendingConversation;
use super::exchange::{Exchange, Outcome};
use super::request_context::{self, RequestContext, Text};
use super::{symptom, unattributed};
use crate::audit::{Attempt, AttemptResult, AuditEvent, Nas};
use crate::metrics::{HandshakeOutcome, Metrics, RequestResult};
use crate::policy::Client;

/// Counts the outcome of a request and, where it ends an attempt, writes it down.
///
/// The server has worked on it for `took`; the answer leaves at `leaves`.
pub(super) fn report(exchange: &Exchange, outcome: &Outcome, took: Duration, leaves: Timestamp) {
    let counters = &exchange.peer.client.counters;
    let metrics = &exchange.access.state.metrics;
    match outcome {
        Outcome::Challenge {
            is_invalid: true, ..
        } => counters.count(RequestResult::InvalidEap),
        Outcome::Challenge { refusal, .. } => {
            counters.count(RequestResult::Challenge);
            if let Some(refusal) = refusal {
                write_refused(exchange, *refusal, None, took, leaves);
            }
        }
        Outcome::AskIdentity { .. } => counters.count(RequestResult::Challenge),
        Outcome::Accept { .. } => {
            counters.count(RequestResult::Accept);
            metrics.authenticated(exchange.context.method, took);
            write_attempt(exchange, AttemptResult::Accept, None, None, leaves);
        }
        Outcome::Reject {
            refusal, detail, ..
        } => {
            counters.count(RequestResult::Reject);
            if !exchange.is_refusal_recorded {
                write_refused(exchange, *refusal, detail.as_deref(), took, leaves);
            }
        }
    }
}

fn write_refused(
    exchange: &Exchange,
    refusal: Refusal,
    detail: Option<&str>,
    took: Duration,
    leaves: Timestamp,
) {
    let metrics = &exchange.access.state.metrics;
    metrics.refused(refusal.code());
    metrics.authenticated(exchange.context.method, took);
    write_attempt(
        exchange,
        AttemptResult::Reject,
        Some(refusal),
        detail,
        leaves,
    );
}

/// Writes down a refused try of a conversation that goes on with another.
pub(super) fn retried(exchange: &Exchange, refusal: Refusal) {
    exchange.access.state.metrics.refused(refusal.code());
    let now = exchange.access.state.clock.now().utc;
    write_attempt(exchange, AttemptResult::Reject, Some(refusal), None, now);
}

fn write_attempt(
    exchange: &Exchange,
    result: AttemptResult,
    refusal: Option<Refusal>,
    detail: Option<&str>,
    leaves: Timestamp,
) {
    let (context, client) = (&exchange.context, &exchange.peer.client);
    let usual = refusal.and_then(|refusal| usual_detail(refusal, context));
    let symptom = context.symptom.or(usual.map(|(symptom, _)| symptom));
    let detail = context.detail.as_deref().or(detail);
    let detail = detail.or(usual.map(|(_, detail)| detail));
    if let (None, Some(refusal)) = (&context.account, refusal) {
        let attempt = unattributed::attempt(context, client, refusal, detail, leaves);
        let attempt = UnattributedAttempt { symptom, ..attempt };
        exchange.access.state.store.record_unattributed(attempt);
    }
    let attempt = Attempt {
        reason: refusal.map(Refusal::code),
        symptom: symptom.filter(|_| refusal.is_some()).map(Symptom::code),
        detail: detail.map(Cow::Borrowed),
        cui: exchange
            .cui
            .as_deref()
            .filter(|_| result == AttemptResult::Accept)
            .map(Cow::Borrowed),
        ..attempt(context, client, result, leaves)
    };
    exchange
        .access
        .state
        .audit
        .record(&AuditEvent::Attempt(attempt));
}

/// Symptom and detail of a refusal that has none of its own.
fn usual_detail(refusal: Refusal, context: &RequestContext) -> Option<(Symptom, &'static str)> {
    let is_unknown = refusal == Refusal::UnknownUser;
    let usual = (Symptom::NameMacAddress, request_context::MAC_AUTHENTICATION);
    (is_unknown && request_context::names_itself(context)).then_some(usual)
}

/// The parts of an audit line that every attempt has.
fn attempt<'a>(
    context: &'a RequestContext,
    client: &'a Client,
    result: AttemptResult,
    ended: Timestamp,
) -> Attempt<'a> {
    let borrowed = |text: &'a Option<Text>| text.as_deref().map(Cow::Borrowed);
    Attempt {
        request_time: context.began,
        response_time: ended,
        result,
        reason: None,
        symptom: None,
        detail: None,
        outer_identity: Cow::Borrowed(&context.outer_identity),
        eap_identity: borrowed(&context.eap_identity),
        inner_identity: borrowed(&context.inner_identity),
        account: context.account.as_ref().map(|account| account.as_str()),
        machine_account: context.machine.as_ref().map(|account| account.as_str()),
        calling_station_id: borrowed(&context.calling_station),
        calling_station_port: context.calling_station_port,
        nas: Nas {
            client: &client.name,
            client_address: context.peer.ip(),
            nas_identifier: borrowed(&context.nas_identifier),
            nas_ip_address: context.nas_address,
        },
        operator_name: borrowed(&context.operator_name),
        service: &client.service,
        method: Some(context.method),
        tls_version: context.tls_version,
        cui: None,
        stage: None,
        duration: Duration::try_from(ended.duration_since(context.began)).unwrap_or_default(),
    }
}

/// Why a conversation failed, as one of the product's reasons: what was decided about its credential
/// comes first.
pub(super) fn refusal_of(
    decision: Option<&Result<Grant, Refusal>>,
    cause: Option<&FailureCause>,
) -> Refusal {
    match (decision, cause) {
        (Some(Err(refusal)), _) => *refusal,
        (
            _,
            Some(
                FailureCause::MethodNotAgreed { .. }
                | FailureCause::InnerMethodNotOffered(_)
                | FailureCause::InnerMethodNotAgreed { .. }
                | FailureCause::IdentityTypeMissing(_)
                | FailureCause::Untaken(_),
            ),
        ) => Refusal::MethodNotAllowed,
        (_, Some(FailureCause::ClientCertificate(_))) => Refusal::CertificateInvalid,
        (
            _,
            Some(
                FailureCause::Protocol(_)
                | FailureCause::Inner(_)
                | FailureCause::DataInsideTls
                | FailureCause::TooManyRoundTrips
                | FailureCause::BindingBroken
                | FailureCause::BindingRefused,
            ),
        ) => Refusal::ProtocolError,
        _ => Refusal::GaveUp,
    }
}

/// The detail of a failed conversation. After a verdict that is no matter of trust any more: a
/// refusal's own reason says it all, and many a device that was refused ends its tunnel by an alert.
pub(super) fn detail_of(
    decision: Option<&Result<Grant, Refusal>>,
    cause: &FailureCause,
) -> Option<String> {
    match (decision, cause) {
        (Some(Err(_)), _) => None,
        (Some(Ok(_)), FailureCause::TlsAlert(TlsAlert::Received(alert))) => Some(format!(
            "the device broke off after its credential had been accepted (TLS alert {alert})"
        )),
        _ => Some(cause.to_string()),
    }
}

/// A device that stopped in the middle (E10): an event of its own, which counts nothing. A device that
/// hangs up once it was told of its refusal was recorded then, and is not here.
pub(super) fn abandoned(pending: &PendingConversation, access: &super::Access) {
    write_abandoned(pending, access, None);
}

/// Why a conversation ended before its time was over.
#[derive(Clone, Copy)]
pub(super) enum EvictionReason {
    /// The device has begun anew, more than once.
    ToItsDevice,
    /// The table was full.
    ForRoom,
    /// The device has said anew who it is, under the State of this one.
    ToANewIdentity,
}

/// The same of one that was ended to make room.
pub(super) fn evicted(pending: &PendingConversation, access: &super::Access, why: EvictionReason) {
    let why = match why {
        EvictionReason::ToItsDevice => "replaced by a newer conversation of the same device",
        EvictionReason::ToANewIdentity => "the device began anew",
        EvictionReason::ForRoom => "ended to make room: too many conversations at once",
    };
    write_abandoned(pending, access, Some(why));
}

fn write_abandoned(
    pending: &PendingConversation,
    access: &super::Access,
    why: Option<&'static str>,
) {
    let stage = pending.conversation.stage();
    match stage {
        Stage::InnerAuthentication
        | Stage::SuccessIndication
        | Stage::FailureIndication
        | Stage::Verdict
        | Stage::Finished => {}
        Stage::TlsAlert(alert) => tls_failed(&access.state.metrics, alert),
        _ => access.state.metrics.handshake(HandshakeOutcome::GaveUp),
    }
    if pending.is_refusal_recorded {
        return;
    }
    let failure = pending.conversation.failure();
    let refusal = refusal_of(pending.decision.as_ref(), failure.as_ref());
    access.state.metrics.refused(refusal.code());
    let mut context = with_method(pending.context.clone(), &pending.conversation);
    context.symptom = abandonment_symptom(pending).or(context.symptom);
    let detail = context
        .detail
        .clone()
        .or_else(|| abandonment_cause(pending));
    let detail = match (why, detail) {
        (Some(why), Some(detail)) => Some(Cow::Owned(format!("{why}; {detail}"))),
        (Some(why), None) => Some(Cow::Borrowed(why)),
        (None, detail) => detail,
    };
    let (client, now) = (&pending.client, access.state.clock.now().utc);
    store_abandoned(&context, pending, refusal, detail.as_deref(), access, now);
    let attempt = Attempt {
        reason: Some(refusal.code()),
        symptom: context.symptom.map(Symptom::code),
        stage: Some(stage.label()),
        detail,
        ..attempt(&context, client, AttemptResult::GaveUp, now)
    };
    access.state.audit.record(&AuditEvent::Attempt(attempt));
}

/// Stores an abandoned attempt for a diagnosis, unless its decision has been stored.
fn store_abandoned(
    context: &RequestContext,
    pending: &PendingConversation,
    refusal: Refusal,
    detail: Option<&str>,
    access: &super::Access,
    time: Timestamp,
) {
    let (store, client) = (&access.state.store, &pending.client);
    match (&context.account, &pending.decision) {
        (Some(_), Some(Err(_))) => {}
        (Some(_), _) => {
            let outcome = AttemptOutcome::Refused(refusal);
            if let Some(note) = row(context, client, outcome, detail, time) {
                store.record_attempt(&note);
            }
        }
        (None, _) => {
            let attempt = unattributed::attempt(context, client, refusal, detail, time);
            store.record_unattributed(attempt);
        }
    }
}

/// The symptom of a device that left; of one that was refused, the decision has its own.
fn abandonment_symptom(pending: &PendingConversation) -> Option<Symptom> {
    match (&pending.decision, pending.conversation.failure()) {
        (Some(Err(_)), _) => None,
        (_, Some(failure)) => symptom::of_failure(&failure),
        (_, None) => symptom::of_silence(&pending.conversation.progress()),
    }
}

/// Why a device left; of one that was refused, the reason says it.
fn abandonment_cause(pending: &PendingConversation) -> Option<Cow<'static, str>> {
    let decision = pending.decision.as_ref();
    let cause = match (decision, pending.conversation.failure()) {
        (Some(Err(_)), _) => None,
        (_, Some(failure)) => detail_of(decision, &failure),
        (_, None) => Some(pending.conversation.progress().likely_cause()),
    };
    cause.map(Cow::Owned)
}

/// The context with method and TLS version of the conversation.
pub(super) fn with_method(context: RequestContext, conversation: &Conversation) -> RequestContext {
    RequestContext {
        method: conversation.method().map_or("eap", MethodName::label),
        tls_version: conversation.tls_version().map(TlsVersion::label),
        ..context
    }
}

/// Counts how a handshake failed, where that is why a conversation did.
pub(super) fn handshake_failed(metrics: &Metrics, cause: &FailureCause) {
    if let FailureCause::TlsAlert(alert) = cause {
        tls_failed(metrics, *alert);
    }
}

fn tls_failed(metrics: &Metrics, alert: TlsAlert) {
    metrics.handshake(match alert {
        TlsAlert::Received(_) => HandshakeOutcome::AlertReceived,
        TlsAlert::Sent(_) => HandshakeOutcome::AlertSent,
    });
}

/// The row that `explain` shows of an attempt on an account, which ended at `time`.
pub(super) fn note(
    exchange: &Exchange,
    refusal: Option<Refusal>,
    time: Timestamp,
) -> Option<AttemptRef<'_>> {
    let context = &exchange.context;
    let outcome = refusal.map_or(AttemptOutcome::Accepted, AttemptOutcome::Refused);
    let detail = context.detail.as_deref();
    row(context, &exchange.peer.client, outcome, detail, time)
}

fn row<'a>(
    context: &'a RequestContext,
    client: &'a Client,
    outcome: AttemptOutcome,
    detail: Option<&'a str>,
    time: Timestamp,
) -> Option<AttemptRef<'a>> {
    Some(AttemptRef {
        time,
        account: context.account.as_ref()?,
        outcome,
        symptom: context.symptom,
        client: &client.name,
        service: &client.service,
        method: context.method,
        calling_station: context.calling_station.as_deref(),
        nas_identifier: context.nas_identifier.as_deref(),
        operator_name: context.operator_name.as_deref(),
        outer_identity: Some(&context.outer_identity),
        detail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use portvakt_eap::{Alert, EapError};

    #[test]
    fn after_a_refusal_the_reason_alone_is_told() {
        let closed = FailureCause::TlsAlert(TlsAlert::Received(Alert::CLOSE_NOTIFY));
        let refused = Err(Refusal::WrongCredential);
        for cause in [closed, FailureCause::Refused, FailureCause::ServerDoubted] {
            assert_eq!(detail_of(Some(&refused), &cause), None);
            assert_eq!(detail_of(None, &cause), Some(cause.to_string()));
        }
    }

    #[test]
    fn each_fault_has_its_own_reason() {
        for (cause, reason) in [
            (
                FailureCause::Protocol(EapError::NotIdentity),
                Refusal::ProtocolError,
            ),
            (FailureCause::DataInsideTls, Refusal::ProtocolError),
            (FailureCause::TooManyRoundTrips, Refusal::ProtocolError),
            (FailureCause::BindingBroken, Refusal::ProtocolError),
            (FailureCause::InnerMissing, Refusal::GaveUp),
        ] {
            assert_eq!(refusal_of(None, Some(&cause)), reason, "{cause}");
        }
    }
}
