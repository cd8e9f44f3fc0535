//! Gauges set at each scrape.

use prometheus::{Gauge, GaugeVec, IntCounter, IntGauge, Opts, Registry};

use super::mirror::MirrorGauges;
use super::{MetricsError, Readings};

/// One gauge for each reading.
pub(super) struct Gauges {
    locked_accounts: IntGauge,
    lock_records: IntGauge,
    lock_record_capacity: IntGauge,
    conversations: IntGauge,
    hash_queue: IntGauge,
    store_healthy: IntGauge,
    store_waiting: IntGauge,
    store_alone: IntGauge,
    store_journalled: IntGauge,
    store_outcomes_dropped: IntCounter,
    store_clock_offset: Gauge,
    node: GaugeVec,
    live_sessions: IntGauge,
    sessions_beyond_memory: IntCounter,
    audit_dropped: IntCounter,
    registry_persons: IntGauge,
    registry_news_days_left: Gauge,
    certificate_days_left: Gauge,
    chain_days_left: GaugeVec,
    revocation_list_days_left: GaugeVec,
    mirrors: MirrorGauges,
}

impl Gauges {
    pub(super) fn new(registry: &Registry) -> Result<Self, MetricsError> {
        let gauge = |name, help| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone())).map(|()| gauge)
        };
        let audit_dropped = IntCounter::new("audit_dropped_total", "Lines the audit log lost")?;
        registry.register(Box::new(audit_dropped.clone()))?;
        let store_outcomes_dropped = IntCounter::new(
            "store_outcomes_dropped_total",
            "Outcomes of log-ons that were not told, because neither database nor journal took them",
        )?;
        registry.register(Box::new(store_outcomes_dropped.clone()))?;
        let sessions_beyond_memory = IntCounter::new(
            "sessions_beyond_memory_total",
            "Changes of live sessions for which accounting.max-sessions leaves no room in memory",
        )?;
        registry.register(Box::new(sessions_beyond_memory.clone()))?;
        let days = "Days until the certificate expires; NaN without one";
        let certificate_days_left = Gauge::new("certificate_days_left", days)?;
        registry.register(Box::new(certificate_days_left.clone()))?;
        let news =
            "Days until the student registry counts as silent; NaN without news or such a rule";
        let registry_news_days_left = Gauge::new("registry_news_days_left", news)?;
        registry.register(Box::new(registry_news_days_left.clone()))?;
        let store_clock_offset = Gauge::new(
            "store_clock_offset_seconds",
            "Seconds by which the clock of this machine is ahead of the database's",
        )?;
        registry.register(Box::new(store_clock_offset.clone()))?;
        let by_name = |name, help, label| {
            let gauges = GaugeVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(gauges.clone())).map(|()| gauges)
        };
        Ok(Self {
            locked_accounts: gauge("locked_accounts", "Accounts that are locked after failures")?,
            lock_records: gauge(
                "lock_records",
                "Accounts with failures, a lock, or a log-on being checked",
            )?,
            lock_record_capacity: gauge(
                "lock_record_capacity",
                "Accounts that the table of failures and locks has room for",
            )?,
            conversations: gauge("conversations", "EAP conversations in progress")?,
            hash_queue: gauge("hash_queue_length", "Passwords that wait to be checked")?,
            store_healthy: gauge("store_healthy", "1 while the store takes what it is given")?,
            store_waiting: gauge(
                "store_waiting",
                "Entries that the store has not yet on disk",
            )?,
            store_alone: gauge(
                "store_alone",
                "1 while this server decides about locks without its database",
            )?,
            store_journalled: gauge(
                "store_journalled",
                "Changes of locks that only the journal has, until the database is back",
            )?,
            store_outcomes_dropped,
            store_clock_offset,
            node: by_name("node_info", "1, with the name of this server", "node")?,
            live_sessions: gauge("live_sessions", "Live sessions in memory")?,
            sessions_beyond_memory,
            audit_dropped,
            registry_persons: gauge("registry_persons", "Persons of the student registry")?,
            registry_news_days_left,
            certificate_days_left,
            chain_days_left: by_name(
                "chain_days_left",
                "Days until the certificate of a chain expires",
                "chain",
            )?,
            revocation_list_days_left: by_name(
                "revocation_list_days_left",
                "Days until a list of revoked client certificates has to be replaced",
                "realm",
            )?,
            mirrors: MirrorGauges::new(registry)?,
        })
    }

    pub(super) fn set_node(&self, name: &str) -> Result<(), MetricsError> {
        self.node.get_metric_with_label_values(&[name])?.set(1.0);
        Ok(())
    }

    pub(super) fn set(&self, readings: &Readings) {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.locked_accounts.set(count(readings.locked_accounts));
        let [records, capacity] = readings.lock_records;
        self.lock_records.set(count(records));
        self.lock_record_capacity.set(count(capacity));
        self.conversations.set(count(readings.conversations));
        self.hash_queue.set(count(readings.hash_queue));
        self.store_healthy.set(i64::from(readings.store_healthy));
        self.store_waiting.set(count(readings.store_waiting));
        self.store_alone.set(i64::from(readings.store_alone));
        self.store_journalled.set(count(readings.store_journalled));
        self.store_clock_offset.set(readings.store_clock_offset);
        self.live_sessions.set(count(readings.live_sessions));
        for (counter, reading) in [
            (&self.audit_dropped, readings.audit_dropped),
            (
                &self.store_outcomes_dropped,
                readings.store_outcomes_dropped,
            ),
            (
                &self.sessions_beyond_memory,
                readings.sessions_beyond_memory,
            ),
        ] {
            counter.inc_by(reading.saturating_sub(counter.get()));
        }
        self.registry_persons.set(count(readings.registry_persons));
        for (gauge, days) in [
            (&self.certificate_days_left, readings.certificate_days_left),
            (
                &self.registry_news_days_left,
                readings.registry_news_days_left,
            ),
        ] {
            let days = days.and_then(|days| i32::try_from(days).ok());
            gauge.set(days.map_or(f64::NAN, f64::from));
        }
        set_all(&self.chain_days_left, &readings.chain_days_left);
        set_all(
            &self.revocation_list_days_left,
            &readings.revocation_list_days_left,
        );
        for reading in &readings.mirrors {
            self.mirrors.set(reading);
        }
    }
}

/// Sets the gauges of all names, and removes those of names that are gone.
fn set_all(gauges: &GaugeVec, days: &[(String, i64)]) {
    gauges.reset();
    for (name, days) in days {
        let days = i32::try_from(*days).map_or(f64::NAN, f64::from);
        gauges.with_label_values(&[name]).set(days);
    }
}
