//! An object of the component: its life, its properties and its methods.

use std::{ptr, thread};

use super::{
    End, Library, Raised, Report, Value, Values,
    raw::{self, RawHost, RawSide},
    text, units,
};

/// An object of the component as the platform holds it.
#[derive(Debug)]
pub struct Object<'l> {
    pub(super) raw: *mut RawHost,
    pub(super) side: *mut RawSide,
    pub(super) library: &'l Library,
    pub(super) ended: bool,
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
