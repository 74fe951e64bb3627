//! All keys of this server together: what accounting counts, what components are shown, what opens objects.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use parking_lot::{Mutex, RwLock};
use protocol::{
    KeyId, Reason,
    datafile::Directory,
    delegation::{Delegation, MAX_CARRIER_LIFE, MAX_LIFE},
    files::{Access, move_into, write_whole},
    licence::{Credential, SealedKey},
    series::Series,
    signature::{PublicKey, Secret},
};

use super::{
    Computer, HolderError, HolderKeys, InstanceKey, KeysError, OpenError,
    carried::Unwrapped,
    centre::is_reserve,
    licences::{
        Against, Found, Installed, damaged_key, is_licence, read_folder, read_one, together,
    },
    make_folder,
    series_file::{self, Known},
    signer::Signer,
};
use crate::{
    accounting::{Key, Moment, usable},
    backup,
    carriers::{CarrierError, Carriers},
    places::Places,
};

/// Delegations with less life than this are made anew, in seconds.
const RENEW_BEFORE: i64 = MAX_LIFE / 2;

/// Why there is no key for an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectKeyError(pub Reason);

#[derive(Default)]
pub(super) struct Content {
    pub(super) known: Arc<Known>,
    found: Found,
    /// The licences on carriers.
    carried: Vec<Installed>,
    /// Both together.
    installed: Vec<Installed>,
}

/// Why a licence was not taken out of use.
#[derive(Debug, thiserror::Error)]
pub enum RetireError {
    /// The folder.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Its carrier.
    #[error(transparent)]
    Carrier(#[from] CarrierError),
}

/// A credential and the second at which its delegation ends.
type Kept = (Arc<Credential>, i64);
/// A file as a look at its folder shows it.
type Seen = (PathBuf, u64, Option<SystemTime>);

/// The keys.
pub struct KeyRing {
    /// The server's Noise key.
    pub instance: InstanceKey,
    /// This computer.
    pub computer: Computer,
    places: Places,
    series_file: PathBuf,
    content: RwLock<Arc<Content>>,
    /// Keys that an administrator switched off: the ledger remembers them.
    off: RwLock<HashSet<(KeyId, u32)>>,
    credentials: Mutex<HashMap<(KeyId, u32), Kept>>,
    /// The hardware carriers.
    pub carriers: Carriers,
    /// What carriers signed lately for their licences.
    pub(super) delegated: Mutex<HashMap<(KeyId, u32), Kept>>,
    /// The content keys that carriers unwrapped.
    pub(super) unwrapped: Mutex<Unwrapped>,
    /// The series that the carriers' licences were judged by.
    pub(super) judged: Mutex<Arc<Known>>,
    /// Whether the carriers' licences changed since the last look.
    carriers_changed: AtomicBool,
    /// Held while everything is read: of two that read at a time the one with the older look would win.
    reloading: Mutex<()>,
    /// Held while a licence is installed: what one decides on, another may be changing.
    pub(super) installing: Mutex<()>,
    /// What the folder showed when it was read.
    seen: Mutex<Vec<Seen>>,
    /// What it showed at the last look.
    last_look: Mutex<Vec<Seen>>,
    /// Foreign files that were mentioned in the log already.
    mentioned: Mutex<HashSet<PathBuf>>,
}

impl KeyRing {
    /// Makes the data folder and the instance key where they are missing, and reads all keys.
    ///
    /// # Errors
    /// When the folder or the instance key cannot be used. A bad licence is no error: it is listed with its reason.
    pub fn open(places: &Places, series_file: PathBuf) -> Result<Self, KeysError> {
        make_folder(&places.data)?;
        let half = places.half_restored();
        if half.join(backup::BEGUN).exists() {
            // A new instance key would be made over the one that is still to come.
            return Err(KeysError::HalfRestored(half));
        }
        let ring = Self {
            instance: InstanceKey::open_or_make(&places.instance_key())?,
            computer: Computer::look(&places.machine_id()),
            places: places.clone(),
            series_file,
            content: RwLock::default(),
            off: RwLock::default(),
            credentials: Mutex::default(),
            carriers: Carriers::default(),
            delegated: Mutex::default(),
            unwrapped: Mutex::default(),
            judged: Mutex::default(),
            carriers_changed: AtomicBool::new(false),
            reloading: Mutex::default(),
            installing: Mutex::default(),
            seen: Mutex::default(),
            last_look: Mutex::default(),
            mentioned: Mutex::default(),
        };
        ring.reload();
        Ok(ring)
    }

