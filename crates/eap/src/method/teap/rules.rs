//! The identities that TEAP asks for, and the inner methods that each is offered.

use crate::identity_type::{IdentityType, TeapIdentities};
use crate::method::inner::InnerOffer;
use std::sync::Arc;

/// Inner methods offered inside TEAP, by the identity that is asked for. Cheap to clone.
#[derive(Clone)]
pub(crate) struct TeapOffers {
    pub(crate) machine: InnerOffer,
    pub(crate) user: InnerOffer,
}

impl TeapOffers {
    /// Inner methods offered to `identity`.
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
