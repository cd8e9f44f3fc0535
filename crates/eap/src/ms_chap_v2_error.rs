//! Error codes of MS-CHAPv2 (RFC 2759 §6).

/// Why a peer is not let in, as RFC 2759 §6 numbers it. All but the last two are for peers that have
/// proven their password (I6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MsChapV2Error {
    /// The account may not be used at this hour.
    RestrictedLogOnHours,
    /// The account is closed.
    AccountDisabled,
    /// The password has expired, and can be changed now.
    PasswordExpired,
    /// The account may not be used on this way in.
    NoDialInPermission,
    /// Whatever else there is, and the one answer to who has proven nothing.
    AuthenticationFailure,
    /// The new password was not taken.
    ChangingPassword,
}

impl MsChapV2Error {
    /// The number after `E=`.
    pub fn code(self) -> u16 {
        match self {
            MsChapV2Error::RestrictedLogOnHours => 646,
            MsChapV2Error::AccountDisabled => 647,
            MsChapV2Error::PasswordExpired => 648,
            MsChapV2Error::NoDialInPermission => 649,
            MsChapV2Error::AuthenticationFailure => 691,
            MsChapV2Error::ChangingPassword => 709,
        }
    }

    /// The words after `M=`: what a device may show its user.
    pub fn message(self) -> &'static str {
        match self {
            MsChapV2Error::RestrictedLogOnHours => "Not at this hour",
            MsChapV2Error::AccountDisabled => "Account closed",
            MsChapV2Error::PasswordExpired => "Password expired",
            MsChapV2Error::NoDialInPermission => "Not allowed here",
            MsChapV2Error::AuthenticationFailure => "Authentication failed",
            MsChapV2Error::ChangingPassword => "The new password was not taken",
        }
    }
}
