//! Prometheus metrics. Counters are looked up at the start; label values come from closed lists
//! (clients of the configuration, codes of the program), never from a request.

mod accounting;
mod directory;
mod disconnect;
mod drops;
mod gauges;
mod mirror;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry,
    TextEncoder,
};

use accounting::AccountingMetrics;
use directory::DirectoryFamilies;
use disconnect::DisconnectMetrics;
use drops::{Drops, FORESEEN_DROPS, NO_CLIENT};

pub use accounting::{AccountingKind, AccountingResult};
pub use directory::{DirectoryOperation, ServerMetrics};
pub use mirror::{MirrorReading, MirrorState};
pub use prometheus::Error as MetricsError;

use gauges::Gauges;

/// Label of values missing from the closed list: a bug, shown instead of lost.
const OTHER: &str = "other";

/// From a remembered proof to a home server on another continent, in seconds.
const LATENCY_BUCKETS: &[f64] = &[
    0.000_05, 0.000_2, 0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// From an idle pool to the deadline at which requests are shed, in seconds.
const WAIT_BUCKETS: &[f64] = &[
    0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0,
];

/// Counters, histograms and gauges of the server. Shared by reference between threads.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    refusals: Counters,
    drops: IntCounterVec,
    drop_reasons: Arc<[&'static str]>,
    /// Drops of datagrams from unknown addresses.
    other_drops: Drops,
    latency: Histograms,
    handshakes: Counters,
    renewals: Counters,
    hash_wait: Histogram,
    accounting: AccountingMetrics,
    directories: DirectoryFamilies,
    disconnects: DisconnectMetrics,
    gauges: Gauges,
}

/// Closed lists of label values.
#[derive(Debug, Clone, Copy, Default)]
pub struct Labels<'l> {
    /// Codes of all refusals.
    pub refusals: &'l [&'static str],
    /// Reasons for which a datagram is dropped.
    pub drops: &'l [&'static str],
    /// Methods, like `pap` and `ttls/pap`.
    pub methods: &'l [&'static str],
    /// Outcomes of sessions that were to end.
    pub disconnects: &'l [&'static str],
}

/// Values read from the parts of the server at each scrape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Readings {
    /// Accounts that are locked after failures.
    pub locked_accounts: usize,
    /// Records of accounts with failures, a lock or an attempt under way, and their maximum number.
    pub lock_records: [usize; 2],
    /// EAP conversations in progress.
    pub conversations: usize,
    /// Passwords that wait for a hash thread.
    pub hash_queue: usize,
    /// Whether the store writes.
    pub store_healthy: bool,
    /// Entries not yet on disk.
    pub store_waiting: usize,
    /// Whether this server decides about locks without the database that it shares with others.
    pub store_alone: bool,
    /// Changes of locks in the journal of that time.
    pub store_journalled: usize,
    /// Outcomes of log-ons that were not told, because nothing made them durable.
    pub store_outcomes_dropped: u64,
    /// Seconds by which the clock of this machine is ahead of the database's.
    pub store_clock_offset: f64,
    /// Live sessions in memory.
    pub live_sessions: usize,
    /// How often a live session had no room in memory.
    pub sessions_beyond_memory: u64,
    /// Lines that the audit log lost.
    pub audit_dropped: u64,
    /// Persons of the student registry.
    pub registry_persons: usize,
    /// Days until the registry counts as silent; `None` without news, and where it never does.
    pub registry_news_days_left: Option<i64>,
    /// Days until the certificate of the default chain expires; `None` without one.
    pub certificate_days_left: Option<i64>,
    /// Mirrors of directories.
    pub mirrors: Vec<MirrorReading>,
    /// Days until the certificate of each chain expires, by the chain's name.
    pub chain_days_left: Vec<(String, i64)>,
    /// Days until each revocation list must be replaced, by the table that names it.
    pub revocation_list_days_left: Vec<(String, i64)>,
}

/// Result of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestResult {
    /// Access-Accept.
    Accept,
    /// Access-Reject.
    Reject,
    /// Access-Challenge.
    Challenge,
    /// The answer to a Status-Server.
    Status,
    /// A retransmission, answered by the same reply.
    Duplicate,
    /// Access-Challenge that repeats the last EAP-Request after an invalid EAP packet.
    InvalidEap,
    /// Accounting-Response.
    Accounting,
    /// No reply.
    Drop,
}

/// Outcome of a TLS handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeOutcome {
    /// Full handshake completed.
    Completed,
    /// Session of an earlier log-on resumed.
    Resumed,
    /// Alert by the device, for instance about an untrusted certificate.
    AlertReceived,
    /// Alert by the server, for instance about an unsupported version.
    AlertSent,
    /// No further message from the device.
    GaveUp,
}

/// Result of reloading certificates and lists that changed on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// The new ones are in use.
    Done,
    /// The new ones are refused; the old ones stay in use.
    Refused,
}

/// Counters of one client.
#[derive(Clone)]
pub struct ClientMetrics {
    results: [IntCounter; RequestResult::ALL.len()],
    drops: Arc<Drops>,
}

