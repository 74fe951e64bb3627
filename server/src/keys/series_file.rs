//! licence.series and the files of `series.d` beside it, one for each product: what is wrong in them goes to the log, the
//! rest works.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use protocol::{
    KeyId,
    files::read_limited,
    series::{self, Series},
};

/// The folder of further files, beside licence.series.
const FOLDER: &str = "series.d";
/// How many files of it are read.
const MAX_FILES: usize = 1000;

/// The series that are known here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Those of one vendor each.
    pub(super) series: Vec<Series>,
    /// Those that nobody gets, because two vendors claim them.
    pub(super) disputed: Vec<Dispute>,
}

/// A series that two vendors claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dispute {
    pub(super) key_id: KeyId,
    /// The product's name and the file, of both.
    pub(super) claims: [String; 2],
}

/// The files there are: licence.series, and the `.series` files of the folder by their names.
pub(super) fn files(path: &Path) -> Vec<PathBuf> {
    let folder = path.with_file_name(FOLDER);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("series"))
        })
        .collect();
    files.sort();
    if files.len() > MAX_FILES {
        log::error!(
            "{} holds more than {MAX_FILES} files; the others are not read",
            folder.display()
        );
        files.truncate(MAX_FILES);
    }
    // Of two files of one vendor the later one counts: a product's own package is newer than what was copied by hand.
    files.insert(0, path.to_owned());
    files
}

/// Reads all files.
pub(super) fn read(path: &Path) -> Known {
    let files = files(path);
    let mut known: Vec<(Series, PathBuf)> = Vec::new();
    let mut disputed: Vec<Dispute> = Vec::new();
    for file in &files {
        // With files in the folder, the one beside it is not needed.
        let needed = file != path || files.len() == 1;
        for series in read_one(file, needed) {
            let same = known
                .iter_mut()
                .find(|(one, _)| one.key_id == series.key_id);
            let Some((first, first_file)) = same else {
                known.push((series, file.clone()));
                continue;
            };
            if series.continues(first) {
                (*first, *first_file) = (series, file.clone());
            } else if !first.continues(&series) {
                let claim =
                    |series: &Series, file: &Path| format!("{} ({})", series.name, file.display());
                let dispute = Dispute {
                    key_id: series.key_id,
                    claims: [claim(first, first_file), claim(&series, file)],
                };
                log::error!(
                    "{}",
                    crate::logs::tame(&format!(
                        "two vendors claim series {}: {} and {}; it is refused until one of the files is gone",
                        dispute.key_id, dispute.claims[0], dispute.claims[1]
                    ))
                );
                disputed.push(dispute);
            }
        }
    }
    known.retain(|(series, _)| {
        !disputed
            .iter()
            .any(|dispute| dispute.key_id == series.key_id)
    });
    Known {
        series: known.into_iter().map(|(series, _)| series).collect(),
        disputed,
    }
}

fn read_one(path: &Path, needed: bool) -> Vec<Series> {
    let text = match read_limited(path, series::MAX_FILE) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => {
                log::error!(
                    "{} is not UTF-8; take the vendor's file again",
                    path.display()
                );
                return Vec::new();
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if needed {
                log::warn!(
                    "{} is missing: no licence can be checked without it",
                    path.display()
                );
            }
            return Vec::new();
        }
        Err(error) => {
            log::error!("{} cannot be read: {error}", path.display());
            return Vec::new();
        }
    };
    let (mut series, errors) = series::read(&text);
    for error in errors {
        log::error!(
            "{}",
            crate::logs::tame(&format!("{}: {error}", path.display()))
        );
    }
    for one in &mut series {
        if let Some(url) = one.centre.take_if(|url| !super::centre::is_good(url)) {
            log::error!(
                "{}",
                crate::logs::tame(&format!(
                    "{}, series {}: LicenceCenterUrl={url} is not used: it begins with https://, or names this computer",
                    path.display(),
                    one.key_id
                ))
            );
        }
    }
    series
}

#[cfg(test)]
mod tests {
    use protocol::signature::{Algorithm, PublicKey, SigningKey};

    use super::*;

    fn key() -> PublicKey {
        SigningKey::generate(Algorithm::Ed25519).public().unwrap()
    }

    fn series(id: u16, name: &str) -> Series {
        Series::new(KeyId(id), name, key())
    }

    fn write(path: &Path, all: &[&Series]) {
        let text = all
            .iter()
            .fold(String::new(), |text, one| series::with(&text, one));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn each_product_brings_its_own_file_and_what_two_vendors_claim_is_refused_with_both_named() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("licence.series");
        let in_folder = |name: &str| folder.path().join("series.d").join(name);
        let (stock, shop, bank) = (series(1, "Stock"), series(2, "Shop"), series(3, "Bank"));
        write(&main, &[&stock]);
        write(&in_folder("shop.series"), &[&shop, &bank]);
        write(&in_folder("README.txt"), &[&series(4, "No")]);
        assert_eq!(
            read(&main).series,
            [stock.clone(), shop.clone(), bank.clone()]
        );
        // The same series again, once with its key changed: that is one vendor.
        let newer = Series {
            public_key: key(),
            earlier_keys: vec![stock.public_key.clone()],
            ..stock.clone()
        };
        write(&in_folder("stock.series"), &[&newer]);
        write(&in_folder("stock-old.series"), &[&stock]);
        let known = read(&main);
        assert_eq!(known.series[0], newer);
        assert!(known.disputed.is_empty());
        // Somebody else's.
        write(
            &in_folder("thief.series"),
            &[&series(3, "Thief"), &series(5, "Five")],
        );
        let known = read(&main);
        let ids: Vec<u16> = known.series.iter().map(|one| one.key_id.0).collect();
        assert_eq!(ids, [1, 2, 5]);
        assert_eq!(known.disputed.len(), 1);
        let [first, second] = &known.disputed[0].claims;
        assert!(first.contains("Bank") && first.contains("shop.series"));
        assert!(second.contains("Thief") && second.contains("thief.series"));
        fs::remove_file(in_folder("thief.series")).unwrap();
        assert!(read(&main).series.contains(&bank));
    }

    #[test]
    fn the_folder_alone_is_enough_and_a_centre_without_tls_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let with = |id, url: &str| Series {
            centre: Some(url.into()),
            ..series(id, "x")
        };
        let file = folder.path().join("series.d/a.series");
        write(
            &file,
            &[&with(1, "https://a.example"), &with(2, "http://b.example")],
        );
        let known = read(&folder.path().join("licence.series"));
        let centres: Vec<_> = known.series.iter().map(|one| one.centre.clone()).collect();
        assert_eq!(centres, [Some("https://a.example".into()), None]);
    }
}
