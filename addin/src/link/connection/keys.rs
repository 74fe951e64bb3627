//! The keys of protected objects: asked of the server with the session's seat.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{
    Reason,
    datafile::SignedDirectory,
    signature::Secret,
    wire::message::{Answer, ObjectKey, Request},
};

use super::Connection;
use crate::{
    link::{
        seats::Refused,
        server::Server,
        trust::{denied_error, is_way},
    },
    session::{Seat, Session},
    table::CallError,
    texts,
};

/// How long a call waits for a silent server when there is another one to go to.
const PATIENCE: Duration = Duration::from_millis(1500);

impl Connection {
    /// Asks for an object's key, with the session's seat. A session that the server does not know any more
    /// (it was restarted without its store, or our silence was too long) takes a seat again first; one whose
    /// server does not answer takes one at the next server.
    pub(crate) fn object_key(
        self: &Arc<Self>,
        session: &Arc<Session>,
        directory: &SignedDirectory,
        name: &str,
        deadline: Instant,
    ) -> Result<Secret, CallError> {
        let no_seat = || texts::error(Reason::NoLicenceObtained);
        let seat = session.seat(Instant::now()).ok_or_else(no_seat)?;
        let patience = if self.configured().len() > 1 {
            deadline.min(Instant::now() + PATIENCE)
        } else {
            deadline
        };
        let asked = match self.ask_key(&seat, directory, name, patience, deadline) {
            Ok(Answer::Denied(denied)) if denied.reason == Reason::UnknownSession => {
                self.take_again(session, &seat, deadline)?;
                None
            }
            Err(error)
                if (is_way(&error) || error.reason() == Reason::ServerBusy)
                    && self.rescue(session, &seat, deadline) =>
            {
                None
            }
            other => Some(other?),
        };
        let answer = match asked {
            Some(answer) => answer,
            None => {
                let seat = session.seat(Instant::now()).ok_or_else(no_seat)?;
                self.ask_key(&seat, directory, name, deadline, deadline)?
            }
        };
        match answer {
            Answer::Key(key) => Ok(key),
            Answer::Denied(denied) => Err(denied_error(&denied)),
            _ => Err(texts::error(Reason::BadMessage)),
        }
    }

    fn take_again(
        self: &Arc<Self>,
        session: &Session,
        seat: &Seat,
        deadline: Instant,
    ) -> Result<(), CallError> {
        let Some(_asking) = session.asking.try_lock_until(deadline) else {
            return Err(texts::error(Reason::TimedOut));
        };
        // Another call may have done it meanwhile.
        if session
            .seat_or_former()
            .is_some_and(|now| now.id == seat.id)
        {
            self.acquire_at(&seat.server, session, session.flags(), deadline)
                .map_err(Refused::into_error)?;
        }
        Ok(())
    }

    fn ask_key(
        &self,
        seat: &Seat,
        directory: &SignedDirectory,
        name: &str,
        patience: Instant,
        limit: Instant,
    ) -> Result<Answer, CallError> {
        let ask = |bytes: Option<&[u8]>, deadline| {
            let request = Request::ObjectKey(ObjectKey {
                session: seat.id,
                directory_hash: directory.hash,
                directory: bytes.map(|bytes| bytes.to_vec().into()),
                name: name.to_owned(),
            });
            let answer = seat.server.call(&request, deadline);
            self.look_after(&seat.server);
            answer.inspect_err(|error| {
                // Slow is not silent: whether it is away the next heartbeat tells.
                if error.reason() != Reason::TimedOut || deadline == limit {
                    self.note(&seat.server, error);
                }
            })
        };
        match ask(None, patience)? {
            Answer::Denied(denied) if denied.reason == Reason::SendDirectory => {
                ask(Some(&directory.bytes), limit)
            }
            answer => Ok(answer),
        }
    }

    /// The server's description of itself, JSON.
    pub(crate) fn server_info(
        &self,
        server: &Server,
        deadline: Instant,
    ) -> Result<String, CallError> {
        let answer = server.call(&Request::ServerInfo, deadline);
        self.look_after(server);
        match answer.inspect_err(|error| self.note(server, error))? {
            Answer::Info(text) => Ok(text),
            Answer::Denied(denied) => Err(denied_error(&denied)),
            _ => Err(texts::error(Reason::BadMessage)),
        }
    }
}
