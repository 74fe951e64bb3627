//! All keys of this server together: what accounting counts, what components are shown, what opens objects.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
    time::SystemTime,
};

use parking_lot::{Mutex, RwLock};
use protocol::{
    KeyId, Reason,
    datafile::Directory,
    delegation::{Delegation, MAX_LIFE},
    files::{Access, write_whole},
    licence::Credential,
    series::Series,
    signature::{PublicKey, Secret},
};

use super::{
    Computer, HolderError, HolderKeys, InstanceKey, KeysError,
    centre::is_reserve,
    licences::{Against, Found, Installed, is_licence, read_folder, read_one},
    make_folder,
    series_file::{self, Known},
};
use crate::{
    accounting::{Key, Moment, usable},
    places::Places,
};

/// Delegations with less life than this are made anew, in seconds.
const RENEW_BEFORE: i64 = MAX_LIFE / 2;

/// Why there is no key for an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectKeyError(pub Reason);

struct Content {
    known: Known,
    found: Found,
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
        let ring = Self {
            instance: InstanceKey::open_or_make(&places.instance_key())?,
            computer: Computer::look(&places.machine_id()),
            places: places.clone(),
            series_file,
            content: RwLock::new(Arc::new(Content {
                known: Known::default(),
                found: Found::default(),
            })),
            off: RwLock::default(),
            credentials: Mutex::default(),
            installing: Mutex::default(),
            seen: Mutex::default(),
            last_look: Mutex::default(),
            mentioned: Mutex::default(),
        };
        ring.reload();
        Ok(ring)
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
        changed
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
        // Looked at first: what changes while it is read is seen as a change later.
        let seen = self.look();
        *self.seen.lock() = seen;
        let known = series_file::read(&self.series_file);
        let found = self.with_against(&known, |against| read_folder(&self.places.data, against));
        for file in &found.foreign {
            if self.mentioned.lock().insert(file.clone()) {
                log::info!(
                    "{} is not a licence of this system and is left alone",
                    file.display()
                );
            }
        }
        for installed in &found.installed {
            if let Some(error) = &installed.error {
                log::warn!(
                    "{}: {}",
                    installed.file.display(),
                    error.text(crate::conf::Lang::English)
                );
            }
        }
        self.credentials.lock().clear();
        *self.content.write() = Arc::new(Content { known, found });
    }

    fn with_against<T>(&self, known: &Known, work: impl FnOnce(&Against<'_>) -> T) -> T {
        let holder = HolderKeys::open(&self.holder_file(), &self.computer.facts);
        let holder = match &holder {
            Ok(keys) => Ok(keys.as_ref()),
            Err(error) => Err(error.to_string()),
        };
        work(&Against {
            known,
            computer: &self.computer,
            holder,
        })
    }

    fn holder_file(&self) -> PathBuf {
        self.places.data.join("server.holder")
    }

    /// Checks a licence document that is not installed yet.
    pub fn inspect(&self, bytes: &[u8], file: PathBuf) -> Installed {
        let content = self.content();
        self.with_against(&content.known, |against| read_one(file, bytes, against))
    }

    /// This computer's licence request.
    ///
    /// # Errors
    /// When there is no holder key and none can be made.
    pub fn request(&self, now: i64) -> Result<Vec<u8>, HolderError> {
        super::request::bytes(&self.computer, &self.instance, &self.holder_keys()?, now)
    }

    /// The holder key, made where there is none.
    pub(super) fn holder_keys(&self) -> Result<HolderKeys, HolderError> {
        HolderKeys::open_or_make(&self.holder_file(), &self.computer.facts)
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

    /// Moves a licence out of use, into `data/retired`.
    pub(super) fn retire(&self, file: &std::path::Path) -> Result<(), KeysError> {
        let folder = self.places.data.join("retired");
        make_folder(&folder)?;
        let name = file.file_name().unwrap_or_default();
        std::fs::rename(file, folder.join(name)).map_err(KeysError::file(file))
    }

    fn content(&self) -> Arc<Content> {
        Arc::clone(&self.content.read())
    }

    /// All licences of ours, working or not.
    pub fn installed(&self) -> Vec<Installed> {
        let mut all = self.content().found.installed.clone();
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
        for installed in &self.content().found.installed {
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
            .found
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
                .found
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
                Ok(()) => {
                    return self
                        .credential(key_id, key.key_no, wall)
                        .ok_or(Reason::NotWorkable);
                }
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
        let installed = content.found.installed.iter().find(|installed| {
            installed.error.is_none()
                && installed.key_id == Some(key_id)
                && installed.key_no == Some(key_no)
        })?;
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
        self.credentials
            .lock()
            .insert((key_id, key_no), (Arc::clone(&credential), until));
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
        let installed = content.found.installed.iter().find(|installed| {
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
        match installed.content_keys.get(&directory.content_key_version) {
            Some(key) => Ok(directory.object_key(key, object)),
            None => no(Reason::NoContentKey),
        }
    }
}