    /// The same with these carriers; none of them is looked at yet.
    #[must_use]
    pub fn with_carriers(mut self, carriers: Carriers) -> Self {
        self.carriers = carriers;
        self
    }

    /// Reads everything again when a licence or licence.series came, went or was changed, and two looks one
    /// after the other saw the same: a file that is being copied is not read half. True when it was read.
    pub fn reload_if_changed(&self) -> bool {
        let look = self.look();
        let steady = std::mem::replace(&mut *self.last_look.lock(), look.clone()) == look;
        let changed = steady && *self.seen.lock() != look;
        if changed {
            self.reload();
        }
        self.carriers_changed.swap(false, Ordering::AcqRel) || changed
    }

    /// Makes the next [`KeyRing::reload_if_changed`] read everything again, whatever it sees.
    pub fn look_again(&self) {
        self.seen.lock().clear();
    }

    fn look(&self) -> Vec<Seen> {
        let folder = std::fs::read_dir(&self.places.data)
            .into_iter()
            .flatten()
            .flatten();
        let licences = folder
            .map(|entry| entry.path())
            .filter(|path| is_licence(path) || is_reserve(path));
        let mut seen: Vec<Seen> = licences
            .chain(series_file::files(&self.series_file))
            .chain([self.holder_file()])
            .filter_map(|path| {
                let metadata = std::fs::metadata(&path).ok()?;
                Some((path, metadata.len(), metadata.modified().ok()))
            })
            .collect();
        seen.sort();
        seen
    }

    /// Reads licence.series and the data folder again.
    pub fn reload(&self) {
        let _alone = self.reloading.lock();
        // Looked at first: what changes while it is read is seen as a change later.
        let seen = self.look();
        *self.seen.lock() = seen;
        let known = Arc::new(series_file::read(&self.series_file));
        let found = self.by_computer(&known, |against| read_folder(&self.places.data, against));
        for file in &found.foreign {
            if self.mentioned.lock().insert(file.clone()) {
                log::info!(
                    "{} is not a licence of this system and is left alone",
                    file.display()
                );
            }
        }
        let content = {
            let mut content = self.content.write();
            let carried = content.carried.clone();
            *content = Arc::new(self.content_of(known, found, carried));
            // Those of the former licences; what is made of them later is not kept.
            self.credentials.lock().clear();
            Arc::clone(&content)
        };
        for installed in &content.installed {
            if installed.carrier.is_none()
                && let Some(error) = &installed.error
            {
                log::warn!(
                    "{}: {}",
                    installed.file.display(),
                    error.text(crate::conf::Lang::English)
                );
            }
        }
    }

    fn content_of(&self, known: Arc<Known>, found: Found, carried: Vec<Installed>) -> Content {
        let both = found.installed.iter().chain(&carried).cloned().collect();
        let installed = together(&self.places.data, both);
        Content {
            known,
            found,
            carried,
            installed,
        }
    }

    /// The licences on carriers, each by itself.
    pub(super) fn carried(&self) -> Vec<Installed> {
        self.content().carried.clone()
    }

    /// Puts other licences on carriers in place of the former ones.
    pub(super) fn set_carried(&self, carried: Vec<Installed>) {
        let mut content = self.content.write();
        let (known, found) = (Arc::clone(&content.known), content.found.clone());
        *content = Arc::new(self.content_of(known, found, carried));
        self.carriers_changed.store(true, Ordering::Release);
    }

