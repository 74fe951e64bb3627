//! The writer: decides commands one after the other, and commits those that came together at once.
//!
//! It changes memory as it decides and keeps what undoes each change. Nobody is answered before the disk has it; when
//! the commit fails, memory is put back and everybody is told.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use protocol::KeyId;
use rusqlite::Connection as Database;
use tokio::sync::{broadcast, oneshot};

use super::{Clock, Ledger, Listener, Series, events, rows, schema, usage};
use crate::{
    accounting::{
        Command, Delta, Due, Event, Lost, Moment, Now, Outcome, RuleBook, Rules, View, decide,
    },
    store::{
        StoreError,
        journal::{Change, EventRow, Step, UsageRow},
    },
    sync::{RwLock, mpsc},
};

/// The most commands that share a commit: enough for group commit, few enough that nobody waits long.
const BATCH: usize = 2048;
/// The rows after which a commit takes no more commands. One command may change many.
const BATCH_ROWS: usize = 4096;

pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked for.
pub(super) enum Message {
    /// A command about a series.
    Command(KeyId, Box<Command>, Reply<Outcome>),
    /// Other rules from now on.
    Rules(Box<RuleBook>),
    /// A line of the journal.
    Note(Option<KeyId>, Box<Event>, Reply<()>),
    /// A look at the clock: minutes that are over are written.
    Minute(Reply<()>),
    /// Whether there is somebody, and whether the disk takes what is written.
    Ping(Reply<()>),
    /// Old lines and rows are forgotten.
    Forget(Moment, Reply<bool>),
}

/// Who waits for the commit.
enum Waiting {
    Outcome(Reply<Outcome>, Outcome),
    Done(Reply<()>),
    Forgotten(Reply<bool>),
}

/// What a batch did, until it is safe on disk.
#[derive(Default)]
struct Batch {
    written: Vec<(KeyId, Delta)>,
    undo: Vec<(Arc<RwLock<Series>>, Delta)>,
    /// Series whose keys were looked at.
    looked: Vec<Arc<RwLock<Series>>>,
    events: Vec<EventRow>,
    minutes: Vec<UsageRow>,
    /// The minute that begins once these rows are written.
    next_minute: Option<Moment>,
    forget: Option<Moment>,
    /// Somebody asks how the disk is.
    pinged: bool,
    waiting: Vec<Waiting>,
    lost: Vec<Lost>,
    touched: BTreeSet<KeyId>,
}

/// The thread that alone changes the ledger.
pub(super) struct Writer {
    ledger: Ledger,
    database: Database,
    rule_book: RuleBook,
    /// What the book says of each series, as far as it was asked.
    rules: HashMap<KeyId, Arc<Rules>>,
    clock: Clock,
    listener: Listener,
    changes: broadcast::Sender<Change>,
    /// The number of the journal's last line.
    last_seq: i64,
    /// The minute whose usage is being counted.
    minute: Moment,
    /// What was told of a series' usage last: occupied, given.
    told: HashMap<KeyId, (u32, u32)>,
    /// The disk refused what was written last.
    refused: bool,
}

