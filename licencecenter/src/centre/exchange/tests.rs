//! The life of a key at the centre, as servers see it.

use protocol::{
    binding::{Fact, FactKind},
    centre::{Activation, Release, Reply, Update},
    code::ActivationCode,
    cryptkey::ContentKey,
    licence::{DAY, Document, Licence},
    owner::Itn,
    request::Request,
    seal::SealingKey,
    signature::{Algorithm, Secret, SigningKey},
};

mod backup;

use super::*;
use crate::centre::{Offer, codes::Sale, series::Policy};

const SERIES: KeyId = KeyId(0x672B);
const NOW: UnixSeconds = 1_800_000_000;
const ITN: &str = "7707083893";

/// A centre in a folder of its own, with one series.
struct Scene {
    centre: Centre,
    keys: CryptKey,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn new(policy: Policy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Centre::make(folder.path(), "слово", 100).unwrap();
        let mut centre = Centre::open(folder.path()).unwrap();
        centre.unlock("слово").unwrap();
        let keys = CryptKey {
            key_id: SERIES,
            name: "Склад".into(),
            created_at: NOW,
            signing: SigningKey::generate(Algorithm::Ed25519),
            content_keys: vec![ContentKey {
                version: 1,
                key: Secret::random(),
            }],
            earlier: None,
        };
        centre.add_series(&keys, policy, "test", NOW).unwrap();
        Self {
            centre,
            keys,
            _folder: folder,
        }
    }

    fn code(&mut self) -> ActivationCode {
        self.sell(|_| {})
    }

    fn sell(&mut self, change: impl FnOnce(&mut Sale)) -> ActivationCode {
        let mut sale = Sale {
            series: SERIES,
            offer: Offer {
                seats: 5,
                support_period: Some(365),
                ..Offer::default()
            },
            count: 1,
            order: None,
            customer: None,
            itn: None,
            iec: None,
            ends_at: None,
        };
        change(&mut sale);
        let mut issued = self.centre.issue_codes(&sale, "test", NOW).unwrap();
        issued.remove(0).code
    }

    fn ask(&mut self, message: &Message, by: &Server, now: UnixSeconds) -> Outcome {
        self.ask_bytes(&message.to_bytes(&by.signing).unwrap(), message.id(), now)
    }

    /// What the answer says, its signature and its id checked; an unsigned refusal as a signed one.
    fn ask_bytes(&mut self, bytes: &[u8], id: [u8; 16], now: UnixSeconds) -> Outcome {
        let exchanged = self.centre.exchange(bytes, "192.0.2.1", now);
        match Reply::from_bytes(&exchanged.bytes).unwrap() {
            Reply::Refusal(refusal) => Outcome::Refused(refusal),
            Reply::Answer(answer) => {
                let answer = answer.verify(&self.keys.signing.public().unwrap()).unwrap();
                assert_eq!((answer.id, answer.at), (id, now));
                answer.outcome
            }
        }
    }

    fn activate(&mut self, code: &ActivationCode, by: &Server, now: UnixSeconds) -> Outcome {
        self.ask(&by.activation(code), by, now)
    }

    fn licence(&self, outcome: Outcome) -> Licence {
        let Outcome::Licence(bytes) = outcome else {
            panic!("{outcome:?}")
        };
        Document::from_bytes(&bytes)
            .unwrap()
            .verify(&self.keys.signing.public().unwrap())
            .unwrap()
    }

    fn events(&self, event: &str) -> Vec<String> {
        let mut entries = self.centre.journal(None, 1000).unwrap();
        entries.retain(|entry| entry.event == event);
        entries.into_iter().map(|entry| entry.text).collect()
    }
}

/// A server's computer.
#[derive(Clone)]
struct Server {
    signing: SigningKey,
    sealing: SealingKey,
    instance: [u8; 32],
    facts: Vec<Fact>,
    id: String,
    name: String,
}

impl Server {
    fn new(name: &str) -> Self {
        let fact = |kind, value: &str| Fact {
            kind,
            value: format!("{name}-{value}"),
        };
        Self {
            signing: SigningKey::generate(Algorithm::Ed25519),
            sealing: SealingKey::generate(),
            instance: protocol::random_bytes(),
            facts: vec![
                fact(FactKind::MachineId, "m"),
                fact(FactKind::DmiUuid, "d"),
                fact(FactKind::DiskSerial, "s"),
                fact(FactKind::Mac, "c"),
            ],
            id: format!("{name}-ID"),
            name: name.into(),
        }
    }

