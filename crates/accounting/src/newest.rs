//! A fact that a NAS may tell more than once, and differently.

use jiff::Timestamp;

/// The newest value of a fact. Of two values of one moment the greater one stays, so that the order
/// in which they come makes no difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest<T>(Option<(Timestamp, T)>);

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Ord> Newest<T> {
    /// The value as it was told at `at`; `None` is not told.
    pub fn told(value: Option<T>, at: Timestamp) -> Self {
        Self(value.map(|value| (at, value)))
    }

    /// The value, if it was ever told.
    pub fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, value)| value)
    }

    /// Takes `other` in its place if that is newer; whether anything changed.
    pub fn merge(&mut self, other: Self) -> bool {
        let is_newer = other.0 > self.0;
        if is_newer {
            self.0 = other.0;
        }
        is_newer
    }
}

impl<T> Newest<Box<T>>
where
    T: ?Sized,
    Box<T>: Ord + AsRef<T>,
{
    /// The value, borrowed.
    pub fn text(&self) -> Option<&T> {
        self.get().map(AsRef::as_ref)
    }
}
