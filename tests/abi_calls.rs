//! Calls: arguments left out, statements, errors and exceptions, refused memory, calls inside calls.

use licence::host::{Library, Raised, Value, Values};

const BAD_ARGUMENT: i32 = 103;

#[test]
fn no_arguments_may_come_as_a_null_array() {
    let object = Library::addin().object();
    for name in ["SessionFacts", "ListObjects", "LicenceInfo", "Settings"] {
        let number = object.find_method(name);
        assert!(object.function(number, None, 0).is_ok(), "{name}");
        assert!(object.procedure(number, None, 0).is_ok(), "{name}");
    }
}

#[test]
fn a_count_of_arguments_that_cannot_be_is_an_error() {
    let object = Library::addin().object();
    let number = object.find_method("CheckFlag");
    let values = Values::of(&[Value::Int(1), Value::Int(2)]);
    for (params, count) in [
        (None, 1),
        (None, i64::from(i32::MAX)),
        (Some(&values), 2),
        (Some(&values), -1),
        (None, -1),
    ] {
        assert_eq!(
            object.function(number, params, count),
            Ok(Value::Bool(false))
        );
        assert_eq!(object.error_code(), BAD_ARGUMENT);
    }
}

#[test]
fn arguments_left_out_get_their_defaults_and_a_required_one_is_named() {
    let object = Library::addin().object();
    let obtain = object.find_method("ObtainLicence");
    for params in [
        Values::of(&[Value::Empty]),
        Values::of(&[Value::Bits(1, 0)]),
    ] {
        let _ = object.function(obtain, Some(&params), 1);
        assert_ne!(object.error_code(), BAD_ARGUMENT);
    }
    let _ = object.function(obtain, None, 0);
    assert_ne!(object.error_code(), BAD_ARGUMENT);
    assert_eq!(object.call("CheckFlag", &[]), Ok(Value::Bool(false)));
    assert_eq!(object.error_code(), BAD_ARGUMENT);
    object.set_language("en");
    assert!(object.get_text("ErrorDescription").contains("Number"));
}

#[test]
fn a_function_called_as_a_statement_runs_and_its_answer_is_dropped() {
    let object = Library::addin().object();
    let number = object.find_method("CheckFlag");
    let wrong = Values::of(&[Value::from("x")]);
    assert!(object.procedure(number, Some(&wrong), 1).is_ok());
    assert_eq!(object.error_code(), BAD_ARGUMENT, "it did not run");
    assert!(object.function_null(number, &wrong, 1));
}

#[test]
fn by_default_a_failed_call_answers_false_and_reports_nothing() {
    let object = Library::addin().object();
    assert_eq!(object.get("RaiseExceptions"), Value::Bool(false));
    assert_eq!(
        object.call("CheckFlag", &[Value::from("x")]),
        Ok(Value::Bool(false))
    );
    assert_eq!(object.call("GetObject", &[Value::Int(1)]), Ok(Value::Empty));
    assert_eq!(object.error_code(), BAD_ARGUMENT);
    assert_eq!(object.errors(), []);
}

#[test]
fn with_raise_exceptions_a_failed_call_raises_one_with_the_description() {
    let object = Library::addin().object();
    object.set("RaiseExceptions", Value::Bool(true)).unwrap();
    assert_eq!(object.call("CheckFlag", &[Value::from("x")]), Err(Raised));
    let number = object.find_method("CheckFlag");
    assert_eq!(
        object.procedure(number, Some(&Values::of(&[Value::from("x")])), 1),
        Err(Raised)
    );
    assert_eq!(object.set("ServerPort", "x"), Err(Raised));
    let errors = object.errors();
    assert_eq!(errors.len(), 3);
    for error in &errors {
        assert_eq!((error.code, error.source.as_str()), (1006, "LicenceAddIn"));
        assert_ne!(error.raise, 0);
        assert!(!error.text.is_empty());
    }
    assert_eq!(errors[2].text, object.get_text("ErrorDescription"));
}

