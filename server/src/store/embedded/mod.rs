//! The embedded store: one writer thread, the ledger in memory, SQLite behind it.
//!
//! Readers of the ledger look at memory; those of the journal and the history read the file by a connection of their own,
//! beside the writer.

mod check;
mod events;
mod rows;
mod schema;
mod usage;
mod writer;

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    path::Path,
    sync::Arc,
    time::Duration,
};

pub use check::check;

use protocol::KeyId;
use rusqlite::Connection as Database;
use tokio::sync::{Semaphore, broadcast, oneshot};

use self::writer::{Message, Reply, Writer};
use super::{
    Answer, Change, ConnectionName, ConnectionRow, EventPage, EventQuery, Journal, SessionRow,
    Store, StoreError, UsageNow, UsageQuery, UsageRow,
};
use crate::{
    accounting::{
        Command, ConnectionId, Due, Event, Glance, Index, Lost, Moment, Now, Outcome, RuleBook,
        SessionId, View,
    },
    sync::{
        Mutex, RwLock, mpsc,
        thread::{self, JoinHandle},
    },
};

/// How many changes a slow listener may be behind.
const CHANGES: usize = 4096;
/// How many sessions are looked at in one go.
const LOOK_CHUNK: usize = 512;
/// How long a search of the file waits for those before it.
const READ_PATIENCE: Duration = Duration::from_secs(10);
/// How large the write-ahead log stays after a burst, in bytes.
const LOG_LIMIT: i64 = 64 * 1024 * 1024;

/// Tells the time.
pub type Clock = Box<dyn Fn() -> Now + Send>;
/// Is told of sessions that ended, once that is safe on disk, whoever caused it.
pub type Listener = Box<dyn Fn(Vec<Lost>) + Send>;

/// One series in memory.
#[derive(Default)]
struct Series {
    index: Index,
    /// When the keys must be looked at again.
    due: Due,
    meter: Meter,
}

/// What is counted of the minute that is under way.
#[derive(Default)]
struct Meter {
    peak: u32,
    denied: u32,
}

type Ledger = Arc<RwLock<HashMap<KeyId, Arc<RwLock<Series>>>>>;

/// The embedded store.
pub struct Embedded {
    ledger: Ledger,
    inbox: Option<mpsc::Sender<Message>>,
    writer: Option<JoinHandle<()>>,
    reader: Arc<Mutex<Database>>,
    /// Who may read the file: one at a time. A place is kept until the search is over, whether or not somebody waits for it
    /// still, so that no crowd of slow ones takes all threads.
    pub(super) reading: Arc<Semaphore>,
    changes: broadcast::Sender<Change>,
    /// Held as long as the store is open.
    _lock: File,
}

impl Embedded {
    /// Opens or makes the file, and reads all of it.
    ///
    /// # Errors
    /// When the file cannot be opened, is newer, or damaged.
    pub fn open(
        file: &Path,
        rules: RuleBook,
        clock: Clock,
        listener: Listener,
    ) -> Result<Self, StoreError> {
        let disk = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseBusy) => {
                StoreError::InUse(file.display().to_string())
            }
            _ => StoreError::Disk(format!("{}: {error}", file.display())),
        };
        let lock = lock(file)?;
        let mut database = open(file).map_err(disk)?;
        database
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(disk)?;
        database
            .pragma_update(None, "synchronous", "FULL")
            .map_err(disk)?;
        database
            .pragma_update(None, "journal_size_limit", LOG_LIMIT)
            .map_err(disk)?;
        let found = schema::version(&database).map_err(disk)?;
        if found > schema::VERSION {
            return Err(StoreError::Newer {
                found,
                known: schema::VERSION,
            });
        }
        schema::migrate(&mut database, found).map_err(disk)?;
        let mut reader = open(file).map_err(disk)?;
        reader
            .pragma_update(None, "query_only", true)
            .map_err(disk)?;
        let mut series: HashMap<KeyId, Series> = HashMap::new();
        rows::read(&database, &mut reader, |key_id, delta| {
            series.entry(key_id).or_default().index.apply(delta);
        })
        .map_err(|error| StoreError::Damaged(error, file.display().to_string()))?;
        let ledger: Ledger = Arc::new(RwLock::new(
            series
                .into_iter()
                .map(|(key_id, series)| (key_id, Arc::new(RwLock::new(series))))
                .collect(),
        ));
        let (changes, _) = broadcast::channel(CHANGES);
        let (sender, inbox) = mpsc::channel();
        let writer = Writer::new(
            Arc::clone(&ledger),
            database,
            rules,
            clock,
            listener,
            changes.clone(),
        )
        .map_err(disk)?;
        let writer = thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run(&inbox))
            .map_err(|error| StoreError::Disk(error.to_string()))?;
        Ok(Self {
            ledger,
            inbox: Some(sender),
            writer: Some(writer),
            reader: Arc::new(Mutex::new(reader)),
            reading: Arc::new(Semaphore::new(1)),
            changes,
            _lock: lock,
        })
    }

    fn all(&self) -> Vec<(KeyId, Arc<RwLock<Series>>)> {
        self.ledger
            .read()
            .iter()
            .map(|(key_id, series)| (*key_id, Arc::clone(series)))
            .collect()
    }

    /// Asks the writer, whose answer comes once the disk has it.
    fn ask<T: Send + 'static>(&self, message: impl FnOnce(Reply<T>) -> Message) -> Answer<'_, T> {
        let (reply, answer) = oneshot::channel();
        let message = message(reply);
        let sent = self
            .inbox
            .as_ref()
            .is_some_and(|inbox| inbox.send(message).is_ok());
        Box::pin(async move {
            if !sent {
                return Err(StoreError::Stopping);
            }
            answer.await.unwrap_or(Err(StoreError::Stopping))
        })
    }

    /// Reads the file on a thread that may wait for the disk.
    fn look<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Database) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<'_, T> {
        let reader = Arc::clone(&self.reader);
        let place = Arc::clone(&self.reading).acquire_owned();
        Box::pin(async move {
            let place = tokio::time::timeout(READ_PATIENCE, place);
            let place = place.await.map_err(|_| StoreError::Busy)?;
            let search = move || {
                let found = read(&reader.lock()).map_err(StoreError::from);
                drop(place);
                found
            };
            tokio::task::spawn_blocking(search)
                .await
                .unwrap_or(Err(StoreError::Stopping))
        })
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // The closed channel ends the writer after its last batch.
        drop(self.inbox.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            log::error!("the store's writer ended in a panic");
        }
    }
}

