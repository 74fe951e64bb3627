//! The properties that 1C code sees, in the order of their numbers.

use crate::{
    native::module::module_path,
    table::{DefaultValue, Getter, Kind, Property, Value, words},
};

pub(super) const PROPERTIES: &[Property] = &[
    Property::read_only(
        words("Version", "Версия"),
        Kind::Text,
        words(
            "The version of the module that works.",
            "Версия работающего модуля.",
        ),
        Getter::Any(|_| Value::from(protocol::Version::CURRENT_TEXT)),
    ),
    Property::read_only(
        words("ModulePath", "ПутьМодуля"),
        Kind::Text,
        words(
            "The file of the module that works.",
            "Файл работающего модуля.",
        ),
        Getter::Any(|_| {
            Value::from(
                module_path()
                    .map(|path| path.display().to_string())
                    .unwrap_or_default(),
            )
        }),
    ),
    Property::read_only(
        words("TemplateVersion", "ВерсияМакета"),
        Kind::Text,
        words(
            "The version of the copy in the configuration's template; another than Version when the component installed on the computer works instead of it.",
            "Версия копии из макета конфигурации; отличается от Версия, если вместо неё работает компонента, установленная на компьютере.",
        ),
        Getter::Any(|object| Value::Text(object.template_version())),
    ),
    Property::read_write(
        words("ServerAddr", "АдресСервера"),
        Kind::Text,
        DefaultValue::Text(""),
        words(
            "The licence server: a name or an IP address, with a port after a colon if need be, an IPv6 address with a port in brackets. Empty: licenceaddin.conf says it, else localhost. Where the file forces its settings, setting succeeds without effect and reading gives the file's. Takes effect at the next Connect.",
            "Сервер лицензирования: имя или IP-адрес, при необходимости с портом через двоеточие; адрес IPv6 с портом – в квадратных скобках. Пустая строка: адрес из licenceaddin.conf, иначе localhost. Если файл требует своих настроек (ForceUseConfig=1), установка ничего не меняет, а чтение даёт адрес из файла. Действует со следующего вызова Подключиться.",
        ),
        Getter::Any(|object| Value::from(object.server_addr())),
        |object, value| object.set_server_addr(value.as_text().unwrap_or_default()),
    ),
    Property::read_write(
        words("ServerPort", "ПортСервера"),
        Kind::Integer,
        DefaultValue::Int(9099),
        words(
            "The port of the licence server. 0 is the default again. Counts only together with ServerAddr.",
            "Порт сервера лицензирования. Ноль возвращает значение по умолчанию. Учитывается только вместе с АдресСервера.",
        ),
        Getter::Int(|object| i32::from(object.server_port())),
        |object, value| object.set_server_port(value.as_int().unwrap_or_default()),
    ),
    Property::read_write(
        words("ReservedServers", "РезервныеСерверы"),
        Kind::Text,
        DefaultValue::Text(""),
        words(
            "Further servers, Addr[:Port] with commas between, at most 16, tried in turn after ServerAddr. Counts only together with ServerAddr.",
            "Резервные серверы: Адрес[:Порт] через запятую, не больше 16; перебираются по очереди после АдресСервера. Учитываются только вместе с АдресСервера.",
        ),
        Getter::Any(|object| Value::from(object.reserved_servers())),
        |object, value| object.set_reserved_servers(value.as_text().unwrap_or_default()),
    ),
    Property::read_write(
        words("KeyID", "СерияКлючей"),
        Kind::Text,
        DefaultValue::Text(""),
        words(
            "The series of keys, four hex digits. Unset it is the loaded datafile's. Cyrillic look-alikes are read as Latin letters, with a note in the log.",
            "Серия ключей, четыре шестнадцатеричные цифры. Если не задана, берётся из загруженного файла данных. Похожие кириллические буквы читаются как латинские, о чём пишется в лог.",
        ),
        Getter::Any(|object| {
            Value::from(object.key_id().map(|id| id.to_string()).unwrap_or_default())
        }),
        |object, value| object.set_key_id(value.as_text().unwrap_or_default()),
    ),
    Property::read_write(
        words("PublicKey", "ОткрытыйКлюч"),
        Kind::Text,
        DefaultValue::Text(""),
        words(
            "The public key of the series, ed25519:… or p256:…, from licence.series; after a comma those that it had before. Unset it is the loaded datafile's; it is set where nothing is protected.",
            "Открытый ключ серии вида ed25519:… или p256:… из файла licence.series; через запятую — её прежние ключи. Если не задан, берётся из загруженного файла данных; задаётся там, где защищённых объектов нет.",
        ),
        Getter::Any(|object| {
            Value::from(
                object
                    .public_keys()
                    .map(|keys| keys.to_string())
                    .unwrap_or_default(),
            )
        }),
        |object, value| object.set_public_key(value.as_text().unwrap_or_default()),
    ),
    Property::read_write(
        words("AccessCode", "КодДоступа"),
        Kind::Text,
        DefaultValue::Text(""),
        words(
            "The access code that the server's administrator gave to this infobase; empty where the server asks for none.",
            "Код доступа, выданный этой базе администратором сервера; пустая строка, если сервер его не требует.",
        ),
        Getter::Any(|object| Value::from(object.access_code())),
        |object, value| object.set_access_code(value.as_text().unwrap_or_default()),
    ),
    Property::read_only(
        words("Connected", "Подключено"),
        Kind::Boolean,
        words(
            "Whether a server answers. It becomes False by itself when the connection is lost and True when it is restored.",
            "Отвечает ли сервер. Само становится Ложь при потере связи и Истина при её восстановлении.",
        ),
        Getter::Bool(|object| object.connected()),
    ),
    Property::read_only(
        words("CurrentServer", "ТекущийСервер"),
        Kind::Text,
        words(
            "The server in use, host:port; empty when there is none.",
            "Используемый сервер, хост:порт; пустая строка, если его нет.",
        ),
        Getter::Any(|object| Value::from(object.current_server())),
    ),
    Property::read_only(
        words("ConnectionID", "ИдентификаторСоединения"),
        Kind::Text,
        words(
            "The connection's id in the server's lists and REST API.",
            "Идентификатор соединения в списках и REST API сервера.",
        ),
        Getter::Any(|object| Value::from(object.connection_id())),
    ),
    Property::read_only(
        words("SettingsSource", "ИсточникНастроек"),
        Kind::Text,
        words(
            "Where the servers of the last Connect came from: Code, Defaults, or the path of the file.",
            "Откуда взяты серверы последнего подключения: Code – из кода 1С, Defaults – по умолчанию, иначе путь файла.",
        ),
        Getter::Any(|object| Value::from(object.settings_source())),
    ),
    Property::read_only(
        words("LicenceObtained", "ЛицензияПолучена"),
        Kind::Boolean,
        words(
            "Whether this session has a licence; True also in the time of grace. Reading asks no server, so it may be read as often as one likes.",
            "Есть ли лицензия у этого сеанса; Истина и во время отсрочки. Чтение не обращается к серверу, поэтому проверять можно сколь угодно часто.",
        ),
        Getter::Bool(|object| object.licence_obtained()),
    ),
    Property::read_only(
        words("UsedLicence", "ИспользованнаяЛицензия"),
        Kind::Integer,
        words(
            "The number of the key whose licence is in use, 0 if none.",
            "Номер ключа, лицензия которого используется; 0, если лицензии нет.",
        ),
        Getter::Any(|object| Value::integer(object.used_licence())),
    ),
    Property::read_only(
        words("GraceUntil", "ОтсрочкаДо"),
        Kind::Date,
        words(
            "Until when (UTC) work goes on although no server answers; the empty date if one does.",
            "До какого времени (UTC) работа продолжается без ответа сервера; пустая дата, если сервер отвечает.",
        ),
        Getter::Any(|object| Value::Date(object.grace_until())),
    ),
    Property::read_only(
        words("ErrorCode", "КодОшибки"),
        Kind::Integer,
        words(
            "The number of the last call's error, 0 if it succeeded; writing a property is a call, too, reading is not. The numbers are listed below.",
            "Номер ошибки последнего вызова; 0, если он удался. Запись свойства – тоже вызов, чтение – нет. Список номеров – ниже.",
        ),
        Getter::Int(|object| i32::from(object.error_code())),
    ),
    Property::read_only(
        words("ErrorDescription", "ОписаниеОшибки"),
        Kind::Text,
        words(
            "What happened in the last call and what to do, in the language of the user's interface; empty if it succeeded.",
            "Что произошло в последнем вызове и что делать, на языке интерфейса пользователя; пустая строка, если вызов удался.",
        ),
        Getter::Any(|object| Value::from(object.error_description())),
    ),
    Property::read_write(
        words("RaiseExceptions", "ВызыватьИсключения"),
        Kind::Boolean,
        DefaultValue::Bool(false),
        words(
            "Whether failed calls raise exceptions; otherwise they answer False (or Undefined) and leave ErrorCode and ErrorDescription.",
            "Вызывают ли неудачные вызовы исключения; иначе они возвращают Ложь (или Неопределено) и заполняют КодОшибки и ОписаниеОшибки.",
        ),
        Getter::Bool(|object| object.raise_exceptions()),
        |object, value| {
            object.set_raise_exceptions(value.as_bool().unwrap_or_default());
            Ok(())
        },
    ),
];
