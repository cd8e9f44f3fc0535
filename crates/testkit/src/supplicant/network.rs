//! A network between a device and a conversation, on a virtual clock: it loses, doubles, delays and
//! alters what a script tells it to, and its access point sends again what got no answer.
//!
//! ```text
//!   Conversation ──request──> (access point: again after 3 s) ──script──> Supplicant
//!                <──script── response ─────────────────────────────────────────┘
//! ```

use super::{Pace, Supplicant};
use portvakt_eap::{
    Conversation, FailureCause, InnerCredential, Keys, Limits, Methods, Step, Verdict,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// From one end to the other.
const USUAL_WAY: Duration = Duration::from_millis(10);
/// After this the access point sends a request again (RFC 3748 §4.3).
const AGAIN_AFTER: Duration = Duration::from_secs(3);
/// Longer than that: what was sent later arrives sooner.
const DETOUR: Duration = Duration::from_millis(3500);
/// How often a request is sent.
const SENT_AT_MOST: u8 = 4;
/// Most messages of one conversation: a bound for tests, above that of the server.
const MESSAGES_AT_MOST: usize = 600;
/// Offsets of the identifier in EAP packets, and of the flags of methods over TLS.
const IDENTIFIER: usize = 1;
const FLAGS: usize = 5;

/// Fate of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It arrives.
    Deliver,
    /// It does not.
    Lose,
    /// It arrives twice.
    Double,
    /// It arrives after what is sent next.
    Delay,
    /// Bits of one octet are turned. Positions beyond the end count from the front again.
    Flip {
        /// Which octet.
        at: usize,
        /// Which bits.
        mask: u8,
    },
    /// It arrives without what follows.
    Cut {
        /// How many octets are left.
        at: usize,
    },
    /// An octet is put in.
    Insert {
        /// Before which octet.
        at: usize,
        /// The alteration.
        octet: u8,
    },
    /// Under another identifier.
    Rename {
        /// How far off.
        by: u8,
    },
    /// It claims to be a part of ten kilobytes.
    Claim,
    /// An older one of the same end arrives before it.
    Replay {
        /// Which; from the first on.
        which: usize,
    },
    /// An older one of the same end arrives in its place, under its identifier.
    Substitute {
        /// Which; from the first on.
        which: usize,
    },
}

impl Action {
    /// Whether both ends still get what was sent, if late or twice.
    pub fn is_harmless(self) -> bool {
        matches!(
            self,
            Action::Deliver | Action::Lose | Action::Double | Action::Delay | Action::Replay { .. }
        )
    }
}

/// Which message it is that something may happen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// From 0 on, both directions counted together.
    pub number: usize,
    /// Whether it is on its way to the server.
    pub to_server: bool,
    /// Its length.
    pub octets: usize,
}

/// Result of a run.
#[derive(Debug)]
pub struct Course {
    /// Keys, or the cause of the failure; `None` where one end fell silent.
    pub result: Option<Result<Keys, FailureCause>>,
    /// How many messages were sent.
    pub messages: usize,
    /// How long it took.
    pub lasted: Duration,
    /// The conversation, for its stage and method.
    pub conversation: Conversation,
}

enum Event {
    ToServer(Vec<u8>),
    ToDevice(Vec<u8>),
    /// The access point's patience with this request ends.
    Again {
        identifier: u8,
        sent: u8,
    },
}

struct Network<'a, S> {
    script: S,
    supplicant: &'a mut Supplicant,
    limits: Limits,
    now: Duration,
    /// Pending events, in the order of time, then of sending.
    events: BTreeMap<(Duration, usize), Event>,
    scheduled: usize,
    messages: usize,
    requests: Vec<Vec<u8>>,
    responses: Vec<Vec<u8>>,
    /// A device answers the same request again with the same response.
    answered: Option<(Vec<u8>, Vec<u8>)>,
}

