//! Texts in UTF-16: bounded reading, and writing with the NUL that every system wants.

use std::slice;

use widestring::U16CString;

/// The longest text that the component takes from 1C code, in bytes of UTF-16.
pub(super) const MAX_TEXT_BYTES: usize = 1 << 20;

/// A text for the platform to read during a call; a NUL inside ends it.
pub(super) fn wide(text: &str) -> U16CString {
    U16CString::from_str_truncate(text)
}

/// The units of a NUL-terminated text without the NUL; none for null, or if no NUL is among the first
/// `limit + 1` units.
///
/// # Safety
/// `text` is null, or readable up to its NUL or for `limit + 1` units, whichever comes first, for `'a`.
#[inline]
pub(super) unsafe fn terminated<'a>(text: *const u16, limit: usize) -> Option<&'a [u16]> {
    if text.is_null() {
        return None;
    }
    let mut length = 0;
    // SAFETY: units are read one by one and never past the NUL or the limit.
    while unsafe { *text.add(length) } != 0 {
        if length == limit {
            return None;
        }
        length += 1;
    }
    // SAFETY: these units were just read.
    Some(unsafe { slice::from_raw_parts(text, length) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_stops_at_the_nul_or_the_limit() {
        let text: Vec<u16> = "abc\0def".encode_utf16().collect();
        // SAFETY: the limits stay inside the vector.
        unsafe {
            assert_eq!(terminated(text.as_ptr(), 5), Some(&text[..3]));
            assert_eq!(terminated(text.as_ptr(), 3), Some(&text[..3]));
            assert_eq!(terminated(text.as_ptr(), 2), None);
            assert_eq!(terminated(std::ptr::null(), 2), None);
        }
    }

    #[test]
    fn texts_for_the_platform_end_with_a_nul() {
        assert_eq!(wide("Ёж").as_slice_with_nul(), &[0x401, 0x436, 0]);
        assert_eq!(wide("a\0b").as_slice(), &[0x61]);
    }
}
