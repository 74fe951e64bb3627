//! No panic of ours crosses into the platform: it would end the user's whole process.

use std::{
    any::Any,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Runs `body`; should it panic, the panic's text.
///
/// What a panic leaves half-done is behind locks that tolerate it (or atomics), hence the assertion.
#[inline]
pub(crate) fn guarded<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(text_of)
}

/// Runs `body`; should it panic, `fallback`.
#[inline]
pub(super) fn guard<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    guarded(body).unwrap_or(fallback)
}

#[cold]
fn text_of(payload: Box<dyn Any + Send>) -> String {
    let text = match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "panic".to_owned(),
    };
    // A payload may panic again while it is dropped; nothing of it may get out either.
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(second);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    struct Stubborn;

    impl Drop for Stubborn {
        fn drop(&mut self) {
            panic!("even its end panics");
        }
    }

    #[test]
    fn a_panic_becomes_its_text() {
        assert_eq!(
            guarded::<()>(|| panic!("text {}", 1)),
            Err("text 1".to_owned())
        );
        assert_eq!(guarded::<()>(|| panic!("fixed")), Err("fixed".to_owned()));
        assert_eq!(guarded(|| 5), Ok(5));
    }

    #[test]
    fn a_panic_whose_payload_panics_when_dropped_stays_inside() {
        assert!(!guard(false, || panic_any(Stubborn)));
        assert!(guard(false, || true));
    }
}
