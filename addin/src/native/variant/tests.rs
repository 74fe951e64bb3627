//! Answers that are written straight into the platform's memory, over a memory manager made here. That the
//! real C++ shapes agree is for the tests with the simulated host.

use std::{
    ffi::{c_ulong, c_void},
    ptr,
    sync::atomic::{AtomicUsize, Ordering},
};

use protocol::Reason;

use super::{super::host::DestructorSlots, *};
use crate::table::{Deferred, words};

/// A memory manager that gives blocks of one size and counts them.
#[repr(C)]
struct Manager {
    table: *const Table,
    room: usize,
    live: AtomicUsize,
}

#[repr(C)]
struct Table {
    destructors: DestructorSlots,
    alloc: unsafe extern "system" fn(*mut Manager, *mut *mut c_void, c_ulong) -> u8,
    free: unsafe extern "system" fn(*mut Manager, *mut *mut c_void),
}

const BLOCK: usize = 4096;

unsafe extern "system" fn alloc(
    manager: *mut Manager,
    memory: *mut *mut c_void,
    bytes: c_ulong,
) -> u8 {
    // SAFETY: called by `Memory` with the manager below and a place of its own.
    unsafe {
        if bytes as usize > (*manager).room {
            return 0;
        }
        (*manager).live.fetch_add(1, Ordering::SeqCst);
        *memory = Box::into_raw(Box::new([0xCD_u64; BLOCK / 8])).cast();
    }
    1
}

unsafe extern "system" fn free(manager: *mut Manager, memory: *mut *mut c_void) {
    // SAFETY: as above; the block is one of `alloc`.
    unsafe {
        (*manager).live.fetch_sub(1, Ordering::SeqCst);
        drop(Box::from_raw((*memory).cast::<[u64; BLOCK / 8]>()));
    }
}

/// Writes the value with so much room; the outcome, the bytes if there are any, and how many blocks are left over.
fn written(value: Value, room: usize) -> (Result<(), Unwritten>, Option<Vec<u8>>, usize) {
    let table = Table {
        destructors: [ptr::null(); size_of::<DestructorSlots>() / size_of::<*const c_void>()],
        alloc,
        free,
    };
    let mut manager = Manager {
        table: &raw const table,
        room,
        live: AtomicUsize::new(0),
    };
    let memory = Memory::new();
    let mut variant = mem::MaybeUninit::<Variant>::uninit();
    // SAFETY: the manager outlives the memory's use; the variant is written before it is read.
    unsafe {
        ptr::write_bytes(variant.as_mut_ptr(), 0xAA, 1);
        memory.set((&raw mut manager).cast());
        let outcome = write(variant.as_mut_ptr(), value, &memory);
        let variant = variant.assume_init_ref();
        let bytes = match variant.kind {
            kind::BLOB => Some(run::<u8>(variant.payload.run, BLOCK).unwrap().to_vec()),
            _ => {
                assert_eq!(variant.kind, kind::EMPTY);
                None
            }
        };
        if bytes.is_some() {
            memory.free(ptr::NonNull::new(variant.payload.run.data.cast()).unwrap());
        }
        (outcome, bytes, manager.live.load(Ordering::SeqCst))
    }
}

#[test]
fn deferred_data_is_written_into_the_platforms_memory_which_is_zeroed_before() {
    let deferred = Deferred::new(5, |bytes| {
        assert_eq!(bytes, [0; 5]);
        bytes[..3].copy_from_slice(b"abc");
        Ok(())
    });
    let (outcome, bytes, left) = written(Value::Deferred(deferred), BLOCK);
    assert!(outcome.is_ok());
    assert_eq!((bytes.as_deref(), left), (Some(&b"abc\0\0"[..]), 0));
}

#[test]
fn a_failed_or_panicking_writer_gives_the_memory_back_and_leaves_undefined() {
    let failing = Deferred::new(5, |_| {
        Err(CallError::no_memory(words("GetObject", "ПолучитьОбъект")))
    });
    let (outcome, bytes, left) = written(Value::Deferred(failing), BLOCK);
    assert!(
        matches!(outcome, Err(Unwritten::Source(error)) if error.code == Reason::NoMemory as u16)
    );
    assert_eq!((bytes, left), (None, 0));

    let panicking = Deferred::new(5, |_| panic!("the writer is broken"));
    let (outcome, bytes, left) = written(Value::Deferred(panicking), BLOCK);
    assert!(
        matches!(outcome, Err(Unwritten::Source(error)) if error.code == Reason::Internal as u16)
    );
    assert_eq!((bytes, left), (None, 0));
}

#[test]
fn data_that_the_platform_has_no_room_for_is_not_even_made() {
    let deferred = Deferred::new(BLOCK, |_| panic!("there is nowhere to write"));
    let (outcome, bytes, left) = written(Value::Deferred(deferred), BLOCK - 1);
    assert!(matches!(outcome, Err(Unwritten::NoMemory)));
    assert_eq!((bytes, left), (None, 0));
    assert!(matches!(
        written(Value::Blob(vec![1; 100]), 99).0,
        Err(Unwritten::NoMemory)
    ));
    assert!(matches!(
        written(Value::from("текст"), 11).0,
        Err(Unwritten::NoMemory)
    ));
}

#[test]
fn empty_data_still_has_an_address() {
    let (outcome, bytes, left) = written(Value::Blob(Vec::new()), 1);
    assert!(outcome.is_ok());
    assert_eq!((bytes, left), (Some(Vec::new()), 0));
}
