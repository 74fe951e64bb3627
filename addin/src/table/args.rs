//! The arguments of a call, as a method of the component sees them.

use jiff::civil::DateTime;

use super::{CallError, Kind, Method, Value};

/// The arguments of one call: as many as the method has parameters, defaults filled in, kinds checked.
#[derive(Debug)]
pub struct Args<'a> {
    method: &'static Method,
    values: &'a mut [Value],
}

impl<'a> Args<'a> {
    /// Checks the values against the method's parameters and fills in what was left out.
    ///
    /// # Errors
    /// A wrong number of values, a missing one, or one of another kind.
    pub fn new(method: &'static Method, values: &'a mut [Value]) -> Result<Self, CallError> {
        if values.len() != method.params.len() {
            return Err(CallError::wrong_count(method.name, method.params.len()));
        }
        for (value, param) in values.iter_mut().zip(method.params) {
            if value.is_empty() {
                match param.default {
                    Some(default) => *value = default.value(),
                    None => return Err(CallError::missing(method.name, param.name)),
                }
            } else if !value.coerce(param.kind) {
                return Err(CallError::wrong_type(param.name, param.kind));
            }
        }
        Ok(Self { method, values })
    }

    /// The argument; Undefined if the method has no such parameter.
    #[must_use]
    pub fn value(&self, index: usize) -> &Value {
        self.values.get(index).unwrap_or(&Value::Empty)
    }

    /// Moves the argument out, so that large data is not copied again.
    pub fn take(&mut self, index: usize) -> Value {
        self.values
            .get_mut(index)
            .map_or(Value::Empty, |value| std::mem::replace(value, Value::Empty))
    }

    /// The Boolean argument.
    ///
    /// # Errors
    /// It is not one.
    pub fn bool(&self, index: usize) -> Result<bool, CallError> {
        self.value(index)
            .as_bool()
            .ok_or_else(|| self.mismatch(index, Kind::Boolean))
    }

    /// The whole number argument.
    ///
    /// # Errors
    /// It is not one.
    pub fn int(&self, index: usize) -> Result<i32, CallError> {
        self.value(index)
            .as_int()
            .ok_or_else(|| self.mismatch(index, Kind::Integer))
    }

    /// The date argument.
    ///
    /// # Errors
    /// It is not one.
    pub fn date(&self, index: usize) -> Result<DateTime, CallError> {
        self.value(index)
            .as_date()
            .ok_or_else(|| self.mismatch(index, Kind::Date))
    }

    /// The text argument.
    ///
    /// # Errors
    /// It is not one.
    pub fn text(&self, index: usize) -> Result<&str, CallError> {
        self.value(index)
            .as_text()
            .ok_or_else(|| self.mismatch(index, Kind::Text))
    }

    /// The binary argument.
    ///
    /// # Errors
    /// It is not one.
    pub fn blob(&self, index: usize) -> Result<&[u8], CallError> {
        self.value(index)
            .as_blob()
            .ok_or_else(|| self.mismatch(index, Kind::Binary))
    }

    /// The error that the argument is not of the kind.
    #[must_use]
    pub fn mismatch(&self, index: usize, kind: Kind) -> CallError {
        let name = self
            .method
            .params
            .get(index)
            .map_or(self.method.name, |param| param.name);
        CallError::wrong_type(name, kind)
    }
}

#[cfg(test)]
mod tests {
    use protocol::Reason;

    use super::{super::*, *};

    static METHOD: Method = Method {
        name: words("Sample", "Пример"),
        params: &[
            Param::required(words("Name", "Имя"), Kind::Text, words("", "")),
            Param::optional(
                words("Count", "Число"),
                Kind::Integer,
                DefaultValue::Int(5),
                words("", ""),
            ),
        ],
        returns: None,
        doc: words("", ""),
        call: |_, _| Ok(Value::Empty),
    };

    #[test]
    fn what_was_left_out_gets_its_default() {
        let mut values = [Value::from("x"), Value::Empty];
        let args = Args::new(&METHOD, &mut values).unwrap();
        assert_eq!((args.text(0).unwrap(), args.int(1).unwrap()), ("x", 5));
    }

    #[test]
    fn a_missing_required_argument_is_named() {
        let error = Args::new(&METHOD, &mut [Value::Empty, Value::Empty]).unwrap_err();
        assert_eq!(error.code, Reason::BadArgument as u16);
        assert!(
            error.en.contains("Name") && error.ru.contains("Имя"),
            "{error:?}"
        );
    }

    #[test]
    fn a_wrong_type_or_count_is_an_error() {
        let error = Args::new(&METHOD, &mut [Value::from("x"), Value::from("y")]).unwrap_err();
        assert_eq!(error.code, Reason::BadArgument as u16);
        assert_eq!(
            Args::new(&METHOD, &mut []).unwrap_err().code,
            Reason::BadArgument as u16
        );
    }

    #[test]
    fn an_argument_that_does_not_exist_is_undefined() {
        let mut values = [Value::from("x"), Value::Double(3.0)];
        let mut args = Args::new(&METHOD, &mut values).unwrap();
        assert_eq!(args.value(1), &Value::Int(3));
        assert!(args.value(9).is_empty() && args.take(9).is_empty());
        assert_eq!(args.take(0), Value::from("x"));
        assert!(args.text(0).is_err());
    }
}
