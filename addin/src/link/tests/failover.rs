//! Servers that fall silent, come back, forget or are full: who has a seat when, and where.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use protocol::{Reason, facts::SessionFacts, wire::message::LostSession};

use super::{
    PATIENCE,
    fake::{self, Fake, Vendor, in_background},
    object, one, reason, until,
};
use crate::{
    link::{
        Key, Owner,
        order::Raced,
        seats::{Leave, Owed},
    },
    native::host::{HostHandle, PlatformInfo},
    object::Object,
    place::Place,
    table::Value,
};

fn two() -> (Arc<Vendor>, Arc<Fake>, Arc<Fake>) {
    let vendor = Arc::new(Vendor::new());
    let (primary, reserve) = (Fake::start(&vendor), Fake::start(&vendor));
    (vendor, primary, reserve)
}

fn seated(vendor: &Vendor, servers: &[&Fake], session: i32) -> Object {
    let object = object(vendor, servers, session);
    object.connect().unwrap();
    object.obtain_licence(0).unwrap();
    object
}

fn in_grace(object: &Object) -> bool {
    object.grace_until() != Value::EMPTY_DATE
}

#[test]
fn a_session_moves_to_the_reserve_returns_at_once_and_leaves_nothing_behind() {
    let (vendor, primary, reserve) = two();
    let object = seated(&vendor, &[&primary, &reserve], 1);
    primary.set(|mood| mood.silent = true);
    until(|| object.current_server() == reserve.address.to_string());
    assert!(object.licence_obtained() && object.connected() && !in_grace(&object));
    primary.set(|mood| mood.silent = false);
    until(|| object.current_server() == primary.address.to_string());
    assert!(object.licence_obtained());
    reserve.wait(|mood| mood.sessions.is_empty() && mood.moved == 1);
    assert_eq!(primary.mood.lock().sessions.len(), 1);

    // A second time within five minutes it stays where it is, and gives its seat at the primary back.
    primary.set(|mood| mood.silent = true);
    until(|| object.current_server() == reserve.address.to_string());
    primary.set(|mood| mood.silent = false);
    primary.wait(|mood| mood.sessions.is_empty());
    assert_eq!(object.current_server(), reserve.address.to_string());
    assert!(object.licence_obtained());
    object.done();
    reserve.wait(|mood| mood.sessions.is_empty() && mood.byes == 1);
}

#[test]
fn in_grace_a_reserve_s_denial_is_not_final_and_the_primary_gives_the_seat_again() {
    let (vendor, primary, reserve) = two();
    reserve.set(|mood| mood.seats = Some(2));
    let objects: Vec<_> = (0..6)
        .map(|number| seated(&vendor, &[&primary, &reserve], 1 + number))
        .collect();
    primary.set(|mood| mood.silent = true);
    reserve.wait(|mood| mood.sessions.len() == 2);
    until(|| objects.iter().filter(|object| in_grace(object)).count() == 4);
    assert!(objects.iter().all(Object::licence_obtained));
    primary.set(|mood| mood.silent = false);
    let at_primary = |object: &&Object| object.current_server() == primary.address.to_string();
    until(|| objects.iter().filter(at_primary).count() == 6);
    until(|| !objects.iter().any(in_grace));
    assert!(objects.iter().all(Object::licence_obtained));
    reserve.wait(|mood| mood.sessions.is_empty());
    assert_eq!(primary.mood.lock().sessions.len(), 6);
}

#[test]
fn when_grace_ends_in_silence_work_ends_but_the_server_may_still_give_the_seat_back() {
    let (vendor, fake) = one();
    fake.set(|mood| mood.grace_seconds = Some(5));
    let object = seated(&vendor, &[&fake], 1);
    fake.set(|mood| mood.silent = true);
    until(|| in_grace(&object));
    assert!(object.licence_obtained());
    until(|| !object.licence_obtained());
    assert_eq!(reason(object.licence_info()), Reason::LicenceLost);
    fake.set(|mood| mood.silent = false);
    until(|| object.licence_obtained());
    assert!(!in_grace(&object));
}