    fn by_computer<T>(&self, known: &Known, work: impl FnOnce(&Against<'_>) -> T) -> T {
        let failed = |error: &dyn std::fmt::Display| OpenError::NoHolder(error.to_string());
        let keys = HolderKeys::open(&self.holder_file(), &self.computer.facts)
            .map_err(|error| failed(&error));
        let holder = match &keys {
            Ok(Some(keys)) => keys.holder().map(Some).map_err(|error| failed(&error)),
            Ok(None) => Ok(None),
            Err(error) => Err(error.clone()),
        };
        let open = |key_id, sealed: &SealedKey| {
            let Ok(Some(keys)) = &keys else {
                return Err(OpenError::OtherHolder);
            };
            let opened = keys.sealing.open(key_id, sealed);
            opened.map_err(|_| damaged_key(sealed))
        };
        work(&Against {
            known,
            facts: &self.computer.facts,
            holder,
            open: &open,
            carrier: None,
        })
    }

    fn holder_file(&self) -> PathBuf {
        self.places.data.join("server.holder")
    }

    /// Checks a licence document that is not installed yet.
    pub fn inspect(&self, bytes: &[u8], file: PathBuf) -> Installed {
        let content = self.content();
        let here = self.by_computer(&content.known, |against| read_one(file, bytes, against));
        match here.error {
            Some(OpenError::OnCarrier) => self
                .inspect_by_carriers(bytes, &content.known)
                .unwrap_or(here),
            _ => here,
        }
    }

    /// This computer's licence request.
    ///
    /// # Errors
    /// When there is no holder key and none can be made.
    pub fn request(&self, now: i64) -> Result<Vec<u8>, HolderError> {
        super::request::bytes(&self.signer(None)?, &self.instance, now)
    }

    /// The licence request of the carrier with that number.
    ///
    /// # Errors
    /// When it is not connected, or has no holder key and cannot make one.
    pub fn carrier_request(&self, carrier: u32, now: i64) -> Result<Vec<u8>, HolderError> {
        super::request::bytes(&self.signer(Some(carrier))?, &self.instance, now)
    }

    /// Who is to hold a licence: this computer, or the carrier with that number.
    pub(super) fn signer(&self, carrier: Option<u32>) -> Result<Signer<'_>, HolderError> {
        match carrier {
            Some(number) => Signer::carrier(self, number),
            None => Signer::computer(self),
        }
    }

    /// The holder key, made where there is none of this computer: a container that came up anew with its data has another
    /// computer's, which is kept aside.
    pub(super) fn holder_keys(&self) -> Result<HolderKeys, HolderError> {
        let (file, facts) = (self.holder_file(), &self.computer.facts);
        match HolderKeys::open(&file, facts) {
            Ok(Some(keys)) => return Ok(keys),
            Ok(None) | Err(HolderError::OtherComputer(_)) => {}
            Err(error) => return Err(error),
        }
        // Two that make one at a time would each have its own.
        let failed = |error: KeysError| HolderError::Folder(Box::new(error));
        let _alone = self.alone().map_err(failed)?;
        if let Err(HolderError::OtherComputer(_)) = HolderKeys::open(&file, facts) {
            let aside = self.put_aside(&file).map_err(failed)?;
            log::warn!(
                "the holder key in {} is another computer's and is kept as {}; a new one is made",
                file.display(),
                aside.display()
            );
        }
        HolderKeys::open_or_make(&file, facts)
    }

    /// Moves a file into `data/retired` under a name that is free there.
    fn put_aside(&self, file: &std::path::Path) -> Result<PathBuf, KeysError> {
        let retired = self.places.data.join("retired");
        make_folder(&retired)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let names = (1..).map(|number: u32| retired.join(format!("{name}.{number}")));
        let aside = names.into_iter().find(|path| !path.exists());
        let aside = aside.unwrap_or_else(|| retired.join(&*name));
        std::fs::rename(file, &aside).map_err(KeysError::file(file))?;
        Ok(aside)
    }

    /// The folder of the keys.
    pub(super) fn data(&self) -> &std::path::Path {
        &self.places.data
    }

