//! Reading `data/*.licence`: ours are checked, others are left alone.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use protocol::{
    KeyId,
    binding::{self, Fact, FactKind},
    envelope::{FormatError, Kind},
    files::read_limited,
    licence::{Document, Holder, Licence, MAX_FILE, SealedKey, Voucher},
    signature::Secret,
};

use super::{OpenError, centre::given_back, series_file::Known};
use crate::{
    accounting::{Key, Moment},
    carriers::About,
};

/// A licence of ours.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The file; what stands for it when the licence lies on a carrier.
    pub file: PathBuf,
    /// The carrier that it lies on.
    pub carrier: Option<Arc<About>>,
    /// The series that it says; nothing when not even that can be read.
    pub key_id: Option<KeyId>,
    /// The number that it says.
    pub key_no: Option<u32>,
    /// Its content, once the signatures were checked.
    pub licence: Option<Arc<Licence>>,
    /// Why it does not work, whatever the time.
    pub error: Option<OpenError>,
    /// False when an administrator switched it off.
    pub enabled: bool,
    /// The content keys that it opens, by version.
    pub content_keys: Arc<HashMap<u32, Secret>>,
}

impl Installed {
    /// What accounting needs to know of it; nothing when it was never verified.
    pub fn key(&self) -> Option<Key> {
        let voucher = &self.licence.as_ref()?.voucher;
        // A second file of the same number is no second key.
        if matches!(self.error, Some(OpenError::Twice(_))) {
            return None;
        }
        Some(Key {
            key_no: voucher.key_no,
            key_type: voucher.key_type,
            seats: voucher.licence_count,
            flags: voucher.flags,
            product_version: voucher.product_version,
            free_app_names: free_app_names(voucher),
            starts: voucher.start_date.map(Moment::from_seconds),
            ends: voucher.expire_date().map(Moment::from_seconds),
            enabled: self.enabled,
            workable: self.error.is_none(),
        })
    }
}

/// The licence's parameter with 1C applications that need no seat.
fn free_app_names(voucher: &Voucher) -> Arc<[String]> {
    let value = voucher
        .parameters
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("FreeAppNames"));
    crate::accounting::lower_case_list(value.map_or("", |(_, value)| value)).into()
}

/// What a folder of keys holds.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Licences of ours, working or not, in the order of their numbers.
    pub installed: Vec<Installed>,
    /// `.licence` files of somebody else.
    pub foreign: Vec<PathBuf>,
}

/// What licences are checked against.
pub(super) struct Against<'a> {
    pub(super) known: &'a Known,
    /// The facts of the computer, or of the carrier.
    pub(super) facts: &'a [Fact],
    /// Who holds licences there, or why nobody can.
    pub(super) holder: Result<Option<Holder>, OpenError>,
    /// Opens a content key as that holder.
    pub(super) open: &'a Open<'a>,
    /// The carrier, if it is one.
    pub(super) carrier: Option<Arc<About>>,
}

/// Opens a content key of a series.
pub(super) type Open<'a> = dyn Fn(KeyId, &SealedKey) -> Result<Secret, OpenError> + 'a;

/// A content key that does not open though its holder is here.
pub(super) fn damaged_key(sealed: &SealedKey) -> OpenError {
    OpenError::Format(FormatError::Damaged(format!(
        "content key {}",
        sealed.version
    )))
}

/// Whether a file's name is that of a licence.
pub(super) fn is_licence(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("licence"))
}

/// Reads all licences of a folder.
pub(super) fn read_folder(folder: &Path, against: &Against<'_>) -> Found {
    let mut found = Found::default();
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_licence(path))
        .collect();
    files.sort();
    for file in files {
        match read_limited(&file, MAX_FILE) {
            Ok(bytes) if Kind::of(&bytes) == Some(Kind::Licence) => {
                found.installed.push(read_one(file, &bytes, against));
            }
            // Also what is too large to be ours.
            Ok(_) => found.foreign.push(file),
            Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
                found.foreign.push(file)
            }
            Err(error) => {
                let error = OpenError::Unreadable(error.to_string());
                found.installed.push(broken(file, None, error, None));
            }
        }
    }
    found
}

/// The licences of the folder and of all carriers together, in the order of their numbers: what one says of the other.
pub(super) fn together(folder: &Path, mut installed: Vec<Installed>) -> Vec<Installed> {
    for one in &mut installed {
        if let (Some(key), None) = (one.key_id.zip(one.key_no), &one.error) {
            one.error = given_back(folder, key);
        }
    }
    mark_doubles(&mut installed);
    installed.sort_by_key(|installed| (installed.key_id, installed.key_no));
    installed
}

