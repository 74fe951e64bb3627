//! What an administrator does to seats and keys, whichever door the wish comes through.

use std::{path::Path, sync::Arc};

use protocol::{KeyId, centre::Reply, code::ActivationCode};

use crate::{
    accounting::{Admin, Command, ConnectionId, Event, EventKind, Outcome, SessionId},
    keys::{
        self, InstallError, Installed,
        centre::{self, Accepted, CentreError, Link, Order},
    },
    server::{Server, now},
    store::StoreError,
};

/// Does something to its end, the journal's line included, whether or not somebody still waits for the answer.
async fn to_its_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Everything ends.
            Err(_) => std::future::pending().await,
        },
    }
}

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
    pub async fn switch_key(
        self: &Arc<Self>,
        (key_id, key_no): (KeyId, u32),
        on: bool,
        by: Admin,
    ) -> Result<bool, StoreError> {
        let server = Arc::clone(self);
        to_its_end(async move {
            let command = Command::SwitchKey { key_no, on, by };
            let outcome = server.change_keys(key_id, command).await?;
            if outcome == Outcome::UnknownKey {
                return Ok(false);
            }
            server.keys.set_off(server.store.keys_off().await?);
            Ok(true)
        })
        .await
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
        to_its_end(async move {
            let ring = Arc::clone(&server);
            let work = move || keys::install_document(&ring.keys, &document, Path::new("licence"));
            let installed = tokio::task::spawn_blocking(work)
                .await
                .map_err(|_| InstallError::NotOurs("licence".into()))??;
            server.tell_installed(&installed, &by).await;
            Ok(installed)
        })
        .await
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
        to_its_end(async move {
            let installed = server
                .beside(move |server| {
                    let link = Link::of_order(&server.conf().centre, &server.keys, order.series)?;
                    centre::activate(&server.keys, &link, &order, now().seconds())
                })
                .await?;
            server.tell_installed(&installed, &by).await;
            Ok(installed)
        })
        .await
    }

    /// The request that somebody carries to the licence centre. The same order again gives the same.
    ///
    /// # Errors
    /// [`CentreError`].
    pub async fn prepare_activation(
        self: &Arc<Self>,
        order: Order,
    ) -> Result<Vec<u8>, CentreError> {
        self.beside(move |server| centre::prepare(&server.keys, &order, now().seconds()))
            .await
    }

    /// Takes the centre's answer that somebody carried here.
    ///
    /// # Errors
    /// [`CentreError`].
    pub async fn accept_answer(
        self: &Arc<Self>,
        answer: Vec<u8>,
        by: Admin,
    ) -> Result<Accepted, CentreError> {
        let server = Arc::clone(self);
        to_its_end(async move {
            let accepted = server
                .beside(move |server| {
                    let reply = Reply::from_bytes(&answer).map_err(CentreError::Answer)?;
                    centre::accept(&server.keys, reply)
                })
                .await?;
            match &accepted {
                Accepted::Installed(installed) => server.tell_installed(installed, &by).await,
                Accepted::GivenBack(_) => server.tell_keys(None).await,
            }
            Ok(accepted)
        })
        .await
    }

    /// Gives a key back to the licence centre: the code that activates it elsewhere.
    ///
    /// # Errors
    /// [`CentreError`]; the same call again goes on from where it was.
    pub async fn give_key_back(
        self: &Arc<Self>,
        key: (KeyId, u32),
        by: Admin,
    ) -> Result<ActivationCode, CentreError> {
        let server = Arc::clone(self);
        to_its_end(async move {
            let code = server
                .beside(move |server| {
                    let link = Link::of_series(&server.conf().centre, &server.keys, key.0)?;
                    centre::reserve(&server.keys, &link, key, now().seconds())
                })
                .await;
            // Also when the answer was lost: the key works no more then.
            server.tell_given_back(key, code.is_ok(), &by).await;
            code
        })
        .await
    }

    /// Makes the request that gives a key back, for somebody to carry, and the code that works once the vendor has it. The key
    /// works no more.
    ///
    /// # Errors
    /// [`CentreError`].
    pub async fn give_key_back_by_file(
        self: &Arc<Self>,
        key: (KeyId, u32),
        by: Admin,
    ) -> Result<(Vec<u8>, ActivationCode), CentreError> {
        let server = Arc::clone(self);
        to_its_end(async move {
            let made = server
                .beside(move |server| centre::reserve_offline(&server.keys, key, now().seconds()))
                .await?;
            server.tell_given_back(key, true, &by).await;
            Ok(made)
        })
        .await
    }

    /// Notes that somebody is shown an activation code whole. It is not shown when that cannot be noted.
    ///
    /// # Errors
    /// Those of the journal.
    pub async fn note_code_shown(
        &self,
        (key_id, key_no): (KeyId, u32),
        by: &Admin,
    ) -> Result<(), StoreError> {
        let event = Event {
            key_no: Some(key_no),
            ..Event::new(EventKind::CodeShown)
        };
        self.journal.note(Some(key_id), event.by(by)).await
    }

    /// Does what waits for disk or network, beside the threads that serve others.
    async fn beside<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, CentreError> + Send + 'static,
    ) -> Result<T, CentreError> {
        let server = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&server))
            .await
            .map_err(|_| CentreError::OtherAnswer)?
    }

    async fn tell_given_back(&self, (key_id, key_no): (KeyId, u32), done: bool, by: &Admin) {
        let event = Event {
            key_no: Some(key_no),
            ..Event::new(EventKind::KeyGivenBack)
        };
        self.tell_keys(done.then(|| (key_id, event.by(by)))).await;
    }

    /// Tells the ledger of keys that came or went, and the journal of what was done.
    async fn tell_keys(&self, event: Option<(KeyId, Event)>) {
        let told = async {
            if let Some((key_id, event)) = event {
                self.journal.note(Some(key_id), event).await?;
            }
            self.keys_changed().await
        };
        if let Err(error) = told.await {
            // The files are as they are; the ledger hears of them as soon as the disk lets it.
            log::error!("{error}");
            self.keys.look_again();
        }
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
