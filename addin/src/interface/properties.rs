//! The properties that 1C code sees, in the order of their numbers.

use crate::{
    native::module::module_path,
    table::{Kind, Property, Value, words},
};

pub(super) const PROPERTIES: &[Property] = &[
    Property::read_only(
        words("Version", "Версия"),
        Kind::Text,
        words(
            "The version of the module that works.",
            "Версия работающего модуля.",
        ),
        |_| Value::from(protocol::Version::CURRENT.to_string()),
    ),
    Property::read_only(
        words("ModulePath", "ПутьМодуля"),
        Kind::Text,
        words(
            "The file of the module that works.",
            "Файл работающего модуля.",
        ),
        |_| {
            Value::from(
                module_path()
                    .map(|path| path.display().to_string())
                    .unwrap_or_default(),
            )
        },
    ),
    Property::read_only(
        words("TemplateVersion", "ВерсияМакета"),
        Kind::Text,
        words(
            "The version of the copy in the configuration's template; another than Version when the component installed on the computer works instead of it.",
            "Версия копии из макета конфигурации; отличается от Версия, если вместо неё работает компонента, установленная на компьютере.",
        ),
        |object| Value::from(object.template_version()),
    ),
    Property::read_write(
        words("ServerAddr", "АдресСервера"),
        Kind::Text,
        words(
            "The address of the licence server.",
            "Адрес сервера лицензирования.",
        ),
        |object| Value::from(object.server_addr()),
        |object, value| object.set_server_addr(value.as_text().unwrap_or_default()),
    ),
    Property::read_write(
        words("ServerPort", "ПортСервера"),
        Kind::Integer,
        words(
            "The port of the licence server, 9099 by default.",
            "Порт сервера лицензирования, по умолчанию 9099.",
        ),
        |object| Value::Int(i32::from(object.server_port())),
        |object, value| object.set_server_port(value.as_int().unwrap_or_default()),
    ),
    Property::read_write(
        words("ReservedServers", "РезервныеСерверы"),
        Kind::Text,
        words(
            "Further servers, host:port with commas between, tried in turn.",
            "Резервные серверы, хост:порт через запятую, по очереди.",
        ),
        |object| Value::from(object.reserved_servers()),
        |object, value| object.set_reserved_servers(value.as_text().unwrap_or_default()),
    ),
    Property::read_write(
        words("KeyID", "СерияКлючей"),
        Kind::Text,
        words(
            "The series of keys, four hex digits.",
            "Серия ключей, четыре шестнадцатеричные цифры.",
        ),
        |object| Value::from(object.key_id().map(|id| id.to_string()).unwrap_or_default()),
        |object, value| object.set_key_id(value.as_text().unwrap_or_default()),
    ),
    Property::read_write(
        words("PublicKey", "ОткрытыйКлюч"),
        Kind::Text,
        words(
            "The public key of the series, where no datafile is used.",
            "Открытый ключ серии, если файл данных не используется.",
        ),
        |object| {
            Value::from(
                object
                    .public_key()
                    .map(|key| key.to_string())
                    .unwrap_or_default(),
            )
        },
        |object, value| object.set_public_key(value.as_text().unwrap_or_default()),
    ),
    Property::read_write(
        words("AccessCode", "КодДоступа"),
        Kind::Text,
        words(
            "The access code that the server's administrator gave out.",
            "Код доступа, выданный администратором сервера.",
        ),
        |object| Value::from(object.access_code()),
        |object, value| object.set_access_code(value.as_text().unwrap_or_default()),
    ),
    Property::read_only(
        words("Connected", "Подключено"),
        Kind::Boolean,
        words(
            "Whether the connection to a server stands.",
            "Установлено ли соединение с сервером.",
        ),
        |object| Value::Bool(object.connected()),
    ),
    Property::read_only(
        words("CurrentServer", "ТекущийСервер"),
        Kind::Text,
        words(
            "The server in use, host:port.",
            "Используемый сервер, хост:порт.",
        ),
        |object| Value::from(object.current_server()),
    ),
    Property::read_only(
        words("ConnectionID", "ИдентификаторСоединения"),
        Kind::Text,
        words(
            "The connection's id on the server.",
            "Идентификатор соединения на сервере.",
        ),
        |object| Value::from(object.connection_id()),
    ),
    Property::read_only(
        words("SettingsSource", "ИсточникНастроек"),
        Kind::Text,
        words(
            "Where the server's address came from.",
            "Откуда взят адрес сервера.",
        ),
        |object| Value::from(object.settings_source()),
    ),
    Property::read_only(
        words("LicenceObtained", "ЛицензияПолучена"),
        Kind::Boolean,
        words(
            "Whether this session has a licence.",
            "Есть ли лицензия у этого сеанса.",
        ),
        |object| Value::Bool(object.licence_obtained()),
    ),
    Property::read_only(
        words("UsedLicence", "ИспользованнаяЛицензия"),
        Kind::Integer,
        words(
            "The number of the key in use, 0 if none.",
            "Номер используемого ключа, 0 если его нет.",
        ),
        |object| Value::integer(object.used_licence()),
    ),
    Property::read_only(
        words("GraceUntil", "ОтсрочкаДо"),
        Kind::Date,
        words(
            "Until when (UTC) work goes on although no server answers; the empty date if one does.",
            "До какого времени (UTC) работа продолжается без ответа сервера; пустая дата, если сервер отвечает.",
        ),
        |object| Value::Date(object.grace_until()),
    ),
    Property::read_only(
        words("ErrorCode", "КодОшибки"),
        Kind::Integer,
        words(
            "The number of the last call's error, 0 if it succeeded.",
            "Номер ошибки последнего вызова, 0 если он удался.",
        ),
        |object| Value::Int(i32::from(object.error_code())),
    ),
    Property::read_only(
        words("ErrorDescription", "ОписаниеОшибки"),
        Kind::Text,
        words(
            "What happened in the last call and what to do.",
            "Что произошло в последнем вызове и что делать.",
        ),
        |object| Value::from(object.error_description()),
    ),
    Property::read_write(
        words("RaiseExceptions", "ВызыватьИсключения"),
        Kind::Boolean,
        words(
            "Whether failed calls raise exceptions; they answer False otherwise. False by default.",
            "Вызывают ли неудачные вызовы исключения; иначе они возвращают Ложь. По умолчанию Ложь.",
        ),
        |object| Value::Bool(object.raise_exceptions()),
        |object, value| {
            object.set_raise_exceptions(value.as_bool().unwrap_or_default());
            Ok(())
        },
    ),
];
