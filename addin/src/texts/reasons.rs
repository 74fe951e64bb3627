//! A sentence for every reason.

use protocol::Reason;

use crate::table::{Words, words};

/// What to tell a person for a reason.
#[must_use]
pub const fn reason(reason: Reason) -> Words {
    match reason as u16 {
        0..200 => settings_and_calls(reason),
        200..300 => way_to_the_server(reason),
        300..400 => licences(reason),
        _ => data_and_inside(reason),
    }
}

const fn settings_and_calls(reason: Reason) -> Words {
    match reason {
        Reason::BadKeyId => words(
            "the series of keys must be four hex digits, for example 672B. Correct KeyID.",
            "серия ключей должна состоять из четырёх шестнадцатеричных цифр, например 672B. Исправьте СерияКлючей.",
        ),
        Reason::BadAddress => words(
            "the server's address or port is wrong. Give a name or IP address and a port from 1 to 65535; an IPv6 address goes in brackets.",
            "неверный адрес или порт сервера. Укажите имя или IP-адрес и порт от 1 до 65535; адрес IPv6 заключите в квадратные скобки.",
        ),
        Reason::BadArgument => words(
            "an argument has a wrong type or value. Correct the call in the configuration.",
            "аргумент имеет неверный тип или значение. Исправьте вызов в конфигурации.",
        ),
        Reason::TooLong => words(
            "a value is too long. Pass a shorter one.",
            "значение слишком длинное. Передайте более короткое.",
        ),
        Reason::NoPublicKey => words(
            "the series' public key is not known. Call LoadDataFile or set PublicKey before Connect.",
            "открытый ключ серии неизвестен. До вызова Подключиться вызовите ЗагрузитьДанные или установите ОткрытыйКлюч.",
        ),
        Reason::BadPublicKey => words(
            "the public key is not one. Copy the whole text, ed25519:… or p256:…, from licence.series.",
            "это не открытый ключ. Скопируйте весь текст вида ed25519:… или p256:… из файла licence.series.",
        ),
        Reason::NoSession => words(
            "the session is not known. Call SetSession before ObtainLicence.",
            "сеанс неизвестен. До вызова ПолучитьЛицензию вызовите УстановитьСеанс.",
        ),
        Reason::NotConnected => words(
            "there is no connection to a licence server. Call Connect first and check its answer.",
            "нет соединения с сервером лицензирования. Сначала вызовите Подключиться и проверьте ответ.",
        ),
        Reason::NoLicenceObtained => words(
            "no licence was obtained. Call ObtainLicence first and check its answer.",
            "лицензия не получена. Сначала вызовите ПолучитьЛицензию и проверьте ответ.",
        ),
        Reason::NoKeyId => words(
            "the series of keys is not known. Set KeyID or call LoadDataFile.",
            "серия ключей неизвестна. Установите СерияКлючей или вызовите ЗагрузитьДанные.",
        ),
        Reason::BadConfFile => words(
            "the configuration file cannot be read, so default settings are used. Check the rights to the file.",
            "не удаётся прочитать конфигурационный файл, используются настройки по умолчанию. Проверьте права на файл.",
        ),
        Reason::NoParameter => words(
            "the licence has no such parameter. Check the name, or pass a default value.",
            "в лицензии нет такого параметра. Проверьте имя или передайте значение по умолчанию.",
        ),
        Reason::ConfSyntax => words(
            "a line of the configuration file is neither [section] nor key=value, so default settings are used. Correct the line.",
            "строка конфигурационного файла не является ни [разделом], ни парой ключ=значение, используются настройки по умолчанию. Исправьте строку.",
        ),
        Reason::ConfNotUtf8 => words(
            "the configuration file is not in UTF-8, so default settings are used. Save it in UTF-8.",
            "конфигурационный файл не в кодировке UTF-8, используются настройки по умолчанию. Сохраните его в UTF-8.",
        ),
        Reason::ConfTooLarge => words(
            "the configuration file is larger than 1 MiB, so default settings are used. Put the right file in its place.",
            "конфигурационный файл больше 1 МиБ, используются настройки по умолчанию. Поместите на его место нужный файл.",
        ),
        Reason::ConfNotAFile => words(
            "there is a folder in the configuration file's place, so default settings are used. Rename the folder.",
            "на месте конфигурационного файла находится папка, используются настройки по умолчанию. Переименуйте папку.",
        ),
        _ => words(
            "the configuration file has a wrong value, and the default is used instead. Correct the line.",
            "в конфигурационном файле недопустимое значение, вместо него используется значение по умолчанию. Исправьте строку.",
        ),
    }
}

