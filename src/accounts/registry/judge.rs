//! Persons judged by the rules of their accounts, before and after a file.

use jiff::Timestamp;
use portvakt_auth::{
    Account, AccountId, Kind, RegistryFacts, RegistryView, Rules, Subject, student_finding,
};
use portvakt_directory::Found;
use portvakt_registry::{Join, Judge, Moment, Standing, Told};

use crate::policy::Policy;
use crate::state::{State, account_name, silent_from};

/// Judges by the accounts of the directories, where they answer at once.
pub(super) struct AccountJudge<'a> {
    state: &'a State,
    policy: &'a Policy,
    join: Join,
    now: Timestamp,
    silent_after: Option<Timestamp>,
    /// A student of whom the directory tells nothing.
    bare: Option<Account>,
}

impl<'a> AccountJudge<'a> {
    pub(super) fn new(state: &'a State, policy: &'a Policy, told: Told) -> Self {
        let bare = AccountId::new("student").ok();
        let news = told.produced_at.min(told.taken_at);
        Self {
            state,
            policy,
            join: policy.registry.columns.join,
            now: told.taken_at,
            silent_after: silent_from(Some(news), policy.registry.news_days)
                .max(state.registry.silent_from()),
            bare: bare.map(|id| Account::new(id, Kind::Student)),
        }
    }

    /// Whether the registry was silent, and speaks again by this file: then the calendar goes on for
    /// everybody.
    pub(super) fn ends_silence(&self) -> bool {
        let silent_from = self.state.registry.silent_from();
        silent_from.is_some_and(|from| from < self.now)
    }

    fn judged(
        &self,
        account: &Account,
        rules: &Rules,
        facts: Option<&RegistryFacts>,
        moment: Moment,
    ) -> Standing {
        let silent_from = match moment {
            Moment::Before => self.state.registry.silent_from(),
            Moment::After => self.silent_after,
        };
        let registry = RegistryView {
            facts,
            exempt_until: self.state.registry.exempt_until(&account.id),
            silent_from,
        };
        let subject = Subject { account, registry };
        let finding = student_finding(subject, rules, self.now);
        finding.map_or(Standing::Open, |finding| Standing::Closed(finding.refusal))
    }
}

impl Judge for AccountJudge<'_> {
    fn standing(&self, key: &str, facts: Option<&RegistryFacts>, moment: Moment) -> Standing {
        let sources = &self.policy.sources;
        let Some(name) = account_name(sources, self.join, key) else {
            return Standing::NoAccount;
        };
        let source = AccountId::new(&name).ok();
        let source = source.and_then(|id| sources.of_account(&id));
        let Some(source) = source else {
            return Standing::NoAccount;
        };
        let plain = name.split('@').next().unwrap_or(&name);
        match (source.directory.find(plain, None), facts, &self.bare) {
            (Found::Account(account), facts, _) if account.kind == Kind::Student => {
                self.judged(&account, &source.rules, facts, moment)
            }
            (Found::Account(_) | Found::Unknown, ..) => Standing::NoAccount,
            (Found::Pending(_), Some(facts), Some(bare)) => {
                self.judged(bare, &source.rules, Some(facts), moment)
            }
            (Found::Pending(_), ..) => Standing::Unknown,
        }
    }
}
