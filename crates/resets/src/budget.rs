//! Budgets of text messages: so many within so long, per account, number, source and in all.
//!
//! Against bombing of a person, and against toll fraud (portals that send messages to numbers whose
//! operator shares the fee).

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use portvakt_auth::AccountId;

use crate::mobile::Mobile;

/// Limits of one budget.
const MOST_LIMITS: usize = 4;

/// At most so many within so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The most.
    pub count: u32,
    /// Within so long.
    pub within: Duration,
}

/// A text that is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a limit is a count and a time of at most a day, like \"3/1h\"")]
pub struct BudgetError;

impl FromStr for Limit {
    type Err = BudgetError;

    /// `3/1h`: a count of 1 or more, `/`, a number of `m` or `h` up to a day.
    fn from_str(text: &str) -> Result<Limit, BudgetError> {
        const DAY_MINUTES: u32 = 24 * 60;
        let (count, within) = text.split_once('/').ok_or(BudgetError)?;
        let in_minutes = within.strip_suffix('m').map(|number| (number, 1));
        let in_hours = within.strip_suffix('h').map(|number| (number, 60));
        let (within, minutes) = in_minutes.or(in_hours).ok_or(BudgetError)?;
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            is_number.then(|| text.parse::<u32>().ok()).flatten()
        };
        let within = number(within).and_then(|n| n.checked_mul(minutes));
        match (number(count), within) {
            (Some(count @ 1..), Some(within @ 1..=DAY_MINUTES)) => Ok(Limit {
                count,
                within: Duration::from_secs(u64::from(within) * 60),
            }),
            _ => Err(BudgetError),
        }
    }
}

/// Several limits, all of which hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget(Vec<Limit>);

impl Budget {
    /// A budget of one to four limits.
    ///
    /// # Errors
    /// [`BudgetError`] without a limit, or with more than four.
    pub fn new(limits: Vec<Limit>) -> Result<Budget, BudgetError> {
        match limits.len() {
            1..=MOST_LIMITS => Ok(Budget(limits)),
            _ => Err(BudgetError),
        }
    }

    /// Whether one more is within every limit, after those at `times`. One in the future counts: a
    /// clock that was set back gives nothing away.
    pub fn allows(&self, times: impl Iterator<Item = Timestamp> + Clone, now: Timestamp) -> bool {
        self.0.iter().all(|limit| {
            let from = portvakt_auth::time::earlier(now, limit.within);
            let count = times.clone().filter(|time| *time > from).count();
            count < limit.count as usize
        })
    }

    /// Part of the budget that is spent, 1.0 for all of it: of the limit that is nearest its end.
    pub fn spent(&self, times: impl Iterator<Item = Timestamp> + Clone, now: Timestamp) -> f64 {
        let parts = self.0.iter().map(|limit| {
            let from = portvakt_auth::time::earlier(now, limit.within);
            let count = times.clone().filter(|time| *time > from).count();
            // Counts are small: nothing is lost.
            count as f64 / f64::from(limit.count)
        });
        parts.fold(0.0, f64::max)
    }
}

/// A message that was sent within the last day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When.
    pub at: Timestamp,
    /// The account that it was for.
    pub account: AccountId,
    /// Where it went to.
    pub number: Mobile,
    /// Where it was asked for; `None` within the house.
    pub source: Option<IpAddr>,
}

/// The budgets of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// For one account.
    pub per_account: Budget,
    /// To one number: several people may share it.
    pub per_number: Budget,
    /// From one address, of IPv6 from one /64.
    pub per_source: Budget,
    /// In all.
    pub total: Budget,
}

/// The budget that is used up. For the audit log alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// That of the account.
    #[error("budget of the account")]
    Account,
    /// That of the number.
    #[error("budget of the number")]
    Number,
    /// That of the source.
    #[error("budget of the source")]
    Source,
    /// That of all messages.
    #[error("budget of all messages")]
    Total,
}

impl Default for Budgets {
    /// Of the order of what people need: some ten in a hundred forget a password in a term.
    fn default() -> Budgets {
        const MINUTE: Duration = Duration::from_secs(60);
        const HOUR: Duration = Duration::from_secs(60 * 60);
        let budget = |limits: &[(u32, Duration)]| {
            let limits = limits.iter().map(|(count, within)| Limit {
                count: *count,
                within: *within,
            });
            Budget(limits.collect())
        };
        Budgets {
            per_account: budget(&[(1, MINUTE), (3, HOUR), (5, 24 * HOUR)]),
            per_number: budget(&[(3, HOUR), (6, 24 * HOUR)]),
            per_source: budget(&[(5, 10 * MINUTE), (20, 24 * HOUR)]),
            total: budget(&[(60, MINUTE), (3000, 24 * HOUR)]),
        }
    }
}

impl Budgets {
    /// Whether one more message is within all budgets, after those of the last day.
    ///
    /// # Errors
    /// [`Exceeded`], the first of them.
    pub fn check(&self, sent: &[Sent], next: &Sent) -> Result<(), Exceeded> {
        let now = next.at;
        let all = || sent.iter();
        let source = next.source.map(network);
        let to_account = all()
            .filter(|sent| sent.account == next.account)
            .map(|sent| sent.at);
        let to_number = all()
            .filter(|sent| sent.number == next.number)
            .map(|sent| sent.at);
        let of_source = all()
            .filter(|sent| sent.source.map(network) == source)
            .map(|sent| sent.at);
        if !self.per_account.allows(to_account, now) {
            return Err(Exceeded::Account);
        }
        if !self.per_number.allows(to_number, now) {
            return Err(Exceeded::Number);
        }
        if source.is_some() && !self.per_source.allows(of_source, now) {
            return Err(Exceeded::Source);
        }
        match self.total.allows(all().map(|sent| sent.at), now) {
            true => Ok(()),
            false => Err(Exceeded::Total),
        }
    }
}

