//! Licences on carriers: read when a carrier comes, kept only while it proves that it is there.

use std::{cell::RefCell, collections::HashMap, sync::Arc, time::Instant};

use protocol::{
    KeyId,
    delegation::{Delegation, MAX_CARRIER_LIFE},
    licence::{Credential, Document, Licence, SealedKey},
    signature::{Context, Secret},
};

use super::{
    Installed, KeyRing, OpenError,
    licences::{Against, damaged_key, read_one},
    series_file::Known,
};
use crate::carriers::{About, Carrier, CarrierError, Present, licence_name};

/// Content keys that a carrier unwrapped, by what they were sealed as. They go with the carrier.
pub(super) type Unwrapped = HashMap<(u32, Vec<u8>), Secret>;

/// What a look at the carriers came to.
#[derive(Debug, Default)]
pub struct CarriersLook {
    /// Those that came.
    pub came: Vec<About>,
    /// Those that went, or proved nothing any more.
    pub went: Vec<About>,
    /// Whether other licences are there than before.
    pub changed: bool,
}

impl KeyRing {
    /// Looks which carriers are connected, lets those that are prove it, and signs their delegations anew. Waits for the
    /// devices.
    pub fn look_at_carriers(&self, now: i64) -> CarriersLook {
        let mut carriers = self.carriers.lock();
        let (came, mut went) = carriers.look(Instant::now());
        let known = Arc::clone(&self.content().known);
        let mut changed = !came.is_empty() || !went.is_empty();
        carriers.present().retain_mut(|present| {
            let begun = Instant::now();
            if !present.is_due(begun) {
                return true;
            }
            // Licences that another program wrote to it.
            changed |= present.read();
            let proof = self.prove(present, now);
            present.proven(begun);
            match proof {
                Ok(()) => true,
                Err(error) => {
                    let about = present.carrier.about();
                    log::warn!("{}", crate::logs::tame(&error.to_string()));
                    went.push(about.clone());
                    changed = true;
                    false
                }
            }
        });
        changed |= *self.judged.lock() != known;
        if changed {
            self.judge_carriers(carriers.present(), &known);
            self.prove_new(carriers.present(), now);
        }
        CarriersLook {
            came,
            went,
            changed,
        }
    }

    /// Lets the carriers sign delegations for licences that have none yet.
    fn prove_new(&self, present: &[Present], now: i64) {
        let carried = self.carried();
        let lacks = |present: &&Present| {
            let place = &present.carrier.about().place;
            let delegated = self.delegated.lock();
            carried.iter().any(|one| {
                one.error.is_none()
                    && one.carrier.as_ref().is_some_and(|one| one.place == *place)
                    && one
                        .key_id
                        .zip(one.key_no)
                        .is_some_and(|key| !delegated.contains_key(&key))
            })
        };
        let new: Vec<&Present> = present.iter().filter(lacks).collect();
        for present in new {
            if let Err(error) = self.prove(present, now) {
                log::warn!("{}", crate::logs::tame(&error.to_string()));
            }
        }
    }

    /// Lets a carrier sign the delegations of its licences, or random bytes while it has none.
    fn prove(&self, present: &Present, now: i64) -> Result<(), CarrierError> {
        if present.error.is_some() {
            return Ok(());
        }
        let Some(holder) = &present.holder else {
            return Ok(());
        };
        let place = &present.carrier.about().place;
        let licences: Vec<Installed> = self
            .carried()
            .into_iter()
            .filter(|one| {
                one.error.is_none() && one.carrier.as_ref().is_some_and(|one| one.place == *place)
            })
            .collect();
        if licences.is_empty() {
            return present.carrier.prove(holder);
        }
        for installed in licences {
            let (Some(licence), Some(key_id), Some(key_no)) =
                (&installed.licence, installed.key_id, installed.key_no)
            else {
                continue;
            };
            let delegation = Delegation {
                server: self.instance.public,
                key_id,
                key_no,
                issued_at: now,
                not_after: now.saturating_add(MAX_CARRIER_LIFE),
            };
            let delegation = present.carrier.sign_as(
                holder,
                Context::Delegation,
                protocol::envelope::to_cbor(&delegation),
            )?;
            let credential = Arc::new(Credential {
                voucher: licence.signed_voucher.clone(),
                delegation,
            });
            let until = now.saturating_add(MAX_CARRIER_LIFE);
            self.delegated
                .lock()
                .insert((key_id, key_no), (credential, until));
        }
        Ok(())
    }

