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
            "Tells which 1C session the object works for.",
            "Сообщает, для какого сеанса 1С работает объект.",
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
            "The session's facts as one text, to pass between server and client.",
            "Сведения о сеансе одним текстом для передачи между сервером и клиентом.",
        ),
        call: |object, _| object.session_facts().map(Value::from),
    },
    Method {
        name: words("Connect", "Подключиться"),
        params: &[],
        returns: Some(Kind::Boolean),
        doc: words(
            "Connects to a licence server, at most 6 seconds.",
            "Подключается к серверу лицензирования, не дольше 6 секунд.",
        ),
        call: |object, _| done(object.connect()),
    },
    Method {
        name: words("Disconnect", "Отключиться"),
        params: &[],
        returns: Some(Kind::Boolean),
        doc: words(
            "Leaves the server; the licence is released.",
            "Отключается от сервера; лицензия освобождается.",
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
            "Takes a seat for the session.",
            "Занимает место для сеанса.",
        ),
        call: |object, args| done(object.obtain_licence(args.int(0)?.cast_unsigned())),
    },
    Method {
        name: words("ReleaseLicence", "ОсвободитьЛицензию"),
        params: &[],
        returns: Some(Kind::Boolean),
        doc: words("Frees the seat at once.", "Сразу освобождает место."),
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
            "Loads a datafile with protected objects.",
            "Загружает файл данных с защищёнными объектами.",
        ),
        call: |object, args| done(object.load_data(args.take(0))),
    },
    Method {
        name: words("ListObjects", "СписокОбъектов"),
        params: &[],
        returns: Some(Kind::Text),
        doc: words(
            "The objects of the loaded datafile, JSON.",
            "Объекты загруженного файла данных, JSON.",
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
            "A protected object as binary data.",
            "Защищённый объект в виде двоичных данных.",
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
            "Writes a protected object to a file.",
            "Записывает защищённый объект в файл.",
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
            "A parameter that the vendor put into the licence in use.",
            "Параметр, который производитель записал в используемую лицензию.",
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
        doc: words("The licence in use, JSON.", "Используемая лицензия, JSON."),
        call: |object, _| object.licence_info().map(Value::from),
    },
    Method {
        name: words("ServerInfo", "СведенияОСервере"),
        params: &[],
        returns: Some(Kind::Text),
        doc: words("The server in use, JSON.", "Используемый сервер, JSON."),
        call: |object, _| object.server_info().map(Value::from),
    },
    Method {
        name: words("Settings", "Настройки"),
        params: &[],
        returns: Some(Kind::Text),
        doc: words(
            "The settings in effect and their sources, JSON.",
            "Действующие настройки и их источники, JSON.",
        ),
        call: |object, _| Ok(Value::from(object.settings_json())),
    },
];
