//! What a load run does: phases of classes of log-ons, each with its own arrivals.

use std::ops::Range;
use std::time::Duration;

use portvakt_radius::{MessageAuthenticatorPolicy, SharedSecret};

use crate::people::Person;
use crate::tls::DeviceTls;

/// How somebody logs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// A bare User-Password.
    Pap,
    /// CHAP outside EAP.
    Chap,
    /// MS-CHAPv2 outside EAP.
    MsChapV2,
    /// EAP-TTLS with the password inside.
    TtlsPap,
    /// EAP-TTLS with MS-CHAPv2 inside.
    TtlsMsChapV2,
    /// PEAPv0 with EAP-MSCHAPv2 inside.
    PeapMsChapV2,
    /// EAP-TLS.
    Tls,
    /// Nobody logs on: Status-Server (RFC 5997).
    Status,
}

impl Method {
    /// All of them.
    pub(crate) const ALL: [Method; 8] = [
        Method::Pap,
        Method::Chap,
        Method::MsChapV2,
        Method::TtlsPap,
        Method::TtlsMsChapV2,
        Method::PeapMsChapV2,
        Method::Tls,
        Method::Status,
    ];

    /// `"pap"`, `"ttls-mschapv2"`: what the command line and reports call it.
    #[must_use]
    pub(crate) fn label(self) -> &'static str {
        match self {
            Method::Pap => "pap",
            Method::Chap => "chap",
            Method::MsChapV2 => "mschapv2",
            Method::TtlsPap => "ttls-pap",
            Method::TtlsMsChapV2 => "ttls-mschapv2",
            Method::PeapMsChapV2 => "peap-mschapv2",
            Method::Tls => "eap-tls",
            Method::Status => "status",
        }
    }

    /// Whether it opens a TLS tunnel.
    #[must_use]
    pub(crate) fn is_eap(self) -> bool {
        matches!(
            self,
            Method::TtlsPap | Method::TtlsMsChapV2 | Method::PeapMsChapV2 | Method::Tls
        )
    }
}

/// When log-ons begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Arrivals {
    /// So many a second, whatever the server does: latency counts from when a log-on was due, so
    /// that a server that stalls cannot hide it.
    Rate(f64),
    /// So many at every moment: the next begins when one ends.
    InFlight(usize),
}

/// What is offered as proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The right password; the server has to let in.
    Right,
    /// A wrong password, another one each time; the server has to refuse.
    Guess,
    /// One and the same wrong password of each person; the server has to refuse.
    Stale,
    /// A name that nobody has, another one each time; the server has to refuse.
    Nobody,
}

/// Log-ons of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Class {
    /// What reports call it.
    pub label: &'static str,
    /// How.
    pub method: Method,
    /// When.
    pub arrivals: Arrivals,
    /// With what.
    pub proof: Proof,
    /// Whose log-ons: the people from there to there.
    pub people: Range<usize>,
    /// Whether devices come back on the TLS session of their last log-on.
    pub resumes: bool,
    /// How many of a hundred log-ons use a wrong password instead.
    pub wrong_percent: f64,
    /// Most log-ons to begin; without it they go on until the phase ends.
    pub count: Option<u64>,
}

/// A stretch of time with its classes side by side.
#[derive(Clone, Debug)]
pub(crate) struct Phase {
    /// What reports call it.
    pub label: &'static str,
    /// How long log-ons begin in it; what began goes on to its end.
    pub length: Duration,
    /// Side by side.
    pub classes: Vec<Class>,
}

/// How lost packets are sent again (RFC 5080 §2.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retransmission {
    /// The first wait; each further one is twice as long.
    pub first: Duration,
    /// How often a request is sent in all.
    pub tries: u8,
}

/// Everything about a run.
pub(crate) struct Plan {
    /// The server's address and port.
    pub server: std::net::SocketAddr,
    /// Where requests come from; `None` for any.
    pub source: Option<std::net::IpAddr>,
    /// How many local ports each thread sends from in turn, as so many access points would.
    pub ports: usize,
    /// The secret shared with the server.
    pub secret: SharedSecret,
    /// Whether replies may lack Message-Authenticator.
    pub policy: MessageAuthenticatorPolicy,
    /// Who logs on; never empty.
    pub people: Vec<Person>,
    /// The name outside of tunnels; `None` for the person's own.
    pub outer_identity: Option<String>,
    /// What the methods with TLS need.
    pub tls: Option<DeviceTls>,
    /// How lost packets are sent again.
    pub retransmission: Retransmission,
    /// Sending threads.
    pub threads: usize,
    /// One after the other.
    pub phases: Vec<Phase>,
    /// The process whose CPU time and memory are read.
    pub server_pid: Option<u32>,
}
