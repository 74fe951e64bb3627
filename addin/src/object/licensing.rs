//! Sessions, seats and what the licence in use says.

use std::{sync::Arc, time::Instant};

use jiff::{Timestamp, civil::DateTime, tz::Offset};
use protocol::{
    Reason, UnixSeconds,
    facts::{FactsError, SessionFacts, SessionKey},
    licence::Voucher,
};
use serde_json::json;

use super::{Object, connecting::date};
use crate::{
    link::CALL_LIMIT,
    moment,
    session::Seat,
    table::{CallError, Value},
    texts::{self, error_about},
};

/// What begins the opaque text of session facts.
const OPAQUE: &str = "LF1.";

/// The arguments of SetSession.
#[derive(Debug)]
pub struct SessionArguments<'a> {
    /// The infobase's connection string, or the opaque text.
    pub infobase: &'a str,
    /// The session's number.
    pub number: i32,
    /// The session's start, UTC.
    pub started: DateTime,
    /// The infobase user.
    pub user_name: &'a str,
    /// The computer.
    pub computer_name: &'a str,
    /// The application.
    pub app_name: &'a str,
    /// The opaque text of the parent session, or empty.
    pub parent: &'a str,
}

impl Object {
    /// Tells which session the object works for. A licence that another session holds through this object
    /// is given back.
    ///
    /// # Errors
    /// An argument is missing or too long, or an opaque text is damaged.
    pub fn set_session(&self, arguments: &SessionArguments<'_>) -> Result<(), CallError> {
        let on_server = self.kind().is_server();
        let facts = facts(arguments, on_server)?;
        let deadline = Instant::now() + CALL_LIMIT;
        let Some(_changing) = self.joined.here().changing.try_lock_until(deadline) else {
            return Err(texts::error(Reason::TimedOut));
        };
        let identity = facts.key.identity();
        self.wishes.lock().facts = Some(facts);
        let mut link = self.joined.here().link.lock();
        let other = link
            .session
            .take_if(|session| session.facts.key.identity() != identity);
        drop(link);
        if let (Some(other), Ok(owner)) = (other, self.owner()) {
            other.unwatch(self.glance());
            owner.connection().exit(&other, !on_server);
        }
        Ok(())
    }

    /// The session's facts as one text.
    ///
    /// # Errors
    /// SetSession was not called.
    pub fn session_facts(&self) -> Result<String, CallError> {
        let wishes = self.wishes.lock();
        let facts = wishes.facts.as_ref();
        facts
            .map(SessionFacts::to_text)
            .ok_or_else(|| texts::error(Reason::NoSession))
    }

    /// Takes a seat for the session.
    ///
    /// # Errors
    /// No session, no connection, or no server grants a seat.
    pub fn obtain_licence(&self, flags: u32) -> Result<(), CallError> {
        let deadline = Instant::now() + CALL_LIMIT;
        let Some(_changing) = self.joined.here().changing.try_lock_until(deadline) else {
            return Err(texts::error(Reason::TimedOut));
        };
        let facts = self.wishes.lock().facts.clone();
        let facts = facts.ok_or_else(|| texts::error(Reason::NoSession))?;
        let owner = self.owner()?;
        let connection = owner.connection();
        if let Some(session) = self.session() {
            return connection.obtain(&session, flags, deadline);
        }
        let session = connection.enter(&facts);
        if let Err(error) = connection.obtain(&session, flags, deadline) {
            connection.exit(&session, true);
            return Err(error);
        }
        let mut link = self.joined.here().link.lock();
        // Done or Disconnect may have come from another thread meanwhile.
        let ours = link
            .owner
            .as_ref()
            .is_some_and(|now| Arc::ptr_eq(now, &owner));
        if ours && !self.is_ended() {
            session.watch(self.glance());
            link.session = Some(session);
            return Ok(());
        }
        drop(link);
        connection.exit(&session, !self.kind().is_server());
        Err(texts::error(Reason::NotConnected))
    }

    /// Frees the seat at once, for every object of the session.
    ///
    /// # Errors
    /// The server did not answer in time: the seat frees itself when the connection there expires.
    pub fn release_licence(&self) -> Result<(), CallError> {
        let deadline = Instant::now() + CALL_LIMIT;
        let Some(_changing) = self.joined.here().changing.try_lock_until(deadline) else {
            return Err(texts::error(Reason::TimedOut));
        };
        let owner = self.owner()?;
        let session = self.joined.here().link.lock().session.take();
        let Some(session) = session else {
            return Err(texts::error(Reason::NoLicenceObtained));
        };
        session.unwatch(self.glance());
        let released = owner.connection().release(&session, deadline);
        owner.connection().exit(&session, true);
        released
    }

    /// `LicenceObtained`: a seat is held, or its grace is not over.
    #[must_use]
    pub fn licence_obtained(&self) -> bool {
        self.held_flags().is_some()
            || self
                .session()
                .is_some_and(|session| session.may_work(Instant::now()))
    }

