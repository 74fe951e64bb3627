//! A key's life against a real centre that is cut off, slow, or not what it seems.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

use licencecenter::centre::{Centre, Offer, codes::Sale, series::Policy};
use protocol::{
    binding::{Fact, FactKind},
    centre::{CentreReason, Reply},
    code::ActivationCode,
    cryptkey::CryptKey,
    licence::DAY,
};

use super::{
    reserve::{Step, reserve_watched},
    *,
};
use crate::{
    conf::{CentreConf, Lang},
    keys::{
        KeyRing, OpenError, WhichKey,
        tests::{place, vendor},
    },
};

const SERIES: protocol::KeyId = protocol::KeyId(0x672B);
const NOW: i64 = 1_800_000_000;

/// How the way to the centre behaves.
#[derive(Clone, Debug, Default)]
enum Way {
    #[default]
    Good,
    /// The centre gets the request, and its answer is lost.
    AnswerLost,
    /// These bytes come instead, whatever was asked.
    Instead(Vec<u8>),
    /// What the centre said first, again and again.
    Replay,
    /// Nobody answers, and nobody hangs up, until the other side does.
    Silent,
}

/// A vendor's centre behind a socket.
struct World {
    centre: Arc<Mutex<Centre>>,
    way: Arc<Mutex<Way>>,
    said: Arc<Mutex<Vec<Vec<u8>>>>,
    keys: CryptKey,
    url: String,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self::of(SERIES)
    }

    fn of(series: protocol::KeyId) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("centre");
        Centre::make(&data, "phrase", 7_000_001).unwrap();
        let mut centre = Centre::open(&data).unwrap();
        centre.unlock("phrase").unwrap();
        let keys = vendor(series);
        let policy = Policy {
            moves_per_year: 1,
            needs_owner: false,
        };
        centre.add_series(&keys, policy, "test", NOW).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let world = Self {
            centre: Arc::new(Mutex::new(centre)),
            way: Arc::default(),
            said: Arc::default(),
            keys,
            url,
            folder,
        };
        let (centre, way, said) = (
            Arc::clone(&world.centre),
            Arc::clone(&world.way),
            Arc::clone(&world.said),
        );
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &centre, &way.lock().unwrap().clone(), &said);
            }
        });
        world
    }

    fn code(&self) -> ActivationCode {
        let sale = Sale {
            series: self.keys.key_id,
            offer: Offer {
                seats: 3,
                ..Offer::default()
            },
            count: 1,
            order: None,
            customer: None,
            itn: None,
            iec: None,
            ends_at: None,
        };
        let mut centre = self.centre.lock().unwrap();
        centre
            .issue_codes(&sale, "test", NOW)
            .unwrap()
            .remove(0)
            .code
    }

    fn set(&self, way: Way) {
        *self.way.lock().unwrap() = way;
    }

    fn link(&self) -> Link {
        link(&self.url)
    }

    fn computer(&self, name: &str) -> Computer {
        Computer {
            root: self.folder.path().join(name),
            name: name.into(),
            keys: self.keys.clone(),
        }
    }
}

fn link(url: &str) -> Link {
    Link::new(&CentreConf::default(), url.into()).unwrap()
}

fn answer(
    mut stream: TcpStream,
    centre: &Mutex<Centre>,
    way: &Way,
    said: &Mutex<Vec<Vec<u8>>>,
) -> Option<()> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let body = loop {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let length = text.split("content-length: ").nth(1)?;
        let length: usize = length.lines().next()?.trim().parse().ok()?;
        if bytes.len() >= head + 4 + length {
            break bytes[head + 4..head + 4 + length].to_vec();
        }
    };
    if let Way::Instead(bytes) = way {
        return stream.write_all(bytes).ok();
    }
    if matches!(way, Way::Silent) {
        // Ends when the server has lost its patience.
        let _ = stream.read(&mut buffer);
        return None;
    }
    let fresh = centre.lock().unwrap().exchange(&body, "test", NOW).bytes;
    let mut said = said.lock().unwrap();
    said.push(fresh.clone());
    match way {
        Way::AnswerLost => None,
        Way::Replay => http(&mut stream, &said[0]),
        _ => http(&mut stream, &fresh),
    }
}

