//! The least of a RADIUS server, for peers that speak nothing else: one loopback socket, one
//! conversation after the other.

use portvakt_eap::{Conversation, InnerCredential, Limits, Methods, Step, Verdict};
use portvakt_radius::{
    AttributeType, MessageAuthenticatorPolicy, Packet, Reply, SharedSecret, VerifiedRequest,
};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) const SECRET: &str = "testing123";

/// The credentials of one conversation, and whether it succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) questions: Vec<&'static str>,
    pub(crate) tls_version: Option<&'static str>,
    pub(crate) success: bool,
    pub(crate) cause: Option<String>,
}

/// A server in a thread; it ends when dropped.
pub(crate) struct Authenticator {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<Heard>>>,
}

pub(crate) type Answer = fn(&mut Conversation, &InnerCredential) -> (&'static str, Verdict);

impl Authenticator {
    pub(crate) fn start(methods: Methods, answer: Answer) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let patience = Some(Duration::from_millis(50));
        socket.set_read_timeout(patience).expect("a time limit");
        let address = socket.local_addr().expect("an address");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut server = Server {
                methods,
                answer,
                conversation: None,
                heard: Vec::new(),
            };
            while !stopped.load(Ordering::Relaxed) {
                server.serve(&socket);
            }
            server.heard
        });
        Authenticator {
            address,
            stop,
            thread: Some(thread),
        }
    }

    /// Ends the server; returns what it heard.
    pub(crate) fn stop(mut self) -> Vec<Heard> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("a thread");
        thread.join().expect("a server without panics")
    }
}

impl Drop for Authenticator {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Server {
    methods: Methods,
    answer: Answer,
    conversation: Option<Conversation>,
    heard: Vec<Heard>,
}

impl Server {
    fn serve(&mut self, socket: &UdpSocket) {
        let mut datagram = [0; 4096];
        let Ok((length, peer)) = socket.recv_from(&mut datagram) else {
            return;
        };
        let secret = SharedSecret::new(SECRET.as_bytes()).expect("a secret");
        let packet = Packet::parse(&datagram[..length]).expect("RADIUS");
        let policy = MessageAuthenticatorPolicy::Required;
        let request = VerifiedRequest::verify(packet, &secret, policy).expect("our secret");
        let mut response = Vec::new();
        request.eap_message().expect("EAP").copy_into(&mut response);
        let Some(step) = self.step(request.first(AttributeType::STATE), &response) else {
            return;
        };
        let (context, mut buffer) = (request.reply_context(), [0; 4096]);
        let mut reply = match &step {
            Step::Request(_) => Reply::challenge(&context, &mut buffer),
            Step::Success { .. } => Reply::accept(&context, &mut buffer),
            _ => Reply::reject(&context, &mut buffer),
        }
        .expect("room");
        let (Step::Request(eap)
        | Step::Success { packet: eap, .. }
        | Step::Failure { packet: eap, .. }) = &step
        else {
            panic!("{step:?}")
        };
        reply.push_eap_message(eap).expect("room");
        match &step {
            Step::Request(_) => reply
                .push(AttributeType::STATE, b"one at a time")
                .expect("room"),
            Step::Success {
                keys: Some(keys), ..
            } => {
                reply
                    .push_mppe_keys(&secret, &keys.msk, [0x8001, 0x8002])
                    .expect("room");
            }
            _ => {}
        }
        let bytes = reply.finish(&secret).expect("room");
        socket.send_to(bytes, peer).expect("loopback");
    }

    /// The next packet for the peer; `None` where it is to be ignored.
    fn step(&mut self, state: Option<&[u8]>, response: &[u8]) -> Option<Step> {
        let mut step = match (state, &mut self.conversation) {
            (Some(_), Some(conversation)) => {
                conversation.handle_response(response, Limits::USUAL).ok()?
            }
            _ => self.begin(response),
        };
        let conversation = self.conversation.as_mut()?;
        let heard = self.heard.last_mut()?;
        if let Step::Authenticate(credential) = step {
            let (question, verdict) = (self.answer)(conversation, &credential);
            heard.questions.push(question);
            step = conversation.handle_verdict(verdict, Limits::USUAL).ok()?;
        }
        heard.tls_version = conversation.tls_version().map(|version| version.label());
        heard.success = matches!(step, Step::Success { .. });
        if let Step::Failure { cause, .. } = &step {
            heard.cause = Some(cause.label().to_owned());
        }
        Some(step)
    }

    fn begin(&mut self, response: &[u8]) -> Step {
        let started = Conversation::start(&self.methods, response);
        let (conversation, step) = started.expect("an identity");
        self.conversation = Some(conversation);
        self.heard.push(Heard {
            questions: Vec::new(),
            tls_version: None,
            success: false,
            cause: None,
        });
        step
    }
}
