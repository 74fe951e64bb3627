//! Values of the platform, in the true C++ layout, made and read by the functions of `shapes.cpp`.

use std::ffi::c_void;

use super::raw::{self, RawVariant};

/// Types of the platform's values that tests name.
pub mod kind {
    #![allow(missing_docs, reason = "the names are the interface's own")]
    pub const EMPTY: u16 = 0;
    pub const NULL: u16 = 1;
    pub const I2: u16 = 2;
    pub const I4: u16 = 3;
    pub const R4: u16 = 4;
    pub const R8: u16 = 5;
    pub const DATE: u16 = 6;
    pub const TM: u16 = 7;
    pub const PSTR: u16 = 8;
    pub const BOOL: u16 = 11;
    pub const I1: u16 = 13;
    pub const UI1: u16 = 14;
    pub const UI2: u16 = 15;
    pub const UI4: u16 = 16;
    pub const I8: u16 = 17;
    pub const UI8: u16 = 18;
    pub const INT: u16 = 19;
    pub const UINT: u16 = 20;
    pub const PWSTR: u16 = 22;
    pub const BLOB: u16 = 23;
}

/// A value as 1C code has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Undefined, or left out.
    Empty,
    /// A Boolean.
    Bool(bool),
    /// A whole number.
    Int(i32),
    /// Any number.
    Double(f64),
    /// Year, month, day, hour, minute, second.
    Date([i32; 6]),
    /// A text.
    Text(String),
    /// Binary data.
    Blob(Vec<u8>),
    /// Only for arguments: any type with any first eight bytes.
    Bits(u16, u64),
    /// Only for arguments: a string of bytes.
    Bytes(Vec<u8>),
    /// Only for arguments: a type with a null pointer and a length.
    Null(u16, u32),
    /// Only for arguments: UTF-16 with its length told as given, whatever the units are.
    Units(Vec<u16>, u32),
    /// Only for arguments: the fields of a C date, unchecked (second, minute, hour, day, month, year).
    Tm([i32; 6]),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// An array of the platform's values with what they point to. Every byte is 0xAA until it is set.
#[derive(Debug)]
pub struct Values {
    array: *mut RawVariant,
    texts: Vec<Vec<u16>>,
    blobs: Vec<Vec<u8>>,
}

impl Values {
    /// So many values of garbage.
    #[must_use]
    pub fn garbage(count: usize) -> Self {
        // SAFETY: no preconditions.
        let array = unsafe { raw::values_new(count) };
        Self {
            array,
            texts: Vec::new(),
            blobs: Vec::new(),
        }
    }

    /// These values. What they point to is this array's, not the memory manager's.
    #[must_use]
    pub fn of(values: &[Value]) -> Self {
        let mut array = Self::garbage(values.len());
        for (index, value) in values.iter().enumerate() {
            array.set(index, value);
        }
        array
    }

    pub(super) const fn array(&self) -> *mut RawVariant {
        self.array
    }

    fn set(&mut self, index: usize, value: &Value) {
        // SAFETY: `index` is below the count that the array was made with; pointers given are kept alive by self.
        unsafe {
            let at = raw::value_at(self.array, index);
            let bits = |kind: u16, bits: u64| {
                raw::value_set_kind(at, kind);
                raw::value_set_bits(at, bits);
            };
            match value {
                // An empty value may have any bits: whoever looks at them is wrong.
                Value::Empty => raw::value_set_kind(at, kind::EMPTY),
                Value::Bool(value) => bits(kind::BOOL, (*value).into()),
                Value::Int(value) => bits(
                    kind::I4,
                    u64::from(value.cast_unsigned()) | 0xAAAA_AAAA_0000_0000,
                ),
                Value::Double(value) => bits(kind::R8, value.to_bits()),
                Value::Bits(kind, value) => bits(*kind, *value),
                Value::Date([year, month, day, hour, minute, second]) => {
                    raw::value_set_tm(
                        at,
                        [*second, *minute, *hour, *day, month - 1, year - 1900].as_ptr(),
                    );
                }
                Value::Tm(fields) => raw::value_set_tm(at, fields.as_ptr()),
                Value::Text(text) => {
                    let units: Vec<u16> = text.encode_utf16().collect();
                    let length = units.len() as u32;
                    self.units(at, units, length);
                }
                Value::Units(units, length) => self.units(at, units.clone(), *length),
                Value::Blob(bytes) => self.narrow(at, bytes.clone(), kind::BLOB),
                Value::Bytes(bytes) => self.narrow(at, bytes.clone(), kind::PSTR),
                Value::Null(kind, length) => {
                    raw::value_set_narrow(at, std::ptr::null_mut(), *length, *kind)
                }
            }
        }
    }

