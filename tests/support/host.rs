//! The simulated 1C host for tests and benches: loads the component as 1C does and drives its objects.
//!
//! An [`Object`] ends itself with Done and DestroyObject when dropped, and then fails the test if the
//! component lost memory of the platform, freed memory that is not its own, or called after Done.
#![allow(
    unsafe_code,
    reason = "the host is C++; each object of the component lives as long as its wrapper"
)]

mod json;
mod loops;
mod raw;
mod values;

use std::{ffi::c_void, path::Path, ptr, sync::OnceLock, thread, time::Duration};

use libloading::{Library as Loaded, Symbol};
use raw::{Exports, RawHost, RawSide};

pub use values::{Value, Values, kind};

/// A component that is loaded.
#[derive(Debug)]
pub struct Library {
    loaded: Loaded,
    exports: Exports,
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

/// An object of the component as the platform holds it.
#[derive(Debug)]
pub struct Object<'l> {
    raw: *mut RawHost,
    side: *mut RawSide,
    library: &'l Library,
    ended: bool,
}

// SAFETY: the platform calls one object from whatever thread it likes, and the C++ side is made for that.
unsafe impl Send for Object<'_> {}
// SAFETY: as above; the component must cope.
unsafe impl Sync for Object<'_> {}

// SAFETY of all calls below: `raw` lives as long as self, its component until `finish`.
#[allow(
    clippy::undocumented_unsafe_blocks,
    reason = "said once above for all of them"
)]
impl Object<'_> {
    /// The component that it is of.
    #[must_use]
    pub const fn library(&self) -> &Library {
        self.library
    }

    /// Init with this platform's connection.
    pub fn init(&self) -> bool {
        unsafe { raw::host_init(self.raw) }
    }

    /// Init with no connection.
    pub fn init_null(&self) -> bool {
        unsafe { raw::host_init_null(self.raw) }
    }

    /// setMemManager with this platform's manager.
    pub fn set_memory(&self) -> bool {
        unsafe { raw::host_set_memory(self.raw) }
    }

    /// setMemManager with none.
    pub fn set_memory_null(&self) -> bool {
        unsafe { raw::host_set_memory_null(self.raw) }
    }

    /// GetInfo.
    #[must_use]
    pub fn info(&self) -> i64 {
        unsafe { raw::host_info(self.raw) }
    }

    /// Done; whatever the component calls from now on is counted.
    pub fn done(&self) {
        unsafe { raw::host_done(self.raw) };
    }

    /// Ends the object in a way and tells what was counted; no Done before it.
    ///
    /// # Panics
    /// When the component says that it could not.
    pub fn finish(mut self, end: End) -> Report {
        self.ended = true;
        assert!(
            unsafe { raw::host_destroy(self.raw, end as i32) },
            "the object ends by {end:?}"
        );
        self.report()
    }

    /// What was counted so far; `lost` are the blocks not freed yet.
    #[must_use]
    pub fn report(&self) -> Report {
        unsafe {
            Report {
                lost: raw::side_live(self.side),
                foreign_frees: raw::side_foreign_frees(self.side),
                empty_requests: raw::side_empty_requests(self.side),
                late_calls: raw::side_late_calls(self.side),
            }
        }
    }

    /// RegisterExtensionAs.
    #[must_use]
    pub fn register(&self) -> Option<String> {
        let mut name = ptr::null_mut();
        let good = unsafe { raw::host_register(self.raw, &raw mut name) };
        let name = self.take(name);
        good.then_some(name).flatten()
    }

    /// RegisterExtensionAs with nowhere to put the name.
    #[must_use]
    pub fn register_null(&self) -> bool {
        unsafe { raw::host_register(self.raw, ptr::null_mut()) }
    }

    /// How many properties there are.
    #[must_use]
    pub fn property_count(&self) -> i64 {
        unsafe { raw::host_property_count(self.raw) }
    }

    /// The number of a property, -1 if there is none.
    #[must_use]
    pub fn find_property(&self, name: &str) -> i64 {
        self.find_property_units(Some(&units(name)))
    }

    /// The same by raw units; none is null.
    #[must_use]
    pub fn find_property_units(&self, name: Option<&[u16]>) -> i64 {
        unsafe { raw::host_find_property(self.raw, name.map_or(ptr::null(), <[u16]>::as_ptr)) }
    }

    /// A property's name: alias 0 international, 1 Russian.
    #[must_use]
    pub fn property_name(&self, number: i64, alias: i64) -> Option<String> {
        self.take(unsafe { raw::host_property_name(self.raw, number, alias) }.cast_mut())
    }

    /// Whether a property can be read.
    #[must_use]
    pub fn readable(&self, number: i64) -> bool {
        unsafe { raw::host_readable(self.raw, number) }
    }

    /// Whether a property can be written.
    #[must_use]
    pub fn writable(&self, number: i64) -> bool {
        unsafe { raw::host_writable(self.raw, number) }
    }

    /// Reads a property by number into a variant of garbage.
    pub fn get_number(&self, number: i64) -> Result<Value, Raised> {
        let answer = Values::garbage(1);
        let good = unsafe { raw::host_get(self.raw, number, answer.array()) };
        self.answer(good, &answer)
    }

    /// Reads a property into a variant of the caller's, which stays as the component left it.
    pub fn get_into(&self, number: i64, answer: &Values) -> bool {
        unsafe { raw::host_get(self.raw, number, answer.array()) }
    }

    /// Reads a property with nowhere to put it.
    #[must_use]
    pub fn get_null(&self, number: i64) -> bool {
        unsafe { raw::host_get(self.raw, number, ptr::null_mut()) }
    }

    /// Reads a property by name.
    ///
    /// # Panics
    /// When there is none, or it cannot be read.
    #[must_use]
    pub fn get(&self, name: &str) -> Value {
        let number = self.find_property(name);
        assert!(number >= 0, "there is no property {name}");
        self.get_number(number)
            .unwrap_or_else(|Raised| panic!("{name} cannot be read"))
    }

    /// Reads a property that is a text.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    pub fn get_text(&self, name: &str) -> String {
        match self.get(name) {
            Value::Text(text) => text,
            other => panic!("{name} is {other:?} and no text"),
        }
    }

    /// The number of the last call's error.
    ///
    /// # Panics
    /// When ErrorCode is not a number.
    #[must_use]
    pub fn error_code(&self) -> i32 {
        match self.get("ErrorCode") {
            Value::Int(code) => code,
            other => panic!("ErrorCode is {other:?}"),
        }
    }

    /// Writes a property by number.
    pub fn set_number(&self, number: i64, value: &Value) -> Result<(), Raised> {
        let values = Values::of(std::slice::from_ref(value));
        let good = unsafe { raw::host_set(self.raw, number, values.array()) };
        good.then_some(()).ok_or(Raised)
    }

    /// Writes a property from nowhere.
    #[must_use]
    pub fn set_null(&self, number: i64) -> bool {
        unsafe { raw::host_set(self.raw, number, ptr::null_mut()) }
    }

    /// Writes a property by name.
    ///
    /// # Panics
    /// When there is none.
    pub fn set(&self, name: &str, value: impl Into<Value>) -> Result<(), Raised> {
        let number = self.find_property(name);
        assert!(number >= 0, "there is no property {name}");
        self.set_number(number, &value.into())
    }

    /// How many methods there are.
    #[must_use]
    pub fn method_count(&self) -> i64 {
        unsafe { raw::host_method_count(self.raw) }
    }

    /// The number of a method, -1 if there is none.
    #[must_use]
    pub fn find_method(&self, name: &str) -> i64 {
        self.find_method_units(Some(&units(name)))
    }

    /// The same by raw units; none is null.
    #[must_use]
    pub fn find_method_units(&self, name: Option<&[u16]>) -> i64 {
        unsafe { raw::host_find_method(self.raw, name.map_or(ptr::null(), <[u16]>::as_ptr)) }
    }

    /// A method's name: alias 0 international, 1 Russian.
    #[must_use]
    pub fn method_name(&self, number: i64, alias: i64) -> Option<String> {
        self.take(unsafe { raw::host_method_name(self.raw, number, alias) }.cast_mut())
    }

    /// How many parameters a method has.
    #[must_use]
    pub fn param_count(&self, number: i64) -> i64 {
        unsafe { raw::host_param_count(self.raw, number) }
    }

    /// Whether a method is a function.
    #[must_use]
    pub fn has_answer(&self, number: i64) -> bool {
        unsafe { raw::host_has_answer(self.raw, number) }
    }

    /// The default of a parameter: what GetParamDefValue returned and wrote.
    #[must_use]
    pub fn default(&self, method: i64, param: i64) -> (bool, Value) {
        let answer = Values::garbage(1);
        let good = unsafe { raw::host_default(self.raw, method, param, answer.array()) };
        (good, self.consume(&answer))
    }

    /// The default of a parameter with nowhere to put it.
    #[must_use]
    pub fn default_null(&self, method: i64, param: i64) -> bool {
        unsafe { raw::host_default(self.raw, method, param, ptr::null_mut()) }
    }

    /// Calls a function by number; `count` is what the component is told.
    pub fn function(
        &self,
        number: i64,
        params: Option<&Values>,
        count: i64,
    ) -> Result<Value, Raised> {
        let answer = Values::garbage(1);
        let params = params.map_or(ptr::null_mut(), Values::array);
        let good = unsafe { raw::host_function(self.raw, number, answer.array(), params, count) };
        self.answer(good, &answer)
    }

    /// Calls a function with nowhere to put its answer.
    #[must_use]
    pub fn function_null(&self, number: i64, params: &Values, count: i64) -> bool {
        unsafe { raw::host_function(self.raw, number, ptr::null_mut(), params.array(), count) }
    }

    /// Calls a method as a statement.
    pub fn procedure(
        &self,
        number: i64,
        params: Option<&Values>,
        count: i64,
    ) -> Result<(), Raised> {
        let params = params.map_or(ptr::null_mut(), Values::array);
        let good = unsafe { raw::host_procedure(self.raw, number, params, count) };
        good.then_some(()).ok_or(Raised)
    }

    /// Calls a function by name; parameters that are not given are left out, as 1C does it.
    ///
    /// # Panics
    /// When there is none of that name.
    pub fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, Raised> {
        let number = self.find_method(name);
        assert!(number >= 0, "there is no method {name}");
        let count = self.param_count(number).max(arguments.len() as i64);
        let mut all = arguments.to_vec();
        all.resize(count as usize, Value::Empty);
        self.function(number, Some(&Values::of(&all)), count)
    }

    /// SetLocale.
    pub fn set_locale(&self, locale: &str) {
        unsafe { raw::host_locale(self.raw, units(locale).as_ptr()) };
    }

    /// SetLocale with null.
    pub fn set_locale_null(&self) {
        unsafe { raw::host_locale(self.raw, ptr::null()) };
    }

    /// SetUserInterfaceLanguageCode.
    pub fn set_language(&self, code: &str) {
        unsafe { raw::host_language(self.raw, units(code).as_ptr()) };
    }

    /// Lets so many allocations through and refuses those after; `lie` says true and gives null.
    pub fn refuse_after(&self, count: i64, lie: bool) {
        unsafe { raw::side_refuse_after(self.side, count, lie) };
    }

    /// Refuses nothing any more.
    pub fn refuse_nothing(&self) {
        unsafe { raw::side_refuse_after(self.side, -1, false) };
    }

    /// How often memory was asked for.
    #[must_use]
    pub fn allocations(&self) -> i64 {
        unsafe { raw::side_allocations(self.side) }
    }

    /// The errors reported so far.
    #[must_use]
    pub fn errors(&self) -> Vec<Error> {
        let count = unsafe { raw::side_error_count(self.side) };
        (0..count)
            .map(|number| {
                let (mut code, mut source, mut words, mut raise) = (0, ptr::null(), ptr::null(), 0);
                unsafe {
                    raw::side_error(
                        self.side,
                        number,
                        &raw mut code,
                        &raw mut source,
                        &raw mut words,
                        &raw mut raise,
                    );
                    Error {
                        code,
                        source: text(source).unwrap_or_default(),
                        text: text(words).unwrap_or_default(),
                        raise,
                    }
                }
            })
            .collect()
    }

    /// Runs `body` inside each report of an error during `during`, as 1C code runs while a dialog is open.
    pub fn while_reporting(&self, body: &mut dyn FnMut(), during: impl FnOnce()) {
        unsafe extern "C" fn run(context: *mut c_void) {
            // SAFETY: the context is the reference below, which lives until the callback is taken away.
            unsafe { (*context.cast::<&mut dyn FnMut()>())() }
        }
        let mut body = body;
        unsafe { raw::side_on_error(self.side, Some(run), (&raw mut body).cast()) };
        during();
        unsafe { raw::side_on_error(self.side, None, ptr::null_mut()) };
    }

    /// The events, once there are `count` or the time is over.
    #[must_use]
    pub fn wait_events(&self, count: usize, limit: Duration) -> Vec<Event> {
        let limit = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        let count = unsafe { raw::side_wait_events(self.side, count as i64, limit) };
        (0..count)
            .map(|number| {
                let (mut source, mut message, mut data) = (ptr::null(), ptr::null(), ptr::null());
                unsafe {
                    raw::side_event(
                        self.side,
                        number,
                        &raw mut source,
                        &raw mut message,
                        &raw mut data,
                    );
                    Event {
                        source: text(source).unwrap_or_default(),
                        message: text(message).unwrap_or_default(),
                        data: text(data).unwrap_or_default(),
                    }
                }
            })
            .collect()
    }

    /// How many events may wait.
    #[must_use]
    pub fn event_depth(&self) -> i64 {
        unsafe { raw::side_depth(self.side) }
    }

    /// How often the component asked for an interface of the platform.
    #[must_use]
    pub fn interface_calls(&self) -> i64 {
        unsafe { raw::side_interface_calls(self.side) }
    }

    /// What the platform tells of itself; none answers null to GetInterface.
    pub fn platform(&self, version_and_application: Option<(&str, i32)>) {
        let (version, application) = version_and_application.unwrap_or_default();
        let present = version_and_application.is_some();
        unsafe {
            raw::side_platform(
                self.side,
                units(version).as_ptr(),
                application,
                present,
                false,
            )
        };
    }

    /// A platform that has the interface and gives no structure.
    pub fn platform_without_info(&self) {
        unsafe { raw::side_platform(self.side, units("").as_ptr(), 0, true, true) };
    }

    fn answer(&self, good: bool, answer: &Values) -> Result<Value, Raised> {
        let value = self.consume(answer);
        if !good {
            assert_eq!(value, Value::Empty, "a failed call leaves Undefined");
        }
        good.then_some(value).ok_or(Raised)
    }

    /// Takes what the component wrote and frees it, as the platform does.
    pub fn consume(&self, answer: &Values) -> Value {
        let (value, memory) = answer.read(0);
        unsafe { raw::side_release(self.side, memory) };
        value
    }

    fn take(&self, name: *mut u16) -> Option<String> {
        let words = unsafe { text(name) };
        unsafe { raw::side_release(self.side, name.cast()) };
        words
    }
}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.ended = true;
            self.done();
            // SAFETY: the component is alive and nobody uses it after this.
            let good = unsafe { raw::host_destroy(self.raw, End::DestroyObject as i32) };
            let report = self.report();
            if !thread::panicking() {
                assert!(good, "DestroyObject fails");
                assert_eq!(
                    report,
                    Report::default(),
                    "the component did what it must not"
                );
            }
        }
        // SAFETY: made by host_create, used nowhere after this.
        unsafe { raw::host_delete(self.raw) };
    }
}

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
