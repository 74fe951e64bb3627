//! `tVariant`, the platform's value: its layout, reading it with distrust, and writing it.

use std::{ffi::c_void, mem, ptr, slice};

use super::{
    memory::Memory,
    tm::{Tm, ole_date},
    wide::MAX_TEXT_BYTES,
};
use crate::table::{CallError, Deferred, Value};

/// The longest binary data that the component takes from 1C code.
pub(super) const MAX_BLOB_BYTES: usize = 512 << 20;

/// The numbers of the platform's types. They are compared as numbers: the platform may send any.
mod kind {
    pub(super) const EMPTY: u16 = 0;
    pub(super) const NULL: u16 = 1;
    pub(super) const I2: u16 = 2;
    pub(super) const I4: u16 = 3;
    pub(super) const R4: u16 = 4;
    pub(super) const R8: u16 = 5;
    pub(super) const DATE: u16 = 6;
    pub(super) const TM: u16 = 7;
    pub(super) const PSTR: u16 = 8;
    pub(super) const ERROR: u16 = 10;
    pub(super) const BOOL: u16 = 11;
    pub(super) const I1: u16 = 13;
    pub(super) const UI1: u16 = 14;
    pub(super) const UI2: u16 = 15;
    pub(super) const UI4: u16 = 16;
    pub(super) const I8: u16 = 17;
    pub(super) const UI8: u16 = 18;
    pub(super) const INT: u16 = 19;
    pub(super) const UINT: u16 = 20;
    pub(super) const HRESULT: u16 = 21;
    pub(super) const PWSTR: u16 = 22;
    pub(super) const BLOB: u16 = 23;
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Run {
    data: *mut c_void,
    length: u32,
}

#[repr(C)]
union Payload {
    boolean: u8,
    i1: i8,
    i2: i16,
    i4: i32,
    i8: i64,
    ui1: u8,
    ui2: u16,
    ui4: u32,
    ui8: u64,
    r4: f32,
    r8: f64,
    tm: Tm,
    run: Run,
}

/// A value of the platform.
#[repr(C)]
pub(super) struct Variant {
    payload: Payload,
    elements: u32,
    kind: u16,
}

const fn layout(elements: usize, kind: usize, size: usize, align: usize) {
    assert!(mem::offset_of!(Variant, payload) == 0);
    assert!(mem::offset_of!(Variant, elements) == elements);
    assert!(mem::offset_of!(Variant, kind) == kind);
    assert!(size_of::<Variant>() == size);
    assert!(align_of::<Variant>() == align);
    assert!(mem::offset_of!(Run, length) == size_of::<*mut c_void>());
}

// Arguments come as an array with this stride: a wrong one reads past them.
#[cfg(all(unix, target_pointer_width = "64"))]
const _: () = {
    layout(56, 60, 64, 8);
    assert!(size_of::<Tm>() == 56 && mem::offset_of!(Tm, zone) == 48);
};
#[cfg(all(unix, target_arch = "x86"))]
const _: () = {
    layout(44, 48, 52, 4);
    assert!(size_of::<Tm>() == 44 && mem::offset_of!(Tm, zone) == 40);
};
#[cfg(windows)]
const _: () = {
    layout(40, 44, 48, 8);
    assert!(size_of::<Tm>() == 36);
};

/// Why a value cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Its type is none that 1C code can mean, or its content is not of that type.
    Kind,
    /// It is longer than this.
    TooLong(usize),
    /// There is no memory for a copy.
    NoMemory,
}

/// Why a value cannot be written.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// The platform has no memory to give.
    NoMemory,
    /// Who was to write the data failed.
    Source(CallError),
}

