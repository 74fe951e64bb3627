//! The embedded store: one writer thread, the ledger in memory, SQLite behind it.
//!
//! The writer decides commands one after the other, changes memory at once and keeps what undoes each change.
//! Commands that came together share one commit, and so one sync of the disk; nobody is answered before it.
//! When the commit fails, memory is put back and everybody is told.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use parking_lot::RwLock;
use protocol::KeyId;
use rusqlite::Connection as Database;
use tokio::sync::oneshot;

use super::{Answer, ConnectionRow, SessionRow, Store, StoreError, rows, schema};
use crate::accounting::{
    Command, ConnectionId, Delta, Index, Lost, Moment, Outcome, Rules, SessionId, View, decide,
    next_change,
};

/// The most commands that share a commit: enough for group commit, few enough that nobody waits long.
const BATCH: usize = 2048;

/// Tells the time.
pub type Clock = Box<dyn Fn() -> Moment + Send>;
/// Is told of sessions that ended, once that is safe on disk, whoever caused it.
pub type Listener = Box<dyn Fn(Vec<Lost>) + Send>;
type Reply = oneshot::Sender<Result<Outcome, StoreError>>;

struct Job {
    key_id: KeyId,
    command: Command,
    reply: Reply,
}

enum Message {
    Job(Box<Job>),
    Rules(Rules),
}

/// One series in memory.
#[derive(Default)]
struct Series {
    index: Index,
    /// When a key begins or ends next.
    due: Option<Moment>,
}

type Ledger = Arc<RwLock<HashMap<KeyId, Arc<RwLock<Series>>>>>;

/// The embedded store.
pub struct Embedded {
    ledger: Ledger,
    jobs: Option<mpsc::Sender<Message>>,
    writer: Option<JoinHandle<()>>,
}

impl Embedded {
    /// Opens or makes the file, and reads all of it.
    ///
    /// # Errors
    /// When the file cannot be opened, is newer, or damaged.
    pub fn open(
        file: &Path,
        rules: Rules,
        clock: Clock,
        listener: Listener,
    ) -> Result<Self, StoreError> {
        let disk = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseBusy) => {
                StoreError::InUse(file.display().to_string())
            }
            _ => StoreError::Disk(format!("{}: {error}", file.display())),
        };
        let mut database = Database::open(file).map_err(disk)?;
        narrow(file);
        database
            .busy_timeout(Duration::from_secs(1))
            .map_err(disk)?;
        // Another server on the same file would count the same seats twice.
        database
            .pragma_update(None, "locking_mode", "EXCLUSIVE")
            .map_err(disk)?;
        database
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(disk)?;
        database
            .pragma_update(None, "synchronous", "FULL")
            .map_err(disk)?;
        let found = schema::version(&database).map_err(disk)?;
        if found > schema::VERSION {
            return Err(StoreError::Newer {
                found,
                known: schema::VERSION,
            });
        }
        schema::migrate(&mut database, found).map_err(disk)?;
        let mut series: HashMap<KeyId, Series> = HashMap::new();
        rows::read(&database, |key_id, delta| {
            series.entry(key_id).or_default().index.apply(delta);
        })
        .map_err(|error| StoreError::Damaged(error, file.display().to_string()))?;
        let ledger: Ledger = Arc::new(RwLock::new(
            series
                .into_iter()
                .map(|(key_id, series)| (key_id, Arc::new(RwLock::new(series))))
                .collect(),
        ));
        let (jobs, inbox) = mpsc::channel();
        let writer = Writer {
            ledger: Arc::clone(&ledger),
            database,
            rules,
            clock,
            listener,
        };
        let writer = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run(&inbox))
            .map_err(|error| StoreError::Disk(error.to_string()))?;
        Ok(Self {
            ledger,
            jobs: Some(jobs),
            writer: Some(writer),
        })
    }

    /// The rules change from the next command on.
    pub fn set_rules(&self, rules: Rules) {
        if let Some(jobs) = &self.jobs {
            // A stopped writer needs no rules.
            let _ = jobs.send(Message::Rules(rules));
        }
    }

    fn all(&self) -> Vec<(KeyId, Arc<RwLock<Series>>)> {
        self.ledger
            .read()
            .iter()
            .map(|(key_id, series)| (*key_id, Arc::clone(series)))
            .collect()
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // The closed channel ends the writer after its last batch.
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            log::error!("the store's writer ended in a panic");
        }
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

struct Writer {
    ledger: Ledger,
    database: Database,
    rules: Rules,
    clock: Clock,
    listener: Listener,
}

/// What a batch did, until it is safe on disk.
#[derive(Default)]
struct Batch {
    written: Vec<(KeyId, Delta)>,
    undo: Vec<(Arc<RwLock<Series>>, Delta)>,
    due: Vec<(Arc<RwLock<Series>>, Option<Moment>)>,
    answers: Vec<(Reply, Outcome)>,
    lost: Vec<Lost>,
}

