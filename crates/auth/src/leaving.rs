//! Leaving in stages: what is closed how long after the end of someone's studies.
//!
//! Every stage ends at the start of a local day. A date that was learned late leaves at least
//! [`Leaving::notice_days`] whole days. Death closes all stages at once, and silently.

use crate::registry_facts::EndOfStudies;
use crate::term::Terms;
use jiff::{Timestamp, ToSpan};

#[cfg(test)]
mod tests;

/// What belongs to an account and is closed on its own day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeavingStage {
    /// The network, by any way in.
    Network,
    /// The account page.
    Portal,
    /// Electronic mail, closed by the mail system.
    Mail,
    /// The student card, closed by the card system.
    Card,
}

impl LeavingStage {
    /// All stages, in the order in which they are shown.
    pub const ALL: [LeavingStage; 4] = [
        LeavingStage::Network,
        LeavingStage::Portal,
        LeavingStage::Mail,
        LeavingStage::Card,
    ];

    /// Its word in configuration and output.
    pub const fn as_str(self) -> &'static str {
        match self {
            LeavingStage::Network => "network",
            LeavingStage::Portal => "portal",
            LeavingStage::Mail => "mail",
            LeavingStage::Card => "card",
        }
    }
}

/// Days from the end of the studies until each stage is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// Days of the stages of [`LeavingStage::ALL`], in that order.
    days: [u16; 4],
    /// Least number of whole days between learning of the end and closing.
    pub notice_days: u16,
}

impl Default for Leaving {
    /// 90 days for each, 14 days of notice.
    fn default() -> Leaving {
        Leaving::after(90)
    }
}

impl Leaving {
    /// The same number of days for every stage, and 14 days of notice.
    pub const fn after(days: u16) -> Leaving {
        Leaving {
            days: [days; 4],
            notice_days: 14,
        }
    }

    /// Days of a stage.
    pub const fn days(&self, stage: LeavingStage) -> u16 {
        let [network, portal, mail, card] = self.days;
        match stage {
            LeavingStage::Network => network,
            LeavingStage::Portal => portal,
            LeavingStage::Mail => mail,
            LeavingStage::Card => card,
        }
    }

    /// Gives a stage other days.
    pub const fn set_days(&mut self, stage: LeavingStage, days: u16) {
        let [network, portal, mail, card] = &mut self.days;
        *match stage {
            LeavingStage::Network => network,
            LeavingStage::Portal => portal,
            LeavingStage::Mail => mail,
            LeavingStage::Card => card,
        } = days;
    }

    /// The moment at which a stage is closed; `None` past the end of the calendar.
    pub fn closes_at(
        &self,
        stage: LeavingStage,
        end: &EndOfStudies,
        terms: &Terms,
    ) -> Option<Timestamp> {
        if end.is_death {
            return end.learned_at.or_else(|| terms.start_of(end.on));
        }
        let days = i64::from(self.days(stage)).days();
        let closes = terms.start_of(end.on.checked_add(days).ok()?)?;
        Some(closes.max(self.notice_ends(end, terms).unwrap_or(closes)))
    }

    /// The start of the local day that follows the whole days of notice.
    fn notice_ends(&self, end: &EndOfStudies, terms: &Terms) -> Option<Timestamp> {
        let learned_on = terms.local_date(end.learned_at?);
        let days = i64::from(self.notice_days).saturating_add(1).days();
        terms.start_of(learned_on.checked_add(days).ok()?)
    }
}
