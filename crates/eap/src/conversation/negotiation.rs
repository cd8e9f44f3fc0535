//! Which methods are offered, in which order, and what may be spoken inside each.

use crate::identity_type::{IdentityType, TeapIdentities};
use crate::inner_method::InnerMethod;
use crate::method::Method;
use crate::method::inner::InnerOffer;
use crate::method::peap::Peap;
use crate::method::teap::{Teap, TeapOffers, TeapRules};
use crate::method::tls::Tls;
use crate::method::ttls::Ttls;
use crate::method_name::MethodName;
use crate::method_type::MethodType;
use crate::packet::{EapType, Nak};
use crate::tls::{Basis, MethodTls, ServerTls};
use std::fmt;
use std::sync::Arc;

/// Which methods are offered, in which order, and their TLS side. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Methods {
    tls: Arc<ServerTls>,
    offered: Arc<[Offer]>,
    teap: TeapRules,
}

/// One method, its TLS side, and what may be spoken inside it. Made once: conversations of all
/// threads share it, and each count of a shared thing is one more that they contend for.
#[derive(Clone)]
struct Offer {
    method: MethodType,
    tls: Arc<MethodTls>,
    inner: InnerOffer,
    /// Inner methods offered to machines inside TEAP, in place of `inner`.
    machine_inner: Option<InnerOffer>,
}

/// Why a list of methods cannot be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MethodsError {
    /// Nothing to offer.
    #[error("no EAP method is offered")]
    Empty,
    /// The same method twice.
    #[error("an EAP method is offered twice")]
    Repeated(MethodType),
    /// EAP-TLS, by itself or inside a tunnel, with nothing to check client certificates against.
    #[error("EAP-TLS is offered, but no authority for client certificates is configured")]
    NoClientAuthorities,
    /// Inner methods for a method that is not offered.
    #[error("inner methods of an EAP method that is not offered")]
    NotOffered(MethodType),
    /// Nothing to offer inside.
    #[error("no inner method is offered")]
    InnerEmpty(MethodType),
    /// The same inner method twice.
    #[error("inner method {} is offered twice", .0.label())]
    InnerRepeated(InnerMethod),
    /// The method cannot carry that.
    #[error("inner method {} cannot be offered there", .0.label())]
    InnerUnfit(InnerMethod),
}

impl Methods {
    /// Offers `offered`, the first one first, each with its usual inner methods:
    /// [`MethodType::usual_inner`].
    ///
    /// # Errors
    /// [`MethodsError`] where the list is empty or repeats itself.
    pub fn new(tls: ServerTls, offered: &[MethodType]) -> Result<Self, MethodsError> {
        if offered.is_empty() {
            return Err(MethodsError::Empty);
        }
        if let Some(method) = repeated(offered) {
            return Err(MethodsError::Repeated(method));
        }
        if offered.contains(&MethodType::Tls) && !tls.takes_client_certificates() {
            return Err(MethodsError::NoClientAuthorities);
        }
        let usual = |method: &MethodType| Offer {
            method: *method,
            tls: Arc::new(tls.for_method(method.eap_type())),
            inner: inner_offer(&tls, method.usual_inner()),
            machine_inner: None,
        };
        let methods = Methods {
            tls: Arc::new(tls.clone()),
            offered: offered.iter().map(usual).collect(),
            teap: TeapRules::default(),
        };
        Ok(methods.with_resumption())
    }

    /// Offers `inner` inside `method`, and nothing else; EAP methods the first one first.
    ///
    /// # Errors
    /// [`MethodsError`] where `method` is not offered or cannot carry them, or where the list is
    /// empty or repeats itself.
    pub fn with_inner(
        mut self,
        method: MethodType,
        inner: &[InnerMethod],
    ) -> Result<Self, MethodsError> {
        let inner = self.check_inner(method, inner)?;
        self.offer_mut(method)?.inner = inner;
        Ok(self.with_resumption())
    }

    /// Offers `inner` to machines inside TEAP; without this they are offered what users are.
    ///
    /// # Errors
    /// As [`Methods::with_inner`].
    pub fn with_machine_inner(mut self, inner: &[InnerMethod]) -> Result<Self, MethodsError> {
        let inner = self.check_inner(MethodType::Teap, inner)?;
        self.offer_mut(MethodType::Teap)?.machine_inner = Some(inner);
        Ok(self.with_resumption())
    }

    fn check_inner(
        &self,
        method: MethodType,
        inner: &[InnerMethod],
    ) -> Result<InnerOffer, MethodsError> {
        if inner.is_empty() {
            return Err(MethodsError::InnerEmpty(method));
        }
        if let Some(inner) = repeated(inner) {
            return Err(MethodsError::InnerRepeated(inner));
        }
        if let Some(unfit) = inner.iter().find(|inner| !method.carries(**inner)) {
            return Err(MethodsError::InnerUnfit(*unfit));
        }
        if inner.contains(&InnerMethod::EapTls) && !self.tls.takes_client_certificates() {
            return Err(MethodsError::NoClientAuthorities);
        }
        Ok(inner_offer(&self.tls, inner))
    }

