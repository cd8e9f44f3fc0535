//! Whose credentials TEAP asks for: a machine's, its user's, or one after the other.

use crate::method::inner::InnerOffer;
use std::sync::Arc;

/// Whom a credential speaks for (RFC 9930, Identity-Type TLV).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityType {
    /// The person at the device.
    User,
    /// The device itself.
    Machine,
}

impl IdentityType {
    /// As the TLV says it.
    pub(super) fn code(self) -> u16 {
        match self {
            IdentityType::User => 1,
            IdentityType::Machine => 2,
        }
    }

    /// `"user"` or `"machine"`.
    pub fn label(self) -> &'static str {
        match self {
            IdentityType::User => "user",
            IdentityType::Machine => "machine",
        }
    }
}

/// Whom TEAP asks for. Each proves itself by an inner method of its own, and each must be accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TeapIdentities {
    /// The user alone.
    #[default]
    User,
    /// The machine alone.
    Machine,
    /// First the machine, then the user.
    MachineThenUser,
}

impl TeapIdentities {
    /// In the order of asking.
    pub(crate) fn asked(self) -> &'static [IdentityType] {
        match self {
            TeapIdentities::User => &[IdentityType::User],
            TeapIdentities::Machine => &[IdentityType::Machine],
            TeapIdentities::MachineThenUser => &[IdentityType::Machine, IdentityType::User],
        }
    }
}

/// What may be spoken inside TEAP, by whose credential is asked for. Cheap to clone.
#[derive(Clone)]
pub(crate) struct TeapOffers {
    pub(crate) machine: InnerOffer,
    pub(crate) user: InnerOffer,
}

impl TeapOffers {
    /// What `identity` is offered.
    pub(super) fn to(&self, identity: IdentityType) -> &InnerOffer {
        match identity {
            IdentityType::Machine => &self.machine,
            IdentityType::User => &self.user,
        }
    }
}

/// How TEAP is led. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct TeapRules {
    pub(crate) identities: TeapIdentities,
    /// Authority-ID: by it a device may tell which of its credentials are meant.
    pub(crate) authority: Arc<[u8]>,
}

impl Default for TeapRules {
    fn default() -> Self {
        TeapRules {
            identities: TeapIdentities::default(),
            authority: Arc::from(b"portvakt".as_slice()),
        }
    }
}
