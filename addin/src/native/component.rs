//! One object as the platform holds it: four table pointers, then what is ours.
//!
//! The platform may call in again from inside a call of ours and from another thread, so everything
//! works on a shared reference; what changes stands behind atomics or in [`Object`].

use std::{
    ffi::{c_long, c_void},
    mem::offset_of,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{
    guard::{guard, guarded},
    host::HostHandle,
    memory::Memory,
    variant::{self, Unreadable, Unwritten, Variant},
    vtable,
    wide::terminated,
};
use crate::{
    interface::{CLASS_NAME, TABLE},
    object::{Failure, Object},
    place::installed::Template,
    table::{Args, CallError, Getter, Index, Kind, Language, MAX_PARAMS, Method, Value, Words},
};

static PROPERTIES: Index = {
    let (mut index, mut row) = (Index::empty(), 0);
    while row < TABLE.properties.len() {
        index = index.and(row, TABLE.properties[row].name);
        row += 1;
    }
    index.hashed()
};
static METHODS: Index = {
    let (mut index, mut row) = (Index::empty(), 0);
    while row < TABLE.methods.len() {
        index = index.and(row, TABLE.methods[row].name);
        row += 1;
    }
    index.hashed()
};

/// The longest locale name that is looked at.
const MAX_LOCALE: usize = 64;

/// An object of the platform.
#[repr(C)]
pub(super) struct Component {
    tables: [*const c_void; 4],
    object: Object,
    host: HostHandle,
    memory: Memory,
    /// Done was called since the last Init.
    ended: AtomicBool,
    /// The platform told the interface's language, which outranks the locale.
    language_told: AtomicBool,
}

// The platform finds the tables by these offsets.
const _: () = assert!(offset_of!(Component, tables) == 0);

impl Component {
    /// `template` is the copy in whose place this one works, if it does.
    pub(super) fn new(template: Option<Template>) -> Box<Self> {
        let host = HostHandle::detached();
        Box::new(Self {
            tables: vtable::tables(),
            object: Object::instead_of(template, host.clone()),
            host,
            memory: Memory::new(),
            ended: AtomicBool::new(false),
            language_told: AtomicBool::new(false),
        })
    }

    /// # Safety
    /// `connection` is null or the platform's IAddInDefBase, which lives until Done.
    pub(super) unsafe fn init(&self, connection: *mut c_void) -> bool {
        if connection.is_null() {
            return false;
        }
        self.ended.store(false, Ordering::Release);
        self.memory.reopen();
        // SAFETY: the caller's promise.
        unsafe { self.host.attach(connection) };
        self.object.init()
    }

    /// # Safety
    /// `manager` is null or the platform's IMemoryManager, which lives until Done.
    pub(super) unsafe fn set_memory(&self, manager: *mut c_void) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.memory.set(manager) };
        !manager.is_null()
    }

    /// What Done and the end of the object do; the second time nothing.
    pub(super) fn end(&self) {
        if !self.ended.swap(true, Ordering::AcqRel) {
            // First the gate: while threads of ours are being joined none may call the platform.
            self.host.detach();
            guard((), || self.object.done());
            self.memory.close();
        }
    }

    /// # Safety
    /// `name` is null or writable.
    pub(super) unsafe fn register(&self, name: *mut *mut u16) -> bool {
        if name.is_null() {
            return false;
        }
        let text = self.name(CLASS_NAME);
        // SAFETY: the caller's promise.
        unsafe { name.write(text) };
        !text.is_null()
    }

    /// # Safety
    /// `locale` is null or NUL-terminated.
    pub(super) unsafe fn set_locale(&self, locale: *const u16) {
        if !self.language_told.load(Ordering::Relaxed) {
            // SAFETY: the caller's promise.
            unsafe { self.set_language(locale) };
        }
    }

    /// # Safety
    /// `code` is null or NUL-terminated.
    pub(super) unsafe fn set_language_code(&self, code: *const u16) {
        // SAFETY: the caller's promise.
        if unsafe { self.set_language(code) } {
            self.language_told.store(true, Ordering::Relaxed);
        }
    }

    /// # Safety
    /// `code` is null or NUL-terminated.
    unsafe fn set_language(&self, code: *const u16) -> bool {
        // SAFETY: the caller's promise.
        let Some(code) = (unsafe { terminated(code, MAX_LOCALE) }).filter(|code| !code.is_empty())
        else {
            return false;
        };
        self.object
            .set_language(Language::of_code(&String::from_utf16_lossy(code)));
        true
    }

    /// # Safety
    /// `name` is null or NUL-terminated.
    pub(super) unsafe fn find_property(&self, name: *const u16) -> c_long {
        // SAFETY: the caller's promise.
        unsafe { find(&PROPERTIES, name) }
    }

    /// # Safety
    /// `name` is null or NUL-terminated.
    pub(super) unsafe fn find_method(&self, name: *const u16) -> c_long {
        // SAFETY: the caller's promise.
        unsafe { find(&METHODS, name) }
    }

    pub(super) fn property_name(&self, number: c_long, alias: c_long) -> *mut u16 {
        row(TABLE.properties, number).map_or(std::ptr::null_mut(), |row| {
            self.name(alias_of(row.name, alias))
        })
    }

    pub(super) fn method_name(&self, number: c_long, alias: c_long) -> *mut u16 {
        row(TABLE.methods, number).map_or(std::ptr::null_mut(), |row| {
            self.name(alias_of(row.name, alias))
        })
    }

    /// # Safety
    /// `answer` is null or writable.
    pub(super) unsafe fn get(&self, number: c_long, answer: *mut Variant) -> bool {
        if answer.is_null() {
            return false;
        }
        // Undefined is also what a getter that panics answers.
        // SAFETY: the caller's promise.
        unsafe { variant::clear(answer) };
        let Some(get) = row(TABLE.properties, number).and_then(|row| row.get) else {
            return false;
        };
        // SAFETY: the caller's promise, and it was cleared.
        guard(true, || unsafe {
            match get {
                Getter::Int(get) => variant::write_int(answer, get(&self.object)),
                Getter::Bool(get) => variant::write_bool(answer, get(&self.object)),
                Getter::Any(get) => {
                    let value = get(&self.object);
                    return variant::write_cleared(answer, value, &self.memory).is_ok();
                }
            }
            true
        })
    }

    /// # Safety
    /// `value` is null or a readable variant.
    pub(super) unsafe fn set(&self, number: c_long, value: *const Variant) -> bool {
        let Some((property, set)) =
            row(TABLE.properties, number).and_then(|row| row.set.map(|set| (row, set)))
        else {
            return false;
        };
        if value.is_null() {
            return false;
        }
        // A write is a call like any other: code that asks ErrorCode after it must not read an older error.
        self.object.on_call();
        // SAFETY: the caller's promise.
        let value = unsafe { variant::read(value) }
            .map_err(|error| refusal(error, property.name, property.kind));
        let outcome = value.and_then(|mut value| {
            if !value.coerce(property.kind) {
                return Err(CallError::wrong_type(property.name, property.kind));
            }
            guarded(|| set(&self.object, value))
                .unwrap_or_else(|text| Err(CallError::internal(&text)))
        });
        match outcome {
            Ok(()) => true,
            Err(error) => self.fail(&error),
        }
    }

    /// # Safety
    /// `answer` is null or writable.
    pub(super) unsafe fn default(
        &self,
        method: c_long,
        param: c_long,
        answer: *mut Variant,
    ) -> bool {
        if answer.is_null() {
            return false;
        }
        // SAFETY: the caller's promise.
        unsafe { variant::clear(answer) };
        let Some(default) = row(TABLE.methods, method)
            .and_then(|method| row(method.params, param))
            .and_then(|param| param.default)
        else {
            return false;
        };
        // SAFETY: the caller's promise.
        unsafe { variant::write(answer, default.value(), &self.memory) }.is_ok()
    }

    /// Calls a method. `answer` is none for a call as a statement: then what it answers is dropped.
    ///
    /// # Safety
    /// `answer` is writable if given; `params` is null or an array of `count` readable variants.
    pub(super) unsafe fn call(
        &self,
        number: c_long,
        answer: Option<*mut Variant>,
        params: *mut Variant,
        count: c_long,
    ) -> bool {
        if let Some(answer) = answer {
            // SAFETY: the caller's promise.
            unsafe { variant::clear(answer) };
        }
        let Some(method) = row(TABLE.methods, number) else {
            return false;
        };
        let outcome = guarded(|| {
            self.object.on_call();
            // SAFETY: the caller's promise.
            unsafe { self.run_and_answer(method, answer, params, count) }
        });
        match outcome {
            Ok(Ok(())) => true,
            // SAFETY: the caller's promise.
            Ok(Err(error)) => unsafe { self.answer_failure(method, answer, &error) },
            Err(panic) => {
                let error = Unwritten::Source(CallError::internal(&panic));
                // SAFETY: as above.
                unsafe { self.answer_failure(method, answer, &error) }
            }
        }
    }

    /// # Safety
    /// As for [`Component::call`].
    unsafe fn run_and_answer(
        &self,
        method: &'static Method,
        answer: Option<*mut Variant>,
        params: *mut Variant,
        count: c_long,
    ) -> Result<(), Unwritten> {
        // Most methods have no parameter or one: room for as many as may be would cost more than they do.
        // SAFETY: the caller's promise.
        let value = unsafe {
            match method.params.len() {
                0 => self.run::<0>(method, params, count),
                1 => self.run::<1>(method, params, count),
                _ => self.run::<MAX_PARAMS>(method, params, count),
            }
        }
        .map_err(Unwritten::Source)?;
        match answer {
            Some(answer) if method.returns.is_some() => {
                // SAFETY: the caller's promise.
                unsafe { variant::write(answer, value, &self.memory) }
            }
            _ => Ok(()),
        }
    }

    /// # Safety
    /// `answer` is writable if given.
    #[cold]
    unsafe fn answer_failure(
        &self,
        method: &'static Method,
        answer: Option<*mut Variant>,
        error: &Unwritten,
    ) -> bool {
        guard(false, || {
            let error = match error {
                Unwritten::Source(error) => error,
                Unwritten::NoMemory => {
                    // Nothing can be answered at all, so this one is an exception in any case.
                    self.fail(&CallError::no_memory(method.name));
                    return false;
                }
            };
            if !self.fail(error) {
                return false;
            }
            let Some(answer) = answer else { return true };
            // SAFETY: the caller's promise.
            unsafe { variant::clear(answer) };
            if method.returns != Some(Kind::Boolean) {
                return true;
            }
            // SAFETY: as above. A Boolean needs no memory, so this cannot fail.
            unsafe { variant::write(answer, Value::Bool(false), &self.memory) }.is_ok()
        })
    }

    /// # Safety
    /// `params` is null or an array of `count` readable variants.
    unsafe fn run<const ROOM: usize>(
        &self,
        method: &'static Method,
        params: *mut Variant,
        count: c_long,
    ) -> Result<Value, CallError> {
        let expected = method.params.len();
        let count = usize::try_from(count)
            .ok()
            .filter(|count| *count <= expected && (*count == 0 || !params.is_null()))
            .ok_or_else(|| CallError::wrong_count(method.name, expected))?;
        let mut values = [const { Value::Empty }; ROOM];
        for (index, (value, param)) in values.iter_mut().zip(method.params).take(count).enumerate()
        {
            // SAFETY: the caller's promise; `index` is below `count`.
            let read = unsafe { variant::read(variant::at(params, index)) };
            *value = read.map_err(|error| refusal(error, param.name, param.kind))?;
        }
        let values = values
            .get_mut(..expected)
            .ok_or_else(|| CallError::wrong_count(method.name, expected))?;
        let mut args = Args::new(method, values)?;
        (method.call)(&self.object, &mut args)
    }

    /// Leaves the error for 1C code to ask, or raises it; what to return to the platform.
    #[cold]
    fn fail(&self, error: &CallError) -> bool {
        match self.object.on_call_error(error) {
            Failure::Answer => true,
            Failure::Raise(text) => {
                self.host.raise(&text);
                false
            }
        }
    }

    /// A name in the platform's memory, or null.
    fn name(&self, name: &str) -> *mut u16 {
        self.memory
            .text(name)
            .map_or(std::ptr::null_mut(), |(name, _)| name.as_ptr())
    }
}

