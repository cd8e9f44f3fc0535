//! Symptoms of a failed conversation, from what the protocol crate says of it.

use portvakt_auth::Symptom;
use portvakt_eap::{
    Alert, CertificateProblem, FailureCause, Progress, Stage, TlsAlert, TlsProblem,
};

/// The symptom of a conversation that failed.
pub(super) fn of_failure(cause: &FailureCause) -> Option<Symptom> {
    match cause {
        FailureCause::MethodNotAgreed { .. } => Some(Symptom::MethodNotAgreed),
        FailureCause::InnerMethodNotOffered(_) | FailureCause::InnerMethodNotAgreed { .. } => {
            Some(Symptom::InnerMethodNotAgreed)
        }
        FailureCause::TlsAlert(alert) => Some(of_alert(*alert)),
        FailureCause::ClientCertificate(problem) => Some(of_certificate(*problem)),
        FailureCause::InnerMissing => Some(Symptom::SilentInTunnel),
        FailureCause::ServerDoubted => Some(Symptom::ServerDoubted),
        _ => None,
    }
}

/// The symptom of a device that fell silent.
pub(super) fn of_silence(progress: &Progress) -> Option<Symptom> {
    if progress.untaken.is_some() {
        return None;
    }
    match progress.stage {
        Stage::MethodNegotiation => Some(Symptom::SilentAtMethod),
        Stage::ClientHello => Some(Symptom::SilentAtClientHello),
        Stage::ServerFragments if progress.octets > progress.largest_answered => {
            Some(Symptom::SilentAtLargePacket)
        }
        Stage::ServerFragments | Stage::ServerCertificate | Stage::ClientFinished => {
            Some(Symptom::SilentAtCertificate)
        }
        Stage::TlsAlert(alert) => Some(of_alert(alert)),
        Stage::InnerAuthentication => Some(Symptom::SilentInTunnel),
        Stage::SuccessIndication => Some(Symptom::SilentAtSuccess),
        Stage::Verdict | Stage::FailureIndication | Stage::Finished => None,
    }
}

fn of_alert(alert: TlsAlert) -> Symptom {
    match alert {
        TlsAlert::Received(alert) => of_received(alert),
        TlsAlert::Sent(
            TlsProblem::NoCommonVersion
            | TlsProblem::NoCommonCipherSuite
            | TlsProblem::NoCommonGroup
            | TlsProblem::NoCommonSignature
            | TlsProblem::FeatureMissing,
        ) => Symptom::NoCommonTls,
        TlsAlert::Sent(TlsProblem::ClientCertificate(problem)) => of_certificate(problem),
        TlsAlert::Sent(_) => Symptom::TlsFailed,
    }
}

/// By the alert's number (RFC 8446 §6).
fn of_received(alert: Alert) -> Symptom {
    match alert.0 {
        48 => Symptom::AlertUnknownCa,
        42 | 43 | 46 => Symptom::AlertBadCertificate,
        45 => Symptom::AlertCertificateExpired,
        44 | 113 => Symptom::AlertCertificateRevoked,
        0 | 90 => Symptom::AlertCancelled,
        40 | 47 | 70 | 71 => Symptom::NoCommonTls,
        _ => Symptom::TlsFailed,
    }
}

fn of_certificate(problem: CertificateProblem) -> Symptom {
    match problem {
        CertificateProblem::Missing => Symptom::ClientCertificateMissing,
        CertificateProblem::Revoked => Symptom::ClientCertificateRevoked,
        CertificateProblem::Expired => Symptom::ClientCertificateExpired,
        CertificateProblem::NotYetValid => Symptom::ClientCertificateNotYetValid,
        CertificateProblem::UnknownAuthority => Symptom::ClientCertificateForeign,
        CertificateProblem::WrongPurpose
        | CertificateProblem::BadSignature
        | CertificateProblem::Malformed => Symptom::ClientCertificateUnfit,
        CertificateProblem::RevocationUnknown | CertificateProblem::RevocationListStale => {
            Symptom::RevocationListMissing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portvakt_eap::packet::EapType;

    fn silence(stage: Stage, octets: usize) -> Option<Symptom> {
        of_silence(&Progress {
            stage,
            method: EapType::TTLS,
            requests: 2,
            octets,
            largest_answered: 600,
            untaken: None,
        })
    }

    #[test]
    fn size_of_the_unanswered_packet_tells_a_small_mtu_from_a_silent_device() {
        let symptom = Some(Symptom::SilentAtLargePacket);
        assert_eq!(silence(Stage::ServerFragments, 1020), symptom);
        let symptom = Some(Symptom::SilentAtCertificate);
        assert_eq!(silence(Stage::ServerFragments, 600), symptom);
        assert_eq!(silence(Stage::ServerCertificate, 1020), symptom);
        assert_eq!(silence(Stage::FailureIndication, 60), None);
    }

    #[test]
    fn alerts_that_mean_the_same_have_one_symptom() {
        for (number, symptom) in [
            (48, Symptom::AlertUnknownCa),
            (42, Symptom::AlertBadCertificate),
            (46, Symptom::AlertBadCertificate),
            (45, Symptom::AlertCertificateExpired),
            (44, Symptom::AlertCertificateRevoked),
            (70, Symptom::NoCommonTls),
            (90, Symptom::AlertCancelled),
            (80, Symptom::TlsFailed),
        ] {
            let cause = FailureCause::TlsAlert(TlsAlert::Received(Alert(number)));
            assert_eq!(of_failure(&cause), Some(symptom), "{number}");
        }
    }
}
