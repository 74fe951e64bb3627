//! licenceserver.conf: what it says, what is wrong in it, and how the server changes it.

mod change;
mod codes;
mod edit;
mod error;
mod newer;
mod password;
mod values;

use std::{
    fmt,
    io::{self, Write},
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use ini::Ini;
use protocol::files::{self, NewFile, read_limited};

pub use change::{Change, ChangeError, change, mark, text};
pub use edit::{get, remove, set};
pub use error::{ConfError, Expected};
pub use newer::add_new_settings;
pub use password::{Password, PasswordError};

use self::values::{Values, check_lines};
use crate::{access::Access, accounting::RuleBook, carriers, logs::Keep};

/// The file that is made when there is none.
pub const DEFAULT: &str = include_str!("default.conf");
const MAX_FILE: usize = 1024 * 1024;

/// The language of what people read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    English,
    /// Russian.
    Russian,
}

impl Lang {
    /// The text of the two that is in this language.
    pub fn pick<T>(self, english: T, russian: T) -> T {
        match self {
            Self::English => english,
            Self::Russian => russian,
        }
    }
}

/// All settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conf {
    /// The address to listen on; nothing means all.
    pub server_addr: Option<IpAddr>,
    /// The port; 0 means any free one.
    pub server_port: u16,
    /// The language of messages.
    pub lang: Lang,
    /// The file of series.
    pub series_file: PathBuf,
    /// Which logs stay.
    pub keep: Keep,
    /// The rules' settings.
    pub rules: RuleBook,
    /// Between heartbeats.
    pub heartbeat: Duration,
    /// A connection silent for so long is expired.
    pub expire: Duration,
    /// How long components work on without an answer.
    pub grace: Duration,
    /// Who signs in.
    pub user_name: String,
    /// With what.
    pub password: Password,
    /// From where console and API may be reached.
    pub access: Access,
    /// What the console asks and shows.
    pub console: ConsoleConf,
    /// Whether the API answers.
    pub api_enabled: bool,
    /// How many days the journal's lines are kept.
    pub keep_events_days: u32,
    /// The port with TLS, if there is one.
    pub tls: Option<TlsPort>,
    /// The vendor's licence centre.
    pub centre: CentreConf,
    /// Hardware carriers.
    pub upkey: carriers::Settings,
}

/// What the console asks and shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsoleConf {
    /// Who has to sign in.
    pub authorization: Authorization,
    /// Whether service operations ask to read a picture.
    pub captcha: bool,
    /// Whether series without a key are left out of the list.
    pub hide_uninstalled: bool,
    /// Whether the console leaves out carriers without room for another licence.
    pub hide_full: bool,
}

/// When the console asks for a password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Authorization {
    /// For settings and service operations.
    #[default]
    Service,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where the licence centre is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CentreConf {
    /// Its address; nothing when there is none.
    pub url: Option<String>,
    /// Whether the system's proxy is used.
    pub use_proxy: bool,
    /// Whose certificates are trusted, PEM; the usual authorities' when not said.
    pub certificates: Option<PathBuf>,
    /// Whether licences are renewed by themselves.
    pub update: bool,
}

/// A port with TLS for console and API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPort {
    /// The port; 0 means any free one.
    pub port: u16,
    /// The certificate and those above it, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// Reads the file, makes it when there is none, and replaces a plain password by its hash.
///
/// # Errors
/// [`ConfError`], with file and line.
pub fn load(file: &Path) -> Result<Conf, ConfError> {
    let text = match read_limited(file, MAX_FILE) {
        Ok(bytes) => utf8(file, bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Err(error) = write(file, DEFAULT) {
                log::warn!("the server goes on with its defaults: {error}");
            }
            DEFAULT.to_owned()
        }
        Err(error) => {
            return Err(ConfError::Read {
                file: file.into(),
                error,
            });
        }
    };
    let mut conf = parse(file, &text)?;
    if let Some(plain) = conf.password.plain() {
        let hashed = Password::hashed(plain)?;
        if let Err(error) = write(file, &set(&text, "Console", "Password", hashed.text())) {
            log::warn!("the password works, but stays readable in the file: {error}");
        }
        conf.password = hashed;
    }
    Ok(conf)
}

