//! What an object answers before it has a server, and what it takes from 1C code.

use protocol::facts::SessionFacts;

use super::*;
use crate::table::Value;

fn object() -> Object {
    Object::new(HostHandle::detached())
}

fn reason<T: std::fmt::Debug>(result: Result<T, CallError>) -> Reason {
    result.unwrap_err().reason()
}

fn arguments(infobase: &str, number: i32) -> SessionArguments<'_> {
    SessionArguments {
        infobase,
        number,
        started: "2026-03-01T10:00:00".parse().unwrap(),
        user_name: "Иванов",
        computer_name: "PC7",
        app_name: "1CV8C",
        parent: "",
    }
}

#[test]
fn calls_out_of_order_say_which_call_is_missing() {
    let object = object();
    assert_eq!(reason(object.connect()), Reason::NoKeyId);
    object.set_key_id("672В").unwrap();
    assert_eq!(reason(object.connect()), Reason::NoPublicKey);
    assert_eq!(reason(object.obtain_licence(0)), Reason::NoSession);
    object
        .set_session(&arguments("File=\"/srv/a\";", 1))
        .unwrap();
    assert_eq!(reason(object.obtain_licence(0)), Reason::NotConnected);
    assert_eq!(reason(object.release_licence()), Reason::NotConnected);
    assert_eq!(reason(object.list_objects()), Reason::NoDataFile);
    assert_eq!(reason(object.object("x")), Reason::NoDataFile);
    assert_eq!(reason(object.parameter("x")), Reason::NoLicenceObtained);
    assert_eq!(reason(object.check_flag(0)), Reason::NoLicenceObtained);
    assert_eq!(reason(object.check_flag(32)), Reason::BadArgument);
    assert_eq!(reason(object.licence_info()), Reason::NoLicenceObtained);
    assert_eq!(reason(object.server_info()), Reason::NotConnected);
    assert_eq!(object.disconnect(), Ok(()));
    object.done();
    object.done();
}

#[test]
fn properties_without_a_connection_are_empty_and_never_fail() {
    let object = object();
    assert!(!object.connected() && !object.licence_obtained());
    assert_eq!(
        (object.current_server(), object.connection_id()),
        Default::default()
    );
    assert_eq!((object.used_licence(), object.server_port()), (0, 9099));
    assert_eq!(object.grace_until(), Value::EMPTY_DATE);
    assert!(object.settings_json().contains("\"ServerAddr\""));
}

#[test]
fn values_that_cannot_be_are_refused_and_the_old_ones_stay() {
    let object = object();
    object.set_server_addr("server2").unwrap();
    assert_eq!(reason(object.set_server_addr("a b")), Reason::BadAddress);
    assert_eq!(reason(object.set_server_port(70_000)), Reason::BadAddress);
    assert_eq!(reason(object.set_server_port(-1)), Reason::BadAddress);
    assert_eq!(
        reason(object.set_reserved_servers("a,b:x")),
        Reason::BadAddress
    );
    let error = object.set_key_id("67ZB").unwrap_err();
    assert!(error.ru.contains("'Z'"), "{}", error.ru);
    let long = object.set_key_id(&"x".repeat(100_000)).unwrap_err();
    assert_eq!(long.reason(), Reason::TooLong);
    assert_eq!(reason(object.set_public_key("abc")), Reason::BadPublicKey);
    assert_eq!(
        reason(object.set_access_code(&"x".repeat(2000))),
        Reason::TooLong
    );
    assert_eq!(
        (object.server_addr().as_str(), object.key_id()),
        ("server2", None)
    );
}

#[test]
fn the_session_s_facts_pass_between_objects_as_one_text() {
    let (server, client) = (object(), object());
    server
        .set_session(&arguments("Srvr=\"app\";Ref=\"t\";", 6))
        .unwrap();
    let text = server.session_facts().unwrap();
    client.set_session(&arguments(&text, 0)).unwrap();
    assert_eq!(client.session_facts().unwrap(), text);
    assert_eq!(SessionFacts::from_text(&text).unwrap().key.number, 6);

    let child = object();
    child
        .set_session(&SessionArguments {
            parent: &text,
            ..arguments("Srvr=\"app\";Ref=\"t\";", 7)
        })
        .unwrap();
    let facts = SessionFacts::from_text(&child.session_facts().unwrap()).unwrap();
    assert_eq!(facts.parent.unwrap().number, 6);
}

#[test]
fn facts_that_are_missing_or_too_long_are_named() {
    let object = object();
    assert_eq!(reason(object.session_facts()), Reason::NoSession);
    assert_eq!(
        reason(object.set_session(&arguments("", 1))),
        Reason::BadArgument
    );
    assert_eq!(
        reason(object.set_session(&arguments("File=a", 0))),
        Reason::BadArgument
    );
    assert_eq!(
        reason(object.set_session(&arguments("LF1.%%", 1))),
        Reason::BadArgument
    );
    let long = "x".repeat(3000);
    assert_eq!(
        reason(object.set_session(&arguments(&long, 1))),
        Reason::TooLong
    );
    let empty_date = SessionArguments {
        started: Value::EMPTY_DATE,
        ..arguments("File=a", 1)
    };
    assert_eq!(object.set_session(&empty_date), Ok(()));
}

#[test]
fn an_error_is_told_in_the_user_s_language_and_raised_when_asked_for() {
    let object = object();
    let error = texts::error(Reason::NoSeats);
    object.set_language(Language::Russian);
    assert_eq!(object.on_call_error(&error), Failure::Answer);
    assert_eq!(object.error_code(), 302);
    assert!(object.error_description().contains("лицензии заняты"));
    object.set_language(Language::English);
    assert!(object.error_description().contains("licences are in use"));
    object.set_raise_exceptions(true);
    assert!(
        matches!(object.on_call_error(&error), Failure::Raise(text) if text.contains("licences"))
    );
    object.on_call();
    assert_eq!(
        (object.error_code(), object.error_description()),
        (0, String::new())
    );
}
