//! The licences in the data folder: which are usable here, what they give, and who may speak for them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;
use protocol::{
    KeyId, UnixSeconds,
    binding::{self, Fact},
    delegation::{Delegation, MAX_LIFE},
    envelope::Kind,
    files::{self, Access},
    licence::{self, Credential, Document, KeyType, Licence},
    seal::public_of,
    series::Series,
    signature::{Secret, Signed},
};

use super::{HolderKey, OpenError};

/// A licence file of ours, usable or not.
#[derive(Debug)]
pub struct Installed {
    /// The file.
    pub path: PathBuf,
    /// The series it claims, when that can be read.
    pub key_id: Option<KeyId>,
    /// The number it claims, when that can be read.
    pub key_no: Option<u32>,
    /// The licence, if its signatures are good: shown in the API even when it does not work here.
    pub licence: Option<Licence>,
    /// What makes it work here, or why it does not.
    pub opened: Result<Opened, OpenError>,
}

/// What makes a licence work on this server.
#[derive(Debug)]
pub struct Opened {
    holder: HolderKey,
    details: usize,
    delegation: Mutex<Option<(UnixSeconds, Signed)>>,
}

/// All licences of this server, in the order of their file names.
#[derive(Debug)]
pub struct Keyring {
    instance: Secret,
    installed: Vec<Installed>,
}

impl Keyring {
    /// Reads every licence of ours in a folder. Files that are not ours are named once in the log and left
    /// alone.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn load(
        data: &Path,
        instance: Secret,
        series: &[Series],
        holders: &[HolderKey],
        facts: &[Fact],
    ) -> io::Result<Self> {
        let mut paths: Vec<PathBuf> = fs::read_dir(data)?
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<_>>()?;
        paths.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "licence")
        });
        paths.sort();
        let mut installed: Vec<Installed> = paths
            .into_iter()
            .filter_map(|path| read_one(path, series, holders, facts))
            .collect();
        refuse_demo_beside_others(&mut installed);
        for key in &installed {
            if let Err(error) = &key.opened {
                log::warn!("{}: {error}", key.path.display());
            }
        }
        Ok(Self {
            instance,
            installed,
        })
    }

    /// All of them.
    pub fn installed(&self) -> &[Installed] {
        &self.installed
    }

    /// The usable licence of that number.
    pub fn usable(&self, key_no: u32) -> Option<(&Licence, &Opened)> {
        let key = self
            .installed
            .iter()
            .find(|key| key.key_no == Some(key_no) && key.opened.is_ok())?;
        Some((key.licence.as_ref()?, key.opened.as_ref().ok()?))
    }

    /// What this server shows to speak for a key now: the voucher and a delegation with at least half of its
    /// life before it.
    pub fn credential(&self, key_no: u32, now: UnixSeconds) -> Option<Credential> {
        let (licence, opened) = self.usable(key_no)?;
        let mut kept = opened.delegation.lock();
        let fresh =
            |(issued, _): &&(UnixSeconds, Signed)| (0..MAX_LIFE / 2).contains(&(now - issued));
        let delegation = match kept.as_ref().filter(fresh) {
            Some((_, delegation)) => delegation.clone(),
            None => {
                let delegation = Delegation {
                    server: public_of(&self.instance),
                    key_id: licence.voucher.key_id,
                    key_no,
                    issued_at: now,
                    not_after: now + MAX_LIFE,
                };
                let signed = delegation.sign(&opened.holder.signing).ok()?;
                *kept = Some((now, signed.clone()));
                signed
            }
        };
        Some(Credential {
            voucher: licence.signed_voucher.clone(),
            delegation,
        })
    }

    /// The content key of that version, unwrapped by the key's holder.
    pub fn content_key(&self, key_no: u32, version: u32) -> Option<Secret> {
        let (licence, opened) = self.usable(key_no)?;
        let details = licence.private.holders.get(opened.details)?;
        let sealed = details
            .content_keys
            .iter()
            .find(|key| key.version == version)?;
        opened
            .holder
            .sealing
            .open(licence.voucher.key_id, sealed)
            .ok()
    }
}

