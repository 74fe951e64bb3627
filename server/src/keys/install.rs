//! Installing a licence file: checked first, then written whole, under its own name.

use std::path::{Path, PathBuf};

use protocol::{
    envelope::Kind,
    files::read_limited,
    licence::{KeyType, MAX_FILE},
};

use super::{Installed, KeyRing, KeysError, OpenError};
use crate::{
    carriers::{CarrierError, licence_name},
    conf::Lang,
};

/// Why a licence was not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The file cannot be read.
    #[error("{}: {error}", .0.display(), error = .1)]
    Read(PathBuf, std::io::Error),
    /// It is not a licence of ours.
    #[error("{} is not a licence file of this system; choose the file that the vendor sent", .0.display())]
    NotOurs(PathBuf),
    /// It does not work here.
    #[error("{}: {text}", .0.display(), text = .1.text(Lang::English))]
    Refused(PathBuf, OpenError),
    /// A demo key stands beside nothing.
    #[error("series {0} has another key here, and a demo key works alone: it was not installed")]
    DemoBesideOther(protocol::KeyId),
    /// The folder.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The carrier.
    #[error(transparent)]
    Carrier(#[from] CarrierError),
}

impl InstallError {
    /// The message in a language.
    pub fn text(&self, lang: Lang) -> String {
        match (self, lang) {
            (_, Lang::English) => self.to_string(),
            (Self::Read(path, error), _) => format!("{} не читается: {error}", path.display()),
            (Self::NotOurs(path), _) => {
                format!(
                    "{} не является лицензией этой системы; выберите файл, присланный поставщиком",
                    path.display()
                )
            }
            (Self::Refused(path, error), _) => format!("{}: {}", path.display(), error.text(lang)),
            (Self::DemoBesideOther(key_id), _) => {
                format!(
                    "для серии {key_id} уже есть ключ, а демонстрационный работает только один: он не установлен"
                )
            }
            (Self::Keys(error), _) => format!("папка ключей: {error}"),
            (Self::Carrier(error), _) => error.text(lang),
        }
    }
}

/// Installs a file: what it is now called, and what is in it. Installing it again changes nothing.
///
/// # Errors
/// [`InstallError`]; nothing was changed then.
pub fn install(ring: &KeyRing, file: &Path) -> Result<Installed, InstallError> {
    let bytes =
        read_limited(file, MAX_FILE).map_err(|error| InstallError::Read(file.into(), error))?;
    install_document(ring, &bytes, file)
}

/// The same with a document that is in memory; `file` is what errors call it.
///
/// # Errors
/// [`InstallError`]; nothing was changed then.
pub fn install_document(
    ring: &KeyRing,
    bytes: &[u8],
    file: &Path,
) -> Result<Installed, InstallError> {
    let _alone = ring.installing.lock();
    if Kind::of(bytes) != Some(Kind::Licence) {
        return Err(InstallError::NotOurs(file.into()));
    }
    let mut candidate = ring.inspect(bytes, file.into());
    if let Some(error) = candidate.error {
        return Err(InstallError::Refused(file.into(), error));
    }
    let Some(licence) = candidate.licence.clone() else {
        return Err(InstallError::NotOurs(file.into()));
    };
    let voucher = &licence.voucher;
    let same_series: Vec<Installed> = ring
        .installed()
        .into_iter()
        .filter(|other| {
            other.key_id == Some(voucher.key_id) && other.key_no != Some(voucher.key_no)
        })
        .collect();
    if voucher.key_type == KeyType::Demo && same_series.iter().any(|other| other.licence.is_some())
    {
        return Err(InstallError::DemoBesideOther(voucher.key_id));
    }
    let name = licence_name(voucher.key_id, voucher.key_no);
    match candidate.carrier.clone() {
        Some(about) => ring.put_on_carrier(about.number, &name, bytes)?,
        None => candidate.file = ring.put(&format!("{name}.licence"), bytes)?,
    }
    if voucher.key_type == KeyType::Main {
        // The product was bought: its demo has served.
        let is_demo = |other: &&Installed| {
            other
                .licence
                .as_ref()
                .is_some_and(|licence| licence.voucher.key_type == KeyType::Demo)
        };
        for demo in same_series.iter().filter(is_demo) {
            // It gives nothing beside the other key, so that it may lie there.
            if let Err(error) = ring.retire_licence(demo) {
                log::warn!("{}: {error}", demo.file.display());
            }
        }
    }
    ring.reload();
    Ok(candidate)
}
