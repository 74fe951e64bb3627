//! Which servers the component goes to, and who said so: the configuration file or the 1C code.
//!
//! The file is read again at each Connect, so that a change needs no restart of 1C.

mod address;
mod file;
mod warning;

use std::path::PathBuf;

use protocol::KeyId;
use serde_json::{Value as Json, json};

pub use address::{Address, AddressError, DEFAULT_HOST, DEFAULT_PORT, parse_port};
pub use file::{Conf, MAX_FILE};
pub use warning::Warning;

use crate::table::Language;

/// The name of the file.
pub const FILE_NAME: &str = "licenceaddin.conf";

/// Where the files are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The user's own file; none in a server or web server process, where only the common one counts.
    pub user: Option<PathBuf>,
    /// The common file.
    pub common: PathBuf,
}

/// What the 1C code set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FromCode {
    /// `ServerAddr`; empty is as good as not set.
    pub server_addr: String,
    /// `ServerPort`.
    pub server_port: Option<u16>,
    /// `ReservedServers`.
    pub reserved_servers: Vec<Address>,
}

/// Who said which servers to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The 1C code.
    Code,
    /// The file.
    File(PathBuf),
    /// Nobody: the defaults.
    Defaults,
}

/// The settings in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The servers in the order in which they are tried; never empty.
    pub servers: Vec<Address>,
    /// Who named them.
    pub source: Source,
    /// The file that was read, whether or not it named the servers.
    pub file: Option<PathBuf>,
    /// Whether the file overrides the 1C code.
    pub forced: bool,
    /// Whether the logs of earlier runs stay.
    pub keep_previous_logs: bool,
    /// Whether today's logs of earlier runs stay.
    pub keep_current_date_logs: bool,
    /// What was wrong with the files.
    pub warnings: Vec<Warning>,
}

impl Settings {
    /// Reads the files and applies the rules.
    #[must_use]
    pub fn read(places: &Places, key_id: Option<KeyId>, code: &FromCode) -> Self {
        let mut warnings = Vec::new();
        let conf = choose(places, key_id, &mut warnings);
        let mut reader = Reader {
            conf: conf.as_ref(),
            warnings: &mut warnings,
        };
        let forced = reader.flag("ForceUseConfig");
        let (servers, source) = reader.servers(forced, code);
        Self {
            servers,
            source,
            forced,
            keep_previous_logs: reader.flag("KeepPreviousLogs"),
            keep_current_date_logs: reader.flag("KeepCurrentDateLogs"),
            file: conf.map(|conf| conf.path),
            warnings,
        }
    }

    /// The settings as JSON, for `Settings()`.
    #[must_use]
    pub fn to_json(&self, language: Language) -> Json {
        let texts = |list: &[Address]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let first = self.servers.first().cloned().unwrap_or_default();
        json!({
            "ServerAddr": first.host,
            "ServerPort": first.port,
            "ReservedServers": texts(self.servers.get(1..).unwrap_or_default()),
            "SettingsSource": self.source.to_string(),
            "ConfigFile": self.file.as_ref().map(|path| path.display().to_string()),
            "ForceUseConfig": self.forced,
            "KeepPreviousLogs": self.keep_previous_logs,
            "KeepCurrentDateLogs": self.keep_current_date_logs,
            "Warnings": self.warnings.iter().map(|warning| json!({
                "Code": warning.reason as u16,
                "File": warning.path.display().to_string(),
                "Line": warning.line,
                "Text": warning.text(language),
            })).collect::<Vec<_>>(),
        })
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code => f.write_str("Code"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Defaults => f.write_str("Defaults"),
        }
    }
}

/// The file that counts: the user's if it exists, else the common one. The two are never merged.
fn choose(places: &Places, key_id: Option<KeyId>, warnings: &mut Vec<Warning>) -> Option<Conf> {
    let user = places
        .user
        .as_ref()
        .and_then(|path| Conf::read(path, key_id, warnings));
    let Some(user) = user else {
        return Conf::read(&places.common, key_id, warnings);
    };
    let hidden = Conf::read(&places.common, key_id, &mut Vec::new());
    let forcing = hidden.is_some_and(|common| {
        common
            .get("forceuseconfig")
            .is_some_and(|entry| parse_flag(&entry.value) == Some(true))
    });
    if forcing {
        warnings.push(Warning::hidden(&user.path, &places.common));
    }
    Some(user)
}

struct Reader<'a> {
    conf: Option<&'a Conf>,
    warnings: &'a mut Vec<Warning>,
}

impl Reader<'_> {
    /// A key's value, read by `parse`; a bad one is named and counts as not there. Empty is not there.
    fn value<T>(
        &mut self,
        key: &str,
        default: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let conf = self.conf?;
        let entry = conf
            .get(&key.to_lowercase())
            .filter(|entry| !entry.value.is_empty())?;
        let value = parse(&entry.value);
        if value.is_none() {
            self.warnings.push(Warning::value(
                &conf.path,
                entry.line,
                key,
                &entry.value,
                default,
            ));
        }
        value
    }

    fn flag(&mut self, key: &str) -> bool {
        self.value(key, "0", parse_flag).unwrap_or(false)
    }

    /// Address, port and reserves are one group: all from the file or all from the code.
    fn servers(&mut self, forced: bool, code: &FromCode) -> (Vec<Address>, Source) {
        if !forced && !code.server_addr.is_empty() {
            let port = code.server_port.unwrap_or(DEFAULT_PORT);
            let first = Address::parse(&code.server_addr, port).unwrap_or_default();
            return (group(first, code.reserved_servers.clone()), Source::Code);
        }
        let port = self.value("ServerPort", "9099", |text| parse_port(text).ok());
        let first = self.value("ServerAddr", DEFAULT_HOST, |text| {
            Address::parse(text, port.unwrap_or(DEFAULT_PORT)).ok()
        });
        let reserves = self.value("ReservedServers", "an empty list", |text| {
            Address::parse_list(text).ok()
        });
        let said = forced || port.is_some() || first.is_some() || reserves.is_some();
        let source = match self.conf {
            Some(conf) if said => Source::File(conf.path.clone()),
            _ => Source::Defaults,
        };
        let first = first.unwrap_or_else(|| Address {
            host: DEFAULT_HOST.into(),
            port: port.unwrap_or(DEFAULT_PORT),
        });
        (group(first, reserves.unwrap_or_default()), source)
    }
}

fn group(first: Address, mut reserves: Vec<Address>) -> Vec<Address> {
    reserves.retain(|reserve| *reserve != first);
    reserves.insert(0, first);
    reserves
}

fn parse_flag(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "1" | "true" | "yes" | "on" | "да" | "истина" => Some(true),
        "0" | "false" | "no" | "off" | "нет" | "ложь" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
