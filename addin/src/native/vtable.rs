//! The four tables of virtual functions that a C++ program calls, and the functions in them.
//!
//! A table is chosen by operating system and not by compiler: 1C for Windows is built by Microsoft's, so a
//! library built by MinGW must look the same. Each function gets the address of its own sub-object, which
//! lies `K` pointers after the object's start; the object is found by raw pointer, never by reference.

use std::{
    ffi::{c_long, c_void},
    ptr,
};

use super::{
    component::{Component, row},
    guard::guard,
    variant::Variant,
};
use crate::interface::TABLE;

/// The version of the component interface, not of the component: everybody says 2000.
const INTERFACE_VERSION: c_long = 2000;

/// What C++ keeps before the first function. Type information is absent, as with `-fno-rtti`.
#[cfg(not(windows))]
#[repr(C)]
struct Prefix {
    offset_to_top: isize,
    type_info: usize,
}
#[cfg(windows)]
#[repr(C)]
struct Prefix {
    locator: usize,
}

impl Prefix {
    #[cfg(not(windows))]
    const fn of(sub_object: usize) -> Self {
        Self {
            offset_to_top: -((sub_object * size_of::<usize>()) as isize),
            type_info: 0,
        }
    }
    #[cfg(windows)]
    const fn of(_: usize) -> Self {
        Self { locator: 0 }
    }
}

#[cfg(not(windows))]
type Destructor = unsafe extern "C" fn(*mut c_void);
#[cfg(all(windows, target_arch = "x86"))]
type Destructor = unsafe extern "thiscall" fn(*mut c_void, u32) -> *mut c_void;
#[cfg(all(windows, not(target_arch = "x86")))]
type Destructor = unsafe extern "C" fn(*mut c_void, u32) -> *mut c_void;

/// The complete and the deleting destructor.
#[cfg(not(windows))]
#[repr(C)]
struct Destructors {
    complete: Destructor,
    deleting: Destructor,
}
/// One destructor that is told whether to free.
#[cfg(windows)]
#[repr(C)]
struct Destructors {
    scalar_deleting: Destructor,
}

impl Destructors {
    #[cfg(not(windows))]
    const fn of<const K: usize>() -> Self {
        Self {
            complete: complete::<K>,
            deleting: deleting::<K>,
        }
    }
    #[cfg(windows)]
    const fn of<const K: usize>() -> Self {
        Self {
            scalar_deleting: scalar_deleting::<K>,
        }
    }
}

/// A table as C++ lays it out; objects point at its destructors.
#[repr(C)]
struct Vtable<T> {
    prefix: Prefix,
    destructors: Destructors,
    methods: T,
}

type This = *mut c_void;

#[repr(C)]
struct InitDone {
    init: unsafe extern "system" fn(This, *mut c_void) -> bool,
    set_mem_manager: unsafe extern "system" fn(This, *mut c_void) -> bool,
    get_info: unsafe extern "system" fn(This) -> c_long,
    done: unsafe extern "system" fn(This),
}

#[repr(C)]
struct LanguageExtender {
    register_extension_as: unsafe extern "system" fn(This, *mut *mut u16) -> bool,
    get_n_props: unsafe extern "system" fn(This) -> c_long,
    find_prop: unsafe extern "system" fn(This, *const u16) -> c_long,
    get_prop_name: unsafe extern "system" fn(This, c_long, c_long) -> *const u16,
    get_prop_val: unsafe extern "system" fn(This, c_long, *mut Variant) -> bool,
    set_prop_val: unsafe extern "system" fn(This, c_long, *mut Variant) -> bool,
    is_prop_readable: unsafe extern "system" fn(This, c_long) -> bool,
    is_prop_writable: unsafe extern "system" fn(This, c_long) -> bool,
    get_n_methods: unsafe extern "system" fn(This) -> c_long,
    find_method: unsafe extern "system" fn(This, *const u16) -> c_long,
    get_method_name: unsafe extern "system" fn(This, c_long, c_long) -> *const u16,
    get_n_params: unsafe extern "system" fn(This, c_long) -> c_long,
    get_param_def_value: unsafe extern "system" fn(This, c_long, c_long, *mut Variant) -> bool,
    has_ret_val: unsafe extern "system" fn(This, c_long) -> bool,
    call_as_proc: unsafe extern "system" fn(This, c_long, *mut Variant, c_long) -> bool,
    call_as_func:
        unsafe extern "system" fn(This, c_long, *mut Variant, *mut Variant, c_long) -> bool,
}

/// LocaleBase and UserLanguageBase have the same shape.
#[repr(C)]
struct Locale {
    set: unsafe extern "system" fn(This, *const u16),
}

