//! The way to the platform, over a connection made here. The real C++ shapes are for the simulated host.

use super::*;

#[test]
fn a_detached_handle_sends_nothing_and_knows_nothing() {
    let host = HostHandle::detached();
    assert!(!host.event("ConnectionLost", "{}"));
    assert!(!host.raise("x"));
    assert_eq!(host.platform(), PlatformInfo::default());
    host.detach();
}

#[test]
fn a_program_that_we_do_not_know_is_unknown() {
    assert_eq!(Application::of_number(3), Application::Server);
    for number in [-1, 7, i32::MIN, i32::MAX] {
        assert_eq!(Application::of_number(number), Application::Unknown);
    }
}

/// A connection that only counts events; the other slots are never called here.
#[repr(C)]
struct Platform {
    table: *const AddInDefBase,
    events: std::sync::atomic::AtomicUsize,
}

unsafe extern "system" fn event(
    this: *mut c_void,
    _: *mut u16,
    message: *mut u16,
    _: *mut u16,
) -> u8 {
    // SAFETY: called by `HostHandle` with the platform below and NUL-terminated texts.
    unsafe {
        assert_eq!(terminated(message, 20), Some(&[u16::from(b'm')][..]));
        (*this.cast::<Platform>())
            .events
            .fetch_add(1, Ordering::SeqCst);
    }
    1
}

unsafe extern "system" fn depth(_: *mut c_void, depth: c_long) -> u8 {
    assert_eq!(depth, EVENT_DEPTH);
    1
}

unsafe extern "system" fn error(
    _: *mut c_void,
    _: c_ushort,
    _: *const u16,
    _: *const u16,
    _: c_long,
) -> u8 {
    0
}
unsafe extern "system" fn read(
    _: *mut c_void,
    _: *mut u16,
    _: *mut c_void,
    _: *mut *mut c_long,
    _: *mut *mut u16,
) -> u8 {
    0
}
unsafe extern "system" fn write(_: *mut c_void, _: *mut u16, _: *mut c_void) -> u8 {
    0
}
unsafe extern "system" fn text(_: *mut c_void, _: *mut u16) -> u8 {
    0
}
unsafe extern "system" fn number(_: *mut c_void) -> c_long {
    0
}
unsafe extern "system" fn nothing(_: *mut c_void) {}
unsafe extern "system" fn interface(_: *mut c_void, _: i32) -> *mut c_void {
    ptr::null_mut()
}

#[test]
fn events_of_many_threads_get_through_until_done_and_none_after() {
    let table = AddInDefBase {
        destructors: [ptr::null(); size_of::<DestructorSlots>() / size_of::<*const c_void>()],
        add_error: error,
        read,
        write,
        register_profile_as: text,
        set_event_buffer_depth: depth,
        get_event_buffer_depth: number,
        external_event: event,
        clean_event_buffer: nothing,
        set_status_line: text,
        reset_status_line: nothing,
        get_interface: interface,
    };
    for _ in 0..100 {
        let mut platform = Platform {
            table: &raw const table,
            events: 0.into(),
        };
        let connection: *mut Platform = &raw mut platform;
        let host = HostHandle::detached();
        // SAFETY: the platform outlives the handle's use of it.
        unsafe { host.attach(connection.cast()) };
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let host = host.clone();
                scope.spawn(move || while host.event("m", "{}") {});
            }
            // SAFETY: the platform is alive; the counter is atomic.
            while unsafe { (*connection).events.load(Ordering::SeqCst) } < 10 {
                std::thread::yield_now();
            }
            host.detach();
            // SAFETY: as above.
            let at_done = unsafe { (*connection).events.load(Ordering::SeqCst) };
            assert!(!host.event("m", "{}"));
            std::thread::yield_now();
            // SAFETY: as above.
            let later = unsafe { (*connection).events.load(Ordering::SeqCst) };
            assert_eq!(later, at_done);
        });
    }
}
