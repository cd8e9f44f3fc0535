//! Report as text for the terminal.

use std::fmt::{self, Display, Formatter};

use super::{ClassReport, PhaseReport, ProcessReport, Report};

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} at {}", self.title, self.server)?;
        for phase in &self.phases {
            write!(f, "\n{phase}")?;
        }
        match self.wrongs() {
            0 => write!(f, "\nEvery log-on ended as it should."),
            wrongs => write!(f, "\n{wrongs} log-ons did NOT end as they should."),
        }
    }
}

impl Display for PhaseReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({:.1} s)", self.phase, self.seconds)?;
        for class in &self.classes {
            write!(f, "{class}")?;
        }
        match &self.server_process {
            Some(process) => writeln!(f, "{process}"),
            None => Ok(()),
        }
    }
}

impl Display for ClassReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (class, method) = (self.class, self.method);
        let (right, rate) = (self.right, self.per_second);
        writeln!(
            f,
            "  {class}, {method}: {right} as they should, {rate:.1}/s"
        )?;
        let refused = self.right - self.accepted;
        let (accepted, resumed) = (self.accepted, self.resumed);
        writeln!(
            f,
            "    let in   {accepted} ({resumed} resumed), refused {refused}"
        )?;
        let latency = &self.latency;
        writeln!(
            f,
            "    latency  p50 {}  p90 {}  p99 {}  p99.9 {}  longest {}",
            time(latency.p50_us),
            time(latency.p90_us),
            time(latency.p99_us),
            time(latency.p999_us),
            time(latency.max_us)
        )?;
        let (requests, again) = (self.requests, self.retransmissions);
        writeln!(f, "    packets  {requests} requests, {again} sent again")?;
        for (why, count) in &self.discarded {
            writeln!(f, "    thrown away  {count}: {why}")?;
        }
        for (why, count) in &self.wrong {
            writeln!(f, "    WRONG    {count}: {why}")?;
        }
        Ok(())
    }
}

impl Display for ProcessReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "  server: {:.1} µs of CPU a log-on ({:.2} s in all); memory {:.1} MB, before {:.1} MB",
            self.cpu_us_per_log_on,
            self.cpu_seconds,
            megabytes(self.resident_after),
            megabytes(self.resident_before)
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "for reading, not for reckoning")]
fn megabytes(octets: u64) -> f64 {
    octets as f64 / 1e6
}

/// Latency with a unit: µs, ms or s.
fn time(us: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for reading, not for reckoning")]
    let value = us as f64;
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{:.2} ms", value / 1e3),
        _ => format!("{:.2} s", value / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn latencies_have_the_unit_that_reads_best() {
        let told = [7, 1_250, 2_000_000].map(time);
        assert_eq!(told, ["7 µs", "1.25 ms", "2.00 s"]);
    }
}
