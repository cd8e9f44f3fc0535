//! A NAS that does accounting: its packets are signed here, on RustCrypto alone.

use md5::{Digest as _, Md5};

use crate::common::{Daemon, SECRET, Setup, text};
use crate::nas::{Code, Nas, PATIENCE, Request, Signature, kind};
use serde_json::Value;

/// Values of Acct-Status-Type.
pub(crate) mod status {
    pub(crate) const START: u32 = 1;
    pub(crate) const STOP: u32 = 2;
    pub(crate) const INTERIM: u32 = 3;
    pub(crate) const ON: u32 = 7;
    pub(crate) const OFF: u32 = 8;
}
pub(crate) use status::{START, STOP};

const FRAMED_IP_ADDRESS: u8 = 8;
const CLASS: u8 = 25;
const CALLED_STATION_ID: u8 = 30;
const ACCT_STATUS_TYPE: u8 = 40;
const ACCT_INPUT_OCTETS: u8 = 42;
const ACCT_SESSION_ID: u8 = 44;
const ACCT_SESSION_TIME: u8 = 46;
const EVENT_TIMESTAMP: u8 = 55;

/// An Accounting-Request in the making.
#[derive(Clone)]
pub(crate) struct Record(Request);

/// The accounting side of a NAS.
pub(crate) struct AccountingNas {
    nas: Nas,
}

impl Record {
    fn with(self, kind: u8, value: &[u8]) -> Self {
        Self(self.0.with(kind, value))
    }

    fn with_integer(self, kind: u8, value: u32) -> Self {
        Self(self.0.with_integer(kind, value))
    }

    #[must_use]
    pub(crate) fn user(self, name: &str) -> Self {
        self.with(kind::USER_NAME, name.as_bytes())
    }

    #[must_use]
    pub(crate) fn device(self, station: &str) -> Self {
        self.with(kind::CALLING_STATION_ID, station.as_bytes())
    }

    #[must_use]
    pub(crate) fn place(self, identifier: &str, called: &str) -> Self {
        self.with(kind::NAS_IDENTIFIER, identifier.as_bytes())
            .with(CALLED_STATION_ID, called.as_bytes())
    }

    #[must_use]
    pub(crate) fn address(self, octets: [u8; 4]) -> Self {
        self.with(FRAMED_IP_ADDRESS, &octets)
    }

    #[must_use]
    pub(crate) fn class(self, class: &[u8]) -> Self {
        self.with(CLASS, class)
    }

    #[must_use]
    pub(crate) fn session_time(self, seconds: u32) -> Self {
        self.with_integer(ACCT_SESSION_TIME, seconds)
    }

    #[must_use]
    pub(crate) fn input_octets(self, octets: u32) -> Self {
        self.with_integer(ACCT_INPUT_OCTETS, octets)
    }

    #[must_use]
    pub(crate) fn stamp(self, second: u32) -> Self {
        self.with_integer(EVENT_TIMESTAMP, second)
    }

    #[must_use]
    pub(crate) fn identifier(self, identifier: u8) -> Self {
        Self(self.0.identifier(identifier))
    }

    /// The packet with its Request Authenticator (RFC 2866 §3).
    pub(crate) fn octets(&self, secret: &[u8]) -> Vec<u8> {
        let unsigned = self.0.clone().signature(Signature::Missing);
        let mut octets = unsigned.octets();
        octets[4..20].fill(0);
        let authenticator = digest(&[&octets, secret]);
        octets[4..20].copy_from_slice(&authenticator);
        octets
    }
}

fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(part);
    }
    md5.finalize().into()
}

impl AccountingNas {
    /// The NAS underneath.
    pub(crate) fn nas(&self) -> &Nas {
        &self.nas
    }

    /// A record of a session.
    pub(crate) fn record(&self, status: u32, session: &str) -> Record {
        self.other(status).with(ACCT_SESSION_ID, session.as_bytes())
    }

    /// A request about no session.
    pub(crate) fn other(&self, status: u32) -> Record {
        let request = self.nas.request(Code::AccountingRequest);
        Record(request).with_integer(ACCT_STATUS_TYPE, status)
    }

    /// Sends a record once and waits for its answer, which must be authentic.
    pub(crate) fn tell(&self, record: &Record) {
        let octets = record.octets(self.nas.secret());
        self.nas.send(&octets);
        let reply = self.nas.receive(PATIENCE).expect("an answer");
        check(&reply, &octets, self.nas.secret());
    }

    /// Sends a datagram that must not be answered: the record behind it is answered first.
    pub(crate) fn expect_silence(&self, datagram: &[u8]) {
        self.nas.send(datagram);
        let after = self.other(15).octets(self.nas.secret());
        self.nas.send(&after);
        let reply = self.nas.receive(PATIENCE).expect("an answer");
        check(&reply, &after, self.nas.secret());
    }
}

/// An Accounting-Response to this request (RFC 2866 §3).
pub(crate) fn check(reply: &[u8], request: &[u8], secret: &[u8]) {
    assert_eq!(reply[..2], [5, request[1]], "the code, the identifier");
    let parts: [&[u8]; 4] = [&reply[..4], &request[4..20], &reply[20..], secret];
    assert_eq!(digest(&parts), reply[4..20], "the Response Authenticator");
}

/// A setup with accounting on a free port.
pub(crate) fn setup() -> Setup {
    Setup::new().set("accounting", "listen", "[\"127.0.0.1:0\"]")
}

impl Daemon {
    /// The accounting side of a NAS of the client that holds 127.0.0.1.
    pub(crate) fn accounting_nas(&self) -> AccountingNas {
        let nas = Nas::at("127.0.0.1", self.accounting_address(), SECRET);
        AccountingNas { nas }
    }

    /// The output of `portvakt sessions`.
    pub(crate) fn sessions(&self, words: &[&str]) -> Vec<Value> {
        let output = self.cli(&[&["sessions", "--json"], words].concat());
        assert!(output.status.success(), "{}", text(&output));
        let mut found: Value = serde_json::from_slice(&output.stdout).unwrap();
        match found["sessions"].take() {
            Value::Array(sessions) => sessions,
            other => panic!("{other}"),
        }
    }
}