/// Copies a value of the platform.
///
/// # Safety
/// `variant` is readable, and so is what it points to, if its type is a string or binary data.
pub(super) unsafe fn read(variant: *const Variant) -> Result<Value, Unreadable> {
    // SAFETY: the caller's promise; every member of the union is plain numbers for which any bits will do.
    unsafe {
        let payload = &raw const (*variant).payload;
        Ok(match (*variant).kind {
            kind::EMPTY | kind::NULL => Value::Empty,
            kind::BOOL => Value::Bool((*payload).boolean != 0),
            kind::I4 | kind::INT | kind::ERROR | kind::HRESULT => Value::Int((*payload).i4),
            kind::R8 => Value::Double((*payload).r8),
            kind::I1 => Value::Int((*payload).i1.into()),
            kind::I2 => Value::Int((*payload).i2.into()),
            kind::UI1 => Value::Int((*payload).ui1.into()),
            kind::UI2 => Value::Int((*payload).ui2.into()),
            kind::UI4 | kind::UINT => Value::integer((*payload).ui4.into()),
            kind::I8 => Value::integer((*payload).i8),
            kind::UI8 => {
                let number = (*payload).ui8;
                i64::try_from(number).map_or(Value::Double(number as f64), Value::integer)
            }
            kind::R4 => Value::Double((*payload).r4.into()),
            kind::TM => Value::Date((*payload).tm.date().ok_or(Unreadable::Kind)?),
            kind::DATE => Value::Date(ole_date((*payload).r8).ok_or(Unreadable::Kind)?),
            kind::PWSTR => {
                let text = run::<u16>((*payload).run, MAX_TEXT_BYTES)?;
                Value::from(String::from_utf16_lossy(text))
            }
            kind::PSTR => {
                let text = run::<u8>((*payload).run, MAX_TEXT_BYTES)?;
                // Nobody says which encoding it is; whatever is no UTF-8 would be read wrongly.
                Value::from(
                    str::from_utf8(text)
                        .map_err(|_| Unreadable::Kind)?
                        .to_owned(),
                )
            }
            kind::BLOB => {
                let bytes = run::<u8>((*payload).run, MAX_BLOB_BYTES)?;
                let mut copy = Vec::new();
                copy.try_reserve_exact(bytes.len())
                    .map_err(|_| Unreadable::NoMemory)?;
                copy.extend_from_slice(bytes);
                Value::Blob(copy)
            }
            _ => return Err(Unreadable::Kind),
        })
    }
}

/// # Safety
/// The run's data is readable for its length, in units of `T`; any bits are a `T`.
unsafe fn run<'a, T>(run: Run, limit: usize) -> Result<&'a [T], Unreadable> {
    let length = run.length as usize;
    match (run.data.is_null(), length) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Unreadable::Kind),
        (false, length) if length > limit / size_of::<T>() => {
            Err(Unreadable::TooLong(limit / size_of::<T>()))
        }
        (false, length) if run.data.cast::<T>().is_aligned() => {
            // SAFETY: not null, aligned, and the caller's promise for the length.
            Ok(unsafe { slice::from_raw_parts(run.data.cast(), length) })
        }
        _ => Err(Unreadable::Kind),
    }
}

/// Makes a value Undefined, whatever bits it had: they are never freed, because nobody says that they mean anything.
///
/// # Safety
/// `variant` is writable.
pub(super) unsafe fn clear(variant: *mut Variant) {
    // SAFETY: the caller's promise; all zeros are the empty value.
    unsafe { ptr::write_bytes(variant, 0, 1) };
}

/// Writes a value for the platform, over whatever bits were there. After an error it is Undefined.
///
/// # Safety
/// `variant` is writable.
pub(super) unsafe fn write(
    variant: *mut Variant,
    value: Value,
    memory: &Memory,
) -> Result<(), Unwritten> {
    // SAFETY: the caller's promise.
    unsafe {
        clear(variant);
        write_cleared(variant, value, memory)
    }
}

/// Writes a whole number over what is Undefined.
///
/// # Safety
/// `variant` is writable, and all zeros.
#[inline(always)]
pub(super) unsafe fn write_int(variant: *mut Variant, value: i32) {
    // SAFETY: the caller's promise.
    unsafe {
        (*variant).payload.i4 = value;
        (*variant).kind = kind::I4;
    }
}

