//! The first octet of a packet: what it asks or answers (RFC 2865 §3 and its successors).

/// The kinds of packet this server knows; any other code discards the packet (R1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Code {
    /// RFC 2865 §4.1.
    AccessRequest = 1,
    /// RFC 2865 §4.2.
    AccessAccept = 2,
    /// RFC 2865 §4.3.
    AccessReject = 3,
    /// RFC 2866 §4.1.
    AccountingRequest = 4,
    /// RFC 2866 §4.2.
    AccountingResponse = 5,
    /// RFC 2865 §4.4.
    AccessChallenge = 11,
    /// RFC 5997.
    StatusServer = 12,
    /// RFC 5176 §2.1.
    DisconnectRequest = 40,
    /// RFC 5176 §2.1.
    DisconnectAck = 41,
    /// RFC 5176 §2.1.
    DisconnectNak = 42,
    /// RFC 5176 §2.2.
    CoaRequest = 43,
    /// RFC 5176 §2.2.
    CoaAck = 44,
    /// RFC 5176 §2.2.
    CoaNak = 45,
    /// RFC 7930 §4.
    ProtocolError = 52,
}

impl Code {
    /// The code that `octet` stands for, if it is a known one.
    pub const fn from_octet(octet: u8) -> Option<Code> {
        Some(match octet {
            1 => Code::AccessRequest,
            2 => Code::AccessAccept,
            3 => Code::AccessReject,
            4 => Code::AccountingRequest,
            5 => Code::AccountingResponse,
            11 => Code::AccessChallenge,
            12 => Code::StatusServer,
            40 => Code::DisconnectRequest,
            41 => Code::DisconnectAck,
            42 => Code::DisconnectNak,
            43 => Code::CoaRequest,
            44 => Code::CoaAck,
            45 => Code::CoaNak,
            52 => Code::ProtocolError,
            _ => return None,
        })
    }

    /// The code as it stands on the wire.
    pub const fn octet(self) -> u8 {
        self as u8
    }

    /// The name as RFCs spell it, for instance `Access-Request`.
    pub const fn name(self) -> &'static str {
        match self {
            Code::AccessRequest => "Access-Request",
            Code::AccessAccept => "Access-Accept",
            Code::AccessReject => "Access-Reject",
            Code::AccountingRequest => "Accounting-Request",
            Code::AccountingResponse => "Accounting-Response",
            Code::AccessChallenge => "Access-Challenge",
            Code::StatusServer => "Status-Server",
            Code::DisconnectRequest => "Disconnect-Request",
            Code::DisconnectAck => "Disconnect-ACK",
            Code::DisconnectNak => "Disconnect-NAK",
            Code::CoaRequest => "CoA-Request",
            Code::CoaAck => "CoA-ACK",
            Code::CoaNak => "CoA-NAK",
            Code::ProtocolError => "Protocol-Error",
        }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
