//! The plan of a run: phases of classes of log-ons, each with its own arrivals.

use std::ops::Range;
use std::time::Duration;

use portvakt_radius::{MessageAuthenticatorPolicy, SharedSecret};

use crate::tls::DeviceTls;
use crate::users::User;

/// Authentication method.
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
    /// Status-Server (RFC 5997): no log-on.
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

    /// Name on the command line and in reports: `"pap"`, `"ttls-mschapv2"`.
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

    /// Whether the method is one of EAP; all of those open a TLS tunnel.
    #[must_use]
    pub(crate) fn is_eap(self) -> bool {
        matches!(
            self,
            Method::TtlsPap | Method::TtlsMsChapV2 | Method::PeapMsChapV2 | Method::Tls
        )
    }
}

/// Start times of log-ons.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Arrivals {
    /// Open loop: log-ons a second, whatever the server does. Latency counts from when a log-on was
    /// due, so that a stalled server cannot hide it.
    Rate(f64),
    /// Closed loop: number of log-ons in flight; the next begins when one ends.
    InFlight(usize),
}

/// Kind of password that a class sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The right password; expects Access-Accept.
    Right,
    /// A wrong password, a new one each time; expects Access-Reject.
    Guess,
    /// The same wrong password each time; expects Access-Reject.
    Stale,
    /// An unknown user name, a new one each time; expects Access-Reject.
    UnknownUser,
}

/// Log-ons of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Class {
    /// Label in reports.
    pub label: &'static str,
    /// Method of all its log-ons.
    pub method: Method,
    /// Start times.
    pub arrivals: Arrivals,
    /// Kind of password.
    pub proof: Proof,
    /// Indices of its users in the plan.
    pub users: Range<usize>,
    /// Whether devices resume the TLS session of their last log-on.
    pub resumes: bool,
    /// Percentage of log-ons that use a wrong password instead.
    pub wrong_percent: f64,
    /// Maximum number of log-ons; `None` for as many as fit into the phase.
    pub count: Option<u64>,
}

/// A phase: classes that run at the same time.
#[derive(Clone, Debug)]
pub(crate) struct Phase {
    /// Label in reports.
    pub label: &'static str,
    /// Time in which log-ons start; those that have started are completed.
    pub length: Duration,
    /// Classes that run at the same time.
    pub classes: Vec<Class>,
}

/// Retransmission of requests (RFC 5080 §2.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retransmission {
    /// First timeout; each further one is twice as long.
    pub first: Duration,
    /// Transmissions of a request in all.
    pub tries: u8,
}

/// The plan of a run.
pub(crate) struct Plan {
    /// The server's address and port.
    pub server: std::net::SocketAddr,
    /// Source address; `None` for any.
    pub source: Option<std::net::IpAddr>,
    /// Local ports that each thread sends from in turn, as that many access points would.
    pub ports: usize,
    /// The secret shared with the server.
    pub secret: SharedSecret,
    /// Whether replies may lack Message-Authenticator.
    pub policy: MessageAuthenticatorPolicy,
    /// Users; never empty.
    pub users: Vec<User>,
    /// Outer identity; `None` for the user's own name.
    pub outer_identity: Option<String>,
    /// TLS settings, needed by EAP methods.
    pub tls: Option<DeviceTls>,
    /// Retransmission of requests.
    pub retransmission: Retransmission,
    /// Sending threads.
    pub threads: usize,
    /// Phases, run one after the other.
    pub phases: Vec<Phase>,
    /// Process of the server, whose CPU time and memory are read.
    pub server_pid: Option<u32>,
}
