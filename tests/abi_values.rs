//! Values in all shapes that a platform may send, and in the few that a component may return.

use licence::host::{Library, Value, Values, kind};

/// Texts up to this many units are taken.
const MAX_TEXT: usize = 512 * 1024;

#[test]
fn an_answer_is_written_over_any_bits_and_nothing_of_them_is_freed_or_left() {
    let object = Library::addin().object();
    let number = object.find_property("RaiseExceptions");
    let answer = Values::garbage(1);
    assert!(object.get_into(number, &answer));
    assert_eq!(answer.kind(0), kind::BOOL);
    let bytes = answer.bytes(0);
    assert!(
        !bytes.contains(&0xAA),
        "bytes of the platform's garbage are left: {bytes:x?}"
    );
}

#[test]
fn every_property_returns_a_type_that_platforms_read() {
    // `consume` fails the test on any other type and on a text without its NUL.
    let object = Library::addin().object();
    for number in 0..object.property_count() {
        assert!(
            object.get_number(number).is_ok(),
            "{:?}",
            object.property_name(number, 0)
        );
    }
    assert_eq!(object.get("GraceUntil"), Value::Date([1, 1, 1, 0, 0, 0]));
    assert_eq!(object.get("ErrorCode"), Value::Int(0));
    assert_eq!(object.get("LicenceObtained"), Value::Bool(false));
}

#[test]
fn null_places_are_refused() {
    let object = Library::addin().object();
    assert!(!object.get_null(0) && !object.register_null());
    assert!(!object.set_null(object.find_property("RaiseExceptions")));
    assert!(!object.default_null(object.find_method("ObtainLicence"), 0));
}

/// Whether CheckFlag takes the argument: it fails later, for want of a licence, with another number.
fn taken_as_int(value: Value) -> bool {
    let object = Library::addin().object();
    assert_eq!(object.call("CheckFlag", &[value]), Ok(Value::Bool(false)));
    object.error_code() != BAD_ARGUMENT
}

const BAD_ARGUMENT: i32 = protocol_reason::BAD_ARGUMENT;
const TOO_LONG: i32 = protocol_reason::TOO_LONG;

/// The frozen numbers, written out: 1C code compares with them.
mod protocol_reason {
    pub(super) const BAD_ARGUMENT: i32 = 103;
    pub(super) const TOO_LONG: i32 = 104;
}

#[test]
fn whole_numbers_of_every_width_are_numbers() {
    for kind in [
        kind::I1,
        kind::I2,
        kind::I4,
        kind::I8,
        kind::UI1,
        kind::UI2,
        kind::UI4,
        kind::UI8,
        kind::INT,
        kind::UINT,
    ] {
        assert!(taken_as_int(Value::Bits(kind, 7)), "type {kind}");
    }
    assert!(taken_as_int(Value::Bits(
        kind::R4,
        u64::from(7_f32.to_bits())
    )));
    assert!(taken_as_int(Value::Double(7.0)));
}

#[test]
fn numbers_that_are_no_whole_number_of_32_bits_are_refused_and_not_cut() {
    for value in [
        Value::Double(7.5),
        Value::Double(f64::NAN),
        Value::Double(f64::INFINITY),
        Value::Double(1e300),
        Value::Bits(kind::UI4, 0xFFFF_FFFF),
        Value::Bits(kind::I8, 1 << 40),
        Value::Bits(kind::UI8, u64::MAX),
        Value::Bool(true),
        Value::from("7"),
    ] {
        assert!(!taken_as_int(value.clone()), "{value:?}");
    }
}

#[test]
fn types_that_nobody_knows_are_an_error_with_a_sentence_and_nothing_else() {
    let object = Library::addin().object();
    // INTERFACE, VARIANT, CLSID, and flags or numbers that no type has.
    for kind in [
        9, 12, 24, 25, 100, 0xfff, 0x1003, 0x2016, 0x4016, 0x8000, 0xaaaa, 0xffff,
    ] {
        assert_eq!(
            object.call("CheckFlag", &[Value::Bits(kind, u64::MAX)]),
            Ok(Value::Bool(false))
        );
        assert_eq!(object.error_code(), BAD_ARGUMENT, "type {kind}");
        assert!(!object.get_text("ErrorDescription").is_empty());
        assert!(
            object
                .set("RaiseExceptions", Value::Bits(kind, u64::MAX))
                .is_ok()
        );
        assert_eq!(object.error_code(), BAD_ARGUMENT, "type {kind}");
    }
}

#[test]
fn a_boolean_is_any_byte_but_0() {
    let object = Library::addin().object();
    for (byte, expected) in [
        (0, false),
        (1, true),
        (2, true),
        (0xFF, true),
        (0xAA00, false),
    ] {
        object
            .set("RaiseExceptions", Value::Bits(kind::BOOL, byte))
            .unwrap();
        assert_eq!(
            object.get("RaiseExceptions"),
            Value::Bool(expected),
            "{byte:x}"
        );
    }
}

