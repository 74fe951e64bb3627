//! Requests inside a channel, and their answers.

use protocol::{
    Reason,
    signature::Secret,
    wire::message::{
        Acquire, Alive, Answer, Denied, Granted, Hello, Id, Request, SeatHolder, SessionOperation,
        Welcome,
    },
};

use super::{Component, channel::Channel, now};
use crate::{
    accounting::{
        Claim, Command, Connection, ConnectionId, Denial, Holder, OperationId, Outcome, Resume,
        SessionId, TokenHash, Unusable,
    },
    store::StoreError,
};

impl Component {
    /// Answers a request. Every answer is final for the request's number.
    pub(super) async fn dispatch(&self, channel: &Channel, request: Request) -> Answer {
        let answer = match request {
            Request::Hello(hello) => self.hello(channel, *hello).await,
            other => match channel.connection.get().copied() {
                Some(connection) if self.presence.heard(connection) => {
                    self.inside(channel, connection, other).await
                }
                _ => Err(Denied::because(Reason::ConnectionLost)),
            },
        };
        answer.unwrap_or_else(Answer::Denied)
    }

    async fn inside(
        &self,
        channel: &Channel,
        connection: ConnectionId,
        request: Request,
    ) -> Result<Answer, Denied> {
        match request {
            Request::Hello(_) => Err(Denied::because(Reason::BadMessage)),
            Request::Heartbeat => Ok(Answer::Alive(Alive {
                lost: self.notices.take(connection),
            })),
            Request::Acquire(acquire) => self.acquire(channel, connection, acquire).await,
            Request::Release(SessionOperation { operation, session }) => {
                let (operation, session) = (OperationId(operation.0), SessionId(session.0));
                self.end(
                    channel,
                    Command::Release {
                        operation,
                        connection,
                        session,
                    },
                )
                .await
            }
            Request::Detach(SessionOperation { operation, session }) => {
                let (operation, session) = (OperationId(operation.0), SessionId(session.0));
                self.end(
                    channel,
                    Command::Detach {
                        operation,
                        connection,
                        session,
                    },
                )
                .await
            }
            Request::ObjectKey(ask) => self
                .object_key(channel, connection, ask)
                .await
                .map(Answer::Key)
                .map_err(Denied::because),
            Request::Bye(_) => {
                let answer = self.end(channel, Command::Disconnect(connection)).await;
                self.presence.left(connection);
                answer
            }
            Request::ServerInfo => Ok(Answer::Info((self.describe)())),
        }
    }

    async fn hello(&self, channel: &Channel, hello: Hello) -> Result<Answer, Denied> {
        let token = Secret::random();
        let replacement = TokenHash(protocol::sha256(&token.0));
        let mut resumed = None;
        if let Some(resume) = hello.resume {
            let command = Resume {
                connection: ConnectionId(resume.connection.0),
                token: TokenHash(protocol::sha256(&resume.token.0)),
                replacement,
                facts: hello.facts.clone(),
                peer_ip: channel.peer_ip.clone(),
            };
            let outcome = self
                .apply(channel, Command::Resume(Box::new(command)))
                .await?;
            if let Outcome::Connected(sessions) = outcome {
                resumed = Some((ConnectionId(resume.connection.0), sessions));
            }
        }
        let (connection, sessions) = match resumed {
            Some(resumed) => resumed,
            None => {
                let connection = Connection {
                    id: ConnectionId::random(),
                    facts: hello.facts,
                    peer_ip: channel.peer_ip.clone(),
                    created: now(),
                    access_code: hello.access_code.as_str().into(),
                    token: replacement,
                    previous_token: None,
                };
                let id = connection.id;
                self.apply(channel, Command::Connect(Box::new(connection)))
                    .await?;
                (id, Vec::new())
            }
        };
        if channel.connection.set(connection).is_err()
            && channel.connection.get() != Some(&connection)
        {
            return Err(Denied::because(Reason::BadMessage));
        }
        self.presence.came(connection, channel.key_id);
        Ok(Answer::Welcome(Welcome {
            connection: Id(connection.0),
            token,
            heartbeat_seconds: self.times.heartbeat.as_secs() as u32,
            expire_seconds: self.times.expire.as_secs() as u32,
            linger_seconds: self.times.linger.as_secs() as u32,
            sessions: sessions.into_iter().map(|session| Id(session.0)).collect(),
        }))
    }