/// The places of the four bases in the object.
const INIT_DONE: usize = 0;
const EXTENDER: usize = 1;
const LOCALE: usize = 2;
const USER_LANGUAGE: usize = 3;

static INIT_DONE_TABLE: Vtable<InitDone> = Vtable {
    prefix: Prefix::of(INIT_DONE),
    destructors: Destructors::of::<INIT_DONE>(),
    methods: InitDone {
        init,
        set_mem_manager,
        get_info,
        done,
    },
};

static EXTENDER_TABLE: Vtable<LanguageExtender> = Vtable {
    prefix: Prefix::of(EXTENDER),
    destructors: Destructors::of::<EXTENDER>(),
    methods: LanguageExtender {
        register_extension_as,
        get_n_props,
        find_prop,
        get_prop_name,
        get_prop_val,
        set_prop_val,
        is_prop_readable,
        is_prop_writable,
        get_n_methods,
        find_method,
        get_method_name,
        get_n_params,
        get_param_def_value,
        has_ret_val,
        call_as_proc,
        call_as_func,
    },
};

static LOCALE_TABLE: Vtable<Locale> = Vtable {
    prefix: Prefix::of(LOCALE),
    destructors: Destructors::of::<LOCALE>(),
    methods: Locale { set: set_locale },
};

static USER_LANGUAGE_TABLE: Vtable<Locale> = Vtable {
    prefix: Prefix::of(USER_LANGUAGE),
    destructors: Destructors::of::<USER_LANGUAGE>(),
    methods: Locale {
        set: set_user_interface_language_code,
    },
};

/// The four pointers that an object begins with.
pub(super) fn tables() -> [*const c_void; 4] {
    // Pointers into whole tables, so that the prefix before and the functions after may be read through them.
    [
        (&raw const INIT_DONE_TABLE)
            .wrapping_byte_add(size_of::<Prefix>())
            .cast(),
        (&raw const EXTENDER_TABLE)
            .wrapping_byte_add(size_of::<Prefix>())
            .cast(),
        (&raw const LOCALE_TABLE)
            .wrapping_byte_add(size_of::<Prefix>())
            .cast(),
        (&raw const USER_LANGUAGE_TABLE)
            .wrapping_byte_add(size_of::<Prefix>())
            .cast(),
    ]
}

/// Whether an object was made by this copy of the module; another copy has tables of its own.
///
/// # Safety
/// `object` begins with a pointer.
pub(super) unsafe fn is_ours(object: *const c_void) -> bool {
    // SAFETY: the caller's promise.
    unsafe { *object.cast::<*const c_void>() == tables()[0] }
}

/// The object of its sub-object `K`.
const fn start<const K: usize>(this: This) -> *mut Component {
    this.wrapping_byte_sub(K * size_of::<*const c_void>())
        .cast()
}

/// # Safety
/// `this` is sub-object `K` of a living component; the platform does not end it during the call.
unsafe fn component<'a, const K: usize>(this: This) -> &'a Component {
    // SAFETY: the caller's promise; all changing fields are atomics or behind locks.
    unsafe { &*start::<K>(this) }
}

/// # Safety
/// `component` was made by [`Component::new`] and nobody uses it any more.
pub(super) unsafe fn delete(component: *mut Component) {
    // SAFETY: the caller's promise.
    guard((), || drop(unsafe { Box::from_raw(component) }));
}

#[cfg(not(windows))]
unsafe extern "C" fn complete<const K: usize>(this: This) {
    // SAFETY: C++ destroys a living object in place and frees the memory itself.
    guard((), || unsafe { ptr::drop_in_place(start::<K>(this)) });
}

#[cfg(not(windows))]
unsafe extern "C" fn deleting<const K: usize>(this: This) {
    // SAFETY: `delete` in C++: the object is living and ends now.
    unsafe { delete(start::<K>(this)) };
}

#[cfg(windows)]
macro_rules! scalar_deleting {
    ($abi:literal) => {
        unsafe extern $abi fn scalar_deleting<const K: usize>(this: This, flags: u32) -> *mut c_void {
            let component = start::<K>(this);
            if flags & 1 != 0 {
                // SAFETY: `delete` in C++: the object is living and ends now.
                unsafe { delete(component) };
            } else {
                // SAFETY: C++ destroys a living object in place and frees the memory itself.
                guard((), || unsafe { ptr::drop_in_place(component) });
            }
            this
        }
    };
}
#[cfg(all(windows, target_arch = "x86"))]
scalar_deleting!("thiscall");
#[cfg(all(windows, not(target_arch = "x86")))]
scalar_deleting!("C");

// SAFETY of all functions below: the platform calls them through an object's own table, with that
// sub-object as `this`, and with pointers that are null or what the interface says.

