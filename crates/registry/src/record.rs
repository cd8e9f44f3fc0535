//! A record as cells under headers: CSV (RFC 4180, `;` or `,`), or one JSON object.

use csv_core::ReadRecordResult;
use serde_json::Value;

use crate::fault::RowFault;
use crate::lines::LONGEST_RECORD;

/// Most columns of a file.
const MOST_COLUMNS: usize = 256;

/// Reads CSV records one at a time into buffers of its own.
pub(crate) struct Csv {
    reader: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Csv {
    /// A reader for the separator that the header has more of.
    pub(crate) fn for_header(header: &[u8]) -> Self {
        let count = |separator: u8| header.iter().filter(|octet| **octet == separator).count();
        let separator = match count(b';') >= count(b',') {
            true => b';',
            false => b',',
        };
        Self {
            reader: csv_core::ReaderBuilder::new().delimiter(separator).build(),
            text: vec![0; LONGEST_RECORD],
            ends: vec![0; MOST_COLUMNS],
        }
    }

    /// The cells of a record, without blanks around them.
    ///
    /// # Errors
    /// [`RowFault::Cells`] for more than any header has, [`RowFault::Encoding`].
    pub(crate) fn cells(&mut self, record: &[u8]) -> Result<Vec<&str>, RowFault> {
        self.reader.reset();
        let (mut read, mut written, mut ended) = (0, 0, 0);
        loop {
            let (input, output, ends) = (
                record.get(read..).unwrap_or_default(),
                self.text.get_mut(written..).unwrap_or_default(),
                self.ends.get_mut(ended..).unwrap_or_default(),
            );
            let (result, nin, nout, nend) = self.reader.read_record(input, output, ends);
            read += nin;
            written += nout;
            ended += nend;
            match result {
                // Once more with nothing, so that the last cell ends.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record | ReadRecordResult::End => break,
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    return Err(RowFault::Cells);
                }
            }
        }
        let text = self.text.get(..written).unwrap_or_default();
        let text = std::str::from_utf8(text).map_err(|_| RowFault::Encoding)?;
        let ends = self.ends.get(..ended).unwrap_or_default();
        let mut from = 0;
        let cells = ends.iter().map(|end| {
            let cell = text.get(from..*end).unwrap_or_default();
            from = *end;
            cell.trim()
        });
        Ok(cells.collect())
    }
}

/// A member's name and text; `None` is null.
pub(crate) type Member = (String, Option<String>);

/// The members of a JSON object; `None` is null.
///
/// # Errors
/// [`RowFault::Json`] or [`RowFault::Nested`].
pub(crate) fn members(record: &[u8]) -> Result<Vec<Member>, (String, RowFault)> {
    let object: serde_json::Map<String, Value> =
        serde_json::from_slice(record).map_err(|_| (String::new(), RowFault::Json))?;
    let members = object.into_iter().map(|(name, value)| {
        let text = match value {
            Value::Null => None,
            Value::Bool(true) => Some("yes".to_owned()),
            Value::Bool(false) => Some("no".to_owned()),
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Array(_) | Value::Object(_) => return Err((name, RowFault::Nested)),
        };
        Ok((name, text))
    });
    members.collect()
}
