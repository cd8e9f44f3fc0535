//! The request to a gateway: fields of the configuration, filled by value.
//!
//! A gap like `{text}` is replaced in the string of one field, and the whole is written as JSON or a
//! form afterwards: whatever stands in a message, it does not leave its field.

use std::fmt;

use serde_json::Value;
use zeroize::Zeroizing;

use super::TextMessage;

/// Levels of tables and lists in a body.
const MOST_LEVELS: u8 = 8;

/// How the body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFormat {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// In the query of the address, without a body.
    Query,
}

/// A value that a gap stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// `+4791234567`
    Number,
    /// `4791234567`
    NumberDigits,
    /// `004791234567`
    NumberZeros,
    /// `91234567`
    NumberNational,
    /// The sender of the configuration.
    Sender,
    /// The text.
    Text,
    /// Our name of the message.
    Reference,
    /// Seconds that the message is of use.
    ValidSeconds,
    /// The user of the configuration.
    User,
    /// The secret of the configuration, for gateways that want it in the body.
    Secret,
}

/// Gaps by their word.
const GAPS: [(&str, Gap); 10] = [
    ("number", Gap::Number),
    ("number-digits", Gap::NumberDigits),
    ("number-zeros", Gap::NumberZeros),
    ("number-national", Gap::NumberNational),
    ("sender", Gap::Sender),
    ("text", Gap::Text),
    ("reference", Gap::Reference),
    ("valid-seconds", Gap::ValidSeconds),
    ("user", Gap::User),
    ("secret", Gap::Secret),
];

/// A string of the configuration with gaps in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Gap(Gap),
}

/// A field that can't be filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A gap that there is none of.
    #[error("there is no {{{0}}}; known are {known}", known = known())]
    UnknownGap(String),
    /// A brace without its other one.
    #[error("a brace has no other one")]
    Brace,
    /// A form or query with a table or list in it.
    #[error("a form has strings, numbers, true and false alone")]
    Nested,
    /// More than eight tables within one another.
    #[error("more than eight tables within one another")]
    TooDeep,
}

fn known() -> String {
    let gaps = GAPS.iter().map(|(word, _)| format!("{{{word}}}"));
    gaps.collect::<Vec<_>>().join(", ")
}

impl Field {
    /// Reads a string of the configuration.
    ///
    /// # Errors
    /// [`TemplateError::UnknownGap`] or [`TemplateError::Brace`].
    pub fn parse(text: &str) -> Result<Field, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once('{') {
            let (word, after) = after.split_once('}').ok_or(TemplateError::Brace)?;
            let gap = GAPS.iter().find(|(known, _)| *known == word);
            let (_, gap) = gap.ok_or_else(|| TemplateError::UnknownGap(word.to_owned()))?;
            pieces.extend((!literal.is_empty()).then(|| Piece::Literal(literal.to_owned())));
            pieces.push(Piece::Gap(*gap));
            rest = after;
        }
        if rest.contains('}') {
            return Err(TemplateError::Brace);
        }
        pieces.extend((!rest.is_empty()).then(|| Piece::Literal(rest.to_owned())));
        Ok(Field(pieces))
    }

    /// Whether the field has this gap.
    pub fn has(&self, gap: Gap) -> bool {
        self.0.contains(&Piece::Gap(gap))
    }

    /// The field filled.
    pub fn fill(&self, with: &Filled<'_>) -> Zeroizing<String> {
        let mut filled = Zeroizing::new(String::with_capacity(4096));
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => filled.push_str(text),
                Piece::Gap(gap) => filled.push_str(&with.value(*gap)),
            }
        }
        filled
    }
}

/// Values of the gaps.
#[derive(Clone, Copy)]
pub struct Filled<'a> {
    /// The message.
    pub message: &'a TextMessage,
    /// The sender.
    pub sender: &'a str,
    /// The user at the gateway.
    pub user: &'a str,
    /// The secret.
    pub secret: &'a str,
}