    /// Keeps other programs of this server away from the licences, until the value is dropped.
    pub(super) fn alone(&self) -> Result<std::fs::File, KeysError> {
        let path = self.places.data.join("keys.lock");
        let file = std::fs::File::create(&path).map_err(KeysError::file(&path))?;
        file.lock().map_err(KeysError::file(&path))?;
        Ok(file)
    }

    /// Writes a licence into the data folder.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, KeysError> {
        let path = self.places.data.join(name);
        write_whole(&path, bytes, Access::Owner).map_err(KeysError::file(&path))?;
        Ok(path)
    }

    /// Takes an installed licence out of use: a file into `data/retired`, and what lies on a carrier from there.
    pub(super) fn retire_licence(&self, installed: &Installed) -> Result<(), RetireError> {
        let Some(about) = &installed.carrier else {
            return Ok(self.retire(&installed.file)?);
        };
        let (Some(key_id), Some(key_no)) = (installed.key_id, installed.key_no) else {
            return Ok(());
        };
        Ok(self.take_from_carrier(about.number, key_id, key_no)?)
    }

    /// Moves a file out of use, into `data/retired`.
    pub(super) fn retire(&self, file: &std::path::Path) -> Result<(), KeysError> {
        let folder = self.places.data.join("retired");
        make_folder(&folder)?;
        move_into(file, &folder).map_err(KeysError::file(file))
    }

    pub(super) fn content(&self) -> Arc<Content> {
        Arc::clone(&self.content.read())
    }

    /// All licences of ours, working or not.
    pub fn installed(&self) -> Vec<Installed> {
        let mut all = self.content().installed.clone();
        for installed in &mut all {
            installed.enabled = self.is_on(installed);
        }
        all
    }

    /// Which keys are switched off from now on.
    pub fn set_off(&self, off: Vec<(KeyId, u32)>) {
        *self.off.write() = off.into_iter().collect();
    }

    fn is_on(&self, installed: &Installed) -> bool {
        let key = installed.key_id.zip(installed.key_no);
        key.is_none_or(|key| !self.off.read().contains(&key))
    }

    fn key(&self, installed: &Installed) -> Option<Key> {
        Some(Key {
            enabled: self.is_on(installed),
            ..installed.key()?
        })
    }

    /// The known series.
    pub fn series(&self) -> Vec<Series> {
        self.content().known.series.clone()
    }

    /// A series that is known.
    pub fn one_series(&self, key_id: KeyId) -> Option<Series> {
        let content = self.content();
        let mut all = content.known.series.iter();
        all.find(|series| series.key_id == key_id).cloned()
    }

    /// The series' public key.
    pub fn public_key(&self, key_id: KeyId) -> Option<PublicKey> {
        Some(self.one_series(key_id)?.public_key)
    }

    /// What accounting counts, by series.
    pub fn pools(&self) -> BTreeMap<KeyId, Vec<Key>> {
        let mut pools: BTreeMap<KeyId, Vec<Key>> = BTreeMap::new();
        for installed in &self.content().installed {
            if let (Some(key_id), Some(key)) = (installed.key_id, self.key(installed)) {
                pools.entry(key_id).or_default().push(key);
            }
        }
        pools
    }

    /// The keys of one series.
    pub fn pool(&self, key_id: KeyId) -> Vec<Key> {
        let content = self.content();
        let of_series = content
            .installed
            .iter()
            .filter(|installed| installed.key_id == Some(key_id));
        of_series
            .filter_map(|installed| self.key(installed))
            .collect()
    }

