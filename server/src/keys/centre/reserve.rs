//! Giving a key back, so that a reserve code activates it on another computer.
//!
//! The reserve code is drawn here and lies in `data/KEYID.KEYNO.reserve`, with the request that gives the key back,
//! before the centre hears of it. From the moment that the file is there the licence does not work, so it never works
//! twice; and the code is never lost, whatever fails: the same command goes on from where it was.

use std::{
    fs,
    path::{Path, PathBuf},
};

use minicbor::{Decode, Encode};
use protocol::{
    KeyId,
    centre::{MAX_REQUEST, Message, Outcome, Refusal, Release, Reply},
    code::ActivationCode,
    envelope::{self, Kind},
    files::{Access, read_limited, write_whole},
};

use super::{CentreError, Link, renew};
use crate::keys::{Installed, KeyRing, KeysError, OpenError, WhichKey, signer::Signer};

const EXTENSION: &str = "reserve";

/// Series and number.
pub(crate) type Key = (KeyId, u32);

/// What is on the disk after each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The code and the request are kept; the licence works no more.
    Off,
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
    let (kept, fresh) = match Kept::find(ring, key) {
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
    let reply = match link.send(&kept.request) {
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
    if id != kept.id || key_id != kept.key.0 {
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
    let kept = match Kept::find(ring, key) {
        Some(kept) => kept,
        None => Kept::begin(ring, key, now)?,
    };
    Ok((kept.request, kept.code))
}

/// The key with that number, of this series if one is named, that is here or was given back from here: whoever asks again
/// for a code must not give away another vendor's key instead.
///
/// # Errors
/// [`WhichKey`].
pub fn which(ring: &KeyRing, key_no: u32, series: Option<KeyId>) -> Result<Key, WhichKey> {
    let mut found = ring.series_with(key_no);
    for folder in [ring.data().to_owned(), ring.data().join("retired")] {
        let kept = Kept::all(&folder).into_iter();
        let same = kept.filter(|kept| kept.key.1 == key_no);
        found.extend(same.map(|kept| kept.key.0));
    }
    Ok((ring.one_of(&mut found, key_no, series)?, key_no))
}

/// Whether a key is being given back: its licence does not work then.
pub(in crate::keys) fn is_given_back(data: &Path, key_id: KeyId, key_no: u32) -> bool {
    path(data, key_id, key_no).exists()
}

/// Whether a path is that of a key that is being given back.
pub(in crate::keys) fn is_reserve(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == EXTENSION)
}

/// A key that is being given back.
pub(super) struct Kept {
    file: PathBuf,
    request: Vec<u8>,
    code: ActivationCode,
    key: Key,
    pub(super) id: [u8; 16],
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct File {
    #[cbor(n(0), with = "minicbor::bytes")]
    request: Vec<u8>,
    #[n(1)]
    code: String,
}

impl Kept {
    /// All keys that are being given back.
    pub(super) fn all(folder: &Path) -> Vec<Self> {
        let folder = fs::read_dir(folder).into_iter().flatten().flatten();
        folder
            .map(|entry| entry.path())
            .filter(|path| is_reserve(path))
            .filter_map(Self::read)
            .collect()
    }

    /// All that were given back.
    pub(super) fn retired(data: &Path) -> Vec<Self> {
        Self::all(&data.join("retired"))
    }

    fn find(ring: &KeyRing, key: Key) -> Option<Self> {
        let all = Self::all(ring.data());
        all.into_iter().find(|kept| kept.key == key)
    }

    fn read(file: PathBuf) -> Option<Self> {
        let bytes = read_limited(&file, 2 * MAX_REQUEST).ok()?;
        let inside: File = envelope::open(Kind::Reserve, &bytes).ok()?;
        let Message::Release(body) = Message::from_bytes(&inside.request).ok()? else {
            return None;
        };
        Some(Self {
            file,
            code: ActivationCode::parse(&inside.code).ok()?,
            request: inside.request,
            key: (body.key_id, body.key_no),
            id: body.id,
        })
    }

    /// Draws a code and keeps it: from here on the licence works no more.
    fn begin(ring: &KeyRing, key: Key, now: i64) -> Result<Self, CentreError> {
        let _alone = ring.alone()?;
        ring.reload();
        let (key_id, key_no) = key;
        let unknown = WhichKey::Unknown(key_no);
        let installed = working(ring, key)?.ok_or_else(|| unknown.clone())?;
        let licence = installed.licence.as_ref().ok_or(unknown)?;
        let signer = Signer::of(ring, &installed)?;
        let code = ActivationCode::random();
        let body = Release {
            id: protocol::random_bytes(),
            created_at: now,
            holder: signer.holder.signing.clone(),
            key_id,
            key_no,
            voucher: licence.fingerprint(),
            code_hash: code.hash(),
            computer_name: signer.name(),
        };
        let id = body.id;
        let request = Message::Release(Box::new(body)).to_bytes(&signer)?;
        let inside = File {
            request: request.clone(),
            code: code.reveal(),
        };
        let file = path(ring.data(), key_id, key_no);
        write_whole(
            &file,
            &envelope::seal(Kind::Reserve, &inside),
            Access::Owner,
        )
        .map_err(KeysError::file(&file))?;
        ring.reload();
        Ok(Self {
            file,
            request,
            code,
            key,
            id,
        })
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
                self.finish(ring, watch)?;
                Ok(self.code)
            }
            Outcome::Refused(refusal) => {
                self.take_back(ring)?;
                Err(CentreError::Refused(refusal))
            }
            Outcome::Licence(_) => Err(CentreError::OtherAnswer),
        }
    }

    /// The licence goes first: as long as it is here, the file that switches it off is here too.
    fn finish(&self, ring: &KeyRing, watch: Watch<'_>) -> Result<(), CentreError> {
        let _alone = ring.alone()?;
        ring.reload();
        for installed in ring.installed().iter().filter(|one| is(one, self.key)) {
            ring.retire_licence(installed)?;
        }
        watch(Step::Retired)?;
        self.done(ring)
    }

    /// Whether that is its reserve code.
    pub(super) fn code_is(&self, code: &str) -> bool {
        ActivationCode::parse(code).as_ref() == Ok(&self.code)
    }

    /// It is over, and kept for whoever did not write the code down.
    pub(super) fn done(&self, ring: &KeyRing) -> Result<(), CentreError> {
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

    /// The licence works again.
    fn take_back(&self, ring: &KeyRing) -> Result<(), CentreError> {
        let _alone = ring.alone()?;
        fs::remove_file(&self.file).map_err(KeysError::file(&self.file))?;
        ring.reload();
        Ok(())
    }
}

/// The code of a key that was given back, for whoever did not write it down.
fn retired(ring: &KeyRing, key: Key) -> Option<ActivationCode> {
    Kept::retired(ring.data())
        .into_iter()
        .find(|kept| kept.key == key)
        .map(|kept| kept.code)
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

fn path(data: &Path, key_id: KeyId, key_no: u32) -> PathBuf {
    data.join(format!("{key_id}.{key_no}.{EXTENSION}"))
}

/// The refusals after which this computer has the key no more.
pub(super) fn ends_the_key(refusal: &Refusal) -> bool {
    use protocol::centre::CentreReason::{NotTheHolder, Revoked};
    refusal.is(NotTheHolder) || refusal.is(Revoked)
}