    async fn acquire(
        &self,
        channel: &Channel,
        connection: ConnectionId,
        acquire: Acquire,
    ) -> Result<Answer, Denied> {
        let claim = Claim {
            operation: OperationId(acquire.operation.0),
            connection,
            session: SessionId::random(),
            facts: acquire.facts,
            flags: acquire.flags,
        };
        match self
            .apply(channel, Command::Acquire(Box::new(claim)))
            .await?
        {
            Outcome::Granted(grant) => {
                let credential = self.keys.credential(channel.key_id, grant.key_no, now());
                let credential = credential.ok_or_else(|| Denied::because(Reason::NotWorkable))?;
                let session = Id(grant.session.0);
                Ok(Answer::Granted(Box::new(Granted {
                    session,
                    key_no: grant.key_no,
                    credential: (*credential).clone(),
                })))
            }
            Outcome::Denied(denial) => Err(denied(denial)),
            Outcome::UnknownConnection => Err(Denied::because(Reason::ConnectionLost)),
            _ => Err(Denied::because(Reason::Internal)),
        }
    }

    async fn end(&self, channel: &Channel, command: Command) -> Result<Answer, Denied> {
        let again = matches!(command, Command::Disconnect(_)).then(|| command.clone());
        let mut outcome = self.apply(channel, command).await?;
        while let (Outcome::Done { more: true, .. }, Some(command)) = (&outcome, &again) {
            outcome = self.apply(channel, command.clone()).await?;
        }
        match outcome {
            // A seat that is free already is what was asked for.
            Outcome::Done { .. } | Outcome::UnknownSession | Outcome::UnknownConnection => {
                Ok(Answer::Done)
            }
            _ => Err(Denied::because(Reason::Internal)),
        }
    }

    async fn apply(&self, channel: &Channel, command: Command) -> Result<Outcome, Denied> {
        self.store
            .apply(channel.key_id, command)
            .await
            .map_err(|error| match error {
                StoreError::Stopping => Denied::because(Reason::ServerBusy),
                error => Denied {
                    detail: Some(error.to_string()),
                    ..Denied::because(Reason::StoreFailed)
                },
            })
    }
}

fn denied(denial: Denial) -> Denied {
    match denial {
        Denial::NoLicence => Denied::because(Reason::NoLicence),
        Denial::NoFlags { asked } => Denied {
            detail: Some(format!("{asked:032b}")),
            ..Denied::because(Reason::NoFlags)
        },
        Denial::NoSeats { total, holders } => Denied {
            total,
            used: total,
            holders: holders.into_iter().map(holder).collect(),
            ..Denied::because(Reason::NoSeats)
        },
        Denial::TooManyConnections => Denied::because(Reason::ServerBusy),
        Denial::NotUsable(keys) => {
            let first = keys.first().map(|(_, unusable)| *unusable);
            let date = match first {
                Some(Unusable::Expired(at) | Unusable::NotStarted(at)) => Some(at),
                _ => None,
            };
            let reason = first.map_or(Reason::NotWorkable, super::reason_of);
            let date = date.and_then(|at| jiff::Timestamp::from_millisecond(at.0).ok());
            let detail = date.map(|at| at.strftime("%Y-%m-%d").to_string());
            Denied {
                detail,
                ..Denied::because(reason)
            }
        }
    }
}

fn holder(holder: Holder) -> SeatHolder {
    SeatHolder {
        user_name: holder.user_name.to_string(),
        computer_name: holder.computer_name.to_string(),
        app_name: holder.app_name.to_string(),
        session_number: holder.number,
        since: holder.since.seconds(),
    }
}
