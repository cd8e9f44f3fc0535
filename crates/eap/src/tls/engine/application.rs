//! Use of an open connection: data to the peer, and octets that both ends can derive.

use super::Engine;
use crate::tls::TlsProblem;
use std::io::Write;

impl Engine {
    /// Encrypts data for the peer; [`Engine::take_outgoing`] fetches it. Only after the handshake.
    ///
    /// # Errors
    /// [`TlsProblem::Internal`] where TLS takes no more: what methods say is far below its limit.
    pub(crate) fn send(&mut self, plaintext: &[u8]) -> Result<(), TlsProblem> {
        let mut writer = self.connection.writer();
        writer
            .write_all(plaintext)
            .map_err(|_full| TlsProblem::Internal)
    }

    /// Fills `into` with octets that the peer can derive and nobody else (RFC 5705, RFC 8446
    /// §7.5). Under TLS 1.3 other lengths of `into` give other octets.
    ///
    /// # Errors
    /// [`TlsProblem::Internal`] before the end of the handshake.
    pub(crate) fn export(&self, label: &[u8], into: &mut [u8]) -> Result<(), TlsProblem> {
        self.connection
            .export_keying_material(into, label, None)
            .map(|_filled| ())
            .map_err(|_handshaking| TlsProblem::Internal)
    }
}
