//! Portvakt: a campus authentication server. It answers RADIUS and eduroam requests from a
//! university's accounts and account rules. `README.md` describes the product; this page is the
//! tour for a new developer.
//!
//! # Three rings
//!
//! Dependencies point inwards only. `tests/borders` lists every crate and room with all that it may
//! import; `tests/house` holds the code to it.
//!
//! ```text
//!  ┌──────────────────────────── SHELL: this crate ─────────────────────────────┐
//!  │  sockets, files, threads, the clock, randomness, the command line          │
//!  │  ┌─────── SOURCES OF ACCOUNTS, DURABLE FACTS ──────┐                       │
//!  │  │ directory: trait, facts, LDIF   ldap   store    │                       │
//!  │  └─────────────────────────────────────────────────┘                       │
//!  │  ┌───────────────── PROTOCOL ──────────────────┐  ┌──────── DOMAIN ──────┐ │
//!  │  │ radius        bytes <-> packets             │  │ auth                 │ │
//!  │  │ eap           EAP, TLS from buffers         │  │ accounts, the lock,  │ │
//!  │  │ certificates  chains, lints, OCSP           │  │ the decision         │ │
//!  │  │                                             │  │ accounting           │ │
//!  │  │                                             │  │ sessions             │ │
//!  │  │                                             │  │ registry             │ │
//!  │  │                                             │  │ the student registry │ │
//!  │  └─────────────────────────────────────────────┘  └──────────────────────┘ │
//!  └────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Protocol and domain crates do no IO, read no clock and draw no random numbers: bytes, time and
//! salts come in as values, values go out. Their tests neither sleep nor await, and a lock of thirty
//! minutes is tested in a microsecond. RADIUS, EAP and the domain don't know one another; the shell
//! connects them.
//!
//! # The rooms
//!
//! | Crate or room | Contents |
//! | --- | --- |
//! | [`portvakt_radius`] | Packets over borrowed bytes, authenticators, hidden passwords, link keys |
//! | [`portvakt_eap`] | One conversation for each device; one file per EAP method |
//! | [`portvakt_registry`] | The student registry's feed: files, facts, their effect, the guard |
//! | [`portvakt_accounting`] | Accounting records folded into sessions; live sessions in memory |
//! | [`portvakt_store`] | Durable facts behind traits: locks, attempts, accounts, sessions; SQLite or PostgreSQL, group commits |
//! | [`portvakt_certificates`] | Server certificates, their chains and OCSP responses, before they are used |
//! | [`portvakt_sealing`] | Encrypts NT hashes and CHAP secrets before they are stored |
//! | [`portvakt_resets`] | Ways to a new password without the old one: one-time codes, budgets of messages, numbers |
//! | [`portvakt_auth`] | Account, states, terms, password hashes, the lock table, the decision |
//! | [`transport`] | From datagrams to verified requests; duplicates, delayed refusals; `udp` |
//! | [`policy`] | The configuration as the request path reads it: clients, realms, account sources, EAP |
//! | [`dispatch`] | Verified requests by code and realm |
//! | [`portvakt_directory`] | Sources of accounts: the trait, account facts, LDIF |
//! | [`portvakt_ldap`] | Accounts of an LDAP directory: connection, schema, query, write, replica |
//! | [`embedded`] | Accounts in memory and in the local store |
//! | [`access`] | The steps of an Access-Request, one file each; `workers` hash passwords |
//! | [`accounting`] | Accounting-Requests: read, stored, then answered; `judge` decides which sessions end |
//! | [`disconnect`] | Sessions ended at their NAS: Disconnect- and CoA-Requests, their answers |
//! | [`audit`], [`metrics`] | Records of each request: audit lines, counters |
//! | [`web`] | HTTP on a local port: `/metrics`, `/health` |
//! | [`sms`] | Text messages: gateways over HTTP, files for trying out, reports of delivery |
//! | [`config`] | The TOML file, checked: every mistake at once, with line and advice |
//! | [`accounts`] | Use cases of administrators: explain, unlock, close, set a password, import |
//! | [`admin`] | The socket of the command line, over `accounts` |
//! | [`cli`] | One file per subcommand |
//! | [`shown`] | Escapes text from outside before it reaches a terminal, a log or a page |
//! | [`state`] | Directories, locks, proofs, store, audit and the policy in force, shared by the rooms |
//! | [`handover`] | What a process leaves to the next: sockets, proven passwords; systemd, SIGUSR2 |
//! | [`server`] | Assembly: start, reload, housekeeping, orderly stop |
//!
//! Beside the server: `crates/load`, the load generator `portvakt-load`; `crates/supplicant`, a device
//! that logs on, for load generator and tests; `crates/lock-model`, an exhaustive check of how several
//! nodes count failures; `crates/testkit`; `tests/it`, the tests of the whole program.
//!
//! # The life of an Access-Request
//!
//! Each arrow is a type that only the step before can make: code that skips a step does not compile.
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
//! remote [directory](portvakt_directory::pending) is answered later, and a failure waits for the
//! [store](portvakt_store) before it is answered. Each takes the [exchange](access) along and hands
//! it on. Nothing waits while it holds a thread or a lock; every queue has a bound and a rule for
//! requests beyond it.
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
//! | `radius-N` | one per core and listening address | receives requests, and runs them to completion if nothing must be waited for |
//! | `hash-N` | one per core | password hashes, one check at a time for each account; at a lower priority than `radius-N` |
//! | `hash-upgrade` | 1 | replaces older hashes by stronger ones, at the lowest priority, while `hash-N` is idle |
//! | `store` | 1 | commits in groups, then calls back: answers that had to be durable leave from here |
//! | `tls-sessions` | 1 | looks for TLS sessions that memory does not have, and hands their log-ons on |
//! | `locks`, `database` | 1 each, with PostgreSQL | has outcomes of log-ons taken, then tells them; drives the connections |
//! | `rejects` | 1 | sends delayed refusals when they are due |
//! | `audit` | 1 | writes audit lines |
//! | `judge` | 1 | looks up accounts with live sessions that changed, and each once a minute |
//! | `disconnect` | 1, once a session is to end | sends Disconnect-Requests, takes their answers |
//! | `control` | 1, and one for each connection | commands of the operator |
//! | `messages` | 1 | sends codes by text message, waits for the gateway |
//! | `directory` | 2 for each that speaks LDAP | asynchronous: searches and binds, and the log-ons that wait for them |
//! | `mirror` | 1 for each mirror | follows the directory, keeps the table and its journal |
//! | `web` | 1, and `web-pages` | accepts connections; asynchronous: serves `/metrics` and `/health` |
//! | `registry` | 1 | reads facts of the student registry that another node put in force; folds old imports |
//! | `housekeeping` | 1 | drops expired entries; loads renewed certificates |
//!
//! # Where to begin
//!
//! - A rule of accounts: `crates/auth/src/status.rs`. Nine small types, one for each rule.
//! - The lock: [`portvakt_auth::lock`]. Its picture, then `state.rs`.
//! - A packet: [`portvakt_radius::Packet`], then a case in `tests/corpus/radius`.
//! - An EAP method: `crates/eap/src/method/ttls.rs`; `peap.rs`, `tls.rs` and `teap.rs` are beside it,
//!   the inner methods in `inner/`.
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
//! Terms of the field, as the code uses them:
//!
//! - **Access-Request, -Accept, -Reject, -Challenge**: RADIUS request to let a user in, and its three
//!   answers: yes, no, continue (RFC 2865).
//! - **client**: a device that sends RADIUS requests: access point, controller, switch, VPN
//!   concentrator. Never the user's device. *NAS* (network access server) in the RFCs.
//! - **conversation**: the EAP packets of one log-on, over several Access-Requests that share a State.
//! - **CUI**: Chargeable-User-Identity, a pseudonym of the user for one visited site (RFC 4372).
//! - **EAP**: Extensible Authentication Protocol, spoken by the user's device through the client.
//! - **eduroam**: the federation in which users of one institution log on at all others.
//! - **home server**: the server of the user's own institution. This server is one.
//! - **inner, outer**: inside the TLS tunnel, with the real user name; outside, where it may be
//!   anonymous.
//! - **MSK, MPPE keys**: the key that an EAP conversation yields for the radio link, and the attributes
//!   that carry it.
//! - **NAI**: Network Access Identifier, `user@realm` (RFC 7542).
//! - **Operator-Name**: the name of the visited site (RFC 5580).
//! - **realm**: the part of an NAI after `@`; it names the user's institution.
//! - **State**: the attribute that ties the Access-Requests of a conversation together.
//! - **supplicant**: the part of a device that speaks EAP; *peer* in the RFCs.
//! - **TLV, AVP**: type, length, value; attribute-value pair. Elements of packets and tunnels.
//! - **VLAN**: the virtual network that the user is assigned to.
//!
//! Terms of this code:
//!
//! - **account source**: a directory together with the realm and the rules of its accounts.
//! - **admission**: the right to check one credential of an account; reserved before the check, settled
//!   after it, and counted as a failed log-on if it is dropped.
//! - **grant**: the decision to let a user in; needed to write an Access-Accept.
//! - **mirror**: a copy of a directory's accounts in memory; `replica` in the code.
//! - **proof**: evidence that a credential was checked and found right.
//! - **refusal**: the decision not to let a user in, one of a closed list of reasons. Not an error.
//! - **responder**: the duty to answer one request, exactly once.
//! - **service**: the purpose of a log-on: `eduroam`, `wired`, `vpn`; configured for each client.
//! - **term**: half a year of study; its fee has a deadline.
//! - **tick**: a monotonic clock, for locks and time-outs. Stored times are UTC.
//! - **untold**: the outcome of a log-on before it is durable; only the store hands it out.
//! - **taking**: the decision of a shared database that an outcome is one of the six; **alone**: without
//!   that database, with a journal instead.

mod accept;
pub mod access;
pub mod accounting;
pub mod accounts;
pub mod admin;
pub mod audit;
pub mod cli;
mod clock;
pub mod config;
pub mod disconnect;
pub mod dispatch;
pub mod embedded;
pub mod handover;
pub mod metrics;
pub mod policy;
mod process;
mod random;
pub mod server;
pub mod shown;
pub mod sms;
pub mod state;
pub mod times;
pub mod transport;
pub mod web;
