//! When a password expires: its days, spread over accounts, and never within a blackout.

use crate::account::Account;
use crate::rules::Rules;
use crate::time::later;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use std::time::Duration;

#[cfg(test)]
mod tests;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Days of every year on which no password expires, such as those of exams; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blackout {
    first: (i8, i8),
    last: (i8, i8),
}

impl Blackout {
    /// From one day to another, as month and day; it may go over New Year. `None` for a day that some
    /// year does not have.
    pub fn new(first: (i8, i8), last: (i8, i8)) -> Option<Blackout> {
        const COMMON_YEAR: i16 = 2025;
        let is_day = |(month, day)| Date::new(COMMON_YEAR, month, day).is_ok();
        (is_day(first) && is_day(last)).then_some(Blackout { first, last })
    }

    /// The day after it, if `date` is within it.
    fn day_after(&self, date: Date) -> Option<Date> {
        let day = (date.month(), date.day());
        let goes_over_new_year = self.first > self.last;
        let is_within = match goes_over_new_year {
            true => day >= self.first || day <= self.last,
            false => day >= self.first && day <= self.last,
        };
        let is_next_year = goes_over_new_year && day >= self.first;
        let year = date.year().checked_add(i16::from(is_next_year))?;
        let last = Date::new(year, self.last.0, self.last.1).ok()?;
        let after = last.checked_add(1.day()).ok()?;
        is_within.then_some(after)
    }
}

/// When a password that its owner set at `set_at` expires; `None` for one that does not.
pub fn password_expires(account: &Account, set_at: Timestamp, rules: &Rules) -> Option<Timestamp> {
    let validity = &rules.password_validity;
    let days = u32::from(validity.days_of(account)?);
    let days = days.saturating_add(own_days(account.id.as_str(), validity.spread_days));
    let mut end = later(set_at, DAY.saturating_mul(days));
    // Each may lead into the next one.
    for _ in &validity.blackouts {
        let date = rules.terms.local_date(end);
        let after = validity
            .blackouts
            .iter()
            .find_map(|blackout| blackout.day_after(date));
        end = after
            .and_then(|after| rules.terms.start_of(after))
            .unwrap_or(end);
    }
    Some(end)
}

/// Days from 0 to `spread`, always the same for an account: FNV-1a of its name.
fn own_days(name: &str, spread: u8) -> u32 {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, octet| {
        (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193)
    });
    hash % (u32::from(spread) + 1)
}
