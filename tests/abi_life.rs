//! An object's life: any order of its beginning, every way to its end, and no call of the platform after it.

use std::thread;

use licence::host::{End, Library, Report};

const ENDS: [End; 5] = [
    End::DestroyObject,
    End::Delete,
    End::DeleteExtender,
    End::DeleteLocale,
    End::DeleteUserLanguage,
];

#[test]
fn memory_manager_first_or_init_first_both_work() {
    let addin = Library::addin();
    for memory_first in [true, false] {
        let object = addin.create("LicenceAddIn").unwrap();
        if memory_first {
            assert!(object.set_memory() && object.init());
        } else {
            assert!(object.init() && object.set_memory());
        }
        assert!(!object.get_text("Version").is_empty());
    }
}

#[test]
fn names_can_be_asked_before_init() {
    let object = Library::addin().create("LicenceAddIn").unwrap();
    assert_eq!(object.info(), 2000);
    assert!(object.set_memory());
    assert_eq!(object.register().as_deref(), Some("LicenceAddIn"));
    assert_eq!(object.property_name(0, 0).as_deref(), Some("Version"));
    assert_eq!(object.find_property("Версия"), 0);
    assert!(object.get_number(0).is_ok());
    object.set_locale("ru_RU");
    assert!(object.init());
}

#[test]
fn without_a_memory_manager_whatever_needs_one_fails_and_the_rest_works() {
    let object = Library::addin().create("LicenceAddIn").unwrap();
    assert!(object.init());
    assert_eq!(object.register(), None);
    assert_eq!(object.property_name(0, 0), None);
    assert!(object.get_number(object.find_property("Version")).is_err());
    assert_eq!(object.error_code(), 0);
    assert!(!object.set_memory_null());
    assert_eq!(object.register(), None);
}

#[test]
fn init_without_a_connection_fails_and_done_still_comes() {
    let object = Library::addin().create("LicenceAddIn").unwrap();
    assert!(!object.init_null());
    object.done();
    assert_eq!(object.finish(End::DestroyObject), Report::default());
}

#[test]
fn done_may_come_twice_or_without_init_or_not_at_all() {
    let addin = Library::addin();
    for end in ENDS {
        for dones in 0..3 {
            for init in [true, false] {
                let object = addin.create("LicenceAddIn").unwrap();
                if init {
                    assert!(object.set_memory() && object.init());
                }
                for _ in 0..dones {
                    object.done();
                }
                assert_eq!(
                    object.finish(end),
                    Report::default(),
                    "{end:?}, {dones} times Done, Init {init}"
                );
            }
        }
    }
}

#[test]
fn an_object_ends_by_the_virtual_destructor_of_each_of_its_bases() {
    for end in ENDS {
        let object = Library::addin().object();
        assert!(!object.get_text("Version").is_empty());
        object.done();
        assert_eq!(object.finish(end), Report::default(), "{end:?}");
    }
}

#[test]
fn the_destructor_in_place_ends_the_object_and_leaves_its_memory() {
    let object = Library::addin().object();
    assert_eq!(object.finish(End::InPlace), Report::default());
}

#[test]
fn after_done_nothing_is_asked_of_the_platform_whatever_it_calls() {
    let object = Library::addin().object();
    object.done();
    let asked = object.allocations();
    for number in 0..object.property_count() {
        let _ = object.get_number(number);
        assert_eq!(object.property_name(number, 0), None);
    }
    assert_eq!(object.register(), None);
    let _ = object.set("RaiseExceptions", licence::host::Value::Bool(true));
    assert!(object.call("GetParameter", &[]).is_err());
    assert_eq!(object.errors(), []);
    assert_eq!(object.allocations(), asked);
    assert_eq!(object.report().late_calls, 0);
}

#[test]
fn an_object_that_is_initialised_anew_after_done_works_again() {
    let object = Library::addin().object();
    object.done();
    assert!(object.init());
    assert!(!object.get_text("Version").is_empty());
}

#[test]
fn many_objects_live_on_many_threads() {
    let addin = Library::addin();
    thread::scope(|scope| {
        for worker in 0..8 {
            scope.spawn(move || {
                for round in 0..100 {
                    let object = addin.object();
                    for number in 0..object.property_count() {
                        let name = object.property_name(number, round % 2).unwrap();
                        assert_eq!(object.find_property(&name.to_uppercase()), number);
                        assert!(object.get_number(number).is_ok());
                    }
                    object.done();
                    let end = ENDS[(worker + round as usize) % ENDS.len()];
                    assert_eq!(object.finish(end), Report::default());
                }
            });
        }
    });
}

#[test]
fn one_object_may_be_used_by_many_threads_at_once() {
    let object = Library::addin().object();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..200 {
                    assert!(!object.get_text("Version").is_empty());
                    let _ = object.call("GetParameter", &[]);
                    let _ = object.get_text("ErrorDescription");
                    object.set_language("ru");
                }
            });
        }
    });
}
