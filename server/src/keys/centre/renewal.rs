//! An installed licence as the vendor knows it now: support that was prolonged, a key that was taken back.

use protocol::{
    Version,
    binding::FactKind,
    centre::{Message, Outcome, Reply, Update},
    files::read_limited,
    licence::{Document, MAX_FILE},
};

use super::{CentreError, Link, reserve};
use crate::keys::{HolderError, Installed, KeyRing, install_document};

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
    let same = read_limited(&installed.file, MAX_FILE)
        .ok()
        .and_then(|bytes| ring.inspect(&bytes, installed.file.clone()).licence)
        .is_some_and(|licence| licence.fingerprint() == body.voucher);
    if !same || reserve::is_given_back(ring.data(), key_id, key_no) {
        return Err(CentreError::UnknownKey(key_no));
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
                ring.retire(&installed.file)?;
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
        return Err(CentreError::UnknownKey(
            installed.key_no.unwrap_or_default(),
        ));
    };
    let holder = ring.holder_keys()?;
    let damaged = |error| HolderError::Key("server.holder".into(), error);
    let ours = holder.holder().map_err(damaged)?;
    let held = licence.voucher.holders.iter().zip(&licence.private.holders);
    let (_, details) = held
        .into_iter()
        .find(|(holder, _)| **holder == ours)
        .ok_or(CentreError::UnknownKey(key_no))?;
    let explicit = details
        .facts
        .iter()
        .any(|fact| fact.kind == FactKind::ExplicitId);
    let body = Update {
        id: protocol::random_bytes(),
        created_at: now,
        holder: ours.signing,
        key_id,
        key_no,
        voucher: licence.fingerprint(),
        server: ring.instance.public,
        computer_id: ring.computer.id.clone(),
        computer_name: ring.computer.name.clone(),
        version: Version::CURRENT.to_string(),
        facts: ring
            .computer
            .binding(explicit)
            .iter()
            .map(|fact| fact.hash(&details.salt))
            .collect(),
        code: licence.private.activation_code.clone(),
    };
    let bytes = Message::Update(Box::new(body.clone()))
        .to_bytes(&holder.signing)
        .map_err(damaged)?;
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
