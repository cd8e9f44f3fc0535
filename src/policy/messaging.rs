//! Text messages by the configuration in force: the gateway with its breaker, the texts, the budgets.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use portvakt_auth::Tick;
use portvakt_resets::{Breaker, BreakerState, Outcome};

use crate::config::{GatewaySettings, Resets, Sms};
use crate::sms::{Gateway, HttpGateway, OpenError, Outbox, TextMessage};

/// Messages and resets. A reload makes it anew, with a closed breaker.
pub struct Messaging {
    /// Texts, budgets and rules.
    pub sms: Sms,
    /// Other ways to a new password.
    pub resets: Resets,
    gateway: Box<dyn Gateway>,
    breaker: Mutex<Breaker>,
}

impl Messaging {
    /// Prepares the gateway; asks nobody.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(sms: Sms, resets: Resets) -> Result<Self, OpenError> {
        let gateway: Box<dyn Gateway> = match &sms.gateway {
            GatewaySettings::Outbox(folder) => Box::new(Outbox::new(folder.clone())),
            GatewaySettings::Http(settings) => Box::new(HttpGateway::open((**settings).clone())?),
        };
        Ok(Self {
            sms,
            resets,
            gateway,
            breaker: Mutex::default(),
        })
    }

    /// The gateway.
    #[must_use]
    pub fn gateway(&self) -> &dyn Gateway {
        &*self.gateway
    }

    /// State of the breaker.
    #[must_use]
    pub fn breaker(&self) -> BreakerState {
        self.breaker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .state()
    }

    /// Whether a message may be handed over at this moment.
    #[must_use]
    pub fn allows(&self, now: Tick) -> bool {
        let breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        self.sms.enabled && breaker.allows(now)
    }

    /// Hands a message over, once more where that may help and cannot send it twice. Blocks for the
    /// gateway's deadline, twice at most.
    pub fn hand_over(&self, message: &TextMessage, now: Tick) -> Outcome {
        let outcome = match self.gateway.send(message) {
            Outcome::Refused(fault) if fault.may_be_tried_again() => self.gateway.send(message),
            Outcome::Unknown if self.gateway.drops_repeats() => self.gateway.send(message),
            outcome => outcome,
        };
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        if breaker.note(&outcome, now) {
            let (gateway, state) = (self.gateway.name(), breaker.state());
            match state {
                BreakerState::Closed => tracing::info!(gateway, "text messages go out again"),
                state => tracing::error!(gateway, ?state, "text messages do not go out"),
            }
        }
        outcome
    }
}

impl fmt::Debug for Messaging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messaging")
            .field("gateway", &self.gateway.name())
            .finish_non_exhaustive()
    }
}