#[test]
fn a_refusal_by_the_seat_s_own_server_is_final_only_after_grace() {
    let (vendor, fake) = one();
    fake.set(|mood| mood.grace_seconds = Some(6));
    let object = seated(&vendor, &[&fake], 1);
    fake.set(|mood| mood.silent = true);
    until(|| in_grace(&object));
    // It was restarted without its ledger, and others were faster.
    fake.set(|mood| {
        mood.forgets_sessions = true;
        mood.seats = Some(0);
        mood.silent = false;
    });
    fake.forget_channels();
    fake.wait(|mood| mood.waiting >= 2);
    assert!(object.licence_obtained() && in_grace(&object));
    until(|| !object.licence_obtained());
    until(|| reason(object.licence_info()) == Reason::NoSeats);
    fake.set(|mood| mood.seats = None);
    assert_eq!(object.obtain_licence(0), Ok(()));
}

/// The server is silent until the component has noticed, and then answers again.
fn blip(fake: &Fake, object: &Object) {
    fake.set(|mood| mood.silent = true);
    until(|| !object.connected());
    fake.set(|mood| mood.silent = false);
    until(|| object.connected());
}

#[test]
fn a_session_without_a_seat_stays_in_grace_however_often_its_server_comes_and_goes() {
    let (vendor, fake) = one();
    let object = seated(&vendor, &[&fake], 1);
    fake.set(|mood| mood.silent = true);
    until(|| in_grace(&object));
    // It was restarted without its ledger, and others were faster.
    fake.set(|mood| {
        mood.forgets_sessions = true;
        mood.seats = Some(0);
        mood.silent = false;
    });
    fake.forget_channels();
    fake.wait(|mood| mood.waiting >= 2);
    blip(&fake, &object);
    assert!(object.licence_obtained() && in_grace(&object));
    // It is still asked for, and what is granted is kept.
    fake.set(|mood| mood.seats = None);
    blip(&fake, &object);
    until(|| !in_grace(&object));
    assert_eq!(fake.mood.lock().sessions.len(), 1);
}

#[test]
fn a_seat_that_was_taken_away_is_not_there_again_because_its_server_answers_again() {
    let (vendor, fake) = one();
    let object = seated(&vendor, &[&fake], 1);
    fake.set(|mood| {
        let session = mood.sessions[0];
        mood.end(session);
        mood.seats = Some(0);
        // Who asks for it again hears nothing, whereupon the server seems to be away.
        mood.gather = usize::MAX;
        mood.lost.push(LostSession {
            session,
            reason: Reason::LicenceLost,
            message: None,
        });
    });
    until(|| !object.connected());
    fake.set(|mood| mood.gather = 0);
    until(|| object.connected());
    assert!(object.licence_obtained() && in_grace(&object));
    fake.set(|mood| mood.seats = None);
    blip(&fake, &object);
    until(|| !in_grace(&object));
    assert_eq!(fake.mood.lock().sessions.len(), 1);
}

#[test]
fn a_seat_that_its_server_took_away_is_asked_for_again_before_it_is_lost() {
    let (vendor, fake) = one();
    let object = seated(&vendor, &[&fake], 1);
    let take = |fake: &Fake| {
        fake.set(|mood| {
            let session = mood.sessions[0];
            mood.end(session);
            mood.lost.push(LostSession {
                session,
                reason: Reason::LicenceLost,
                message: None,
            });
        });
        fake.wait(|mood| mood.lost.is_empty());
    };
    take(&fake);
    fake.wait(|mood| mood.sessions.len() == 1);
    assert!(object.licence_obtained());
    fake.set(|mood| mood.seats = Some(0));
    take(&fake);
    until(|| !object.licence_obtained());
    assert_eq!(reason(object.licence_info()), Reason::LicenceLost);
}

