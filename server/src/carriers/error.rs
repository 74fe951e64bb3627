//! What goes wrong with carriers, in both languages.

use std::path::PathBuf;

use crate::conf::Lang;

/// Why a carrier cannot do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CarrierError {
    /// The settings switch carriers off.
    #[error("carriers are switched off; set Enabled=1 in [UPKey] of licenceserver.conf")]
    Off,
    /// No such carrier is connected.
    #[error("no carrier {number} is connected; {}", here(.connected).0)]
    Unknown {
        /// The number that was asked for.
        number: u32,
        /// Those that are.
        connected: Vec<u32>,
    },
    /// Two of one number are connected.
    #[error("two carriers of the number {0} are connected; leave one of them")]
    Twice(u32),
    /// It was pulled out.
    #[error(
        "the carrier {0} was pulled out, or does not answer; connect it and give the same command again"
    )]
    Gone(u32),
    /// Nothing can be written to it.
    #[error("the carrier {0} is write-protected; take another one, or lift its protection")]
    ReadOnly(u32),
    /// It has no room.
    #[error("the carrier {0} is full; give a licence on it back, or take another carrier")]
    Full(u32),
    /// Its PIN is needed and not known.
    #[error(
        "the carrier {number} wants its PIN; write it into a file that the server's user alone may read, and name that file in PinFile= of [UPKey]{}", .file.as_ref().map(|file| format!(" ({} cannot be read)", file.display())).unwrap_or_default()
    )]
    NoPin {
        /// The carrier.
        number: u32,
        /// The file that the settings name.
        file: Option<PathBuf>,
    },
    /// The PIN is wrong.
    #[error(
        "the carrier {0} refused its PIN, which is not tried again until the file of PinFile= is changed"
    )]
    WrongPin(u32),
    /// One more wrong PIN would lock it.
    #[error(
        "the carrier {0} has one try of its PIN left, so it is not tried; sign in to it once by its maker's program"
    )]
    LastTry(u32),
    /// Too many wrong PINs.
    #[error("the carrier {0} is locked after wrong PINs; unlock it by its maker's program")]
    Locked(u32),
    /// It lacks what is needed.
    #[error("the carrier {number} cannot do {what}; a licence needs P-256 and RSA-2048 with OAEP")]
    Unable {
        /// The carrier.
        number: u32,
        /// What it lacks.
        what: String,
    },
    /// Its answer is none.
    #[error("the carrier {number} gives {what}; it is damaged, or no carrier of licences")]
    Nonsense {
        /// The carrier.
        number: u32,
        /// What it gave.
        what: String,
    },
    /// Its maker did not certify it.
    #[error(
        "the carrier {0} has no certificate of the maker that UsbMaker= in [UPKey] names; take a genuine one"
    )]
    NotGenuine(u32),
    /// The module cannot be used.
    #[error("{}: {error}; check Pkcs11Module= in [UPKey] of licenceserver.conf", .file.display())]
    Module {
        /// The module's file.
        file: PathBuf,
        /// Why.
        error: String,
    },
    /// The USB bus cannot be looked at.
    #[error("USB cannot be looked at: {0}; check that the server's user may use /dev/bus/usb")]
    Usb(String),
    /// Something else.
    #[error("the carrier {number}: {error}")]
    Device {
        /// The carrier.
        number: u32,
        /// What it says.
        error: String,
    },
}

impl CarrierError {
    /// Whether what is on the carrier is surely what it was before.
    pub(crate) fn changed_nothing(&self) -> bool {
        !matches!(
            self,
            Self::Gone(_) | Self::Nonsense { .. } | Self::Device { .. }
        )
    }
}

fn here(connected: &[u32]) -> (String, String) {
    let mut names: Vec<String> = connected.iter().map(u32::to_string).collect();
    names.dedup();
    if names.is_empty() {
        return (
            "none is, so connect it".into(),
            "не подключён ни один, подключите его".into(),
        );
    }
    let names = names.join(", ");
    (
        format!("connected: {names}"),
        format!("подключены: {names}"),
    )
}

impl CarrierError {
    /// The message in a language.
    pub fn text(&self, lang: Lang) -> String {
        if lang == Lang::English {
            return self.to_string();
        }
        match self {
            Self::Off => {
                "носители отключены: задайте Enabled=1 в разделе [UPKey] файла licenceserver.conf"
                    .into()
            }
            Self::Unknown { number, connected } => {
                format!("носитель {number} не подключён; {}", here(connected).1)
            }
            Self::Twice(number) => {
                format!("подключены два носителя с номером {number}; оставьте один из них")
            }
            Self::Gone(number) => format!(
                "носитель {number} извлечён или не отвечает; подключите его и повторите команду"
            ),
            Self::ReadOnly(number) => {
                format!("носитель {number} защищён от записи; возьмите другой или снимите защиту")
            }
            Self::Full(number) => format!(
                "носитель {number} заполнен; отдайте одну из лицензий на нём или возьмите другой"
            ),
            Self::NoPin { number, file } => {
                let file = file
                    .as_ref()
                    .map(|file| format!(" ({} не читается)", file.display()))
                    .unwrap_or_default();
                format!(
                    "носителю {number} нужен PIN-код: запишите его в файл, доступный только пользователю сервера, и укажите файл в PinFile= раздела [UPKey]{file}"
                )
            }
            Self::WrongPin(number) => format!(
                "носитель {number} не принял PIN-код; он не будет предъявлен снова, пока файл из PinFile= не изменится"
            ),
            Self::LastTry(number) => format!(
                "у носителя {number} осталась одна попытка ввода PIN-кода, поэтому он не предъявлен; войдите один раз программой производителя"
            ),
            Self::Locked(number) => format!(
                "носитель {number} заблокирован после неверных PIN-кодов; разблокируйте его программой производителя"
            ),
            Self::Unable { number, what } => format!(
                "носитель {number} не умеет {what}; для лицензии нужны P-256 и RSA-2048 с OAEP"
            ),
            Self::Nonsense { number, what } => format!(
                "носитель {number} отвечает неверно ({what}); он повреждён или не является носителем лицензий"
            ),
            Self::NotGenuine(number) => format!(
                "у носителя {number} нет сертификата производителя, указанного в UsbMaker= раздела [UPKey]; возьмите подлинный"
            ),
            Self::Module { file, error } => format!(
                "{}: {error}; проверьте Pkcs11Module= в разделе [UPKey] файла licenceserver.conf",
                file.display()
            ),
            Self::Usb(error) => format!(
                "шина USB недоступна: {error}; проверьте права пользователя сервера на /dev/bus/usb"
            ),
            Self::Device { number, error } => format!("носитель {number}: {error}"),
        }
    }
}
