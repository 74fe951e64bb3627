//! What a component shows to 1C, as data: its properties and methods with both names, parameters,
//! defaults and documentation. Names, arity, dispatch and the developer's guide all come from here.

mod args;
mod error;
mod lookup;
mod value;

pub use args::Args;
pub use error::CallError;
pub use lookup::{Index, fold};
pub use value::{Deferred, Kind, Value};

use crate::object::Object;

/// The language of texts that a person reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English, and every language that we have no texts in.
    English,
    /// Russian.
    Russian,
}

impl Language {
    /// The language of a locale name or language code: `ru`, `ru_RU`, `rus_RUS`, `Russian_Russia`.
    #[must_use]
    pub fn of_code(code: &str) -> Self {
        let letters: String = code.chars().take_while(char::is_ascii_alphabetic).collect();
        match letters.to_ascii_lowercase().as_str() {
            "ru" | "rus" | "russian" => Self::Russian,
            _ => Self::English,
        }
    }
}

/// The same words in both languages: a name or a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// In English.
    pub en: &'static str,
    /// In Russian.
    pub ru: &'static str,
}

/// Makes [`Words`], English first.
#[must_use]
pub const fn words(en: &'static str, ru: &'static str) -> Words {
    Words { en, ru }
}

impl Words {
    /// The words in one language.
    #[must_use]
    pub const fn get(self, language: Language) -> &'static str {
        match language {
            Language::English => self.en,
            Language::Russian => self.ru,
        }
    }
}

/// Reads a property. It never fails, takes no lock heavier than it must and writes no log.
///
/// What is small has a way of its own, because 1C code asks it all the time.
#[derive(Clone, Copy, Debug)]
pub enum Getter {
    /// A Boolean.
    Bool(fn(&Object) -> bool),
    /// A whole number of 32 bits.
    Int(fn(&Object) -> i32),
    /// Whatever else.
    Any(fn(&Object) -> Value),
}

impl Getter {
    /// The property's value.
    #[must_use]
    pub fn value(self, object: &Object) -> Value {
        match self {
            Self::Bool(get) => Value::Bool(get(object)),
            Self::Int(get) => Value::Int(get(object)),
            Self::Any(get) => get(object),
        }
    }
}

/// Writes a property. The value has been checked against the property's kind.
pub type Setter = fn(&Object, Value) -> Result<(), CallError>;
/// Runs a method. Every argument is there and has been checked against its parameter's kind.
pub type Call = fn(&Object, &mut Args<'_>) -> Result<Value, CallError>;

/// A property of the component.
#[derive(Debug)]
pub struct Property {
    /// Both names.
    pub name: Words,
    /// What it holds.
    pub kind: Kind,
    /// Its value in a new object; none for what the component finds out.
    pub default: Option<DefaultValue>,
    /// A sentence or two for the developer's guide.
    pub doc: Words,
    /// Reads it; none if it can only be written.
    pub get: Option<Getter>,
    /// Writes it; none if it can only be read.
    pub set: Option<Setter>,
}

impl Property {
    /// A property that 1C code can only read.
    #[must_use]
    pub const fn read_only(name: Words, kind: Kind, doc: Words, get: Getter) -> Self {
        Self {
            name,
            kind,
            default: None,
            doc,
            get: Some(get),
            set: None,
        }
    }

    /// A property that 1C code can read and write.
    #[must_use]
    pub const fn read_write(
        name: Words,
        kind: Kind,
        default: DefaultValue,
        doc: Words,
        get: Getter,
        set: Setter,
    ) -> Self {
        Self {
            name,
            kind,
            default: Some(default),
            doc,
            get: Some(get),
            set: Some(set),
        }
    }
}

/// The value of a parameter that a caller left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DefaultValue {
    /// A Boolean.
    Bool(bool),
    /// A whole number.
    Int(i32),
    /// A text.
    Text(&'static str),
    /// 1C's empty date, 0001-01-01 00:00:00.
    EmptyDate,
    /// Undefined: the method itself tells that nothing was given.
    Undefined,
}

impl DefaultValue {
    /// The default as a value.
    #[must_use]
    pub fn value(self) -> Value {
        match self {
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Text(value) => Value::Text(value.into()),
            Self::EmptyDate => Value::Date(Value::EMPTY_DATE),
            Self::Undefined => Value::Empty,
        }
    }
}

/// A parameter of a method.
#[derive(Debug)]
pub struct Param {
    /// Both names, for the guide and for error texts.
    pub name: Words,
    /// What it takes.
    pub kind: Kind,
    /// Its value when left out; none if it must be given.
    pub default: Option<DefaultValue>,
    /// A sentence for the developer's guide.
    pub doc: Words,
}

impl Param {
    /// A parameter that must be given.
    #[must_use]
    pub const fn required(name: Words, kind: Kind, doc: Words) -> Self {
        Self {
            name,
            kind,
            default: None,
            doc,
        }
    }

    /// A parameter that may be left out.
    #[must_use]
    pub const fn optional(name: Words, kind: Kind, default: DefaultValue, doc: Words) -> Self {
        Self {
            name,
            kind,
            default: Some(default),
            doc,
        }
    }
}

/// A method of the component.
#[derive(Debug)]
pub struct Method {
    /// Both names.
    pub name: Words,
    /// Its parameters; those that may be left out come last, at most [`MAX_PARAMS`].
    pub params: &'static [Param],
    /// What it answers; none for a procedure.
    pub returns: Option<Kind>,
    /// A sentence or two for the developer's guide.
    pub doc: Words,
    /// Runs it.
    pub call: Call,
}

/// No method has more parameters, so arguments need no allocation.
pub const MAX_PARAMS: usize = 8;

/// Everything that one class of component shows to 1C. The order is the numbering that 1C works with.
#[derive(Debug)]
pub struct Table {
    /// The properties.
    pub properties: &'static [Property],
    /// The methods.
    pub methods: &'static [Method],
    /// The events.
    pub events: &'static [Event],
}

/// An event that the component sends to 1C code of clients (ОбработкаВнешнегоСобытия). Its source is the name of the
/// class, its data a JSON object.
#[derive(Debug)]
pub struct Event {
    /// Its name, the same in every language.
    pub name: &'static str,
    /// When it comes, for the developer's guide.
    pub doc: Words,
    /// The fields of its data.
    pub data: &'static [Field],
}

/// A field of a JSON object.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds, for the developer's guide.
    pub doc: Words,
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn locale_names_of_all_platforms_and_codes_give_the_language() {
        for code in [
            "ru",
            "RU",
            "ru_RU",
            "rus_RUS",
            "Russian_Russia.1251",
            "ru-RU",
        ] {
            assert_eq!(Language::of_code(code), Language::Russian, "{code}");
        }
        for code in ["", "en", "en_US", "eng_USA", "run", "uk", "кириллица"] {
            assert_eq!(Language::of_code(code), Language::English, "{code}");
        }
    }
}
