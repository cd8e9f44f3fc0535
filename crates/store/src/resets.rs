//! Rows of text messages, and the trait of what resets keep.

use std::net::IpAddr;

use jiff::Timestamp;
use portvakt_auth::name::AccountId;
use portvakt_resets::{MessageState, Mobile, NumberSeen, Opening, OpeningKind, Sent};

use crate::StoreError;

/// A text message, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// Our name for it: 32 random hexadecimal digits.
    pub reference: String,
    /// When, for whom, where to and where from it was asked for.
    pub sent: Sent,
    /// Its purpose.
    pub kind: OpeningKind,
    /// The gateway that got it, by its name in the configuration.
    pub gateway: String,
    /// Its state.
    pub state: MessageState,
    /// Since when.
    pub state_at: Timestamp,
    /// The word for a fault, of `DeliveryFault`.
    pub fault: Option<String>,
    /// The gateway's own reference.
    pub gateway_reference: Option<String>,
}

/// A later state of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageProgress<'a> {
    /// Our name of the message.
    pub reference: &'a str,
    /// The state.
    pub state: MessageState,
    /// When it got there.
    pub at: Timestamp,
    /// The word for a fault.
    pub fault: Option<&'a str>,
    /// The gateway's own reference, where it tells one.
    pub gateway_reference: Option<&'a str>,
}

/// Openings, messages and numbers of resets. Every call blocks until the disk has answered.
pub trait ResetStore: Send + Sync {
    /// The opening of this account and kind.
    ///
    /// # Errors
    /// [`StoreError::Database`] or [`StoreError::Unreadable`].
    fn opening(
        &self,
        account: &AccountId,
        kind: OpeningKind,
    ) -> Result<Option<Opening>, StoreError>;

    /// Writes an opening in the place of the one of revision `replaced`, 0 for none, and the message
    /// that it is sent by: both or neither. Whether that revision was still there; nothing was written
    /// otherwise.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the disk refuses.
    fn put_opening(
        &self,
        opening: &Opening,
        replaced: u64,
        message: Option<&MessageRow>,
    ) -> Result<bool, StoreError>;

    /// Messages from `since` on, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn messages(&self, since: Timestamp, limit: u32) -> Result<Vec<MessageRow>, StoreError>;

    /// Moves a message on, and never back; whether it moved. An unknown reference moves nothing.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the disk refuses.
    fn move_message(&self, progress: MessageProgress<'_>) -> Result<bool, StoreError>;

    /// The number of an account as it was seen last.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn number_seen(&self, account: &AccountId) -> Result<Option<NumberSeen>, StoreError>;

    /// Every number that was seen.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn numbers_seen(&self) -> Result<Vec<(AccountId, NumberSeen)>, StoreError>;

    /// Writes numbers that were seen, all or none.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the disk refuses.
    fn put_numbers_seen(&self, numbers: &[(AccountId, NumberSeen)]) -> Result<(), StoreError>;

    /// Whether sending was switched off, and by whom.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn messages_switched_off(&self) -> Result<Option<String>, StoreError>;

    /// Switches sending off, with the name of the actor, or on again.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the disk refuses.
    fn switch_messages(&self, off_by: Option<&str>) -> Result<(), StoreError>;

    /// Removes messages from before `before`, and openings that ended before it and whose beginnings
    /// count no more.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the disk refuses.
    fn purge_resets(&self, before: Timestamp) -> Result<(), StoreError>;
}

impl MessageRow {
    /// The address it was asked for from, as text.
    pub(crate) fn source_text(&self) -> Option<String> {
        self.sent.source.as_ref().map(IpAddr::to_string)
    }

    /// The number, as text.
    pub(crate) fn number_text(&self) -> String {
        Mobile::e164(&self.sent.number)
    }
}