impl RequestResult {
    const ALL: [Self; 8] = [
        Self::Accept,
        Self::Reject,
        Self::Challenge,
        Self::Status,
        Self::Duplicate,
        Self::InvalidEap,
        Self::Accounting,
        Self::Drop,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Challenge => "challenge",
            Self::Status => "status",
            Self::Duplicate => "duplicate",
            Self::InvalidEap => "invalid-eap",
            Self::Accounting => "accounting",
            Self::Drop => "drop",
        }
    }
}

impl HandshakeOutcome {
    const LABELS: [&str; 5] = [
        "completed",
        "resumed",
        "alert-received",
        "alert-sent",
        "gave-up",
    ];

    fn label(self) -> &'static str {
        let [completed, resumed, alert_received, alert_sent, gave_up] = Self::LABELS;
        match self {
            Self::Completed => completed,
            Self::Resumed => resumed,
            Self::AlertReceived => alert_received,
            Self::AlertSent => alert_sent,
            Self::GaveUp => gave_up,
        }
    }
}

impl Renewal {
    const LABELS: [&str; 2] = ["done", "refused"];

    fn label(self) -> &'static str {
        let [done, refused] = Self::LABELS;
        match self {
            Self::Done => done,
            Self::Refused => refused,
        }
    }
}

impl ClientMetrics {
    /// Counts a result of a request of this client.
    pub fn count(&self, result: RequestResult) {
        if let Some(counter) = self.results.get(result as usize) {
            counter.inc();
        }
    }

    /// Counts a dropped datagram of this client.
    pub fn dropped(&self, reason: &str) {
        self.drops.count(reason);
    }
}

impl Metrics {
    /// Registers everything; every label is there from the start, at zero.
    ///
    /// # Errors
    /// Two metrics of the same name: a bug.
    pub fn new(labels: Labels<'_>) -> Result<Self, MetricsError> {
        let registry = Registry::new_custom(Some("portvakt".to_owned()), None)?;
        let requests = Opts::new(
            "requests_total",
            "Requests by client and what became of them",
        );
        let requests = IntCounterVec::new(requests, &["client", "result"])?;
        registry.register(Box::new(requests.clone()))?;
        let drops = Opts::new(
            "drops_total",
            "Datagrams that were not answered, by client (empty where it is none) and reason",
        );
        let drops = IntCounterVec::new(drops, &["client", "reason"])?;
        registry.register(Box::new(drops.clone()))?;
        let drop_reasons: Arc<[_]> = labels.drops.into();
        Ok(Self {
            requests,
            refusals: Counters::new(
                &registry,
                Opts::new("refusals_total", "Refused log-ons by reason"),
                "reason",
                labels.refusals,
            )?,
            other_drops: Drops::new(&drops, NO_CLIENT, &drop_reasons, labels.drops)?,
            drops,
            drop_reasons,
            latency: Histograms::new(
                &registry,
                HistogramOpts::new("authentication_seconds", "Work of the server per log-on")
                    .buckets(LATENCY_BUCKETS.to_vec()),
                "method",
                labels.methods,
            )?,
            handshakes: Counters::new(
                &registry,
                Opts::new("handshakes_total", "TLS handshakes by outcome"),
                "outcome",
                &HandshakeOutcome::LABELS,
            )?,
            renewals: Counters::new(
                &registry,
                Opts::new(
                    "certificate_renewals_total",
                    "Exchanged certificates and lists by what became of them",
                ),
                "result",
                &Renewal::LABELS,
            )?,
            hash_wait: hash_wait(&registry)?,
            accounting: AccountingMetrics::new(&registry)?,
            directories: DirectoryFamilies::new(&registry)?,
            disconnects: DisconnectMetrics::new(&registry, labels.disconnects)?,
            gauges: Gauges::new(&registry)?,
            registry,
        })
    }

    /// Tells the name of this server.
    ///
    /// # Errors
    /// None: it has one label.
    pub fn set_node(&self, name: &str) -> Result<(), MetricsError> {
        self.gauges.set_node(name)
    }

    /// Counters of a client; the same ones for the same name, also after a reload.
    ///
    /// # Errors
    /// None with the labels of this module.
    pub fn client(&self, name: &str) -> Result<ClientMetrics, MetricsError> {
        let counter = |r: RequestResult| {
            self.requests
                .get_metric_with_label_values(&[name, r.label()])
        };
        let [
            accept,
            reject,
            challenge,
            status,
            duplicate,
            invalid,
            accounting,
            drop,
        ] = RequestResult::ALL.map(counter);
        let drops = Drops::new(&self.drops, name, &self.drop_reasons, FORESEEN_DROPS)?;
        Ok(ClientMetrics {
            results: [
                accept?,
                reject?,
                challenge?,
                status?,
                duplicate?,
                invalid?,
                accounting?,
                drop?,
            ],
            drops: Arc::new(drops),
        })
    }