/// The network that an address is taken for: one home or phone has a whole /64 of IPv6.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let bits = u128::from(v6) >> 64 << 64;
            IpAddr::V6(bits.into())
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn sent(second: i64, account: &str, number: &str, source: &str) -> Sent {
        Sent {
            at: at(second),
            account: AccountId::new(account).unwrap(),
            number: Mobile::parse(number).unwrap(),
            source: Some(source.parse().unwrap()),
        }
    }

    #[test]
    fn limit_is_a_count_within_a_time() {
        let limit = "3/1h".parse::<Limit>().unwrap();
        assert_eq!((limit.count, limit.within.as_secs()), (3, 3600));
        assert_eq!("60/1m".parse::<Limit>().unwrap().within.as_secs(), 60);
        assert_eq!("5/24h".parse::<Limit>().unwrap().within.as_secs(), 86_400);
        for wrong in [
            "",
            "3",
            "0/1h",
            "3/0h",
            "3/25h",
            "3/1d",
            "-3/1h",
            "3/h",
            "x/1h",
            "3/1hh",
            "3/99999999999h",
        ] {
            assert_eq!(wrong.parse::<Limit>(), Err(BudgetError), "{wrong}");
        }
        assert_eq!(Budget::new(Vec::new()), Err(BudgetError));
        assert_eq!(Budget::new(vec![limit; 5]), Err(BudgetError));
    }

    /// Bombing of one person (PA2): one a minute, three an hour, five a day.
    #[test]
    fn account_has_one_a_minute_three_an_hour_and_five_a_day() {
        let budgets = Budgets::default();
        let mut log = Vec::new();
        for (second, expected) in [
            (0, Ok(())),
            (59, Err(Exceeded::Account)),
            (60, Ok(())),
            (120, Ok(())),
            (3599, Err(Exceeded::Account)),
            (3600, Ok(())),
            (7300, Ok(())),
            (40_000, Err(Exceeded::Account)),
            (86_400, Ok(())),
        ] {
            // Another number each time: it is the account that counts.
            let next = sent(second, "kari", &format!("912{second:05}"), "192.0.2.1");
            let outcome = budgets.check(&log, &next);
            assert_eq!(outcome, expected, "{second}");
            if outcome.is_ok() {
                log.push(next);
            }
        }
    }

    #[test]
    fn people_who_share_a_number_share_its_budget() {
        let budgets = Budgets::default();
        let log: Vec<_> = ["kari", "ola", "nils"]
            .iter()
            .zip(0..)
            .map(|(name, index)| sent(index, name, "91234567", &format!("192.0.2.{index}")))
            .collect();
        let next = sent(100, "anna", "91234567", "192.0.2.9");
        assert_eq!(budgets.check(&log, &next), Err(Exceeded::Number));
        let other = sent(100, "anna", "91234568", "192.0.2.9");
        assert_eq!(budgets.check(&log, &other), Ok(()));
    }

    /// Toll fraud (PA3): many names from one place.
    #[test]
    fn source_has_five_in_ten_minutes_and_a_network_of_ipv6_is_one() {
        let budgets = Budgets::default();
        let log: Vec<_> = (0..5)
            .map(|index| {
                sent(
                    index,
                    &format!("s{index}"),
                    &format!("9123456{index}"),
                    &format!("2001:db8::{index}"),
                )
            })
            .collect();
        let next = |source| sent(100, "anna", "41234567", source);
        assert_eq!(
            budgets.check(&log, &next("2001:db8::ffff")),
            Err(Exceeded::Source)
        );
        assert_eq!(budgets.check(&log, &next("2001:db8:0:1::1")), Ok(()));
        let within = Sent {
            source: None,
            ..next("192.0.2.1")
        };
        assert_eq!(budgets.check(&log, &within), Ok(()));
        assert_eq!(
            network("::ffff:192.0.2.1".parse().unwrap()),
            IpAddr::from([192, 0, 2, 1])
        );
    }

    #[test]
    fn total_is_bounded_whoever_asks_and_from_wherever() {
        let budgets = Budgets::default();
        let log: Vec<_> = (0..60)
            .map(|index| {
                let source = format!("198.51.100.{index}");
                sent(
                    0,
                    &format!("s{index}"),
                    &format!("912345{index:02}"),
                    &source,
                )
            })
            .collect();
        let next = sent(59, "anna", "41234567", "192.0.2.1");
        assert_eq!(budgets.check(&log, &next), Err(Exceeded::Total));
        let later = sent(60, "anna", "41234567", "192.0.2.1");
        assert_eq!(budgets.check(&log, &later), Ok(()));
        let times = || log.iter().map(|sent| sent.at);
        assert!((budgets.total.spent(times(), at(1)) - 1.0).abs() < 1e-9);
        assert!((budgets.total.spent(times(), at(60)) - 0.02).abs() < 1e-9);
    }

    #[test]
    fn clock_that_was_set_back_gives_no_message_more() {
        let budgets = Budgets::default();
        let log = [sent(1_000, "kari", "91234567", "192.0.2.1")];
        let next = sent(0, "kari", "91234567", "192.0.2.1");
        assert_eq!(budgets.check(&log, &next), Err(Exceeded::Account));
    }
}
