//! The events that 1C code of clients gets. One event of a process and cause comes to one of its objects.

use crate::table::{Event, Field, Words, words};

/// No server answers any more; the time of grace begins.
pub const CONNECTION_LOST: &str = "ConnectionLost";
/// The server answers again.
pub const CONNECTION_RESTORED: &str = "ConnectionRestored";
/// The session has no licence any more.
pub const LICENCE_LOST: &str = "LicenceLost";

pub(super) const EVENTS: &[Event] = &[
    Event {
        name: CONNECTION_LOST,
        doc: words(
            "The server does not answer, and no other one has a seat at once. Work goes on until GraceUntil, and the component looks for a server meanwhile. Tell the user and go on.",
            "Сервер не отвечает, и места у другого сервера сразу не нашлось. Работа продолжается до ОтсрочкаДо, а компонента тем временем ищет сервер. Сообщите пользователю и продолжайте работу.",
        ),
        data: &[
            field(
                "Server",
                words("the server, host:port", "сервер, хост:порт"),
            ),
            field(
                "GraceUntil",
                words(
                    "the end of the grace, UTC, or null if no session holds a licence there",
                    "конец отсрочки, UTC, или null, если лицензий там никто не держит",
                ),
            ),
            KEY_ID,
        ],
    },
    Event {
        name: CONNECTION_RESTORED,
        doc: words(
            "A server answers again and the session's seat is held as before.",
            "Сервер снова отвечает, место сеанса занято, как и прежде.",
        ),
        data: &[
            field(
                "Server",
                words("the server, host:port", "сервер, хост:порт"),
            ),
            KEY_ID,
        ],
    },
    Event {
        name: LICENCE_LOST,
        doc: words(
            "The session has no licence any more: an administrator freed the seat, or the grace is over. Let the user save his work, and close what is protected.",
            "У сеанса больше нет лицензии: место освободил администратор или закончилась отсрочка. Дайте пользователю сохранить данные и закройте защищённое.",
        ),
        data: &[
            field("Code", words("the error's number", "номер ошибки")),
            field("Text", words("the reason in Russian", "причина по-русски")),
            field(
                "TextEn",
                words("the reason in English", "причина по-английски"),
            ),
            field(
                "SessionNumber",
                words("the number of the session", "номер сеанса 1С"),
            ),
            KEY_ID,
        ],
    },
];

const KEY_ID: Field = field("KeyID", words("the series of keys", "серия ключей"));

const fn field(name: &'static str, doc: Words) -> Field {
    Field { name, doc }
}