    fn offer_mut(&mut self, method: MethodType) -> Result<&mut Offer, MethodsError> {
        let offered = Arc::make_mut(&mut self.offered);
        let offer = offered.iter_mut().find(|offer| offer.method == method);
        offer.ok_or(MethodsError::NotOffered(method))
    }

    /// Lets nothing be resumed but the sessions of log-ons that could be made now.
    fn with_resumption(mut self) -> Self {
        let teap = self.teap.identities;
        for offer in Arc::make_mut(&mut self.offered) {
            let bases = match asked(offer.method.eap_type(), teap) {
                [identity] => offer.bases(*identity).collect(),
                // A session stands for one account; two are proven anew each time.
                _ => Vec::new(),
            };
            Arc::make_mut(&mut offer.tls).resume_only(bases);
        }
        self
    }

    /// Has TEAP ask for `identities` instead of the user alone. `authority` names this server to
    /// devices, in clear and unproven; it should be unique to the site.
    #[must_use]
    pub fn with_teap(mut self, identities: TeapIdentities, authority: &[u8]) -> Self {
        self.teap = TeapRules {
            identities,
            authority: authority.into(),
        };
        self.with_resumption()
    }

    /// Identities that must be accepted before a conversation of that method may succeed.
    pub(super) fn identities(&self, method: EapType) -> &'static [IdentityType] {
        asked(method, self.teap.identities)
    }

    /// Whether a log-on can rest on `basis`.
    pub(super) fn offers(&self, basis: Basis) -> bool {
        let mut offered = self.offered.iter();
        offered.any(|offer| offer.bases(basis.identity).any(|offered| offered == basis))
    }

    pub(super) fn count(&self) -> usize {
        self.offered.len()
    }

    pub(super) fn first(&self) -> Option<Box<dyn Method>> {
        self.offered.first().map(|offer| self.begin(offer))
    }

    /// The first of ours that the peer would accept.
    pub(super) fn wanted_by(&self, nak: Nak<'_>) -> Option<Box<dyn Method>> {
        let wanted = |offer: &&Offer| nak.wanted().any(|wish| wish == offer.method.eap_type());
        self.offered
            .iter()
            .find(wanted)
            .map(|offer| self.begin(offer))
    }

    fn begin(&self, offer: &Offer) -> Box<dyn Method> {
        let (tls, inner) = (Arc::clone(&offer.tls), offer.inner.clone());
        match offer.method {
            MethodType::Ttls => Box::new(Ttls::new(tls, inner)),
            MethodType::Peap => Box::new(Peap::new(tls, inner)),
            MethodType::Tls => Box::new(Tls::new(tls)),
            MethodType::Teap => {
                let tls = match self.teap.identities.asked() {
                    [_one] => tls,
                    // A session stands for one account; two are proven anew each time.
                    _ => Arc::new(MethodTls::clone(&tls).without_sessions()),
                };
                let machine = offer.machine_inner.clone();
                let offers = TeapOffers {
                    machine: machine.unwrap_or_else(|| inner.clone()),
                    user: inner,
                };
                Box::new(Teap::new(tls, offers, self.teap.clone()))
            }
        }
    }
}

impl Offer {
    /// Everything that a proof of this identity can rest on.
    fn bases(&self, identity: IdentityType) -> impl Iterator<Item = Basis> {
        let of_machine = self.machine_inner.as_ref();
        let inner = of_machine.filter(|_| identity == IdentityType::Machine);
        let inner = inner.unwrap_or(&self.inner).methods.iter().copied();
        let method = self.method;
        let bare = (method == MethodType::Tls).then_some(None);
        let names = bare.into_iter().chain(inner.map(Some));
        names.map(move |inner| Basis {
            method: MethodName::of(method, inner),
            identity,
        })
    }
}

/// Identities that a conversation of a method asks for, where TEAP asks for `teap`.
fn asked(method: EapType, teap: TeapIdentities) -> &'static [IdentityType] {
    match method {
        EapType::TEAP => teap.asked(),
        _ => TeapIdentities::User.asked(),
    }
}

fn inner_offer(tls: &ServerTls, methods: &[InnerMethod]) -> InnerOffer {
    let carries_tls = methods.contains(&InnerMethod::EapTls);
    let certified = carries_tls.then(|| tls.for_inner()).flatten();
    InnerOffer {
        methods: methods.into(),
        certified: certified.map(Arc::new),
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.inner.methods;
        write!(f, "Offer({:?}, {inner:?})", self.method)
    }
}

/// The first that is there a second time.
fn repeated<T: Copy + PartialEq>(list: &[T]) -> Option<T> {
    let mut items = list.iter().enumerate();
    items
        .find(|(at, item)| list.iter().take(*at).any(|before| before == *item))
        .map(|(_, item)| *item)
}