impl Writer {
    fn run(mut self, inbox: &mpsc::Receiver<Message>) {
        while let Ok(first) = inbox.recv() {
            let mut batch = Batch::default();
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Job(job) => self.decide(*job, &mut batch),
                    Message::Rules(rules) => self.rules = rules,
                }
                next = if batch.answers.len() < BATCH {
                    inbox.try_recv().ok()
                } else {
                    None
                };
            }
            self.commit(batch);
        }
    }

    fn series(&self, key_id: KeyId) -> Arc<RwLock<Series>> {
        if let Some(series) = self.ledger.read().get(&key_id) {
            return Arc::clone(series);
        }
        Arc::clone(self.ledger.write().entry(key_id).or_default())
    }

    fn decide(&self, job: Job, batch: &mut Batch) {
        let now = (self.clock)();
        let series = self.series(job.key_id);
        let overdue = series.read().due.is_some_and(|due| due <= now);
        let timed = matches!(job.command, Command::TimePassed | Command::KeysChanged(_));
        if overdue && !timed {
            // A key ended a moment ago: nobody may be seated by its former state.
            self.one(job.key_id, &series, Command::TimePassed, now, batch);
        }
        let outcome = self.one(job.key_id, &series, job.command, now, batch);
        batch.answers.push((job.reply, outcome));
    }

    fn one(
        &self,
        key_id: KeyId,
        series: &Arc<RwLock<Series>>,
        command: Command,
        now: Moment,
        batch: &mut Batch,
    ) -> Outcome {
        let timed = matches!(command, Command::TimePassed | Command::KeysChanged(_));
        // Only this thread writes, so what is read here still holds below.
        let decision = decide(&series.read().index, command, &self.rules, now);
        let mut locked = series.write();
        for delta in decision.deltas {
            if !matches!(delta, Delta::SetKeys(_)) {
                batch.written.push((key_id, delta.clone()));
            }
            let undo = locked.index.apply(delta);
            batch.undo.push((Arc::clone(series), undo));
        }
        if timed {
            let due = next_change(locked.index.keys(), now);
            batch
                .due
                .push((Arc::clone(series), std::mem::replace(&mut locked.due, due)));
        }
        if let Outcome::Done { lost, .. } = &decision.outcome {
            batch.lost.extend(lost.iter().cloned());
        }
        decision.outcome
    }

    fn commit(&mut self, batch: Batch) {
        match self.write(&batch.written) {
            Ok(()) => {
                if !batch.lost.is_empty() {
                    (self.listener)(batch.lost);
                }
                for (reply, outcome) in batch.answers {
                    // Who asked may be gone; the ledger is right without them.
                    let _ = reply.send(Ok(outcome));
                }
            }
            Err(error) => {
                let error = StoreError::Disk(error.to_string());
                log::error!("{error}");
                for (series, delta) in batch.undo.into_iter().rev() {
                    series.write().index.apply(delta);
                }
                for (series, due) in batch.due.into_iter().rev() {
                    series.write().due = due;
                }
                for (reply, _) in batch.answers {
                    let _ = reply.send(Err(error.clone()));
                }
            }
        }
    }

    fn write(&mut self, written: &[(KeyId, Delta)]) -> rusqlite::Result<()> {
        if written.is_empty() {
            return Ok(());
        }
        let transaction = self.database.transaction()?;
        for (key_id, delta) in written {
            rows::write(&transaction, *key_id, delta)?;
        }
        transaction.commit()
    }
}

impl Store for Embedded {
    fn apply(&self, key_id: KeyId, command: Command) -> Answer<'_, Outcome> {
        let (reply, answer) = oneshot::channel();
        let job = Message::Job(Box::new(Job {
            key_id,
            command,
            reply,
        }));
        let sent = self
            .jobs
            .as_ref()
            .is_some_and(|jobs| jobs.send(job).is_ok());
        Box::pin(async move {
            if !sent {
                return Err(StoreError::Stopping);
            }
            answer.await.unwrap_or(Err(StoreError::Stopping))
        })
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

    fn linger_ended(&self, now: Moment) -> Answer<'_, Vec<(KeyId, SessionId)>> {
        let mut found = Vec::new();
        for (key_id, series) in self.all() {
            found.extend(
                series
                    .read()
                    .index
                    .linger_ended(now)
                    .into_iter()
                    .map(|session| (key_id, session)),
            );
        }
        Box::pin(async move { Ok(found) })
    }

    fn keys_due(&self, now: Moment) -> Answer<'_, Vec<KeyId>> {
        let due = |series: &RwLock<Series>| series.read().due.is_some_and(|due| due <= now);
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

    fn used(&self, key_id: KeyId, key_no: u32) -> Answer<'_, u32> {
        let series = self.ledger.read().get(&key_id).map(Arc::clone);
        let used = series.map_or(0, |series| series.read().index.used(key_no));
        Box::pin(async move { Ok(used) })
    }
}
