//! Methods that a device asks for in its Nak, for the operator.

use crate::packet::{EapType, Nak};
use std::fmt;

/// Most that are kept of one Nak: more than any device has.
const AT_MOST: usize = 16;

/// The methods that a Nak names, in its order; a vendor's stand as [`EapType::EXPANDED`].
///
/// `Display` ends a sentence: `; it asks for EAP-FAST (43), PEAP (25)`, or nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Wishes {
    kinds: [EapType; AT_MOST],
    count: usize,
}

impl Wishes {
    /// None, as where a device refuses all there is.
    pub const NONE: Wishes = Wishes {
        kinds: [EapType(0); AT_MOST],
        count: 0,
    };

    pub(crate) fn of(nak: Nak<'_>) -> Self {
        nak.wishes().collect()
    }

    /// In the device's order; of a longer list the first sixteen.
    pub fn iter(&self) -> impl Iterator<Item = EapType> + '_ {
        self.kinds.iter().copied().take(self.count)
    }
}

impl FromIterator<EapType> for Wishes {
    fn from_iter<I: IntoIterator<Item = EapType>>(kinds: I) -> Self {
        let mut wishes = Wishes::NONE;
        for kind in kinds {
            if let Some(slot) = wishes.kinds.get_mut(wishes.count) {
                *slot = kind;
                wishes.count += 1;
            }
        }
        wishes
    }
}

impl fmt::Display for Wishes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, kind) in self.iter().enumerate() {
            let lead = if number == 0 { "; it asks for " } else { ", " };
            write!(f, "{lead}{} ({})", kind.name(), kind.0)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Wishes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
