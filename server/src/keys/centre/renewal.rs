//! An installed licence as the vendor knows it now: support that was prolonged, a key that was taken back.

use protocol::{
    Version,
    centre::{Message, Outcome, Reply, Update},
    files::read_limited,
    licence::{Document, MAX_FILE},
};

use super::{CentreError, Link, reserve};
use crate::keys::{Installed, KeyRing, WhichKey, install_document, signer::Signer};

/// Whether a licence is one that a centre knows: it was activated by a code, and works here.
pub fn is_renewable(installed: &Installed) -> bool {
    installed.error.is_none()
        && installed
            .licence
            .as_ref()
            .is_some_and(|licence| licence.private.activation_code.is_some())
}

/// Renews a licence. Waits for the network, at most half a minute. A key that the vendor took back, or that is another
/// computer's now, is moved into `data/retired`.
///
/// # Errors
/// [`CentreError`]; except for that case the licence stays as it was.
pub fn renew(
    ring: &KeyRing,
    link: &Link,
    installed: &Installed,
    now: i64,
) -> Result<Installed, CentreError> {
    let key_no = installed.key_no.unwrap_or_default();
    let (request, body) = request(ring, installed, now)?;
    let answer = match link.send(&request)? {
        Reply::Refusal(refusal) => return Err(CentreError::Refused(refusal)),
        Reply::Answer(answer) => answer,
    };
    let (key_id, id) = answer.claims().map_err(CentreError::Answer)?;
    if id != body.id || key_id != body.key_id {
        return Err(CentreError::NotWaiting);
    }
    let public = ring
        .public_key(key_id)
        .ok_or(CentreError::UnknownSeries(key_id))?;
    let answer = answer.verify(&public).map_err(CentreError::Answer)?;
    let _alone = ring.alone()?;
    // Meanwhile it may have been given back, or replaced.
    let same = if installed.carrier.is_some() {
        let mut all = ring.installed().into_iter();
        all.find(|one| one.file == installed.file)
            .and_then(|one| one.licence)
    } else {
        read_limited(&installed.file, MAX_FILE)
            .ok()
            .and_then(|bytes| ring.inspect(&bytes, installed.file.clone()).licence)
    };
    let same = same.is_some_and(|licence| licence.fingerprint() == body.voucher);
    if !same || reserve::given_back(ring.data(), (key_id, key_no)).is_some() {
        return Err(WhichKey::Unknown(key_no).into());
    }
    match answer.outcome {
        Outcome::Licence(bytes) => {
            let claims = Document::from_bytes(&bytes).and_then(|document| document.claims());
            if claims != Ok((key_id, key_no)) {
                return Err(CentreError::OtherAnswer);
            }
            Ok(install_document(ring, &bytes, &installed.file)?)
        }
        Outcome::Refused(refusal) => {
            if reserve::ends_the_key(&refusal) {
                ring.retire_licence(installed)?;
                ring.reload();
            }
            Err(CentreError::Refused(refusal))
        }
        Outcome::Released => Err(CentreError::OtherAnswer),
    }
}

fn request(
    ring: &KeyRing,
    installed: &Installed,
    now: i64,
) -> Result<(Vec<u8>, Update), CentreError> {
    let (Some(licence), Some(key_id), Some(key_no)) =
        (&installed.licence, installed.key_id, installed.key_no)
    else {
        return Err(WhichKey::Unknown(installed.key_no.unwrap_or_default()).into());
    };
    let signer = Signer::of(ring, installed)?;
    let held = licence.voucher.holders.iter().zip(&licence.private.holders);
    let (_, details) = held
        .into_iter()
        .find(|(holder, _)| **holder == signer.holder)
        .ok_or(WhichKey::Unknown(key_no))?;
    let body = Update {
        id: protocol::random_bytes(),
        created_at: now,
        holder: signer.holder.signing.clone(),
        key_id,
        key_no,
        voucher: licence.fingerprint(),
        server: ring.instance.public,
        computer_id: signer.id(),
        computer_name: signer.name(),
        version: Version::CURRENT.to_string(),
        facts: signer.facts_for(details),
        code: licence.private.activation_code.clone(),
    };
    let bytes = Message::Update(Box::new(body.clone())).to_bytes(&signer)?;
    Ok((bytes, body))
}

/// When a licence was renewed last, or signed.
pub fn renewed_at(installed: &Installed) -> Option<i64> {
    let licence = installed.licence.as_ref()?;
    let private = &licence.private;
    private
        .update_date
        .or(private.activation_date)
        .or(Some(licence.voucher.issued_at))
}
