//! Identities that TEAP asks for: of a machine, of its user, or of both.

/// Whom a credential speaks for (RFC 9930, Identity-Type TLV).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityType {
    /// The person at the device.
    User,
    /// The device itself.
    Machine,
}

impl IdentityType {
    /// As the TLV says it.
    pub(super) fn code(self) -> u16 {
        match self {
            IdentityType::User => 1,
            IdentityType::Machine => 2,
        }
    }

    /// `"user"` or `"machine"`.
    pub fn label(self) -> &'static str {
        match self {
            IdentityType::User => "user",
            IdentityType::Machine => "machine",
        }
    }
}

/// Whom TEAP asks for. Each proves itself by an inner method of its own, and each must be accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TeapIdentities {
    /// The user alone.
    #[default]
    User,
    /// The machine alone.
    Machine,
    /// First the machine, then the user.
    MachineThenUser,
}

impl TeapIdentities {
    /// In the order of asking.
    pub(crate) fn asked(self) -> &'static [IdentityType] {
        match self {
            TeapIdentities::User => &[IdentityType::User],
            TeapIdentities::Machine => &[IdentityType::Machine],
            TeapIdentities::MachineThenUser => &[IdentityType::Machine, IdentityType::User],
        }
    }
}
