//! Portvakt: a campus authentication server. RADIUS and eduroam in, a university's account rules,
//! an answer out. `README.md` says what it does for whom; this page is the tour of the house for
//! whoever comes to work in it.
//!
//! # Three rings
//!
//! Dependencies point inwards only. `tests/house` checks it.
//!
//! ```text
//!       ┌─────────────────────────── SHELL: this crate ──────────────────────────┐
//!       │  sockets, files, threads, the clock, randomness, the command line      │
//!       │   ┌──────────────── PROTOCOL ───────────────┐  ┌────── DOMAIN ──────┐  │
//!       │   │ portvakt_radius   bytes <-> packets     │  │ portvakt_auth      │  │
//!       │   │ portvakt_eap      EAP, TLS from buffers │  │ accounts and rules │  │
//!       │   └─────────────────────────────────────────┘  └────────────────────┘  │
//!       └────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! The inner crates do no IO, read no clock and draw no random numbers: bytes, time and salts come
//! in as values, values go out. So their tests neither sleep nor await, and a lock of thirty
//! minutes is tested in a microsecond. They don't know one another; the shell introduces them.
//!
//! # The rooms
//!
//! | Room | What happens there |
//! | --- | --- |
//! | [`portvakt_radius`] | Packets over borrowed bytes, authenticators, hidden passwords, link keys |
//! | [`portvakt_eap`] | One conversation for each device; one file per EAP method |
//! | [`portvakt_store`] | Durable facts behind traits: locks, attempts, accounts; SQLite with group commits |
//! | [`portvakt_certificates`] | Server certificates, their chains and OCSP responses, before they are used |
//! | [`portvakt_sealing`] | Encrypts NT hashes and CHAP secrets before they are stored |
//! | [`portvakt_auth`] | Account, states, terms, password hashes, the lock table, the decision |
//! | [`transport`] | From datagrams to verified requests; duplicates, delayed refusals; `udp` |
//! | [`policy`] | The configuration as the request path reads it: clients, realms, account sources, EAP |
//! | [`dispatch`] | Verified requests by code and realm |
//! | [`portvakt_directory`] | Where accounts come from: the trait, account facts, LDIF |
//! | [`portvakt_ldap`] | Accounts of an LDAP directory: connection, schema, query, write, replica |
//! | [`embedded`] | Accounts in memory and in the local store |
//! | [`access`] | The steps of an Access-Request, one file each; `workers` hash passwords |
//! | [`audit`], [`metrics`] | What is told of it all, in lines and in numbers |
//! | [`web`] | HTTP on a local port: `/metrics`, `/health` |
//! | [`config`] | From TOML to types that can't be wrong, all mistakes at once |
//! | [`accounts`] | Use cases of administrators: explain, unlock, close, set a password, import |
//! | [`admin`] | The socket of the command line, over `accounts` |
//! | [`cli`] | One file per subcommand |
//! | [`shown`] | Escapes what came from outside, before a terminal, a log or a page has it |
//! | [`state`] | Directories, locks, proofs, store, audit and the policy in force, shared by the rooms |
//! | [`server`] | Assembly: start, reload, housekeeping, orderly stop |
//!
//! # The life of an Access-Request
//!
//! Each arrow is a type that only the step before can make: what skips a step does not compile.
//!
//! ```text
//!  datagram
//!    │ transport::udp       the client by source address; Packet::parse      ── drop, counted
//!    v
//!  VerifiedRequest          Message-Authenticator is right                   ── drop, counted
//!    │ transport::duplicates  the same bytes again: the same answer again
//!    │ dispatch             by code, and by the realm of User-Name           ── Refusal
//!    v
//!  Exchange  (access)       the client, the device, the policy
//!    │ pap, challenge ─ or ─ eap   one step of the Conversation ── Challenge; the next goes on
//!    v
//!  Credential               password, MS-CHAP answer, TLS session or client certificate
//!    │ authentication       account -> locked? -> Admission (one attempt reserved)
//!    │                      -> Proof (remembered, or from the hash pool)     ── wrong: counted
//!    │                      -> decide(): the account's state                 ── Refusal
//!    v
//!  Grant                    settled, and on disk if it counts
//!    │ exchange::finish     report: one audit line, one counter
//!    v                      reply: attributes, keys, VLAN, signature
//!  signed bytes             at once; a refusal about a second after its request came
//! ```
//!
//! A step runs to completion on the thread that received the packet. Three things leave it: a
//! password that must be hashed goes to the [pool](access::workers::hash_pool), a question to a
//! [directory](portvakt_directory::pending) that is elsewhere is answered later, and a failure waits for
//! the [store](portvakt_store) before it is answered. All take the [exchange](access) with them and hand it on;
//! nothing waits while it holds a thread or a lock, and every queue has a bound and a rule for what
//! lies beyond it.
//!
//! An accept can't be written without a [`Grant`](portvakt_auth::Grant). Only
//! [`decide`](portvakt_auth::decide) makes one, and it takes a [`Proof`](portvakt_auth::Proof),
//! which only checking the credential makes. One function turns an outcome into bytes
//! (`access/reply.rs`), one turns it into audit line and counter (`access/report.rs`), and every
//! exit goes through both.
//!
//! # Threads
//!
//! | Name | How many | Does |
//! | --- | --- | --- |
//! | `radius-N` | one per core and listening address | receives, and finishes what it can |
//! | `hash-N` | one per core | Argon2 and its kin, one check at a time for each account; nicer than what answers |
//! | `hash-upgrade` | 1 | new hashes in the place of older ones, nicest of all, while nobody waits for `hash-N` |
//! | `store` | 1 | commits what waits, then calls back: answers leave from here |
//! | `rejects` | 1 | sends delayed refusals when they are due |
//! | `audit` | 1 | writes lines |
//! | `control` | 1, and one for each connection | the operator |
//! | `directory` | 2 for each that speaks LDAP | asynchronous: questions to the directory, and what hangs on them |
//! | `mirror` | 1 for each mirror | follows the directory, keeps the table and its journal |
//! | `web` | 1, and `web-pages` | accepts; asynchronous too: serves two pages |
//! | `housekeeping` | 1 | forgets what has run out; puts exchanged certificates to work |
//!
//! # Where to begin
//!
//! - A rule of accounts: `crates/auth/src/status.rs`. Nine small types, one for each rule.
//! - The lock: [`portvakt_auth::lock`]. Its picture, then `state.rs`.
//! - A packet: [`portvakt_radius::Packet`], then a case in `tests/corpus/radius`.
//! - An EAP method: `crates/eap/src/method/ttls.rs`; `peap.rs`, `tls.rs` and `teap.rs` are beside it,
//!   and what is spoken inside in `inner/`.
//! - The order of a log-on: `src/access/authentication.rs`, from top to bottom.
//! - A reason for "no": [`portvakt_auth::Refusal`], the one list that audit, metrics and operators
//!   share.
//! - A key of the configuration: its line in `src/config/`, its comment in `config/portvakt.toml`.
//!
//! `docs/protocol.md` lists the rules of RADIUS and EAP that are kept (`R4`, `E9` …) and the tests
//! that show them; `docs/rules.md` has the account rules; `docs/threat-model.md` says what is
//! defended.
//!
//! # Glossary
//!
//! - **Access-Request, -Accept, -Reject, -Challenge**: the question, "yes", "no", "go on" of
//!   RADIUS.
//! - **client**: whoever sends RADIUS to us; an access point, controller, switch, VPN concentrator.
//!   Never the user's device.
//! - **conversation**: the EAP packets of one log-on, over several Access-Requests, held together
//!   by State.
//! - **CUI**: Chargeable-User-Identity, a name for a person that two sites can't compare.
//! - **EAP**: Extensible Authentication Protocol, what the device speaks with us through the
//!   client.
//! - **eduroam**: the federation in which a university's people log on at any other's access
//!   points.
//! - **home server**: the server of the user's own institution; what this one is.
//! - **inner, outer**: inside the TLS tunnel, where the real name is, and outside, where it may be
//!   anonymous.
//! - **MPPE keys, MSK**: what the conversation leaves to encrypt the radio with, and how it
//!   travels.
//! - **NAI**: Network Access Identifier, `user@realm`.
//! - **NAS**: network access server, the RFCs' word for the client.
//! - **Operator-Name**: the visited site.
//! - **realm**: the part after `@`; it says whose user this is.
//! - **refusal**: a decision, one of a closed list of reasons. Not an error.
//! - **service**: what somebody logs on to: `eduroam`, `wired`, `vpn`; set for each client.
//! - **State**: the attribute that names a conversation.
//! - **supplicant**: the part of a device that speaks EAP; *peer* in the RFCs.
//! - **term**: half a year of study; its fee has a deadline.
//! - **tick**: a clock that never jumps, for locks and timeouts. Written-down times are UTC.
//! - **TLV, AVP**: type, length, value; attribute and value. What packets and tunnels are made of.
//! - **VLAN**: the part of the network that somebody is put into.

mod accept;
pub mod access;
pub mod accounts;
pub mod admin;
pub mod audit;
pub mod cli;
mod clock;
pub mod config;
pub mod dispatch;
pub mod embedded;
pub mod metrics;
pub mod policy;
mod process;
mod random;
pub mod server;
pub mod shown;
pub mod state;
pub mod times;
pub mod transport;
pub mod web;
