//! `licence.series`: the series that a server knows, with their vendors' public keys. An ini text.

use std::fmt::Write;

use ini::Ini;

use crate::{KeyId, signature::PublicKey};

/// The largest file that is read, in bytes.
pub const MAX_FILE: usize = 1024 * 1024;

/// One series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Its id.
    pub key_id: KeyId,
    /// The product's name.
    pub name: String,
    /// Verifies its licences and datafiles.
    pub public_key: PublicKey,
}

/// Why a section of the file is not a series.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// The text is no ini file.
    #[error("licence.series, {0}; every line is [SERIES], Name=… or PublicKey=…")]
    Syntax(String),
    /// A section's name is no series.
    #[error("licence.series, section [{0}]: {1}")]
    Section(String, crate::keyid::KeyIdError),
    /// A section has no good public key.
    #[error(
        "licence.series, section [{0}]: PublicKey is missing or wrong; take the line from the vendor's file"
    )]
    PublicKey(String),
}

/// Reads the file: the good series, and what is wrong with the others.
pub fn read(text: &str) -> (Vec<Series>, Vec<SeriesError>) {
    let text = text.trim_start_matches('\u{feff}');
    let ini = match Ini::load_from_str_noescape(text) {
        Ok(ini) => ini,
        Err(error) => return (Vec::new(), vec![SeriesError::Syntax(error.to_string())]),
    };
    let mut series: Vec<Series> = Vec::new();
    let mut errors = Vec::new();
    for (section, properties) in ini.iter() {
        let Some(section) = section else { continue };
        match one(section, properties.get("Name"), properties.get("PublicKey")) {
            Ok(found) => {
                series.retain(|known| known.key_id != found.key_id);
                series.push(found);
            }
            Err(error) => errors.push(error),
        }
    }
    (series, errors)
}

fn one(section: &str, name: Option<&str>, key: Option<&str>) -> Result<Series, SeriesError> {
    let key_id = section
        .parse()
        .map_err(|error| SeriesError::Section(section.into(), error))?;
    let public_key = key
        .and_then(|key| key.parse().ok())
        .ok_or_else(|| SeriesError::PublicKey(section.into()))?;
    Ok(Series {
        key_id,
        name: name.unwrap_or(section).into(),
        public_key,
    })
}

/// The file's text with one more series: other sections stay as they are, one of the same id is replaced.
pub fn with(text: &str, series: &Series) -> String {
    let mut out = String::new();
    let mut skipping = false;
    for line in text.lines() {
        if let Some(section) = line
            .trim()
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            skipping = section.parse() == Ok(series.key_id);
        }
        if !skipping {
            out.push_str(line);
            out.push('\n');
        }
    }
    let name = series.name.replace(['\r', '\n'], " ");
    write!(
        out,
        "[{}]\nName={name}\nPublicKey={}\n",
        series.key_id, series.public_key
    )
    .expect("writing to a String cannot fail");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{Algorithm, SigningKey};

    #[test]
    fn a_series_is_added_once_and_its_neighbours_and_comments_stay() {
        let series = |id, name: &str| Series {
            key_id: KeyId(id),
            name: name.into(),
            public_key: SigningKey::generate(Algorithm::Ed25519).public().unwrap(),
        };
        let (first, second, third) = (
            series(0x672B, "Один"),
            series(0x0001, "Two"),
            series(0x672B, "Один, снова"),
        );
        let text = with(&with("; ours\n", &first), &second);
        let text = with(&text, &third);
        assert!(text.starts_with("; ours\n"));
        assert_eq!(read(&text), (vec![second, third], vec![]));
    }

    #[test]
    fn a_bad_section_is_named_and_the_others_are_read() {
        let good = Series {
            key_id: KeyId(1),
            name: "x".into(),
            public_key: SigningKey::generate(Algorithm::EcdsaP256).public().unwrap(),
        };
        let (series, errors) = read(&with("[zz]\nName=a\n[0002]\nPublicKey=ed25519:AA\n", &good));
        assert_eq!(series, [good]);
        assert_eq!(errors.len(), 2);
    }
}
