//! The columns of the feed.

use serde::{Deserialize, Serialize};

macro_rules! columns {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// A column of the feed: the same word in CSV headers, JSON objects and messages.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Column {
            $($(#[$doc])* $name,)*
        }

        impl Column {
            /// Every column, in the order of the documentation.
            pub const ALL: &[Column] = &[$(Column::$name,)*];

            /// Its word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Column::$name => $word,)*
                }
            }
        }
    };
}

columns! {
    /// `put` (default) or `delete`.
    Op = "op",
    /// The student's number in the registry.
    StudentNumber = "student-number",
    /// The user name of the account.
    Username = "username",
    /// eduPersonPrincipalName, `anna@campus.example`.
    Eppn = "eppn",
    /// The person's name.
    Name = "name",
    /// Always `student`.
    Kind = "kind",
    /// Whether the registry has the person; a row says yes by itself.
    InRegistry = "in-registry",
    /// The registry's own verdict, of `term` where that is given.
    Active = "active",
    /// The term that the row tells of, `2026-autumn`.
    Term = "term",
    /// The fee of `term`.
    Fee = "fee",
    /// When it was paid.
    FeeAt = "fee-at",
    /// When the student registered for `term`.
    RegisteredAt = "registered-at",
    /// The day on which the studies end or ended.
    EndedOn = "ended-on",
    /// Why they ended.
    EndKind = "end-kind",
    /// When the registry learned of it.
    EndRegisteredAt = "end-registered-at",
    /// The study programme.
    Programme = "programme",
    /// The faculty.
    Faculty = "faculty",
    /// The campus.
    Campus = "campus",
    /// Mobile number.
    Mobile = "mobile",
    /// When it was changed.
    MobileChangedAt = "mobile-changed-at",
    /// Private mail address.
    PrivateMail = "private-mail",
    /// Whether the mobile number may be shown.
    ShowMobile = "show-mobile",
    /// Whether the picture may be shown.
    ShowPicture = "show-picture",
    /// When either was chosen.
    VisibilityChangedAt = "visibility-changed-at",
    /// The language to write in.
    Language = "language",
    /// When the registry changed the row.
    SourceChangedAt = "source-changed-at",
}

impl Column {
    /// The column of this word, in capitals or not.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Column> {
        let mut columns = Column::ALL.iter();
        columns
            .find(|column| column.word().eq_ignore_ascii_case(word))
            .copied()
    }
}
