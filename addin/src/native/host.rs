//! The platform's side: errors, events and what it tells of itself.

use std::{
    ffi::{c_long, c_ushort, c_void},
    ptr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI32, AtomicPtr, Ordering},
    },
};

use super::{
    gate::Gate,
    wide::{terminated, wide},
};

/// What stands as the source of errors and events.
const SOURCE: &str = "LicenceAddIn";
/// A failure, in the platform's numbering of messages.
const FAIL: c_ushort = 1006;
/// Any number but 0 makes the platform raise an exception.
const RAISE: c_long = 1;
/// Events that may wait for 1C code; the platform's own default is one, and it drops what is over.
const EVENT_DEPTH: c_long = 100;
/// The longest text that is read from the platform's own strings.
const MAX_PLATFORM_TEXT: usize = 1024;

/// The level of capabilities that the platform said it has; for the whole process.
static CAPABILITIES: AtomicI32 = AtomicI32::new(0);

/// Keeps the platform's level of capabilities.
pub(super) fn set_capabilities(level: i32) {
    CAPABILITIES.store(level, Ordering::SeqCst);
}

/// The level that was kept; 0 before the platform told one.
pub(super) fn capabilities() -> i32 {
    CAPABILITIES.load(Ordering::SeqCst)
}

/// Which program of the platform loaded the component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Application {
    /// It did not say, or something newer than we know.
    #[default]
    Unknown,
    /// The thin client.
    ThinClient,
    /// The thick client.
    ThickClient,
    /// The web client.
    WebClient,
    /// A server process.
    Server,
    /// An external connection.
    ExternalConnection,
    /// The mobile client.
    MobileClient,
    /// The mobile application's own server.
    MobileServer,
}

impl Application {
    const fn of_number(number: i32) -> Self {
        match number {
            0 => Self::ThinClient,
            1 => Self::ThickClient,
            2 => Self::WebClient,
            3 => Self::Server,
            4 => Self::ExternalConnection,
            5 => Self::MobileClient,
            6 => Self::MobileServer,
            _ => Self::Unknown,
        }
    }
}

/// What the platform told of itself when the object was initialised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlatformInfo {
    /// Its version, such as 8.3.25.1286; empty if it did not say.
    pub version: String,
    /// Which of its programs this process is.
    pub application: Application,
}

/// One object's way to the platform. Cheap to clone, usable from any thread; after the object's Done
/// nothing gets through it.
#[derive(Clone, Debug, Default)]
pub struct HostHandle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    gate: Gate,
    connection: AtomicPtr<c_void>,
    platform: OnceLock<PlatformInfo>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            gate: Gate::closed(),
            connection: AtomicPtr::new(ptr::null_mut()),
            platform: OnceLock::new(),
        }
    }
}

impl HostHandle {
    /// A handle with no platform behind it: events go nowhere. The state before Init, and for tests.
    #[must_use]
    pub fn detached() -> Self {
        Self::default()
    }

    /// Queues an event for 1C code (ОбработкаВнешнегоСобытия); any thread may. False if the platform has
    /// no room for it or the object is done.
    pub fn event(&self, message: &str, data: &str) -> bool {
        let (source, message, data) = (wide(SOURCE), wide(message), wide(data));
        self.call(|connection| {
            // SAFETY: the gate is open, so the connection is the platform's and alive; the texts live over the call.
            unsafe {
                ((**connection).external_event)(
                    connection.cast(),
                    source.as_ptr().cast_mut(),
                    message.as_ptr().cast_mut(),
                    data.as_ptr().cast_mut(),
                ) != 0
            }
        })
    }

    /// What the platform told of itself at Init; unknown before.
    #[must_use]
    pub fn platform(&self) -> PlatformInfo {
        self.0.platform.get().cloned().unwrap_or_default()
    }

    /// Makes the platform raise an exception with this text once the current call returns. Only on the
    /// thread that the platform called in on.
    pub(super) fn raise(&self, text: &str) -> bool {
        let (source, text) = (wide(SOURCE), wide(text));
        self.call(|connection| {
            // SAFETY: as in `event`.
            unsafe {
                ((**connection).add_error)(
                    connection.cast(),
                    FAIL,
                    source.as_ptr(),
                    text.as_ptr(),
                    RAISE,
                ) != 0
            }
        })
    }