fn http(stream: &mut TcpStream, body: &[u8]) -> Option<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()
}

/// A computer whose server may be started again and again.
struct Computer {
    root: PathBuf,
    name: String,
    keys: CryptKey,
}

impl Computer {
    /// The server as it comes up after a power failure.
    fn ring(&self) -> KeyRing {
        let places = place(&self.root, &self.keys);
        let mut ring = KeyRing::open(&places, places.config.join("licence.series")).unwrap();
        let fact = |kind, value: &str| Fact {
            kind,
            value: format!("{} {value}", self.name),
        };
        ring.computer.facts = vec![
            fact(FactKind::MachineId, "m"),
            fact(FactKind::DmiUuid, "d"),
            fact(FactKind::DiskSerial, "s"),
            fact(FactKind::Mac, "c"),
        ];
        ring.computer.id = self.name.clone();
        ring.reload();
        ring
    }

    fn workable(&self) -> usize {
        let pool = self.ring().pool(SERIES);
        pool.iter().filter(|key| key.workable).count()
    }
}

fn order(code: &ActivationCode) -> Order {
    Order {
        code: code.clone(),
        itn: None,
        iec: None,
        series: None,
        carrier: None,
    }
}

fn refused(error: CentreError) -> u16 {
    match error {
        CentreError::Refused(refusal) => refusal.reason,
        other => panic!("{other}"),
    }
}

#[test]
fn a_lost_answer_to_an_activation_costs_nothing() {
    let world = World::new();
    let (code, computer) = (world.code(), world.computer("a"));
    world.set(Way::AnswerLost);
    let error = activate(&computer.ring(), &world.link(), &order(&code), NOW).unwrap_err();
    assert!(matches!(error, CentreError::NoAnswer { .. }), "{error}");
    assert_eq!(computer.workable(), 0);
    world.set(Way::Good);
    let ring = computer.ring();
    let installed = activate(&ring, &world.link(), &order(&code), NOW).unwrap();
    assert_eq!(installed.licence.unwrap().private.recovered, None);
    assert_eq!(computer.workable(), 1);
    assert!(pending::all(ring.data()).is_empty());
}