/// `None` for a file that is not ours.
fn read_one(
    path: PathBuf,
    series: &[Series],
    holders: &[HolderKey],
    facts: &[Fact],
) -> Option<Installed> {
    let refused = |path, error| {
        Some(Installed {
            path,
            key_id: None,
            key_no: None,
            licence: None,
            opened: Err(error),
        })
    };
    let bytes = match files::read_limited(&path, licence::MAX_FILE) {
        Ok(bytes) => bytes,
        Err(error) => return refused(path, OpenError::Unreadable(error.to_string())),
    };
    if Kind::of(&bytes) != Some(Kind::Licence) {
        log::info!(
            "{} is not a licence of this system and is left alone",
            path.display()
        );
        return None;
    }
    let document = match Document::from_bytes(&bytes) {
        Ok(document) => document,
        Err(error) => return refused(path, error.into()),
    };
    let (key_id, key_no) = match document.claims() {
        Ok(claims) => claims,
        Err(error) => return refused(path, error.into()),
    };
    let mut installed = Installed {
        path,
        key_id: Some(key_id),
        key_no: Some(key_no),
        licence: None,
        opened: Err(OpenError::OtherComputer),
    };
    match verify(&document, key_id, series) {
        Ok(licence) => {
            installed.opened = open_here(&licence, holders, facts);
            installed.licence = Some(licence);
        }
        Err(error) => installed.opened = Err(error),
    }
    Some(installed)
}

fn verify(document: &Document, key_id: KeyId, series: &[Series]) -> Result<Licence, OpenError> {
    let series = series
        .iter()
        .find(|series| series.key_id == key_id)
        .ok_or(OpenError::UnknownSeries(key_id))?;
    Ok(document.verify(&series.public_key)?)
}

/// Finds which of the licence's holders is here, by key and by facts.
fn open_here(
    licence: &Licence,
    holders: &[HolderKey],
    facts: &[Fact],
) -> Result<Opened, OpenError> {
    let mut refused = OpenError::OtherComputer;
    for (index, (public, details)) in licence
        .voucher
        .holders
        .iter()
        .zip(&licence.private.holders)
        .enumerate()
    {
        let comparison = binding::compare(facts, &details.facts, &details.salt);
        let needed = details.needed as usize;
        let ours = holders
            .iter()
            .find(|holder| holder.public().is_ok_and(|holder| holder == *public));
        match ours {
            Some(holder) if comparison.matched >= needed => {
                return Ok(Opened {
                    holder: holder.clone(),
                    details: index,
                    delegation: Mutex::default(),
                });
            }
            Some(_) => refused = OpenError::Changed(comparison, needed),
            None => {}
        }
    }
    Err(refused)
}

/// A demo beside another key of its series does not work.
fn refuse_demo_beside_others(installed: &mut [Installed]) {
    let others: Vec<KeyId> = installed
        .iter()
        .filter_map(|key| {
            key.licence
                .as_ref()
                .filter(|licence| licence.voucher.key_type != KeyType::Demo)
        })
        .map(|licence| licence.voucher.key_id)
        .collect();
    for key in installed {
        let demo = key
            .licence
            .as_ref()
            .filter(|licence| licence.voucher.key_type == KeyType::Demo);
        if let Some(id) = demo
            .map(|licence| licence.voucher.key_id)
            .filter(|id| others.contains(id))
        {
            key.opened = Err(OpenError::DemoBeside(id));
        }
    }
}

/// Checks a licence file for this computer and copies it into the data folder; answers where it is now.
/// Installing a main key retires a demo of its series to `retired/`.
///
/// # Errors
/// Why it does not work here; nothing is changed then.
pub fn install(
    data: &Path,
    bytes: &[u8],
    series: &[Series],
    holders: &[HolderKey],
    facts: &[Fact],
) -> Result<PathBuf, OpenError> {
    let document = Document::from_bytes(bytes)?;
    let (key_id, key_no) = document.claims()?;
    let licence = verify(&document, key_id, series)?;
    open_here(&licence, holders, facts)?;
    let unreadable = |error: io::Error| OpenError::Unreadable(error.to_string());
    let installed =
        Keyring::load(data, Secret::random(), series, holders, facts).map_err(unreadable)?;
    let others = installed
        .installed
        .iter()
        .filter(|key| key.key_id == Some(key_id) && key.key_no != Some(key_no));
    for other in others {
        let Some(voucher) = other.licence.as_ref().map(|licence| &licence.voucher) else {
            continue;
        };
        match (licence.voucher.key_type, voucher.key_type) {
            (KeyType::Demo, _) => return Err(OpenError::DemoBeside(key_id)),
            (KeyType::Main, KeyType::Demo) => retire(data, &other.path).map_err(unreadable)?,
            _ => {}
        }
    }
    let path = data.join(format!("{key_id}.{key_no}.licence"));
    files::write_whole(&path, bytes, Access::Owner).map_err(unreadable)?;
    Ok(path)
}

fn retire(data: &Path, demo: &Path) -> io::Result<()> {
    let retired = data.join("retired");
    fs::create_dir_all(&retired)?;
    match demo.file_name() {
        Some(name) => fs::rename(demo, retired.join(name)),
        None => Ok(()),
    }
}