#[test]
fn what_was_given_up_while_the_server_was_away_is_given_back_when_it_answers() {
    let (vendor, fake) = one();
    let keeper = seated(&vendor, &[&fake], 1);
    let released = seated(&vendor, &[&fake], 2);
    let dropped = seated(&vendor, &[&fake], 3);
    fake.set(|mood| mood.silent = true);
    until(|| in_grace(&keeper) && in_grace(&released));
    released.release_licence().unwrap();
    assert!(!released.licence_obtained());
    dropped.done();
    fake.set(|mood| mood.silent = false);
    fake.wait(|mood| mood.sessions.len() == 1 && mood.released == 2);
    until(|| keeper.connected());
    assert!(keeper.licence_obtained() && !in_grace(&keeper));
}

#[test]
fn a_seat_that_comes_too_late_is_given_back_and_the_call_went_on_to_the_reserve() {
    let (vendor, primary, reserve) = two();
    let object = object(&vendor, &[&primary, &reserve], 1);
    object.connect().unwrap();
    // The primary lives, but does not get on with this request.
    primary.set(|mood| mood.gather = 2);
    object.obtain_licence(0).unwrap();
    assert_eq!(object.current_server(), reserve.address.to_string());
    primary.set(|mood| mood.gather = 0);
    primary.wait(|mood| mood.moved == 1 && mood.sessions.is_empty());
    assert!(object.licence_obtained());
    assert_eq!(reserve.mood.lock().sessions.len(), 1);
}

/// A connection without an object around it.
fn connection(vendor: &Vendor, servers: &[&Fake]) -> Owner {
    let key = Key {
        key_id: fake::SERIES,
        public_keys: vendor.keys.public_keys().unwrap(),
        servers: servers.iter().map(|fake| fake.address.clone()).collect(),
        access_code: String::new(),
    };
    let place = Place::current(&PlatformInfo::default());
    Owner::join(&key, &place, HostHandle::detached())
}

#[test]
fn of_two_servers_that_grant_at_the_same_moment_one_gets_its_seat_back_and_nobody_waits_for_himself()
 {
    let (vendor, primary, reserve) = two();
    let owner = connection(&vendor, &[&primary, &reserve]);
    let connection = Arc::clone(owner.connection());
    let session = connection.enter(&SessionFacts::default());
    let addresses = [primary.address.clone(), reserve.address.clone()];
    let settled = in_background(move || {
        let soon = Instant::now() + PATIENCE;
        let granted = |address| connection.attempt(address, &session, 0, soon).unwrap();
        let [won, late] = addresses.each_ref().map(granted);
        let raced = Raced {
            won: Ok((addresses[0].clone(), won)),
            surplus: vec![late],
        };
        let _asking = session.asking.lock();
        connection.settle(&session, raced, 0).unwrap();
        assert!(session.is_held());
    });
    settled.recv_timeout(PATIENCE).unwrap();
    reserve.wait(|mood| mood.moved == 1 && mood.sessions.is_empty());
    assert_eq!(primary.mood.lock().sessions.len(), 1);
}

#[test]
fn a_seat_that_comes_when_its_last_object_has_left_is_given_back() {
    let (vendor, fake) = one();
    let owner = connection(&vendor, &[&fake]);
    let connection = owner.connection();
    let session = connection.enter(&SessionFacts::default());
    let soon = Instant::now() + PATIENCE;
    let granted = connection.attempt(&fake.address, &session, 0, soon);
    connection.exit(&session, true);
    let raced = Raced {
        won: granted
            .map(|won| (fake.address.clone(), won))
            .map_err(|_| Vec::new()),
        surplus: Vec::new(),
    };
    let asking = session.asking.lock();
    connection.settle(&session, raced, 0).unwrap();
    drop(asking);
    assert!(!session.may_work(Instant::now()));
    fake.wait(|mood| mood.moved == 1 && mood.sessions.is_empty());
}

