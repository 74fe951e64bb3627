//! Who owns a file or folder on Windows, and who may change it.

use std::{
    ffi::c_void,
    fs::File,
    io,
    os::windows::io::AsRawHandle,
    ptr::{self, addr_of},
    slice,
};

use windows_sys::Win32::{
    Foundation::{ERROR_SUCCESS, LocalFree},
    Security::{
        ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, Authorization::GetSecurityInfo,
        Authorization::SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, GetAce, GetLengthSid,
        OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID,
    },
};

/// Where a file or folder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is the root of a drive. There Windows itself lets every user make folders, which touches none that
    /// exist.
    Drive,
    /// It is anything else.
    Inside,
}

/// What the rights say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Only the system and its administrators can change it.
    SystemOnly,
    /// Somebody else owns it.
    Owner,
    /// Somebody else may change it.
    Writable,
}

/// S-1-5-18, S-1-5-32-544, and TrustedInstaller, S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464.
const TRUSTED: [&[u32]; 3] = [
    &[18],
    &[32, 544],
    &[
        80,
        956_008_885,
        3_418_522_649,
        1_831_038_044,
        1_853_292_631,
        2_271_478_464,
    ],
];
const NT_AUTHORITY: [u8; 6] = [0, 0, 0, 0, 0, 5];
const CREATOR_AUTHORITY: [u8; 6] = [0, 0, 0, 0, 0, 3];

const FILE_APPEND_DATA: u32 = 0x4;
/// Writing data, appending, extended attributes, deleting children, attributes, deleting, changing rights and
/// owner, and the general forms of these.
const CHANGING: u32 = 0x2
    | FILE_APPEND_DATA
    | 0x10
    | 0x40
    | 0x100
    | 0x1_0000
    | 0x4_0000
    | 0x8_0000
    | 0x1000_0000
    | 0x4000_0000;

const ALLOWED: u8 = 0;
/// The kinds of entries that only take rights away.
const DENIED: [u8; 4] = [1, 6, 10, 12];
/// An entry for children that does not count for the object itself.
const INHERIT_ONLY: u8 = 8;

/// Judges an open file or folder.
pub(crate) fn of(opened: &File, place: Place) -> io::Result<Verdict> {
    let mut owner: PSID = ptr::null_mut();
    let mut list: *mut ACL = ptr::null_mut();
    let mut descriptor = Descriptor(ptr::null_mut());
    // SAFETY: the handle is open, and the three places are ours; the first two point into the third.
    let code = unsafe {
        GetSecurityInfo(
            opened.as_raw_handle(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
            &raw mut owner,
            ptr::null_mut(),
            &raw mut list,
            ptr::null_mut(),
            &raw mut descriptor.0,
        )
    };
    if code != ERROR_SUCCESS {
        return Err(io::Error::from_raw_os_error(code.cast_signed()));
    }
    // SAFETY: null or an owner's id inside the descriptor, which lives to the end of this function.
    if owner.is_null() || !unsafe { is_trusted(owner) } {
        return Ok(Verdict::Owner);
    }
    // No list at all gives everybody everything.
    if list.is_null() {
        return Ok(Verdict::Writable);
    }
    // SAFETY: the list is inside the descriptor.
    let count = unsafe { (*list).AceCount };
    for number in 0..u32::from(count) {
        let mut entry: *mut c_void = ptr::null_mut();
        // SAFETY: the list is whole, and the number is below its count.
        if unsafe { GetAce(list, number, &raw mut entry) } == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: GetAce gave an entry of this list.
        if unsafe { lets_others_change(entry.cast(), place) } {
            return Ok(Verdict::Writable);
        }
    }
    Ok(Verdict::SystemOnly)
}

/// # Safety
/// `entry` is a whole entry of an access list.
unsafe fn lets_others_change(entry: *const ACE_HEADER, place: Place) -> bool {
    // SAFETY: the caller's promise.
    let header = unsafe { entry.read_unaligned() };
    if header.AceFlags & INHERIT_ONLY != 0 || DENIED.contains(&header.AceType) {
        return false;
    }
    if header.AceType != ALLOWED {
        // A conditional right, or a kind that we do not know: whom it lets in cannot be told.
        return true;
    }
    let entry = entry.cast::<ACCESS_ALLOWED_ACE>();
    // SAFETY: an entry of this kind has these fields, and its id begins at the last of them.
    let (mask, who) = unsafe { ((*entry).Mask, addr_of!((*entry).SidStart)) };
    let tolerated = match place {
        Place::Drive => FILE_APPEND_DATA,
        Place::Inside => 0,
    };
    // SAFETY: as above.
    mask & CHANGING & !tolerated != 0 && !unsafe { is_trusted(who.cast_mut().cast()) }
}

/// # Safety
/// `id` is a whole security id.
unsafe fn is_trusted(id: PSID) -> bool {
    // SAFETY: the caller's promise.
    let bytes = unsafe { slice::from_raw_parts(id.cast::<u8>(), GetLengthSid(id) as usize) };
    let Some((head, rest)) = bytes.split_first_chunk::<8>() else {
        return false;
    };
    let numbers: Vec<u32> = rest
        .chunks_exact(4)
        .map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
        .collect();
    match head[2..] {
        // CREATOR OWNER stands for the owner, who is judged by himself.
        ref authority if *authority == CREATOR_AUTHORITY => numbers == [0],
        ref authority if *authority == NT_AUTHORITY => TRUSTED.contains(&numbers.as_slice()),
        _ => false,
    }
}

/// Memory that Windows gave.
struct Descriptor(PSECURITY_DESCRIPTOR);

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: GetSecurityInfo gave it, or it is null, which is allowed.
        unsafe { LocalFree(self.0) };
    }
}
