//! The functions that the platform looks up by name. They have the C convention on every system, unlike
//! the virtual ones.

use std::{
    ffi::{c_int, c_long, c_void},
    ptr,
};

use protocol::Version;
use widestring::{U16CStr, u16cstr};

use super::{
    component::Component,
    guard::guard,
    host,
    installed::{self, ABI, CreateFor},
    vtable,
    wide::terminated,
};

/// The same as [`CLASS_NAME`](crate::interface::CLASS_NAME): some platforms make objects by one name, some by the other.
pub(super) static CLASS_NAMES: &U16CStr = u16cstr!("LicenceAddIn");
/// We understand everything up to the interface language code.
const CAPABILITIES: c_int = 3;
/// Isolated and not isolated.
const ATTACH_ANY: c_int = 3;

/// What [`LicenceAddInMarker`] points to. Fields are only ever added at the end; `size` tells how many are there.
#[repr(C)]
#[derive(Debug)]
pub struct Marker {
    /// Bytes of this structure.
    pub size: u32,
    /// The revision of how two copies of the component work together.
    pub abi: u32,
    /// The version's four numbers.
    pub version: [u32; 4],
    /// Makes an object for another copy of the component, in whose place this one works.
    pub(super) create_for: CreateFor,
}

static MARKER: Marker = Marker {
    size: size_of::<Marker>() as u32,
    abi: ABI,
    version: [
        Version::CURRENT.major as u32,
        Version::CURRENT.minor as u32,
        Version::CURRENT.patch as u32,
        Version::CURRENT.build,
    ],
    create_for: installed::create_for,
};

/// The names of the classes, for the platform; static.
#[unsafe(no_mangle)]
pub extern "C" fn GetClassNames() -> *const u16 {
    CLASS_NAMES.as_ptr()
}

/// Makes an object of a class; 1 if it did, 0 otherwise. Where a component is installed on the computer, the
/// object is that one's.
///
/// # Safety
/// `name` is null or NUL-terminated, `object` null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn GetClassObject(name: *const u16, object: *mut *mut c_void) -> c_long {
    guard(0, || {
        // SAFETY: the caller's promise. An object that is there already would be lost.
        if object.is_null() || unsafe { !(*object).is_null() } {
            return 0;
        }
        // SAFETY: the caller's promise.
        let name = unsafe { terminated(name, CLASS_NAMES.len()) };
        if name != Some(CLASS_NAMES.as_slice()) {
            return 0;
        }
        // SAFETY: `object` points to null, as was just seen.
        if installed::in_place_of_this().is_some_and(|other| unsafe { other.create(object) }) {
            return 1;
        }
        let component = Box::into_raw(Component::new(None));
        // SAFETY: the caller's promise.
        unsafe { object.write(component.cast()) };
        1
    })
}

/// Ends an object; 0 if there was one.
///
/// # Safety
/// `object` is null, or points to null or to what [`GetClassObject`] gave and nobody uses any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn DestroyObject(object: *mut *mut c_void) -> c_long {
    guard(-1, || {
        // SAFETY: the caller's promise.
        if object.is_null() || unsafe { (*object).is_null() } {
            return -1;
        }
        // SAFETY: the caller's promise.
        unsafe {
            if !vtable::is_ours(*object) {
                return installed::if_decided().map_or(-1, |other| other.destroy(object));
            }
            vtable::delete((*object).cast::<Component>());
            object.write(ptr::null_mut());
        }
        0
    })
}

/// Takes the platform's level of capabilities and gives ours.
#[unsafe(no_mangle)]
pub extern "C" fn SetPlatformCapabilities(level: c_int) -> c_int {
    host::set_capabilities(level);
    if let Some(other) = installed::if_decided() {
        other.set_capabilities(level);
    }
    CAPABILITIES
}

/// How the component may be attached.
#[unsafe(no_mangle)]
pub extern "C" fn GetAttachType() -> c_int {
    ATTACH_ANY
}

/// By this an installed copy of the component is told from anything else of the same file name.
#[unsafe(no_mangle)]
pub extern "C" fn LicenceAddInMarker() -> *const Marker {
    &raw const MARKER
}

#[cfg(test)]
mod tests {
    #[test]
    fn class_and_extension_have_one_name() {
        assert_eq!(
            super::CLASS_NAMES.to_string().unwrap(),
            crate::interface::CLASS_NAME
        );
    }
}
