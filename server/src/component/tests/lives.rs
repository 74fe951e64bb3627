//! Who is alive, and who is told what ended.

use super::*;
use crate::{
    accounting::{Cause, ConnectionId, Lost, Moment, SessionId},
    component::Lives,
};

#[test]
fn an_expired_connection_cannot_be_touched_back_to_life() {
    let lives = Lives::default();
    let life = lives.add(ConnectionId::random(), KeyId(1));
    assert!(lives.expired(Duration::from_secs(20)).is_empty());
    assert!(lives.touch(&life));
    assert!(lives.silent(Duration::from_secs(15)).is_empty());
    let expired = lives.expired(Duration::ZERO);
    assert!(
        lives.silent(Duration::from_secs(15)).contains(&life.id),
        "it is being ended"
    );
    assert_eq!(expired, [(life.id, KeyId(1))]);
    assert!(!lives.touch(&life));
    assert_eq!(
        lives.expired(Duration::from_secs(20)),
        expired,
        "it is named until it is removed"
    );
    assert_eq!(lives.last_used(&life.id, Moment(0)), None);
}

#[test]
fn a_lost_session_is_told_once() {
    let lives = Lives::default();
    let life = lives.add(ConnectionId::random(), KeyId(1));
    lives.tell(&[Lost {
        session: SessionId::random(),
        identity: protocol::facts::Identity([0; 32]),
        connections: vec![life.id, ConnectionId::random()],
        cause: Cause::Administrator,
        word: "".into(),
    }]);
    assert_eq!(life.take_lost()[0].reason, Reason::ReleasedByAdministrator);
    assert!(life.take_lost().is_empty());
}
