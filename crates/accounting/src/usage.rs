//! Traffic and duration of a session, as its NAS counts them.

/// Counters of a session; 0 where none were told. Within a session they never go backwards: a
/// smaller count is of an older record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Acct-Session-Time, in seconds.
    pub session_time_s: u32,
    /// Octets from the user: Acct-Input-Octets, with Acct-Input-Gigawords as the upper half
    /// (RFC 2869 §5.1).
    pub input_octets: u64,
    /// Octets to the user.
    pub output_octets: u64,
    /// Packets from the user.
    pub input_packets: u64,
    /// Packets to the user.
    pub output_packets: u64,
}

impl Usage {
    /// Takes the greater of each two counts; whether anything changed.
    pub fn merge(&mut self, other: &Usage) -> bool {
        let before = *self;
        self.session_time_s = self.session_time_s.max(other.session_time_s);
        self.input_octets = self.input_octets.max(other.input_octets);
        self.output_octets = self.output_octets.max(other.output_octets);
        self.input_packets = self.input_packets.max(other.input_packets);
        self.output_packets = self.output_packets.max(other.output_packets);
        *self != before
    }
}
