//! Giving a key back, so that a reserve code activates it on another computer.
//!
//! The reserve code is drawn here and lies in `data/KEYID.KEYNO.reserve`, with the request that gives the key back,
//! before the centre hears of it. From the moment that the file is there the licence does not work, so it never works
//! twice, and a carrier that holds it is emptied before anybody is asked; and the code is never lost, whatever fails: the same command goes on from where it was.

use std::{
    fs,
    path::{Path, PathBuf},
};

use protocol::{
    KeyId,
    centre::{FromCarrier, MAX_RESERVE, Message, Outcome, Refusal, Release, Reply, Reserve},
    code::ActivationCode,
    files::{Access, read_limited, write_whole},
};

use super::{CentreError, Link, renew};
use crate::{
    carriers::licence_name,
    keys::{Installed, KeyRing, KeysError, OpenError, WhichKey, signer::Signer},
};

const EXTENSION: &str = "reserve";

/// Series and number.
pub(crate) type Key = (KeyId, u32);

/// What is on the disk after each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The code and the request are kept; the licence works no more.
    Off,
    /// The carrier, if it was on one, has it no more.
    Erased,
    /// The centre answered.
    Answered,
    /// The licence is in `data/retired`.
    Retired,
}

/// Is told of each step; an error of its own ends the work there.
pub(crate) type Watch<'a> = &'a mut dyn FnMut(Step) -> Result<(), CentreError>;

/// Gives a key back to the centre: the code that activates it elsewhere. Once that is done, the code is told again.
///
/// # Errors
/// [`CentreError`]. When the centre refuses, the licence works on; when its answer is lost, the same call goes on.
pub fn reserve(
    ring: &KeyRing,
    link: &Link,
    key: Key,
    now: i64,
) -> Result<ActivationCode, CentreError> {
    reserve_watched(ring, link, key, now, &mut |_| Ok(()))
}