    /// Reads the licences of all carriers anew.
    fn judge_carriers(&self, present: &mut [Present], known: &Arc<Known>) {
        let former = std::mem::take(&mut *self.unwrapped.lock());
        let mut kept = Unwrapped::new();
        let mut carried = Vec::new();
        for one in present.iter() {
            for document in &one.documents {
                let installed = judge(one, document, known, &former, &mut kept);
                // Of two issues of one licence, which a pull in the middle of writing leaves, the later counts.
                let same = carried.iter_mut().find(|other: &&mut Installed| {
                    other.file == installed.file && other.key_no.is_some()
                });
                match same {
                    Some(other) if issued_at(other) < issued_at(&installed) => *other = installed,
                    Some(_) => {}
                    None => carried.push(installed),
                }
            }
        }
        for installed in &carried {
            if let Some(error) = &installed.error {
                log::warn!(
                    "{}: {}",
                    installed.file.display(),
                    error.text(crate::conf::Lang::English)
                );
            }
        }
        *self.unwrapped.lock() = kept;
        // Licences that are there as before speak on: with many carriers it takes a while until all have signed anew.
        self.delegated.lock().retain(|key, (credential, _)| {
            carried.iter().any(|one: &Installed| {
                one.error.is_none()
                    && one.key_id.zip(one.key_no) == Some(*key)
                    && one
                        .licence
                        .as_ref()
                        .is_some_and(|licence| licence.signed_voucher == credential.voucher)
            })
        });
        *self.judged.lock() = Arc::clone(known);
        self.set_carried(carried);
    }

    /// Judges a document by the connected carriers: the licence as the one of them that holds it would read it.
    pub(super) fn inspect_by_carriers(
        &self,
        bytes: &[u8],
        known: &Arc<Known>,
    ) -> Option<Installed> {
        let mut carriers = self.carriers.lock();
        let mut unwrapped = Unwrapped::new();
        carriers
            .present()
            .iter()
            .map(|one| judge(one, bytes, known, &Unwrapped::new(), &mut unwrapped))
            .find(|one| !matches!(one.error, Some(OpenError::OtherHolder)))
    }

    /// Writes a licence to a carrier, and reads it from there.
    pub(super) fn put_on_carrier(
        &self,
        number: u32,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), CarrierError> {
        self.change_carrier(number, |carrier| carrier.write(name, bytes))
    }

    /// Takes a licence from its carrier.
    pub(super) fn take_from_carrier(
        &self,
        number: u32,
        key_id: KeyId,
        key_no: u32,
    ) -> Result<(), CarrierError> {
        let name = licence_name(key_id, key_no);
        self.change_carrier(number, |carrier| carrier.erase(&name))
    }

    /// The document of a licence that lies on a carrier.
    pub(super) fn document_on(
        &self,
        about: &About,
        licence: &Licence,
    ) -> Result<Vec<u8>, CarrierError> {
        let mut carriers = self.carriers.lock();
        let documents = &carriers.find(about.number)?.documents;
        let is_it = |document: &&Vec<u8>| {
            Document::from_bytes(document)
                .is_ok_and(|document| document.fingerprint() == licence.fingerprint())
        };
        let found = documents.iter().find(is_it);
        found.cloned().ok_or(CarrierError::Gone(about.number))
    }

    fn change_carrier(
        &self,
        number: u32,
        work: impl FnOnce(&dyn Carrier) -> Result<(), CarrierError>,
    ) -> Result<(), CarrierError> {
        let mut carriers = self.carriers.lock();
        let present = carriers.find(number)?;
        let done = work(&*present.carrier);
        present.full = matches!(done, Err(CarrierError::Full(_)));
        present.read();
        let known = Arc::clone(&self.content().known);
        self.judge_carriers(carriers.present(), &known);
        self.prove_new(carriers.present(), crate::now().seconds());
        done
    }
}

fn issued_at(installed: &Installed) -> Option<i64> {
    let licence = installed.licence.as_ref()?;
    licence
        .private
        .update_date
        .or(Some(licence.voucher.issued_at))
}

/// Reads one document of a carrier. What it had unwrapped before is not unwrapped again.
fn judge(
    present: &Present,
    document: &[u8],
    known: &Arc<Known>,
    former: &Unwrapped,
    kept: &mut Unwrapped,
) -> Installed {
    let about = Arc::new(present.carrier.about().clone());
    let kept = RefCell::new(kept);
    let open = |key_id: KeyId, sealed: &SealedKey| {
        let name = (about.number, sealed.ciphertext.clone());
        let key = match former.get(&name) {
            Some(key) => key.clone(),
            None => present
                .carrier
                .unwrap_key(key_id, sealed)
                .map_err(|error| match error {
                    CarrierError::Nonsense { .. } => damaged_key(sealed),
                    error => OpenError::Carrier(error),
                })?,
        };
        kept.borrow_mut().insert(name, key.clone());
        Ok(key)
    };
    let against = Against {
        known,
        facts: &about.facts(),
        holder: match &present.error {
            Some(error) => Err(OpenError::Carrier(error.clone())),
            None => Ok(present.holder.clone()),
        },
        open: &open,
        carrier: Some(Arc::clone(&about)),
    };
    let mut installed = read_one(about.path("?"), document, &against);
    if let (Some(key_id), Some(key_no)) = (installed.key_id, installed.key_no) {
        installed.file = about.path(&licence_name(key_id, key_no));
    }
    installed
}