    /// The same computer with an empty disk.
    fn reinstalled(&self) -> Self {
        let mut new = Self {
            signing: SigningKey::generate(Algorithm::Ed25519),
            sealing: SealingKey::generate(),
            instance: protocol::random_bytes(),
            id: "new".into(),
            ..self.clone()
        };
        new.facts[0].value = "new machine id".into();
        new
    }

    fn activation(&self, code: &ActivationCode) -> Message {
        let salt = code.salt();
        Message::Activation(Box::new(Activation {
            request: Request {
                id: protocol::random_bytes(),
                created_at: NOW,
                version: "3.0.1.1".into(),
                computer_name: self.name.clone(),
                computer_id: self.id.clone(),
                server: self.instance,
                holder: self.sealing.holder(self.signing.public().unwrap()),
                salt,
                facts: self.facts.iter().map(|fact| fact.hash(&salt)).collect(),
            },
            code: code.reveal(),
            itn: Some(ITN.into()),
            iec: None,
            series: None,
        }))
    }

    fn release(&self, licence: &Licence, code: &ActivationCode) -> Message {
        Message::Release(Box::new(Release {
            id: protocol::random_bytes(),
            created_at: NOW,
            holder: self.signing.public().unwrap(),
            key_id: SERIES,
            key_no: licence.voucher.key_no,
            voucher: licence.fingerprint(),
            code_hash: code.hash(),
            computer_name: self.name.clone(),
        }))
    }

    fn update(&self, licence: &Licence) -> Message {
        let salt = licence.private.holders[0].salt;
        Message::Update(Box::new(Update {
            id: protocol::random_bytes(),
            created_at: NOW,
            holder: self.signing.public().unwrap(),
            key_id: SERIES,
            key_no: licence.voucher.key_no,
            voucher: licence.fingerprint(),
            server: self.instance,
            computer_id: self.id.clone(),
            computer_name: self.name.clone(),
            version: "3.0.1.1".into(),
            facts: self.facts.iter().map(|fact| fact.hash(&salt)).collect(),
            code: licence.private.activation_code.clone(),
        }))
    }
}

