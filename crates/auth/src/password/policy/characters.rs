//! Characters that a new password may have.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Whether a character can be seen and typed again: the FreeformClass of RFC 8264 §4.3 without
/// what is ignorable, and no space but the plain one (RFC 8265 §4.2.1 maps the others to it; here
/// they are refused, since the devices that send them would not map them).
pub(super) fn is_visible(character: char) -> bool {
    if character.is_ascii() {
        return character == ' ' || character.is_ascii_graphic();
    }
    let is_shapeless = matches!(
        CodePointMapData::<GeneralCategory>::new().get(character),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::SpaceSeparator
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned
    );
    let is_ignorable = || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character);
    !is_shapeless && !is_ignorable()
}