/// Lets both talk over a network that does with each message what `script` says; `accounts` answers
/// what the server asks.
///
/// # Panics
/// If the server breaks a promise that holds whatever its peer does: a packet that it drops
/// changes nothing, requests keep to `limits`, what has ended stays so, and the first message after
/// a refusal is late.
pub fn converse_over(
    methods: &Methods,
    supplicant: &mut Supplicant,
    limits: Limits,
    script: impl FnMut(Message) -> Action,
    mut accounts: impl FnMut(&mut Conversation, &InnerCredential) -> Verdict,
) -> Course {
    let identity = supplicant.identity_response(0xfe);
    let started = Conversation::start(methods, &identity);
    #[expect(clippy::expect_used, reason = "the supplicant's own identity is sound")]
    let (mut conversation, mut step) = started.expect("an identity");
    let mut network = Network::new(script, supplicant, limits);
    let mut pace = Pace::default();
    let result = loop {
        step = match step {
            Step::Request(request) => {
                pace.request(&request);
                network.request(request.to_vec());
                match network.next_step(&mut conversation) {
                    Some(step) => step,
                    None => break None,
                }
            }
            Step::Authenticate(credential) => {
                let verdict = accounts(&mut conversation, &credential);
                pace.judged(&verdict);
                network.assert_deaf(&mut conversation);
                let step = conversation.handle_verdict(verdict, limits);
                #[expect(clippy::expect_used, reason = "a promise of the server's")]
                let step = step.expect("a verdict was asked for");
                step
            }
            // Nothing here keeps sessions.
            Step::FindSession(_) => break None,
            Step::Success { packet, keys } => {
                network.assert_deaf(&mut conversation);
                network.supplicant.handle(&packet);
                // What this device speaks has keys.
                break keys.map(Ok);
            }
            Step::Failure { packet, cause } => {
                pace.failure(&packet);
                network.assert_deaf(&mut conversation);
                network.supplicant.handle(&packet);
                break Some(Err(cause));
            }
        };
    };
    Course {
        result,
        messages: network.messages,
        lasted: network.now,
        conversation,
    }
}

impl Course {
    /// Whether the server let the device in. Where the device has a key too, it is the same; it has
    /// none, and does not believe in success, where an altered message kept the end of it away.
    ///
    /// # Panics
    /// If the keys differ.
    pub fn is_success(&self, supplicant: &Supplicant) -> bool {
        let Some(Ok(keys)) = &self.result else {
            return false;
        };
        assert!(
            supplicant.msk().is_none_or(|msk| msk == keys.msk),
            "two keys"
        );
        true
    }
}

impl<'a, S: FnMut(Message) -> Action> Network<'a, S> {
    fn new(script: S, supplicant: &'a mut Supplicant, limits: Limits) -> Self {
        Network {
            script,
            supplicant,
            limits,
            now: Duration::ZERO,
            events: BTreeMap::new(),
            scheduled: 0,
            messages: 0,
            requests: Vec::new(),
            responses: Vec::new(),
            answered: None,
        }
    }

    fn request(&mut self, request: Vec<u8>) {
        assert!(request.len() <= self.limits.eap_octets.max(60), "too large");
        self.requests.push(request);
        self.send_request(1);
    }

    /// Sends the last request, and looks again later.
    fn send_request(&mut self, sent: u8) {
        let request = self.requests.last().cloned().unwrap_or_default();
        let identifier = request.get(IDENTIFIER).copied().unwrap_or_default();
        self.send(request, false);
        self.schedule(AGAIN_AFTER, Event::Again { identifier, sent });
    }

    /// Plays until the server takes a response; `None` where nothing is left to happen.
    fn next_step(&mut self, conversation: &mut Conversation) -> Option<Step> {
        while let Some(((time, _), event)) = self.events.pop_first() {
            self.now = time;
            if self.messages > MESSAGES_AT_MOST {
                return None;
            }
            match event {
                Event::ToServer(response) => {
                    let before = conversation.progress();
                    match conversation.handle_response(&response, self.limits) {
                        Ok(step) => return Some(step),
                        Err(error) => {
                            assert!(error.is_ignorable(), "{error}");
                            assert_eq!(conversation.progress(), before, "{error}");
                        }
                    }
                }
                Event::ToDevice(request) => self.answer(request),
                Event::Again { identifier, sent } => {
                    let last = self.requests.last().and_then(|last| last.get(IDENTIFIER));
                    if last == Some(&identifier) && sent < SENT_AT_MOST {
                        self.send_request(sent + 1);
                    }
                }
            }
        }
        None
    }

