//! The values that pass between 1C and the component.

use std::{borrow::Cow, fmt};

use jiff::civil::DateTime;

use super::CallError;

/// A value of 1C.
#[derive(Debug, PartialEq)]
pub enum Value {
    /// Undefined; as an argument: left out.
    Empty,
    /// A Boolean.
    Bool(bool),
    /// A whole number that fits.
    Int(i32),
    /// Any other number. Whole numbers are exact up to 2^53.
    Double(f64),
    /// A date of 1C: no time zone, whole seconds.
    Date(DateTime),
    /// A text.
    Text(Cow<'static, str>),
    /// Binary data.
    Blob(Vec<u8>),
    /// Binary data that is written straight into the platform's memory; only as an answer.
    Deferred(Deferred),
}

/// What the table says that a property, parameter or answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A Boolean.
    Boolean,
    /// A whole number of 32 bits.
    Integer,
    /// Any number.
    Number,
    /// A text.
    Text,
    /// A date.
    Date,
    /// Binary data.
    Binary,
    /// A text or binary data.
    TextOrBinary,
    /// A text or a whole number.
    TextOrInteger,
    /// Anything.
    Any,
}

impl Value {
    /// 1C's empty date, 0001-01-01 00:00:00.
    pub const EMPTY_DATE: DateTime = DateTime::constant(1, 1, 1, 0, 0, 0, 0);

    /// A whole number; one that does not fit 32 bits becomes a floating one, exact to 2^53.
    #[must_use]
    pub fn integer(number: i64) -> Self {
        i32::try_from(number).map_or(Self::Double(number as f64), Self::Int)
    }

    /// Whether it is Undefined.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// The Boolean that it is.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self {
            Some(*value)
        } else {
            None
        }
    }

    /// The whole number that it is; a floating one without fraction counts.
    #[must_use]
    pub fn as_int(&self) -> Option<i32> {
        match self {
            Self::Int(value) => Some(*value),
            // A conversion with `as` saturates, so the comparison also catches what does not fit.
            Self::Double(value) if f64::from(*value as i32) == *value => Some(*value as i32),
            _ => None,
        }
    }

    /// The number that it is.
    #[must_use]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(f64::from(*value)),
            Self::Double(value) => Some(*value),
            _ => None,
        }
    }

    /// The date that it is.
    #[must_use]
    pub const fn as_date(&self) -> Option<DateTime> {
        if let Self::Date(value) = self {
            Some(*value)
        } else {
            None
        }
    }

    /// The text that it is.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(value) = self {
            Some(value)
        } else {
            None
        }
    }

    /// The binary data that it is.
    #[must_use]
    pub fn as_blob(&self) -> Option<&[u8]> {
        if let Self::Blob(value) = self {
            Some(value)
        } else {
            None
        }
    }

    /// Turns it into the kind, as far as nothing is lost; says whether it is of that kind now.
    pub(crate) fn coerce(&mut self, kind: Kind) -> bool {
        match kind {
            Kind::Boolean => matches!(self, Self::Bool(_)),
            Kind::Integer => self
                .as_int()
                .map(|value| *self = Self::Int(value))
                .is_some(),
            Kind::Number => matches!(self, Self::Int(_) | Self::Double(_)),
            Kind::Text => matches!(self, Self::Text(_)),
            Kind::Date => matches!(self, Self::Date(_)),
            Kind::Binary => matches!(self, Self::Blob(_)),
            Kind::TextOrBinary => matches!(self, Self::Text(_) | Self::Blob(_)),
            Kind::TextOrInteger => matches!(self, Self::Text(_)) || self.coerce(Kind::Integer),
            Kind::Any => !matches!(self, Self::Deferred(_)),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value)
    }
}

impl From<&'static str> for Value {
    fn from(value: &'static str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

/// Binary data of a known length that somebody writes once the platform's memory for it is there, so that
/// a large object is never held twice.
pub struct Deferred {
    length: usize,
    write: Box<Writer>,
}

type Writer = dyn FnOnce(&mut [u8]) -> Result<(), CallError> + Send;

impl Deferred {
    /// Binary data of `length` bytes, written by `write` into a zeroed buffer of that length.
    pub fn new(
        length: usize,
        write: impl FnOnce(&mut [u8]) -> Result<(), CallError> + Send + 'static,
    ) -> Self {
        Self {
            length,
            write: Box::new(write),
        }
    }

    /// How many bytes there will be.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// Writes the bytes; `buffer` has exactly the length.
    ///
    /// # Errors
    /// Whatever the writer meets; the buffer is of no use then.
    pub fn write(self, buffer: &mut [u8]) -> Result<(), CallError> {
        (self.write)(buffer)
    }
}

impl fmt::Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deferred({} bytes)", self.length)
    }
}

/// Bytes that are not there yet equal nothing.
impl PartialEq for Deferred {
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Value};

    #[test]
    fn a_floating_number_without_fraction_is_a_whole_one() {
        assert_eq!(Value::Double(9099.0).as_int(), Some(9099));
        assert_eq!(Value::Double(-2_147_483_648.0).as_int(), Some(i32::MIN));
        for other in [0.5, 2_147_483_648.0, f64::NAN, f64::INFINITY, -1e300] {
            assert_eq!(Value::Double(other).as_int(), None, "{other}");
        }
    }

    #[test]
    fn a_whole_number_is_accepted_where_any_number_is() {
        assert_eq!(Value::Int(7).as_number(), Some(7.0));
        assert!(Value::Int(7).coerce(Kind::Number));
    }

    #[test]
    fn a_whole_number_over_32_bits_is_returned_exactly() {
        assert_eq!(
            Value::integer(1 << 53),
            Value::Double(9_007_199_254_740_992.0)
        );
        assert_eq!(Value::integer(-5), Value::Int(-5));
    }

    #[test]
    fn kinds_refuse_what_they_do_not_hold() {
        assert!(!Value::from("7").coerce(Kind::Integer));
        assert!(!Value::Int(1).coerce(Kind::Boolean));
        assert!(!Value::Empty.coerce(Kind::Text));
        assert!(!Value::Double(1.5).coerce(Kind::TextOrInteger));
        assert!(Value::from("f.datafile").coerce(Kind::TextOrBinary));
    }
}