unsafe extern "system" fn init(this: This, connection: *mut c_void) -> bool {
    // SAFETY: see above.
    guard(false, || unsafe {
        component::<INIT_DONE>(this).init(connection)
    })
}

unsafe extern "system" fn set_mem_manager(this: This, manager: *mut c_void) -> bool {
    // SAFETY: see above.
    guard(false, || unsafe {
        component::<INIT_DONE>(this).set_memory(manager)
    })
}

unsafe extern "system" fn get_info(_: This) -> c_long {
    INTERFACE_VERSION
}

unsafe extern "system" fn done(this: This) {
    // SAFETY: see above.
    guard((), || unsafe { component::<INIT_DONE>(this).end() });
}

unsafe extern "system" fn register_extension_as(this: This, name: *mut *mut u16) -> bool {
    // SAFETY: see above.
    guard(false, || unsafe {
        component::<EXTENDER>(this).register(name)
    })
}

unsafe extern "system" fn get_n_props(_: This) -> c_long {
    count(TABLE.properties)
}

unsafe extern "system" fn find_prop(this: This, name: *const u16) -> c_long {
    // SAFETY: see above.
    guard(-1, || unsafe {
        component::<EXTENDER>(this).find_property(name)
    })
}

unsafe extern "system" fn get_prop_name(this: This, number: c_long, alias: c_long) -> *const u16 {
    // SAFETY: see above.
    guard(ptr::null_mut(), || unsafe {
        component::<EXTENDER>(this).property_name(number, alias)
    })
}

unsafe extern "system" fn get_prop_val(this: This, number: c_long, answer: *mut Variant) -> bool {
    // SAFETY: see above. It guards itself, once: this is called all the time.
    unsafe { component::<EXTENDER>(this).get(number, answer) }
}

unsafe extern "system" fn set_prop_val(this: This, number: c_long, value: *mut Variant) -> bool {
    // SAFETY: see above.
    guard(false, || unsafe {
        component::<EXTENDER>(this).set(number, value)
    })
}

unsafe extern "system" fn is_prop_readable(_: This, number: c_long) -> bool {
    row(TABLE.properties, number).is_some_and(|row| row.get.is_some())
}

unsafe extern "system" fn is_prop_writable(_: This, number: c_long) -> bool {
    row(TABLE.properties, number).is_some_and(|row| row.set.is_some())
}

unsafe extern "system" fn get_n_methods(_: This) -> c_long {
    count(TABLE.methods)
}

unsafe extern "system" fn find_method(this: This, name: *const u16) -> c_long {
    // SAFETY: see above.
    guard(-1, || unsafe {
        component::<EXTENDER>(this).find_method(name)
    })
}

unsafe extern "system" fn get_method_name(this: This, number: c_long, alias: c_long) -> *const u16 {
    // SAFETY: see above.
    guard(ptr::null_mut(), || unsafe {
        component::<EXTENDER>(this).method_name(number, alias)
    })
}

unsafe extern "system" fn get_n_params(_: This, number: c_long) -> c_long {
    row(TABLE.methods, number).map_or(0, |row| count(row.params))
}

unsafe extern "system" fn get_param_def_value(
    this: This,
    number: c_long,
    param: c_long,
    answer: *mut Variant,
) -> bool {
    // SAFETY: see above.
    guard(false, || unsafe {
        component::<EXTENDER>(this).default(number, param, answer)
    })
}

unsafe extern "system" fn has_ret_val(_: This, number: c_long) -> bool {
    row(TABLE.methods, number).is_some_and(|row| row.returns.is_some())
}

unsafe extern "system" fn call_as_proc(
    this: This,
    number: c_long,
    params: *mut Variant,
    count: c_long,
) -> bool {
    // SAFETY: see above. It guards itself, as `get` does.
    unsafe { component::<EXTENDER>(this).call(number, None, params, count) }
}

unsafe extern "system" fn call_as_func(
    this: This,
    number: c_long,
    answer: *mut Variant,
    params: *mut Variant,
    count: c_long,
) -> bool {
    // A function called with nowhere to put its answer is called as a statement.
    let answer = (!answer.is_null()).then_some(answer);
    // SAFETY: see above. It guards itself, as `get` does.
    unsafe { component::<EXTENDER>(this).call(number, answer, params, count) }
}

unsafe extern "system" fn set_locale(this: This, locale: *const u16) {
    // SAFETY: see above.
    guard((), || unsafe {
        component::<LOCALE>(this).set_locale(locale)
    });
}

unsafe extern "system" fn set_user_interface_language_code(this: This, code: *const u16) {
    // SAFETY: see above.
    guard((), || unsafe {
        component::<USER_LANGUAGE>(this).set_language_code(code)
    });
}

fn count<T>(rows: &[T]) -> c_long {
    // The tables are ours and have a few dozen rows.
    rows.len() as c_long
}