    /// While a verdict is awaited, and after the end, no packet is taken.
    fn assert_deaf(&self, conversation: &mut Conversation) {
        let under_way = self.events.values().filter_map(|event| match event {
            Event::ToServer(response) => Some(response),
            _ => None,
        });
        for response in self.responses.iter().chain(under_way) {
            assert!(conversation.handle_response(response, self.limits).is_err());
        }
    }

    fn answer(&mut self, request: Vec<u8>) {
        let known = self.answered.take().filter(|(seen, _)| *seen == request);
        let answer = match known {
            Some((_, response)) => Some(response),
            None => self.supplicant.handle(&request),
        };
        if let Some(response) = answer {
            self.responses.push(response.clone());
            self.answered = Some((request, response.clone()));
            self.send(response, true);
        }
    }

    fn send(&mut self, packet: Vec<u8>, to_server: bool) {
        let message = Message {
            number: self.messages,
            to_server,
            octets: packet.len(),
        };
        self.messages += 1;
        match (self.script)(message) {
            Action::Lose => {}
            Action::Delay => self.carry(DETOUR, packet, to_server),
            Action::Double => {
                self.carry(USUAL_WAY, packet.clone(), to_server);
                self.carry(USUAL_WAY, packet, to_server);
            }
            Action::Replay { which } => {
                let older = self.older(which, to_server);
                self.carry(USUAL_WAY, older, to_server);
                self.carry(USUAL_WAY, packet, to_server);
            }
            Action::Substitute { which } => {
                let mut older = self.older(which, to_server);
                copy(IDENTIFIER, &packet, &mut older);
                self.carry(USUAL_WAY, older, to_server);
            }
            action => self.carry(USUAL_WAY, altered(packet, action), to_server),
        }
    }

    fn older(&self, which: usize, to_server: bool) -> Vec<u8> {
        let sent = if to_server {
            &self.responses
        } else {
            &self.requests
        };
        let which = which % sent.len().max(1);
        sent.get(which).cloned().unwrap_or_default()
    }

    fn carry(&mut self, way: Duration, packet: Vec<u8>, to_server: bool) {
        let event = match to_server {
            true => Event::ToServer(packet),
            false => Event::ToDevice(packet),
        };
        self.schedule(way, event);
    }

    fn schedule(&mut self, after: Duration, event: Event) {
        self.scheduled += 1;
        self.events
            .insert((self.now + after, self.scheduled), event);
    }
}

fn altered(mut packet: Vec<u8>, action: Action) -> Vec<u8> {
    let around = |at: usize| at % packet.len().max(1);
    match action {
        Action::Flip { at, mask } => {
            let at = around(at);
            packet
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|octet| *octet ^= mask);
        }
        Action::Cut { at } => packet.truncate(around(at)),
        Action::Insert { at, octet } => packet.insert(around(at), octet),
        Action::Rename { by } => {
            let identifier = packet.iter_mut().skip(IDENTIFIER).take(1);
            identifier.for_each(|octet| *octet = octet.wrapping_add(by));
        }
        Action::Claim if packet.len() > FLAGS => {
            let data = packet.split_off(FLAGS + 1);
            packet.truncate(FLAGS);
            packet.push(0xc0);
            packet.extend(10_000_u32.to_be_bytes());
            packet.extend(data);
            let [.., high, low] = packet.len().to_be_bytes();
            packet.splice(2..4, [high, low]);
        }
        _ => {}
    }
    packet
}

fn copy(at: usize, from: &[u8], to: &mut [u8]) {
    if let (Some(from), Some(to)) = (from.get(at), to.get_mut(at)) {
        *to = *from;
    }
}
