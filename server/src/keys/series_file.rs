//! licence.series as the server reads it: what is wrong in it goes to the log, the rest works.

use std::{io, path::Path};

use protocol::{
    files::read_limited,
    series::{self, Series},
};

/// The series of the file; none when there is no file.
pub(super) fn read(path: &Path) -> Vec<Series> {
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
            log::warn!(
                "{} is missing: no licence can be checked without it",
                path.display()
            );
            return Vec::new();
        }
        Err(error) => {
            log::error!("{} cannot be read: {error}", path.display());
            return Vec::new();
        }
    };
    let (series, errors) = series::read(&text);
    for error in errors {
        log::error!("{}", crate::logs::tame(&error.to_string()));
    }
    series
}
