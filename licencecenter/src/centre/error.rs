//! Why the centre did not do what its administrator asked for.

use std::{env, io, path::PathBuf};

use protocol::{KeyId, licence::MAX_PARAMETERS, locked::LockError};

/// The language of what the administrator reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    English,
    /// Russian.
    Russian,
}

impl Lang {
    /// The language that the environment's locale names.
    pub fn of_environment() -> Self {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
        if locale.is_some_and(|locale| locale.starts_with("ru")) {
            Self::Russian
        } else {
            Self::English
        }
    }

    /// The text of the two that is in this language.
    pub fn pick<T>(self, english: T, russian: T) -> T {
        match self {
            Self::English => english,
            Self::Russian => russian,
        }
    }
}

/// An error of the licence centre.
#[derive(Debug, thiserror::Error)]
pub enum CentreError {
    /// The store.
    #[error("the centre's store: {0}")]
    Store(#[from] rusqlite::Error),
    /// The folder has no centre.
    #[error("{0} holds no licence centre; make one by `licencecenter init`")]
    NoCentre(PathBuf),
    /// The folder has a centre already.
    #[error("{0} holds a licence centre already; nothing was changed")]
    CentreExists(PathBuf),
    /// The store is of a newer program.
    #[error("the store was made by a newer licencecenter (version {0}); update this program")]
    Newer(i64),
    /// No passphrase was given.
    #[error("a passphrase is needed: give --passphrase-file, or set LICENCECENTER_PASSPHRASE")]
    NoPassphrase,
    /// The passphrase does not open the keys.
    #[error("the passphrase does not open the centre's keys")]
    Passphrase,
    /// Files of a centre that is not there any more.
    #[error(
        "{0} is left of an earlier centre and would spoil the restored one; move it away together with the other files of that centre, or restore into an empty folder"
    )]
    LeftOver(PathBuf),
    /// The keys of a series went with a lost passphrase.
    #[error(
        "the keys of series {0} are not here since the passphrase was forgotten; take them in again by `licencecenter series add {0}.cryptkey`"
    )]
    KeysForgotten(KeyId),
    /// A locked file does not open.
    #[error("{0}: {1}")]
    Locked(PathBuf, LockError),
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// A file is not what it should be.
    #[error(transparent)]
    Input(#[from] crate::Error),
    /// The series is not here.
    #[error("the centre has no series {0}; add it by `licencecenter series add {0}.cryptkey`")]
    UnknownSeries(KeyId),
    /// The series is here already with other keys.
    #[error("the centre has other keys for series {0}; its licences go by those, so they stay")]
    OtherSeriesKeys(KeyId),
    /// The article is not here.
    #[error("series {0} has no article {1}; add it by `licencecenter article add`")]
    UnknownArticle(KeyId, String),
    /// The code is not here.
    #[error("the centre never gave out that code")]
    UnknownCode,
    /// The key is not here.
    #[error("the centre has no key {0}")]
    UnknownKey(u32),
    /// What is offered contradicts itself.
    #[error("{0}")]
    Offer(OfferError),
    /// The name is taken.
    #[error("there is a token named {0} already; revoke it first, or choose another name")]
    TokenExists(String),
    /// No such token.
    #[error("there is no token named {0}")]
    UnknownToken(String),
    /// The keys in the store are damaged.
    #[error("the keys of series {0} are damaged; restore the centre from its backup")]
    DamagedKeys(KeyId),
    /// A setting of the command line.
    #[error("{0}")]
    Usage(String),
    /// A server's request is refused, and nothing goes back to it.
    #[error("{}", .0.english)]
    Refused(protocol::centre::Refusal),
    /// The address cannot be listened on.
    #[error("{0} cannot be listened on: {1}; choose another --listen")]
    Listen(std::net::SocketAddr, io::Error),
    /// The certificate of the server.
    #[error("{0}: {1}; give a PEM file with the certificate chain, and one with its key")]
    Certificate(PathBuf, String),
}

/// What is wrong with what a code should give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// A demo never ends.
    #[error("a demo key ends: give --period DAYS, at least 1")]
    DemoPeriod,
    /// There are no seats.
    #[error("say how many seats the key gives: --seats N, or --article A")]
    NoSeats,
    /// No such kind of key.
    #[error("{0} is no kind of key: 3 is main, 4 additional, 5 demo")]
    KeyType(u8),
    /// Too many parameters.
    #[error("{0} parameters are too many: a licence holds {MAX_PARAMETERS}")]
    Parameters(usize),
    /// A parameter that nobody could ask for.
    #[error("a parameter has no name")]
    NamelessParameter,
    /// The licence would not fit into a handshake.
    #[error(
        "what the key gives takes {0} bytes, and a licence has no room for that; shorten the parameters"
    )]
    TooLarge(usize),
    /// There is nothing to change.
    #[error(
        "say what to change: --seats, --period, --support-until, --industry-support-until or --moves-per-year"
    )]
    NoChange,
    /// Too many codes at once.
    #[error("1 to 10000 codes can be made at once")]
    Count,
}

