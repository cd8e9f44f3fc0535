//! The one bounded reader: every length that a peer claims goes through it.
//!
//! It refuses to read past the end, never allocates, and never panics.

/// A claim that the bytes do not honour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes end before what they announce")]
pub(crate) struct Short;

/// Reads big-endian fields from the front of borrowed bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the first of `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// The octets not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`Short`] where fewer are left; nothing is consumed then.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Short> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Short)?;
        self.rest = rest;
        Ok(taken)
    }

    /// One octet.
    ///
    /// # Errors
    /// [`Short`] at the end.
    pub(crate) fn u8(&mut self) -> Result<u8, Short> {
        let [octet] = self.array()?;
        Ok(octet)
    }

    /// Two octets.
    ///
    /// # Errors
    /// [`Short`] where fewer are left.
    pub(crate) fn u16(&mut self) -> Result<u16, Short> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// Three octets, as in the Length of a TTLS AVP.
    ///
    /// # Errors
    /// [`Short`] where fewer are left.
    pub(crate) fn u24(&mut self) -> Result<u32, Short> {
        let [high, middle, low] = self.array()?;
        Ok(u32::from_be_bytes([0, high, middle, low]))
    }

    /// Four octets.
    ///
    /// # Errors
    /// [`Short`] where fewer are left.
    pub(crate) fn u32(&mut self) -> Result<u32, Short> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// `N` octets.
    ///
    /// # Errors
    /// [`Short`] where fewer are left.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Short)?;
        self.rest = rest;
        Ok(*taken)
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, Short};

    #[test]
    fn a_short_read_consumes_nothing() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.u32(), Err(Short));
        assert_eq!(reader.take(4), Err(Short));
        assert_eq!(reader.u24(), Ok(0x0001_0203));
        assert_eq!(reader.u8(), Err(Short));
        assert!(reader.is_empty());
    }

    #[test]
    fn a_length_near_the_address_space_is_just_short() {
        assert_eq!(Reader::new(&[0; 8]).take(usize::MAX), Err(Short));
    }
}
