//! The fixed keys, draws and values that the golden files are made of.

use std::collections::BTreeMap;

use protocol::{
    KeyId,
    binding::{Fact, FactHash, FactKind},
    cryptkey::{ContentKey, CryptKey},
    datafile::pack::{self, Draw, Input},
    delegation::Delegation,
    envelope,
    facts::{SessionFacts, SessionKey},
    licence::{Document, Holder, HolderDetails, KeyType, Private, Voucher},
    request::Request,
    seal::{self, SealingKey},
    series::{self, Series},
    signature::{Algorithm, Secret, SigningKey},
};

pub(crate) const SERIES: KeyId = KeyId(0x672B);
pub(crate) const CREATED_AT: i64 = 1_767_225_600;
pub(crate) const SALT: [u8; 16] = [0x33; 16];
pub(crate) const OBJECT: &[u8] =
    "Функция Ответ() Экспорт\n\tВозврат 42;\nКонецФункции\n".as_bytes();

fn signing(algorithm: Algorithm, byte: u8) -> SigningKey {
    SigningKey::from_secret(algorithm, Secret([byte; 32])).unwrap()
}

/// The vendor's keys of the series; two content keys, as after a change of keys.
pub(crate) fn cryptkey(algorithm: Algorithm) -> CryptKey {
    let content = |version, byte| ContentKey {
        version,
        key: Secret([byte; 32]),
    };
    CryptKey {
        key_id: SERIES,
        name: "Складской учёт".into(),
        created_at: CREATED_AT,
        signing: signing(algorithm, 0x11),
        content_keys: vec![content(1, 0x21), content(2, 0x22)],
        earlier: None,
    }
}

/// The customer's holder key, which signs.
pub(crate) fn holder_signing() -> SigningKey {
    signing(Algorithm::Ed25519, 0x41)
}

/// The customer's holder key, which unwraps.
pub(crate) fn holder_sealing() -> SealingKey {
    SealingKey::from_secret(Secret([0x42; 32]))
}

pub(crate) fn holder() -> Holder {
    holder_sealing().holder(holder_signing().public().unwrap())
}

/// The customer's computer.
pub(crate) fn computer() -> Vec<Fact> {
    [
        (FactKind::MachineId, "0123456789abcdef0123456789abcdef"),
        (FactKind::DmiUuid, "4C4C4544-0042-3510-8054-B4C04F4A4D31"),
        (FactKind::DiskSerial, "S3Z8NB0K"),
        (FactKind::Mac, "02:00:00:00:00:01"),
    ]
    .map(|(kind, value)| Fact {
        kind,
        value: value.into(),
    })
    .into()
}

fn hashes() -> Vec<FactHash> {
    computer().iter().map(|fact| fact.hash(&SALT)).collect()
}

pub(crate) fn request() -> Request {
    Request {
        id: [0x31; 16],
        created_at: CREATED_AT + 60,
        version: "3.0.1.1".into(),
        computer_name: "app-server".into(),
        computer_id: "0123456789ABCDEF0123456789ABCDEF01234567".into(),
        server: [0x32; 32],
        holder: holder(),
        salt: SALT,
        facts: hashes(),
    }
}

pub(crate) fn voucher() -> Voucher {
    Voucher {
        key_id: SERIES,
        key_no: 7_131_766,
        key_type: KeyType::Main,
        licence_count: 5,
        flags: 0b101,
        service_type: 0,
        product_version: 21,
        issued_at: CREATED_AT + 120,
        start_date: Some(CREATED_AT),
        period_days: 365,
        parameters: BTreeMap::from([
            ("Edition".into(), "ПРОФ".into()),
            ("MaxWarehouses".into(), "10".into()),
        ]),
        holders: vec![holder()],
        private_hash: [0; 32],
    }
}

/// A licence of that vendor. The seals are drawn at random, so that no two calls give the same bytes.
pub(crate) fn licence(keys: &CryptKey) -> Document {
    let seal = |key: &ContentKey| seal::seal(&holder(), SERIES, key.version, &key.key).unwrap();
    let private = Private {
        blind: [0x51; 32],
        holders: vec![HolderDetails {
            instance_name: "app-server".into(),
            salt: SALT,
            facts: hashes(),
            needed: 3,
            content_keys: keys.content_keys.iter().map(seal).collect(),
        }],
        reg_no: Some(202),
        activation_code: Some("4345-9320-2035-7421-5361".into()),
        activation_date: Some(CREATED_AT + 120),
        itn: Some("0274062111".into()),
        iec: Some("027401001".into()),
        product_name: Some("Складской учёт".into()),
        product_version_name: Some("2.1".into()),
        article: Some("111111111111".into()),
        article_name: Some("Складской учёт, 5 мест".into()),
        support_date: Some(CREATED_AT),
        support_period: Some(365),
        industry_support_date: None,
        industry_support_period: None,
        recovered: Some(false),
        update_date: None,
    };
    Document::issue(voucher(), &private, &keys.signing).unwrap()
}

pub(crate) fn delegation() -> Delegation {
    Delegation {
        server: [0x32; 32],
        key_id: SERIES,
        key_no: 7_131_766,
        issued_at: CREATED_AT + 200,
        not_after: CREATED_AT + 200 + protocol::delegation::MAX_LIFE,
    }
}

pub(crate) fn signed_delegation() -> Vec<u8> {
    envelope::to_cbor(&delegation().sign(&holder_signing()).unwrap())
}

pub(crate) fn inputs() -> Vec<Input> {
    let input = |name: &str, flags, content: &[u8]| Input {
        name: name.into(),
        version: 3,
        flags,
        content: content.into(),
    };
    vec![
        input("Обработка", 0, &OBJECT.repeat(4)),
        input("empty", 0b100, b""),
    ]
}

pub(crate) fn datafile(keys: &CryptKey) -> Vec<u8> {
    let draw = Draw {
        file_id: [0x61; 16],
        salt: [0x62; 32],
    };
    let mut file = Vec::new();
    pack::write(&inputs(), keys, draw, &mut file).unwrap();
    file
}

pub(crate) fn facts() -> SessionFacts {
    SessionFacts {
        key: SessionKey {
            infobase: "Srvr=\"app:1541\";Ref=\"Trade\";".into(),
            number: 6,
            started: CREATED_AT + 300,
        },
        user_name: "Иванов И.И.".into(),
        computer_name: "pc-7".into(),
        app_name: "1CV8C".into(),
        parent: None,
        gathered_on_server: None,
    }
}

/// `licence.series` with the series in both algorithms, which two ids tell apart here.
pub(crate) fn series_text() -> String {
    let series = |key_id, algorithm| {
        let public = cryptkey(algorithm).signing.public().unwrap();
        Series::new(key_id, "Складской учёт", public)
    };
    let text = series::with(
        "; the series of this server\n",
        &series(SERIES, Algorithm::Ed25519),
    );
    series::with(&text, &series(KeyId(0x0001), Algorithm::EcdsaP256))
}