impl CentreError {
    /// The message in a language.
    pub fn text(&self, lang: Lang) -> String {
        if lang == Lang::English {
            return self.to_string();
        }
        match self {
            Self::Store(error) => format!("хранилище центра: {error}"),
            Self::NoCentre(path) => format!(
                "в {} нет центра лицензирования; создайте его командой `licencecenter init`",
                path.display()
            ),
            Self::CentreExists(path) => format!(
                "в {} уже есть центр лицензирования; ничего не изменено",
                path.display()
            ),
            Self::Newer(version) => format!(
                "хранилище создано более новым licencecenter (версия {version}); обновите программу"
            ),
            Self::NoPassphrase => {
                "нужна парольная фраза: укажите --passphrase-file или переменную LICENCECENTER_PASSPHRASE".into()
            }
            Self::Passphrase => "парольная фраза не открывает ключи центра".into(),
            Self::LeftOver(path) => format!(
                "{} остался от прежнего центра и испортил бы восстановленный; уберите его вместе с другими файлами того центра или восстановите в пустую папку",
                path.display()
            ),
            Self::KeysForgotten(id) => format!(
                "ключей серии {id} здесь нет, так как парольная фраза была забыта; внесите их снова командой `licencecenter series add {id}.cryptkey`"
            ),
            Self::Locked(path, LockError::Passphrase) => {
                format!("{}: парольная фраза неверна или файл изменён", path.display())
            }
            Self::Locked(path, error) => format!("{}: {error}", path.display()),
            Self::File(path, error) => format!("{}: {error}", path.display()),
            Self::Input(error) => format!("ошибка во входных данных: {error}"),
            Self::UnknownSeries(id) => format!(
                "в центре нет серии {id}; добавьте её командой `licencecenter series add {id}.cryptkey`"
            ),
            Self::OtherSeriesKeys(id) => {
                format!("в центре у серии {id} другие ключи, по ним выпущены её лицензии; ключи не заменены")
            }
            Self::UnknownArticle(id, article) => format!(
                "в серии {id} нет артикула {article}; добавьте его командой `licencecenter article add`"
            ),
            Self::UnknownCode => "центр не выдавал такого кода".into(),
            Self::UnknownKey(key_no) => format!("в центре нет ключа {key_no}"),
            Self::Offer(OfferError::DemoPeriod) => {
                "у демонстрационного ключа есть срок: укажите --period ДНЕЙ, не меньше 1".into()
            }
            Self::Offer(OfferError::NoSeats) => {
                "укажите число лицензий ключа: --seats N или --article А".into()
            }
            Self::Offer(OfferError::KeyType(number)) => format!(
                "{number} не является видом ключа: 3 — основной, 4 — дополнительный, 5 — демонстрационный"
            ),
            Self::Offer(OfferError::Parameters(count)) => {
                format!("параметров слишком много: {count}, в лицензии помещается {MAX_PARAMETERS}")
            }
            Self::Offer(OfferError::NamelessParameter) => "у параметра нет имени".into(),
            Self::Offer(OfferError::TooLarge(size)) => format!(
                "состав ключа занимает {size} байт, столько в лицензии не помещается; сократите параметры"
            ),
            Self::Offer(OfferError::NoChange) => {
                "укажите, что изменить: --seats, --period, --support-until, --industry-support-until или --moves-per-year".into()
            }
            Self::Offer(OfferError::Count) => "за один раз можно выпустить от 1 до 10000 кодов".into(),
            Self::TokenExists(name) => {
                format!("токен {name} уже есть; отзовите его или выберите другое имя")
            }
            Self::UnknownToken(name) => format!("токена {name} нет"),
            Self::DamagedKeys(id) => {
                format!("ключи серии {id} повреждены; восстановите центр из резервной копии")
            }
            Self::Usage(text) => text.clone(),
            Self::Refused(refusal) => refusal.russian.clone(),
            Self::Listen(address, error) => {
                format!("адрес {address} недоступен: {error}; выберите другой --listen")
            }
            Self::Certificate(path, error) => format!(
                "{}: {error}; нужны PEM-файлы с цепочкой сертификатов и с её ключом",
                path.display()
            ),
        }
    }
}
