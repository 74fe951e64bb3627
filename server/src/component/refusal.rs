//! A "no" outside a channel, with a sentence in both languages.

use protocol::{
    Reason,
    version::{Older, Version},
    wire::frame::{Frame, Refusal},
};

/// The frame of a refusal.
pub(super) fn refusal(reason: Reason, english: &str, russian: &str) -> Vec<u8> {
    Frame::Refusal(Refusal {
        reason,
        english: english.into(),
        russian: russian.into(),
    })
    .to_bytes()
}

/// The refusal of a component of another major version. Both texts contain `OldVersion`, for support to search.
pub(super) fn old_version(component: &str, older: Older) -> Vec<u8> {
    let server = Version::CURRENT;
    let component = crate::logs::tame(component);
    let (english, russian) = match older {
        Older::This => (
            format!(
                "OldVersion: the server ({server}) is older than the component ({component}); update the server."
            ),
            format!(
                "OldVersion: сервер ({server}) старее компоненты ({component}); обновите сервер."
            ),
        ),
        Older::Other => (
            format!(
                "OldVersion: the component ({component}) is older than the server ({server}); update the component."
            ),
            format!(
                "OldVersion: компонента ({component}) старее сервера ({server}); обновите компоненту."
            ),
        ),
    };
    refusal(Reason::OldVersion, &english, &russian)
}

/// The refusal of a series that no key serves now.
pub(super) fn no_key(reason: Reason, series: protocol::KeyId) -> Vec<u8> {
    let (english, russian) = match reason {
        Reason::NoLicence => (
            "The server has no key of series",
            "На сервере нет ключа серии",
        ),
        Reason::Expired => (
            "The licence's period is over for series",
            "Закончился срок лицензии серии",
        ),
        Reason::NotStarted => (
            "The licence has not begun for series",
            "Ещё не начался срок лицензии серии",
        ),
        Reason::Disabled => (
            "The administrator switched off the key of series",
            "Администратор отключил ключ серии",
        ),
        _ => (
            "The key cannot be used (the server's console says why), series",
            "Ключ не работает (причина указана в консоли сервера), серия",
        ),
    };
    refusal(
        reason,
        &format!("{english} {series}."),
        &format!("{russian} {series}."),
    )
}

/// A body that is no frame, or one of another kind.
pub(super) fn bad_message() -> Vec<u8> {
    refusal(
        Reason::BadMessage,
        "The server cannot read the message: it was altered on the way, or is not a licence component's.",
        "Сервер не может прочитать сообщение: оно изменено в пути или отправлено не компонентой СЛК.",
    )
}

/// A channel from before a restart, or an idle one.
pub(super) fn unknown_channel() -> Vec<u8> {
    refusal(
        Reason::UnknownChannel,
        "The server does not know the channel; a new handshake is needed.",
        "Сервер не знает этот канал; нужно новое рукопожатие.",
    )
}

/// A number that was used, or is too far ahead.
pub(super) fn bad_number() -> Vec<u8> {
    refusal(
        Reason::BadRequestNumber,
        "The request's number was used before, or is too far ahead.",
        "Номер запроса уже использован или слишком велик.",
    )
}

/// Too many at once.
pub(super) fn busy() -> Vec<u8> {
    refusal(
        Reason::ServerBusy,
        "The server has too many channels now; try again later.",
        "Сервер сейчас перегружен; повторите позже.",
    )
}
