//! The functions of `tests/host/`, one to one.
#![allow(missing_docs, reason = "documented where they are defined")]

use std::ffi::{c_int, c_long, c_void};

/// A `native::Variant`, seen only by C++.
#[repr(C)]
#[derive(Debug)]
pub(super) struct RawVariant {
    _opaque: [u8; 0],
}

/// A `host::Host`, seen only by C++.
#[repr(C)]
#[derive(Debug)]
pub(super) struct RawHost {
    _opaque: [u8; 0],
}

/// A `host::Side`, seen only by C++.
#[repr(C)]
#[derive(Debug)]
pub(super) struct RawSide {
    _opaque: [u8; 0],
}

/// `native::Exports`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct Exports {
    pub(super) class_names: unsafe extern "C" fn() -> *const u16,
    pub(super) class_object: unsafe extern "C" fn(*const u16, *mut *mut c_void) -> c_long,
    pub(super) destroy_object: unsafe extern "C" fn(*mut *mut c_void) -> c_long,
    pub(super) set_capabilities: unsafe extern "C" fn(c_int) -> c_int,
    pub(super) attach_type: unsafe extern "C" fn() -> c_int,
}

type Callback = unsafe extern "C" fn(*mut c_void);

unsafe extern "C" {
    pub(super) fn host_create(exports: *const Exports, name: *const u16) -> *mut RawHost;
    pub(super) fn host_init(host: *mut RawHost) -> bool;
    pub(super) fn host_init_null(host: *mut RawHost) -> bool;
    pub(super) fn host_set_memory(host: *mut RawHost) -> bool;
    pub(super) fn host_set_memory_null(host: *mut RawHost) -> bool;
    pub(super) fn host_info(host: *mut RawHost) -> i64;
    pub(super) fn host_done(host: *mut RawHost);
    pub(super) fn host_destroy(host: *mut RawHost, how: c_int) -> bool;
    pub(super) fn host_delete(host: *mut RawHost);
    pub(super) fn host_side(host: *mut RawHost) -> *mut RawSide;
    pub(super) fn host_register(host: *mut RawHost, name: *mut *mut u16) -> bool;
    pub(super) fn host_property_count(host: *mut RawHost) -> i64;
    pub(super) fn host_find_property(host: *mut RawHost, name: *const u16) -> i64;
    pub(super) fn host_property_name(host: *mut RawHost, number: i64, alias: i64) -> *const u16;
    pub(super) fn host_get(host: *mut RawHost, number: i64, value: *mut RawVariant) -> bool;
    pub(super) fn host_set(host: *mut RawHost, number: i64, value: *mut RawVariant) -> bool;
    pub(super) fn host_readable(host: *mut RawHost, number: i64) -> bool;
    pub(super) fn host_writable(host: *mut RawHost, number: i64) -> bool;
    pub(super) fn host_method_count(host: *mut RawHost) -> i64;
    pub(super) fn host_find_method(host: *mut RawHost, name: *const u16) -> i64;
    pub(super) fn host_method_name(host: *mut RawHost, number: i64, alias: i64) -> *const u16;
    pub(super) fn host_param_count(host: *mut RawHost, number: i64) -> i64;
    pub(super) fn host_default(
        host: *mut RawHost,
        number: i64,
        param: i64,
        value: *mut RawVariant,
    ) -> bool;
    pub(super) fn host_has_answer(host: *mut RawHost, number: i64) -> bool;
    pub(super) fn host_procedure(
        host: *mut RawHost,
        number: i64,
        params: *mut RawVariant,
        count: i64,
    ) -> bool;
    pub(super) fn host_function(
        host: *mut RawHost,
        number: i64,
        answer: *mut RawVariant,
        params: *mut RawVariant,
        count: i64,
    ) -> bool;
    pub(super) fn host_locale(host: *mut RawHost, locale: *const u16);
    pub(super) fn host_language(host: *mut RawHost, code: *const u16);
    pub(super) fn side_release(side: *mut RawSide, memory: *mut c_void);
    pub(super) fn side_live(side: *mut RawSide) -> i64;
    pub(super) fn side_allocations(side: *mut RawSide) -> i64;
    pub(super) fn side_foreign_frees(side: *mut RawSide) -> i64;
    pub(super) fn side_empty_requests(side: *mut RawSide) -> i64;
    pub(super) fn side_late_calls(side: *mut RawSide) -> i64;
    pub(super) fn side_refuse_after(side: *mut RawSide, count: i64, lie: bool);
    pub(super) fn side_error_count(side: *mut RawSide) -> i64;
    pub(super) fn side_error(
        side: *mut RawSide,
        number: i64,
        code: *mut c_int,
        source: *mut *const u16,
        text: *mut *const u16,
        raise: *mut i64,
    );
    pub(super) fn side_on_error(
        side: *mut RawSide,
        callback: Option<Callback>,
        context: *mut c_void,
    );
    pub(super) fn side_wait_events(side: *mut RawSide, count: i64, milliseconds: i64) -> i64;
    pub(super) fn side_event(
        side: *mut RawSide,
        number: i64,
        source: *mut *const u16,
        message: *mut *const u16,
        data: *mut *const u16,
    );
    pub(super) fn side_depth(side: *mut RawSide) -> i64;
    pub(super) fn side_interface_calls(side: *mut RawSide) -> i64;
    pub(super) fn side_platform(
        side: *mut RawSide,
        version: *const u16,
        application: c_int,
        present: bool,
        no_info: bool,
    );
    pub(super) fn values_new(count: usize) -> *mut RawVariant;
    pub(super) fn values_delete(values: *mut RawVariant);
    pub(super) fn value_size() -> usize;
    pub(super) fn value_at(values: *mut RawVariant, index: usize) -> *mut RawVariant;
    pub(super) fn value_kind(value: *const RawVariant) -> c_int;
    pub(super) fn value_set_kind(value: *mut RawVariant, kind: u16);
    pub(super) fn value_set_bits(value: *mut RawVariant, bits: u64);
    pub(super) fn value_set_tm(value: *mut RawVariant, fields: *const c_int);
    pub(super) fn value_set_wide(value: *mut RawVariant, text: *mut u16, count: u32);
    pub(super) fn value_set_narrow(value: *mut RawVariant, bytes: *mut u8, count: u32, kind: u16);
    pub(super) fn value_bool(value: *const RawVariant) -> bool;
    pub(super) fn value_int(value: *const RawVariant) -> i32;
    pub(super) fn value_double(value: *const RawVariant) -> f64;
    pub(super) fn value_tm(value: *const RawVariant, fields: *mut c_int);
    pub(super) fn value_data(value: *const RawVariant, count: *mut u32) -> *mut c_void;
    pub(super) fn loop_plain_memory(host: *mut RawHost) -> bool;
    pub(super) fn loop_get(host: *mut RawHost, number: i64, times: u64) -> bool;
    pub(super) fn loop_call(
        host: *mut RawHost,
        number: i64,
        params: *mut RawVariant,
        count: i64,
        times: u64,
    ) -> bool;
    pub(super) fn loop_find(
        host: *mut RawHost,
        names: *const *const u16,
        count: usize,
        times: u64,
    ) -> i64;
    pub(super) fn loop_live(exports: *const Exports, name: *const u16, times: u64) -> bool;
}
