//! Exemptions of students from fee and registration, until a day and with a reason.

use jiff::Timestamp;
use jiff::civil::Date;
use portvakt_auth::{AccountId, Kind};
use portvakt_store::Exemption;
use serde::{Deserialize, Serialize};

use super::registry::ExemptionDetails;
use super::{Accounts, ActError, Actor, Target};
use crate::times::iso_if_any;

/// Longest exemption, in days.
const LONGEST: i32 = 366;

/// An account whose exemption was made or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exempted {
    /// The account's name.
    pub account: String,
    /// When the exemption ends; `None` if there is none any more.
    #[serde(with = "iso_if_any")]
    pub until: Option<Timestamp>,
}

impl Accounts {
    /// Exempts a student from fee and registration to the end of the local day `until`; `None` ends
    /// the exemption. It holds before this returns, and outlives the process.
    ///
    /// # Errors
    /// Those of a name, [`ActError::NotStudent`], [`ActError::UntilNotFit`] or [`ActError::Store`].
    pub fn exempt(
        &self,
        actor: &Actor,
        target: &Target,
        until: Option<Date>,
    ) -> Result<Exempted, ActError> {
        let account = self.find_or_recall(&target.user)?;
        if account.kind != Kind::Student {
            let account = account.id.to_string();
            return Err(ActError::NotStudent { account });
        }
        let until = until.map(|day| self.end_of(&account.id, day)).transpose()?;
        let store = &self.state.store;
        match until {
            Some(until) => store.put_exemption(&Exemption {
                account: account.id.clone(),
                until,
                reason: target.why.clone(),
                by: actor.who.clone(),
                at: self.state.clock.now().utc,
            })?,
            None => {
                store.remove_exemption(&account.id)?;
            }
        }
        self.state.registry.exempt(account.id.clone(), until);
        self.state.own_registry_change(store.registry_version()?);
        self.forget(&account);
        let act = match until {
            Some(_) => "exempt",
            None => "end-exemption",
        };
        self.audit(actor, act, &account, &target.why);
        Ok(Exempted {
            account: account.id.to_string(),
            until,
        })
    }

    /// The start of the day after `day`, within a year from now.
    fn end_of(&self, id: &AccountId, day: Date) -> Result<Timestamp, ActError> {
        let unfit = || ActError::UntilNotFit {
            until: day.to_string(),
        };
        let policy = self.state.policy.load();
        let terms = &policy.sources.rules(id).terms;
        let today = terms.local_date(self.state.clock.now().utc);
        let days = day.since(today).map_err(|_| unfit())?.get_days();
        if !(0..=LONGEST).contains(&days) {
            return Err(unfit());
        }
        let next = day.tomorrow().map_err(|_| unfit())?;
        terms.start_of(next).ok_or_else(unfit)
    }

    pub(super) fn exemption_of(
        &self,
        id: &AccountId,
    ) -> Result<Option<ExemptionDetails>, ActError> {
        let exemptions = self.state.store.exemptions()?;
        let found = exemptions
            .into_iter()
            .find(|exemption| exemption.account == *id);
        Ok(found.map(|exemption| ExemptionDetails {
            until: exemption.until,
            reason: exemption.reason,
            by: exemption.by,
        }))
    }
}