pub(crate) fn reserve_watched(
    ring: &KeyRing,
    link: &Link,
    key: Key,
    now: i64,
    watch: Watch<'_>,
) -> Result<ActivationCode, CentreError> {
    let (mut kept, fresh) = match Kept::find(ring, key)? {
        Some(kept) => (kept, false),
        None => {
            let Some(installed) = working(ring, key)? else {
                return Ok(retired(ring, key).ok_or(WhichKey::Unknown(key.1))?);
            };
            // A centre that cannot even renew the licence does not get it.
            renew(ring, link, &installed, now)?;
            (Kept::begin(ring, key, now)?, true)
        }
    };
    watch(Step::Off)?;
    kept.empty_carrier(ring, fresh)?;
    watch(Step::Erased)?;
    let reply = match link.send(&kept.inside.request) {
        Ok(reply) => reply,
        // Nothing was sent, so nobody has the key but this server.
        Err(error @ (CentreError::Unreachable { .. } | CentreError::Certificate { .. }))
            if fresh =>
        {
            kept.take_back(ring)?;
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    watch(Step::Answered)?;
    let answer = match reply {
        Reply::Refusal(refusal) => return Err(CentreError::Refused(refusal)),
        Reply::Answer(answer) => answer,
    };
    let (key_id, id) = answer.claims().map_err(CentreError::Answer)?;
    if id != kept.id() || key_id != key.0 {
        return Err(CentreError::NotWaiting);
    }
    let public = ring
        .public_key(key_id)
        .ok_or(CentreError::UnknownSeries(key_id))?;
    let answer = answer.verify(&public).map_err(CentreError::Answer)?;
    kept.settle(ring, answer.outcome, watch)
}

/// Makes the file that gives a key back, for somebody to carry: the request, and the code that works once the
/// vendor has taken it. The licence works no more. The same call again gives the same.
///
/// # Errors
/// [`CentreError`].
pub fn reserve_offline(
    ring: &KeyRing,
    key: Key,
    now: i64,
) -> Result<(Vec<u8>, ActivationCode), CentreError> {
    let (mut kept, fresh) = match Kept::find(ring, key)? {
        Some(kept) => (kept, false),
        None => (Kept::begin(ring, key, now)?, true),
    };
    kept.empty_carrier(ring, fresh)?;
    Ok((kept.inside.request, kept.inside.code))
}

/// The key with that number, of this series if one is named, that is here or was given back from here: whoever asks again
/// for a code must not give away another vendor's key instead.
///
/// # Errors
/// [`WhichKey`].
pub fn which(ring: &KeyRing, key_no: u32, series: Option<KeyId>) -> Result<Key, WhichKey> {
    let mut found = ring.series_with(key_no);
    for folder in [ring.data().to_owned(), ring.data().join("retired")] {
        let kept = files(&folder).filter_map(|file| named(&file));
        found.extend(kept.filter(|key| key.1 == key_no).map(|key| key.0));
    }
    Ok((ring.one_of(&mut found, key_no, series)?, key_no))
}

/// Why a licence does not work: its key is being given back.
pub(in crate::keys) fn given_back(data: &Path, key: Key) -> Option<OpenError> {
    let file = path(data, key);
    if !file.exists() {
        return None;
    }
    Some(match Kept::read(file) {
        Ok(_) => OpenError::GivenBack(key.1),
        Err(damage) => damage,
    })
}

/// Whether a path is that of a key that is being given back.
pub(in crate::keys) fn is_reserve(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == EXTENSION)
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let folder = fs::read_dir(folder).into_iter().flatten().flatten();
    folder
        .map(|entry| entry.path())
        .filter(|path| is_reserve(path))
}

/// The key that a file's name says.
fn named(file: &Path) -> Option<Key> {
    let (key_id, key_no) = file.file_stem()?.to_str()?.split_once('.')?;
    Some((key_id.parse().ok()?, key_no.parse().ok()?))
}

/// A key that is being given back.
pub(super) struct Kept {
    file: PathBuf,
    inside: Reserve,
}

impl Kept {
    /// All keys of a folder that are being given back; what is damaged is told where its key is looked for.
    pub(super) fn all(folder: &Path) -> Vec<Self> {
        files(folder)
            .filter_map(|file| Self::read(file).ok())
            .collect()
    }

    /// All that were given back.
    pub(super) fn retired(data: &Path) -> Vec<Self> {
        Self::all(&data.join("retired"))
    }

    pub(super) fn id(&self) -> [u8; 16] {
        self.inside.release.id
    }

    fn key(&self) -> Key {
        (self.inside.release.key_id, self.inside.release.key_no)
    }

    fn find(ring: &KeyRing, key: Key) -> Result<Option<Self>, CentreError> {
        let file = path(ring.data(), key);
        if !file.exists() {
            return Ok(None);
        }
        Self::read(file)
            .map(Some)
            .map_err(|damage| CentreError::NotOurs(key.1, damage))
    }

    fn read(file: PathBuf) -> Result<Self, OpenError> {
        let damaged = |error: String| OpenError::ReserveDamaged(file.clone(), error);
        let bytes = read_limited(&file, MAX_RESERVE).map_err(|error| damaged(error.to_string()))?;
        let inside = Reserve::from_bytes(&bytes).map_err(|error| damaged(error.to_string()))?;
        let kept = Self { inside, file };
        if named(&kept.file).is_some_and(|key| key != kept.key()) {
            return Err(OpenError::ReserveDamaged(
                kept.file,
                "it is another key's".into(),
            ));
        }
        Ok(kept)
    }

    fn write(&self) -> Result<(), CentreError> {
        let bytes = self.inside.to_bytes();
        Ok(write_whole(&self.file, &bytes, Access::Owner).map_err(KeysError::file(&self.file))?)
    }

    /// Draws a code and keeps it: from here on the licence works no more.
    fn begin(ring: &KeyRing, key: Key, now: i64) -> Result<Self, CentreError> {
        let _alone = ring.alone()?;
        ring.reload();
        let unknown = WhichKey::Unknown(key.1);
        let installed = working(ring, key)?.ok_or_else(|| unknown.clone())?;
        let licence = installed.licence.as_ref().ok_or(unknown)?;
        let signer = Signer::of(ring, &installed)?;
        let carrier = match &installed.carrier {
            Some(about) => Some(FromCarrier {
                number: about.number,
                licence: ring.document_on(about, licence)?,
                erased: false,
            }),
            None => None,
        };
        let code = ActivationCode::random();
        let release = Box::new(Release {
            id: protocol::random_bytes(),
            created_at: now,
            holder: signer.holder.signing.clone(),
            key_id: key.0,
            key_no: key.1,
            voucher: licence.fingerprint(),
            code_hash: code.hash(),
            computer_name: signer.name(),
        });
        let kept = Self {
            file: path(ring.data(), key),
            inside: Reserve {
                request: Message::Release(release.clone()).to_bytes(&signer)?,
                release,
                code,
                carrier,
            },
        };
        kept.write()?;
        ring.reload();
        Ok(kept)
    }

    /// Takes the licence from its carrier, before anybody is told the code or the centre asked: this server's word is not
    /// heard where the carrier is connected next.
    fn empty_carrier(&mut self, ring: &KeyRing, fresh: bool) -> Result<(), CentreError> {
        let (key_id, key_no) = self.key();
        let Some(from) = self.inside.carrier.as_mut().filter(|from| !from.erased) else {
            return Ok(());
        };
        if let Err(error) = ring.take_from_carrier(from.number, key_id, key_no) {
            // The licence is on it as before, so the key is not given back.
            if fresh && error.changed_nothing() {
                self.take_back(ring)?;
            }
            return Err(error.into());
        }
        from.erased = true;
        self.write()
    }

    /// Acts on the centre's word.
    pub(super) fn settle(
        self,
        ring: &KeyRing,
        outcome: Outcome,
        watch: Watch<'_>,
    ) -> Result<ActivationCode, CentreError> {
        match outcome {
            Outcome::Released => {
                let code = self.inside.code.clone();
                self.retire_licence(ring)?;
                watch(Step::Retired)?;
                self.done(ring)?;
                Ok(code)
            }
            // Its code was never taken, and the licence is nobody's here any more.
            Outcome::Refused(refusal) if ends_the_key(&refusal) => {
                self.retire_licence(ring)?;
                self.forget();
                ring.reload();
                Err(CentreError::Refused(refusal))
            }
            Outcome::Refused(refusal) => {
                self.take_back(ring)?;
                Err(CentreError::Refused(refusal))
            }
            Outcome::Licence(_) => Err(CentreError::OtherAnswer),
        }
    }

    /// The licence goes first: as long as it is here, the file that switches it off is here too.
    fn retire_licence(&self, ring: &KeyRing) -> Result<(), CentreError> {
        let _alone = ring.alone()?;
        ring.reload();
        let installed = ring.installed();
        for installed in installed.iter().filter(|one| is(one, self.key())) {
            ring.retire_licence(installed)?;
        }
        Ok(())
    }

    /// Whether that is its reserve code.
    pub(super) fn code_is(&self, code: &str) -> bool {
        ActivationCode::parse(code).as_ref() == Ok(&self.inside.code)
    }

    /// It is over, and kept for whoever did not write the code down; a carrier's licence is not.
    pub(super) fn done(mut self, ring: &KeyRing) -> Result<(), CentreError> {
        if self.inside.carrier.take().is_some() {
            self.write()?;
        }
        ring.retire(&self.file)?;
        ring.reload();
        Ok(())
    }

    /// Its code was used here.
    pub(super) fn forget(&self) {
        if let Err(error) = fs::remove_file(&self.file) {
            log::warn!("{}: {error}", self.file.display());
        }
    }

    /// The licence works again, on its carrier too.
    fn take_back(&self, ring: &KeyRing) -> Result<(), CentreError> {
        let _alone = ring.alone()?;
        if let Some(from) = self.inside.carrier.as_ref().filter(|from| from.erased) {
            let (key_id, key_no) = self.key();
            let name = licence_name(key_id, key_no);
            ring.put_on_carrier(from.number, &name, &from.licence)?;
        }
        fs::remove_file(&self.file).map_err(KeysError::file(&self.file))?;
        ring.reload();
        Ok(())
    }
}

/// The code of a key that was given back, for whoever did not write it down.
fn retired(ring: &KeyRing, key: Key) -> Option<ActivationCode> {
    Kept::retired(ring.data())
        .into_iter()
        .find(|kept| kept.key() == key)
        .map(|kept| kept.inside.code)
}

/// A key that works here; nothing when it is not here.
fn working(ring: &KeyRing, key: Key) -> Result<Option<Installed>, CentreError> {
    let mut found = ring.installed();
    found.retain(|one| is(one, key) && !matches!(one.error, Some(OpenError::Twice(_))));
    match found.into_iter().next() {
        Some(Installed {
            error: Some(error), ..
        }) => Err(CentreError::NotOurs(key.1, error)),
        found => Ok(found),
    }
}

fn is(installed: &Installed, key: Key) -> bool {
    installed.key_id.zip(installed.key_no) == Some(key)
}

fn path(data: &Path, (key_id, key_no): Key) -> PathBuf {
    data.join(format!("{key_id}.{key_no}.{EXTENSION}"))
}

/// The refusals after which this computer has the key no more.
pub(super) fn ends_the_key(refusal: &Refusal) -> bool {
    use protocol::centre::CentreReason::{NotTheHolder, Revoked};
    refusal.is(NotTheHolder) || refusal.is(Revoked)
}