#[test]
fn empty_and_null_texts_and_data_are_empty_whatever_the_pointer() {
    let object = Library::addin().object();
    for value in [
        Value::Null(kind::PWSTR, 0),
        Value::from(""),
        Value::Null(kind::PSTR, 0),
    ] {
        let _ = object.call("GetParameter", std::slice::from_ref(&value));
        assert_ne!(object.error_code(), BAD_ARGUMENT, "{value:?}");
        assert_ne!(object.error_code(), 0, "{value:?}");
    }
    for value in [
        Value::Null(kind::PWSTR, 5),
        Value::Null(kind::PSTR, 5),
        Value::Null(kind::PWSTR, u32::MAX),
    ] {
        let _ = object.call("GetParameter", std::slice::from_ref(&value));
        assert_eq!(object.error_code(), BAD_ARGUMENT, "{value:?}");
    }
    for value in [Value::Null(kind::BLOB, 0), Value::Blob(Vec::new())] {
        assert_eq!(
            object.call("LoadDataFile", std::slice::from_ref(&value)),
            Ok(Value::Bool(false))
        );
        assert_ne!(object.error_code(), BAD_ARGUMENT, "{value:?}");
        assert_ne!(object.error_code(), 0, "{value:?}");
    }
    assert_eq!(
        object.call("LoadDataFile", &[Value::Null(kind::BLOB, 5)]),
        Ok(Value::Bool(false))
    );
    assert_eq!(object.error_code(), BAD_ARGUMENT);
}

#[test]
fn a_text_at_the_limit_is_taken_and_one_unit_more_is_refused() {
    let object = Library::addin().object();
    let _ = object.call(
        "GetParameter",
        &[Value::from("я".repeat(MAX_TEXT).as_str())],
    );
    assert_ne!(object.error_code(), TOO_LONG);
    let _ = object.call(
        "GetParameter",
        &[Value::from("я".repeat(MAX_TEXT + 1).as_str())],
    );
    assert_eq!(object.error_code(), TOO_LONG);
    // A length that is a lie is refused before a unit is read.
    for (kind, length) in [(kind::PWSTR, u32::MAX), (kind::PWSTR, MAX_TEXT as u32 + 1)] {
        let _ = object.call("GetParameter", &[Value::Units(vec![0x41], length)]);
        assert_eq!(object.error_code(), TOO_LONG, "type {kind}");
    }
    assert!(
        object
            .set("KeyID", "x".repeat(MAX_TEXT + 1).as_str())
            .is_ok()
    );
    assert_eq!(object.error_code(), TOO_LONG);
}

#[test]
fn halves_of_surrogates_and_bytes_that_are_no_text_do_no_harm() {
    let object = Library::addin().object();
    for units in [
        vec![0xD800],
        vec![0xDC00, 0xD800],
        vec![0x41, 0xDFFF, 0x42],
        vec![0, 0, 0],
    ] {
        let length = units.len() as u32;
        let _ = object.call("GetParameter", &[Value::Units(units, length)]);
        assert_ne!(object.error_code(), 0);
    }
    let _ = object.call("GetParameter", &[Value::Bytes(vec![0xFF, 0xFE, 0x80])]);
    assert_eq!(object.error_code(), BAD_ARGUMENT);
}

#[test]
fn dates_are_taken_with_garbage_for_a_zone_and_the_empty_one_too() {
    let object = Library::addin().object();
    let session = |started: Value| {
        let arguments = [
            Value::from("Srvr=\"host\";Ref=\"base\";"),
            Value::Int(5),
            started,
            Value::from("user"),
            Value::from("computer"),
            Value::from("1CV8C"),
        ];
        let _ = object.call("SetSession", &arguments);
        object.error_code()
    };
    for date in [
        [2026, 11, 24, 6, 5, 4],
        [1, 1, 1, 0, 0, 0],
        [9999, 12, 31, 23, 59, 59],
        [2024, 2, 29, 0, 0, 0],
    ] {
        assert_ne!(session(Value::Date(date)), BAD_ARGUMENT, "{date:?}");
    }
    // 1900-01-01 06:00 in days since 1899-12-30.
    assert_ne!(
        session(Value::Bits(kind::DATE, 2.25_f64.to_bits())),
        BAD_ARGUMENT
    );
    for fields in [
        [0, 0, 0, 31, 1, 126],
        [0, 0, 0, 1, 12, 126],
        [-1, 0, 0, 1, 0, 126],
        [i32::MAX; 6],
        [i32::MIN; 6],
    ] {
        assert_eq!(session(Value::Tm(fields)), BAD_ARGUMENT, "{fields:?}");
    }
    for days in [f64::NAN, f64::INFINITY, 1e300, -1e300] {
        assert_eq!(
            session(Value::Bits(kind::DATE, days.to_bits())),
            BAD_ARGUMENT,
            "{days}"
        );
    }
}

#[test]
fn random_bits_of_every_type_without_a_pointer_do_no_harm() {
    let object = Library::addin().object();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..20_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let kind = (state >> 40) as u16;
        if [kind::PSTR, kind::PWSTR, kind::BLOB].contains(&kind) {
            continue;
        }
        let method = if state & 1 == 0 {
            "CheckFlag"
        } else {
            "GetParameter"
        };
        let _ = object.call(
            method,
            &[Value::Bits(
                kind & if state & 2 == 0 { 0x1F } else { 0xFFFF },
                state,
            )]
            .map(no_pointer),
        );
    }
}

/// Masking may have made a type with a pointer of one without.
fn no_pointer(value: Value) -> Value {
    match value {
        Value::Bits(kind::PSTR | kind::PWSTR | kind::BLOB, bits) => Value::Bits(kind::R8, bits),
        other => other,
    }
}
