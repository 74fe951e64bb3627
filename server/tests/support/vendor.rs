//! What a vendor does: the secrets of a series, and licences for it.

#![allow(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

use std::collections::BTreeMap;

use protocol::{
    KeyId,
    binding::needed,
    cryptkey::{ContentKey, CryptKey},
    licence::{Document, HolderDetails, KeyType, Private, Voucher},
    request::Request,
    seal,
    signature::{Algorithm, Secret, SigningKey},
};

const NOW: i64 = 1_800_000_000;

/// A vendor's secrets of a series.
pub(crate) fn vendor(key_id: KeyId) -> CryptKey {
    CryptKey {
        key_id,
        name: "Test".into(),
        created_at: NOW,
        signing: SigningKey::generate(Algorithm::Ed25519),
        content_keys: vec![ContentKey {
            version: 1,
            key: Secret::random(),
        }],
        earlier: None,
    }
}

/// A licence as the vendor issues it for a request; it may work for a time: from when, and for how many days.
pub(crate) fn issue(
    keys: &CryptKey,
    request: &[u8],
    key_no: u32,
    key_type: KeyType,
    count: u32,
    time: Option<(i64, u32)>,
) -> Vec<u8> {
    let request = Request::from_bytes(request).unwrap();
    let voucher = Voucher {
        key_id: keys.key_id,
        key_no,
        key_type,
        licence_count: count,
        flags: 0b101,
        service_type: 0,
        product_version: 0,
        issued_at: NOW,
        start_date: time.map(|(start, _)| start),
        period_days: time.map_or(0, |(_, days)| days),
        parameters: BTreeMap::new(),
        holders: vec![request.holder.clone()],
        private_hash: [0; 32],
    };
    let content_keys = keys
        .content_keys
        .iter()
        .map(|key| seal::seal(&request.holder, keys.key_id, key.version, &key.key).unwrap())
        .collect();
    let private = Private {
        blind: protocol::random_bytes(),
        holders: vec![HolderDetails {
            instance_name: "x".into(),
            salt: request.salt,
            needed: needed(request.facts.len()) as u32,
            facts: request.facts,
            content_keys,
        }],
        reg_no: Some(202),
        activation_code: None,
        activation_date: None,
        itn: Some("0123456789".into()),
        iec: None,
        product_name: Some("Тестовая серия".into()),
        product_version_name: None,
        article: None,
        article_name: None,
        support_date: None,
        support_period: None,
        industry_support_date: None,
        industry_support_period: None,
        recovered: None,
        update_date: None,
    };
    Document::issue(voucher, &private, &keys.signing)
        .unwrap()
        .to_bytes()
}
