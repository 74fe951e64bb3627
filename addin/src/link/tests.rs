//! Objects against servers in memory: taking and giving seats, failover, grace, hostile answers.

mod failover;
mod fake;

use std::{
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use protocol::{Reason, wire::message::LostSession};

use self::fake::{Fake, Vendor, in_background};
use crate::{
    native::host::HostHandle,
    object::{Object, SessionArguments},
    table::Value,
};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn object(vendor: &Vendor, servers: &[&Fake], session: i32) -> Object {
    let object = Object::new(HostHandle::detached());
    let first = servers[0];
    object.set_server_addr(&first.address.host).unwrap();
    object.set_server_port(first.address.port.into()).unwrap();
    let rest: Vec<_> = servers[1..]
        .iter()
        .map(|fake| fake.address.to_string())
        .collect();
    object.set_reserved_servers(&rest.join(",")).unwrap();
    object.set_key_id("672B").unwrap();
    let key = vendor.keys.signing.public().unwrap().to_string();
    object.set_public_key(&key).unwrap();
    object
        .set_session(&SessionArguments {
            infobase: "Srvr=\"app\";Ref=\"t\";",
            number: session,
            started: Value::EMPTY_DATE,
            user_name: "u",
            computer_name: "c",
            app_name: "1CV8C",
            parent: "",
        })
        .unwrap();
    object
}

fn one() -> (Arc<Vendor>, Arc<Fake>) {
    let vendor = Arc::new(Vendor::new());
    let fake = Fake::start(&vendor);
    (vendor, fake)
}

/// Waits for what must come.
#[track_caller]
fn until(condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < PATIENCE, "it did not come");
        thread::sleep(Duration::from_millis(2));
    }
}

fn reason<T: std::fmt::Debug>(result: Result<T, crate::table::CallError>) -> Reason {
    result.unwrap_err().reason()
}

#[test]
fn a_seat_is_taken_and_given_back_and_the_object_opens() {
    let (vendor, fake) = one();
    let object = object(&vendor, &[&fake], 1);
    object
        .load_data(Value::Blob(vendor.datafile(b"the report")))
        .unwrap();
    object.connect().unwrap();
    assert!(object.connected());
    assert_eq!(object.current_server(), fake.address.to_string());
    assert_eq!(object.connection_id().len(), 32);
    assert_eq!(reason(object.object("Report")), Reason::NoLicenceObtained);
    object.obtain_licence(1).unwrap();
    assert!(object.licence_obtained());
    assert_eq!(object.used_licence(), 7_131_766);
    assert_eq!(object.check_flag(2), Ok(true));
    assert_eq!(object.check_flag(1), Ok(false));
    assert_eq!(object.parameter("Region"), Ok(Some("77".into())));
    assert!(object.licence_info().unwrap().contains("\"KeyNo\":7131766"));
    assert!(object.server_info().unwrap().contains("3.0"));
    let deferred = object.object("Report").unwrap();
    let mut buffer = vec![0; deferred.length()];
    deferred.write(&mut buffer).unwrap();
    assert_eq!(buffer, b"the report");
    object.release_licence().unwrap();
    assert!(!object.licence_obtained());
    fake.wait(|mood| mood.released == 1 && mood.sessions.is_empty());
    object.done();
    fake.wait(|mood| mood.byes == 1);
}

#[test]
fn objects_of_a_process_share_one_connection_and_a_session_s_objects_one_seat() {
    let (vendor, fake) = one();
    let objects: Vec<_> = (0..40)
        .map(|number| object(&vendor, &[&fake], 1 + number % 4))
        .collect();
    let barrier = Barrier::new(objects.len());
    thread::scope(|scope| {
        for object in &objects {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                object.connect().unwrap();
                object.obtain_licence(0).unwrap();
            });
        }
    });
    {
        let mood = fake.mood.lock();
        assert_eq!((mood.handshakes, mood.sessions.len()), (1, 4));
    }
    // The seat goes with the last object of its session.
    for object in &objects[..36] {
        object.done();
    }
    assert_eq!(fake.mood.lock().released, 0);
    for object in &objects[36..] {
        object.done();
    }
    fake.wait(|mood| mood.released == 4 && mood.byes == 1);
}

#[test]
fn no_call_waits_for_another_s_answer() {
    let (vendor, fake) = one();
    // No Acquire is answered before all are there.
    fake.set(|mood| mood.gather = 20);
    let objects: Vec<_> = (0..20)
        .map(|number| object(&vendor, &[&fake], 1 + number))
        .collect();
    thread::scope(|scope| {
        for object in &objects {
            scope.spawn(|| {
                object.connect().unwrap();
                object.obtain_licence(0).unwrap();
            });
        }
    });
    assert_eq!(fake.mood.lock().sessions.len(), 20);
}

