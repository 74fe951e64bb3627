//! Keys of protected objects: derived here for sessions that hold a seat, never content keys themselves.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use protocol::{Reason, datafile::SignedDirectory, signature::Secret, wire::message::ObjectKey};

use super::{Component, channel::Channel};
use crate::accounting::{ConnectionId, SessionId};

/// How many directories are remembered. Products have a few datafiles each; past this, all are asked anew.
const MAX_DIRECTORIES: usize = 256;

/// Directories whose signature was checked, by their hash.
#[derive(Default)]
pub(super) struct Directories(Mutex<HashMap<[u8; 32], Arc<SignedDirectory>>>);

impl Directories {
    fn get(&self, hash: &[u8; 32]) -> Option<Arc<SignedDirectory>> {
        self.0.lock().get(hash).cloned()
    }

    fn put(&self, directory: SignedDirectory) -> Arc<SignedDirectory> {
        let directory = Arc::new(directory);
        let mut all = self.0.lock();
        if all.len() >= MAX_DIRECTORIES {
            all.clear();
        }
        all.insert(directory.hash, Arc::clone(&directory));
        directory
    }
}

impl Component {
    /// The key of one object, if the session's key allows it.
    pub(super) async fn object_key(
        &self,
        channel: &Channel,
        connection: ConnectionId,
        ask: ObjectKey,
    ) -> Result<Secret, Reason> {
        let session = self
            .store
            .session(SessionId(ask.session.0))
            .await
            .map_err(|_| Reason::StoreFailed)?;
        let session = session
            .filter(|row| {
                row.key_id == channel.key_id && row.session.attached.contains(&connection)
            })
            .ok_or(Reason::UnknownSession)?
            .session;
        let directory = match (self.directories.get(&ask.directory_hash), ask.directory) {
            (Some(directory), _) => directory,
            (None, Some(bytes)) => {
                let series = self
                    .keys
                    .public_key(channel.key_id)
                    .ok_or(Reason::NoLicence)?;
                let directory =
                    SignedDirectory::read(&bytes, Some(&series)).map_err(|_| Reason::Altered)?;
                if directory.hash != ask.directory_hash {
                    return Err(Reason::Altered);
                }
                self.directories.put(directory)
            }
            (None, None) => return Err(Reason::SendDirectory),
        };
        let key = self.keys.object_key(
            &directory.directory,
            &ask.name,
            channel.key_id,
            session.key_no,
        );
        key.map_err(|error| error.0)
    }
}
