//! A series' secrets change: another signing key, a further content key, a passphrase.

use std::path::{Path, PathBuf};

use protocol::{
    cryptkey::{ContentKey, CryptKey},
    files::{self, Access},
    locked,
    series::{self, Series},
    signature::{Algorithm, Secret},
};
use zeroize::Zeroizing;

use crate::{
    Error,
    output::{self, Opened},
};

/// How many content keys a series has at most: each licence carries all of them.
const MAX_CONTENT_KEYS: usize = 32;
/// The largest file with a passphrase, in bytes.
const MAX_PASSPHRASE: usize = 64 * 1024;

/// Gives the series a new signing key. The file with the earlier one is kept under a name of its own, and `licence.series`
/// beside it, if it lists the series, gets the new public key.
///
/// # Errors
/// Files that cannot be read or written; then the series has its earlier key.
pub fn rotate(file: &Path, algorithm: Algorithm) -> Result<String, Error> {
    let opened = output::open_keys(file)?;
    let rotated = opened.keys.rotated(algorithm)?;
    let kept = kept_name(file);
    files::write_whole(&kept, &opened.bytes, Access::Owner).map_err(Error::write(&kept))?;
    let list = file.with_file_name("licence.series");
    let listed = listed(&list, &rotated.series()?)?;
    write(file, &opened, &rotated)?;
    let mut text = format!(
        "Series {id} signs with a new key.\n{file}: its secret keys, to be backed up.\n{kept}: the earlier ones, for licences of \
         configurations that were packed before; keep them as safe.\n",
        id = rotated.key_id,
        file = file.display(),
        kept = kept.display(),
    );
    if let Some(listed) = listed {
        files::write_whole(&list, listed.as_bytes(), Access::Shared)
            .map_err(Error::write(&list))?;
        text.push_str(&format!(
            "{}: the new public key and the earlier ones, for customers' servers.\n",
            list.display()
        ));
    }
    Ok(text)
}

/// Takes the earlier signing keys out: what they signed is refused where the new `licence.series`, and a datafile that is packed
/// from now on, arrive.
///
/// # Errors
/// As [`rotate`].
pub fn forget(file: &Path) -> Result<String, Error> {
    let opened = output::open_keys(file)?;
    if opened.keys.earlier.is_none() {
        return Ok(format!(
            "Series {} has no earlier signing keys.\n",
            opened.keys.key_id
        ));
    }
    let keys = CryptKey {
        earlier: None,
        ..opened.keys.clone()
    };
    let list = file.with_file_name("licence.series");
    let listed = listed(&list, &keys.series()?)?;
    write(file, &opened, &keys)?;
    if let Some(listed) = listed {
        files::write_whole(&list, listed.as_bytes(), Access::Shared)
            .map_err(Error::write(&list))?;
    }
    Ok(format!(
        "Series {} forgets its earlier signing keys: what they signed is refused where licence.series and a datafile packed from now on \
         arrive.\n",
        keys.key_id
    ))
}

/// Adds a content key, which packs from now on.
///
/// # Errors
/// As [`rotate`].
pub fn add_content_key(file: &Path) -> Result<String, Error> {
    let opened = output::open_keys(file)?;
    let mut keys = opened.keys.clone();
    if keys.content_keys.len() >= MAX_CONTENT_KEYS {
        return Err(Error::TooManyContentKeys(MAX_CONTENT_KEYS));
    }
    let newest = keys.newest_content_key().map_or(0, |key| key.version);
    let version = newest
        .checked_add(1)
        .ok_or(Error::TooManyContentKeys(MAX_CONTENT_KEYS))?;
    keys.content_keys.push(ContentKey {
        version,
        key: Secret::random(),
    });
    write(file, &opened, &keys)?;
    Ok(format!(
        "Series {} has content key {version}. Datafiles that are packed from now on open with licences that are issued or renewed from \
         now on; earlier datafiles open as before.\n",
        keys.key_id
    ))
}

/// Puts the keys under a passphrase, or under another one.
///
/// # Errors
/// As [`rotate`], and an empty passphrase.
pub fn protect(file: &Path, passphrase_file: &Path) -> Result<String, Error> {
    let opened = output::open_keys(file)?;
    let bytes = Zeroizing::new(output::read(passphrase_file, MAX_PASSPHRASE)?);
    let text = str::from_utf8(&bytes).map_err(|_| Error::Unknown(passphrase_file.into()))?;
    let passphrase = text.trim_end_matches(['\r', '\n']);
    let locked = lock(file, &opened.keys, passphrase)?;
    files::write_whole(file, &locked, Access::Owner).map_err(Error::write(file))?;
    Ok(format!(
        "{} is under the passphrase. Commands that need it take the passphrase from the variable LICENCE_PASSPHRASE; without it the keys \
         are lost.\n",
        file.display()
    ))
}

