//! The binding to this computer, and the keys.

use super::{Report, State};
use crate::{
    accounting::usable,
    clock,
    conf::{Conf, Lang},
    keys::{Computer, KeyRing, OpenError},
    now,
    places::Places,
};

const BINDING: (&str, &str) = ("binding", "привязка");
const KEY: (&str, &str) = ("key", "ключ");
/// With fewer facts one change of hardware may already be too much.
const FEW: usize = 3;

/// What licences are bound to here.
pub(super) fn binding(places: &Places, report: &mut Report) {
    let computer = Computer::look(&places.machine_id());
    let (count, id) = (computer.facts.len(), &computer.id);
    let (state, texts) = if count < FEW {
        let texts = (
            format!(
                "{id}: this computer tells only {count} facts of itself (a container?); write an id of your own into {} before asking for a licence",
                places.machine_id().display()
            ),
            format!(
                "{id}: компьютер сообщает только признаков: {count} (контейнер?); запишите свой идентификатор в {}, прежде чем запрашивать лицензию",
                places.machine_id().display()
            ),
        );
        (State::Warning, texts)
    } else {
        let texts = (
            format!("{id}: {count} facts"),
            format!("{id}: признаков {count}"),
        );
        (State::Good, texts)
    };
    report.add(BINDING, state, texts);
}

/// The installed keys, each with its state.
pub(super) fn keys(places: &Places, conf: &Conf, report: &mut Report) {
    // To open the keys where none are would make a folder and a secret.
    if !places.instance_key().exists() {
        let texts = (
            "none yet: the server makes its own key at its start, then `licenceserver request` asks for a licence".into(),
            "пока нет: сервер создаст свой ключ при запуске, затем выполните `licenceserver request`".into(),
        );
        report.add(KEY, State::Warning, texts);
        return;
    }
    let ring = match KeyRing::open(places, conf.series_file.clone()) {
        Ok(ring) => ring,
        Err(error) => {
            let text = error.to_string();
            report.add(
                KEY,
                State::Bad,
                (text.clone(), format!("папка ключей: {text}")),
            );
            return;
        }
    };
    let installed = ring.installed();
    if installed.is_empty() {
        let texts = (
            "no licence is installed: `licenceserver request` asks the vendor for one".into(),
            "лицензий нет: выполните `licenceserver request` и отправьте запрос поставщику".into(),
        );
        report.add(KEY, State::Warning, texts);
    }
    // As the server counts, by what it has seen of the time.
    let now = match clock::read(&places.clock(), &ring.instance.secret) {
        clock::Kept::Seen(moment) => moment.max(now()),
        clock::Kept::Missing | clock::Kept::Damaged => now(),
    };
    for licence in installed {
        let pool = licence
            .key_id
            .map(|key_id| ring.pool(key_id))
            .unwrap_or_default();
        let unusable = licence
            .key()
            .and_then(|key| usable(&key, &pool, now).err())
            .map(OpenError::Unusable);
        let name = match (licence.key_id, licence.key_no) {
            (Some(key_id), Some(key_no)) => format!("{key_id} {key_no}"),
            _ => licence.file.display().to_string(),
        };
        match licence.error.or(unusable) {
            Some(error) => {
                let text = |lang| format!("{name}: {}", error.text(lang));
                report.add(KEY, State::Bad, (text(Lang::English), text(Lang::Russian)));
            }
            None => {
                let seats = licence
                    .licence
                    .as_ref()
                    .map_or(0, |licence| licence.voucher.licence_count);
                let texts = (
                    format!("{name}: {seats} seats"),
                    format!("{name}: лицензий {seats}"),
                );
                report.add(KEY, State::Good, texts);
            }
        }
    }
}
