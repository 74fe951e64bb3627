//! What can be wrong with licenceserver.conf, told to administrators in both languages: which of them is set
//! stands in the very file that cannot be read.

use std::{
    fmt, io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use super::{Lang, PasswordError};

/// What is wrong with the file.
#[derive(Debug)]
pub enum ConfError {
    /// It cannot be read.
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It cannot be written.
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is not UTF-8.
    NotUtf8 {
        /// The file.
        file: PathBuf,
        /// The first bad line.
        line: usize,
    },
    /// A line is neither a section nor a setting.
    Syntax {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
        /// What stands there.
        found: String,
    },
    /// A value is none of its setting's.
    Value {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
        /// The setting.
        key: &'static str,
        /// What is written there.
        value: String,
        /// What should be.
        expected: Expected,
    },
    /// A line of `[AccessCodes]` is none. The code itself is not repeated: whoever has it gets in.
    AccessCode {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
    },
    /// The password cannot be hashed.
    Password(PasswordError),
}

/// What a setting may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// 0 or 1.
    Switch,
    /// 0, 1 or 2.
    Authorization,
    /// A number of seconds.
    Seconds,
    /// A number of minutes.
    Minutes,
    /// A number of days.
    Days,
    /// A port.
    Port,
    /// More than another setting.
    MoreThanHeartbeat,
    /// An address to listen on.
    Address,
    /// A language.
    Lang,
    /// A password or its hash.
    Password,
    /// Networks.
    Networks,
    /// A file of the port with TLS.
    PemFile,
    /// The address of a licence centre.
    CentreUrl,
    /// Ids of USB devices.
    UsbIds,
    /// A public key.
    PublicKey,
}

impl Expected {
    /// A number of that range, which tells its unit.
    pub(super) fn number(range: &RangeInclusive<u64>) -> Self {
        match range.end() {
            3600 => Self::Seconds,
            3650 => Self::Days,
            65535 => Self::Port,
            _ => Self::Minutes,
        }
    }

    fn text(self, lang: Lang) -> &'static str {
        let (english, russian) = match self {
            Self::Switch => ("0 or 1", "0 или 1"),
            Self::Authorization => (
                "0 (settings and service operations), 1 (always) or 2 (never)",
                "0 (параметры и служебные операции), 1 (всегда) или 2 (отключена)",
            ),
            Self::CentreUrl => (
                "https://…, or http://… on this computer alone",
                "https://… (или http://…, но только на этом компьютере)",
            ),
            Self::UsbIds => (
                "pairs like 1209:0001, with commas between them",
                "пары вида 1209:0001 через запятую",
            ),
            Self::PublicKey => (
                "a public key like p256:… or ed25519:…",
                "открытый ключ вида p256:… или ed25519:…",
            ),
            Self::PemFile => (
                "a PEM file, since TLS has a port",
                "файл PEM, раз у TLS есть порт",
            ),
            Self::Seconds => (
                "a number of seconds from 1 to 3600",
                "число секунд от 1 до 3600",
            ),
            Self::Minutes => (
                "a number of minutes from 0 to 10080",
                "число минут от 0 до 10080",
            ),
            Self::Days => ("a number of days from 1 to 3650", "число дней от 1 до 3650"),
            Self::Port => (
                "a port from 1 to 65535, or 0 for any free one",
                "порт от 1 до 65535 или 0, если подойдёт любой свободный",
            ),
            Self::MoreThanHeartbeat => (
                "more seconds than HeartbeatSeconds",
                "больше секунд, чем HeartbeatSeconds",
            ),
            Self::Address => (
                "an address of this computer, or nothing for all",
                "адрес этого компьютера или пустое значение, если нужны все",
            ),
            Self::Lang => ("en or ru", "en или ru"),
            Self::Password => (
                "a password, or a whole $argon2id$ hash",
                "пароль или хеш $argon2id$ целиком",
            ),
            Self::Networks => (
                "networks with commas, as 192.168.0.0/16, fd00::/8",
                "сети через запятую, например 192.168.0.0/16, fd00::/8",
            ),
        };
        lang.pick(english, russian)
    }
}

impl ConfError {
    /// What is wrong and what to do, on one line.
    pub fn text(&self, lang: Lang) -> String {
        let place = |file: &Path, line: &usize| {
            let word = lang.pick("line", "строка");
            format!("{}, {word} {line}", file.display())
        };
        match self {
            Self::Read { file, error } => {
                let file = file.display();
                lang.pick(
                    format!(
                        "{file} cannot be read: {error}; check that it is a file and its rights"
                    ),
                    format!(
                        "{file} не читается: {error}; проверьте, что это файл, и права на него"
                    ),
                )
            }
            Self::Write { file, error } => {
                let file = file.display();
                lang.pick(
                    format!("{file} cannot be written: {error}; check the folder's rights and free space"),
                    format!("{file} не записывается: {error}; проверьте права на папку и свободное место"),
                )
            }
            Self::NotUtf8 { file, line } => {
                let place = place(file, line);
                lang.pick(
                    format!("{place}: the text is not UTF-8; save the file as UTF-8"),
                    format!("{place}: текст не в кодировке UTF-8; сохраните файл в UTF-8"),
                )
            }
            Self::Syntax { file, line, found } => {
                let place = place(file, line);
                lang.pick(
                    format!("{place}: {found} is no setting; write [Section], Key=Value or ; comment"),
                    format!("{place}: {found} не является настройкой; напишите [Раздел], Ключ=Значение или ; комментарий"),
                )
            }
            Self::Value {
                file,
                line,
                key,
                value,
                expected,
            } => {
                let (place, expected) = (place(file, line), expected.text(lang));
                lang.pick(
                    format!("{place}: {key}={value} is wrong; write {expected}"),
                    format!("{place}: {key}={value} неверно; напишите {expected}"),
                )
            }
            Self::AccessCode { file, line } => {
                let place = place(file, line);
                lang.pick(
                    format!("{place}: the access code is wrong; write CODE=Name | limit=5 reserve=2 | 672B limit=3, without a colon in the code or more reserved than the limit"),
                    format!("{place}: код доступа записан неверно; напишите КОД=Название | limit=5 reserve=2 | 672B limit=3, без двоеточия в коде, reserve не больше limit"),
                )
            }
            Self::Password(error) => error.text(lang),
        }
    }
}

impl fmt::Display for ConfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::English))
    }
}

impl std::error::Error for ConfError {}

impl From<PasswordError> for ConfError {
    fn from(error: PasswordError) -> Self {
        Self::Password(error)
    }
}