/// Writes a Boolean over what is Undefined.
///
/// # Safety
/// `variant` is writable, and all zeros.
#[inline(always)]
pub(super) unsafe fn write_bool(variant: *mut Variant, value: bool) {
    // SAFETY: the caller's promise.
    unsafe {
        (*variant).payload.boolean = value.into();
        (*variant).kind = kind::BOOL;
    }
}

/// Writes a value over what is Undefined. Its type is written last, so that it stays Undefined until its value is whole.
///
/// # Safety
/// `variant` is writable, and all zeros.
pub(super) unsafe fn write_cleared(
    variant: *mut Variant,
    value: Value,
    memory: &Memory,
) -> Result<(), Unwritten> {
    let kind = match value {
        Value::Empty => kind::EMPTY,
        // SAFETY: the caller's promise, here and below.
        Value::Bool(value) => unsafe {
            (*variant).payload.boolean = value.into();
            kind::BOOL
        },
        // SAFETY: as above.
        Value::Int(value) => unsafe {
            (*variant).payload.i4 = value;
            kind::I4
        },
        // SAFETY: as above.
        Value::Double(value) => unsafe {
            (*variant).payload.r8 = value;
            kind::R8
        },
        // SAFETY: as above.
        Value::Date(value) => unsafe {
            (*variant).payload.tm = Tm::of(value);
            kind::TM
        },
        // SAFETY: as above.
        Value::Text(text) => unsafe {
            let (data, length) = memory.text(&text).ok_or(Unwritten::NoMemory)?;
            (*variant).payload.run = Run {
                data: data.as_ptr().cast(),
                length,
            };
            kind::PWSTR
        },
        // SAFETY: as above.
        Value::Blob(bytes) => unsafe { write_bytes(variant, &bytes, memory)? },
        // SAFETY: as above.
        Value::Deferred(deferred) => unsafe { write_deferred(variant, deferred, memory)? },
    };
    // SAFETY: as above.
    unsafe { (*variant).kind = kind };
    Ok(())
}

/// # Safety
/// `variant` is writable.
unsafe fn write_bytes(
    variant: *mut Variant,
    bytes: &[u8],
    memory: &Memory,
) -> Result<u16, Unwritten> {
    let (data, length) = blob(memory, bytes.len())?;
    data.copy_from_slice(bytes);
    // SAFETY: the caller's promise.
    unsafe {
        (*variant).payload.run = Run {
            data: data.as_mut_ptr().cast(),
            length,
        }
    };
    Ok(kind::BLOB)
}

/// # Safety
/// `variant` is writable.
unsafe fn write_deferred(
    variant: *mut Variant,
    deferred: Deferred,
    memory: &Memory,
) -> Result<u16, Unwritten> {
    let (data, length) = blob(memory, deferred.length())?;
    let start = ptr::NonNull::from(&mut *data).cast();
    let written = super::guard::guarded(|| deferred.write(data))
        .unwrap_or_else(|text| Err(CallError::internal(&text)));
    if let Err(error) = written {
        // SAFETY: the platform has not seen it, and the writer that knew it is gone.
        unsafe { memory.free(start) };
        return Err(Unwritten::Source(error));
    }
    // SAFETY: the caller's promise.
    unsafe {
        (*variant).payload.run = Run {
            data: start.as_ptr().cast::<c_void>(),
            length,
        }
    };
    Ok(kind::BLOB)
}

fn blob<'a>(memory: &Memory, length: usize) -> Result<(&'a mut [u8], u32), Unwritten> {
    let counted = u32::try_from(length).map_err(|_| Unwritten::NoMemory)?;
    Ok((memory.zeroed(length).ok_or(Unwritten::NoMemory)?, counted))
}

/// The variant at an index of the platform's array.
///
/// # Safety
/// The array has more than `index` variants.
pub(super) unsafe fn at(array: *mut Variant, index: usize) -> *mut Variant {
    // SAFETY: the caller's promise.
    unsafe { array.add(index) }
}

#[cfg(test)]
mod tests;
