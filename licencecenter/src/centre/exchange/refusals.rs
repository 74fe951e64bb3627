//! The sentences of refusals: what happened and what to do.

use protocol::{
    KeyId, UnixSeconds,
    centre::{CentreReason, Refusal},
    code::CodeError,
    envelope::FormatError,
    owner::OwnerError,
};

use crate::{dates, printable::printable};

/// A day for people.
fn day(at: UnixSeconds) -> String {
    dates::show(at).chars().take(10).collect()
}

pub(super) fn format(error: &FormatError) -> Refusal {
    Refusal::new(
        CentreReason::BadRequest,
        format!("The request cannot be read: {error}."),
        format!("Запрос не читается: {error}."),
    )
}

pub(super) fn code(error: &CodeError) -> Refusal {
    Refusal::new(CentreReason::BadRequest, error.to_string(), error.russian())
}

pub(super) fn owner(error: OwnerError) -> Refusal {
    Refusal::new(CentreReason::BadRequest, error.to_string(), error.russian())
}

pub(super) fn internal() -> Refusal {
    Refusal::new(
        CentreReason::Internal,
        "The licence centre met a fault; try again later, or tell the vendor.",
        "В центре лицензирования произошла ошибка; повторите позже или сообщите поставщику.",
    )
}

pub(super) fn unknown_code() -> Refusal {
    Refusal::new(
        CentreReason::UnknownCode,
        "The licence centre never gave out such a code: compare it with the vendor's, and check that this is the vendor's centre.",
        "Центр лицензирования не выдавал такого кода: сравните его с полученным и проверьте, что это центр вашего поставщика.",
    )
}

pub(super) fn superseded() -> Refusal {
    Refusal::new(
        CentreReason::RequestUsed,
        "This request was answered before, and the code was activated anew since; make a new request.",
        "На этот запрос уже ответили, а код с тех пор активировали заново; сделайте новый запрос.",
    )
}

pub(super) fn other_series(code: KeyId, asked: KeyId) -> Refusal {
    Refusal::new(
        CentreReason::OtherSeries,
        format!("The code is of series {code}, and series {asked} was asked for."),
        format!("Код относится к серии {code}, а запрошена серия {asked}."),
    )
}

pub(super) fn revoked() -> Refusal {
    Refusal::new(
        CentreReason::Revoked,
        "The vendor took this key back; ask him why.",
        "Поставщик отозвал этот ключ; обратитесь к нему.",
    )
}

pub(super) fn expired(end: UnixSeconds) -> Refusal {
    Refusal::new(
        CentreReason::CodeExpired,
        format!(
            "The code could be activated until {}; ask the vendor for another one.",
            day(end)
        ),
        format!(
            "Код можно было активировать до {}; запросите у поставщика другой.",
            day(end)
        ),
    )
}

pub(super) fn owner_needed() -> Refusal {
    Refusal::new(
        CentreReason::OwnerNeeded,
        "The vendor asks for the owner's ITN (ИНН) at activation.",
        "Для активации поставщику нужен ИНН владельца.",
    )
}

pub(super) fn other_owner() -> Refusal {
    Refusal::new(
        CentreReason::OtherOwner,
        "The key belongs to an owner with another ITN (ИНН) or IEC (КПП); check them, or ask the vendor.",
        "Ключ принадлежит владельцу с другим ИНН или КПП; проверьте их или обратитесь к поставщику.",
    )
}

pub(super) fn no_facts() -> Refusal {
    Refusal::new(
        CentreReason::NoFacts,
        "The computer tells nothing that a licence could be bound to; set a machine id on the server and try again.",
        "Компьютер не сообщает ничего, к чему можно привязать лицензию; задайте на сервере идентификатор и повторите.",
    )
}

pub(super) fn used_elsewhere(computer: &str, at: UnixSeconds) -> Refusal {
    let (computer, at) = (printable(computer), day(at));
    Refusal::new(
        CentreReason::UsedElsewhere,
        format!(
            "The code was activated on the computer {computer} on {at}. To move the key, get a reserve code on that computer's server (licenceserver reserve) and activate it here; if that computer is lost, ask the vendor."
        ),
        format!(
            "Код активирован на компьютере {computer} {at}. Чтобы перенести ключ, получите на его сервере резервный код (licenceserver reserve) и активируйте его здесь; если того компьютера больше нет, обратитесь к поставщику."
        ),
    )
}

pub(super) fn given_back(computer: &str, at: UnixSeconds) -> Refusal {
    let (computer, at) = (printable(computer), day(at));
    Refusal::new(
        CentreReason::UsedElsewhere,
        format!(
            "The key of this code was given back on the computer {computer} on {at}; activate the reserve code that was given for it."
        ),
        format!(
            "Ключ этого кода отдан с компьютера {computer} {at}; активируйте полученный взамен резервный код."
        ),
    )
}

pub(super) fn unknown_key(key_no: u32) -> Refusal {
    Refusal::new(
        CentreReason::UnknownKey,
        format!("The licence centre did not issue the key {key_no}; ask the vendor."),
        format!("Центр лицензирования не выпускал ключ {key_no}; обратитесь к поставщику."),
    )
}

pub(super) fn not_the_holder(key_no: u32) -> Refusal {
    Refusal::new(
        CentreReason::NotTheHolder,
        format!(
            "The key {key_no} is not this computer's any more: it was given back, or activated anew."
        ),
        format!(
            "Ключ {key_no} больше не принадлежит этому компьютеру: он отдан или активирован заново."
        ),
    )
}

pub(super) fn restored(key_no: u32, at: UnixSeconds) -> Refusal {
    let at = day(at);
    Refusal::new(
        CentreReason::CentreRestored,
        format!(
            "The licence centre was restored from a backup on {at} and does not know that this computer has the key {key_no}. The licence works on; ask the vendor to put the centre right."
        ),
        format!(
            "Центр лицензирования восстановлен из резервной копии {at} и не знает, что ключ {key_no} у этого компьютера. Лицензия продолжает работать; сообщите поставщику."
        ),
    )
}

pub(super) fn too_many_moves(allowed: u32, next: UnixSeconds) -> Refusal {
    let next = day(next);
    Refusal::new(
        CentreReason::TooManyMoves,
        format!(
            "Moves of a key in a year that the vendor allows: {allowed}. They are used up; the next one is possible on {next}. The key stays here."
        ),
        format!(
            "Поставщик допускает переносов ключа в год: {allowed}, и все использованы; следующий возможен {next}. Ключ остаётся здесь."
        ),
    )
}

pub(super) fn no_moves() -> Refusal {
    Refusal::new(
        CentreReason::TooManyMoves,
        "The vendor does not allow to move this key; ask him. The key stays here.",
        "Поставщик не допускает переноса этого ключа; обратитесь к нему. Ключ остаётся здесь.",
    )
}

pub(super) fn bad_reserve_code() -> Refusal {
    Refusal::new(
        CentreReason::BadRequest,
        "The reserve code of the request is in use already; make a new request. The key stays here.",
        "Резервный код из запроса уже занят; сделайте новый запрос. Ключ остаётся здесь.",
    )
}

pub(super) fn other_computer(
    changed: &str,
    changed_russian: &str,
    matched: usize,
    needed: usize,
) -> Refusal {
    Refusal::new(
        CentreReason::OtherComputer,
        format!(
            "The computer has changed too much: {matched} facts match, {needed} must. Changed: {changed}."
        ),
        format!(
            "Компьютер слишком изменился: совпало признаков {matched}, нужно {needed}. Изменилось: {changed_russian}."
        ),
    )
}
