//! The component processes that talk to this server.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Many, time::iso};
use crate::{
    accounting::{ConnectionId, Moment},
    server::{Server, now},
    store::{ConnectionRow, StoreError},
};

/// All of them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Connections {
    /// The oldest first.
    pub connections: Vec<Connection>,
}

impl Many for Connections {
    type Row = Connection;
    const NAME: &str = "Connections";

    fn of(connections: Vec<Connection>) -> Self {
        Self { connections }
    }
}

/// One connection: all values are strings, as the manual has them, only IsServer is none.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Connection {
    /// Names the connection
    #[serde(rename = "ID")]
    pub id: String,
    /// The address that it comes from
    #[serde(rename = "PeerIP")]
    pub peer_ip: String,
    /// When it was made, UTC
    pub created: String,
    /// When it was heard last, UTC
    pub last_used: String,
    /// The system of its computer
    #[serde(rename = "OSVersion")]
    pub os_version: String,
    /// Its computer
    pub computer_name: String,
    /// That computer's addresses
    #[serde(rename = "LocalIP")]
    pub local_ip: String,
    /// The program's file
    pub process: String,
    /// i386 or x86_64
    #[serde(rename = "CPU")]
    pub cpu: String,
    /// The process's number
    #[serde(rename = "PID")]
    pub pid: String,
    /// Whether it is a server process of the platform
    pub is_server: bool,
    /// The platform's version
    pub platform_version: String,
    /// The component's file
    pub module_name: String,
    /// The component's version
    pub version: String,
    /// The series
    #[serde(rename = "KeyID")]
    pub key_id: String,
    /// When it ends if it stays silent, UTC
    pub expire_time: String,
    /// True or False: whether that is past
    pub expired: String,
}

/// How many connections are looked at in one go.
const CHUNK: usize = 256;

impl Server {
    /// The connections that pass, all where nothing is asked, the oldest first: so many after the first `offset`, and how many
    /// pass altogether.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn read_connections(
        &self,
        passes: Option<&(dyn Fn(&Connection) -> bool + Send + Sync)>,
        offset: usize,
        limit: usize,
    ) -> Result<(Vec<Connection>, usize), StoreError> {
        let mut names = self.store.connection_names().await?;
        names.sort_unstable();
        let now = now();
        let (mut page, mut found) = (Vec::new(), 0);
        for (at, name) in names.into_iter().enumerate() {
            if at % CHUNK == CHUNK - 1 {
                // Others get their turn.
                tokio::task::yield_now().await;
            }
            let here = found >= offset && page.len() < limit;
            let mut row = None;
            if here || passes.is_some() {
                let read = self.store.connection(name.id).await?;
                row = read.map(|row| describe(self, &row, now));
                if row.is_none() || !passes.is_none_or(|passes| row.as_ref().is_some_and(passes)) {
                    continue;
                }
            }
            found += 1;
            page.extend(row.filter(|_| here));
        }
        Ok((page, found))
    }

    /// One connection.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read_connection(
        &self,
        id: ConnectionId,
    ) -> Result<Option<Connection>, StoreError> {
        let row = self.store.connection(id).await?;
        Ok(row.map(|row| describe(self, &row, now())))
    }
}

/// When a connection ends if it stays silent, and whether that is past.
pub(super) fn expiry(
    server: &Server,
    last_used: Option<Moment>,
    created: Moment,
) -> (Moment, bool) {
    match last_used {
        Some(last) => (last.after(server.conf().expire), false),
        None => (created, true),
    }
}

/// A bool as connections write it.
pub(super) fn true_or_false(value: bool) -> String {
    if value { "True" } else { "False" }.into()
}

fn describe(server: &Server, row: &ConnectionRow, now: Moment) -> Connection {
    let connection = &row.connection;
    let last_used = server.lives.last_used(&connection.id, now);
    let (expires, expired) = expiry(server, last_used, connection.created);
    let facts = &connection.facts;
    Connection {
        id: connection.id.to_string(),
        peer_ip: connection.peer_ip.clone(),
        created: iso(connection.created).unwrap_or_default(),
        last_used: iso(last_used.unwrap_or(connection.created)).unwrap_or_default(),
        os_version: facts.os_version.clone(),
        computer_name: facts.computer_name.clone(),
        local_ip: facts.local_ip.clone(),
        process: facts.process.clone(),
        cpu: facts.cpu.clone(),
        pid: facts.pid.to_string(),
        is_server: facts.is_server,
        platform_version: facts.platform_version.clone(),
        module_name: facts.module_name.clone(),
        version: facts.version.clone(),
        key_id: row.key_id.to_string(),
        expire_time: iso(expires).unwrap_or_default(),
        expired: true_or_false(expired),
    }
}
