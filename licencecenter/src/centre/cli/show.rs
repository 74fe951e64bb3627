//! What commands say. Lists are lines of fields with tabs between them, for people and for scripts.

use std::{fmt::Write, path::Path};

use protocol::{KeyId, UnixSeconds, centre::Refusal, cryptkey::CryptKey, series};

use crate::{
    centre::{
        Lang, Offer,
        codes::{Issued, Listed},
        journal::Entry,
        report::SeriesReport,
        series::Policy,
    },
    dates,
    issue::kind_name,
    printable::printable,
};

pub(super) fn made(folder: &Path, lang: Lang) -> String {
    let folder = folder.display();
    lang.pick(
        format!(
            "A licence centre is made in {folder}. Keep its passphrase: without it nobody opens its keys.\n"
        ),
        format!(
            "Центр лицензирования создан в {folder}. Сохраните парольную фразу: без неё его ключи не открыть.\n"
        ),
    )
}

pub(super) fn series_added(keys: &CryptKey, policy: Policy, lang: Lang) -> String {
    let (id, name, moves) = (keys.key_id, printable(&keys.name), policy.moves_per_year);
    lang.pick(
        format!(
            "Series {id} \"{name}\" is in the centre; a key moves at most {moves} times a year.\n"
        ),
        format!("Серия {id} «{name}» добавлена; переносов ключа в год: не больше {moves}.\n"),
    )
}

pub(super) fn series(list: &[(series::Series, Policy)]) -> String {
    list.iter()
        .fold(String::new(), |mut text, (series, policy)| {
            let _ = writeln!(
                text,
                "{}\t{}\t{}\t{}",
                series.key_id,
                printable(&series.name),
                policy.moves_per_year,
                series.public_key
            );
            text
        })
}

pub(super) fn article(series: KeyId, article: &str, offer: &Offer, lang: Lang) -> String {
    format!(
        "{series}\t{}\t{}\t{} {}\t{}\t{}\n",
        printable(article),
        kind_name(offer.kind()),
        offer.seats,
        lang.pick("seats", "лицензий"),
        match offer.period {
            0 => lang.pick("for ever", "бессрочно").to_owned(),
            days => format!("{days} {}", lang.pick("days", "дней")),
        },
        printable(offer.article_name.as_deref().unwrap_or_default()),
    )
}

pub(super) fn issued(issued: &[Issued], lang: Lang) -> String {
    let mut text = issued.iter().fold(String::new(), |mut text, one| {
        let _ = writeln!(text, "{}\t{}", one.code.reveal(), one.key_no);
        text
    });
    text += lang.pick(
        "Keep the codes now: the centre keeps their hashes alone and cannot show them again.\n",
        "Сохраните коды сейчас: центр хранит только их отпечатки и показать коды ещё раз не сможет.\n",
    );
    text
}

pub(super) fn codes(codes: &[Listed]) -> String {
    let dash = |text: &Option<String>| printable(text.as_deref().unwrap_or("-"));
    codes.iter().fold(String::new(), |mut text, code| {
        let _ = writeln!(
            text,
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            code.id,
            code.series,
            code.key_no,
            if code.reserve { "reserve" } else { "first" },
            code.state,
            dates::show(code.made_at),
            dash(&code.computer),
            dash(&code.order),
            dash(&code.customer),
        );
        text
    })
}

pub(super) fn revoked(key_no: u32, lang: Lang) -> String {
    lang.pick(
        format!("Key {key_no} and its codes are taken back. A server that has it is told at its next renewal.\n"),
        format!("Ключ {key_no} и его коды отозваны. Сервер, где он установлен, узнает об этом при обновлении лицензии.\n"),
    )
}

pub(super) fn changed(key_no: u32, lang: Lang) -> String {
    lang.pick(
        format!("Key {key_no} is changed. Its server gets that at its next renewal.\n"),
        format!("Ключ {key_no} изменён. Его сервер получит это при обновлении лицензии.\n"),
    )
}