#[test]
fn a_seat_of_a_server_that_fell_silent_right_after_its_grant_is_in_grace() {
    let (vendor, fake) = one();
    let owner = connection(&vendor, &[&fake]);
    let connection = owner.connection();
    let session = connection.enter(&SessionFacts::default());
    let soon = Instant::now() + PATIENCE;
    let won = connection
        .attempt(&fake.address, &session, 0, soon)
        .unwrap();
    fake.set(|mood| mood.silent = true);
    connection.went_away(&won.0);
    let raced = Raced {
        won: Ok((fake.address.clone(), won)),
        surplus: Vec::new(),
    };
    let asking = session.asking.lock();
    connection.settle(&session, raced, 0).unwrap();
    drop(asking);
    assert!(session.grace_ends().is_some() && !session.is_held());
    fake.set(|mood| mood.silent = false);
    until(|| session.is_held());
}

#[test]
fn a_seat_whose_object_ended_while_it_was_asked_about_is_given_back_later() {
    let (vendor, fake) = one();
    let _keeper = seated(&vendor, &[&fake], 1);
    let object = Arc::new(seated(&vendor, &[&fake], 2));
    fake.set(|mood| {
        mood.waiting = 0;
        mood.gather = 2;
    });
    let calling = Arc::clone(&object);
    let asked = in_background(move || {
        // Flags that it did not ask for yet.
        let _ = calling.obtain_licence(1);
    });
    fake.wait(|mood| mood.waiting == 1);
    let beats = fake.mood.lock().heartbeats;
    object.done();
    // The connection's thread has looked at the session in vain once it goes on to another thing.
    fake.wait(|mood| mood.heartbeats > beats);
    fake.set(|mood| mood.gather = 0);
    asked.recv_timeout(PATIENCE).unwrap();
    fake.wait(|mood| mood.sessions.len() == 1 && mood.released == 1);
}

#[test]
fn a_seat_whose_grant_never_arrived_is_given_back_when_the_server_speaks_again() {
    let (vendor, fake) = one();
    let keeper = seated(&vendor, &[&fake], 1);
    let object = object(&vendor, &[&fake], 2);
    object.connect().unwrap();
    fake.set(|mood| mood.mute = true);
    assert!(object.obtain_licence(0).is_err());
    object.done();
    assert_eq!(fake.mood.lock().sessions.len(), 2);
    fake.set(|mood| mood.mute = false);
    fake.wait(|mood| mood.sessions.len() == 1 && mood.moved == 1);
    until(|| !in_grace(&keeper));
}

#[test]
fn a_call_whose_server_is_gone_goes_on_at_the_reserve() {
    let (vendor, primary, reserve) = two();
    let object = object(&vendor, &[&primary, &reserve], 1);
    object
        .load_data(Value::Blob(vendor.datafile(b"x")))
        .unwrap();
    object.connect().unwrap();
    object.obtain_licence(0).unwrap();
    primary.set(|mood| mood.silent = true);
    // Not opened before, so that it needs a server.
    assert!(object.object("Report").is_ok());
    assert_eq!(object.current_server(), reserve.address.to_string());
}

#[test]
fn a_reserve_that_denies_is_asked_again_and_a_third_server_is_found() {
    let vendor = Arc::new(Vendor::new());
    let [primary, full, third] = std::array::from_fn(|_| Fake::start(&vendor));
    full.set(|mood| mood.seats = Some(0));
    let object = seated(&vendor, &[&primary, &full, &third], 1);
    primary.set(|mood| mood.silent = true);
    until(|| object.current_server() == third.address.to_string());
    assert!(object.licence_obtained());
    assert!(full.mood.lock().waiting >= 1);
}

#[test]
fn a_connection_that_many_threads_use_while_its_server_comes_and_goes_loses_nobody() {
    let (vendor, primary, reserve) = two();
    let servers = [&*primary, &*reserve];
    let objects: Vec<_> = (0..16)
        .map(|number| seated(&vendor, &servers, 1 + number))
        .collect();
    thread::scope(|scope| {
        for object in &objects {
            scope.spawn(move || {
                for _ in 0..20 {
                    assert!(object.licence_obtained());
                    object.obtain_licence(0).unwrap();
                    let _ = object.server_info();
                }
            });
        }
        primary.forget_channels();
        reserve.forget_channels();
    });
    assert!(objects.iter().all(Object::licence_obtained));
    for object in &objects {
        object.done();
    }
    primary.wait(|mood| mood.sessions.is_empty());
    reserve.wait(|mood| mood.sessions.is_empty());
}