/// Reads the file and changes nothing; without a file, the defaults and false.
///
/// # Errors
/// [`ConfError`], with file and line.
pub fn look(file: &Path) -> Result<(Conf, bool), ConfError> {
    match read_limited(file, MAX_FILE) {
        Ok(bytes) => Ok((parse(file, &utf8(file, bytes)?)?, true)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((parse(file, DEFAULT)?, false)),
        Err(error) => Err(ConfError::Read {
            file: file.into(),
            error,
        }),
    }
}

fn write(file: &Path, text: &str) -> Result<(), ConfError> {
    let failed = |error| ConfError::Write {
        file: file.into(),
        error,
    };
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    // A password's hash is nothing for every user of the computer.
    let mut new = begin(file).map_err(failed)?;
    new.write_all(text.as_bytes()).map_err(failed)?;
    new.finish().map_err(failed)
}

#[cfg(not(windows))]
fn begin(file: &Path) -> io::Result<NewFile> {
    NewFile::create(file, files::Access::Owner)
}

/// On Windows every user reads the component's settings, and by the folder's rights what else lies there. A file that is made in
/// the folder of keys, which the installer opens to the service and administrators alone, keeps those rights when it is moved.
#[cfg(windows)]
fn begin(file: &Path) -> io::Result<NewFile> {
    let keys = file
        .parent()
        .and_then(Path::parent)
        .map(|of_all| of_all.join("Data"));
    match keys.filter(|folder| folder.is_dir()) {
        Some(folder) => NewFile::create_through(&folder, file, files::Access::Owner),
        None => NewFile::create(file, files::Access::Owner),
    }
}

/// Writes down when licences were renewed last.
///
/// # Errors
/// When the file cannot be read or written.
pub fn note_update(file: &Path, at: i64) -> Result<(), ConfError> {
    let at = jiff::Timestamp::from_second(at).unwrap_or_default();
    let note = Change::Set("LicenceUpdate".into(), "LastUpdate".into(), at.to_string());
    match change(file, None, &[note], |_| Ok(())) {
        Err(ChangeError::Conf(error)) => Err(error),
        _ => Ok(()),
    }
}

fn utf8(file: &Path, bytes: Vec<u8>) -> Result<String, ConfError> {
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        ConfError::NotUtf8 {
            file: file.into(),
            line,
        }
    })
}