    unsafe fn units(&mut self, at: *mut RawVariant, mut units: Vec<u16>, length: u32) {
        // SAFETY: moving a vector leaves its content where it is.
        unsafe { raw::value_set_wide(at, units.as_mut_ptr(), length) };
        self.texts.push(units);
    }

    unsafe fn narrow(&mut self, at: *mut RawVariant, mut bytes: Vec<u8>, kind: u16) {
        // SAFETY: as above.
        unsafe { raw::value_set_narrow(at, bytes.as_mut_ptr(), bytes.len() as u32, kind) };
        self.blobs.push(bytes);
    }

    /// The type's number of a value.
    #[must_use]
    pub fn kind(&self, index: usize) -> u16 {
        // SAFETY: as in `set`.
        unsafe { raw::value_kind(raw::value_at(self.array, index)) as u16 }
    }

    /// All bytes of a value.
    #[must_use]
    pub fn bytes(&self, index: usize) -> Vec<u8> {
        // SAFETY: every byte of the array was written when it was made.
        unsafe {
            let at = raw::value_at(self.array, index).cast::<u8>();
            std::slice::from_raw_parts(at, raw::value_size()).to_vec()
        }
    }

    /// A value that the component wrote, and its memory, which the platform must free.
    ///
    /// # Panics
    /// When it has a type that a component must not return, or a text without a NUL after it.
    pub(super) fn read(&self, index: usize) -> (Value, *mut c_void) {
        let kind = self.kind(index);
        // SAFETY: as in `set`; the type says which member was written.
        unsafe {
            let at = raw::value_at(self.array, index);
            let mut length = 0;
            let plain = match kind {
                kind::EMPTY => Value::Empty,
                kind::BOOL => Value::Bool(raw::value_bool(at)),
                kind::I4 => Value::Int(raw::value_int(at)),
                kind::R8 => Value::Double(raw::value_double(at)),
                kind::TM => {
                    let mut fields = [0; 10];
                    raw::value_tm(at, fields.as_mut_ptr());
                    let [second, minute, hour, day, month, year, _, _, summer, clean] = fields;
                    assert_eq!((summer, clean), (0, 1), "a date has a zone or summer time");
                    Value::Date([year + 1900, month + 1, day, hour, minute, second])
                }
                kind::PWSTR => {
                    let data = raw::value_data(at, &raw mut length);
                    assert!(!data.is_null(), "a text is null");
                    let units = std::slice::from_raw_parts(data.cast::<u16>(), length as usize + 1);
                    let (nul, text) = units.split_last().expect("at least the NUL is there");
                    assert_eq!(*nul, 0, "a text has no NUL after it");
                    return (
                        Value::Text(String::from_utf16(text).expect("a text is UTF-16")),
                        data,
                    );
                }
                kind::BLOB => {
                    let data = raw::value_data(at, &raw mut length);
                    assert!(!data.is_null(), "binary data is null");
                    let bytes = std::slice::from_raw_parts(data.cast::<u8>(), length as usize);
                    return (Value::Blob(bytes.to_vec()), data);
                }
                other => panic!("a component must not return type {other}"),
            };
            (plain, std::ptr::null_mut())
        }
    }
}

impl Drop for Values {
    fn drop(&mut self) {
        // SAFETY: made by `values_new` and not used after this.
        unsafe { raw::values_delete(self.array) };
    }
}
