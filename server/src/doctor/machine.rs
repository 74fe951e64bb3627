//! The computer: settings, rights, ports, clock, the store.

use std::{
    fs::{self, OpenOptions},
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    time::{Duration, SystemTime},
};

use super::{Report, State, reach};
use crate::{
    clock,
    conf::{self, Conf, Lang},
    keys::InstanceKey,
    net::Tls,
    places::Places,
    port,
    read::iso,
    store::{self, StoreError},
};

const SETTINGS: (&str, &str) = ("settings", "настройки");
const RIGHTS: (&str, &str) = ("rights", "права");
const PORT: (&str, &str) = ("port", "порт");
const CLOCK: (&str, &str) = ("clock", "часы");
const STORE: (&str, &str) = ("store", "хранилище");
/// A file from further ahead than this means that a clock was wrong.
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// Reads licenceserver.conf; from then on the report is in its language.
pub(super) fn settings(places: &Places, report: &mut Report) -> Option<Conf> {
    let file = places.conf();
    match conf::look(&file) {
        Err(error) => {
            let texts = (error.text(Lang::English), error.text(Lang::Russian));
            report.add(SETTINGS, State::Bad, texts);
            None
        }
        Ok((conf, there)) => {
            report.lang = conf.lang;
            let name = file.display();
            let texts = if there {
                (format!("{name}"), format!("{name}"))
            } else {
                (
                    format!("{name} is not there yet: the server makes it at its start"),
                    format!("{name} ещё нет: сервер создаст его при запуске"),
                )
            };
            report.add(SETTINGS, State::Good, texts);
            if conf.password.is_default() {
                let texts = (
                    "the password is still admin: write another Password= into [Console]".into(),
                    "пароль всё ещё admin: задайте другой Password= в разделе [Console]".into(),
                );
                report.add(SETTINGS, State::Warning, texts);
            }
            if !crate::keys::has_series(&conf.series_file) {
                let name = conf.series_file.display();
                let texts = (
                    format!(
                        "{name} is missing: no licence can be checked; copy the vendor's file there"
                    ),
                    format!(
                        "{name} не найден: лицензии нельзя проверить; скопируйте туда файл поставщика"
                    ),
                );
                report.add(SETTINGS, State::Warning, texts);
            }
            Some(conf)
        }
    }
}

/// Whether the folders can be written and secrets be read by nobody else.
pub(super) fn rights(places: &Places, report: &mut Report) {
    let mut good = true;
    for folder in [&places.config, &places.data, &places.logs] {
        let name = folder.display();
        match writable(folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let texts = (
                    format!("{name} is not there yet: the server makes it at its start"),
                    format!("{name} ещё нет: сервер создаст её при запуске"),
                );
                report.add(RIGHTS, State::Warning, texts);
                good = false;
            }
            Err(error) => {
                let texts = (
                    format!(
                        "{name} cannot be written: {error}; give it to the server's user, or run doctor as that user"
                    ),
                    format!(
                        "{name} недоступна для записи: {error}; отдайте её пользователю сервера или запустите doctor от него"
                    ),
                );
                report.add(RIGHTS, State::Bad, texts);
                good = false;
            }
        }
    }
    for file in [
        places.instance_key(),
        places.data.join("server.holder"),
        places.store(),
    ] {
        if open_to_others(&file) {
            let name = file.display();
            let texts = (
                format!("{name} can be read by other users: chmod 600"),
                format!("{name} доступен другим пользователям: выполните chmod 600"),
            );
            report.add(RIGHTS, State::Bad, texts);
            good = false;
        }
    }
    if good {
        let texts = (
            "folders are writable, secrets are the server's alone".into(),
            "папки доступны для записи, секреты закрыты от других".into(),
        );
        report.add(RIGHTS, State::Good, texts);
    }
}

fn writable(folder: &Path) -> io::Result<()> {
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&probe)?;
    fs::remove_file(probe)
}

