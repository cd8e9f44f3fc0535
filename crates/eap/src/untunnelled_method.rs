//! EAP methods without a tunnel, for equipment that has proven itself to the device before.

use crate::method_name::MethodName;
use crate::packet::EapType;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A method that can be spoken without a tunnel: within IKEv2, whose gateway has proven itself by
/// its certificate and encrypts what follows (RFC 7296 §2.16). On any other way the password, or what
/// it can be guessed from, lies open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UntunnelledMethod {
    /// EAP-MSCHAPv2, draft-kamath-pppext-eap-mschapv2.
    MsChapV2,
    /// EAP-GTC, which carries the password as such (RFC 3748 §5.6). It yields no key: IKEv2 then
    /// authenticates by keys of its own (RFC 7296 §2.16), other equipment can't use it.
    Gtc,
}

impl UntunnelledMethod {
    /// Its type octet.
    pub fn eap_type(self) -> EapType {
        match self {
            UntunnelledMethod::MsChapV2 => EapType::MS_CHAP_V2,
            UntunnelledMethod::Gtc => EapType::GTC,
        }
    }

    /// Its name in audit and counters.
    pub fn name(self) -> MethodName {
        match self {
            UntunnelledMethod::MsChapV2 => MethodName::EapMsChapV2,
            UntunnelledMethod::Gtc => MethodName::EapGtc,
        }
    }
}

/// Methods without a tunnel that one conversation offers, before those with one.
pub struct UntunnelledOffer {
    pub(crate) methods: Arc<[UntunnelledMethod]>,
    pub(crate) seed: Zeroizing<[u8; 32]>,
}

impl UntunnelledOffer {
    /// Offers `methods`, the first one first. Challenges are cut from `seed`, 32 octets at random for
    /// this conversation alone: who can foresee them can prepare an answer.
    pub fn new(methods: Arc<[UntunnelledMethod]>, seed: [u8; 32]) -> Self {
        UntunnelledOffer {
            methods,
            seed: Zeroizing::new(seed),
        }
    }

    /// Offers none.
    pub fn none() -> Self {
        UntunnelledOffer::new(Arc::default(), [0; 32])
    }
}

impl fmt::Debug for UntunnelledOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UntunnelledOffer({:?})", self.methods)
    }
}
