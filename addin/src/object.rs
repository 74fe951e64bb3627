//! The object behind `Новый("AddIn.….LicenceAddIn")`: what it remembers between calls.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    native::host::HostHandle,
    table::{CallError, Language},
};

/// One object of 1C code. The platform may call it from any thread, and again from inside a call.
#[derive(Debug)]
pub struct Object {
    host: HostHandle,
    raise_exceptions: AtomicBool,
    russian: AtomicBool,
    last_error: Mutex<Option<CallError>>,
}

/// What the platform is told of a failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The call answers False (or Undefined) and 1C code asks for ErrorDescription.
    Answer,
    /// An exception with this text.
    Raise(String),
}

impl Object {
    /// Makes the object; it must stay light, because the platform makes some only to ask their name.
    #[must_use]
    pub fn new(host: HostHandle) -> Self {
        Self {
            host,
            raise_exceptions: AtomicBool::new(false),
            russian: AtomicBool::new(false),
            last_error: Mutex::new(None),
        }
    }

    /// The platform is there now. False refuses to be created.
    pub fn init(&self) -> bool {
        true
    }

    /// The platform is going: give back what is held, join what runs. Called at least once, maybe
    /// without `init`, and by then events go nowhere.
    pub fn done(&self) {}

    /// The language of the user's interface.
    pub fn set_language(&self, language: Language) {
        self.russian
            .store(language == Language::Russian, Ordering::Relaxed);
    }

    /// A method is called: the error of the one before is forgotten.
    pub fn on_call(&self) {
        *self.error() = None;
    }

    /// A call or the writing of a property failed.
    pub fn on_call_error(&self, error: &CallError) -> Failure {
        *self.error() = Some(error.clone());
        if self.raise_exceptions.load(Ordering::Relaxed) {
            Failure::Raise(error.text(self.language()).to_owned())
        } else {
            Failure::Answer
        }
    }

    /// The platform.
    #[must_use]
    pub const fn host(&self) -> &HostHandle {
        &self.host
    }

    /// The language of the user's interface.
    #[must_use]
    pub fn language(&self) -> Language {
        if self.russian.load(Ordering::Relaxed) {
            Language::Russian
        } else {
            Language::English
        }
    }

    /// Whether failed calls raise exceptions.
    #[must_use]
    pub fn raise_exceptions(&self) -> bool {
        self.raise_exceptions.load(Ordering::Relaxed)
    }

    /// Sets whether failed calls raise exceptions.
    pub fn set_raise_exceptions(&self, raise: bool) {
        self.raise_exceptions.store(raise, Ordering::Relaxed);
    }

    /// The number of the last call's error, 0 if it succeeded.
    #[must_use]
    pub fn error_code(&self) -> u16 {
        self.error().as_ref().map_or(0, |error| error.code)
    }

    /// The sentence of the last call's error in the user's language, empty if it succeeded.
    #[must_use]
    pub fn error_description(&self) -> String {
        let language = self.language();
        self.error()
            .as_ref()
            .map(|error| error.text(language).to_owned())
            .unwrap_or_default()
    }

    fn error(&self) -> MutexGuard<'_, Option<CallError>> {
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
