//! What the tests of the rules share: a ledger that applies whatever is decided, and the smallest facts and keys.

use std::time::Duration;

use protocol::{
    facts::{ComponentFacts, SessionFacts, SessionKey},
    licence::KeyType,
};

use super::*;

/// A ledger that applies whatever is decided.
pub(super) struct Ledger {
    pub(super) index: Index,
    pub(super) rules: Rules,
    pub(super) now: Moment,
}

impl Ledger {
    pub(super) fn with_keys(keys: Vec<Key>) -> Self {
        let mut ledger = Self {
            index: Index::default(),
            rules: Rules::default(),
            now: Moment(1_000_000),
        };
        ledger.run(Command::KeysChanged(keys));
        ledger
    }

    pub(super) fn run(&mut self, command: Command) -> Outcome {
        let decision = decide(&self.index, command, &self.rules, self.now);
        for delta in decision.deltas {
            self.index.apply(delta);
        }
        decision.outcome
    }

    pub(super) fn connect(&mut self, facts: ComponentFacts) -> ConnectionId {
        let connection = connection(facts);
        let id = connection.id;
        self.run(Command::Connect {
            operation: OperationId::random(),
            connection: Box::new(connection),
        });
        id
    }

    pub(super) fn acquire(
        &mut self,
        connection: ConnectionId,
        facts: &SessionFacts,
        flags: u32,
    ) -> Outcome {
        self.run(claim(connection, facts, flags))
    }

    pub(super) fn used(&self) -> u32 {
        self.index
            .keys()
            .iter()
            .map(|key| self.index.used(key.key_no))
            .sum()
    }

    pub(super) fn later(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }
}

pub(super) fn connection(facts: ComponentFacts) -> Connection {
    Connection {
        id: ConnectionId::random(),
        facts,
        peer_ip: "127.0.0.1".into(),
        created: Moment(0),
        access_code: "".into(),
        token: TokenHash([1; 32]),
        previous_token: None,
        owner: Some(HERE),
    }
}

pub(super) fn claim(connection: ConnectionId, facts: &SessionFacts, flags: u32) -> Command {
    Command::Acquire(Box::new(Claim {
        operation: OperationId::random(),
        connection,
        session: SessionId::random(),
        facts: facts.clone(),
        flags,
    }))
}

pub(super) fn key(key_no: u32, key_type: KeyType, seats: u32) -> Key {
    Key {
        key_no,
        key_type,
        seats,
        flags: 0,
        product_version: 0,
        free_app_names: [].into(),
        starts: None,
        ends: None,
        enabled: true,
        workable: true,
    }
}

pub(super) fn server() -> ComponentFacts {
    ComponentFacts {
        is_server: true,
        computer_id: "AA".into(),
        pid: 1,
        ..Default::default()
    }
}

pub(super) fn client(computer: &str) -> ComponentFacts {
    ComponentFacts {
        is_server: false,
        computer_id: computer.into(),
        pid: 2,
        ..Default::default()
    }
}

pub(super) fn facts(infobase: &str, number: u32) -> SessionFacts {
    SessionFacts {
        key: SessionKey {
            infobase: infobase.into(),
            number,
            started: 5,
        },
        user_name: format!("user{number}"),
        ..Default::default()
    }
}

pub(super) fn admin() -> Admin {
    Admin {
        user_name: "admin".into(),
        address: "127.0.0.1".into(),
        word: "Please end your work".into(),
    }
}

/// The server that owns the connections.
pub(super) const HERE: ServerId = ServerId([1; 16]);
/// Another one.
pub(super) const THERE: ServerId = ServerId([2; 16]);

pub(super) fn expired(connection: ConnectionId) -> Command {
    Command::ConnectionExpired {
        connection,
        owner: HERE,
    }
}

pub(super) const CLUSTER: &str = "Srvr=a;Ref=b;";
pub(super) const FILE: &str = "File=/srv/base;";

pub(super) fn session_of(outcome: &Outcome) -> SessionId {
    match outcome {
        Outcome::Granted(grant) => grant.session,
        other => panic!("a seat was expected, and not {other:?}"),
    }
}

pub(super) fn release(connection: ConnectionId, session: SessionId) -> Command {
    Command::Release {
        operation: OperationId::random(),
        connection,
        session,
    }
}

pub(super) fn detach(connection: ConnectionId, session: SessionId) -> Command {
    Command::Detach {
        operation: OperationId::random(),
        connection,
        session,
        moved: false,
    }
}
