//! Why an exchange with the licence centre came to nothing.

use std::path::PathBuf;

use protocol::{KeyId, centre::Refusal, envelope::FormatError};

use crate::{
    carriers::CarrierError,
    conf::Lang,
    keys::{HolderError, InstallError, KeysError, OpenError, RetireError, WhichKey},
};

/// The reason.
#[derive(Debug, thiserror::Error)]
pub enum CentreError {
    /// Nobody said where the centre is.
    #[error(
        "no licence centre is known; set LicenceCenterUrl in licenceserver.conf to the vendor's address, or make a request file"
    )]
    NoAddress,
    /// Several vendors' centres are known, and a code does not say whose it is.
    #[error("series of several vendors are known here ({}): say which one the code is of (--serie, in the API KeyID)", .0.join(", "))]
    WhichSeries(Vec<String>),
    /// The certificates of the settings cannot be used.
    #[error("{}: {error}; LicenceCenterCertificates in licenceserver.conf names a PEM file", .path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: String,
    },
    /// Nothing was sent: the centre cannot be reached.
    #[error(
        "the licence centre {url} cannot be reached: {error}; check the network and the proxy, or make a request file"
    )]
    Unreachable {
        /// The centre.
        url: String,
        /// Why.
        error: String,
    },
    /// Its certificate is not that of the address, or nobody vouches for it.
    #[error(
        "the licence centre {url} has a wrong certificate: {error}; somebody may be in between: check the address, this computer's clock and LicenceCenterCertificates"
    )]
    Certificate {
        /// The centre.
        url: String,
        /// Why.
        error: String,
    },
    /// It was asked, and did not answer.
    #[error("the licence centre {url} did not answer: {error}; give the same command again")]
    NoAnswer {
        /// The centre.
        url: String,
        /// Why.
        error: String,
    },
    /// What answers is no licence centre.
    #[error(
        "what answers at {url} is no licence centre (status {status}); check LicenceCenterUrl and the proxy"
    )]
    NotACentre {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The centre said no.
    #[error("{}", .0.english)]
    Refused(Refusal),
    /// The answer is to no request that waits here.
    #[error(
        "the answer belongs to no request of this server that waits for one: it was used already, or is another server's"
    )]
    NotWaiting,
    /// The answer is about a series that this server does not know.
    #[error("series {0} is not in licence.series; add the vendor's section to it and try again")]
    UnknownSeries(KeyId),
    /// The answer does not decode, or the vendor did not sign it.
    #[error(
        "the licence centre's answer cannot be used: {0}; if the vendor has changed his key, take his licence.series anew"
    )]
    Answer(FormatError),
    /// The answer is of another kind than the request asks for.
    #[error("the licence centre answered something else than was asked for; tell the vendor")]
    OtherAnswer,
    /// The licence in it cannot be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The holder key.
    #[error(transparent)]
    Holder(HolderError),
    /// The folder of the keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The carrier.
    #[error(transparent)]
    Carrier(#[from] CarrierError),
    /// A number means no key here, or several.
    #[error(transparent)]
    Key(#[from] WhichKey),
    /// The key does not work here, so it cannot be given back.
    #[error("the key {0} does not work on this server, so this server cannot give it back: {text}", text = .1.text(Lang::English))]
    NotOurs(u32, OpenError),
    /// Too many requests wait.
    #[error(
        "too many requests wait for answers in {}; delete those that are not needed any more", .0.display()
    )]
    TooManyWaiting(PathBuf),
    /// A file for the person cannot be written.
    #[error("{}: {error}", .0.display(), error = .1)]
    File(PathBuf, std::io::Error),
}

impl From<HolderError> for CentreError {
    fn from(error: HolderError) -> Self {
        match error {
            HolderError::Carrier(error) => Self::Carrier(error),
            error => Self::Holder(error),
        }
    }
}

impl From<RetireError> for CentreError {
    fn from(error: RetireError) -> Self {
        match error {
            RetireError::Carrier(error) => Self::Carrier(error),
            RetireError::Keys(error) => Self::Keys(error),
        }
    }
}

impl CentreError {
    /// The message in a language.
    pub fn text(&self, lang: Lang) -> String {
        if lang == Lang::English {
            return self.to_string();
        }
        match self {
            Self::NoAddress => "адрес центра лицензирования не задан: укажите LicenceCenterUrl в licenceserver.conf или сделайте файл запроса".into(),
            Self::WhichSeries(names) => format!(
                "здесь известны серии разных поставщиков ({}): укажите серию кода (--serie, в API — KeyID)",
                names.join(", ")
            ),
            Self::Certificates { path, error } => format!(
                "{}: {error}; LicenceCenterCertificates в licenceserver.conf указывает на файл PEM",
                path.display()
            ),
            Self::Unreachable { url, error } => format!(
                "центр лицензирования {url} недоступен: {error}; проверьте сеть и прокси или сделайте файл запроса"
            ),
            Self::Certificate { url, error } => format!(
                "у центра лицензирования {url} неверный сертификат: {error}; возможно, соединение перехвачено: проверьте адрес, часы этого компьютера и LicenceCenterCertificates"
            ),
            Self::NoAnswer { url, error } => format!(
                "центр лицензирования {url} не ответил: {error}; повторите ту же команду"
            ),
            Self::NotACentre { url, status } => format!(
                "по адресу {url} отвечает не центр лицензирования (код {status}); проверьте LicenceCenterUrl и прокси"
            ),
            Self::Refused(refusal) => refusal.russian.clone(),
            Self::NotWaiting => "ответ не относится ни к одному ожидающему запросу этого сервера: он уже использован или предназначен другому серверу".into(),
            Self::UnknownSeries(key_id) => format!(
                "серии {key_id} нет в licence.series; добавьте в него раздел от поставщика и повторите"
            ),
            Self::Answer(error) => format!(
                "ответ центра лицензирования не может быть использован: {error}; если поставщик сменил свой ключ, возьмите его новый licence.series"
            ),
            Self::OtherAnswer => "центр лицензирования ответил не на то, что спрашивали; сообщите поставщику".into(),
            Self::Install(error) => error.text(lang),
            Self::Holder(error) => format!("ключ держателя: {error}"),
            Self::Keys(error) => format!("папка ключей: {error}"),
            Self::Carrier(error) => error.text(lang),
            Self::Key(error) => error.text(lang),
            Self::NotOurs(key_no, error) => format!(
                "ключ {key_no} на этом сервере не работает, поэтому сервер не может его отдать: {}",
                error.text(lang)
            ),
            Self::TooManyWaiting(folder) => format!(
                "в {} слишком много запросов ждут ответа; удалите ненужные",
                folder.display()
            ),
            Self::File(path, error) => format!("{}: {error}", path.display()),
        }
    }
}
