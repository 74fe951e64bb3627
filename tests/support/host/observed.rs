//! What the platform refuses an object, tells it, and sees of it.

use std::{ffi::c_void, ptr, time::Duration};

use super::{Error, Event, Object, raw, text, units};

// SAFETY of all calls below: as in `object`.
#[allow(
    clippy::undocumented_unsafe_blocks,
    reason = "said once above for all of them"
)]
impl Object<'_> {
    /// Lets so many allocations through and refuses those after; `lie` says true and gives null.
    pub fn refuse_after(&self, count: i64, lie: bool) {
        unsafe { raw::side_refuse_after(self.side, count, lie) };
    }

    /// Refuses nothing any more.
    pub fn refuse_nothing(&self) {
        unsafe { raw::side_refuse_after(self.side, -1, false) };
    }

    /// How often memory was asked for.
    #[must_use]
    pub fn allocations(&self) -> i64 {
        unsafe { raw::side_allocations(self.side) }
    }

    /// The errors reported so far.
    #[must_use]
    pub fn errors(&self) -> Vec<Error> {
        let count = unsafe { raw::side_error_count(self.side) };
        (0..count)
            .map(|number| {
                let (mut code, mut source, mut words, mut raise) = (0, ptr::null(), ptr::null(), 0);
                unsafe {
                    raw::side_error(
                        self.side,
                        number,
                        &raw mut code,
                        &raw mut source,
                        &raw mut words,
                        &raw mut raise,
                    );
                    Error {
                        code,
                        source: text(source).unwrap_or_default(),
                        text: text(words).unwrap_or_default(),
                        raise,
                    }
                }
            })
            .collect()
    }

    /// Runs `body` inside each report of an error during `during`, as 1C code runs while a dialog is open.
    pub fn while_reporting(&self, body: &mut dyn FnMut(), during: impl FnOnce()) {
        unsafe extern "C" fn run(context: *mut c_void) {
            // SAFETY: the context is the reference below, which lives until the callback is taken away.
            unsafe { (*context.cast::<&mut dyn FnMut()>())() }
        }
        let mut body = body;
        unsafe { raw::side_on_error(self.side, Some(run), (&raw mut body).cast()) };
        during();
        unsafe { raw::side_on_error(self.side, None, ptr::null_mut()) };
    }

    /// The events, once there are `count` or the time is over.
    #[must_use]
    pub fn wait_events(&self, count: usize, limit: Duration) -> Vec<Event> {
        let limit = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        let count = unsafe { raw::side_wait_events(self.side, count as i64, limit) };
        (0..count)
            .map(|number| {
                let (mut source, mut message, mut data) = (ptr::null(), ptr::null(), ptr::null());
                unsafe {
                    raw::side_event(
                        self.side,
                        number,
                        &raw mut source,
                        &raw mut message,
                        &raw mut data,
                    );
                    Event {
                        source: text(source).unwrap_or_default(),
                        message: text(message).unwrap_or_default(),
                        data: text(data).unwrap_or_default(),
                    }
                }
            })
            .collect()
    }

    /// How many events may wait.
    #[must_use]
    pub fn event_depth(&self) -> i64 {
        unsafe { raw::side_depth(self.side) }
    }

    /// How often the component asked for an interface of the platform.
    #[must_use]
    pub fn interface_calls(&self) -> i64 {
        unsafe { raw::side_interface_calls(self.side) }
    }

    /// What the platform tells of itself; none answers null to GetInterface.
    pub fn platform(&self, version_and_application: Option<(&str, i32)>) {
        let (version, application) = version_and_application.unwrap_or_default();
        let present = version_and_application.is_some();
        unsafe {
            raw::side_platform(
                self.side,
                units(version).as_ptr(),
                application,
                present,
                false,
            )
        };
    }

    /// A platform that has the interface and gives no structure.
    pub fn platform_without_info(&self) {
        unsafe { raw::side_platform(self.side, units("").as_ptr(), 0, true, true) };
    }
}