/// Reads a text.
///
/// # Errors
/// `Syntax` or `Value`.
pub fn parse(file: &Path, text: &str) -> Result<Conf, ConfError> {
    let text = text.trim_start_matches('\u{feff}');
    check_lines(file, text)?;
    let ini = Ini::load_from_str_noescape(text).map_err(|error| ConfError::Syntax {
        file: file.into(),
        // The parser counts lines from 0.
        line: error.line + 1,
        found: error.msg.into_owned(),
    })?;
    let values = Values { file, text, ini };
    let folder = file.parent().unwrap_or(Path::new(""));
    let seconds = |key, default| {
        values
            .number("Sessions", key, default, 1..=3600)
            .map(Duration::from_secs)
    };
    let heartbeat = seconds("HeartbeatSeconds", 10)?;
    let expire = seconds("ExpireSeconds", 20)?;
    if expire <= heartbeat {
        return Err(values.wrong("Sessions", "ExpireSeconds", Expected::MoreThanHeartbeat));
    }
    let linger = values.number("Sessions", "SessionLinger", 25, 0..=7 * 24 * 60)?;
    let password = values.text("Console", "Password", "admin");
    Ok(Conf {
        server_addr: match values.text("Common", "ServerAddr", "") {
            "" | "*" => None,
            "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
            text => Some(
                text.parse()
                    .map_err(|_| values.wrong("Common", "ServerAddr", Expected::Address))?,
            ),
        },
        server_port: values.number("Common", "ServerPort", 9099, 0..=65535)? as u16,
        lang: match values.text("Common", "Lang", "en").to_lowercase().as_str() {
            "en" | "" => Lang::English,
            "ru" => Lang::Russian,
            _ => return Err(values.wrong("Common", "Lang", Expected::Lang)),
        },
        series_file: folder.join(values.text("Common", "SeriesFile", "licence.series")),
        keep: Keep {
            previous: values.switch("Common", "KeepPreviousLogs", false)?,
            current_date: values.switch("Common", "KeepCurrentDateLogs", false)?,
        },
        rules: RuleBook {
            linger: Duration::from_secs(linger * 60),
            free_app_names: values.list("Sessions", "FreeAppNames"),
            access_codes: if values.switch("Console", "EnableAccessCodes", false)? {
                Some(values.access_codes()?)
            } else {
                None
            },
        },
        heartbeat,
        expire,
        grace: Duration::from_secs(values.number("Sessions", "GraceSeconds", 300, 0..=3600)?),
        user_name: values.text("Console", "UserName", "admin").into(),
        password: Password::from_conf(password)
            .map_err(|_| values.wrong("Console", "Password", Expected::Password))?,
        access: Access {
            local_only: values.switch("Console", "LocalAccessOnly", false)?,
            allowed: values
                .text("Console", "AllowedAddresses", "")
                .split(',')
                .filter(|text| !text.trim().is_empty())
                .map(str::parse)
                .collect::<Result<_, _>>()
                .map_err(|_| values.wrong("Console", "AllowedAddresses", Expected::Networks))?,
            check_rebinding: values.switch("Console", "CheckDNSRebinding", true)?,
            host_names: values.list("Console", "HostNames"),
        },
        console: ConsoleConf {
            authorization: match values.text("Console", "Authorization", "0") {
                "0" | "" => Authorization::Service,
                "1" => Authorization::Always,
                "2" => Authorization::Never,
                _ => return Err(values.wrong("Console", "Authorization", Expected::Authorization)),
            },
            captcha: values.switch("Console", "CheckCaptcha", false)?,
            hide_uninstalled: values.switch("Console", "HideUnistalled", false)?,
            hide_full: values.switch("Console", "HideFullStorages", false)?,
        },
        api_enabled: values.switch("API", "Enabled", true)?,
        keep_events_days: values.number("Journal", "KeepDays", 90, 1..=3650)? as u32,
        tls: tls(&values, folder)?,
        centre: centre(&values, folder)?,
        upkey: upkey(&values, folder)?,
    })
}

fn centre(values: &Values<'_>, folder: &Path) -> Result<CentreConf, ConfError> {
    let text = |key| Some(values.text("Common", key, "")).filter(|text| !text.is_empty());
    let url = text("LicenceCenterUrl");
    if url.is_some_and(|url| !crate::keys::centre::is_good(url)) {
        return Err(values.wrong("Common", "LicenceCenterUrl", Expected::CentreUrl));
    }
    Ok(CentreConf {
        url: url.map(str::to_owned),
        use_proxy: values.switch("Common", "LicenceCenterUseProxy", false)?,
        certificates: text("LicenceCenterCertificates").map(|name| folder.join(name)),
        update: values.switch("LicenceUpdate", "Enabled", true)?,
    })
}

fn upkey(values: &Values<'_>, folder: &Path) -> Result<carriers::Settings, ConfError> {
    let file = |key| {
        let name = values.text("UPKey", key, "");
        (!name.is_empty()).then(|| folder.join(name))
    };
    Ok(carriers::Settings {
        enabled: values.switch("UPKey", "Enabled", true)?,
        pkcs11_module: file("Pkcs11Module"),
        pin_file: file("PinFile"),
        usb_ids: values
            .get("UPKey", "UsbIds")
            .map_or(Some(vec![carriers::TEST_ID]), usb_ids)
            .ok_or_else(|| values.wrong("UPKey", "UsbIds", Expected::UsbIds))?,
        usb_maker: match values.text("UPKey", "UsbMaker", "") {
            "" => None,
            text => Some(
                text.parse()
                    .map_err(|_| values.wrong("UPKey", "UsbMaker", Expected::PublicKey))?,
            ),
        },
    })
}