#[test]
fn hundreds_of_calls_from_many_threads_stay_within_the_server_s_window() {
    let (vendor, fake) = one();
    let objects: Vec<_> = (0..48)
        .map(|number| object(&vendor, &[&fake], 1 + number))
        .collect();
    objects[0].connect().unwrap();
    thread::scope(|scope| {
        for object in &objects {
            scope.spawn(|| {
                object.connect().unwrap();
                for _ in 0..10 {
                    object.server_info().unwrap();
                }
            });
        }
    });
    assert_eq!(fake.mood.lock().handshakes, 1);
}

#[test]
fn what_a_server_must_not_be_has_its_own_reason() {
    let (vendor, fake) = one();
    let connect = |change: &dyn Fn(&mut fake::Mood)| {
        fake.set(|mood| *mood = fake::Mood::default());
        fake.set(change);
        reason(object(&vendor, &[&fake], 1).connect())
    };
    assert_eq!(
        connect(&|mood| mood.refuse = Some(Reason::NoLicence)),
        Reason::NoLicence
    );
    assert_eq!(
        connect(&|mood| mood.version = Some("2.1.0.0".into())),
        Reason::OldVersion
    );
    assert_eq!(
        connect(&|mood| mood.version = Some("x".into())),
        Reason::BadMessage
    );
    let stranger = object(&Vendor::new(), &[&fake], 1);
    fake.set(|mood| *mood = fake::Mood::default());
    assert_eq!(reason(stranger.connect()), Reason::NotTrusted);
}

#[test]
fn a_restarted_server_gets_its_sessions_back_without_a_word() {
    let (vendor, fake) = one();
    let object = object(&vendor, &[&fake], 1);
    object
        .load_data(Value::Blob(vendor.datafile(b"x")))
        .unwrap();
    object.connect().unwrap();
    object.obtain_licence(0).unwrap();
    fake.forget_channels();
    assert!(object.object("Report").is_ok());
    assert_eq!(fake.mood.lock().resumed, 1);
    assert!(object.licence_obtained());
    // Even when the server kept nothing at all.
    fake.set(|mood| mood.forgets_sessions = true);
    fake.forget_channels();
    assert!(object.object("Report").is_ok());
    assert!(object.licence_obtained());
    object.done();
}

#[test]
fn a_server_that_falls_silent_begins_grace_and_ends_it_when_it_answers_again() {
    let (vendor, fake) = one();
    let object = object(&vendor, &[&fake], 1);
    object
        .load_data(Value::Blob(vendor.datafile(b"x")))
        .unwrap();
    object.connect().unwrap();
    object.obtain_licence(0).unwrap();
    object.object("Report").unwrap();
    fake.set(|mood| mood.silent = true);
    until(|| object.grace_until() != Value::EMPTY_DATE);
    assert!(object.licence_obtained() && !object.connected());
    // Opened before, it opens again; a seat that is held needs no server.
    assert!(object.object("Report").is_ok());
    assert_eq!(object.obtain_licence(0), Ok(()));
    fake.set(|mood| mood.silent = false);
    until(|| object.grace_until() == Value::EMPTY_DATE && object.connected());
    assert!(object.licence_obtained());
    assert_eq!(fake.mood.lock().sessions.len(), 1);
}

#[test]
fn heartbeats_go_on_by_themselves_and_bring_the_administrator_s_word() {
    let (vendor, fake) = one();
    let object = object(&vendor, &[&fake], 1);
    object.connect().unwrap();
    object.obtain_licence(0).unwrap();
    fake.wait(|mood| mood.heartbeats >= 1);
    fake.set(|mood| {
        let session = mood.sessions[0];
        mood.end(session);
        mood.lost.push(LostSession {
            session,
            reason: Reason::ReleasedByAdministrator,
            message: Some("maintenance".into()),
        });
    });
    until(|| !object.licence_obtained());
    let error = object.licence_info().unwrap_err();
    assert_eq!(error.reason(), Reason::ReleasedByAdministrator);
    assert!(error.ru.contains("maintenance"));
    assert_eq!(object.obtain_licence(0), Ok(()));
}

