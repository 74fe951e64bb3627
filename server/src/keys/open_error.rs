//! Why a licence that is here does not work: the REST API's OpenError, in both languages.

use std::path::PathBuf;

use jiff::Timestamp;
use protocol::{KeyId, binding::FactKind, envelope::FormatError};

use crate::{
    accounting::{Moment, Unusable},
    carriers::CarrierError,
    conf::Lang,
};

/// The reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The file is cut, damaged, newer or altered.
    Format(FormatError),
    /// The file cannot be read.
    Unreadable(String),
    /// The series is not in licence.series.
    UnknownSeries(KeyId),
    /// Two vendors claim the series; what and where each says so.
    Disputed(KeyId, [String; 2]),
    /// It was issued to another holder key.
    OtherHolder,
    /// The holder key does not open here.
    NoHolder(String),
    /// Too many facts of the computer changed.
    OtherComputer {
        /// How many match.
        matched: usize,
        /// How many the licence lists.
        listed: usize,
        /// How many must.
        needed: usize,
        /// Which ones changed.
        changed: Vec<FactKind>,
    },
    /// A carrier holds it, and not this computer.
    OnCarrier,
    /// The carrier that it lies on does not do its part.
    Carrier(CarrierError),
    /// It is being given back to the centre.
    GivenBack(u32),
    /// The file that says so cannot be read.
    ReserveDamaged(PathBuf, String),
    /// A file with the same number is here already.
    Twice(String),
    /// It ended by a time that was seen here, and the clock was set back since.
    EndedBeforeClock(Moment),
    /// It gives no seats at this time, or beside these other keys.
    Unusable(Unusable),
}

