//! A component that is loaded, and its exports.

use std::{ffi::c_void, path::Path, ptr, sync::OnceLock};

use libloading::{Library as Loaded, Symbol};

use super::{
    Object,
    raw::{self, Exports},
    text, units,
};

/// A component that is loaded.
#[derive(Debug)]
pub struct Library {
    loaded: Loaded,
    pub(super) exports: Exports,
}

impl Library {
    /// Loads a component and finds its exports.
    ///
    /// # Panics
    /// When it is not one.
    #[must_use]
    pub fn load(path: &Path) -> Self {
        // SAFETY: loading runs nothing of ours but Rust's own start.
        let loaded = unsafe { Loaded::new(path) }.expect("the component can be loaded");
        // SAFETY: these are the types of the exports.
        let exports = unsafe {
            Exports {
                class_names: *loaded
                    .get(b"GetClassNames\0")
                    .expect("GetClassNames is exported"),
                class_object: *loaded
                    .get(b"GetClassObject\0")
                    .expect("GetClassObject is exported"),
                destroy_object: *loaded
                    .get(b"DestroyObject\0")
                    .expect("DestroyObject is exported"),
                set_capabilities: *loaded
                    .get(b"SetPlatformCapabilities\0")
                    .expect("SetPlatformCapabilities is exported"),
                attach_type: *loaded
                    .get(b"GetAttachType\0")
                    .expect("GetAttachType is exported"),
            }
        };
        Self { loaded, exports }
    }

    /// The component of this workspace, built and loaded once per test process.
    #[must_use]
    pub fn addin() -> &'static Self {
        static ADDIN: OnceLock<Library> = OnceLock::new();
        ADDIN.get_or_init(|| Self::load(&crate::programs::addin_library()))
    }

    /// The names of its classes.
    #[must_use]
    pub fn class_names(&self) -> String {
        // SAFETY: the export returns a static NUL-terminated text.
        unsafe { text((self.exports.class_names)()) }.expect("GetClassNames gives a text")
    }

    /// Tells the platform's capabilities and gets the component's.
    pub fn set_capabilities(&self, level: i32) -> i32 {
        // SAFETY: any number will do.
        unsafe { (self.exports.set_capabilities)(level) }
    }

    /// How it may be attached.
    #[must_use]
    pub fn attach_type(&self) -> i32 {
        // SAFETY: no preconditions.
        unsafe { (self.exports.attach_type)() }
    }

    /// Size, ABI and the version's four numbers of the marker.
    #[must_use]
    pub fn marker(&self) -> [u32; 6] {
        // SAFETY: the export returns a static structure of six numbers.
        unsafe {
            let marker: Symbol<'_, unsafe extern "C" fn() -> *const [u32; 6]> = self
                .loaded
                .get(b"LicenceAddInMarker\0")
                .expect("LicenceAddInMarker is exported");
            *marker()
        }
    }

    /// What GetClassObject and DestroyObject answer to calls that no sane host makes: a null place for the
    /// object, a place that is taken, and the end of nothing twice.
    #[must_use]
    pub fn nonsense(&self) -> [i64; 4] {
        let name = units("LicenceAddIn");
        let mut taken = ptr::dangling_mut::<c_void>();
        let mut nothing = ptr::null_mut();
        // SAFETY: the component must refuse each without touching what is pointed at.
        unsafe {
            [
                (self.exports.class_object)(name.as_ptr(), ptr::null_mut()) as i64,
                (self.exports.class_object)(name.as_ptr(), &raw mut taken) as i64,
                (self.exports.destroy_object)(ptr::null_mut()) as i64,
                (self.exports.destroy_object)(&raw mut nothing) as i64,
            ]
        }
    }

    /// Makes an object and nothing else; none if the component refuses the name.
    #[must_use]
    pub fn create(&self, class: &str) -> Option<Object<'_>> {
        self.create_units(Some(&units(class)))
    }

    /// The same by raw units, which need a NUL only if the component reads so far; none is a null name.
    #[must_use]
    pub fn create_units(&self, class: Option<&[u16]>) -> Option<Object<'_>> {
        let class = class.map_or(ptr::null(), <[u16]>::as_ptr);
        // SAFETY: the exports are the library's, which outlives the object.
        let raw = unsafe { raw::host_create(&raw const self.exports, class) };
        (!raw.is_null()).then(|| Object {
            raw,
            // SAFETY: the host was made a moment ago; its side lives as long.
            side: unsafe { raw::host_side(raw) },
            library: self,
            ended: false,
        })
    }

    /// Makes an object, initialised with its memory manager.
    ///
    /// # Panics
    /// When any of that fails.
    #[must_use]
    pub fn object(&self) -> Object<'_> {
        let object = self.create("LicenceAddIn").expect("the class is known");
        assert!(
            object.init() && object.set_memory(),
            "Init and setMemManager succeed"
        );
        object
    }
}
