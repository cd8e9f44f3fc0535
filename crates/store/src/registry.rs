//! What the student registry told, as it is stored: imports, their statements, exemptions.
//!
//! ```text
//!  stage ──> statements in bounded steps ──> apply: one small commit puts all of them in force
//!                                       └──> hold: they wait for two approvals
//!  applied ──> undone within seven days ──or──> settled: folded into the persons, little by little
//! ```
//!
//! A person's facts are the settled ones, and then the statements of the imports in force, in the
//! order in which they were applied. So an import comes into force whole, however many rows it has,
//! and none of its steps holds up a log-on.

use jiff::Timestamp;
use portvakt_auth::AccountId;
use portvakt_registry::{Counts, Person, Statement};

use crate::StoreError;

/// Number of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImportId(pub i64);

/// Number of the last import that came into force or was undone: what a new one builds upon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegistryVersion(pub i64);

impl RegistryVersion {
    /// The version after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// State of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportState {
    /// Being written; nothing of it counts.
    Staging,
    /// Waits for approvals.
    Held,
    /// In force.
    Applied,
    /// Was in force, and is not any more.
    Undone,
    /// Never came into force, and never will.
    Dropped,
    /// In force for good.
    Settled,
}

impl ImportState {
    pub(crate) const ALL: [ImportState; 6] = [
        ImportState::Staging,
        ImportState::Held,
        ImportState::Applied,
        ImportState::Undone,
        ImportState::Dropped,
        ImportState::Settled,
    ];

    /// Its word in the database and in output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            ImportState::Staging => "staging",
            ImportState::Held => "held",
            ImportState::Applied => "applied",
            ImportState::Undone => "undone",
            ImportState::Dropped => "dropped",
            ImportState::Settled => "settled",
        }
    }
}

/// An import that is about to be staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImport {
    /// SHA-256 of the file, hexadecimal.
    pub digest: String,
    /// The file's name.
    pub file: String,
    /// Whether the file was full.
    pub is_full: bool,
    /// Rows of the file.
    pub rows: u64,
    /// Time of the facts.
    pub produced_at: Timestamp,
    /// Whether the file itself gave that time.
    pub has_trailer: bool,
    /// When the file came.
    pub taken_at: Timestamp,
    /// The person or program that brought it.
    pub taken_by: String,
    /// Its effect, when it came.
    pub counts: Counts,
}

/// An import as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its number.
    pub id: ImportId,
    /// As it came; the counts are those of the moment it was applied.
    pub new: NewImport,
    /// Its state.
    pub state: ImportState,
    /// When it came into force.
    pub applied_at: Option<Timestamp>,
    /// Whether it came into force by approval, and so does not count towards the guard's day.
    pub by_approval: bool,
    /// Operators who approved it, the first first.
    pub approved_by: Vec<String>,
    /// When it was undone, and by whom.
    pub undone: Option<(Timestamp, String)>,
}

/// How an import comes into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applying {
    /// The version that its effect was judged upon.
    pub upon: RegistryVersion,
    /// The present.
    pub at: Timestamp,
    /// Its effect.
    pub counts: Counts,
    /// Whether operators approved it.
    pub by_approval: bool,
}

/// An exemption of one account from fee and registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exemption {
    /// The account.
    pub account: AccountId,
    /// When it ends.
    pub until: Timestamp,
    /// Why, in words.
    pub reason: String,
    /// The person who made it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Persons of the student registry, and the imports that told of them.
///
/// Each call blocks until the database has answered, and long ones take many short turns of the
/// writer.
pub trait RegistryStore: Send + Sync {
    /// Calls `visit` with every person, in no order; the version they are of.
    ///
    /// # Errors
    /// [`StoreError::Database`] or [`StoreError::Unreadable`].
    fn registry_persons(
        &self,
        visit: &mut dyn FnMut(String, Person),
    ) -> Result<RegistryVersion, StoreError>;

    /// One person.
    ///
    /// # Errors
    /// As [`registry_persons`](Self::registry_persons).
    fn registry_person(&self, key: &str) -> Result<Option<Person>, StoreError>;

    /// The version in force.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn registry_version(&self) -> Result<RegistryVersion, StoreError>;

    /// Writes an import and its statements, of which nothing counts yet.
    ///
    /// # Errors
    /// [`StoreError::Database`]; what was written is removed later.
    fn stage_import(
        &self,
        import: &NewImport,
        statements: &[(String, Statement)],
    ) -> Result<ImportId, StoreError>;

    /// Has a staged import wait for approvals.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn hold_import(&self, id: ImportId) -> Result<(), StoreError>;

    /// Puts a staged or held import in force, whole; false if another came into force since
    /// `applying.upon`, or it waits no more.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn apply_import(&self, id: ImportId, applying: Applying) -> Result<bool, StoreError>;

    /// Approves a held import; the number of different operators who have.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn approve_import(&self, id: ImportId, who: &str, at: Timestamp) -> Result<usize, StoreError>;

    /// Takes an applied import out of force; false if it is not in force, or was before `since`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn undo_import(
        &self,
        id: ImportId,
        who: &str,
        at: Timestamp,
        since: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Removes a staged or held import; one that came into force meanwhile stays.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn drop_import(&self, id: ImportId) -> Result<(), StoreError>;

    /// The newest imports, newest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn imports(&self, limit: u32) -> Result<Vec<Import>, StoreError>;

    /// Time of the newest facts in force.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn registry_news(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Time of the newest file with a trailer, of full ones or of changes, that is in force or held.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn last_produced(&self, is_full: bool) -> Result<Option<Timestamp>, StoreError>;

    /// Effects of the imports that came into force since, without approval, together.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn registry_day(&self, since: Timestamp) -> Result<Counts, StoreError>;

    /// Calls `visit` with each statement of an import.
    ///
    /// # Errors
    /// [`StoreError::Database`] or [`StoreError::Unreadable`].
    fn statements_of(
        &self,
        id: ImportId,
        visit: &mut dyn FnMut(String, Statement),
    ) -> Result<(), StoreError>;

    /// Folds imports that were applied before into the persons, and removes what was staged, held or
    /// undone before, in many short steps.
    ///
    /// # Errors
    /// [`StoreError::Database`] or [`StoreError::Unreadable`].
    fn settle_imports(&self, before: Timestamp) -> Result<(), StoreError>;

    /// Puts an exemption in place of an earlier one of the account.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn put_exemption(&self, exemption: &Exemption) -> Result<(), StoreError>;

    /// Removes the exemption of an account; whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn remove_exemption(&self, account: &AccountId) -> Result<bool, StoreError>;

    /// All exemptions.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn exemptions(&self) -> Result<Vec<Exemption>, StoreError>;
}