    /// The credential of some key of a series that is usable now, for a handshake; the delegation is made by the wall
    /// clock, with which the component compares it.
    ///
    /// # Errors
    /// Why no key of the series is usable now.
    pub fn any_credential(
        &self,
        key_id: KeyId,
        now: Moment,
        wall: Moment,
    ) -> Result<Arc<Credential>, Reason> {
        let pool = self.pool(key_id);
        if pool.is_empty() {
            let broken = self
                .content()
                .installed
                .iter()
                .any(|installed| installed.key_id == Some(key_id));
            return Err(if broken {
                Reason::NotWorkable
            } else {
                Reason::NoLicence
            });
        }
        let mut reason = Reason::NotWorkable;
        for key in &pool {
            match usable(key, &pool, now) {
                // A carrier may have been pulled out a moment ago; another key may speak for the series.
                Ok(()) => match self.credential(key_id, key.key_no, wall) {
                    Some(credential) => return Ok(credential),
                    None => reason = Reason::NotWorkable,
                },
                Err(unusable) => reason = unusable.reason(),
            }
        }
        Err(reason)
    }

    /// The voucher of a key with a delegation to this server, made anew when it has little life left.
    pub fn credential(&self, key_id: KeyId, key_no: u32, now: Moment) -> Option<Arc<Credential>> {
        let now = now.seconds();
        if let Some((credential, until)) = self.credentials.lock().get(&(key_id, key_no))
            && until - now > RENEW_BEFORE
            && until - now <= MAX_LIFE
        {
            return Some(Arc::clone(credential));
        }
        let content = self.content();
        let installed = content.installed.iter().find(|installed| {
            installed.error.is_none()
                && installed.key_id == Some(key_id)
                && installed.key_no == Some(key_no)
        })?;
        if installed.carrier.is_some() {
            let delegated = self.delegated.lock();
            let (credential, until) = delegated.get(&(key_id, key_no))?;
            let alive = 1..=MAX_CARRIER_LIFE;
            return alive
                .contains(&until.saturating_sub(now))
                .then(|| Arc::clone(credential));
        }
        let voucher = installed.licence.as_ref()?.signed_voucher.clone();
        let keys = HolderKeys::open(&self.holder_file(), &self.computer.facts)
            .inspect_err(|error| log::error!("{error}"))
            .ok()??;
        let delegation = Delegation {
            server: self.instance.public,
            key_id,
            key_no,
            issued_at: now,
            not_after: now.saturating_add(MAX_LIFE),
        };
        let delegation = delegation
            .sign(&keys.signing)
            .inspect_err(|error| log::error!("{error}"))
            .ok()?;
        let credential = Arc::new(Credential {
            voucher,
            delegation,
        });
        let until = now.saturating_add(MAX_LIFE);
        let now_here = self.content.read();
        if Arc::ptr_eq(&content, &now_here) {
            self.credentials
                .lock()
                .insert((key_id, key_no), (Arc::clone(&credential), until));
        }
        drop(now_here);
        Some(credential)
    }

    /// The key of a protected object, for a session that sits on a seat of `key_no`. The directory's signature
    /// was checked with the series' key.
    ///
    /// # Errors
    /// The reason's number says why not.
    pub fn object_key(
        &self,
        directory: &Directory,
        name: &str,
        key_id: KeyId,
        key_no: u32,
    ) -> Result<Secret, ObjectKeyError> {
        let no = |reason| Err(ObjectKeyError(reason));
        if directory.key_id != key_id {
            return no(Reason::OtherSeries);
        }
        let Some(object) = directory.object(name) else {
            return no(Reason::UnknownObject);
        };
        let content = self.content();
        let installed = content.installed.iter().find(|installed| {
            installed.error.is_none()
                && installed.key_id == Some(key_id)
                && installed.key_no == Some(key_no)
        });
        let Some((licence, installed)) =
            installed.and_then(|installed| Some((installed.licence.as_ref()?, installed)))
        else {
            return no(Reason::NotWorkable);
        };
        if licence.voucher.flags & object.flags != object.flags {
            return no(Reason::ObjectFlags);
        }
        // A carrier that proves nothing any more opens nothing, also while the one who would notice waits for a device.
        if installed.carrier.is_some() && self.credential(key_id, key_no, crate::now()).is_none() {
            return no(Reason::NotWorkable);
        }
        match installed.content_keys.get(&directory.content_key_version) {
            Some(key) => Ok(directory.object_key(key, object)),
            None => no(Reason::NoContentKey),
        }
    }
}
