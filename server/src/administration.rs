//! What an administrator does to seats and keys, whichever door the wish comes through.

use std::{path::Path, sync::Arc};

use crate::{
    accounting::{Admin, Command, ConnectionId, Event, EventKind, Outcome, SessionId},
    keys::{
        self, InstallError, Installed,
        centre::{self, CentreError, Link, Order},
    },
    server::{Server, now},
    store::StoreError,
};

impl Server {
    /// Frees a session's seat; its component hears the administrator's word with its next heartbeat. False when there is no
    /// such session.
    ///
    /// # Errors
    /// Those of the store; nothing was changed then.
    pub async fn release_session(&self, id: SessionId, by: Admin) -> Result<bool, StoreError> {
        let Some(row) = self.store.session(id).await? else {
            return Ok(false);
        };
        let command = Command::AdminRelease { session: id, by };
        let outcome = self.store.apply(row.key_id, command).await?;
        Ok(matches!(outcome, Outcome::Done { .. }))
    }

    /// Ends a connection and frees the seats that it alone keeps; its component hears the administrator's word with its next
    /// heartbeat. False when there is no such connection.
    ///
    /// # Errors
    /// Those of the store; a part of the sessions may have ended then.
    pub async fn drop_connection(&self, id: ConnectionId, by: Admin) -> Result<bool, StoreError> {
        let Some(row) = self.store.connection(id).await? else {
            return Ok(false);
        };
        loop {
            let command = Command::AdminDrop {
                connection: id,
                by: by.clone(),
            };
            match self.store.apply(row.key_id, command).await? {
                Outcome::Done { more: true, .. } => {}
                Outcome::Done { .. } => {
                    self.lives.end(&id);
                    return Ok(true);
                }
                _ => return Ok(false),
            }
        }
    }

    /// Switches a key on or off, for good: it stays so after a restart. Sessions of a key that goes off move to free seats
    /// of other keys. False when there is no such key.
    ///
    /// # Errors
    /// Those of the store; nothing was changed then.
    pub async fn switch_key(&self, key_no: u32, on: bool, by: Admin) -> Result<bool, StoreError> {
        let installed = self.keys.installed();
        let Some(key_id) = installed
            .iter()
            .find(|installed| installed.key_no == Some(key_no))
            .and_then(|installed| installed.key_id)
        else {
            return Ok(false);
        };
        let command = Command::SwitchKey { key_no, on, by };
        let outcome = self.change_keys(key_id, command).await?;
        if outcome == Outcome::UnknownKey {
            return Ok(false);
        }
        self.keys.set_off(self.store.keys_off().await?);
        Ok(true)
    }

    /// Checks a licence document and installs it.
    ///
    /// # Errors
    /// [`InstallError`]; nothing was changed then.
    pub async fn install_licence(
        self: &Arc<Self>,
        document: Vec<u8>,
        by: Admin,
    ) -> Result<Installed, InstallError> {
        let server = Arc::clone(self);
        let work = move || keys::install_document(&server.keys, &document, Path::new("licence"));
        let installed = tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| InstallError::NotOurs("licence".into()))??;
        self.tell_installed(&installed, &by).await;
        Ok(installed)
    }

    /// Activates a code at the licence centre and installs the licence.
    ///
    /// # Errors
    /// [`CentreError`]; the same order again goes on from where it was.
    pub async fn activate_code(
        self: &Arc<Self>,
        order: Order,
        by: Admin,
    ) -> Result<Installed, CentreError> {
        let server = Arc::clone(self);
        let work = move || {
            let link = Link::new(&server.conf().centre)?;
            centre::activate(&server.keys, &link, &order, now().seconds())
        };
        let installed = tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| CentreError::OtherAnswer)??;
        self.tell_installed(&installed, &by).await;
        Ok(installed)
    }

    /// Tells journal and ledger of a licence that was installed.
    async fn tell_installed(&self, installed: &Installed, by: &Admin) {
        let event = Event {
            key_no: installed.key_no,
            ..Event::new(EventKind::LicenceInstalled)
        }
        .by(by);
        let told = async {
            self.journal.note(installed.key_id, event).await?;
            self.keys_changed().await
        };
        if let Err(error) = told.await {
            // The file is in its place; the ledger hears of it as soon as the disk lets it.
            log::error!("{error}");
            self.keys.look_again();
        }
    }
}
