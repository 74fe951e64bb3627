//! Connect and Disconnect, and what can be read of the connection.

use std::{sync::Arc, time::Instant};

use jiff::{Timestamp, civil::DateTime, tz::Offset};
use protocol::{KeyId, Reason};

use super::Object;
use crate::{
    link::{CALL_LIMIT, Key, Owner, ServerRef},
    logs,
    place::Place,
    settings::{Settings, Source},
    table::{CallError, Language},
    texts,
};

impl Object {
    /// Reads the settings again and connects to the first server that answers.
    ///
    /// # Errors
    /// The series or its key is not known, or no server serves; each address with its reason.
    pub fn connect(&self) -> Result<(), CallError> {
        let deadline = Instant::now() + CALL_LIMIT;
        let Some(_changing) = self.joined.here().changing.try_lock_until(deadline) else {
            return Err(texts::error(Reason::TimedOut));
        };
        let place = self.place();
        let key = self.connection_key(&place)?;
        let current = self
            .owner()
            .ok()
            .filter(|owner| owner.connection().key() == &key);
        if let Some(owner) = current {
            return owner
                .connect(deadline)
                .map_err(|error| self.blame_file(error));
        }
        let owner = Owner::join(&key, &place, self.host.clone());
        owner
            .connect(deadline)
            .map_err(|error| self.blame_file(error))?;
        // Only now is the former connection given up: a change of settings that fails loses nothing.
        self.leave();
        let mut link = self.joined.here().link.lock();
        if self.is_ended() {
            // Done came from another thread meanwhile.
            drop(link);
            return Err(texts::error(Reason::NotConnected));
        }
        link.owner = Some(Arc::new(owner));
        Ok(())
    }

    /// The error of a Connect that failed. When the configuration file cannot be used, it may have named
    /// another server: that is told too, and is the error where nobody else named one.
    fn blame_file(&self, error: CallError) -> CallError {
        let settings = self.settings.lock();
        let Some(settings) = settings.as_ref() else {
            return error;
        };
        let unusable = settings.warnings.iter().find(|it| it.is_of_whole_file());
        let Some(unusable) = unusable else {
            return error;
        };
        let reason = match settings.source {
            Source::Defaults => unusable.reason,
            Source::Code | Source::File(_) => error.reason(),
        };
        CallError::new(
            reason,
            format!("{}\n{}", unusable.sentence(Language::English), error.en),
            format!("{}\n{}", unusable.sentence(Language::Russian), error.ru),
        )
    }

    /// No lock is held while a file is read, which may lie on a computer that does not answer.
    fn read_settings(&self, place: &Place, key_id: Option<KeyId>) -> Settings {
        let code = self.wishes.lock().code.clone();
        Settings::read(&place.settings(), key_id, &code)
    }

    fn connection_key(&self, place: &Place) -> Result<Key, CallError> {
        let key_id = self.key_id();
        let settings = self.read_settings(place, key_id);
        logs::start(place, &settings);
        for warning in &settings.warnings {
            log::warn!(
                "{} ({})",
                warning.sentence(Language::English),
                warning.reason as u16
            );
        }
        let servers = settings.servers.clone();
        let source = settings.source.to_string();
        *self.settings.lock() = Some(settings);
        self.show_port();
        let key = Key {
            key_id: key_id.ok_or_else(|| texts::error(Reason::NoKeyId))?,
            public_keys: self
                .public_keys()
                .ok_or_else(|| texts::error(Reason::NoPublicKey))?,
            servers,
            access_code: self.access_code(),
        };
        let list: Vec<_> = key.servers.iter().map(ToString::to_string).collect();
        log::info!(
            "series {}, servers {} from {source}",
            key.key_id,
            list.join(" ")
        );
        Ok(key)
    }

    /// Leaves the server; the session's seat is freed with the last object of the process that uses it. As with
    /// Done, the server is told by the connection's own thread, so that a silent one holds nobody up.
    ///
    /// # Errors
    /// Another call of the object takes too long.
    pub fn disconnect(&self) -> Result<(), CallError> {
        let deadline = Instant::now() + CALL_LIMIT;
        let Some(_changing) = self.joined.here().changing.try_lock_until(deadline) else {
            return Err(texts::error(Reason::TimedOut));
        };
        self.leave_by(|| true);
        Ok(())
    }

    /// The server that this object works with: its seat's, else the one that answers.
    fn server(&self) -> Option<ServerRef> {
        let seat = self
            .session()
            .and_then(|session| session.seat(Instant::now()));
        seat.map(|seat| seat.server)
            .or_else(|| self.owner().ok()?.connection().current())
    }

    /// `Connected`: whether a server answers.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.server().is_some_and(|server| !server.is_away())
    }

    /// `CurrentServer`, host:port.
    #[must_use]
    pub fn current_server(&self) -> String {
        self.server()
            .map(|server| server.address.to_string())
            .unwrap_or_default()
    }

    /// `ConnectionID`.
    #[must_use]
    pub fn connection_id(&self) -> String {
        self.server()
            .map(|server| server.connection_id())
            .unwrap_or_default()
    }

    /// `SettingsSource` of the last Connect.
    #[must_use]
    pub fn settings_source(&self) -> String {
        let settings = self.settings.lock();
        settings
            .as_ref()
            .map(|settings| settings.source.to_string())
            .unwrap_or_default()
    }

    /// The settings that Connect would use now, JSON.
    #[must_use]
    pub fn settings_json(&self) -> String {
        let place = self.place();
        let settings = self.read_settings(&place, self.key_id());
        let mut json = settings.to_json(self.language());
        json["KeyID"] = self.key_id().map(|id| id.to_string()).into();
        json["Logs"] = place.logs().display().to_string().into();
        json["Process"] = place.kind.word().into();
        json["Module"] = self.module_json(self.language());
        json.to_string()
    }

    /// The server's description of itself, JSON.
    ///
    /// # Errors
    /// There is no connection, or no answer.
    pub fn server_info(&self) -> Result<String, CallError> {
        let owner = self.owner()?;
        let server = self
            .server()
            .ok_or_else(|| texts::error(Reason::ConnectionLost))?;
        owner
            .connection()
            .server_info(&server, Instant::now() + CALL_LIMIT)
    }
}

/// A moment as 1C's date, UTC.
pub(super) fn date(moment: Timestamp) -> DateTime {
    Offset::UTC.to_datetime(moment)
}