    /// `UsedLicence`: the number of the key in use, 0 if none.
    #[must_use]
    pub fn used_licence(&self) -> i64 {
        let seat = self
            .session()
            .and_then(|session| session.seat(Instant::now()));
        seat.map_or(0, |seat| i64::from(seat.key_no))
    }

    /// `GraceUntil`, UTC; the empty date while a server answers.
    #[must_use]
    pub fn grace_until(&self) -> DateTime {
        self.session()
            .and_then(|session| session.grace_until(Instant::now()))
            .map_or(Value::EMPTY_DATE, date)
    }

    /// The seat in use, or why there is none.
    pub(super) fn seat(&self) -> Result<Seat, CallError> {
        let session = self
            .session()
            .ok_or_else(|| texts::error(Reason::NoLicenceObtained))?;
        session.seat(Instant::now()).ok_or_else(|| {
            session
                .loss()
                .unwrap_or_else(|| texts::error(Reason::LicenceLost))
        })
    }

    fn voucher(&self) -> Result<Arc<Voucher>, CallError> {
        self.seat().map(|seat| seat.voucher)
    }

    /// A parameter of the licence in use; none if the licence has no such parameter.
    ///
    /// # Errors
    /// No licence is in use.
    pub fn parameter(&self, name: &str) -> Result<Option<String>, CallError> {
        Ok(self.voucher()?.parameters.get(name).cloned())
    }

    /// Whether the licence in use has a flag, 0 to 31.
    ///
    /// # Errors
    /// No licence is in use, or there is no flag of that number.
    pub fn check_flag(&self, number: i32) -> Result<bool, CallError> {
        let bit = u32::try_from(number)
            .ok()
            .and_then(|number| 1_u32.checked_shl(number))
            .ok_or_else(|| error_about(Reason::BadArgument, &number.to_string()))?;
        let flags = match self.held_flags() {
            Some(flags) => flags,
            None => self.voucher()?.flags,
        };
        Ok(flags & bit != 0)
    }

    /// The licence in use, JSON.
    ///
    /// # Errors
    /// No licence is in use.
    pub fn licence_info(&self) -> Result<String, CallError> {
        let seat = self.seat()?;
        let voucher = &seat.voucher;
        let expire = voucher.expire_date();
        let json = json!({
            "KeyID": voucher.key_id.to_string(),
            "KeyNo": voucher.key_no,
            "KeyType": voucher.key_type.number(),
            "LicenceCount": voucher.licence_count,
            "Flags": format!("{:032b}", voucher.flags),
            "ServiceType": voucher.service_type,
            "ProductVersion": voucher.product_version,
            "IssueDate": iso(Some(voucher.issued_at)),
            "StartDate": iso(voucher.start_date),
            "Period": voucher.period_days,
            "ExpireDate": iso(expire),
            "Parameters": voucher.parameters,
            "Server": seat.server.address.to_string(),
            "Session": seat.id.to_string(),
        });
        Ok(json.to_string())
    }
}

fn iso(moment: Option<UnixSeconds>) -> Option<String> {
    Some(moment::iso(Timestamp::from_second(moment?).ok()?))
}

/// The facts as one text of another process, or as this one's own.
fn facts(arguments: &SessionArguments<'_>, on_server: bool) -> Result<SessionFacts, CallError> {
    let wrong = |error: FactsError| match error {
        FactsError::TooLong(..) => error_about(Reason::TooLong, &error.to_string()),
        FactsError::NotFacts => error_about(Reason::BadArgument, "SessionFacts"),
    };
    if arguments.infobase.trim_start().starts_with(OPAQUE) {
        return SessionFacts::from_text(arguments.infobase).map_err(wrong);
    }
    let missing = |name: &str| Err(error_about(Reason::BadArgument, name));
    if arguments.infobase.trim().is_empty() {
        return missing("InfoBaseConnectionStr / СтрокаСоединенияИнформационнойБазы");
    }
    let number = match u32::try_from(arguments.number) {
        Ok(number) if number > 0 => number,
        _ => return missing("SessionNumber / НомерСеанса"),
    };
    let parent: Option<SessionKey> = if arguments.parent.trim().is_empty() {
        None
    } else {
        Some(
            SessionFacts::from_text(arguments.parent)
                .map_err(wrong)?
                .key,
        )
    };
    let started = Offset::UTC.to_timestamp(arguments.started);
    let facts = SessionFacts {
        key: SessionKey {
            infobase: arguments.infobase.into(),
            number,
            // Every date of 1C is within what the calendar holds.
            started: started.map_or(0, |moment| moment.as_second()),
        },
        user_name: arguments.user_name.into(),
        computer_name: arguments.computer_name.into(),
        app_name: arguments.app_name.into(),
        parent,
        gathered_on_server: on_server.then_some(true),
    };
    facts.check().map_err(wrong)?;
    Ok(facts)
}