/// Reads and checks the bytes of one licence.
pub(super) fn read_one(file: PathBuf, bytes: &[u8], against: &Against<'_>) -> Installed {
    let document = match Document::from_bytes(bytes) {
        Ok(document) => document,
        Err(error) => {
            return broken(
                file,
                None,
                OpenError::Format(error),
                against.carrier.clone(),
            );
        }
    };
    let claims = match document.claims() {
        Ok(claims) => claims,
        Err(error) => {
            return broken(
                file,
                None,
                OpenError::Format(error),
                against.carrier.clone(),
            );
        }
    };
    let known = against.known;
    let Some(series) = known.series.iter().find(|series| series.key_id == claims.0) else {
        let dispute = known.disputed.iter().find(|one| one.key_id == claims.0);
        let error = match dispute {
            Some(dispute) => OpenError::Disputed(dispute.key_id, dispute.claims.clone()),
            None => OpenError::UnknownSeries(claims.0),
        };
        return broken(file, Some(claims), error, against.carrier.clone());
    };
    let licence = match document.verify_by(series) {
        Ok(licence) => licence,
        Err(error) => {
            return broken(
                file,
                Some(claims),
                OpenError::Format(error),
                against.carrier.clone(),
            );
        }
    };
    let (error, content_keys) = match held_here(&licence, against) {
        Ok(content_keys) => (None, content_keys),
        Err(error) => (Some(error), HashMap::new()),
    };
    Installed {
        file,
        carrier: against.carrier.clone(),
        key_id: Some(claims.0),
        key_no: Some(claims.1),
        licence: Some(Arc::new(licence)),
        error,
        enabled: true,
        content_keys: Arc::new(content_keys),
    }
}

fn broken(
    file: PathBuf,
    claims: Option<(KeyId, u32)>,
    error: OpenError,
    carrier: Option<Arc<About>>,
) -> Installed {
    Installed {
        file,
        carrier,
        key_id: claims.map(|claims| claims.0),
        key_no: claims.map(|claims| claims.1),
        licence: None,
        error: Some(error),
        enabled: true,
        content_keys: Arc::default(),
    }
}

/// Checks that this computer or carrier is a holder, and opens the content keys.
fn held_here(licence: &Licence, against: &Against<'_>) -> Result<HashMap<u32, Secret>, OpenError> {
    let holders = &licence.voucher.holders;
    if against.carrier.is_none() && holders.iter().any(Holder::is_carrier) {
        return Err(OpenError::OnCarrier);
    }
    let ours = against.holder.clone()?.ok_or(OpenError::OtherHolder)?;
    let holders = licence.voucher.holders.iter().zip(&licence.private.holders);
    let (_, details) = holders
        .into_iter()
        .find(|(holder, _)| **holder == ours)
        .ok_or(OpenError::OtherHolder)?;
    // An id that the administrator set later says nothing of a licence that was issued without it.
    let explicit = details
        .facts
        .iter()
        .any(|fact| fact.kind == FactKind::ExplicitId);
    let here: Vec<_> = against
        .facts
        .iter()
        .filter(|fact| explicit || fact.kind != FactKind::ExplicitId)
        .cloned()
        .collect();
    let compared = binding::compare(&here, &details.facts, &details.salt);
    let needed = details.needed as usize;
    if compared.matched < needed {
        return Err(OpenError::OtherComputer {
            matched: compared.matched,
            listed: compared.listed,
            needed,
            changed: compared.changed,
        });
    }
    details
        .content_keys
        .iter()
        .map(|sealed| {
            let key = (against.open)(licence.voucher.key_id, sealed)?;
            Ok((sealed.version, key))
        })
        .collect()
}

/// KeyNo counts once: of several good files the first by name works.
fn mark_doubles(installed: &mut [Installed]) {
    let mut seen: HashMap<(KeyId, u32), PathBuf> = HashMap::new();
    for one in installed.iter_mut().filter(|one| one.error.is_none()) {
        let (Some(key_id), Some(key_no)) = (one.key_id, one.key_no) else {
            continue;
        };
        match seen.get(&(key_id, key_no)) {
            Some(first) => one.error = Some(OpenError::Twice(first.display().to_string())),
            None => {
                seen.insert((key_id, key_no), one.file.clone());
            }
        }
    }
    // A broken file beside a good one of the same number is no second key either.
    for one in installed
        .iter_mut()
        .filter(|one| one.error.is_some() && one.licence.is_some())
    {
        let (Some(key_id), Some(key_no)) = (one.key_id, one.key_no) else {
            continue;
        };
        if let Some(first) = seen
            .get(&(key_id, key_no))
            .filter(|first| **first != one.file)
        {
            one.error = Some(OpenError::Twice(first.display().to_string()));
        }
    }
}
