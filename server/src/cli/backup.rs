//! `licenceserver backup` and `restore`.

use std::path::{Path, PathBuf};

use clap::Args;
use protocol::files::read_limited;
use zeroize::Zeroizing;

use super::{Failure, open};
use crate::{
    backup::{self, BackupError, Restored},
    conf::Lang,
    now,
    places::Places,
};

/// A backup and what opens it.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The backup's file
    file: PathBuf,
    /// The file with the passphrase that it is under; else LICENCESERVER_PASSPHRASE has it
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

pub(super) fn backup(wanted: &Backup) -> Result<(), Failure> {
    let (places, conf) = open()?;
    let lang = conf.lang;
    let failed = |error: BackupError| Failure::from(error.text(lang));
    let passphrase = passphrase(wanted).map_err(failed)?;
    let now = now().seconds();
    backup::backup(&places, &conf.series_file, &wanted.file, &passphrase, now).map_err(failed)?;
    let file = wanted.file.display();
    println!(
        "{}",
        lang.pick(
            format!("The server is saved in {file}, under the passphrase."),
            format!("Сервер сохранён в {file} под парольной фразой."),
        )
    );
    Ok(())
}

pub(super) fn restore(wanted: &Backup) -> Result<(), Failure> {
    // The settings are in the backup: none are made before.
    let places = Places::of_system().map_err(|error| error.to_string())?;
    let both = |error: BackupError| {
        Failure(
            [Lang::English, Lang::Russian]
                .map(|lang| error.text(lang))
                .into(),
        )
    };
    let passphrase = passphrase(wanted).map_err(both)?;
    let restored = backup::restore(&places, &wanted.file, &passphrase).map_err(both)?;
    let lang = open().map_or(Lang::English, |(_, conf)| conf.lang);
    println!("{}", text(&restored, lang));
    Ok(())
}

fn text(restored: &Restored, lang: Lang) -> String {
    let done = lang.pick("The server is restored.", "Сервер восстановлен.");
    if !restored.elsewhere {
        return done.into();
    }
    let name: String = restored
        .computer_name
        .chars()
        .filter(|letter| !letter.is_control())
        .collect();
    if restored.left.is_empty() {
        return lang.pick(
            format!(
                "{done} It was saved on another computer, {name}: make a licence request here."
            ),
            format!(
                "{done} Копия сделана на другом компьютере, {name}: сделайте здесь запрос лицензии."
            ),
        );
    }
    let keys: Vec<String> = restored.left.iter().map(ToString::to_string).collect();
    let keys = keys.join(", ");
    lang.pick(
        format!("{done} It was saved on another computer, {name}, and these keys stay there: {keys}. Give each back there by `licenceserver reserve` and activate its reserve code here; if that computer is lost, ask the vendor."),
        format!("{done} Копия сделана на другом компьютере, {name}, и эти ключи остаются там: {keys}. Отдайте каждый там командой `licenceserver reserve` и активируйте резервный код здесь; если того компьютера больше нет, обратитесь к поставщику."),
    )
}

fn passphrase(wanted: &Backup) -> Result<Zeroizing<String>, BackupError> {
    let text = match &wanted.passphrase_file {
        Some(file) => Zeroizing::new(read_passphrase(file)?),
        None => Zeroizing::new(std::env::var("LICENCESERVER_PASSPHRASE").unwrap_or_default()),
    };
    let phrase = text.trim_end_matches(['\r', '\n']);
    if phrase.is_empty() {
        return Err(BackupError::NoPassphrase);
    }
    Ok(Zeroizing::new(phrase.to_owned()))
}

fn read_passphrase(file: &Path) -> Result<String, BackupError> {
    let wrong = |error| BackupError::File(file.into(), error);
    let bytes = read_limited(file, 64 * 1024).map_err(wrong)?;
    String::from_utf8(bytes).map_err(|_| {
        wrong(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "it is not UTF-8",
        ))
    })
}
