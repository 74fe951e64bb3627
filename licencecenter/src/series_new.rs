//! `series new`: the keys of a new series, and its public half in `licence.series`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use protocol::{
    KeyId,
    cryptkey::{ContentKey, CryptKey},
    files::{self, Access},
    series::{self, Series, SeriesError},
    signature::{Algorithm, Secret, SigningKey},
};

use crate::{Error, dates, output};

/// What a new series is made of.
#[derive(Clone, Debug)]
pub struct NewSeries {
    /// Its id.
    pub key_id: KeyId,
    /// The product's name.
    pub name: String,
    /// Where the files go.
    pub dir: PathBuf,
    /// How it signs.
    pub algorithm: Algorithm,
}

/// Writes `KEYID.cryptkey` for the owner's eyes alone, and adds the series to `licence.series`.
///
/// # Errors
/// Keys that exist are never replaced; of the two files either both are written or none.
pub fn run(new: &NewSeries) -> Result<String, Error> {
    let keys_path = new.dir.join(format!("{}.cryptkey", new.key_id));
    if keys_path.symlink_metadata().is_ok() {
        return Err(Error::KeysExist(keys_path));
    }
    let keys = CryptKey {
        key_id: new.key_id,
        name: new.name.clone(),
        created_at: dates::now(),
        signing: SigningKey::generate(new.algorithm),
        content_keys: vec![ContentKey {
            version: 1,
            key: Secret::random(),
        }],
        earlier: None,
    };
    let series = keys.series()?;
    let list_path = new.dir.join("licence.series");
    let list = extended(&list_path, &series)?;
    files::write_whole(&keys_path, &keys.to_bytes(), Access::Owner)
        .map_err(Error::write(&keys_path))?;
    if let Err(cause) = files::write_whole(&list_path, list.as_bytes(), Access::Shared) {
        // Nobody has seen these keys; kept, they would stand in the way of the next attempt.
        let _ = fs::remove_file(&keys_path);
        return Err(Error::write(&list_path)(cause));
    }
    Ok(format!(
        "Series {id} \"{name}\" is made.\n\
         {keys}: its secret keys. Back them up and give them to nobody: whoever has them can issue licences.\n\
         {list}: its public key, for customers' servers.\n",
        id = new.key_id,
        name = new.name,
        keys = keys_path.display(),
        list = list_path.display(),
    ))
}

/// The text of `licence.series` with the new series, once it is sure that it reads back.
fn extended(path: &Path, series: &Series) -> Result<String, Error> {
    let wrong = |cause: String| Error::SeriesFile {
        path: path.into(),
        cause,
    };
    let text = match fs::exists(path) {
        Ok(false) => String::new(),
        Ok(true) => String::from_utf8(output::read(path, series::MAX_FILE)?)
            .map_err(|_| wrong("it is not a text in UTF-8".into()))?,
        Err(cause) => {
            return Err(Error::Read {
                path: path.into(),
                cause,
            });
        }
    };
    let (known, errors) = series::read(&text);
    if let Some(syntax) = errors
        .iter()
        .find(|error| matches!(error, SeriesError::Syntax(_)))
    {
        return Err(wrong(syntax.to_string()));
    }
    if known.iter().any(|known| known.key_id == series.key_id) {
        return Err(Error::SeriesExists {
            path: path.into(),
            series: series.key_id,
        });
    }
    let text = series::with(&text, series);
    if series::read(&text).0.contains(series) {
        Ok(text)
    } else {
        Err(Error::Name(series.name.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(dir: &Path, name: &str) -> NewSeries {
        NewSeries {
            key_id: KeyId(0x672B),
            name: name.into(),
            dir: dir.into(),
            algorithm: Algorithm::EcdsaP256,
        }
    }

    #[test]
    fn the_two_files_belong_together_and_are_never_made_twice() {
        let dir = tempfile::tempdir().unwrap();
        run(&new(dir.path(), "Склад")).unwrap();
        let keys_path = dir.path().join("672B.cryptkey");
        let keys = output::read_keys(&keys_path).unwrap();
        let list = fs::read_to_string(dir.path().join("licence.series")).unwrap();
        assert_eq!(
            series::read(&list).0[0].public_key,
            keys.signing.public().unwrap()
        );
        assert!(matches!(
            run(&new(dir.path(), "x")),
            Err(Error::KeysExist(_))
        ));
        fs::remove_file(&keys_path).unwrap();
        assert!(matches!(
            run(&new(dir.path(), "x")),
            Err(Error::SeriesExists { .. })
        ));
        assert!(!keys_path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_the_keys() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        run(&new(dir.path(), "Склад")).unwrap();
        let mode = fs::metadata(dir.path().join("672B.cryptkey"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_name_that_the_list_would_read_back_differently_is_refused_with_nothing_written() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a\nb", "\"Склад\" 1", "a\\\n"] {
            assert!(
                matches!(run(&new(dir.path(), name)), Err(Error::Name(_))),
                "{name}"
            );
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
