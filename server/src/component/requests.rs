//! What each request inside a channel does.

use std::{collections::HashSet, net::SocketAddr, sync::Arc};

use protocol::{
    Reason,
    datafile::SignedDirectory,
    signature::Secret,
    wire::message::{
        Acquire, Alive, Answer, Denied, Granted, Hello, Id, ObjectKey, Request, SeatHolder,
        SessionOperation, Welcome,
    },
};

use super::{Channel, Life};
use crate::{
    accounting::{
        Claim, Command, Connection, ConnectionId, Denial, Event, EventKind, OperationId, Outcome,
        Resume, SessionId, TokenHash,
    },
    server::{Server, now},
    store::StoreError,
};

fn denied(reason: Reason) -> Answer {
    Answer::Denied(Denied::because(reason))
}

/// A heartbeat: nothing waits, nothing is written.
pub(super) fn heartbeat(server: &Server, channel: &Channel) -> Answer {
    match channel.life.get() {
        None => denied(Reason::NotConnected),
        Some(life) if server.lives.touch(life) => Answer::Alive(Alive {
            lost: life.take_lost(),
        }),
        Some(life) => match life.take_lost() {
            // An administrator ended the connection: the last word goes out before it is gone.
            lost if !lost.is_empty() => Answer::Alive(Alive { lost }),
            _ => denied(Reason::ConnectionLost),
        },
    }
}

/// Any other request.
pub(super) async fn work(
    server: &Server,
    channel: &Channel,
    peer: SocketAddr,
    request: Request,
) -> Answer {
    let result = match request {
        Request::Hello(hello) => welcome(server, channel, peer, *hello).await,
        other => match channel.life.get() {
            None => return denied(Reason::NotConnected),
            Some(life) if !server.lives.touch(life) => return denied(Reason::ConnectionLost),
            Some(life) => connected(server, life, other).await,
        },
    };
    result.unwrap_or_else(|error| {
        log::error!("{error}");
        denied(Reason::StoreFailed)
    })
}

async fn connected(
    server: &Server,
    life: &Arc<Life>,
    request: Request,
) -> Result<Answer, StoreError> {
    match request {
        Request::Acquire(acquire) => grant(server, life, acquire).await,
        Request::Release(SessionOperation {
            operation, session, ..
        }) => {
            let command = Command::Release {
                operation: OperationId(operation.0),
                connection: life.id,
                session: SessionId(session.0),
            };
            done(server, life, command).await
        }
        Request::Detach(SessionOperation {
            operation,
            session,
            moved,
        }) => {
            let command = Command::Detach {
                operation: OperationId(operation.0),
                connection: life.id,
                session: SessionId(session.0),
                moved: moved == Some(true),
            };
            done(server, life, command).await
        }
        Request::ObjectKey(ask) => object_key(server, life, ask).await,
        Request::Bye(_) => loop {
            let outcome = server
                .store
                .apply(life.key_id, Command::Disconnect(life.id))
                .await?;
            if !matches!(outcome, Outcome::Done { more: true, .. }) {
                server.lives.end(&life.id);
                log::info!("connection {} is closed", life.id);
                break Ok(Answer::Done);
            }
        },
        Request::ServerInfo => {
            let info = serde_json::to_string(&server.read_serverinfo());
            Ok(Answer::Info(info.unwrap_or_default()))
        }
        // Both were handled before.
        Request::Hello(_) | Request::Heartbeat => Ok(denied(Reason::BadMessage)),
    }
}