fn open(file: &Path) -> rusqlite::Result<Database> {
    let database = Database::open(file)?;
    narrow(file);
    database.busy_timeout(Duration::from_secs(1))?;
    Ok(database)
}

/// Another server on the same file would count the same seats twice. The system lets go of the lock when the process
/// ends, however it ends.
fn lock(file: &Path) -> Result<File, StoreError> {
    let path = file.with_extension("lock");
    let failed = |error: std::io::Error| StoreError::Disk(format!("{}: {error}", path.display()));
    let lock = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(StoreError::InUse(file.display().to_string()))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// The store has users' names in it: nobody but the server reads it.
fn narrow(file: &Path) {
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        if let Err(error) = std::fs::set_permissions(file, mode) {
            log::warn!(
                "the rights of {} cannot be narrowed: {error}",
                file.display()
            );
        }
    }
    // On Windows the data folder's rights are inherited.
    #[cfg(not(unix))]
    let _ = file;
}

impl Store for Embedded {
    fn apply(&self, key_id: KeyId, command: Command) -> Answer<'_, Outcome> {
        self.ask(|reply| Message::Command(key_id, Box::new(command), reply))
    }

    fn answers(&self) -> Answer<'_, ()> {
        self.ask(Message::Ping)
    }

    fn connections(&self) -> Answer<'_, Vec<ConnectionRow>> {
        let mut found = Vec::new();
        for (key_id, series) in self.all() {
            let series = series.read();
            found.extend(series.index.connections().map(|connection| ConnectionRow {
                key_id,
                connection: connection.clone(),
            }));
        }
        Box::pin(async move { Ok(found) })
    }

    fn connection(&self, id: ConnectionId) -> Answer<'_, Option<ConnectionRow>> {
        let found = self.all().into_iter().find_map(|(key_id, series)| {
            let series = series.read();
            let connection = series.index.connection(&id)?;
            Some(ConnectionRow { key_id, connection })
        });
        Box::pin(async move { Ok(found) })
    }

    fn sessions(&self) -> Answer<'_, Vec<SessionRow>> {
        let mut found = Vec::new();
        for (key_id, series) in self.all() {
            let series = series.read();
            found.extend(
                series
                    .index
                    .sessions()
                    .map(|session| SessionRow { key_id, session }),
            );
        }
        Box::pin(async move { Ok(found) })
    }

    fn look_at_sessions(&self, key_id: Option<KeyId>, look: &mut dyn FnMut(KeyId, &Glance<'_>)) {
        let all = self.all().into_iter();
        for (key_id, series) in
            all.filter(|(other, _)| key_id.is_none_or(|wanted| wanted == *other))
        {
            let mut next = Some(0);
            // The writer gets its turn between two parts.
            while let Some(from) = next {
                let series = series.read();
                next = series
                    .index
                    .glance(from, LOOK_CHUNK, &mut |session| look(key_id, session));
            }
        }
    }

    fn some_sessions(&self, ids: &[(KeyId, SessionId)]) -> Vec<SessionRow> {
        let find = |(key_id, id): &(KeyId, SessionId)| {
            let series = self.ledger.read().get(key_id).map(Arc::clone)?;
            let session = series.read().index.session(id)?;
            Some(SessionRow {
                key_id: *key_id,
                session,
            })
        };
        ids.iter().filter_map(find).collect()
    }

    fn connection_names(&self) -> Answer<'_, Vec<ConnectionName>> {
        let mut found = Vec::new();
        for (key_id, series) in self.all() {
            let series = series.read();
            found.extend(series.index.connections().map(|connection| ConnectionName {
                created: connection.created,
                id: connection.id,
                key_id,
            }));
        }
        Box::pin(async move { Ok(found) })
    }

    fn session(&self, id: SessionId) -> Answer<'_, Option<SessionRow>> {
        let found = self.all().into_iter().find_map(|(key_id, series)| {
            let series = series.read();
            Some(SessionRow {
                key_id,
                session: series.index.session(&id)?,
            })
        });
        Box::pin(async move { Ok(found) })
    }

    fn linger_ended(&self, now: Moment, linger: Duration) -> Answer<'_, Vec<(KeyId, SessionId)>> {
        let mut found = Vec::new();
        for (key_id, series) in self.all() {
            found.extend(
                series
                    .read()
                    .index
                    .linger_ended(now, linger)
                    .into_iter()
                    .map(|session| (key_id, session)),
            );
        }
        Box::pin(async move { Ok(found) })
    }

    fn kept_only_by(&self, connections: HashSet<ConnectionId>) -> Answer<'_, Vec<(KeyId, u32)>> {
        let mut found = Vec::new();
        for (key_id, series) in self.all() {
            let count = series.read().index.kept_only_by(&connections);
            found.extend((count > 0).then_some((key_id, count)));
        }
        Box::pin(async move { Ok(found) })
    }

    fn keys_due(&self, now: Moment) -> Answer<'_, Vec<KeyId>> {
        let due = |series: &RwLock<Series>| series.read().due.is_at(now);
        let found = self
            .all()
            .into_iter()
            .filter(|(_, series)| due(series))
            .map(|(key_id, _)| key_id)
            .collect();
        Box::pin(async move { Ok(found) })
    }

    fn series(&self) -> Answer<'_, Vec<KeyId>> {
        let found = self.ledger.read().keys().copied().collect();
        Box::pin(async move { Ok(found) })
    }

    fn set_rules(&self, rules: RuleBook) {
        if let Some(inbox) = &self.inbox {
            // A stopped writer needs no rules.
            drop(inbox.send(Message::Rules(Box::new(rules))));
        }
    }

    fn keys_off(&self) -> Answer<'_, Vec<(KeyId, u32)>> {
        let mut found = Vec::new();
        for (key_id, series) in self.all() {
            let states = series.read().index.key_states();
            let off = states.into_iter().filter(|state| state.off);
            found.extend(off.map(|state| (key_id, state.key_no)));
        }
        Box::pin(async move { Ok(found) })
    }

    fn used(&self, key_id: KeyId, key_no: u32) -> Answer<'_, u32> {
        let series = self.ledger.read().get(&key_id).map(Arc::clone);
        let used = series.map_or(0, |series| series.read().index.used(key_no));
        Box::pin(async move { Ok(used) })
    }
}