fn reason(outcome: Outcome) -> u16 {
    match outcome {
        Outcome::Refused(refusal) => {
            assert!(!refusal.english.is_empty() && !refusal.russian.is_empty());
            refusal.reason
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_code_becomes_a_licence_of_its_offer_for_the_computer_that_asked() {
    let mut scene = Scene::new(Policy::default());
    let (code, server) = (scene.code(), Server::new("app"));
    let outcome = scene.activate(&code, &server, NOW);
    let licence = scene.licence(outcome);
    let (voucher, private) = (&licence.voucher, &licence.private);
    assert_eq!((voucher.key_no, voucher.licence_count), (100, 5));
    assert_eq!(private.activation_code.as_deref(), Some(&*code.reveal()));
    assert_eq!(private.activation_date, Some(NOW));
    assert_eq!(private.itn.as_deref(), Some(ITN));
    assert_eq!(private.product_name.as_deref(), Some("Склад"));
    assert_eq!(
        (private.support_date, private.support_period),
        (Some(NOW + 365 * DAY), Some(365))
    );
    assert_eq!(private.recovered, None);
    let sealed = &private.holders[0].content_keys[0];
    assert_eq!(
        server.sealing.open(SERIES, sealed).as_ref(),
        Ok(&scene.keys.content_keys[0].key)
    );
}

#[test]
fn the_same_computer_gets_its_licence_again_even_after_its_disk_was_lost() {
    let mut scene = Scene::new(Policy::default());
    let (code, server) = (
        scene.sell(|sale| sale.offer.period = 30),
        Server::new("app"),
    );
    let outcome = scene.activate(&code, &server, NOW);
    let first = scene.licence(outcome);
    let reinstalled = server.reinstalled();
    let outcome = scene.activate(&code, &reinstalled, NOW + 10 * DAY);
    let again = scene.licence(outcome);
    assert_eq!(again.private.recovered, Some(true));
    assert_eq!(again.voucher.key_no, first.voucher.key_no);
    // Its days are not counted anew.
    assert_eq!(again.voucher.expire_date(), first.voucher.expire_date());
    assert_eq!(again.voucher.expire_date(), Some(NOW + 30 * DAY));
    assert_ne!(again.voucher.holders, first.voucher.holders);
    // What was copied from the lost disk is an old copy.
    let outcome = scene.ask(&server.update(&first), &server, NOW + 11 * DAY);
    assert_eq!(reason(outcome), CentreReason::NotTheHolder as u16);
    assert_eq!(scene.events("clone").len(), 1);
    // Who never had the key is no clone.
    let stranger = Server::new("stranger");
    let outcome = scene.ask(&stranger.update(&again), &stranger, NOW + 11 * DAY);
    assert_eq!(reason(outcome), CentreReason::NotTheHolder as u16);
    assert_eq!(scene.events("clone").len(), 1);
    assert_eq!(scene.events("stranger").len(), 1);
}

#[test]
fn another_computer_is_refused_and_told_where_the_key_is() {
    let mut scene = Scene::new(Policy::default());
    let code = scene.code();
    scene.activate(&code, &Server::new("first"), NOW);
    let outcome = scene.activate(&code, &Server::new("second"), NOW + 1);
    let Outcome::Refused(refusal) = outcome else {
        panic!()
    };
    assert!(refusal.is(CentreReason::UsedElsewhere));
    assert!(refusal.english.contains("first") && refusal.english.contains("licenceserver reserve"));
    assert!(refusal.russian.contains("first"));
}

#[test]
fn a_repeated_request_gets_the_same_licence_and_an_altered_one_of_the_same_id_nothing() {
    let mut scene = Scene::new(Policy::default());
    let (code, server) = (scene.code(), Server::new("app"));
    let message = server.activation(&code);
    let outcome = scene.ask(&message, &server, NOW);
    let first = scene.licence(outcome);
    let outcome = scene.ask(&message, &server, NOW + 60);
    let again = scene.licence(outcome);
    assert_eq!(again.private.recovered, None);
    assert_eq!(
        (&again.voucher.holders, again.voucher.issued_at),
        (&first.voucher.holders, first.voucher.issued_at)
    );
    let Message::Activation(mut body) = message else {
        panic!()
    };
    body.iec = Some("770101001".into());
    let outcome = scene.ask(&Message::Activation(body), &server, NOW + 60);
    assert_eq!(reason(outcome), CentreReason::RequestUsed as u16);
}

#[test]
fn an_old_request_takes_the_key_from_nobody() {
    let mut scene = Scene::new(Policy::default());
    let code = scene.code();
    let (lost, new) = (Server::new("app"), Server::new("app"));
    let old = lost.activation(&code);
    let outcome = scene.ask(&old, &lost, NOW);
    scene.licence(outcome);
    // The computer lost its disk, and with it the holder key.
    let outcome = scene.activate(&code, &new, NOW + 60);
    let again = scene.licence(outcome);
    assert_eq!(again.private.recovered, Some(true));
    let outcome = scene.ask(&old, &lost, NOW + 120);
    assert_eq!(reason(outcome), CentreReason::RequestUsed as u16);
    let outcome = scene.ask(&new.update(&again), &new, NOW + 180);
    assert_eq!(
        scene.licence(outcome).voucher.holders,
        again.voucher.holders
    );
}

#[test]
fn mistyped_unknown_revoked_expired_and_foreign_codes_are_told_apart() {
    let mut scene = Scene::new(Policy::default());
    let server = Server::new("app");
    let unknown = ActivationCode::random();
    let outcome = scene.activate(&unknown, &server, NOW);
    assert_eq!(reason(outcome), CentreReason::UnknownCode as u16);
    let code = scene.code();
    let Message::Activation(body) = server.activation(&code) else {
        panic!()
    };
    let edited = |change: fn(&mut Activation)| {
        let mut body = body.clone();
        change(&mut body);
        Message::Activation(body)
    };
    type Edit = fn(&mut Activation);
    let cases: [(Edit, CentreReason); 5] = [
        (
            |body| body.code.replace_range(..1, "U"),
            CentreReason::BadRequest,
        ),
        (
            |body| body.itn = Some("7707083894".into()),
            CentreReason::BadRequest,
        ),
        (
            |body| body.iec = Some("7701".into()),
            CentreReason::BadRequest,
        ),
        (
            |body| body.series = Some(KeyId(1)),
            CentreReason::OtherSeries,
        ),
        (|body| body.request.facts.clear(), CentreReason::NoFacts),
    ];
    for (change, expected) in cases {
        let outcome = scene.ask(&edited(change), &server, NOW);
        assert_eq!(reason(outcome), expected as u16, "{expected:?}");
    }
    // None of these used the code, or its request.
    let outcome = scene.activate(&code, &server, NOW);
    scene.licence(outcome);
    let late = scene.sell(|sale| sale.ends_at = Some(NOW + DAY));
    let outcome = scene.activate(&late, &server, NOW + DAY);
    assert_eq!(reason(outcome), CentreReason::CodeExpired as u16);
    scene.centre.revoke_code(&code, "test", NOW).unwrap();
    let outcome = scene.activate(&code, &server, NOW);
    assert_eq!(reason(outcome), CentreReason::Revoked as u16);
}

#[test]
fn a_sold_key_is_its_owners_alone() {
    let mut scene = Scene::new(Policy {
        needs_owner: true,
        ..Policy::default()
    });
    let owner: Itn = "500100732259".parse().unwrap();
    let code = scene.sell(|sale| sale.itn = Some(owner));
    let server = Server::new("app");
    let outcome = scene.activate(&code, &server, NOW);
    assert_eq!(reason(outcome), CentreReason::OtherOwner as u16);
    let anybodys = scene.code();
    let Message::Activation(mut body) = server.activation(&anybodys) else {
        panic!()
    };
    body.itn = None;
    let outcome = scene.ask(&Message::Activation(body), &server, NOW);
    assert_eq!(reason(outcome), CentreReason::OwnerNeeded as u16);
}

#[test]
fn a_key_that_is_given_back_moves_by_its_reserve_code_as_often_as_the_vendor_allows() {
    let mut scene = Scene::new(Policy {
        moves_per_year: 1,
        needs_owner: false,
    });
    let (code, first, second) = (scene.code(), Server::new("first"), Server::new("second"));
    let outcome = scene.activate(&code, &first, NOW);
    let licence = scene.licence(outcome);
    let reserve = ActivationCode::random();
    let release = first.release(&licence, &reserve);
    // Somebody else cannot give it back.
    let outcome = scene.ask(
        &second.release(&licence, &ActivationCode::random()),
        &second,
        NOW,
    );
    assert_eq!(reason(outcome), CentreReason::NotTheHolder as u16);
    assert_eq!(scene.ask(&release, &first, NOW + DAY), Outcome::Released);
    assert_eq!(
        scene.ask(&release, &first, NOW + 2 * DAY),
        Outcome::Released
    );
    let outcome = scene.activate(&code, &second, NOW + 2 * DAY);
    assert_eq!(reason(outcome), CentreReason::UsedElsewhere as u16);
    let outcome = scene.activate(&reserve, &second, NOW + 2 * DAY);
    let moved = scene.licence(outcome);
    assert_eq!(moved.voucher.key_no, licence.voucher.key_no);
    assert_eq!(
        moved.private.activation_code.as_deref(),
        Some(&*reserve.reveal())
    );
    // One move a year: the next one has to wait, and then it goes.
    let back = second.release(&moved, &ActivationCode::random());
    let Outcome::Refused(refusal) = scene.ask(&back, &second, NOW + 3 * DAY) else {
        panic!()
    };
    assert!(refusal.is(CentreReason::TooManyMoves));
    assert!(refusal.english.contains("2028-01-"), "{}", refusal.english);
    assert_eq!(
        scene.ask(&back, &second, NOW + 367 * DAY),
        Outcome::Released
    );
}

#[test]
fn a_key_that_may_not_move_is_refused_without_a_date() {
    let mut scene = Scene::new(Policy {
        moves_per_year: 0,
        needs_owner: false,
    });
    let (code, server) = (scene.code(), Server::new("app"));
    let outcome = scene.activate(&code, &server, NOW);
    let licence = scene.licence(outcome);
    let release = server.release(&licence, &ActivationCode::random());
    let outcome = scene.ask(&release, &server, NOW);
    assert_eq!(reason(outcome), CentreReason::TooManyMoves as u16);
}

#[test]
fn a_renewal_brings_what_the_vendor_changed_and_keeps_the_code() {
    let mut scene = Scene::new(Policy::default());
    let (code, mut server) = (scene.code(), Server::new("app"));
    let outcome = scene.activate(&code, &server, NOW);
    let first = scene.licence(outcome);
    let change = crate::centre::codes::Change {
        seats: Some(9),
        support_until: Some(NOW + 999 * DAY),
        ..Default::default()
    };
    scene.centre.change_key(100, &change, "test", NOW).unwrap();
    // One of four facts changed: that is within the limit, and known from now on.
    server.facts[2].value = "new disk".into();
    let outcome = scene.ask(&server.update(&first), &server, NOW + DAY);
    let second = scene.licence(outcome);
    assert_eq!(second.voucher.licence_count, 9);
    assert_eq!(second.private.support_date, Some(NOW + 999 * DAY));
    assert_eq!(second.private.update_date, Some(NOW + DAY));
    assert_eq!(
        second.private.activation_code,
        first.private.activation_code
    );
    server.facts[3].value = "new card".into();
    let outcome = scene.ask(&server.update(&second), &server, NOW + 2 * DAY);
    let third = scene.licence(outcome);
    // The answer was lost: the server comes with what it has.
    let outcome = scene.ask(&server.update(&second), &server, NOW + 2 * DAY);
    scene.licence(outcome);
    assert_eq!(scene.events("clone"), [""; 0]);
    server.facts[0].value = "x".into();
    server.facts[1].value = "x".into();
    let outcome = scene.ask(&server.update(&third), &server, NOW + 3 * DAY);
    assert_eq!(reason(outcome), CentreReason::OtherComputer as u16);
    scene.centre.revoke_key(100, "test", NOW).unwrap();
    let outcome = scene.ask(&server.update(&third), &server, NOW + 3 * DAY);
    assert_eq!(reason(outcome), CentreReason::Revoked as u16);
}

#[test]
fn two_live_copies_of_one_computer_are_named_in_the_journal() {
    let mut scene = Scene::new(Policy::default());
    let (code, server) = (scene.code(), Server::new("app"));
    let outcome = scene.activate(&code, &server, NOW);
    let start = scene.licence(outcome);
    // A machine is copied whole; both copies renew.
    let outcome = scene.ask(&server.update(&start), &server, NOW + 1);
    let original = scene.licence(outcome);
    let outcome = scene.ask(&server.update(&original), &server, NOW + 2);
    scene.licence(outcome);
    let outcome = scene.ask(&server.update(&start), &server, NOW + 3);
    scene.licence(outcome);
    let said = scene.events("clone");
    assert!(
        said.len() == 1 && said[0].contains("two copies"),
        "{said:?}"
    );
    // Its files alone, under another server's key.
    let other = Server {
        instance: [9; 32],
        name: "copy".into(),
        ..server.clone()
    };
    let outcome = scene.ask(&other.update(&start), &other, NOW + 4);
    scene.licence(outcome);
    assert!(scene.events("clone")[0].contains("another instance key"));
}

#[test]
fn no_altered_request_is_answered_with_a_licence() {
    let mut scene = Scene::new(Policy::default());
    let (code, server) = (scene.code(), Server::new("app"));
    let bytes = server.activation(&code).to_bytes(&server.signing).unwrap();
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 1 << (at % 8);
        let exchanged = scene.centre.exchange(&altered, "x", NOW);
        assert!(exchanged.refusal.is_some(), "byte {at}");
    }
    for length in 0..bytes.len() {
        let exchanged = scene.centre.exchange(&bytes[..length], "x", NOW);
        assert!(exchanged.refusal.is_some(), "{length} bytes");
    }
    assert!(scene.centre.exchange(&bytes, "x", NOW).refusal.is_none());
}

#[test]
fn a_series_that_got_new_keys_renews_its_licences_by_them() {
    let mut scene = Scene::new(Policy::default());
    let (code, server) = (scene.code(), Server::new("app"));
    let outcome = scene.activate(&code, &server, NOW);
    let first = scene.licence(outcome);
    let mut rotated = scene.keys.rotated(Algorithm::EcdsaP256).unwrap();
    rotated.content_keys.push(ContentKey {
        version: 2,
        key: Secret::random(),
    });
    let add = |scene: &mut Scene, keys: &CryptKey| {
        let policy = Policy::default();
        scene.centre.add_series(keys, policy, "test", NOW)
    };
    add(&mut scene, &rotated).unwrap();
    let old = std::mem::replace(&mut scene.keys, rotated);
    // The earlier keys do not come back.
    assert!(matches!(
        add(&mut scene, &old),
        Err(CentreError::OtherSeriesKeys(SERIES))
    ));
    let outcome = scene.ask(&server.update(&first), &server, NOW + DAY);
    let second = scene.licence(outcome);
    let versions: Vec<u32> = second.private.holders[0]
        .content_keys
        .iter()
        .map(|key| key.version)
        .collect();
    assert_eq!(versions, [1, 2]);
    assert_eq!(second.voucher.key_no, first.voucher.key_no);
    assert_eq!(scene.events("clone"), [""; 0]);
}