async fn welcome(
    server: &Server,
    channel: &Channel,
    peer: SocketAddr,
    hello: Hello,
) -> Result<Answer, StoreError> {
    if channel.life.get().is_some() {
        return Ok(denied(Reason::BadMessage));
    }
    let key_id = channel.key_id;
    let token = Secret::random();
    let hash = |token: &Secret| TokenHash(protocol::sha256(&token.0));
    let peer_ip = peer.ip().to_canonical().to_string();
    let mut resumed = None;
    if let Some(resume) = &hello.resume {
        let id = ConnectionId(resume.connection.0);
        // Touched first: from here on the reaper lets it live until the answer.
        let known = server
            .lives
            .get(&id)
            .filter(|life| life.key_id == key_id && server.lives.touch(life));
        if let Some(life) = known {
            let command = Command::Resume(Box::new(Resume {
                connection: id,
                token: hash(&resume.token),
                replacement: hash(&token),
                facts: hello.facts.clone(),
                peer_ip: peer_ip.clone(),
                owner: server.id,
            }));
            if let Outcome::Connected { sessions, .. } = server.store.apply(key_id, command).await?
            {
                let sessions: HashSet<SessionId> = sessions.into_iter().collect();
                let mut kept = Vec::new();
                for wanted in &resume.sessions {
                    let id = SessionId(wanted.session.0);
                    if sessions.contains(&id)
                        && let Some(row) = server.store.session(id).await?
                        && row.session.identity == wanted.identity
                    {
                        kept.push(wanted.session);
                    }
                }
                log::info!("connection {id} is resumed with {} sessions", kept.len());
                resumed = Some((life, kept));
            }
        }
    }
    let (life, sessions) = match resumed {
        Some(resumed) => resumed,
        None => {
            let connection = Connection {
                id: ConnectionId::random(),
                facts: hello.facts,
                peer_ip,
                created: now(),
                access_code: hello.access_code.as_str().into(),
                token: hash(&token),
                previous_token: None,
                owner: Some(server.id),
            };
            let new = connection.id;
            log::info!(
                "connection {new} of series {key_id} from {} ({}, process {})",
                connection.peer_ip,
                crate::logs::tame(&connection.facts.computer_name),
                connection.facts.pid
            );
            if connection
                .facts
                .terminal
                .as_ref()
                .is_some_and(|terminal| terminal.from_environment)
            {
                log::warn!("connection {new}: only environment variables tell its terminal client");
            }
            let command = Command::Connect {
                operation: OperationId(hello.operation.0),
                connection: Box::new(connection),
            };
            let Outcome::Connected { connection: id, .. } =
                server.store.apply(key_id, command).await?
            else {
                return Ok(denied(Reason::Internal));
            };
            // A repeated hello finds the connection that it opened before, unless that is being ended.
            let life = match server.lives.get(&id) {
                None => server.lives.add(id, key_id),
                Some(life) if server.lives.touch(&life) => life,
                Some(_) => return Ok(denied(Reason::ConnectionLost)),
            };
            (life, Vec::new())
        }
    };
    let connection = Id(life.id.0);
    if channel.life.set(life).is_err() {
        return Ok(denied(Reason::BadMessage));
    }
    let conf = server.conf();
    Ok(Answer::Welcome(Welcome {
        connection,
        token,
        heartbeat_seconds: conf.heartbeat.as_secs() as u32,
        expire_seconds: conf.expire.as_secs() as u32,
        linger_seconds: conf.rules.linger.as_secs() as u32,
        sessions,
        grace_seconds: Some(conf.grace.as_secs() as u32),
    }))
}

async fn grant(server: &Server, life: &Life, acquire: Acquire) -> Result<Answer, StoreError> {
    let claim = Claim {
        operation: OperationId(acquire.operation.0),
        connection: life.id,
        session: SessionId::random(),
        facts: acquire.facts,
        flags: acquire.flags,
    };
    let who = crate::logs::tame(&claim.facts.user_name);
    match server
        .store
        .apply(life.key_id, Command::Acquire(Box::new(claim)))
        .await?
    {
        Outcome::Granted(grant) => {
            let Some(credential) = server.keys.credential(life.key_id, grant.key_no, now()) else {
                if grant.attached {
                    // The component hears that it has no seat, so it must not keep one.
                    let command = Command::Detach {
                        operation: OperationId::random(),
                        connection: life.id,
                        session: grant.session,
                        moved: true,
                    };
                    server.store.apply(life.key_id, command).await?;
                }
                return Ok(denied(Reason::NotWorkable));
            };
            if grant.attached
                && let Err(error) = note_many_computers(server, life.id, grant.session).await
            {
                // The seat is given; only a line of the journal is missing.
                log::error!("{error}");
            }
            log::info!(
                "session {} ({who}) has a seat of key {}",
                grant.session,
                grant.key_no
            );
            Ok(Answer::Granted(Box::new(Granted {
                session: Id(grant.session.0),
                key_no: grant.key_no,
                credential: credential.as_ref().clone(),
            })))
        }
        Outcome::Denied(denial) => {
            let answer = denial_of(denial);
            log::warn!(
                "no seat of series {} for {who}: {}",
                life.key_id,
                answer.reason.name()
            );
            Ok(Answer::Denied(answer))
        }
        Outcome::UnknownSession => Ok(denied(Reason::UnknownSession)),
        Outcome::UnknownConnection
        | Outcome::UnknownKey
        | Outcome::Connected { .. }
        | Outcome::Done { .. } => Ok(denied(Reason::ConnectionLost)),
    }
}