    /// Begins to work with the platform's connection.
    ///
    /// # Safety
    /// `connection` is null or the platform's object, which lives until Done; this is the platform's thread.
    pub(super) unsafe fn attach(&self, connection: *mut c_void) {
        // Who passes the gate sees it.
        self.0.connection.store(connection, Ordering::Release);
        if connection.is_null() {
            return;
        }
        self.0.gate.open();
        self.call(|connection| {
            // SAFETY: as in `event`.
            unsafe { ((**connection).set_event_buffer_depth)(connection.cast(), EVENT_DEPTH) };
            // Before the platform tells its level, the slot of GetInterface may not exist.
            if capabilities() >= 1 {
                // SAFETY: as in `event`, and the platform said that the slot is there.
                if let Some(info) = unsafe { platform_info(connection) } {
                    // A second Init of the same object is told the same.
                    let _ = self.0.platform.set(info);
                }
            }
            true
        });
    }

    /// Ends it: when this returns no call to the platform runs and none begins.
    pub(super) fn detach(&self) {
        self.0.gate.close();
        self.0.connection.store(ptr::null_mut(), Ordering::Release);
    }

    /// Runs a call to the platform if the gate is open; no lock is held meanwhile.
    fn call(&self, call: impl FnOnce(*mut *const AddInDefBase) -> bool) -> bool {
        let Some(_pass) = self.0.gate.enter() else {
            return false;
        };
        let connection = self.0.connection.load(Ordering::Acquire);
        !connection.is_null() && call(connection.cast())
    }
}

/// Where the complete and the deleting destructor stand; we never call the platform's.
#[cfg(not(windows))]
pub(super) type DestructorSlots = [*const c_void; 2];
#[cfg(windows)]
pub(super) type DestructorSlots = [*const c_void; 1];

/// The virtual functions of IAddInDefBase and, from `get_interface` on, of IAddInDefBaseEx. Booleans are
/// read as bytes: a C++ compiler promises no more of them than "not 0".
#[repr(C)]
struct AddInDefBase {
    destructors: DestructorSlots,
    add_error:
        unsafe extern "system" fn(*mut c_void, c_ushort, *const u16, *const u16, c_long) -> u8,
    read: unsafe extern "system" fn(
        *mut c_void,
        *mut u16,
        *mut c_void,
        *mut *mut c_long,
        *mut *mut u16,
    ) -> u8,
    write: unsafe extern "system" fn(*mut c_void, *mut u16, *mut c_void) -> u8,
    register_profile_as: unsafe extern "system" fn(*mut c_void, *mut u16) -> u8,
    set_event_buffer_depth: unsafe extern "system" fn(*mut c_void, c_long) -> u8,
    get_event_buffer_depth: unsafe extern "system" fn(*mut c_void) -> c_long,
    external_event: unsafe extern "system" fn(*mut c_void, *mut u16, *mut u16, *mut u16) -> u8,
    clean_event_buffer: unsafe extern "system" fn(*mut c_void),
    set_status_line: unsafe extern "system" fn(*mut c_void, *mut u16) -> u8,
    reset_status_line: unsafe extern "system" fn(*mut c_void),
    get_interface: unsafe extern "system" fn(*mut c_void, i32) -> *mut c_void,
}

/// IPlatformInfo: no destructor in its table.
#[repr(C)]
struct PlatformInfoBase {
    get_platform_info: unsafe extern "system" fn(*mut c_void) -> *const AppInfo,
}

#[repr(C)]
struct AppInfo {
    version: *const u16,
    user_agent: *const u16,
    application: i32,
}

/// The number of IPlatformInfo among the platform's interfaces.
const PLATFORM_INFO: i32 = 1;

/// Microsoft's compiler lays the empty base IInterface after the table pointer, so that what the platform
/// returns points past it; everywhere else both are at the start.
const INTERFACE_OFFSET: usize = if cfg!(windows) {
    size_of::<*const c_void>()
} else {
    0
};

/// # Safety
/// `connection` is the platform's object and has the slot of GetInterface.
unsafe fn platform_info(connection: *mut *const AddInDefBase) -> Option<PlatformInfo> {
    // SAFETY: the caller's promise.
    let interface = unsafe { ((**connection).get_interface)(connection.cast(), PLATFORM_INFO) };
    if interface.is_null() {
        return None;
    }
    let interface = interface
        .wrapping_byte_sub(INTERFACE_OFFSET)
        .cast::<*const PlatformInfoBase>();
    // SAFETY: a non-null answer is an IPlatformInfo once the offset is taken off.
    let info = unsafe { ((**interface).get_platform_info)(interface.cast()) };
    if info.is_null() {
        return None;
    }
    // SAFETY: the structure and its NUL-terminated text are the platform's and stay while it is called.
    let (version, application) = unsafe {
        (
            terminated((*info).version, MAX_PLATFORM_TEXT),
            (*info).application,
        )
    };
    Some(PlatformInfo {
        version: version.map(String::from_utf16_lossy).unwrap_or_default(),
        application: Application::of_number(application),
    })
}

#[cfg(test)]
mod tests;