#[test]
fn a_server_without_a_free_seat_gives_way_to_the_next_and_all_are_listed() {
    let vendor = Arc::new(Vendor::new());
    let (full, reserve) = (Fake::start(&vendor), Fake::start(&vendor));
    full.set(|mood| mood.deny = Some(Reason::NoSeats));
    let first = object(&vendor, &[&full, &reserve], 1);
    first.connect().unwrap();
    assert_eq!(first.current_server(), full.address.to_string());
    first.obtain_licence(0).unwrap();
    assert_eq!(first.current_server(), reserve.address.to_string());

    reserve.set(|mood| mood.deny = Some(Reason::NoFlags));
    let second = object(&vendor, &[&full, &reserve], 2);
    second.connect().unwrap();
    let error = second.obtain_licence(0).unwrap_err();
    assert_eq!(error.reason(), Reason::NoSeats);
    for fake in [&full, &reserve] {
        assert!(error.en.contains(&fake.address.to_string()), "{}", error.en);
    }
    assert!(!second.licence_obtained() && first.licence_obtained());
}

#[test]
fn a_server_without_the_licence_gives_way_to_the_next_at_connect() {
    let vendor = Arc::new(Vendor::new());
    let (without, with) = (Fake::start(&vendor), Fake::start(&vendor));
    without.set(|mood| mood.refuse = Some(Reason::NoLicence));
    let object = object(&vendor, &[&without, &with], 1);
    object.connect().unwrap();
    assert_eq!(object.current_server(), with.address.to_string());
}

#[test]
fn done_during_a_silent_call_returns_and_the_seat_is_not_kept() {
    let (vendor, fake) = one();
    let object = Arc::new(object(&vendor, &[&fake], 1));
    object.connect().unwrap();
    fake.set(|mood| mood.gather = 2);
    let calling = Arc::clone(&object);
    let obtained = in_background(move || {
        let _ = calling.obtain_licence(0);
    });
    fake.wait(|mood| mood.waiting == 1);
    object.done();
    fake.set(|mood| mood.gather = 0);
    obtained.recv().unwrap();
    assert!(!object.licence_obtained());
    fake.wait(|mood| mood.sessions.is_empty());
}

#[test]
fn who_disconnects_takes_no_seat_from_another_object_of_the_session() {
    let (vendor, fake) = one();
    let objects: Vec<_> = (0..2).map(|_| object(&vendor, &[&fake], 1)).collect();
    for object in &objects {
        object.connect().unwrap();
        object.obtain_licence(0).unwrap();
    }
    objects[0].disconnect().unwrap();
    assert!(!objects[0].licence_obtained() && !objects[0].connected());
    assert_eq!(reason(objects[0].obtain_licence(0)), Reason::NotConnected);
    assert!(objects[1].licence_obtained());
    assert_eq!(fake.mood.lock().released, 0);
    objects[1].disconnect().unwrap();
    fake.wait(|mood| mood.released == 1 && mood.sessions.is_empty() && mood.byes == 1);
}

#[test]
fn a_session_that_comes_back_at_once_keeps_its_seat() {
    let (vendor, fake) = one();
    let keeper = object(&vendor, &[&fake], 1);
    keeper.connect().unwrap();
    for _ in 0..50 {
        let object = object(&vendor, &[&fake], 2);
        object.connect().unwrap();
        object.obtain_licence(0).unwrap();
        object.done();
    }
    keeper.done();
    fake.wait(|mood| mood.sessions.is_empty() && mood.byes == 1);
}

#[test]
fn a_release_that_arrives_late_does_not_free_the_seat_of_the_session_s_next_object() {
    let (vendor, fake) = one();
    let former = object(&vendor, &[&fake], 1);
    former.connect().unwrap();
    former.obtain_licence(0).unwrap();
    fake.set(|mood| mood.late_release = true);
    // The last object of its connection; the server hears of that in the background.
    former.done();
    let next = object(&vendor, &[&fake], 1);
    next.connect().unwrap();
    next.obtain_licence(0).unwrap();
    fake.wait(|mood| mood.released == 1 && mood.byes == 1);
    assert_eq!(fake.mood.lock().sessions.len(), 1);
    // The same when only the settings change.
    fake.set(|mood| mood.waiting = 0);
    next.set_access_code("another").unwrap();
    next.connect().unwrap();
    next.obtain_licence(0).unwrap();
    fake.wait(|mood| mood.released == 2);
    assert_eq!(fake.mood.lock().sessions.len(), 1);
}

#[test]
fn answers_that_answer_nothing_do_not_use_the_channel_up() {
    let (vendor, fake) = one();
    // A heartbeat that is answered so takes the server for away.
    fake.set(|mood| mood.heartbeat_seconds = Some(60));
    let object = object(&vendor, &[&fake], 1);
    object.connect().unwrap();
    fake.set(|mood| mood.odd = true);
    // More than may be outstanding.
    for _ in 0..40 {
        assert_eq!(reason(object.server_info()), Reason::BadMessage);
    }
    fake.set(|mood| mood.odd = false);
    until(|| object.server_info().is_ok());
}