/// One session is used at one computer, its 1C server's and perhaps a web server's. More than that may be a copied
/// text of facts. It is said when the number is passed, and not with each that comes after.
async fn note_many_computers(
    server: &Server,
    newcomer: ConnectionId,
    id: SessionId,
) -> Result<(), StoreError> {
    const PLAUSIBLE: usize = 8;
    let Some(row) = server
        .store
        .session(id)
        .await?
        .filter(|row| row.session.attached.len() > PLAUSIBLE)
    else {
        return Ok(());
    };
    let (mut computers, mut before) = (HashSet::new(), 0);
    let newcomer_last = row
        .session
        .attached
        .iter()
        .filter(|other| **other != newcomer);
    for connection in newcomer_last.chain([&newcomer]) {
        before = computers.len();
        if let Some(row) = server.store.connection(*connection).await? {
            computers.insert(row.connection.facts.computer_id);
        }
    }
    if before == PLAUSIBLE && computers.len() > PLAUSIBLE {
        log::warn!(
            "session {id} is claimed from {} computers: more than one person may be behind it",
            computers.len()
        );
        let event = Event::of_session(EventKind::ManyComputers, &row.session)
            .saying(&format!("computers={}", computers.len()));
        server.journal.note(Some(row.key_id), event).await?;
    }
    Ok(())
}

fn denial_of(denial: Denial) -> Denied {
    let plain = Denied::because(denial.reason());
    match denial {
        Denial::NotUsable(keys) => {
            let numbers: Vec<String> = keys.iter().map(|(key_no, _)| key_no.to_string()).collect();
            Denied {
                detail: Some(numbers.join(", ")),
                ..plain
            }
        }
        Denial::NoFlags { asked } => Denied {
            detail: Some(format!("{asked:032b}")),
            ..plain
        },
        Denial::NoSeats {
            total,
            reserved,
            holders,
        } => Denied {
            total,
            // Denied for want of seats: all of them are taken, but those that wait for others.
            used: total.saturating_sub(reserved),
            holders: holders
                .into_iter()
                .map(|holder| SeatHolder {
                    user_name: holder.user_name.to_string(),
                    computer_name: holder.computer_name.to_string(),
                    app_name: holder.app_name.to_string(),
                    session_number: holder.number,
                    since: holder.since.seconds(),
                })
                .collect(),
            ..plain
        },
        Denial::CodeLimit(limit) => Denied {
            detail: Some(limit.to_string()),
            ..plain
        },
        Denial::NoLicence
        | Denial::UnknownCode
        | Denial::TooManyConnections
        | Denial::TooManySessions => plain,
    }
}

async fn done(server: &Server, life: &Life, command: Command) -> Result<Answer, StoreError> {
    Ok(match server.store.apply(life.key_id, command).await? {
        Outcome::UnknownConnection => denied(Reason::ConnectionLost),
        // Gone is what was asked for.
        _ => Answer::Done,
    })
}

async fn object_key(server: &Server, life: &Life, ask: ObjectKey) -> Result<Answer, StoreError> {
    let session = server.store.session(SessionId(ask.session.0)).await?;
    let Some(row) =
        session.filter(|row| row.key_id == life.key_id && row.session.attached.contains(&life.id))
    else {
        return Ok(denied(Reason::UnknownSession));
    };
    let Some(series) = server.keys.one_series(life.key_id) else {
        return Ok(denied(Reason::NotWorkable));
    };
    let directory = match (
        server.directories.get(life.key_id, &ask.directory_hash),
        ask.directory,
    ) {
        (Some(directory), _) => directory,
        (None, None) => return Ok(denied(Reason::SendDirectory)),
        (None, Some(bytes)) => match SignedDirectory::read_by(&bytes, &series) {
            Ok(directory) if directory.hash == ask.directory_hash => {
                server.directories.keep(life.key_id, directory)
            }
            _ => return Ok(denied(Reason::Altered)),
        },
    };
    Ok(
        match server.keys.object_key(
            &directory.directory,
            &ask.name,
            life.key_id,
            row.session.key_no,
        ) {
            Ok(key) => Answer::Key(key),
            Err(error) => denied(error.0),
        },
    )
}
