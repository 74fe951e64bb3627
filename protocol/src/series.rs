//! `licence.series`: the series that a server knows, with their vendors' public keys. An ini text.

mod keys;

use std::fmt::Write;

use ini::Ini;

use crate::{KeyId, signature::PublicKey};

pub use keys::SeriesKeys;
pub(crate) use keys::by_any;

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
    /// What verified them before: licences and datafiles of that time stay good.
    pub earlier_keys: Vec<PublicKey>,
    /// Its vendor's licence centre.
    pub centre: Option<String>,
}

impl Series {
    /// A series with one key, whose vendor names no centre.
    pub fn new(key_id: KeyId, name: impl Into<String>, public_key: PublicKey) -> Self {
        Self {
            key_id,
            name: name.into(),
            public_key,
            earlier_keys: Vec::new(),
            centre: None,
        }
    }

    /// All keys that licences and datafiles are good by, the present one first.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        std::iter::once(&self.public_key).chain(&self.earlier_keys)
    }

    /// Whether the other is this series as it was before its key was changed, or the same.
    pub fn continues(&self, other: &Self) -> bool {
        self.keys().any(|key| *key == other.public_key)
    }
}

/// How many earlier keys a series may name.
pub const MAX_EARLIER: usize = 8;
/// The longest address of a centre, in bytes.
const MAX_URL: usize = 2048;

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
    /// Earlier keys cannot be used.
    #[error(
        "licence.series, section [{0}]: EarlierKeys is wrong; it names up to {MAX_EARLIER} keys with commas between; take the line from the vendor's file"
    )]
    EarlierKeys(String),
    /// The centre's address is too long.
    #[error("licence.series, section [{0}]: LicenceCenterUrl is longer than {MAX_URL} bytes")]
    Centre(String),
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
        match one(section, properties) {
            Ok(found) => {
                series.retain(|known| known.key_id != found.key_id);
                series.push(found);
            }
            Err(error) => errors.push(error),
        }
    }
    (series, errors)
}

fn one(section: &str, properties: &ini::Properties) -> Result<Series, SeriesError> {
    let key_id = section
        .parse()
        .map_err(|error| SeriesError::Section(section.into(), error))?;
    let public_key = properties
        .get("PublicKey")
        .and_then(|key| key.parse().ok())
        .ok_or_else(|| SeriesError::PublicKey(section.into()))?;
    let earlier = properties.get("EarlierKeys").unwrap_or_default();
    let earlier_keys: Vec<PublicKey> = earlier
        .split(',')
        .map(str::trim)
        .filter(|key| !key.is_empty())
        .map(|key| key.parse().ok())
        .collect::<Option<_>>()
        .filter(|keys: &Vec<PublicKey>| keys.len() <= MAX_EARLIER)
        .ok_or_else(|| SeriesError::EarlierKeys(section.into()))?;
    let centre = properties
        .get("LicenceCenterUrl")
        .map(str::trim)
        .filter(|url| !url.is_empty());
    if centre.is_some_and(|url| url.len() > MAX_URL) {
        return Err(SeriesError::Centre(section.into()));
    }
    Ok(Series {
        key_id,
        name: properties.get("Name").unwrap_or(section).into(),
        public_key,
        earlier_keys,
        centre: centre.map(str::to_owned),
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
    if !series.earlier_keys.is_empty() {
        let keys: Vec<String> = series
            .earlier_keys
            .iter()
            .map(ToString::to_string)
            .collect();
        out.push_str(&format!("EarlierKeys={}\n", keys.join(",")));
    }
    if let Some(url) = &series.centre {
        out.push_str(&format!("LicenceCenterUrl={url}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{Algorithm, SigningKey};

    #[test]
    fn a_series_is_added_once_and_its_neighbours_and_comments_stay() {
        let key = || SigningKey::generate(Algorithm::Ed25519).public().unwrap();
        let series = |id, name: &str| Series {
            earlier_keys: vec![key(), key()],
            centre: Some("https://licence.example/x".into()),
            ..Series::new(KeyId(id), name, key())
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
        let key = SigningKey::generate(Algorithm::EcdsaP256).public().unwrap();
        let good = Series::new(KeyId(1), "x", key.clone());
        let many = vec![key.to_string(); MAX_EARLIER + 1].join(",");
        let bad = format!(
            "[zz]\nName=a\n[0002]\nPublicKey=ed25519:AA\n[0003]\nPublicKey={key}\nEarlierKeys=x\n\
             [0004]\nPublicKey={key}\nEarlierKeys={many}\n"
        );
        let (series, errors) = read(&with(&bad, &good));
        assert_eq!(series, [good]);
        assert_eq!(errors.len(), 4);
    }
}
