//! What components talk to: `/component/v1/`, handshakes, channels, and the requests inside them.

mod channel;
mod dispatch;
mod http;
mod objects;
mod presence;
mod upkeep;

use std::{sync::Arc, time::Duration};

use protocol::{KeyId, Reason, wire::frame::Refusal};

pub use http::router;
pub use presence::Notices;
pub use upkeep::run as run_upkeep;

use crate::{
    accounting::{Command, ConnectionId, Moment, Unusable},
    keys::KeyRing,
    store::{Store, StoreError},
};
use channel::Channels;
use objects::Directories;
use presence::Presence;

/// The times that components are told.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Between heartbeats.
    pub heartbeat: Duration,
    /// A connection silent for so long is expired.
    pub expire: Duration,
    /// How long a detached session stays.
    pub linger: Duration,
}

/// Describes this server as JSON, for a component's `ServerInfo`.
pub type Describe = Box<dyn Fn() -> String + Send + Sync>;

/// All that serving components needs.
pub struct Component {
    store: Arc<dyn Store>,
    keys: Arc<KeyRing>,
    times: Times,
    channels: Channels,
    presence: Presence,
    notices: Arc<Notices>,
    directories: Directories,
    describe: Describe,
}

impl Component {
    /// Takes over the store's connections: each has its full time of silence from now on.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn start(
        store: Arc<dyn Store>,
        keys: Arc<KeyRing>,
        times: Times,
        notices: Arc<Notices>,
        describe: Describe,
    ) -> Result<Arc<Self>, StoreError> {
        let presence = Presence::default();
        for row in store.connections().await? {
            presence.came(row.connection.id, row.key_id);
        }
        let component = Self {
            store,
            keys,
            times,
            channels: Channels::default(),
            presence,
            notices,
            directories: Directories::default(),
            describe,
        };
        component.keys_changed().await?;
        Ok(Arc::new(component))
    }

    /// How long a connection may stay silent from now on.
    pub fn expires_in(&self, connection: ConnectionId) -> Duration {
        self.times.expire.saturating_sub(self.silence(connection))
    }

    /// How long a connection has been silent.
    pub fn silence(&self, connection: ConnectionId) -> Duration {
        self.presence.silence(connection).unwrap_or_default()
    }

    /// Tells the ledger which keys there are.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn keys_changed(&self) -> Result<(), StoreError> {
        let mut pools = self.keys.pools();
        for key_id in self.store.series().await? {
            // A series whose last key went away has an empty pool.
            pools.entry(key_id).or_default();
        }
        for (key_id, keys) in pools {
            self.store.apply(key_id, Command::KeysChanged(keys)).await?;
        }
        Ok(())
    }
}

/// The reason's number for a key that gives no seats.
pub(crate) fn reason_of(unusable: Unusable) -> Reason {
    match unusable {
        Unusable::NotStarted(_) => Reason::NotStarted,
        Unusable::Expired(_) => Reason::Expired,
        Unusable::Disabled => Reason::Disabled,
        Unusable::NotWorkable | Unusable::NoMainKey | Unusable::BesideOther => Reason::NotWorkable,
    }
}

fn refusal(reason: Reason, key_id: KeyId) -> Refusal {
    let (english, russian) = match reason {
        Reason::Expired => (
            format!("the licence of series {key_id} has expired; renew it"),
            format!("срок лицензии серии {key_id} истёк; продлите её"),
        ),
        Reason::NotStarted => (
            format!("the licence of series {key_id} has not begun yet"),
            format!("срок лицензии серии {key_id} ещё не начался"),
        ),
        Reason::NoLicence => (
            format!("this server has no licence of series {key_id}; install one"),
            format!("на этом сервере нет лицензии серии {key_id}; установите её"),
        ),
        _ => (
            format!(
                "the licence of series {key_id} cannot be used; the server's list of licences says why"
            ),
            format!(
                "лицензию серии {key_id} нельзя использовать; причина указана в списке лицензий сервера"
            ),
        ),
    };
    Refusal {
        reason,
        english,
        russian,
    }
}

/// The wall clock.
pub fn now() -> Moment {
    Moment(jiff::Timestamp::now().as_millisecond())
}
