//! The server changes the file itself: by its pages, and when licences were renewed. One change at a time, and none over what
//! somebody else wrote meanwhile.

use std::{io, path::Path};

use parking_lot::Mutex;
use protocol::files::read_limited;
use sha2::{Digest, Sha256};

use super::{Conf, ConfError, DEFAULT, MAX_FILE, load, parse, remove, set, utf8, write};

/// Held from reading the file until it is written.
pub(super) static CHANGING: Mutex<()> = Mutex::new(());

/// A change of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A key of a section gets a value.
    Set(String, String, String),
    /// A key of a section goes.
    Remove(String, String),
}

/// Why nothing was changed.
#[derive(Debug)]
pub enum ChangeError {
    /// The file says something else by now than whoever changes it has seen.
    Meanwhile,
    /// The settings would be wrong, or the file cannot be read or written.
    Conf(ConfError),
    /// The settings would be right, and not what is wanted.
    Unwanted(String),
}

impl From<ConfError> for ChangeError {
    fn from(error: ConfError) -> Self {
        Self::Conf(error)
    }
}

/// The file's text; that of the defaults when there is none.
///
/// # Errors
/// When it cannot be read or is no text.
pub fn text(file: &Path) -> Result<String, ConfError> {
    match read_limited(file, MAX_FILE) {
        Ok(bytes) => utf8(file, bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(DEFAULT.to_owned()),
        Err(error) => Err(ConfError::Read {
            file: file.into(),
            error,
        }),
    }
}

/// Names what a text says, for whoever changes it later. What the server itself writes down in between is no change.
pub fn mark(text: &str) -> String {
    let quiet = set(text, "LicenceUpdate", "LastUpdate", "");
    data_encoding::HEXLOWER.encode(&Sha256::digest(quiet)[..12])
}

/// Changes the file. `seen` is the [`mark`] of the text that the changes were made for; `check` may refuse the new
/// settings.
///
/// # Errors
/// [`ChangeError`]; nothing was changed then.
pub fn change(
    file: &Path,
    seen: Option<&str>,
    changes: &[Change],
    check: impl FnOnce(&Conf) -> Result<(), String>,
) -> Result<Conf, ChangeError> {
    let _alone = CHANGING.lock();
    let before = text(file)?;
    if seen.is_some_and(|seen| seen != mark(&before)) {
        return Err(ChangeError::Meanwhile);
    }
    let after = changes
        .iter()
        .fold(before.clone(), |text, change| match change {
            Change::Set(section, key, value) => set(&text, section, key, value),
            Change::Remove(section, key) => remove(&text, section, key),
        });
    check(&parse(file, &after)?).map_err(ChangeError::Unwanted)?;
    if after != before || !file.exists() {
        write(file, &after)?;
    }
    // A password that somebody wrote there is hashed on the way.
    Ok(load(file)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_changed_and_the_rest_of_the_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.conf");
        let text = "; mine\n[API]\nEnabled=1\n\n[AccessCodes]\nA=One\nB=Two\n[Mine]\nx=1\n";
        std::fs::write(&file, text).unwrap();
        load(&file).unwrap();
        let seen = mark(&std::fs::read_to_string(&file).unwrap());
        let changes = [
            Change::Set("API".into(), "Enabled".into(), "0".into()),
            Change::Remove("AccessCodes".into(), "A".into()),
        ];
        let conf = change(&file, Some(&seen), &changes, |_| Ok(())).unwrap();
        assert!(!conf.api_enabled);
        let now = std::fs::read_to_string(&file).unwrap();
        assert!(
            now.starts_with("; mine\n[API]\nEnabled=0\n\n[AccessCodes]\nB=Two\n[Mine]\nx=1\n"),
            "{now}"
        );
        let again = change(&file, Some(&seen), &changes, |_| Ok(()));
        assert!(matches!(again, Err(ChangeError::Meanwhile)));
    }

    #[test]
    fn settings_that_are_wrong_or_unwanted_are_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.conf");
        std::fs::write(&file, "[API]\nEnabled=1\n").unwrap();
        load(&file).unwrap();
        let before = std::fs::read_to_string(&file).unwrap();
        let to = |value: &str| [Change::Set("API".into(), "Enabled".into(), value.into())];
        assert!(matches!(
            change(&file, None, &to("x"), |_| Ok(())),
            Err(ChangeError::Conf(_))
        ));
        let unwanted = change(&file, None, &to("0"), |_| Err("no".into()));
        assert!(matches!(unwanted, Err(ChangeError::Unwanted(_))));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    }

    #[test]
    fn the_servers_own_note_is_no_change() {
        let text = "[LicenceUpdate]\nEnabled=1\nLastUpdate=\n";
        assert_eq!(
            mark(text),
            mark(&set(text, "LicenceUpdate", "LastUpdate", "2026-01-01"))
        );
        assert_ne!(
            mark(text),
            mark(&set(text, "LicenceUpdate", "Enabled", "0"))
        );
    }
}