impl Filled<'_> {
    fn value(&self, gap: Gap) -> Zeroizing<String> {
        let message = self.message;
        Zeroizing::new(match gap {
            Gap::Number => message.number.e164(),
            Gap::NumberDigits => message.number.digits(),
            Gap::NumberZeros => message.number.with_zeros(),
            Gap::NumberNational => message.number.national().to_owned(),
            Gap::Sender => self.sender.to_owned(),
            Gap::Text => return message.text.clone(),
            Gap::Reference => message.reference.clone(),
            Gap::ValidSeconds => message.valid.as_secs().to_string(),
            Gap::User => self.user.to_owned(),
            Gap::Secret => self.secret.to_owned(),
        })
    }
}

impl fmt::Debug for Filled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filled")
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Template {
    /// A text with gaps.
    Text(Field),
    /// A number or a truth value, as it stands.
    Fixed(Value),
    /// A list.
    List(Vec<Template>),
    /// A table, in the order of its keys.
    Table(Vec<(String, Template)>),
}

impl Template {
    /// Reads the fields of the configuration.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn parse(fields: &Value, format: BodyFormat) -> Result<Template, TemplateError> {
        let template = Self::read(fields, MOST_LEVELS)?;
        let is_flat = |template: &Template| matches!(template, Self::Text(_) | Self::Fixed(_));
        match &template {
            Self::Table(fields)
                if format == BodyFormat::Json || fields.iter().all(|(_, field)| is_flat(field)) =>
            {
                Ok(template)
            }
            _ => Err(TemplateError::Nested),
        }
    }

    fn read(value: &Value, levels: u8) -> Result<Template, TemplateError> {
        let levels = levels.checked_sub(1).ok_or(TemplateError::TooDeep)?;
        Ok(match value {
            Value::String(text) => Self::Text(Field::parse(text)?),
            Value::Array(items) => {
                let items = items.iter().map(|item| Self::read(item, levels));
                Self::List(items.collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => {
                let fields = fields.iter();
                let read = fields.map(|(key, value)| Ok((key.clone(), Self::read(value, levels)?)));
                Self::Table(read.collect::<Result<_, _>>()?)
            }
            fixed => Self::Fixed(fixed.clone()),
        })
    }

    /// Whether some field has this gap.
    pub fn has(&self, gap: Gap) -> bool {
        match self {
            Self::Text(field) => field.has(gap),
            Self::Fixed(_) => false,
            Self::List(items) => items.iter().any(|item| item.has(gap)),
            Self::Table(fields) => fields.iter().any(|(_, field)| field.has(gap)),
        }
    }

    /// The body as JSON.
    pub fn json(&self, with: &Filled<'_>) -> Zeroizing<Vec<u8>> {
        let mut body = Zeroizing::new(Vec::with_capacity(16 * 1024));
        self.write_json(with, &mut body);
        body
    }

    fn write_json(&self, with: &Filled<'_>, body: &mut Vec<u8>) {
        match self {
            Self::Text(field) => write_value(&field.fill(with).as_str(), body),
            Self::Fixed(value) => write_value(value, body),
            Self::List(items) => {
                body.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    body.extend((index > 0).then_some(b','));
                    item.write_json(with, body);
                }
                body.push(b']');
            }
            Self::Table(fields) => {
                body.push(b'{');
                for (index, (key, field)) in fields.iter().enumerate() {
                    body.extend((index > 0).then_some(b','));
                    write_value(key, body);
                    body.push(b':');
                    field.write_json(with, body);
                }
                body.push(b'}');
            }
        }
    }

    /// Names and values of a form.
    pub fn pairs(&self, with: &Filled<'_>) -> Vec<(String, Zeroizing<String>)> {
        let Self::Table(fields) = self else {
            return Vec::new();
        };
        let pairs = fields.iter().map(|(key, field)| {
            let value = match field {
                Self::Text(field) => field.fill(with),
                Self::Fixed(Value::String(text)) => Zeroizing::new(text.clone()),
                Self::Fixed(value) => Zeroizing::new(value.to_string()),
                Self::List(_) | Self::Table(_) => Zeroizing::default(),
            };
            (key.clone(), value)
        });
        pairs.collect()
    }
}

/// Strings, numbers and truth values always have a JSON form.
fn write_value(value: &impl serde::Serialize, body: &mut Vec<u8>) {
    let _ = serde_json::to_writer(body, value);
}
