//! What people are shown, as plain rows: the same for the REST API and for pages, and free of HTTP.

mod connections;
mod events;
mod licences;
mod products;
mod serverinfo;
mod sessions;
mod time;
mod usage;

pub use connections::{Connection, Connections};
pub use events::{Event, Events};
pub use licences::{Licence, Licences};
pub use products::{Product, ProductKey};
pub use serverinfo::ServerInfo;
pub use sessions::{Seated, Session, SessionOrder, SessionSearch, Sessions};
pub use usage::{AppUsage, KeyUsage, PastUsage, UsageHistory, UsageNow, UsageOfNow};

pub(crate) use time::{iso, moment};

/// A list of rows under a name, as the API answers it.
pub trait Many: serde::Serialize {
    /// One row. Its default tells the fields and their order.
    type Row: serde::Serialize + Default;
    /// The list's name.
    const NAME: &str;

    /// The list of these rows.
    fn of(rows: Vec<Self::Row>) -> Self;
}
