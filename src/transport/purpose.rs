//! Ports for authentication and for accounting.

use portvakt_radius::{Code, NoRoom, Reply, ReplyContext};

/// The requests that a listening port serves: RFC 2865 and RFC 2866 give each kind its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Access-Request; port 1812.
    Authentication,
    /// Accounting-Request; port 1813.
    Accounting,
}

impl Purpose {
    /// Whether requests of this code belong here.
    #[must_use]
    pub const fn serves(self, code: Code) -> bool {
        match self {
            Self::Authentication => matches!(code, Code::AccessRequest),
            Self::Accounting => matches!(code, Code::AccountingRequest),
        }
    }

    /// Begins the answer to a Status-Server (RFC 5997 §3): Access-Accept or Accounting-Response.
    ///
    /// # Errors
    /// [`NoRoom`]: not even its header fits.
    pub fn status_reply<'b>(
        self,
        context: &'b ReplyContext,
        buffer: &'b mut [u8],
    ) -> Result<Reply<'b>, NoRoom> {
        match self {
            Self::Authentication => Reply::accept(context, buffer),
            Self::Accounting => Reply::accounting_response(context, buffer),
        }
    }
}
