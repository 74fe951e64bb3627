//! The loaded library itself: its file, and keeping it loaded while threads of ours run in it.

use std::path::PathBuf;

/// The file that this code was loaded from; none if the system does not say.
#[must_use]
pub fn module_path() -> Option<PathBuf> {
    system::path()
}

/// Keeps the library in memory until the process ends, because a thread that still runs in an unloaded one
/// takes the process with it. Says whether that worked; calling it again costs little.
pub fn pin_module() -> bool {
    system::pin()
}

#[cfg(unix)]
mod system {
    use std::{
        ffi::{CStr, OsStr, c_void},
        fs,
        mem::MaybeUninit,
        os::unix::ffi::OsStrExt,
        path::{Path, PathBuf},
    };

    fn info() -> Option<libc::Dl_info> {
        let mut info = MaybeUninit::<libc::Dl_info>::uninit();
        let here: *const c_void = super::module_path as *const c_void;
        // SAFETY: the address is one of this library's functions, and `info` is filled when the answer is not 0.
        unsafe { (libc::dladdr(here, info.as_mut_ptr()) != 0).then(|| info.assume_init()) }
    }

    pub(super) fn path() -> Option<PathBuf> {
        let info = info()?;
        if info.dli_fname.is_null() {
            return None;
        }
        // SAFETY: dladdr gave a string that lives as long as the library is loaded.
        let name = unsafe { CStr::from_ptr(info.dli_fname) };
        let path = Path::new(OsStr::from_bytes(name.to_bytes()));
        if path.starts_with("/proc/self/fd") {
            // Loaded by an open file, which stays open: the link leads to its name.
            return fs::read_link(path).ok().map(without_mark);
        }
        Some(path.to_owned())
    }

    /// The system marks the name of a file that was replaced since.
    fn without_mark(path: PathBuf) -> PathBuf {
        match path.as_os_str().as_bytes().strip_suffix(b" (deleted)") {
            Some(name) => PathBuf::from(OsStr::from_bytes(name)),
            None => path,
        }
    }

    pub(super) fn pin() -> bool {
        let Some(info) = info() else { return false };
        if info.dli_fname.is_null() {
            return false;
        }
        // A program that has this code inside (a test, a tool) is never unloaded and cannot be opened.
        if path().and_then(|path| path.canonicalize().ok()) == std::env::current_exe().ok() {
            return true;
        }
        // SAFETY: the name comes from dladdr. RTLD_NOLOAD only adds a flag and a reference to what is loaded.
        unsafe {
            !libc::dlopen(
                info.dli_fname,
                libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE,
            )
            .is_null()
        }
    }
}

#[cfg(windows)]
mod system {
    use std::{ffi::OsString, os::windows::ffi::OsStringExt, path::PathBuf, ptr};

    use windows_sys::Win32::{
        Foundation::HMODULE,
        System::LibraryLoader::{
            GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN,
            GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, GetModuleFileNameW, GetModuleHandleExW,
        },
    };

    /// The longest path that Windows has.
    const MAX_PATH_UNITS: usize = 32_768;

    fn handle(flag: u32) -> Option<HMODULE> {
        let mut handle: HMODULE = ptr::null_mut();
        let here = super::module_path as *const u16;
        // SAFETY: with FROM_ADDRESS the second argument is an address inside a module, not a string.
        let found = unsafe {
            GetModuleHandleExW(
                GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | flag,
                here,
                &raw mut handle,
            )
        };
        (found != 0).then_some(handle)
    }

    pub(super) fn path() -> Option<PathBuf> {
        let handle = handle(GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT)?;
        let mut name = vec![0_u16; MAX_PATH_UNITS];
        // SAFETY: the buffer has as many units as is said.
        let length =
            unsafe { GetModuleFileNameW(handle, name.as_mut_ptr(), MAX_PATH_UNITS as u32) };
        let name = name
            .get(..length as usize)
            .filter(|name| !name.is_empty())?;
        Some(PathBuf::from(OsString::from_wide(name)))
    }

    pub(super) fn pin() -> bool {
        handle(GET_MODULE_HANDLE_EX_FLAG_PIN).is_some()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_module_knows_its_file_and_can_be_pinned_twice() {
        assert!(super::module_path().unwrap().exists());
        assert!(super::pin_module() && super::pin_module());
    }
}
