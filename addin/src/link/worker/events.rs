//! What clients are told: one event of the process for each cause. In server processes 1C code reads properties
//! instead.

use serde_json::{Value as Json, json};

use super::Worker;
use crate::{
    interface::events,
    moment::iso,
    session::Session,
    table::{CallError, Language},
};

impl Worker<'_> {
    /// Tells that the connection is lost when no other server took the seats over, and that it is restored.
    pub(super) fn tell_connection(&mut self) {
        if !self.connection.has_events() {
            return;
        }
        let sessions = self.connection.sessions();
        let away = sessions
            .iter()
            .filter(|session| session.grace_ends().is_some());
        let now = std::time::Instant::now();
        let until = away.clone().filter_map(|session| session.grace_until(now));
        let until = until.max();
        // Before the first server was reached there is nothing to lose.
        let known = !self.plans.is_empty();
        let lost = until.is_some() || (known && self.connection.current().is_none());
        if lost == self.told_lost {
            return;
        }
        self.told_lost = lost;
        if lost {
            let seat = away.filter_map(|session| session.seat_or_former()).next();
            let server = seat.map(|seat| seat.server.address.clone());
            let server = server.or_else(|| self.connection.configured().first().cloned());
            self.tell(
                events::CONNECTION_LOST,
                json!({
                    "Server": server.map(|address| address.to_string()),
                    "GraceUntil": until.map(iso),
                }),
            );
        } else {
            let server = self.connection.current();
            let server = server.map(|server| server.address.to_string());
            self.tell(events::CONNECTION_RESTORED, json!({ "Server": server }));
        }
    }

    /// Tells that a session lost its licence.
    pub(super) fn tell_loss(&self, session: &Session, error: &CallError) {
        self.tell(
            events::LICENCE_LOST,
            json!({
                "Code": error.code,
                "Text": error.text(Language::Russian),
                "TextEn": error.text(Language::English),
                "SessionNumber": session.facts.key.number,
            }),
        );
    }

    /// It goes to the first object whose platform takes it. No lock is held meanwhile.
    fn tell(&self, message: &str, mut data: Json) {
        if self.connection.has_events() {
            data["KeyID"] = self.connection.key().key_id.to_string().into();
            let (hosts, data) = (self.connection.hosts(), data.to_string());
            log::info!("event {message}: {data}");
            hosts.iter().any(|host| host.event(message, &data));
        }
    }
}
