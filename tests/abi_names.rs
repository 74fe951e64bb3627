//! Names, aliases, arity and defaults, as the platform asks for them.

use licence::host::{Library, Value};

#[test]
fn every_property_and_method_is_found_by_both_names_in_any_case() {
    let object = Library::addin().object();
    for number in 0..object.property_count() {
        for alias in [0, 1] {
            let name = object.property_name(number, alias).unwrap();
            for spelling in [name.clone(), name.to_uppercase(), name.to_lowercase()] {
                assert_eq!(object.find_property(&spelling), number, "{spelling}");
                assert_eq!(object.find_method(&spelling), -1, "{spelling} is no method");
            }
        }
    }
    for number in 0..object.method_count() {
        for alias in [0, 1] {
            let name = object.method_name(number, alias).unwrap();
            for spelling in [name.clone(), name.to_uppercase(), name.to_lowercase()] {
                assert_eq!(object.find_method(&spelling), number, "{spelling}");
                assert_eq!(
                    object.find_property(&spelling),
                    -1,
                    "{spelling} is no property"
                );
            }
        }
    }
}

#[test]
fn all_names_of_the_interface_are_there() {
    let object = Library::addin().object();
    let properties = "Version ModulePath TemplateVersion ServerAddr ServerPort ReservedServers KeyID PublicKey AccessCode \
        Connected CurrentServer ConnectionID SettingsSource LicenceObtained UsedLicence GraceUntil ErrorCode \
        ErrorDescription RaiseExceptions \
        Версия ПутьМодуля ВерсияМакета АдресСервера ПортСервера РезервныеСерверы СерияКлючей ОткрытыйКлюч КодДоступа \
        Подключено ТекущийСервер ИдентификаторСоединения ИсточникНастроек ЛицензияПолучена ИспользованнаяЛицензия \
        ОтсрочкаДо КодОшибки ОписаниеОшибки ВызыватьИсключения";
    for name in properties.split_whitespace() {
        assert!(object.find_property(name) >= 0, "{name}");
    }
    let methods = "SetSession 7 SessionFacts 0 Connect 0 Disconnect 0 ObtainLicence 1 ReleaseLicence 0 LoadDataFile 1 \
        ListObjects 0 GetObject 1 GetObjectToFile 2 GetParameter 2 CheckFlag 1 LicenceInfo 0 ServerInfo 0 Settings 0 \
        УстановитьСеанс 7 СведенияОСеансе 0 Подключиться 0 Отключиться 0 ПолучитьЛицензию 1 ОсвободитьЛицензию 0 \
        ЗагрузитьДанные 1 СписокОбъектов 0 ПолучитьОбъект 1 ПолучитьОбъектВФайл 2 ПолучитьПараметр 2 ПроверитьФлаг 1 \
        СведенияОЛицензии 0 СведенияОСервере 0 Настройки 0";
    let words: Vec<&str> = methods.split_whitespace().collect();
    for pair in words.chunks(2) {
        let number = object.find_method(pair[0]);
        assert!(number >= 0, "{}", pair[0]);
        assert_eq!(
            object.param_count(number).to_string(),
            pair[1],
            "{}",
            pair[0]
        );
        assert!(object.has_answer(number), "{}", pair[0]);
    }
}

#[test]
fn names_that_do_not_exist_are_not_found() {
    let object = Library::addin().object();
    for name in [
        "",
        " ",
        "Versio",
        "Versions",
        "Вeрсия",
        "\u{1F600}",
        "Version\n",
    ] {
        assert_eq!(object.find_property(name), -1, "{name:?}");
        assert_eq!(object.find_method(name), -1, "{name:?}");
    }
    let long = "Version".repeat(1_000_000);
    assert_eq!(
        (object.find_property(&long), object.find_method(&long)),
        (-1, -1)
    );
    assert_eq!(
        (
            object.find_property_units(None),
            object.find_method_units(None)
        ),
        (-1, -1)
    );
    assert_eq!(
        object.find_property_units(Some(&[0xD800, 0xDC00, 0xFFFF, 0])),
        -1
    );
}