/// Takes the keys out of their passphrase.
///
/// # Errors
/// As [`rotate`].
pub fn unprotect(file: &Path) -> Result<String, Error> {
    let opened = output::open_keys(file)?;
    files::write_whole(file, &opened.keys.to_bytes(), Access::Owner).map_err(Error::write(file))?;
    Ok(format!(
        "{} is under no passphrase: whoever reads the file can issue licences.\n",
        file.display()
    ))
}

/// Writes the keys as they were: under their passphrase, if they were under one.
fn write(file: &Path, opened: &Opened, keys: &CryptKey) -> Result<(), Error> {
    let bytes = match &opened.passphrase {
        Some(passphrase) => Zeroizing::new(lock(file, keys, passphrase)?),
        None => keys.to_bytes(),
    };
    files::write_whole(file, &bytes, Access::Owner).map_err(Error::write(file))
}

fn lock(file: &Path, keys: &CryptKey, passphrase: &str) -> Result<Vec<u8>, Error> {
    locked::lock(&keys.to_bytes(), passphrase).map_err(|error| Error::Locked {
        path: file.into(),
        error,
    })
}

/// A name for the earlier keys that no file has: `672B.1.cryptkey` and so on.
fn kept_name(file: &Path) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let name = |number| file.with_file_name(format!("{stem}.{number}.cryptkey"));
    (1u32..)
        .map(name)
        .find(|path| path.symlink_metadata().is_err())
        .expect("no folder holds four thousand million files")
}

/// The text of `licence.series` with the series' new key; nothing when it does not list the series.
fn listed(path: &Path, series: &Series) -> Result<Option<String>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    let wrong = |cause: String| Error::SeriesFile {
        path: path.into(),
        cause,
    };
    let text = String::from_utf8(output::read(path, series::MAX_FILE)?)
        .map_err(|_| wrong("it is not a text in UTF-8".into()))?;
    let (known, _) = series::read(&text);
    let Some(known) = known.into_iter().find(|one| one.key_id == series.key_id) else {
        return Ok(None);
    };
    let series = Series {
        centre: known.centre,
        name: known.name,
        ..series.clone()
    };
    Ok(Some(series::with(&text, &series)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use protocol::KeyId;

    use super::*;
    use crate::series_new::{self, NewSeries};

    fn series(dir: &Path) -> PathBuf {
        let new = NewSeries {
            key_id: KeyId(0x672B),
            name: "Склад".into(),
            dir: dir.into(),
            algorithm: Algorithm::Ed25519,
        };
        series_new::run(&new).unwrap();
        dir.join("672B.cryptkey")
    }

    fn keys(file: &Path) -> CryptKey {
        CryptKey::from_bytes(&fs::read(file).unwrap()).unwrap()
    }

    #[test]
    fn a_rotated_series_keeps_its_earlier_keys_and_its_place_in_the_list() {
        let folder = tempfile::tempdir().unwrap();
        let file = series(folder.path());
        let list = folder.path().join("licence.series");
        let text = fs::read_to_string(&list).unwrap() + "LicenceCenterUrl=https://a.example\n";
        fs::write(&list, text).unwrap();
        let first = keys(&file);
        rotate(&file, Algorithm::EcdsaP256).unwrap();
        rotate(&file, Algorithm::Ed25519).unwrap();
        let third = keys(&file);
        let second = keys(&folder.path().join("672B.2.cryptkey"));
        let public = |keys: &CryptKey| keys.signing.public().unwrap();
        assert_eq!(
            public(&keys(&folder.path().join("672B.1.cryptkey"))),
            public(&first)
        );
        assert_eq!(third.earlier, Some(vec![public(&second), public(&first)]));
        let (listed, errors) = series::read(&fs::read_to_string(&list).unwrap());
        assert!(errors.is_empty());
        assert_eq!(
            listed,
            [Series {
                centre: Some("https://a.example".into()),
                ..third.series().unwrap()
            }]
        );
        assert_eq!(third.content_keys.len(), 1);
    }

    #[test]
    fn content_keys_are_added_up_to_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let file = series(folder.path());
        for _ in 1..MAX_CONTENT_KEYS {
            add_content_key(&file).unwrap();
        }
        let versions: Vec<u32> = keys(&file)
            .content_keys
            .iter()
            .map(|key| key.version)
            .collect();
        assert_eq!(versions, (1..=MAX_CONTENT_KEYS as u32).collect::<Vec<_>>());
        assert!(matches!(
            add_content_key(&file),
            Err(Error::TooManyContentKeys(_))
        ));
    }
}