pub(super) fn answered(out: &Path, refusal: Option<&Refusal>, lang: Lang) -> String {
    let out = out.display();
    match refusal {
        None => lang.pick(
            format!("The answer is in {out}. Send it to the customer.\n"),
            format!("Ответ записан в {out}. Отправьте его клиенту.\n"),
        ),
        Some(refusal) => lang.pick(
            format!(
                "Refused: {} The answer is in {out}: the customer's server needs it.\n",
                refusal.english
            ),
            format!(
                "Отказано: {} Ответ записан в {out}: он нужен серверу клиента.\n",
                refusal.russian
            ),
        ),
    }
}

pub(super) fn report(report: &[SeriesReport], lang: Lang) -> String {
    let mut text = String::new();
    for one in report {
        let name = printable(&one.name);
        let _ = writeln!(text, "{} {name}", one.series);
        let lines = [
            (lang.pick("keys made", "выпущено ключей"), one.keys),
            (
                lang.pick("keys with a computer", "ключей установлено"),
                one.active,
            ),
            (lang.pick("seats of those", "лицензий в них"), one.seats),
            (
                lang.pick("codes waiting", "кодов не активировано"),
                one.waiting,
            ),
            (lang.pick("keys taken back", "ключей отозвано"), one.revoked),
            (lang.pick("moves in a year", "переносов за год"), one.moves),
            (
                lang.pick("clones noticed in a year", "копий замечено за год"),
                one.clones,
            ),
        ];
        for (name, number) in lines {
            let _ = writeln!(text, "  {name}: {number}");
        }
    }
    text
}

pub(super) fn journal(entries: &[Entry]) -> String {
    entries.iter().fold(String::new(), |mut text, entry| {
        let _ = writeln!(
            text,
            "{}\t{}\t{}\t{}\t{}\t{}",
            dates::show(entry.at),
            printable(&entry.who),
            entry.event,
            entry.series.as_deref().unwrap_or("-"),
            entry
                .key_no
                .map_or_else(|| "-".into(), |key_no| key_no.to_string()),
            printable(&entry.text)
        );
        text
    })
}

pub(super) fn tokens(tokens: &[(String, UnixSeconds)]) -> String {
    tokens.iter().fold(String::new(), |mut text, (name, at)| {
        let _ = writeln!(text, "{}\t{}", printable(name), dates::show(*at));
        text
    })
}

pub(super) fn token_ended(name: &str, lang: Lang) -> String {
    lang.pick(
        format!("The token {name} works no more.\n"),
        format!("Токен {name} больше не действует.\n"),
    )
}

pub(super) fn backed_up(file: &Path, lang: Lang) -> String {
    let file = file.display();
    lang.pick(
        format!("The centre is backed up in {file}, under its passphrase.\n"),
        format!("Резервная копия центра записана в {file} под его парольной фразой.\n"),
    )
}

pub(super) fn restored(folder: &Path, lang: Lang) -> String {
    let folder = folder.display();
    lang.pick(
        format!("The centre is restored in {folder}.\n"),
        format!("Центр восстановлен в {folder}.\n"),
    )
}

pub(super) fn passphrase_forgotten(lang: Lang) -> String {
    lang.pick(
        "The centre has a new passphrase and no series' keys. Take each .cryptkey in again by `licencecenter series add`, then start the service anew. Earlier backups keep the earlier passphrase.\n",
        "У центра новая парольная фраза и нет ключей серий. Внесите каждый .cryptkey снова командой `licencecenter series add` и перезапустите службу. Прежние резервные копии открываются прежней фразой.\n",
    )
    .into()
}

pub(super) fn passphrase_changed(lang: Lang) -> String {
    lang.pick(
        "The keys are under the new passphrase. Earlier backups keep the earlier one.\n",
        "Ключи закрыты новой парольной фразой. Прежние резервные копии открываются прежней.\n",
    )
    .into()
}