#[test]
fn descriptions_are_in_the_language_of_the_interface() {
    let object = Library::addin().object();
    let description = || {
        let _ = object.call("CheckFlag", &[Value::from("x")]);
        object.get_text("ErrorDescription")
    };
    let russian = |text: &str| text.chars().any(|letter| ('а'..='я').contains(&letter));
    for (locale, expected) in [
        ("rus_RUS", true),
        ("en_US", false),
        ("ru_RU", true),
        ("eng_USA", false),
    ] {
        object.set_locale(locale);
        assert_eq!(russian(&description()), expected, "{locale}");
    }
    object.set_locale_null();
    object.set_locale("");
    object.set_locale(&"ru".repeat(1000));
    assert!(!russian(&description()), "a broken locale changes nothing");
    // The language code is the newer way and outranks the locale.
    object.set_language("ru");
    object.set_locale("en_US");
    assert!(russian(&description()));
}

#[test]
fn refused_memory_fails_the_call_and_nothing_else() {
    let object = Library::addin().object();
    for lie in [false, true] {
        object.refuse_after(0, lie);
        assert_eq!(object.register(), None);
        for number in 0..object.property_count() {
            assert_eq!(object.property_name(number, 0), None);
            // Those that need no memory still work; a text does not.
            let _ = object.get_number(number);
        }
        assert!(object.get_number(object.find_property("Version")).is_err());
        assert_eq!(object.get("RaiseExceptions"), Value::Bool(false));
        for number in 0..object.method_count() {
            assert_eq!(object.method_name(number, 1), None);
            for param in 0..object.param_count(number) {
                let (good, value) = object.default(number, param);
                assert!(good || value == Value::Empty);
            }
        }
        // This default is a text.
        let session = object.find_method("SetSession");
        assert_eq!(object.default(session, 6), (false, Value::Empty));
        object.refuse_nothing();
        assert!(!object.get_text("Version").is_empty());
    }
}

#[test]
fn memory_refused_for_an_answer_is_an_error_with_its_own_number() {
    let object = Library::addin().object();
    object.refuse_after(0, false);
    assert_eq!(object.call("Settings", &[]), Err(Raised));
    object.refuse_nothing();
    assert_eq!(object.error_code(), 902);
}

#[test]
fn the_nth_refused_allocation_loses_nothing() {
    let object = Library::addin().object();
    for count in 0..6 {
        object.refuse_after(count, count % 2 == 0);
        let _ = object.register();
        let _ = object.property_name(0, 1);
        let _ = object.get_number(0);
        let _ = object.call("Settings", &[]);
        let _ = object.default(object.find_method("SetSession"), 6);
        object.refuse_nothing();
        assert_eq!(object.report().lost, 0);
    }
}

#[test]
fn arguments_stay_the_platforms_own() {
    // What the arguments point to is not of the memory manager: freeing it would be counted as foreign.
    let object = Library::addin().object();
    let values = Values::of(&[Value::from("name"), Value::Blob(vec![1, 2, 3])]);
    let _ = object.function(object.find_method("GetParameter"), Some(&values), 2);
    let _ = object.set("ServerAddr", "localhost");
    assert_eq!(object.report().foreign_frees, 0);
}

#[test]
fn the_platform_may_call_the_object_again_from_inside_a_report() {
    let object = Library::addin().object();
    object.set("RaiseExceptions", Value::Bool(true)).unwrap();
    let mut runs = 0;
    let mut body = || {
        runs += 1;
        assert_eq!(object.error_code(), BAD_ARGUMENT);
        assert!(!object.get_text("ErrorDescription").is_empty());
        if runs < 5 {
            assert_eq!(object.call("CheckFlag", &[Value::from("x")]), Err(Raised));
        }
        let _ = object.property_name(0, 1);
        object.set_language("ru");
    };
    object.while_reporting(&mut body, || {
        assert_eq!(object.call("CheckFlag", &[Value::from("x")]), Err(Raised));
    });
    assert_eq!(runs, 5);
}

#[test]
fn the_platform_may_say_done_from_inside_a_report() {
    let object = Library::addin().object();
    object.set("RaiseExceptions", Value::Bool(true)).unwrap();
    let late = {
        let mut done = || object.done();
        object.while_reporting(&mut done, || {
            assert_eq!(object.call("CheckFlag", &[Value::from("x")]), Err(Raised));
        });
        object.report().late_calls
    };
    // The one call that was running when Done came is the platform's own doing.
    assert_eq!(late, 1);
    assert_eq!(object.finish(licence::host::End::Delete).late_calls, 1);
}
