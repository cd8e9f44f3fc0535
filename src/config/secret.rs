//! A secret on its way from the configuration to the part that uses it.

use std::fmt;

use zeroize::Zeroizing;

/// Octets that nobody should see: never shown by `Debug`, wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the octets over.
    pub fn new(octets: Vec<u8>) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// The octets, to the part that keeps them.
    pub fn into_octets(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    /// The octets, for the part that needs them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
