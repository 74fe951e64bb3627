//! Which settings a component on this computer would use: whose file, and what it says.

use std::path::{Path, PathBuf};

use ini::Ini;
use protocol::files::read_limited;

use super::{Report, State};
use crate::places::Places;

const SERVERS: (&str, &str) = ("1C server", "сервер 1С");
const CLIENT: (&str, &str) = ("1C client", "клиент 1С");
const FILE: &str = "licenceaddin.conf";

/// What 1C servers and web servers use, and what clients of the current user do.
pub(super) fn settings(places: &Places, report: &mut Report) {
    let common = places.config.join(FILE);
    describe(SERVERS, &common, report);
    // A user's file hides the common one whole.
    let user = user_folder().map(|folder| places.under_root(&folder).join(FILE));
    match user.filter(|file| file.exists()) {
        Some(file) => describe(CLIENT, &file, report),
        None => describe(CLIENT, &common, report),
    }
}

#[cfg(unix)]
fn user_folder() -> Option<PathBuf> {
    let home = std::env::home_dir().filter(|home| home.is_absolute())?;
    Some(home.join(".1C/licence/3.0"))
}

#[cfg(windows)]
fn user_folder() -> Option<PathBuf> {
    let local = known_folders::get_known_folder_path(known_folders::KnownFolder::LocalAppData)?;
    Some(local.join(r"1C\licence\3.0"))
}

fn describe(who: (&'static str, &'static str), file: &Path, report: &mut Report) {
    let name = file.display();
    if !file.exists() {
        let texts = (
            format!("no {name}: what the configuration's code says, else localhost:9099"),
            format!("нет {name}: значения из кода конфигурации, иначе localhost:9099"),
        );
        report.add(who, State::Good, texts);
        return;
    }
    let read = read_limited(file, 1024 * 1024).map_err(|error| error.to_string());
    let text = read.and_then(|bytes| String::from_utf8(bytes).map_err(|error| error.to_string()));
    let ini = text.and_then(|text| {
        let text = text.trim_start_matches('\u{feff}');
        Ini::load_from_str_noescape(text).map_err(|error| error.to_string())
    });
    let ini = match ini {
        Ok(ini) => ini,
        Err(error) => {
            let texts = (
                format!("{name} cannot be read and counts as empty: {error}"),
                format!("{name} не читается и считается пустым: {error}"),
            );
            report.add(who, State::Warning, texts);
            return;
        }
    };
    let mut any = false;
    for (section, _) in &ini {
        let Some(section) = section else { continue };
        let same = |name: &str| name.eq_ignore_ascii_case(section.trim());
        if !same("Common") && protocol::KeyId::parse_folding(section).is_err() {
            continue;
        }
        any = true;
        let value =
            |key: &str, default: &str| value(&ini, section, key).unwrap_or_else(|| default.into());
        let forced = value("ForceUseConfig", "0") == "1";
        let servers = format!(
            "{}:{} {}",
            value("ServerAddr", "localhost"),
            value("ServerPort", "9099"),
            value("ReservedServers", "")
        );
        let servers = crate::logs::tame(servers.trim());
        let section = crate::logs::tame(section);
        let texts = (
            format!(
                "{name} [{section}]: {servers}{}",
                if forced {
                    ", whatever the code says"
                } else {
                    ", unless the code says otherwise"
                }
            ),
            format!(
                "{name} [{section}]: {servers}{}",
                if forced {
                    ", что бы ни говорил код"
                } else {
                    ", если код не задаёт другое"
                }
            ),
        );
        report.add(who, State::Good, texts);
    }
    if !any {
        let texts = (
            format!(
                "{name} has no [Common]: what the configuration's code says, else localhost:9099"
            ),
            format!(
                "в {name} нет раздела [Common]: значения из кода конфигурации, иначе localhost:9099"
            ),
        );
        report.add(who, State::Warning, texts);
    }
}

/// A key of a section, else of [Common].
fn value(ini: &Ini, section: &str, key: &str) -> Option<String> {
    let of = |wanted: &str| {
        let sections = ini.iter().filter(|(name, _)| {
            name.is_some_and(|name| name.trim().eq_ignore_ascii_case(wanted.trim()))
        });
        let values = sections.flat_map(|(_, properties)| properties.iter());
        values
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case(key))
            .map(|(_, value)| value.trim().to_owned())
            .next_back()
    };
    of(section).or_else(|| of("Common"))
}
