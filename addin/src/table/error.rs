//! The error of a call: its number and its sentence in both languages.

use protocol::Reason;

use super::{Kind, Language, Words};

/// Why a call failed: `ErrorCode` and `ErrorDescription` of 1C code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// What 1C code tells errors apart by; never 0.
    pub code: u16,
    /// The sentence in English. It says what to do.
    pub en: String,
    /// The sentence in Russian.
    pub ru: String,
}

impl CallError {
    /// An error with its sentence in English and Russian.
    pub fn new(reason: Reason, en: impl Into<String>, ru: impl Into<String>) -> Self {
        Self {
            code: reason as u16,
            en: en.into(),
            ru: ru.into(),
        }
    }

    /// Its reason.
    #[must_use]
    pub fn reason(&self) -> Reason {
        Reason::from_number(self.code)
    }

    /// The sentence in one language.
    #[must_use]
    pub fn text(&self, language: Language) -> &str {
        match language {
            Language::English => &self.en,
            Language::Russian => &self.ru,
        }
    }

    /// The value of a property or parameter is of another kind.
    #[must_use]
    pub fn wrong_type(name: Words, kind: Kind) -> Self {
        let expected = kind_words(kind);
        Self::new(
            Reason::BadArgument,
            format!(
                "{}: {} is expected. Pass a value of that type.",
                name.en, expected.en
            ),
            format!(
                "{}: ожидается {}. Передайте значение этого типа.",
                name.ru, expected.ru
            ),
        )
    }

    /// A text or binary data is longer than `limit` (units of text, bytes of data).
    #[must_use]
    pub fn too_long(name: Words, limit: usize) -> Self {
        Self::new(
            Reason::TooLong,
            format!(
                "{}: the value is longer than {limit}. Pass a shorter one.",
                name.en
            ),
            format!(
                "{}: значение длиннее {limit}. Передайте более короткое.",
                name.ru
            ),
        )
    }

    /// A required argument was left out.
    #[must_use]
    pub fn missing(method: Words, param: Words) -> Self {
        Self::new(
            Reason::BadArgument,
            format!("{}: the parameter {} must be given.", method.en, param.en),
            format!("{}: параметр {} должен быть указан.", method.ru, param.ru),
        )
    }

    /// The number of arguments is not the method's.
    #[must_use]
    pub fn wrong_count(method: Words, expected: usize) -> Self {
        Self::new(
            Reason::BadArgument,
            format!(
                "{}: the method has {expected} parameters, another number was passed. Correct the call.",
                method.en
            ),
            format!(
                "{}: у метода {expected} параметров, передано другое число. Исправьте вызов.",
                method.ru
            ),
        )
    }

    /// There is no memory for the value.
    #[must_use]
    pub fn no_memory(name: Words) -> Self {
        Self::new(
            Reason::NoMemory,
            format!(
                "{}: there is not enough memory. Close other programs or write the object to a file.",
                name.en
            ),
            format!(
                "{}: не хватает памяти. Закройте другие программы или получайте объект в файл.",
                name.ru
            ),
        )
    }

    /// A defect of the component, told from a panic.
    #[must_use]
    pub fn internal(what: &str) -> Self {
        Self::new(
            Reason::Internal,
            format!("An internal error of the component: {what}. Send this text to its developer."),
            format!("Внутренняя ошибка компоненты: {what}. Сообщите этот текст её разработчику."),
        )
    }
}

const fn kind_words(kind: Kind) -> Words {
    let (en, ru) = match kind {
        Kind::Boolean => ("a Boolean", "булево значение"),
        Kind::Integer => ("a whole number of 32 bits", "целое 32-разрядное число"),
        Kind::Number => ("a number", "число"),
        Kind::Text => ("a string", "строка"),
        Kind::Date => ("a date", "дата"),
        Kind::Binary => ("binary data", "двоичные данные"),
        Kind::TextOrBinary => ("a string or binary data", "строка или двоичные данные"),
        Kind::TextOrInteger => ("a string or a whole number", "строка или целое число"),
        Kind::Any => ("a value", "простое значение"),
    };
    Words { en, ru }
}
