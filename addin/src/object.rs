//! The object behind `Новый("AddIn.….LicenceAddIn")`: what it remembers between calls.
//!
//! Properties read what is remembered here and never ask a server; `connecting`, `licensing` and `data` are
//! the calls that do.

mod connecting;
mod data;
mod licensing;
mod module;
mod wishes;

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU16, Ordering},
};

use parking_lot::Mutex;
use protocol::Reason;

pub use self::licensing::SessionArguments;
use self::wishes::Wishes;
use crate::{
    datafile::DataFile,
    link::Owner,
    native::host::HostHandle,
    per_process::{Inherited, PerProcess},
    place::{Kind, Place, installed::Template},
    session::{Glance, Session},
    settings::{DEFAULT_PORT, Settings},
    table::{CallError, Language},
    texts,
};

/// One object of 1C code. The platform may call it from any thread, and again from inside a call; no lock
/// is held while the platform is called.
#[derive(Debug)]
pub struct Object {
    host: HostHandle,
    /// The copy from a configuration's template that this one works instead of.
    template: Option<Template>,
    raise_exceptions: AtomicBool,
    russian: AtomicBool,
    ended: AtomicBool,
    last_error: Inherited<Option<CallError>>,
    /// The number of `last_error`, 0 without one: it is asked for after every call.
    error_code: AtomicU16,
    /// `ServerPort`, as the wishes and the settings make it.
    server_port: AtomicU16,
    /// What the 1C code set.
    wishes: Inherited<Wishes>,
    /// The settings of the last Connect.
    settings: Inherited<Option<Settings>>,
    data: Inherited<Option<Arc<DataFile>>>,
    /// Of the process that uses it: in a forked child's copy of the parent's a lock may be held for ever.
    joined: PerProcess<Joined>,
    /// How it stands with the session's seat.
    glance: OnceLock<Arc<Glance>>,
}

/// How the object takes part in a connection.
#[derive(Debug, Default)]
struct Joined {
    link: Mutex<Link>,
    /// Held by the one call that changes the link: two threads may call the same object.
    changing: Mutex<()>,
}

/// The object's share of a connection and of a session.
#[derive(Debug, Default)]
struct Link {
    owner: Option<Arc<Owner>>,
    session: Option<Arc<Session>>,
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
        Self::instead_of(None, host)
    }

    /// The same, in place of the copy from a configuration's template.
    #[must_use]
    #[inline]
    pub fn instead_of(template: Option<Template>, host: HostHandle) -> Self {
        Self {
            host,
            template,
            raise_exceptions: AtomicBool::new(false),
            russian: AtomicBool::new(texts::default_language() == Language::Russian),
            ended: AtomicBool::new(false),
            last_error: Inherited::default(),
            error_code: AtomicU16::new(0),
            server_port: AtomicU16::new(DEFAULT_PORT),
            wishes: Inherited::default(),
            settings: Inherited::default(),
            data: Inherited::default(),
            joined: PerProcess::new(),
            glance: OnceLock::new(),
        }
    }

    /// The platform is there now. False refuses to be created.
    pub fn init(&self) -> bool {
        self.ended.store(false, Ordering::Release);
        true
    }

    /// The platform is going: give back what is held. Called at least once, maybe without `init`, and by
    /// then events go nowhere. Returns within milliseconds: what a server must be told is told by the
    /// connection's own thread.
    pub fn done(&self) {
        // Before the link is taken: whoever locks it afterwards sees this.
        self.ended.store(true, Ordering::Release);
        self.leave();
        *self.data.lock() = None;
    }

    /// Gives up session and connection. In a client the seat is freed; in a server process the platform
    /// drops objects as it likes, so there it lingers for the next object of the session.
    fn leave(&self) {
        self.leave_by(|| !self.kind().is_server());
    }

    /// Gives up session and connection; with the session's last object the seat is freed, or lingers.
    fn leave_by(&self, release: impl FnOnce() -> bool) {
        // A forked child has nothing of its parent's to give back.
        let Some(joined) = self.joined.existing() else {
            return;
        };
        let link = std::mem::take(&mut *joined.link.lock());
        let Some(owner) = link.owner else { return };
        if !owner.connection().is_of_this_process() {
            return;
        }
        if let Some(session) = link.session {
            session.unwatch(self.glance());
            owner.connection().exit(&session, release());
        }
    }

    fn glance(&self) -> &Arc<Glance> {
        self.glance.get_or_init(Arc::default)
    }

    /// The flags of the licence in use, if all is well with it.
    fn held_flags(&self) -> Option<u32> {
        self.glance.get()?.held_flags()
    }

    fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// What kind of process this is. Unlike the whole place it is told without looking for folders, which may take long.
    fn kind(&self) -> Kind {
        Kind::of_this_process(&self.host.platform())
    }

    fn place(&self) -> Place {
        Place::current(&self.host.platform())
    }

    fn owner(&self) -> Result<Arc<Owner>, CallError> {
        self.joined
            .existing()
            .and_then(|joined| joined.link.lock().owner.clone())
            .filter(|owner| owner.connection().is_of_this_process())
            .ok_or_else(|| texts::error(Reason::NotConnected))
    }

    /// The session whose seat this object uses.
    fn session(&self) -> Option<Arc<Session>> {
        let link = self.joined.existing()?.link.lock();
        let ours = link
            .owner
            .as_ref()
            .is_some_and(|owner| owner.connection().is_of_this_process());
        link.session.clone().filter(|_| ours)
    }

    /// The language of the user's interface.
    pub fn set_language(&self, language: Language) {
        self.russian
            .store(language == Language::Russian, Ordering::Relaxed);
    }

    /// A method is called or a property written: the error of the call before is forgotten.
    pub fn on_call(&self) {
        if self.error_code() != 0 {
            self.forget_error();
        }
    }

    #[cold]
    fn forget_error(&self) {
        let mut last = self.last_error.lock();
        *last = None;
        self.error_code.store(0, Ordering::Release);
    }

    /// A call or the writing of a property failed.
    pub fn on_call_error(&self, error: &CallError) -> Failure {
        let mut last = self.last_error.lock();
        *last = Some(error.clone());
        self.error_code.store(error.code, Ordering::Release);
        drop(last);
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
        self.error_code.load(Ordering::Acquire)
    }

    /// The sentence of the last call's error in the user's language, empty if it succeeded.
    #[must_use]
    pub fn error_description(&self) -> String {
        let language = self.language();
        self.last_error
            .lock()
            .as_ref()
            .map(|error| error.text(language).to_owned())
            .unwrap_or_default()
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // A host may destroy an object without Done.
        self.leave();
    }
}

#[cfg(test)]
mod tests;