impl Writer {
    pub(super) fn new(
        ledger: Ledger,
        database: Database,
        rule_book: RuleBook,
        clock: Clock,
        listener: Listener,
        changes: broadcast::Sender<Change>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            last_seq: events::last(&database)?,
            minute: Step::Minute.begin(clock().wall),
            ledger,
            database,
            rule_book,
            rules: HashMap::new(),
            clock,
            listener,
            changes,
            told: HashMap::new(),
            refused: false,
        })
    }

    pub(super) fn run(mut self, inbox: &mpsc::Receiver<Message>) {
        while let Ok(first) = inbox.recv() {
            let mut batch = Batch::default();
            let mut next = Some(first);
            while let Some(message) = next {
                self.take(message, &mut batch);
                let full = batch.waiting.len() >= BATCH
                    || batch.written.len() >= BATCH_ROWS
                    || batch.forget.is_some();
                next = if full { None } else { inbox.try_recv().ok() };
            }
            self.commit(batch);
        }
        // The last minute was not whole, but what happened in it counts.
        let mut batch = Batch::default();
        self.count_minute(&mut batch, self.minute);
        self.commit(batch);
    }

    fn take(&mut self, message: Message, batch: &mut Batch) {
        match message {
            Message::Command(key_id, command, reply) => {
                let outcome = self.decide(key_id, *command, batch);
                batch.waiting.push(Waiting::Outcome(reply, outcome));
            }
            Message::Rules(book) => {
                self.rule_book = *book;
                self.rules.clear();
                // Whose application was free may need a seat now.
                for series in self.ledger.read().values() {
                    series.write().due = Due::at_once();
                }
            }
            Message::Note(key_id, event, reply) => {
                self.line(batch, key_id, (self.clock)().wall, *event);
                batch.waiting.push(Waiting::Done(reply));
            }
            Message::Minute(reply) => {
                let minute = Step::Minute.begin((self.clock)().wall);
                if minute != self.minute && batch.next_minute.is_none() {
                    self.count_minute(batch, minute);
                }
                batch.waiting.push(Waiting::Done(reply));
            }
            Message::Ping(reply) => {
                batch.pinged = true;
                batch.waiting.push(Waiting::Done(reply));
            }
            Message::Forget(before, reply) => {
                batch.forget = Some(before);
                batch.waiting.push(Waiting::Forgotten(reply));
            }
        }
    }

    fn line(&self, batch: &mut Batch, key_id: Option<KeyId>, at: Moment, event: Event) {
        batch.events.push(EventRow {
            seq: self.last_seq + 1 + batch.events.len() as i64,
            at,
            key_id,
            event,
        });
    }

    fn series(&self, key_id: KeyId) -> Arc<RwLock<Series>> {
        if let Some(series) = self.ledger.read().get(&key_id) {
            return Arc::clone(series);
        }
        Arc::clone(self.ledger.write().entry(key_id).or_default())
    }

    fn rules(&mut self, key_id: KeyId) -> Arc<Rules> {
        let rules = self.rules.entry(key_id);
        Arc::clone(rules.or_insert_with(|| Arc::new(self.rule_book.of(key_id))))
    }

    fn decide(&mut self, key_id: KeyId, command: Command, batch: &mut Batch) -> Outcome {
        let now = (self.clock)();
        let series = self.series(key_id);
        batch.touched.insert(key_id);
        let overdue = series.read().due.is_at(now.wall);
        if overdue && !command.looks_at_time() {
            // A key ended a moment ago: nobody may be seated by its former state.
            self.one(key_id, &series, Command::TimePassed, now, batch);
        }
        self.one(key_id, &series, command, now, batch)
    }

    fn one(
        &mut self,
        key_id: KeyId,
        series: &Arc<RwLock<Series>>,
        command: Command,
        now: Now,
        batch: &mut Batch,
    ) -> Outcome {
        let moves_seats = command.moves_seats();
        let rules = self.rules(key_id);
        // Only this thread writes, so what is read here still holds below.
        let decision = decide(&series.read().index, command, &rules, now);
        let mut locked = series.write();
        for delta in decision.deltas {
            if !matches!(delta, Delta::SetKeys(_)) {
                batch.written.push((key_id, delta.clone()));
            }
            let undo = locked.index.apply(delta);
            batch.undo.push((Arc::clone(series), undo));
        }
        for event in decision.events {
            self.line(batch, Some(key_id), now.wall, event);
        }
        if moves_seats {
            // What is left to move is moved with the next command, or the next look at the time.
            locked.due = Due::after(locked.index.keys(), now.wall, decision.outcome.more());
            batch.looked.push(Arc::clone(series));
        }
        match &decision.outcome {
            Outcome::Done { lost, .. } => batch.lost.extend(lost.iter().cloned()),
            Outcome::Denied(_) => locked.meter.denied = locked.meter.denied.saturating_add(1),
            _ => locked.meter.peak = locked.meter.peak.max(locked.index.occupied()),
        }
        decision.outcome
    }

    /// Adds the rows of the minute that is being counted.
    fn count_minute(&self, batch: &mut Batch, next: Moment) {
        for (key_id, series) in self.ledger.read().iter() {
            let series = series.read();
            batch.minutes.push(UsageRow {
                key_id: *key_id,
                at: self.minute,
                used: series.index.occupied(),
                total: series.index.given(),
                peak: series.meter.peak.max(series.index.occupied()),
                denied: series.meter.denied,
                apps: series.index.apps(),
            });
        }
        batch.next_minute = Some(next);
    }

    fn commit(&mut self, batch: Batch) {
        match self.write(&batch) {
            Ok(more) => self.committed(batch, more),
            Err(error) => {
                let error = StoreError::from(error);
                log::error!("{error}");
                self.refused = true;
                self.put_back(batch, &error);
            }
        }
    }

    fn write(&mut self, batch: &Batch) -> rusqlite::Result<bool> {
        let idle = batch.written.is_empty()
            && batch.events.is_empty()
            && batch.minutes.is_empty()
            && batch.forget.is_none();
        if idle && !(batch.pinged && self.refused) {
            return Ok(false);
        }
        let now = (self.clock)().wall;
        let transaction = self.database.transaction()?;
        for (key_id, delta) in &batch.written {
            rows::write(&transaction, *key_id, delta)?;
        }
        for event in &batch.events {
            events::write(&transaction, event)?;
        }
        for minute in &batch.minutes {
            usage::write(&transaction, minute)?;
        }
        let mut more = false;
        if let Some(before) = batch.forget {
            more = events::forget(&transaction, before)? | usage::forget(&transaction, now)?;
        }
        if idle {
            // Writes what is there already: the question is whether the disk takes it.
            transaction.pragma_update(None, "user_version", schema::VERSION)?;
        }
        transaction.commit()?;
        self.refused = false;
        Ok(more)
    }

    fn committed(&mut self, batch: Batch, more: bool) {
        self.last_seq += batch.events.len() as i64;
        if let Some(minute) = batch.next_minute {
            self.minute = minute;
            for series in self.ledger.read().values() {
                let mut series = series.write();
                series.meter.denied = 0;
                series.meter.peak = series.index.occupied();
            }
        }
        if !batch.lost.is_empty() {
            (self.listener)(batch.lost);
        }
        self.tell(batch.events, &batch.touched);
        for waiting in batch.waiting {
            // Who asked may be gone; the ledger is right without them.
            match waiting {
                Waiting::Outcome(reply, outcome) => drop(reply.send(Ok(outcome))),
                Waiting::Done(reply) => drop(reply.send(Ok(()))),
                Waiting::Forgotten(reply) => drop(reply.send(Ok(more))),
            }
        }
    }

    /// Tells live views. Nobody listening is no error.
    fn tell(&mut self, events: Vec<EventRow>, touched: &BTreeSet<KeyId>) {
        let listened_to = self.changes.receiver_count() > 0;
        for key_id in touched {
            let series = self.series(*key_id);
            let series = series.read();
            let usage = (series.index.occupied(), series.index.given());
            if self.told.insert(*key_id, usage) != Some(usage) && listened_to {
                let (used, total) = usage;
                let key_id = *key_id;
                drop(self.changes.send(Change::Usage {
                    key_id,
                    used,
                    total,
                }));
            }
        }
        if listened_to {
            for event in events {
                drop(self.changes.send(Change::Event(Arc::new(event))));
            }
        }
    }

    fn put_back(&self, batch: Batch, error: &StoreError) {
        for (series, delta) in batch.undo.into_iter().rev() {
            series.write().index.apply(delta);
        }
        for series in batch.looked {
            series.write().due = Due::at_once();
        }
        for waiting in batch.waiting {
            match waiting {
                // A denial takes no room: only its line in the journal is missing.
                Waiting::Outcome(reply, outcome @ Outcome::Denied(_)) => {
                    drop(reply.send(Ok(outcome)));
                }
                Waiting::Outcome(reply, _) => drop(reply.send(Err(error.clone()))),
                Waiting::Done(reply) => drop(reply.send(Err(error.clone()))),
                Waiting::Forgotten(reply) => drop(reply.send(Err(error.clone()))),
            }
        }
    }
}