#[cfg(unix)]
fn open_to_others(file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(file).is_ok_and(|file| file.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn open_to_others(_: &Path) -> bool {
    // The folder's rights are inherited, and the installer sets them.
    false
}

/// Where this computer's server would answer this computer; nothing when it has not said yet which port it took.
pub(crate) fn address(places: &Places, conf: &Conf) -> Option<SocketAddr> {
    let port = match conf.server_port {
        0 => fs::read_to_string(places.port())
            .ok()?
            .trim()
            .parse()
            .ok()?,
        port => port,
    };
    let ip = conf.server_addr.filter(|ip| !ip.is_unspecified());
    let ip = ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    Some(SocketAddr::new(ip, port))
}

/// Whether the ports are free or this server's own. True when the server runs.
pub(super) fn ports(places: &Places, conf: &Conf, report: &mut Report) -> bool {
    let ip = conf
        .server_addr
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let found = address(places, conf).filter(|address| reach::is_ours(*address, places));
    let running = found.is_some();
    if let Some(port) = found.map(|address| address.port()) {
        let texts = (
            format!("the server runs and answers on {port}"),
            format!("сервер работает и отвечает на порту {port}"),
        );
        report.add(PORT, State::Good, texts);
    } else {
        free(SocketAddr::new(ip, conf.server_port), report);
    }
    if let Some(tls) = &conf.tls {
        if let Err(error) = Tls::open(&tls.certificate, &tls.key) {
            let text = error.to_string();
            report.add(PORT, State::Bad, (text.clone(), format!("TLS: {text}")));
        } else if !running {
            free(SocketAddr::new(ip, tls.port), report);
        }
    }
    running
}

fn free(address: SocketAddr, report: &mut Report) {
    let port = address.port();
    match TcpListener::bind(address) {
        Ok(_) => {
            let texts = (
                format!("{port} is free; the server does not run"),
                format!("порт {port} свободен; сервер не запущен"),
            );
            report.add(PORT, State::Good, texts);
        }
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let by = port::holder(port)
                .map(|by| format!(": {by}"))
                .unwrap_or_default();
            let texts = (
                format!("{port} is taken by another program{by}; stop it, or choose another port"),
                format!(
                    "порт {port} занят другой программой{by}; остановите её или выберите другой порт"
                ),
            );
            report.add(PORT, State::Bad, texts);
        }
        Err(error) => {
            let texts = (
                format!(
                    "{address} cannot be listened on: {error}; check ServerAddr and ServerPort"
                ),
                format!("адрес {address} недоступен: {error}; проверьте ServerAddr и ServerPort"),
            );
            report.add(PORT, State::Bad, texts);
        }
    }
}

/// Whether the clock is behind what it has already said.
pub(super) fn clock(places: &Places, report: &mut Report) {
    if !seen(places, report) {
        return;
    }
    let now = SystemTime::now();
    let files = fs::read_dir(&places.data).into_iter().flatten().flatten();
    let times = files.filter_map(|file| file.metadata().ok()?.modified().ok());
    let time = jiff::ZonedDateTime::now()
        .strftime("%Y-%m-%d %H:%M:%S %z")
        .to_string();
    match times
        .max()
        .and_then(|latest| latest.duration_since(now).ok())
    {
        Some(ahead) if ahead > AHEAD => {
            let minutes = ahead.as_secs() / 60;
            let texts = (
                format!(
                    "{time}: files of the data folder are from {minutes} minutes later; set the clock right"
                ),
                format!(
                    "{time}: файлы папки данных созданы на {minutes} мин. позже; исправьте часы"
                ),
            );
            report.add(CLOCK, State::Bad, texts);
        }
        _ => report.add(CLOCK, State::Good, (time.clone(), time)),
    }
}

/// Whether the clock is behind the highest time that a server has seen here. False when that has been said.
fn seen(places: &Places, report: &mut Report) -> bool {
    // To open the key where none is would make one.
    let key = places.instance_key();
    let Some(key) = key
        .exists()
        .then(|| InstanceKey::open_or_make(&key).ok())
        .flatten()
    else {
        return true;
    };
    let name = places.clock();
    let name = name.display();
    let (state, texts) = match clock::read(&places.clock(), &key.secret) {
        clock::Kept::Missing => return true,
        clock::Kept::Damaged => (
            State::Warning,
            (
                format!("{name} was altered: the server begins it anew at its next start"),
                format!("{name} изменён: сервер начнёт его заново при следующем запуске"),
            ),
        ),
        clock::Kept::Seen(moment) => {
            let behind = crate::now().until(moment);
            if behind <= clock::TOLERANCE {
                return true;
            }
            let time = iso(moment).unwrap_or_default();
            (
                State::Bad,
                (
                    format!(
                        "the clock was set back: it has been {time} here before, and keys end by that time; set the clock right"
                    ),
                    format!(
                        "часы переведены назад: здесь уже было {time}, и сроки ключей считаются по этому времени; установите правильное время"
                    ),
                ),
            )
        }
    };
    report.add(CLOCK, state, texts);
    false
}

/// Whether the store is whole.
pub(super) fn store(places: &Places, running: bool, report: &mut Report) {
    let file = places.store();
    let name = file.display();
    let (state, texts) = if !file.exists() {
        let texts = (
            format!("{name} is not there yet: the server makes it at its start"),
            format!("{name} ещё нет: сервер создаст его при запуске"),
        );
        (State::Good, texts)
    } else {
        match store::check(&file) {
            Ok(()) => (
                State::Good,
                (format!("{name} is whole"), format!("{name} цело")),
            ),
            Err(StoreError::InUse(_)) if running => {
                let texts = (
                    "the running server has it open".into(),
                    "открыто работающим сервером".into(),
                );
                (State::Good, texts)
            }
            Err(error) => {
                let text = error.to_string();
                (State::Bad, (text.clone(), format!("хранилище: {text}")))
            }
        }
    };
    report.add(STORE, state, texts);
}