impl OpenError {
    /// The reason as a sentence.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Format(FormatError::Signature) => lang.pick(
                "The signature is wrong: the file was altered, or it is another vendor's. Get it again from the vendor.",
                "Подпись неверна: файл изменён или выпущен другим поставщиком. Получите его у поставщика ещё раз.",
            ).into(),
            Self::Format(FormatError::Newer(version)) => lang.pick(
                format!("The file's format version is {version}; update the server."),
                format!("Версия формата файла {version}; обновите сервер."),
            ),
            Self::Format(error) => lang.pick(
                format!("The file cannot be used: {error}."),
                format!("Файл повреждён ({error}). Скопируйте его ещё раз."),
            ),
            Self::Unreadable(error) => lang.pick(
                format!("The file cannot be read: {error}."),
                format!("Файл не читается: {error}."),
            ),
            Self::UnknownSeries(key_id) => lang.pick(
                format!("Series {key_id} is not in licence.series; add the vendor's section to it."),
                format!("Серии {key_id} нет в файле licence.series; добавьте в него раздел от поставщика."),
            ),
            Self::Disputed(key_id, [first, second]) => lang.pick(
                format!("Two vendors claim the series {key_id}: {first} and {second}. Find out whose file is right, and remove the other one."),
                format!("На серию {key_id} претендуют два поставщика: {first} и {second}. Выясните, чей файл верный, и удалите другой."),
            ),
            Self::OtherHolder => lang.pick(
                "The licence was issued for another computer. Activate its code here, after the key was given back there, or ask the vendor for a licence by a request made here.",
                "Лицензия выпущена для другого компьютера. Активируйте её код здесь, после того как ключ отдан там, или получите лицензию по запросу, сделанному здесь.",
            ).into(),
            Self::NoHolder(error) => lang.pick(
                format!("This computer's holder key cannot be used: {error}"),
                format!("Ключ держателя этого компьютера не открывается: {error}"),
            ),
            Self::OtherComputer { matched, listed, needed, changed } => {
                let names = |russian: bool| {
                    let mut names: Vec<&str> = changed
                        .iter()
                        .map(|kind| if russian { kind.names().1 } else { kind.names().0 })
                        .collect();
                    names.dedup();
                    names.join(", ")
                };
                lang.pick(
                    format!(
                        "The licence was issued for another computer, or this one has changed: {matched} of {listed} facts match, {needed} needed. Changed: {}. Restore them, or activate the code again.",
                        names(false)
                    ),
                    format!(
                        "Лицензия выпущена для другого компьютера, или этот изменился: совпало признаков {matched} из {listed}, нужно {needed}. Изменилось: {}. Верните прежнее оборудование или активируйте код ещё раз.",
                        names(true)
                    ),
                )
            }
            Self::OnCarrier => lang.pick(
                "The licence is held by a carrier that is not connected. Connect it to this computer; the licence itself lies on it.",
                "Лицензию держит носитель, который не подключён. Подключите его к этому компьютеру; сама лицензия записана на нём.",
            ).into(),
            Self::Carrier(error) => {
                let text = error.text(lang);
                lang.pick(format!("The carrier: {text}."), format!("Носитель: {text}."))
            }
            Self::ReserveDamaged(file, error) => lang.pick(
                format!(
                    "The key was being given back, and {} is damaged: {error}. Bring that file back from a backup. Where there is none, ask the vendor: if the key is still this computer's, delete the file, and the key works again; if he has it, take a new code from him.",
                    file.display()
                ),
                format!(
                    "Ключ отдавали, а файл {} повреждён: {error}. Верните этот файл из резервной копии. Если её нет, спросите поставщика: если ключ всё ещё за этим компьютером, удалите файл, и ключ снова заработает; если ключ у поставщика, получите у него новый код.",
                    file.display()
                ),
            ),
            Self::GivenBack(key_no) => lang.pick(
                format!("The key is being given back to the vendor. `licenceserver reserve {key_no}` finishes that and tells the reserve code."),
                format!("Ключ отдаётся поставщику. Команда `licenceserver reserve {key_no}` завершит это и покажет резервный код."),
            ),
            Self::Twice(file) => lang.pick(
                format!("A key of the same number is already read from {file}."),
                format!("Ключ с таким же номером уже прочитан из {file}."),
            ),
            Self::EndedBeforeClock(at) => lang.pick(
                format!("The licence ended on {}: that time has been seen here, and the computer's clock was set back since. Set the clock right.", date(*at)),
                format!("Срок лицензии закончился {}: здесь это время уже наступало, потом часы компьютера перевели назад. Установите правильное время.", date(*at)),
            ),
            Self::Unusable(unusable) => unusable_text(*unusable, lang),
        }
    }
}

fn date(moment: Moment) -> String {
    Timestamp::from_second(moment.seconds()).map_or_else(
        |_| "?".into(),
        |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

/// Why a key gives no seats, as a sentence.
pub(crate) fn unusable_text(unusable: Unusable, lang: Lang) -> String {
    match unusable {
        Unusable::NotWorkable => lang.pick("The key cannot be used.", "Ключ не может использоваться.").into(),
        Unusable::Disabled => lang.pick(
            "The key is switched off by the administrator.",
            "Ключ отключён администратором.",
        ).into(),
        Unusable::NotStarted(at) => lang.pick(
            format!("The licence begins on {}.", date(at)),
            format!("Лицензия начнёт действовать {}.", date(at)),
        ),
        Unusable::Expired(at) => lang.pick(
            format!("The licence ended on {}. Ask the vendor for a new one.", date(at)),
            format!("Срок лицензии закончился {}. Обратитесь к поставщику.", date(at)),
        ),
        Unusable::NoMainKey => lang.pick(
            "An additional key adds seats only beside a working main key of its series on this computer.",
            "Дополнительный ключ добавляет лицензии только вместе с работающим основным ключом той же серии на этом компьютере.",
        ).into(),
        Unusable::BesideOther => lang.pick(
            "A demo key does not work beside another key of its series.",
            "Демонстрационный ключ не работает вместе с другим ключом той же серии.",
        ).into(),
    }
}
