//! The methods that 1C code sees, in the order of their numbers.

use protocol::Reason;

use crate::{
    object::SessionArguments,
    table::{CallError, DefaultValue, Kind, Method, Param, Value, words},
    texts,
};

/// A call that succeeded and has nothing more to answer.
fn done(result: Result<(), CallError>) -> Result<Value, CallError> {
    result.map(|()| Value::Bool(true))
}

pub(super) const METHODS: &[Method] = &[
    Method {
        name: words("SetSession", "УстановитьСеанс"),
        params: &[
            Param::required(
                words(
                    "InfoBaseConnectionStr",
                    "СтрокаСоединенияИнформационнойБазы",
                ),
                Kind::Text,
                words(
                    "The infobase's connection string, or the whole text that SessionFacts gave.",
                    "Строка соединения информационной базы или весь текст, полученный от СведенияОСеансе.",
                ),
            ),
            Param::optional(
                words("SessionNumber", "НомерСеанса"),
                Kind::Integer,
                DefaultValue::Int(0),
                words("The session's number.", "Номер сеанса."),
            ),
            Param::optional(
                words("SessionStarted", "НачалоСеанса"),
                Kind::Date,
                DefaultValue::EmptyDate,
                words("The session's start, UTC.", "Начало сеанса, UTC."),
            ),
            Param::optional(
                words("UserName", "ИмяПользователя"),
                Kind::Text,
                DefaultValue::Text(""),
                words("The user's name.", "Имя пользователя."),
            ),
            Param::optional(
                words("ComputerName", "ИмяКомпьютера"),
                Kind::Text,
                DefaultValue::Text(""),
                words("The computer's name.", "Имя компьютера."),
            ),
            Param::optional(
                words("AppName", "ИмяПриложения"),
                Kind::Text,
                DefaultValue::Text(""),
                words("The application's name.", "Имя приложения."),
            ),
            Param::optional(
                words("Parent", "Родитель"),
                Kind::Text,
                DefaultValue::Text(""),
                words(
                    "SessionFacts of the session whose seat this one shares.",
                    "Сведения о сеансе, место которого использует этот.",
                ),
            ),
        ],
        returns: Some(Kind::Boolean),
        doc: words(
            "Tells which 1C session the object works for. Needed before ObtainLicence. Give the facts one by one on the 1C server, or the whole text that SessionFacts gave there as the only argument. If the object holds a licence for another session, that one is given back.",
            "Сообщает, для какого сеанса 1С работает объект; нужен до ПолучитьЛицензию. На сервере 1С сведения передаются по одному, на клиенте – единственным параметром текст, полученный на сервере от СведенияОСеансе. Если объект держал лицензию другого сеанса, та освобождается.",
        ),
        call: |object, args| {
            done(object.set_session(&SessionArguments {
                infobase: args.text(0)?,
                number: args.int(1)?,
                started: args.date(2)?,
                user_name: args.text(3)?,
                computer_name: args.text(4)?,
                app_name: args.text(5)?,
                parent: args.text(6)?,
            }))
        },
    },
    Method {
        name: words("SessionFacts", "СведенияОСеансе"),
        params: &[],
        returns: Some(Kind::Text),
        doc: words(
            "The session's facts as one text, to pass between server and client unchanged: by it the same session is one seat wherever it is seen from.",
            "Сведения о сеансе одним текстом для передачи между сервером и клиентом без изменений: по нему один и тот же сеанс занимает одно место, откуда бы его ни было видно.",
        ),
        call: |object, _| object.session_facts().map(Value::from),
    },
    Method {
        name: words("Connect", "Подключиться"),
        params: &[],
        returns: Some(Kind::Boolean),
        doc: words(
            "Reads the settings again and connects to the first server that answers: ServerAddr, then ReservedServers in turn. At most 6 seconds.",
            "Заново читает настройки и подключается к первому ответившему серверу: АдресСервера, затем РезервныеСерверы по очереди. Не дольше 6 секунд.",
        ),
        call: |object, _| done(object.connect()),
    },
    Method {
        name: words("Disconnect", "Отключиться"),
        params: &[],
        returns: Some(Kind::Boolean),
        doc: words(
            "Leaves the server. The session's seat is freed, unless another object of the process works with the session.",
            "Отключается от сервера. Место сеанса освобождается, если с этим сеансом не работает другой объект того же процесса.",
        ),
        call: |object, _| done(object.disconnect()),
    },
    Method {
        name: words("ObtainLicence", "ПолучитьЛицензию"),
        params: &[Param::optional(
            words("Flags", "Флаги"),
            Kind::Integer,
            DefaultValue::Int(0),
            words(
                "Flags that the key must have.",
                "Флаги, которые должны быть у ключа.",
            ),
        )],
        returns: Some(Kind::Boolean),
        doc: words(
            "Takes a seat for the session. If the session holds one already, be it through another object or process, it is the same seat. At most 6 seconds.",
            "Занимает место для сеанса. Если сеанс его уже занимает, пусть и через другой объект или процесс, это то же место. Не дольше 6 секунд.",
        ),
        call: |object, args| done(object.obtain_licence(args.int(0)?.cast_unsigned())),
    },
    Method {
        name: words("ReleaseLicence", "ОсвободитьЛицензию"),
        params: &[],
        returns: Some(Kind::Boolean),
        doc: words(
            "Frees the session's seat at once.",
            "Сразу освобождает место сеанса.",
        ),
        call: |object, _| done(object.release_licence()),
    },
    Method {
        name: words("LoadDataFile", "ЗагрузитьДанные"),
        params: &[Param::required(
            words("BinaryDataOrFileName", "ДвоичныеДанныеИлиИмяФайла"),
            Kind::TextOrBinary,
            words(
                "The datafile, or its file name.",
                "Файл данных или имя этого файла.",
            ),
        )],
        returns: Some(Kind::Boolean),
        doc: words(
            "Loads a datafile with protected objects. It also tells the series and its public key, unless they were set.",
            "Загружает файл данных с защищёнными объектами. Он же сообщает серию и её открытый ключ, если те не заданы.",
        ),
        call: |object, args| done(object.load_data(args.take(0))),
    },
    Method {
        name: words("ListObjects", "СписокОбъектов"),
        params: &[],
        returns: Some(Kind::Text),
        doc: words(
            "The objects of the loaded datafile, JSON: a list of {Name, Version, Flags, Size}.",
            "Объекты загруженного файла данных, JSON: список {Name – имя, Version – версия, Flags – нужные флаги, Size – размер в байтах}.",
        ),
        call: |object, _| object.list_objects().map(Value::from),
    },
    Method {
        name: words("GetObject", "ПолучитьОбъект"),
        params: &[Param::required(
            words("Name", "Имя"),
            Kind::Text,
            words("The object's name.", "Имя объекта."),
        )],
        returns: Some(Kind::Binary),
        doc: words(
            "A protected object as binary data. The session must hold a licence whose flags include the object's.",
            "Защищённый объект в виде двоичных данных. У сеанса должна быть лицензия, флаги которой включают флаги объекта.",
        ),
        call: |object, args| object.object(args.text(0)?).map(Value::Deferred),
    },
    Method {
        name: words("GetObjectToFile", "ПолучитьОбъектВФайл"),
        params: &[
            Param::required(
                words("Name", "Имя"),
                Kind::Text,
                words("The object's name.", "Имя объекта."),
            ),
            Param::required(
                words("FileName", "ИмяФайла"),
                Kind::Text,
                words("The file to write.", "Записываемый файл."),
            ),
        ],
        returns: Some(Kind::Boolean),
        doc: words(
            "The same, written to a file, without holding it in memory: for large objects.",
            "То же, но в файл, не удерживая объект в памяти: для больших объектов. Существующий файл заменяется целиком.",
        ),
        call: |object, args| done(object.object_to_file(args.text(0)?, args.text(1)?)),
    },
    Method {
        name: words("GetParameter", "ПолучитьПараметр"),
        params: &[
            Param::required(
                words("Name", "Имя"),
                Kind::Text,
                words("The parameter's name.", "Имя параметра."),
            ),
            Param::optional(
                words("Default", "ПоУмолчанию"),
                Kind::Any,
                DefaultValue::Undefined,
                words(
                    "The answer when the licence has no such parameter.",
                    "Ответ, если такого параметра в лицензии нет.",
                ),
            ),
        ],
        returns: Some(Kind::Any),
        doc: words(
            "A parameter that the vendor put into the licence in use, always a string.",
            "Параметр, который производитель записал в используемую лицензию, всегда строка.",
        ),
        call: |object, args| match object.parameter(args.text(0)?)? {
            Some(value) => Ok(Value::from(value)),
            None if args.value(1).is_empty() => {
                Err(texts::error_about(Reason::NoParameter, args.text(0)?))
            }
            None => Ok(args.take(1)),
        },
    },
    Method {
        name: words("CheckFlag", "ПроверитьФлаг"),
        params: &[Param::required(
            words("Number", "Номер"),
            Kind::Integer,
            words("The flag's number, 0 to 31.", "Номер флага, от 0 до 31."),
        )],
        returns: Some(Kind::Boolean),
        doc: words(
            "Whether the licence in use has a flag.",
            "Есть ли флаг у используемой лицензии.",
        ),
        call: |object, args| object.check_flag(args.int(0)?).map(Value::Bool),
    },
    Method {
        name: words("LicenceInfo", "СведенияОЛицензии"),
        params: &[],
        returns: Some(Kind::Text),
        doc: words(
            "The licence in use, JSON: KeyID, KeyNo, KeyType, LicenceCount, Flags, ServiceType, ProductVersion, IssueDate, StartDate, Period, ExpireDate, Parameters, Server, Session.",
            "Используемая лицензия, JSON: KeyID – серия, KeyNo – номер ключа, KeyType – вид (3 основной, 4 дополнительный, 5 демонстрационный), LicenceCount – мест, Flags – флаги двоичными цифрами, ServiceType – вид обслуживания, ProductVersion – версия продукта, IssueDate, StartDate, ExpireDate – даты выпуска, начала и окончания, Period – срок в днях, Parameters – параметры производителя, Server – сервер, Session – сеанс на нём.",
        ),
        call: |object, _| object.licence_info().map(Value::from),
    },
    Method {
        name: words("ServerInfo", "СведенияОСервере"),
        params: &[],
        returns: Some(Kind::Text),
        doc: words(
            "The server in use, JSON, as the REST API gives it.",
            "Используемый сервер, JSON.",
        ),
        call: |object, _| object.server_info().map(Value::from),
    },
    Method {
        name: words("Settings", "Настройки"),
        params: &[],
        returns: Some(Kind::Text),
        doc: words(
            "The settings that Connect would use now, JSON: KeyID, ServerAddr, ServerPort, ReservedServers, SettingsSource, ConfigFile, ForceUseConfig, KeepPreviousLogs, KeepCurrentDateLogs, Logs, Process, Module, Warnings.",
            "Настройки, с которыми подключился бы сейчас вызов Подключиться, JSON: KeyID – серия; ServerAddr, ServerPort, ReservedServers – серверы; SettingsSource – откуда они взяты; ConfigFile – прочитанный файл; ForceUseConfig, KeepPreviousLogs, KeepCurrentDateLogs – значения из него; Logs – папка логов; Process – где работает компонента: Client, ExternalConnection, Server, WebServer; Module – работающий модуль: Version, File, TemplateVersion, TemplateFile и Installed (State: used – работает установленная компонента, absent – её нет, refused – она не годится, и Reason говорит почему, itself – подключена она сама); Warnings – замечания к файлу: Code, File, Line, Text.",
        ),
        call: |object, _| Ok(Value::from(object.settings_json())),
    },
];