#[test]
fn a_name_without_an_end_is_not_read_past_the_longest_one() {
    let object = Library::addin().object();
    // No name is longer than 32 letters, and under a memory checker a read past these would show.
    let endless = vec![u16::from(b'x'); 33];
    assert_eq!(object.find_property_units(Some(&endless)), -1);
    assert_eq!(object.find_method_units(Some(&endless)), -1);
}

#[test]
fn the_platform_gets_names_with_a_nul_from_its_own_memory() {
    // The host frees each name by its manager and reads it to its NUL; dropping the object counts what is lost.
    let object = Library::addin().object();
    let before = object.allocations();
    assert_eq!(object.property_name(0, 1).as_deref(), Some("Версия"));
    assert_eq!(object.method_name(0, 1).as_deref(), Some("УстановитьСеанс"));
    assert_eq!(object.register().as_deref(), Some("LicenceAddIn"));
    assert_eq!(object.allocations(), before + 3);
}

#[test]
fn an_unknown_alias_gets_the_international_name() {
    let object = Library::addin().object();
    for alias in [2, -1, 1_000_000] {
        assert_eq!(object.property_name(0, alias).as_deref(), Some("Version"));
        assert_eq!(object.method_name(0, alias).as_deref(), Some("SetSession"));
    }
}

#[test]
fn numbers_out_of_range_are_refused_everywhere() {
    let object = Library::addin().object();
    let wrong = |count: i64| [-1, count, count + 1, i32::MAX.into(), i32::MIN.into()];
    for number in wrong(object.property_count()) {
        assert_eq!(object.property_name(number, 0), None);
        assert!(!object.readable(number) && !object.writable(number));
        assert!(object.get_number(number).is_err());
        assert!(object.set_number(number, &Value::Int(1)).is_err());
    }
    for number in wrong(object.method_count()) {
        assert_eq!(object.method_name(number, 1), None);
        assert_eq!(object.param_count(number), 0);
        assert!(!object.has_answer(number));
        assert_eq!(object.default(number, 0), (false, Value::Empty));
        assert!(object.function(number, None, 0).is_err());
        assert!(object.procedure(number, None, 0).is_err());
    }
    let method = object.find_method("GetParameter");
    for param in wrong(2) {
        assert_eq!(object.default(method, param), (false, Value::Empty));
    }
}

#[test]
fn required_parameters_have_no_default_and_optional_ones_have() {
    let object = Library::addin().object();
    let obtain = object.find_method("ObtainLicence");
    assert_eq!(object.default(obtain, 0), (true, Value::Int(0)));
    let get = object.find_method("GetParameter");
    assert_eq!(object.default(get, 0), (false, Value::Empty));
    assert!(object.default(get, 1).0);
    assert_eq!(
        object.default(object.find_method("GetObject"), 0),
        (false, Value::Empty)
    );
    let session = object.find_method("SetSession");
    assert_eq!(object.default(session, 0), (false, Value::Empty));
    assert!(object.default(session, 6).0);
}

#[test]
fn what_can_be_written_is_told() {
    let object = Library::addin().object();
    for name in [
        "ServerAddr",
        "ServerPort",
        "ReservedServers",
        "KeyID",
        "PublicKey",
        "AccessCode",
        "RaiseExceptions",
    ] {
        let number = object.find_property(name);
        assert!(object.readable(number) && object.writable(number), "{name}");
    }
    for name in ["Version", "ErrorCode", "Connected", "GraceUntil"] {
        let number = object.find_property(name);
        assert!(
            object.readable(number) && !object.writable(number),
            "{name}"
        );
        assert!(object.set_number(number, &Value::Int(1)).is_err(), "{name}");
    }
}