/// Pairs of hex numbers like `1209:0001`, with commas between them.
fn usb_ids(text: &str) -> Option<Vec<(u16, u16)>> {
    let number = |text: &str| u16::from_str_radix(text.trim(), 16).ok();
    text.split(',')
        .filter(|pair| !pair.trim().is_empty())
        .map(|pair| {
            let (vendor, product) = pair.split_once(':')?;
            number(vendor).zip(number(product))
        })
        .collect()
}

fn tls(values: &Values<'_>, folder: &Path) -> Result<Option<TlsPort>, ConfError> {
    if values.text("TLS", "Port", "").is_empty() {
        return Ok(None);
    }
    let file = |key| match values.text("TLS", key, "") {
        "" => Err(values.wrong("TLS", key, Expected::PemFile)),
        name => Ok(folder.join(name)),
    };
    Ok(Some(TlsPort {
        port: values.number("TLS", "Port", 0, 0..=65535)? as u16,
        certificate: file("CertificateFile")?,
        key: file("KeyFile")?,
    }))
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.pick("en", "ru"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_is_made_says_the_defaults() {
        let conf = parse(Path::new("/x/licenceserver.conf"), DEFAULT).unwrap();
        assert_eq!(conf, parse(Path::new("/x/licenceserver.conf"), "").unwrap());
        assert_eq!(
            (
                conf.server_port,
                conf.expire.as_secs(),
                conf.rules.linger.as_secs()
            ),
            (9099, 20, 1500)
        );
        assert_eq!(conf.series_file, Path::new("/x/licence.series"));
    }

    #[test]
    fn a_bad_value_is_named_with_file_and_line() {
        for (text, said) in [
            (
                "[Common]\n; x\nServerPort=99999\n",
                "line 3: ServerPort=99999",
            ),
            (
                "[API]\nEnabled=yes\n",
                "line 2: Enabled=yes is wrong; write 0 or 1",
            ),
            (
                "[Sessions]\nHeartbeatSeconds=30\nExpireSeconds=20\n",
                "line 3: ExpireSeconds=20",
            ),
            ("[Common]\nServerPort\n", "line 2: ServerPort is no setting"),
            ("[Common]\n=5\n", "line 2: =5 is no setting"),
            (
                "[Console]\nEnableAccessCodes=1\n[AccessCodes]\nSHOP:1=First\n",
                "line 4: the access code is wrong",
            ),
            (
                "[Console]\nPassword=$argon2id$broken\n",
                "Password=… is wrong",
            ),
        ] {
            let error = parse(Path::new("/x/a.conf"), text).unwrap_err();
            let (english, russian) = (error.text(Lang::English), error.text(Lang::Russian));
            assert!(
                english.starts_with("/x/a.conf, line ") && english.contains(said),
                "{english}"
            );
            assert!(russian.starts_with("/x/a.conf, строка "), "{russian}");
        }
    }

    #[test]
    fn a_missing_file_is_made_and_a_plain_password_becomes_its_hash_with_comments_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/licenceserver.conf");
        let conf = load(&file).unwrap();
        assert!(conf.password.verifies("admin") && conf.password.is_default());
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("\nPassword=$argon2id$") && !text.contains("Password=admin"));
        assert_eq!(text.lines().count(), DEFAULT.lines().count());
        std::fs::write(&file, "; mine\n[Console]\nPassword=s3cret\n[Other]\nx=1\n").unwrap();
        let conf = load(&file).unwrap();
        assert!(conf.password.verifies("s3cret") && !conf.password.is_default());
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(
            text.starts_with("; mine\n[Console]\nPassword=$argon2id$")
                && text.ends_with("[Other]\nx=1\n")
        );
        assert_eq!(load(&file).unwrap().password, conf.password);
    }

    #[test]
    fn a_file_that_is_not_utf8_names_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.conf");
        std::fs::write(&file, b"[Common]\nLang=\xff\n").unwrap();
        assert!(matches!(
            load(&file),
            Err(ConfError::NotUtf8 { line: 2, .. })
        ));
    }
}
