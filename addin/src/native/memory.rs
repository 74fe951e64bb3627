//! The platform's memory manager: everything that the platform frees must come from it.

use std::{
    ffi::{c_ulong, c_void},
    mem::size_of,
    ptr::{self, NonNull},
    slice,
    sync::atomic::{AtomicBool, AtomicPtr, Ordering},
};

use super::host::DestructorSlots;

/// The virtual functions of IMemoryManager.
#[repr(C)]
struct MemoryManager {
    destructors: DestructorSlots,
    alloc_memory: unsafe extern "system" fn(*mut c_void, *mut *mut c_void, c_ulong) -> u8,
    free_memory: unsafe extern "system" fn(*mut c_void, *mut *mut c_void),
}

/// The memory manager of one object; used only on the thread that the platform called in on.
#[derive(Debug)]
pub(super) struct Memory {
    manager: AtomicPtr<c_void>,
    open: AtomicBool,
}

impl Memory {
    pub(super) const fn new() -> Self {
        Self {
            manager: AtomicPtr::new(ptr::null_mut()),
            open: AtomicBool::new(true),
        }
    }

    /// Takes the platform's memory manager, which may come before or after Init.
    ///
    /// # Safety
    /// `manager` is null or the platform's IMemoryManager, which lives until Done.
    pub(super) unsafe fn set(&self, manager: *mut c_void) {
        self.manager.store(manager, Ordering::Release);
        self.open.store(true, Ordering::Release);
    }

    /// From now on nothing is asked of the manager: the object is done.
    pub(super) fn close(&self) {
        self.open.store(false, Ordering::Release);
    }

    /// The object is initialised anew; the manager is the one it had.
    pub(super) fn reopen(&self) {
        self.open.store(true, Ordering::Release);
    }

    /// Uninitialised memory that the platform frees; none if it has none to give.
    pub(super) fn allocate(&self, bytes: usize) -> Option<NonNull<u8>> {
        let manager = self.manager()?;
        // Some managers answer a request for nothing with null.
        let bytes = c_ulong::try_from(bytes.max(1)).ok()?;
        let mut memory: *mut c_void = ptr::null_mut();
        // SAFETY: the manager is alive (see `set`), and `memory` is ours to be written.
        let given =
            unsafe { ((**manager).alloc_memory)(manager.cast(), &raw mut memory, bytes) } != 0;
        NonNull::new(memory.cast()).filter(|_| given)
    }

    /// Gives memory back that `allocate` gave and the platform has not seen.
    ///
    /// # Safety
    /// Just that, and nothing uses it any more.
    pub(super) unsafe fn free(&self, memory: NonNull<u8>) {
        if let Some(manager) = self.manager() {
            let mut memory: *mut c_void = memory.as_ptr().cast();
            // SAFETY: the manager is alive and the memory is its own.
            unsafe { ((**manager).free_memory)(manager.cast(), &raw mut memory) }
        }
    }

    /// A text in the platform's memory: its units, then a NUL, which is not in the length.
    pub(super) fn text(&self, text: &str) -> Option<(NonNull<u16>, u32)> {
        let ascii = text.is_ascii();
        let length = if ascii {
            text.len()
        } else {
            text.encode_utf16().count()
        };
        let counted = u32::try_from(length).ok()?;
        let memory = self
            .allocate(length.checked_add(1)?.checked_mul(size_of::<u16>())?)?
            .cast::<u16>();
        let start = memory.as_ptr();
        // SAFETY: there is room for `length` units and a NUL, and no more are put; a manager's memory is
        // aligned for them.
        let put = |at: usize, unit| unsafe { start.add(at).write(unit) };
        if ascii {
            let (bytes, mut at) = (text.as_bytes(), 0);
            while at < bytes.len() {
                put(at, bytes[at].into());
                at += 1;
            }
        } else {
            (0..)
                .zip(text.encode_utf16())
                .for_each(|(at, unit)| put(at, unit));
        }
        put(length, 0);
        Some((memory, counted))
    }

    /// Zeroed bytes in the platform's memory.
    ///
    /// The slice must not outlive the call: the platform owns the memory afterwards.
    pub(super) fn zeroed<'a>(&self, length: usize) -> Option<&'a mut [u8]> {
        let memory = self.allocate(length)?.as_ptr();
        // SAFETY: the manager gave at least `length` bytes, they are written before a slice is made of them,
        // and nobody else knows them yet.
        unsafe {
            memory.write_bytes(0, length);
            Some(slice::from_raw_parts_mut(memory, length))
        }
    }

    fn manager(&self) -> Option<*mut *const MemoryManager> {
        let manager = self.manager.load(Ordering::Acquire);
        (self.open.load(Ordering::Acquire) && !manager.is_null()).then_some(manager.cast())
    }
}
