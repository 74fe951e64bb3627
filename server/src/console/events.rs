//! What the journal's events and reasons are called.

use crate::{accounting::EventKind, conf::Lang};

/// Kinds of events that are looked for together: what the address says, English, Russian, which.
pub(super) const GROUPS: [(&str, &str, &str, &[EventKind]); 7] = [
    (
        "seats",
        "Seats",
        "Лицензии",
        &[
            EventKind::Granted,
            EventKind::Denied,
            EventKind::Detached,
            EventKind::Returned,
            EventKind::Released,
            EventKind::Moved,
        ],
    ),
    ("refused", "Refused seats", "Отказы", &[EventKind::Denied]),
    (
        "released",
        "Ended sessions",
        "Завершённые сеансы",
        &[EventKind::Released],
    ),
    (
        "connections",
        "Connections",
        "Соединения",
        &[
            EventKind::Connected,
            EventKind::Disconnected,
            EventKind::ManyComputers,
        ],
    ),
    (
        "keys",
        "Keys",
        "Ключи",
        &[
            EventKind::KeyAdded,
            EventKind::KeyRemoved,
            EventKind::KeyUsable,
            EventKind::KeyUnusable,
            EventKind::KeyOn,
            EventKind::KeyOff,
            EventKind::LicenceInstalled,
            EventKind::CodeShown,
            EventKind::KeyGivenBack,
            EventKind::CarrierCame,
            EventKind::CarrierWent,
        ],
    ),
    (
        "people",
        "Sign-ins and settings",
        "Вход и параметры",
        &[
            EventKind::SignedIn,
            EventKind::SignInRefused,
            EventKind::SettingsChanged,
            EventKind::CodeShown,
        ],
    ),
    (
        "server",
        "Server",
        "Сервер",
        &[
            EventKind::Started,
            EventKind::Stopped,
            EventKind::ClockSetBack,
            EventKind::ClockRight,
            EventKind::ClockForgotten,
        ],
    ),
];

/// What a kind is called.
pub(super) fn name(lang: Lang, kind: EventKind) -> &'static str {
    let (english, russian) = match kind {
        EventKind::Granted => ("Seat taken", "Лицензия получена"),
        EventKind::Denied => ("Seat refused", "Отказ в лицензии"),
        EventKind::Detached => ("Seat waits", "Лицензия ожидает"),
        EventKind::Returned => ("Session returned", "Сеанс вернулся"),
        EventKind::Released => ("Seat freed", "Лицензия освобождена"),
        EventKind::Moved => ("Seat moved to another key", "Переход на другой ключ"),
        EventKind::Connected => ("Connected", "Соединение"),
        EventKind::Disconnected => ("Disconnected", "Разъединение"),
        EventKind::ManyComputers => ("Session on many computers", "Сеанс на многих компьютерах"),
        EventKind::KeyAdded => ("Key came", "Ключ появился"),
        EventKind::KeyRemoved => ("Key went", "Ключ исчез"),
        EventKind::KeyUsable => ("Key works", "Ключ заработал"),
        EventKind::KeyUnusable => ("Key works no more", "Ключ перестал работать"),
        EventKind::KeyOn => ("Key switched on", "Ключ включён"),
        EventKind::KeyOff => ("Key switched off", "Ключ отключён"),
        EventKind::LicenceInstalled => ("Licence installed", "Лицензия установлена"),
        EventKind::CodeShown => ("Activation code shown", "Показан код активации"),
        EventKind::KeyGivenBack => ("Key given back", "Ключ отдан"),
        EventKind::CarrierCame => ("Carrier connected", "Носитель подключён"),
        EventKind::CarrierWent => ("Carrier pulled out", "Носитель извлечён"),
        EventKind::SignedIn => ("Signed in", "Вход"),
        EventKind::SignInRefused => ("Sign-in refused", "Отказ во входе"),
        EventKind::SettingsChanged => ("Settings changed", "Параметры изменены"),
        EventKind::Started => ("Server started", "Сервер запущен"),
        EventKind::Stopped => ("Server stopped", "Сервер остановлен"),
        EventKind::ClockSetBack => ("Clock set back", "Часы переведены назад"),
        EventKind::ClockRight => ("Clock right again", "Часы снова верны"),
        EventKind::ClockForgotten => (
            "Kept time altered or gone",
            "Сохранённое время изменено или утрачено",
        ),
    };
    lang.pick(english, russian)
}

/// Whether an event is one that somebody should look at.
pub(super) fn is_bad(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Denied
            | EventKind::ManyComputers
            | EventKind::KeyUnusable
            | EventKind::KeyRemoved
            | EventKind::CarrierWent
            | EventKind::SignInRefused
            | EventKind::ClockSetBack
            | EventKind::ClockForgotten
    )
}

/// What a reason of the journal means; itself when it is none that is known.
pub(super) fn reason(lang: Lang, reason: &str) -> &str {
    let (english, russian) = match reason {
        "NoSeats" => ("all seats are taken", "все лицензии заняты"),
        "NoLicence" => (
            "no key of the product is installed",
            "ключи продукта не установлены",
        ),
        "Expired" => ("the licence's period is over", "срок лицензии закончился"),
        "NotStarted" => (
            "the licence's period has not begun",
            "срок лицензии ещё не начался",
        ),
        "Disabled" => ("the key is switched off", "ключ отключён"),
        "NotWorkable" => ("the key does not work", "ключ не работает"),
        "NoFlags" => (
            "no key has the functionality asked for",
            "ни в одном ключе нет нужной функциональности",
        ),
        "AccessCode" => (
            "unknown access code, or its limit is reached",
            "код доступа неизвестен или исчерпан его предел",
        ),
        "ServerBusy" => (
            "too many connections or sessions",
            "слишком много соединений или сеансов",
        ),
        "Released" => ("by the 1C session itself", "самим сеансом 1С"),
        "Silent" => ("nothing was heard of it", "нет связи"),
        "LingerEnded" => (
            "nobody took it over in time",
            "никто не вернулся за ней вовремя",
        ),
        "Administrator" => ("by an administrator", "администратором"),
        "KeyGone" => (
            "its key gives no seats any more",
            "её ключ больше не даёт лицензий",
        ),
        "ParentEnded" => ("its parent session ended", "завершился родительский сеанс"),
        _ => return reason,
    };
    lang.pick(english, russian)
}