impl Drop for Component {
    /// A platform may end an object without Done.
    fn drop(&mut self) {
        if !*self.ended.get_mut() {
            self.end();
        }
    }
}

/// The row of a number that the platform sent.
#[inline]
pub(super) fn row<T>(rows: &'static [T], number: c_long) -> Option<&'static T> {
    // What is negative is larger than every table then.
    rows.get(number as usize)
}

/// # Safety
/// `name` is null or NUL-terminated.
unsafe fn find(index: &Index, name: *const u16) -> c_long {
    // SAFETY: the caller's promise; a name longer than any of ours is not read to its end.
    unsafe { terminated(name, index.longest()) }
        .and_then(|name| index.find(name))
        .map_or(-1, c_long::from)
}

/// 0 is the international name, 1 the Russian one; whatever comes later gets the international one.
const fn alias_of(name: Words, alias: c_long) -> &'static str {
    match alias {
        1 if !name.ru.is_empty() => name.ru,
        _ => name.en,
    }
}

#[cold]
fn refusal(error: Unreadable, name: Words, kind: Kind) -> CallError {
    match error {
        Unreadable::Kind => CallError::wrong_type(name, kind),
        Unreadable::TooLong(limit) => CallError::too_long(name, limit),
        Unreadable::NoMemory => CallError::no_memory(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_fits_what_the_calls_allow() {
        for method in TABLE.methods {
            assert!(method.params.len() <= MAX_PARAMS, "{}", method.name.en);
            let optional = method
                .params
                .iter()
                .skip_while(|param| param.default.is_none());
            assert!(
                optional.into_iter().all(|param| param.default.is_some()),
                "{}",
                method.name.en
            );
        }
    }

    #[test]
    fn every_name_finds_its_own_row() {
        for (number, property) in TABLE.properties.iter().enumerate() {
            for name in [property.name.en, property.name.ru] {
                assert_eq!(
                    PROPERTIES.find(&name.encode_utf16().collect::<Vec<_>>()),
                    Some(number as u8),
                    "{name}"
                );
            }
        }
        for (number, method) in TABLE.methods.iter().enumerate() {
            for name in [method.name.en, method.name.ru] {
                assert_eq!(
                    METHODS.find(&name.encode_utf16().collect::<Vec<_>>()),
                    Some(number as u8),
                    "{name}"
                );
            }
        }
    }
}
