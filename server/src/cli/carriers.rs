//! `licenceserver carriers`: what is connected, and what is on it.

use super::{Failure, centre, open};
use crate::{carriers::Seen, conf::Lang, keys::Installed};

pub(super) fn list() -> Result<(), Failure> {
    let (places, conf) = open()?;
    let lang = conf.lang;
    let ring = centre::ring(&places, &conf)?;
    if !conf.upkey.enabled {
        return Err(crate::carriers::CarrierError::Off.text(lang).into());
    }
    let seen = ring.carriers.seen();
    if seen.is_empty() {
        println!(
            "{}",
            lang.pick("No carrier is connected.", "Ни один носитель не подключён.")
        );
    }
    let installed = ring.installed();
    for one in &seen {
        println!("{}", line(one, lang));
        let on_it = installed.iter().filter(|licence| {
            let carrier = licence.carrier.as_ref();
            carrier.is_some_and(|carrier| carrier.place == one.about.place)
        });
        for licence in on_it {
            println!("    {}", licence_line(licence, lang));
        }
    }
    Ok(())
}

fn line(seen: &Seen, lang: Lang) -> String {
    let about = &seen.about;
    let state = match (&seen.error, seen.licences) {
        (Some(error), _) => error.text(lang),
        (None, 0) => lang.pick("blank", "неактивирован").into(),
        (None, count) => lang.pick(format!("licences: {count}"), format!("лицензий: {count}")),
    };
    format!(
        "{}\t{}\t{} ({})\t{state}",
        about.number,
        about.kind.name(),
        about.name,
        about.serial,
    )
}

fn licence_line(licence: &Installed, lang: Lang) -> String {
    let key_id = licence.key_id.map(|id| id.to_string()).unwrap_or_default();
    let key_no = licence.key_no.unwrap_or_default();
    match (&licence.error, &licence.licence) {
        (None, Some(inside)) => {
            let count = inside.voucher.licence_count;
            lang.pick(
                format!("{key_id} {key_no}: {count} seats"),
                format!("{key_id} {key_no}: лицензий {count}"),
            )
        }
        (Some(error), _) => format!("{key_id} {key_no}: {}", error.text(lang)),
        (None, None) => format!("{key_id} {key_no}"),
    }
}