const fn way_to_the_server(reason: Reason) -> Words {
    match reason {
        Reason::ConnectionRefused => words(
            "nothing listens at this address. Check address and port, and that the licence server is running.",
            "по этому адресу никто не отвечает: соединение отклонено. Проверьте адрес и порт, а также что сервер лицензирования запущен.",
        ),
        Reason::TimedOut => words(
            "no answer came in time. Check the address, the network and the firewall.",
            "ответ не получен вовремя. Проверьте адрес, сеть и брандмауэр.",
        ),
        Reason::NameNotFound => words(
            "the server's name is not known in the network. Check its spelling or use the IP address.",
            "имя сервера неизвестно в сети. Проверьте его написание или укажите IP-адрес.",
        ),
        Reason::NotOurServer => words(
            "a web server answers here that is not a licence server. Check address and port, and whether a proxy stands in between.",
            "здесь отвечает веб-сервер, но не сервер лицензирования. Проверьте адрес и порт, а также нет ли на пути прокси-сервера.",
        ),
        Reason::OldVersion => words(
            "OldVersion: component and licence server are of different versions and cannot work together. Update the older of the two.",
            "OldVersion: версии компоненты и сервера лицензирования различаются и не могут работать вместе. Обновите более старую часть.",
        ),
        Reason::HandshakeFailed => words(
            "the secure connection could not be set up: messages were altered on the way. Connect without a proxy, or ask the administrator.",
            "не удалось установить защищённое соединение: сообщения изменены в пути. Подключитесь без прокси-сервера или обратитесь к администратору.",
        ),
        Reason::NotTrusted => words(
            "the server's licence is not from this product's vendor. Check the address, the clocks of both computers, and the licence on the server.",
            "лицензия сервера выдана не производителем этого продукта. Проверьте адрес, часы обоих компьютеров и лицензию на сервере.",
        ),
        Reason::ConnectionLost => words(
            "the connection to the licence server broke. It is being restored by itself; check the network if that does not help.",
            "соединение с сервером лицензирования разорвано. Оно восстанавливается само; если не восстановится, проверьте сеть.",
        ),
        Reason::ServerBusy => words(
            "the licence server is busy. Try again in a minute.",
            "сервер лицензирования занят. Повторите через минуту.",
        ),
        Reason::NoServer => words(
            "no licence server could serve the request. Correct what is said about each address:",
            "ни один сервер лицензирования не выполнил запрос. Исправьте то, что сказано о каждом адресе:",
        ),
        Reason::UnknownChannel => words(
            "the licence server was restarted. The connection is being restored by itself; repeat the action.",
            "сервер лицензирования был перезапущен. Соединение восстанавливается само; повторите действие.",
        ),
        Reason::BadRequestNumber => words(
            "the licence server did not accept the request's number. Repeat the action; if it happens again, send the log to the vendor.",
            "сервер лицензирования не принял номер запроса. Повторите действие; если ошибка повторится, передайте журнал производителю.",
        ),
        Reason::AnswerTooLarge => words(
            "the answer is larger than any of a licence server. Check address and port, and whether a proxy stands in between.",
            "ответ больше, чем у любого сервера лицензирования. Проверьте адрес и порт, а также нет ли на пути прокси-сервера.",
        ),
        Reason::NotHttp => words(
            "another program, not a licence server, answers at this address. Check address and port.",
            "по этому адресу отвечает другая программа, а не сервер лицензирования. Проверьте адрес и порт.",
        ),
        _ => words(
            "a message of the licence server is damaged. Check whether a proxy alters it; if not, send the log to the vendor.",
            "сообщение сервера лицензирования повреждено. Проверьте, не изменяет ли его прокси-сервер; если нет, передайте журнал производителю.",
        ),
    }
}

