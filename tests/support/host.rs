//! The simulated 1C host for tests and benches: loads the component as 1C does and drives its objects.
//!
//! An [`Object`] ends itself with Done and DestroyObject when dropped, and then fails the test if the
//! component lost memory of the platform, freed memory that is not its own, or called after Done.
#![allow(
    unsafe_code,
    reason = "the host is C++; each object of the component lives as long as its wrapper"
)]

mod json;
mod library;
mod loops;
mod object;
mod observed;
mod raw;
mod values;

pub use library::Library;
pub use object::Object;
pub use values::{Value, Values, kind};

/// Ways in which a platform ends an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// DestroyObject.
    DestroyObject = 0,
    /// `delete` of the object.
    Delete = 1,
    /// `delete` through the language extender's base.
    DeleteExtender = 2,
    /// `delete` through the locale's base.
    DeleteLocale = 3,
    /// `delete` through the user language's base.
    DeleteUserLanguage = 4,
    /// The destructor in place; the component's memory stays.
    InPlace = 5,
}

/// What the platform counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Blocks that nobody freed.
    pub lost: i64,
    /// Blocks freed that the manager never gave.
    pub foreign_frees: i64,
    /// Requests for no bytes.
    pub empty_requests: i64,
    /// Calls of the platform after Done or still running then.
    pub late_calls: i64,
}

/// An error that the component reported to the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The kind of message; 1006 is a failure.
    pub code: i32,
    /// The component's name.
    pub source: String,
    /// The text.
    pub text: String,
    /// Not 0: it is raised as an exception.
    pub raise: i64,
}

/// An event that the component queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The component's name.
    pub source: String,
    /// What happened.
    pub message: String,
    /// Its data.
    pub data: String,
}

/// The platform refused: the call would be a run-time error in 1C code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised;

/// A text in UTF-16 with a NUL.
#[must_use]
pub fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// # Safety
/// `text` is null or NUL-terminated.
unsafe fn text(text: *const u16) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let units = unsafe {
        let length = (0..).take_while(|at| *text.add(*at) != 0).count();
        std::slice::from_raw_parts(text, length)
    };
    Some(String::from_utf16(units).expect("a text of the component is UTF-16"))
}
