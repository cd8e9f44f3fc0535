//! The supplicant that the tests hold against the server, with an authority that both trust, every
//! kind of log-on, and a network that does its worst.

mod certificates;
mod client_certificates;
mod everything;
mod network;
mod pace;
mod pair;
mod random;

pub use certificates::{Authority, ServerIdentity};
pub use client_certificates::ClientCertificate;
pub use everything::{Everything, LogOn};
pub use network::{Action, Course, Message, converse_over};
pub use pace::Pace;
pub use pair::{Ending, converse, converse_searching, converse_with, converse_within};
pub use portvakt_supplicant::{
    Binding, ClientIdentity, Device, Inner, Outcome, Outer, Profile, Seen, Supplicant, TeapDevice,
    Twist, UntunnelledSupplicant, User, pap_avps,
};
pub use random::Random;
pub use rcgen::ExtendedKeyUsagePurpose;