const fn licences(reason: Reason) -> Words {
    match reason {
        Reason::NoLicence => words(
            "the server has no licence of this product. Install one on the server, or correct the server's address.",
            "на сервере нет лицензии этого продукта. Установите её на сервере или исправьте адрес сервера.",
        ),
        Reason::NoSeats => words(
            "all licences are in use. End a session that is not needed, or buy more licences.",
            "все лицензии заняты. Завершите ненужный сеанс или приобретите дополнительные лицензии.",
        ),
        Reason::Expired => words(
            "the licence's period is over. Renew the licence.",
            "срок действия лицензии истёк. Продлите лицензию.",
        ),
        Reason::NotStarted => words(
            "the licence's period has not begun. Check the server's clock, or wait for the first day.",
            "срок действия лицензии ещё не начался. Проверьте часы сервера или дождитесь первого дня.",
        ),
        Reason::Disabled => words(
            "the administrator disabled the key. Ask the administrator to enable it in the server's console.",
            "ключ отключён администратором. Попросите администратора включить его в консоли сервера.",
        ),
        Reason::NoFlags => words(
            "no installed key includes the requested functions. Buy a licence with them.",
            "ни один установленный ключ не содержит запрошенных функций. Приобретите лицензию с ними.",
        ),
        Reason::NotWorkable => words(
            "the key cannot be used. The server's console says why; correct that.",
            "ключ неработоспособен. Причина указана в консоли сервера; устраните её.",
        ),
        Reason::AccessCode => words(
            "the access code is unknown or its limit is reached. Check the code, or ask the administrator for more seats.",
            "код доступа неизвестен или его лимит исчерпан. Проверьте код или попросите администратора увеличить лимит.",
        ),
        Reason::ReleasedByAdministrator => words(
            "the administrator freed this session's licence. Save your work and ask the administrator.",
            "администратор освободил лицензию этого сеанса. Сохраните работу и обратитесь к администратору.",
        ),
        Reason::LicenceLost => words(
            "the licence was lost: the server was not reached for too long and no seat is free now. Save your work and start again when one is.",
            "лицензия потеряна: сервер был недоступен слишком долго, свободных лицензий сейчас нет. Сохраните работу и войдите снова, когда лицензия освободится.",
        ),
        Reason::NoParentSeat => words(
            "the parent session has no licence. Obtain one there first.",
            "у родительского сеанса нет лицензии. Сначала получите её там.",
        ),
        Reason::TooManyChildren => words(
            "the parent session has as many technical sessions as are allowed. Wait until one of them ends.",
            "у родительского сеанса уже предельное число технических сеансов. Дождитесь завершения одного из них.",
        ),
        Reason::StoreFailed => words(
            "the licence server cannot write to its disk. Ask the administrator to free space there.",
            "сервер лицензирования не может записать данные на диск. Попросите администратора освободить место.",
        ),
        _ => words(
            "the server does not know the session: its licence was freed before. Call ObtainLicence again.",
            "сервер не знает этого сеанса: его лицензия была освобождена раньше. Вызовите ПолучитьЛицензию снова.",
        ),
    }
}

const fn data_and_inside(reason: Reason) -> Words {
    match reason {
        Reason::FileUnreadable => words(
            "the datafile cannot be read. Check its path and the rights to it.",
            "не удаётся прочитать файл данных. Проверьте путь и права на файл.",
        ),
        Reason::NotDataFile => words(
            "this is not a datafile. Choose the file that licenceedit packed.",
            "это не файл данных. Выберите файл, упакованный программой licenceedit.",
        ),
        Reason::Truncated => words(
            "the datafile is cut short. Copy it again.",
            "файл данных обрезан. Скопируйте его заново.",
        ),
        Reason::Altered => words(
            "the datafile is damaged or was altered. Copy it again or get it from the vendor.",
            "файл данных повреждён или изменён. Скопируйте его заново или получите у производителя.",
        ),
        Reason::OtherSeries => words(
            "the datafile is of another series of keys. Load the datafile of this product.",
            "файл данных относится к другой серии ключей. Загрузите файл данных этого продукта.",
        ),
        Reason::UnknownObject => words(
            "the datafile has no object of this name. ListObjects gives the names.",
            "в файле данных нет объекта с таким именем. Имена возвращает СписокОбъектов.",
        ),
        Reason::NoDataFile => words(
            "no datafile is loaded. Call LoadDataFile first and check its answer.",
            "файл данных не загружен. Сначала вызовите ЗагрузитьДанные и проверьте ответ.",
        ),
        Reason::NewerFormat => words(
            "the datafile is of a newer format. Update the component.",
            "формат файла данных новее компоненты. Обновите компоненту.",
        ),
        Reason::CannotWrite => words(
            "the object cannot be written to the file. Check the path, the rights and the free space.",
            "не удаётся записать объект в файл. Проверьте путь, права и свободное место.",
        ),
        Reason::NoContentKey => words(
            "the licence does not open this version of the datafile. Ask the vendor to renew the licence.",
            "лицензия не открывает эту версию файла данных. Попросите производителя обновить лицензию.",
        ),
        Reason::ObjectFlags => words(
            "the licence in use does not include the functions of this object. Buy a licence with them.",
            "используемая лицензия не содержит функций этого объекта. Приобретите лицензию с ними.",
        ),
        Reason::SendDirectory => words(
            "the server wants the datafile's directory again. Repeat the action.",
            "сервер снова запросил оглавление файла данных. Повторите действие.",
        ),
        Reason::NoMemory => words(
            "there is not enough memory. Close other programs, or write the object to a file.",
            "не хватает памяти. Закройте другие программы или получайте объект в файл.",
        ),
        _ => words(
            "an internal error. Repeat the action; if it happens again, send the log to the vendor.",
            "внутренняя ошибка. Повторите действие; если ошибка повторится, передайте журнал производителю.",
        ),
    }
}