#[test]
fn whatever_is_no_answer_to_this_very_request_is_refused_and_changes_nothing() {
    let world = World::new();
    let computer = world.computer("a");
    activate(&computer.ring(), &world.link(), &order(&world.code()), NOW).unwrap();
    let again = order(&world.code());
    let fail = |way: Way| {
        world.set(way);
        activate(&computer.ring(), &world.link(), &again, NOW).unwrap_err()
    };
    // An old answer, genuine and signed.
    let error = fail(Way::Replay);
    assert!(matches!(error, CentreError::NotWaiting), "{error}");
    let page = |head: &str, body: &[u8]| [head.as_bytes(), body].concat();
    let whole = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    let huge = vec![b'x'; 2_000_000];
    for garbage in [
        page(whole, b"<html>"),
        page(whole, b""),
        page(whole, &huge),
        page(whole, b"L3AN\x02\0\0\0"),
        page(
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            b"",
        ),
    ] {
        let error = fail(Way::Instead(garbage));
        assert!(matches!(error, CentreError::NotACentre { .. }), "{error}");
    }
    for broken in [
        page("SSH-2.0-x\r\n\r\n", b""),
        page("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"short"),
        Vec::new(),
    ] {
        let error = fail(Way::Instead(broken));
        assert!(
            matches!(
                error,
                CentreError::NotACentre { .. } | CentreError::NoAnswer { .. }
            ),
            "{error}"
        );
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = activate(&computer.ring(), &link(&nobody), &again, NOW).unwrap_err();
    assert!(matches!(error, CentreError::Unreachable { .. }), "{error}");
    assert!(!error.text(Lang::Russian).is_empty());
    // Another vendor's signature.
    let stranger = vendor(SERIES);
    let request = prepare(&computer.ring(), &again, NOW).unwrap();
    let Ok(protocol::centre::Message::Activation(body)) =
        protocol::centre::Message::from_bytes(&request)
    else {
        panic!()
    };
    let forged = protocol::centre::Answer {
        id: body.request.id,
        key_id: SERIES,
        at: NOW,
        outcome: protocol::centre::Outcome::Released,
    };
    let forged = forged.to_bytes(&stranger.signing).unwrap();
    let error = accept(&computer.ring(), Reply::from_bytes(&forged).unwrap()).unwrap_err();
    assert!(matches!(error, CentreError::Answer(_)), "{error}");
    world.set(Way::Good);
    activate(&computer.ring(), &world.link(), &again, NOW).unwrap();
    assert_eq!(computer.workable(), 2);
}

#[test]
fn clocks_that_are_a_day_apart_stop_nobody() {
    let world = World::new();
    for (name, clock) in [("fast", NOW + DAY), ("slow", NOW - DAY)] {
        let computer = world.computer(name);
        activate(
            &computer.ring(),
            &world.link(),
            &order(&world.code()),
            clock,
        )
        .unwrap();
        assert_eq!(computer.workable(), 1, "{name}");
    }
}

#[test]
fn a_reserve_code_moves_the_key_wherever_the_power_fails() {
    for cut in [Step::Off, Step::Erased, Step::Answered, Step::Retired] {
        let world = World::new();
        let (code, old, new) = (world.code(), world.computer("old"), world.computer("new"));
        let key_no = activate(&old.ring(), &world.link(), &order(&code), NOW)
            .unwrap()
            .key_no
            .unwrap();
        let mut power = |step| {
            if step == cut {
                Err(CentreError::OtherAnswer)
            } else {
                Ok(())
            }
        };
        let failed = reserve_watched(
            &old.ring(),
            &world.link(),
            (SERIES, key_no),
            NOW,
            &mut power,
        );
        assert!(matches!(failed, Err(CentreError::OtherAnswer)), "{cut:?}");
        // It comes up again: the key does not work here from the first step on, and says why.
        assert_eq!(old.workable(), 0, "{cut:?}");
        if cut != Step::Retired {
            let error = old.ring().installed()[0].error.clone();
            assert_eq!(error, Some(OpenError::GivenBack(key_no)), "{cut:?}");
        }
        let reserve_code = reserve(&old.ring(), &world.link(), (SERIES, key_no), NOW).unwrap();
        // Whoever did not write it down is told again.
        let told = reserve(&old.ring(), &world.link(), (SERIES, key_no), NOW).unwrap();
        assert_eq!(told, reserve_code, "{cut:?}");
        let error = activate(&new.ring(), &world.link(), &order(&code), NOW).unwrap_err();
        assert_eq!(refused(error), CentreReason::UsedElsewhere as u16);
        let moved = activate(&new.ring(), &world.link(), &order(&reserve_code), NOW).unwrap();
        assert_eq!(moved.key_no, Some(key_no), "{cut:?}");
        assert_eq!((old.workable(), new.workable()), (0, 1), "{cut:?}");
    }
}

#[test]
fn a_lost_answer_to_a_key_that_is_given_back_costs_nothing() {
    let world = World::new();
    let (old, new) = (world.computer("old"), world.computer("new"));
    let key_no = activate(&old.ring(), &world.link(), &order(&world.code()), NOW)
        .unwrap()
        .key_no
        .unwrap();
    let mut lose = |step| {
        if step == Step::Off {
            world.set(Way::AnswerLost);
        }
        Ok(())
    };
    let error =
        reserve_watched(&old.ring(), &world.link(), (SERIES, key_no), NOW, &mut lose).unwrap_err();
    assert!(matches!(error, CentreError::NoAnswer { .. }), "{error}");
    world.set(Way::Good);
    let code = reserve(&old.ring(), &world.link(), (SERIES, key_no), NOW).unwrap();
    activate(&new.ring(), &world.link(), &order(&code), NOW).unwrap();
    assert_eq!((old.workable(), new.workable()), (0, 1));
}

#[test]
fn a_centre_that_is_away_or_says_no_leaves_the_key_where_it_is() {
    let world = World::new();
    let (first, second) = (world.computer("first"), world.computer("second"));
    let key_no = activate(&first.ring(), &world.link(), &order(&world.code()), NOW)
        .unwrap()
        .key_no
        .unwrap();
    let error = reserve(
        &first.ring(),
        &link("http://127.0.0.1:1"),
        (SERIES, key_no),
        NOW,
    )
    .unwrap_err();
    assert!(matches!(error, CentreError::Unreachable { .. }), "{error}");
    assert_eq!(first.workable(), 1);
    let code = reserve(&first.ring(), &world.link(), (SERIES, key_no), NOW).unwrap();
    activate(&second.ring(), &world.link(), &order(&code), NOW).unwrap();
    // The vendor allows one move a year.
    let error = reserve(&second.ring(), &world.link(), (SERIES, key_no), NOW).unwrap_err();
    assert_eq!(refused(error), CentreReason::TooManyMoves as u16);
    assert_eq!(second.workable(), 1);
    let error = reserve(&second.ring(), &world.link(), (SERIES, 1), NOW).unwrap_err();
    assert!(
        matches!(error, CentreError::Key(WhichKey::Unknown(1))),
        "{error}"
    );
}

#[test]
fn a_key_goes_back_by_file_and_may_return_to_the_same_computer() {
    let world = World::new();
    let computer = world.computer("a");
    let key_no = activate(&computer.ring(), &world.link(), &order(&world.code()), NOW)
        .unwrap()
        .key_no
        .unwrap();
    let (file, code) = reserve_offline(&computer.ring(), (SERIES, key_no), NOW).unwrap();
    let again = reserve_offline(&computer.ring(), (SERIES, key_no), NOW).unwrap();
    assert_eq!((&again.0, &again.1), (&file, &code));
    assert_eq!(computer.workable(), 0);
    // Before the vendor has the file, the code is none.
    let error = activate(&computer.ring(), &world.link(), &order(&code), NOW).unwrap_err();
    assert_eq!(refused(error), CentreReason::UnknownCode as u16);
    let answer = world
        .centre
        .lock()
        .unwrap()
        .exchange(&file, "mail", NOW)
        .bytes;
    let reply = || Reply::from_bytes(&answer).unwrap();
    // The code is activated here before the answer is: the key works, and the answer is not needed any more.
    activate(&computer.ring(), &world.link(), &order(&code), NOW).unwrap();
    assert_eq!(computer.workable(), 1);
    let error = accept(&computer.ring(), reply()).unwrap_err();
    assert!(matches!(error, CentreError::NotWaiting), "{error}");
    assert_eq!(computer.workable(), 1);
}

#[test]
fn an_answer_file_finishes_what_an_offline_request_began() {
    let world = World::new();
    let computer = world.computer("a");
    let key_no = activate(&computer.ring(), &world.link(), &order(&world.code()), NOW)
        .unwrap()
        .key_no
        .unwrap();
    let (file, code) = reserve_offline(&computer.ring(), (SERIES, key_no), NOW).unwrap();
    let answer = world
        .centre
        .lock()
        .unwrap()
        .exchange(&file, "mail", NOW)
        .bytes;
    let reply = || Reply::from_bytes(&answer).unwrap();
    let Ok(Accepted::GivenBack(told)) = accept(&computer.ring(), reply()) else {
        panic!()
    };
    assert_eq!(told, code);
    assert!(computer.ring().installed().is_empty());
    assert!(matches!(
        accept(&computer.ring(), reply()),
        Err(CentreError::NotWaiting)
    ));
}

#[test]
fn a_renewal_brings_changes_and_ends_a_key_that_the_vendor_took_back() {
    let world = World::new();
    let computer = world.computer("a");
    let ring = computer.ring();
    let installed = activate(&ring, &world.link(), &order(&world.code()), NOW).unwrap();
    let key_no = installed.key_no.unwrap();
    assert!(is_renewable(&ring.installed()[0]));
    let change = licencecenter::centre::codes::Change {
        seats: Some(8),
        ..Default::default()
    };
    let centre = || world.centre.lock().unwrap();
    centre().change_key(key_no, &change, "test", NOW).unwrap();
    renew(&ring, &world.link(), &ring.installed()[0], NOW).unwrap();
    let licence = ring.installed()[0].licence.clone().unwrap();
    assert_eq!(licence.voucher.licence_count, 8);
    assert_eq!(licence.private.update_date, Some(NOW));
    assert!(licence.private.activation_code.is_some());
    // An old answer, or one to what is not here any more, changes nothing.
    world.set(Way::Replay);
    let error = renew(&ring, &world.link(), &ring.installed()[0], NOW).unwrap_err();
    assert!(matches!(error, CentreError::NotWaiting), "{error}");
    world.set(Way::Good);
    let stale = ring.installed()[0].clone();
    renew(&ring, &world.link(), &stale, NOW).unwrap();
    let error = renew(&ring, &world.link(), &stale, NOW).unwrap_err();
    assert!(
        matches!(error, CentreError::Key(WhichKey::Unknown(_))),
        "{error}"
    );
    assert_eq!(computer.workable(), 1);
    centre().revoke_key(key_no, "test", NOW).unwrap();
    let error = renew(&ring, &world.link(), &ring.installed()[0], NOW).unwrap_err();
    assert_eq!(refused(error), CentreReason::Revoked as u16);
    assert_eq!(computer.workable(), 0);
    assert!(
        computer
            .ring()
            .data()
            .join("retired")
            .read_dir()
            .unwrap()
            .count()
            == 1
    );
}

#[test]
fn each_vendors_codes_and_keys_go_to_his_own_centre() {
    let world = World::new();
    let computer = world.computer("a");
    let ring = computer.ring();
    let plain = CentreConf::default();
    let common = CentreConf {
        url: Some("https://common.example".into()),
        ..CentreConf::default()
    };
    let other = protocol::KeyId(0x0002);
    let url = |link: Result<Link, CentreError>| link.map(|link| link.url().to_owned());
    assert!(matches!(
        Link::of_order(&plain, &ring, None),
        Err(CentreError::NoAddress)
    ));
    assert_eq!(
        url(Link::of_order(&common, &ring, None)).unwrap(),
        "https://common.example"
    );
    // Another vendor's product comes with a file of its own.
    let second = protocol::series::Series {
        centre: Some(world.url.clone()),
        ..protocol::series::Series::new(other, "Shop", vendor(other).signing.public().unwrap())
    };
    let folder = computer.root.join("config/series.d");
    std::fs::create_dir_all(&folder).unwrap();
    let text = protocol::series::with("", &second);
    std::fs::write(folder.join("shop.series"), text).unwrap();
    ring.reload();
    assert_eq!(url(Link::of_order(&plain, &ring, None)).unwrap(), world.url);
    let error = Link::of_order(&common, &ring, None).unwrap_err();
    let CentreError::WhichSeries(names) = &error else {
        panic!("{error}")
    };
    assert!(names.contains(&"0002 Shop".to_owned()), "{names:?}");
    assert!(error.text(Lang::Russian).contains("--serie"));
    for (series, expected) in [
        (SERIES, "https://common.example"),
        (other, world.url.as_str()),
    ] {
        assert_eq!(
            url(Link::of_order(&common, &ring, Some(series))).unwrap(),
            expected
        );
    }
    // A key goes back to the centre of its own series, also when its file is gone already.
    let code = world.code();
    let key_no = activate(&ring, &world.link(), &order(&code), NOW)
        .unwrap()
        .key_no
        .unwrap();
    assert_eq!(which(&ring, key_no, None), Ok((SERIES, key_no)));
    reserve(&ring, &world.link(), (SERIES, key_no), NOW).unwrap();
    assert!(ring.installed().is_empty());
    assert_eq!(which(&ring, key_no, None), Ok((SERIES, key_no)));
    assert_eq!(which(&ring, 1, None), Err(WhichKey::Unknown(1)));
}

#[test]
fn keys_of_two_vendors_with_one_number_are_never_taken_for_each_other() {
    let (ours, other) = (World::new(), World::of(protocol::KeyId(0x0002)));
    let shop = other.keys.key_id;
    let computer = ours.computer("a");
    let folder = computer.root.join("config/series.d");
    std::fs::create_dir_all(&folder).unwrap();
    let public = other.keys.signing.public().unwrap();
    let text = protocol::series::with("", &protocol::series::Series::new(shop, "Shop", public));
    std::fs::write(folder.join("shop.series"), text).unwrap();
    let ring = computer.ring();
    let activated = |world: &World| {
        let order = Order {
            series: Some(world.keys.key_id),
            ..order(&world.code())
        };
        let installed = activate(&ring, &world.link(), &order, NOW).unwrap();
        installed.key_no.unwrap()
    };
    let key_no = activated(&ours);
    assert_eq!(
        activated(&other),
        key_no,
        "every centre begins at one number"
    );
    let ambiguous = |result: Result<(protocol::KeyId, u32), WhichKey>| {
        let text = result.unwrap_err().text(Lang::Russian);
        assert!(
            text.contains("0002 Shop") && text.contains("672B"),
            "{text}"
        );
    };
    ambiguous(which(&ring, key_no, None));
    ambiguous(ring.which(key_no, None).map(|key_id| (key_id, key_no)));
    let third = Some(protocol::KeyId(3));
    assert_eq!(which(&ring, key_no, third), Err(WhichKey::Unknown(key_no)));
    let key = which(&ring, key_no, Some(shop)).unwrap();
    let code = reserve(&ring, &other.link(), key, NOW).unwrap();
    let left = ring.installed();
    assert_eq!((left.len(), left[0].key_id), (1, Some(SERIES)));
    // Who asks again for the code does not lose the other key by that.
    ambiguous(which(&ring, key_no, None));
    assert_eq!(reserve(&ring, &other.link(), key, NOW).unwrap(), code);
    let key = (SERIES, key_no);
    let (_, second) = reserve_offline(&ring, key, NOW).unwrap();
    assert_ne!(second, code, "each key has a code of its own");
    assert_eq!(ring.which(key_no, None), Ok(SERIES));
}

#[test]
fn a_centre_that_was_restored_ends_no_licence() {
    let world = World::new();
    let (old, new) = (world.computer("old"), world.computer("new"));
    let code = world.code();
    let key_no = activate(&old.ring(), &world.link(), &order(&code), NOW)
        .unwrap()
        .key_no
        .unwrap();
    let backup = world.folder.path().join("backup");
    let mut centre = world.centre.lock().unwrap();
    centre.backup(&backup, "phrase", "test", NOW).unwrap();
    drop(centre);
    let code = reserve(&old.ring(), &world.link(), (SERIES, key_no), NOW).unwrap();
    activate(&new.ring(), &world.link(), &order(&code), NOW).unwrap();
    let place = world.folder.path().join("again");
    licencecenter::centre::backup::restore(&place, &backup, "phrase", "test", NOW).unwrap();
    let mut restored = Centre::open(&place).unwrap();
    restored.unlock("phrase").unwrap();
    *world.centre.lock().unwrap() = restored;
    let ring = new.ring();
    let error = renew(&ring, &world.link(), &ring.installed()[0], NOW).unwrap_err();
    assert_eq!(refused(error), CentreReason::CentreRestored as u16);
    let error = reserve(&ring, &world.link(), (SERIES, key_no), NOW).unwrap_err();
    assert_eq!(refused(error), CentreReason::CentreRestored as u16);
    assert_eq!(new.workable(), 1);
}

#[test]
fn a_centre_that_is_slow_is_waited_for_so_long_and_the_same_command_goes_on_later() {
    let world = World::new();
    let (code, computer) = (world.code(), world.computer("a"));
    let hasty = || {
        let patience = std::time::Duration::from_millis(300);
        Link::patient(&CentreConf::default(), world.url.clone(), patience).unwrap()
    };
    world.set(Way::Silent);
    let ring = computer.ring();
    let error = activate(&ring, &hasty(), &order(&code), NOW).unwrap_err();
    assert!(matches!(error, CentreError::NoAnswer { .. }), "{error}");
    world.set(Way::Good);
    let installed = activate(&ring, &world.link(), &order(&code), NOW).unwrap();
    // Its renewal is not answered either: it works on.
    world.set(Way::Silent);
    let error = renew(&ring, &hasty(), &installed, NOW).unwrap_err();
    assert!(matches!(error, CentreError::NoAnswer { .. }), "{error}");
    let key_no = installed.key_no.unwrap();
    let error = reserve(&ring, &hasty(), (SERIES, key_no), NOW).unwrap_err();
    assert!(matches!(error, CentreError::NoAnswer { .. }), "{error}");
    assert_eq!(computer.workable(), 1);
}

#[test]
fn no_answer_with_one_byte_altered_is_acted_on() {
    let world = World::new();
    let (code, computer) = (world.code(), world.computer("a"));
    let ring = computer.ring();
    let request = prepare(&ring, &order(&code), NOW).unwrap();
    let answer = world
        .centre
        .lock()
        .unwrap()
        .exchange(&request, "x", NOW)
        .bytes;
    for at in 0..answer.len() {
        let mut altered = answer.clone();
        altered[at] ^= 1 << (at % 8);
        let taken = Reply::from_bytes(&altered)
            .map_err(CentreError::Answer)
            .and_then(|reply| accept(&ring, reply));
        assert!(taken.is_err(), "byte {at}");
        let cut = Reply::from_bytes(&answer[..at]);
        assert!(cut.is_err(), "cut to {at}");
    }
    assert!(ring.installed().is_empty());
    accept(&ring, Reply::from_bytes(&answer).unwrap()).unwrap();
    assert_eq!(computer.workable(), 1);
}

#[test]
fn a_container_that_comes_up_anew_with_its_data_activates_anew() {
    let world = World::new();
    let old = world.computer("a");
    activate(&old.ring(), &world.link(), &order(&world.code()), NOW).unwrap();
    let new = Computer {
        root: old.root.clone(),
        name: "b".into(),
        keys: old.keys.clone(),
    };
    assert_eq!(new.workable(), 0);
    let ring = new.ring();
    activate(&ring, &world.link(), &order(&world.code()), NOW).unwrap();
    assert_eq!(new.workable(), 1);
    let kept = ring.data().join("retired/server.holder.1");
    assert!(kept.exists(), "the former holder key is kept");
}

#[test]
fn a_damaged_reserve_file_says_what_to_do_and_the_key_works_again_without_it() {
    let world = World::new();
    let computer = world.computer("a");
    let ring = computer.ring();
    let installed = activate(&ring, &world.link(), &order(&world.code()), NOW).unwrap();
    let key = (SERIES, installed.key_no.unwrap());
    reserve_offline(&ring, key, NOW).unwrap();
    let file = ring.data().join(format!("{SERIES}.{}.reserve", key.1));
    let good = std::fs::read(&file).unwrap();
    for bad in [&good[..good.len() - 1], b"", b"not ours"] {
        std::fs::write(&file, bad).unwrap();
        ring.reload();
        let error = ring.installed()[0].error.clone().unwrap();
        assert!(matches!(error, OpenError::ReserveDamaged(..)), "{error:?}");
        for text in [error.text(Lang::English), error.text(Lang::Russian)] {
            assert!(text.contains(".reserve"), "{text}");
        }
        assert_eq!(which(&ring, key.1, None), Ok(key));
        let told = reserve(&ring, &world.link(), key, NOW).unwrap_err();
        assert!(told.to_string().contains("delete the file"), "{told}");
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(computer.workable(), 1);
    std::fs::write(&file, good).unwrap();
    assert_eq!(computer.workable(), 0);
    reserve(&computer.ring(), &world.link(), key, NOW).unwrap();
}

#[test]
fn a_signed_word_that_the_key_is_not_here_ends_it_and_does_not_bring_it_back() {
    let world = World::new();
    let computer = world.computer("a");
    let ring = computer.ring();
    let installed = activate(&ring, &world.link(), &order(&world.code()), NOW).unwrap();
    let key_no = installed.key_no.unwrap();
    let (file, _) = reserve_offline(&ring, (SERIES, key_no), NOW).unwrap();
    let mut centre = world.centre.lock().unwrap();
    centre.revoke_key(key_no, "test", NOW).unwrap();
    let answer = centre.exchange(&file, "mail", NOW).bytes;
    drop(centre);
    let error = accept(&ring, Reply::from_bytes(&answer).unwrap()).unwrap_err();
    assert_eq!(refused(error), CentreReason::Revoked as u16);
    assert_eq!(computer.workable(), 0);
    assert!(computer.ring().installed().is_empty());
}
