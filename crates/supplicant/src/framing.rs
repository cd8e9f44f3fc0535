//! The supplicant's own EAP-TLS framing (RFC 5216 §2.1.5), kept apart from the server's.

const LENGTH: u8 = 0x80;
const MORE: u8 = 0x40;

/// Content of a request.
pub(super) enum Incoming {
    Acknowledgement,
    Part,
    Message(Vec<u8>),
}

pub(super) struct Framing {
    room: usize,
    always_length: bool,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    started: bool,
}

impl Framing {
    pub(super) fn new(eap_octets: usize, always_length: bool) -> Self {
        let room = eap_octets.saturating_sub(10).max(1);
        let (incoming, outgoing) = (Vec::new(), Vec::new());
        Framing {
            room,
            always_length,
            incoming,
            outgoing,
            started: false,
        }
    }

    /// `None` where the request is no sound fragment: such a one is ignored.
    pub(super) fn read(&mut self, type_data: &[u8]) -> Option<Incoming> {
        let (flags, data) = type_data.split_first()?;
        let data = if flags & LENGTH == 0 {
            data
        } else {
            data.get(4..)?
        };
        self.incoming.extend_from_slice(data);
        if flags & MORE != 0 {
            return Some(Incoming::Part);
        }
        let message = std::mem::take(&mut self.incoming);
        Some(match message.is_empty() {
            true => Incoming::Acknowledgement,
            false => Incoming::Message(message),
        })
    }

    pub(super) fn acknowledge(&self) -> Vec<u8> {
        vec![0]
    }

    pub(super) fn has_more(&self) -> bool {
        !self.outgoing.is_empty()
    }

    pub(super) fn queue(&mut self, message: Vec<u8>) {
        self.outgoing = message;
        self.started = false;
    }

    /// The next fragment, or an acknowledgement where there is none.
    pub(super) fn next(&mut self) -> Vec<u8> {
        let whole = self.outgoing.len();
        let rest = self.outgoing.split_off(self.room.min(whole));
        let data = std::mem::replace(&mut self.outgoing, rest);
        let more = if self.outgoing.is_empty() { 0 } else { MORE };
        let first = !std::mem::replace(&mut self.started, true);
        let length = first && whole > 0 && (more != 0 || self.always_length);
        let mut fragment = vec![more | if length { LENGTH } else { 0 }];
        if length {
            fragment.extend(u32::try_from(whole).unwrap_or(u32::MAX).to_be_bytes());
        }
        fragment.extend(data);
        fragment
    }
}