#[test]
fn a_connection_whose_thread_could_not_start_or_ended_gets_one_at_the_next_call() {
    let (vendor, fake) = one();
    let owner = connection(&vendor, &[&fake]);
    let connection = owner.connection();
    let ended = thread::spawn(|| {});
    until(|| ended.is_finished());
    connection.state.lock().worker = Some(ended);
    let soon = Instant::now() + PATIENCE;
    connection.connect(soon).unwrap();
    let session = connection.enter(&SessionFacts::default());
    connection.obtain(&session, 0, soon).unwrap();
    fake.wait(|mood| mood.heartbeats >= 1);
}

#[test]
fn sessions_that_a_call_of_another_finds_lost_are_looked_after_at_once() {
    let (vendor, fake) = one();
    // Longer than anything here waits.
    fake.set(|mood| mood.heartbeat_seconds = Some(60));
    let (caller, other) = (seated(&vendor, &[&fake], 1), seated(&vendor, &[&fake], 2));
    fake.set(|mood| mood.forgets_sessions = true);
    fake.forget_channels();
    caller.server_info().unwrap();
    fake.wait(|mood| mood.sessions.len() == 2);
    until(|| !in_grace(&caller) && !in_grace(&other));
}

#[test]
fn a_server_that_cannot_take_a_seat_back_does_not_keep_others_from_it() {
    let (vendor, primary, reserve) = two();
    let owner = connection(&vendor, &[&primary, &reserve]);
    let connection = owner.connection();
    let session = connection.enter(&SessionFacts::default());
    let soon = Instant::now() + PATIENCE;
    primary.set(|mood| mood.cannot_leave = true);
    for fake in [&primary, &reserve] {
        let (server, grant) = connection
            .attempt(&fake.address, &session, 0, soon)
            .unwrap();
        let owed = Owed::Seat {
            session: grant.session,
            leave: Leave::Move,
        };
        server.seats.owe(session.facts.key.identity(), owed);
    }
    connection.wake();
    reserve.wait(|mood| mood.moved == 1 && mood.sessions.is_empty());
    primary.set(|mood| mood.cannot_leave = false);
    primary.wait(|mood| mood.moved == 1 && mood.sessions.is_empty());
}

#[test]
fn a_server_that_is_slow_with_one_answer_is_not_away() {
    let (vendor, primary, reserve) = two();
    let object = Arc::new(object(&vendor, &[&primary, &reserve], 1));
    object
        .load_data(Value::Blob(vendor.datafile(b"x")))
        .unwrap();
    object.connect().unwrap();
    object.obtain_licence(0).unwrap();
    primary.set(|mood| mood.slow_keys = true);
    let neighbour = seated(&vendor, &[&primary, &reserve], 2);
    let over = AtomicBool::new(false);
    let calling = Arc::clone(&object);
    let opened = in_background(move || assert!(calling.object("Report").is_ok()));
    thread::scope(|scope| {
        scope.spawn(|| {
            let begin = Instant::now();
            while !over.load(Ordering::Relaxed) && begin.elapsed() < PATIENCE {
                assert!(!in_grace(&neighbour), "the connection was lost for all");
                thread::yield_now();
            }
        });
        // The call looks at the other servers, finds its own well, and asks it again.
        primary.wait(|mood| mood.waiting == 3);
        primary.set(|mood| mood.slow_keys = false);
        opened.recv_timeout(PATIENCE).unwrap();
        over.store(true, Ordering::Relaxed);
    });
    assert!(reserve.mood.lock().sessions.is_empty());
}