impl Journal for Embedded {
    fn note(&self, key_id: Option<KeyId>, event: Event) -> Answer<'_, ()> {
        self.ask(|reply| Message::Note(key_id, Box::new(event), reply))
    }

    fn events(&self, query: EventQuery) -> Answer<'_, EventPage> {
        self.look(move |database| events::read(database, &query))
    }

    fn usage(&self, query: UsageQuery) -> Answer<'_, Vec<UsageRow>> {
        self.look(move |database| usage::read(database, &query))
    }

    fn usage_now(&self) -> Answer<'_, Vec<UsageNow>> {
        let mut found = Vec::new();
        for (key_id, series) in self.all() {
            let series = series.read();
            let index = &series.index;
            found.push(UsageNow {
                key_id,
                used: index.occupied(),
                total: index.given(),
                peak: series.meter.peak.max(index.occupied()),
                denied: series.meter.denied,
                sessions: u32::try_from(index.session_count()).unwrap_or(u32::MAX),
                keys: index
                    .usable_keys()
                    .map(|key| (key.key_no, index.used(key.key_no), key.seats))
                    .collect(),
                apps: index.apps(),
            });
        }
        found.sort_by_key(|usage| usage.key_id);
        Box::pin(async move { Ok(found) })
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    fn minute_passed(&self) -> Answer<'_, ()> {
        self.ask(Message::Minute)
    }

    fn forget(&self, before: Moment) -> Answer<'_, bool> {
        self.ask(|reply| Message::Forget(before, reply))
    }
}
