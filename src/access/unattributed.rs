//! Attempts that reached no account, as they are stored for a diagnosis.

use jiff::Timestamp;
use portvakt_auth::Refusal;
use portvakt_diagnosis::{device_key, name_key};
use portvakt_store::{AttemptOutcome, UnattributedAttempt};

use super::request_context::RequestContext;
use crate::policy::Client;

/// The attempt of this context, which ended at `time`.
pub(super) fn attempt(
    context: &RequestContext,
    client: &Client,
    refusal: Refusal,
    detail: Option<&str>,
    time: Timestamp,
) -> UnattributedAttempt {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let device = context.calling_station.as_deref();
    let name = sent_name(context);
    UnattributedAttempt {
        time,
        name_key: name_key(name),
        device_key: device.and_then(device_key),
        name: name.to_owned(),
        outcome: AttemptOutcome::Refused(refusal),
        symptom: context.symptom,
        client: client.name.clone(),
        service: client.service.clone(),
        method: context.method.to_owned(),
        calling_station: owned(device),
        nas_identifier: owned(context.nas_identifier.as_deref()),
        operator_name: owned(context.operator_name.as_deref()),
        detail: owned(detail),
    }
}

/// The name that says most of who it is: the inner one, else the one in EAP, else User-Name.
fn sent_name(context: &RequestContext) -> &str {
    let inner = context.inner_identity.as_deref();
    let name = inner.or(context.eap_identity.as_deref());
    name.unwrap_or(&context.outer_identity)
}