    /// The metrics of one server of a directory. `kinds` are the labels of all failures.
    ///
    /// # Errors
    /// None with the labels of this module.
    pub fn directory_server(
        &self,
        directory: &str,
        server: &str,
        kinds: &[&'static str],
    ) -> Result<ServerMetrics, MetricsError> {
        self.directories.server(directory, server, kinds)
    }

    /// Counts a refusal by its code.
    pub fn refused(&self, code: &str) {
        self.refusals.of(code).inc();
    }

    /// Counts a datagram of no client that was dropped.
    pub fn dropped(&self, reason: &str) {
        self.other_drops.count(reason);
    }

    /// Records the time that the server worked on a log-on.
    pub fn authenticated(&self, method: &str, took: Duration) {
        self.latency.of(method).observe(took.as_secs_f64());
    }

    /// Counts a TLS handshake.
    pub fn handshake(&self, outcome: HandshakeOutcome) {
        self.handshakes.of(outcome.label()).inc();
    }

    /// Counts a reload of certificates or lists.
    pub fn renewed(&self, result: Renewal) {
        self.renewals.of(result.label()).inc();
    }

    /// Records the time that a password waited for a hash thread.
    pub fn hash_waited(&self, waited: Duration) {
        self.hash_wait.observe(waited.as_secs_f64());
    }

    /// Counts an Accounting-Request.
    pub fn accounted(&self, kind: AccountingKind, result: AccountingResult) {
        self.accounting.count(kind, result);
    }

    /// Records the time from an Accounting-Request until it was on disk.
    pub fn accounting_stored_after(&self, time: Duration) {
        self.accounting.stored_after(time);
    }

    /// Counts a session that was to end, by outcome.
    pub fn disconnected(&self, outcome: &str) {
        self.disconnects.ended(outcome);
    }

    /// Counts a session that was to be moved to another VLAN, by outcome.
    pub fn vlan_changed(&self, outcome: &str) {
        self.disconnects.moved(outcome);
    }

    /// Counts an answer of a NAS that was not believed.
    pub fn disconnect_answer_refused(&self) {
        self.disconnects.answer_refused();
    }

    /// Sets the gauges; call before [`render`](Self::render).
    pub fn read_off(&self, readings: &Readings) {
        self.gauges.set(readings);
    }

    /// All metrics in the text format of Prometheus, version 0.0.4.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        // Writing to memory fails only for a metric without a sample, and each has one.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }
}

fn hash_wait(registry: &Registry) -> Result<Histogram, MetricsError> {
    let help = "How long passwords waited for a hashing thread";
    let opts = HistogramOpts::new("hash_wait_seconds", help).buckets(WAIT_BUCKETS.to_vec());
    let histogram = Histogram::with_opts(opts)?;
    registry.register(Box::new(histogram.clone()))?;
    Ok(histogram)
}

/// A counter for each value of a closed list, and one for all others.
struct Counters {
    known: BTreeMap<&'static str, IntCounter>,
    other: IntCounter,
}

impl Counters {
    fn new(
        registry: &Registry,
        opts: Opts,
        label: &str,
        values: &[&'static str],
    ) -> Result<Self, MetricsError> {
        let family = IntCounterVec::new(opts, &[label])?;
        registry.register(Box::new(family.clone()))?;
        Self::of_children(values, |value| {
            family.get_metric_with_label_values(&[value])
        })
    }

    /// Counters that `counter` makes for each value.
    fn of_children(
        values: &[&'static str],
        counter: impl Fn(&str) -> Result<IntCounter, MetricsError>,
    ) -> Result<Self, MetricsError> {
        let known = values
            .iter()
            .map(|value| counter(value).map(|counter| (*value, counter)));
        Ok(Self {
            known: known.collect::<Result<_, _>>()?,
            other: counter(OTHER)?,
        })
    }

    fn of(&self, value: &str) -> &IntCounter {
        self.known.get(value).unwrap_or(&self.other)
    }
}

/// A histogram for each value of a closed list, and one for all others.
struct Histograms {
    known: BTreeMap<&'static str, Histogram>,
    other: Histogram,
}

impl Histograms {
    fn new(
        registry: &Registry,
        opts: HistogramOpts,
        label: &str,
        values: &[&'static str],
    ) -> Result<Self, MetricsError> {
        let family = HistogramVec::new(opts, &[label])?;
        registry.register(Box::new(family.clone()))?;
        Self::of_children(values, |value| {
            family.get_metric_with_label_values(&[value])
        })
    }

    /// Histograms that `histogram` makes for each value.
    fn of_children(
        values: &[&'static str],
        histogram: impl Fn(&str) -> Result<Histogram, MetricsError>,
    ) -> Result<Self, MetricsError> {
        let known = values
            .iter()
            .map(|value| histogram(value).map(|histogram| (*value, histogram)));
        Ok(Self {
            known: known.collect::<Result<_, _>>()?,
            other: histogram(OTHER)?,
        })
    }

    fn of(&self, value: &str) -> &Histogram {
        self.known.get(value).unwrap_or(&self.other)
    }
}
