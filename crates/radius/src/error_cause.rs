//! Error-Cause: why a NAS did not end or change a session (RFC 5176 §3.6, RFC 7930 §4).

/// The value of an Error-Cause attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCause {
    /// 201.
    ResidualSessionContextRemoved,
    /// 202.
    InvalidEapPacket,
    /// 401.
    UnsupportedAttribute,
    /// 402.
    MissingAttribute,
    /// 403.
    NasIdentificationMismatch,
    /// 404.
    InvalidRequest,
    /// 405.
    UnsupportedService,
    /// 406.
    UnsupportedExtension,
    /// 407.
    InvalidAttributeValue,
    /// 501.
    AdministrativelyProhibited,
    /// 502.
    RequestNotRoutable,
    /// 503.
    SessionContextNotFound,
    /// 504.
    SessionContextNotRemovable,
    /// 505.
    OtherProxyProcessingError,
    /// 506.
    ResourcesUnavailable,
    /// 507.
    RequestInitiated,
    /// 508.
    MultipleSessionSelectionUnsupported,
    /// 601.
    ResponseTooBig,
    /// A number of no RFC.
    Other(u32),
}

impl ErrorCause {
    /// All that RFCs name.
    pub const NAMED: [Self; 18] = [
        Self::ResidualSessionContextRemoved,
        Self::InvalidEapPacket,
        Self::UnsupportedAttribute,
        Self::MissingAttribute,
        Self::NasIdentificationMismatch,
        Self::InvalidRequest,
        Self::UnsupportedService,
        Self::UnsupportedExtension,
        Self::InvalidAttributeValue,
        Self::AdministrativelyProhibited,
        Self::RequestNotRoutable,
        Self::SessionContextNotFound,
        Self::SessionContextNotRemovable,
        Self::OtherProxyProcessingError,
        Self::ResourcesUnavailable,
        Self::RequestInitiated,
        Self::MultipleSessionSelectionUnsupported,
        Self::ResponseTooBig,
    ];

    /// The cause of this number.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        let named = Self::NAMED.into_iter();
        let mut found = named.filter(|cause| cause.number() == number);
        found.next().unwrap_or(Self::Other(number))
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.facts().0
    }

    /// The name as the RFC spells it; `Other` where it has none.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.facts().1
    }

    /// A sentence for the operator, without full stop.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        self.facts().2
    }

    const fn facts(self) -> (u32, &'static str, &'static str) {
        match self {
            Self::ResidualSessionContextRemoved => (
                201,
                "Residual-Session-Context-Removed",
                "the session was over, and what was left of it is removed",
            ),
            Self::InvalidEapPacket => (
                202,
                "Invalid-EAP-Packet",
                "the NAS takes the request for an EAP packet",
            ),
            Self::UnsupportedAttribute => (
                401,
                "Unsupported-Attribute",
                "the NAS does not take one of the attributes: try another `disconnect` profile",
            ),
            Self::MissingAttribute => (
                402,
                "Missing-Attribute",
                "the NAS wants an attribute more: try another `disconnect` profile",
            ),
            Self::NasIdentificationMismatch => (
                403,
                "NAS-Identification-Mismatch",
                "the request came to another NAS than that of the session: is `disconnect-address` right?",
            ),
            Self::InvalidRequest => (
                404,
                "Invalid-Request",
                "the NAS finds the request malformed",
            ),
            Self::UnsupportedService => (
                405,
                "Unsupported-Service",
                "the NAS does not take the Service-Type: try another `disconnect` profile",
            ),
            Self::UnsupportedExtension => (
                406,
                "Unsupported-Extension",
                "the NAS ends no sessions by request: is dynamic authorization switched on there?",
            ),
            Self::InvalidAttributeValue => (
                407,
                "Invalid-Attribute-Value",
                "the NAS does not take the value of an attribute",
            ),
            Self::AdministrativelyProhibited => (
                501,
                "Administratively-Prohibited",
                "the NAS is configured not to end this session",
            ),
            Self::RequestNotRoutable => (
                502,
                "Request-Not-Routable",
                "a proxy knows no way to the NAS of the session",
            ),
            Self::SessionContextNotFound => (
                503,
                "Session-Context-Not-Found",
                "the NAS has no such session: it is over already",
            ),
            Self::SessionContextNotRemovable => (
                504,
                "Session-Context-Not-Removable",
                "the NAS has the session and cannot end it",
            ),
            Self::OtherProxyProcessingError => (
                505,
                "Other-Proxy-Processing-Error",
                "a proxy could not pass the request on",
            ),
            Self::ResourcesUnavailable => (
                506,
                "Resources-Unavailable",
                "the NAS is too busy to end the session",
            ),
            Self::RequestInitiated => (
                507,
                "Request-Initiated",
                "the NAS asks for authorization first, and ends nothing now",
            ),
            Self::MultipleSessionSelectionUnsupported => (
                508,
                "Multiple-Session-Selection-Unsupported",
                "several sessions fit, and the NAS ends one at a time",
            ),
            Self::ResponseTooBig => (601, "Response-Too-Big", "a proxy found the answer too long"),
            Self::Other(number) => (number, "Other", "the NAS gives a cause of no standard"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AttributeType;
    use crate::dictionary::value_name;

    #[test]
    fn numbers_come_back_and_have_names() {
        for cause in ErrorCause::NAMED {
            assert_eq!(ErrorCause::from_number(cause.number()), cause);
            let name = value_name(AttributeType::ERROR_CAUSE, cause.number());
            assert_eq!(name, Some(cause.name()));
            assert!(!cause.sentence().is_empty());
        }
        assert_eq!(ErrorCause::from_number(499), ErrorCause::Other(499));
        assert_eq!(ErrorCause::Other(499).number(), 499);
        assert_eq!(value_name(AttributeType::ERROR_CAUSE, 499), None);
    }
}
