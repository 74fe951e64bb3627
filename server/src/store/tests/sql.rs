//! A store of plain SQL: no ledger in memory, every question of the rules is a query inside the command's transaction.
//! It is thrown away after each test; that it can be written at all keeps the trait and the rules' view honest.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
};

use parking_lot::Mutex;
use protocol::{
    envelope,
    facts::{Identity, Occupant},
};
use rusqlite::{Connection as Database, OptionalExtension, Row, ToSql, params};

use super::*;
use crate::accounting::{
    Delta, Due, Effect, Holder, KeyState, Neighbour, Order, Seat, View, decide,
};

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS connections (id BLOB PRIMARY KEY, series INTEGER, row BLOB);
    CREATE TABLE IF NOT EXISTS sessions (
        id BLOB PRIMARY KEY, series INTEGER, own BLOB, identity BLOB, seat BLOB, key_no INTEGER, flags INTEGER,
        since INTEGER, code TEXT, linger INTEGER, row BLOB
    );
    CREATE TABLE IF NOT EXISTS attached (session BLOB, connection BLOB, PRIMARY KEY (session, connection));
    CREATE TABLE IF NOT EXISTS operations (id BLOB PRIMARY KEY, series INTEGER, at INTEGER, effect BLOB);
    CREATE TABLE IF NOT EXISTS keys (series INTEGER, key_no INTEGER, row BLOB, PRIMARY KEY (series, key_no));
";

/// The keys of a series, which have files of their own, and when they must be looked at.
type Keys = HashMap<KeyId, (Vec<Key>, Due)>;

pub(super) struct Sql {
    database: Mutex<Database>,
    keys: Mutex<Keys>,
    rules: Mutex<RuleBook>,
    time: Arc<AtomicI64>,
}

impl Sql {
    pub(super) fn open(file: &Path, time: &Arc<AtomicI64>) -> Self {
        let database = Database::open(file).unwrap();
        database.execute_batch(TABLES).unwrap();
        // No test cuts its power.
        database.pragma_update(None, "synchronous", false).unwrap();
        Self {
            database: Mutex::new(database),
            keys: Mutex::default(),
            rules: Mutex::default(),
            time: Arc::clone(time),
        }
    }

    fn run(&self, key_id: KeyId, command: Command) -> rusqlite::Result<Outcome> {
        let now = Moment(self.time.load(Ordering::Relaxed));
        let mut database = self.database.lock();
        let mut keys = self.keys.lock();
        let (mut pool, mut due) = keys.get(&key_id).cloned().unwrap_or_default();
        let rules = self.rules.lock().of(key_id);
        let transaction = database.transaction()?;
        let mut commands = vec![command];
        if due.is_at(now) && !commands[0].looks_at_time() {
            commands.insert(0, Command::TimePassed);
        }
        let mut outcome = None;
        for command in commands {
            let moves_seats = command.moves_seats();
            let decision = {
                let view = Look {
                    database: &transaction,
                    series: key_id.0,
                    keys: &pool,
                };
                decide(&view, command, &rules, now)
            };
            for delta in decision.deltas {
                match delta {
                    Delta::SetKeys(keys) => pool = keys,
                    other => write(&transaction, key_id.0, other)?,
                }
            }
            if moves_seats {
                due = Due::after(&pool, now, decision.outcome.more());
            }
            outcome = Some(decision.outcome);
        }
        transaction.commit()?;
        keys.insert(key_id, (pool, due));
        Ok(outcome.expect("there is a command"))
    }

    fn read<T>(&self, read: impl FnOnce(&Database) -> T) -> Answer<'_, T>
    where
        T: Send + 'static,
    {
        let found = read(&self.database.lock());
        Box::pin(async move { Ok(found) })
    }
}

fn write(database: &Database, series: u16, delta: Delta) -> rusqlite::Result<()> {
    let run = |sql: &str, values: &[&dyn ToSql]| database.execute(sql, values).map(drop);
    match delta {
        Delta::PutConnection(row) => run(
            "INSERT OR REPLACE INTO connections VALUES (?1, ?2, ?3)",
            params![row.id.0, series, envelope::to_cbor(row.as_ref())],
        ),
        Delta::DropConnection(id) => run("DELETE FROM connections WHERE id = ?1", params![id.0]),
        Delta::PutSession(row) => {
            run("DELETE FROM attached WHERE session = ?1", params![row.id.0])?;
            for connection in &row.attached {
                run(
                    "INSERT INTO attached VALUES (?1, ?2)",
                    params![row.id.0, connection.0],
                )?;
            }
            run(
                "INSERT OR REPLACE INTO sessions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                params![
                    row.id.0,
                    series,
                    envelope::to_cbor(&row.own),
                    envelope::to_cbor(&row.identity),
                    row.seat.as_ref().map(envelope::to_cbor),
                    row.key_no,
                    row.flags,
                    row.since.0,
                    &*row.access_code,
                    row.linger_until.map(|end| end.0),
                    envelope::to_cbor(row.as_ref())
                ],
            )
        }
        Delta::DropSession(id) => {
            run("DELETE FROM attached WHERE session = ?1", params![id.0])?;
            run("DELETE FROM sessions WHERE id = ?1", params![id.0])
        }
        Delta::PutOperation(id, at, effect) => run(
            "INSERT OR REPLACE INTO operations VALUES (?1, ?2, ?3, ?4)",
            params![id.0, series, at.0, envelope::to_cbor(&effect)],
        ),
        Delta::DropOperation(id) => run("DELETE FROM operations WHERE id = ?1", params![id.0]),
        Delta::PutKeyState(state) => run(
            "INSERT OR REPLACE INTO keys VALUES (?1, ?2, ?3)",
            params![series, state.key_no, envelope::to_cbor(&state)],
        ),
        Delta::DropKeyState(key_no) => run(
            "DELETE FROM keys WHERE series = ?1 AND key_no = ?2",
            params![series, key_no],
        ),
        Delta::SetKeys(_) => unreachable!("keys have files of their own"),
    }
}

/// One row of a query, decoded; a row that does not decode ends the test.
fn decoded<T: for<'b> minicbor::Decode<'b, ()>>(bytes: &[u8]) -> T {
    envelope::from_cbor(bytes).unwrap()
}

fn all<T>(
    database: &Database,
    sql: &str,
    values: &[&dyn ToSql],
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Vec<T> {
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map(values, read).unwrap();
    rows.map(Result::unwrap).collect()
}

fn sessions(database: &Database, rest: &str, values: &[&dyn ToSql]) -> Vec<SessionRow> {
    let sql = format!("SELECT series, row FROM sessions {rest}");
    all(database, &sql, values, |row| {
        Ok(SessionRow {
            key_id: KeyId(row.get(0)?),
            session: decoded(&row.get::<_, Vec<u8>>(1)?),
        })
    })
}

fn connections(database: &Database, rest: &str, values: &[&dyn ToSql]) -> Vec<ConnectionRow> {
    let sql = format!("SELECT series, row FROM connections {rest}");
    all(database, &sql, values, |row| {
        Ok(ConnectionRow {
            key_id: KeyId(row.get(0)?),
            connection: decoded(&row.get::<_, Vec<u8>>(1)?),
        })
    })
}

fn states(database: &Database) -> Vec<(KeyId, KeyState)> {
    all(database, "SELECT series, row FROM keys", &[], |row| {
        Ok((KeyId(row.get(0)?), decoded(&row.get::<_, Vec<u8>>(1)?)))
    })
}

/// The rules' view of a series inside a transaction.
struct Look<'a> {
    database: &'a Database,
    series: u16,
    keys: &'a [Key],
}

impl Look<'_> {
    fn sessions(&self, rest: &str, values: &[&dyn ToSql]) -> Vec<Session> {
        let rows = sessions(self.database, rest, values).into_iter();
        let own = rows.filter(|row| row.key_id.0 == self.series);
        own.map(|row| row.session).collect()
    }

    /// The seats of these sessions, the longest occupied first.
    fn seats_of(sessions: Vec<Session>) -> Vec<(Occupant, Seat)> {
        let mut seats: BTreeMap<Occupant, Seat> = BTreeMap::new();
        for session in sessions {
            let Some(occupant) = session.seat else {
                continue;
            };
            let seat = seats.entry(occupant).or_insert_with(|| Seat {
                key_no: session.key_no,
                since: session.since,
                flags: 0,
                sessions: Vec::new(),
            });
            seat.flags |= session.flags;
            seat.sessions.push(session.id);
        }
        let mut seats: Vec<_> = seats.into_iter().collect();
        seats.sort_by_key(|(occupant, seat)| (seat.since, *occupant));
        seats
    }

    fn seats_of_key(&self, key_no: u32) -> Vec<(Occupant, Seat)> {
        let rest = "WHERE key_no = ?1 AND seat IS NOT NULL ORDER BY rowid";
        Self::seats_of(self.sessions(rest, params![key_no]))
    }

    fn count(&self, sql: &str, value: &dyn ToSql) -> u32 {
        let sql = format!("SELECT COUNT(DISTINCT seat) FROM sessions WHERE series = ?1 AND {sql}");
        let values = params![self.series, value];
        self.database
            .query_row(&sql, values, |row| row.get(0))
            .unwrap()
    }

    fn numbers(&self, rest: &str) -> Vec<u32> {
        let sql =
            format!("SELECT DISTINCT key_no FROM sessions WHERE series = ?1 AND {rest} ORDER BY 1");
        all(self.database, &sql, params![self.series], |row| row.get(0))
    }
}

impl View for Look<'_> {
    fn keys(&self) -> &[Key] {
        self.keys
    }

    fn key_states(&self) -> Vec<KeyState> {
        let states = states(self.database).into_iter();
        let own = states.filter(|(key_id, _)| key_id.0 == self.series);
        own.map(|(_, state)| state).collect()
    }

    fn seat(&self, occupant: &Occupant) -> Option<Seat> {
        let rest = "WHERE seat = ?1 ORDER BY rowid";
        let sessions = self.sessions(rest, params![envelope::to_cbor(occupant)]);
        Self::seats_of(sessions).pop().map(|(_, seat)| seat)
    }

    fn neighbours(&self, occupant: &Occupant) -> Vec<Neighbour> {
        let rest = "WHERE seat = ?1 ORDER BY rowid";
        let sessions = self.sessions(rest, params![envelope::to_cbor(occupant)]);
        let neighbour = |session: Session| Neighbour {
            id: session.id,
            identity: session.identity,
            parent: session.parent,
        };
        sessions.into_iter().map(neighbour).collect()
    }

    fn used(&self, key_no: u32) -> u32 {
        self.count("key_no = ?2", &key_no)
    }

    fn used_by_code(&self, code: &str) -> u32 {
        self.count("code = ?2", &code)
    }

    fn groups(&self, key_no: u32) -> Vec<(u32, u32)> {
        let mut groups: BTreeMap<u32, u32> = BTreeMap::new();
        for (_, seat) in self.seats_of_key(key_no) {
            *groups.entry(seat.flags).or_default() += 1;
        }
        groups.into_iter().collect()
    }

    fn seats(&self, key_no: u32, flags: u32, order: Order, limit: usize) -> Vec<(Occupant, Seat)> {
        let mut seats = self.seats_of_key(key_no);
        seats.retain(|(_, seat)| seat.flags == flags);
        if order == Order::Newest {
            seats.reverse();
        }
        seats.truncate(limit);
        seats
    }

    fn newest_seat(
        &self,
        key_no: u32,
        flags: u32,
        wanted: &dyn Fn(&Occupant) -> bool,
    ) -> Option<(Occupant, Seat)> {
        let seats = self.seats(key_no, flags, Order::Newest, usize::MAX);
        seats.into_iter().find(|(occupant, _)| wanted(occupant))
    }

    fn unseated(&self, key_no: u32, limit: usize) -> Vec<SessionId> {
        let found = self.sessions("WHERE key_no = ?1 AND seat IS NULL", params![key_no]);
        found.iter().take(limit).map(|session| session.id).collect()
    }

    fn unseated_count(&self, key_no: u32) -> usize {
        self.unseated(key_no, usize::MAX).len()
    }

    fn unseated_keys(&self) -> Vec<u32> {
        self.numbers("seat IS NULL")
    }

    fn occupied_keys(&self) -> Vec<u32> {
        self.numbers("seat IS NOT NULL")
    }

    fn find(&self, own: &Occupant, identity: &Identity) -> Option<Session> {
        let values = params![envelope::to_cbor(own), envelope::to_cbor(identity)];
        self.sessions("WHERE own = ?1 AND identity = ?2", values)
            .pop()
    }

    fn session(&self, id: &SessionId) -> Option<Session> {
        self.sessions("WHERE id = ?1", params![id.0]).pop()
    }

    fn attached(&self, connection: &ConnectionId, limit: usize) -> Vec<SessionId> {
        let rest = "JOIN attached ON session = id WHERE connection = ?1";
        let found = self.sessions(rest, params![connection.0]);
        found.iter().take(limit).map(|session| session.id).collect()
    }

    fn attached_count(&self, connection: &ConnectionId) -> usize {
        self.attached(connection, usize::MAX).len()
    }

    fn connection(&self, id: &ConnectionId) -> Option<Connection> {
        let mut rows = connections(self.database, "WHERE id = ?1", params![id.0]);
        rows.retain(|row| row.key_id.0 == self.series);
        rows.pop().map(|row| row.connection)
    }

    fn holders(&self) -> Vec<Holder> {
        let rest = "WHERE seat IS NOT NULL ORDER BY rowid";
        let seats = Self::seats_of(self.sessions(rest, &[]))
            .into_iter()
            .take(20);
        seats
            .filter_map(|(_, seat)| View::session(self, seat.sessions.first()?))
            .map(|session| Holder {
                user_name: session.user_name,
                computer_name: session.computer_name,
                app_name: session.app_name,
                number: session.number,
                since: session.since,
                lingers: session.linger_until.is_some(),
            })
            .collect()
    }

    fn operation(&self, id: &OperationId) -> Option<Effect> {
        let sql = "SELECT effect FROM operations WHERE series = ?1 AND id = ?2";
        let read = |row: &Row<'_>| row.get::<_, Vec<u8>>(0);
        let bytes = self
            .database
            .query_row(sql, params![self.series, id.0], read);
        bytes.optional().unwrap().map(|bytes| decoded(&bytes))
    }

    fn operations_before(&self, moment: Moment, now: Moment) -> Vec<OperationId> {
        let sql =
            "SELECT id FROM operations WHERE series = ?1 AND (at < ?2 OR at > ?3) ORDER BY at";
        let values = params![self.series, moment.0, now.0];
        all(self.database, sql, values, |row| {
            row.get(0).map(OperationId)
        })
    }
}

impl Store for Sql {
    fn apply(&self, key_id: KeyId, command: Command) -> Answer<'_, Outcome> {
        let outcome = self.run(key_id, command).map_err(StoreError::from);
        Box::pin(async move { outcome })
    }

    fn answers(&self) -> Answer<'_, ()> {
        self.read(|_| ())
    }

    fn connections(&self) -> Answer<'_, Vec<ConnectionRow>> {
        self.read(|database| connections(database, "", &[]))
    }

    fn connection(&self, id: ConnectionId) -> Answer<'_, Option<ConnectionRow>> {
        self.read(|database| connections(database, "WHERE id = ?1", params![id.0]).pop())
    }

    fn sessions(&self) -> Answer<'_, Vec<SessionRow>> {
        self.read(|database| sessions(database, "", &[]))
    }

    fn look_at_sessions(&self, key_id: Option<KeyId>, look: &mut dyn FnMut(KeyId, &Glance<'_>)) {
        for row in sessions(&self.database.lock(), "", &[]) {
            let session = &row.session;
            let glance = Glance {
                id: session.id,
                number: session.number,
                since: session.since,
                infobase: &session.infobase,
                user_name: &session.user_name,
                computer_name: &session.computer_name,
                app_name: &session.app_name,
                first_attached: session.attached.first().copied(),
                other_attached: session.attached.get(1..).unwrap_or_default(),
            };
            if key_id.is_none_or(|key_id| key_id == row.key_id) {
                look(row.key_id, &glance);
            }
        }
    }

    fn some_sessions(&self, ids: &[(KeyId, SessionId)]) -> Vec<SessionRow> {
        let database = self.database.lock();
        let one = |id: &SessionId| sessions(&database, "WHERE id = ?1", params![id.0]).pop();
        ids.iter().filter_map(|(_, id)| one(id)).collect()
    }

    fn connection_names(&self) -> Answer<'_, Vec<ConnectionName>> {
        self.read(|database| {
            let rows = connections(database, "", &[]).into_iter();
            rows.map(|row| ConnectionName {
                created: row.connection.created,
                id: row.connection.id,
                key_id: row.key_id,
            })
            .collect()
        })
    }

    fn session(&self, id: SessionId) -> Answer<'_, Option<SessionRow>> {
        self.read(|database| sessions(database, "WHERE id = ?1", params![id.0]).pop())
    }

    fn linger_ended(&self, now: Moment, linger: Duration) -> Answer<'_, Vec<(KeyId, SessionId)>> {
        let longest = now.after(linger);
        self.read(|database| {
            let rest = "WHERE linger <= ?1 OR linger > ?2";
            let found = sessions(database, rest, params![now.0, longest.0]).into_iter();
            found.map(|row| (row.key_id, row.session.id)).collect()
        })
    }

    fn kept_only_by(&self, ids: HashSet<ConnectionId>) -> Answer<'_, Vec<(KeyId, u32)>> {
        self.read(|database| {
            let mut found: BTreeMap<KeyId, u32> = BTreeMap::new();
            for row in sessions(database, "", &[]) {
                let attached = &row.session.attached;
                if !attached.is_empty() && attached.iter().all(|id| ids.contains(id)) {
                    *found.entry(row.key_id).or_default() += 1;
                }
            }
            found.into_iter().collect()
        })
    }

    fn keys_due(&self, now: Moment) -> Answer<'_, Vec<KeyId>> {
        let keys = self.keys.lock();
        let due = keys
            .iter()
            .filter(|(_, (_, due))| due.is_at(now))
            .map(|(key_id, _)| *key_id)
            .collect();
        Box::pin(async move { Ok(due) })
    }

    fn series(&self) -> Answer<'_, Vec<KeyId>> {
        let found = self.keys.lock().keys().copied().collect();
        Box::pin(async move { Ok(found) })
    }

    fn set_rules(&self, rules: RuleBook) {
        *self.rules.lock() = rules;
        for (_, due) in self.keys.lock().values_mut() {
            *due = Due::at_once();
        }
    }

    fn keys_off(&self) -> Answer<'_, Vec<(KeyId, u32)>> {
        self.read(|database| {
            let off = states(database).into_iter().filter(|(_, state)| state.off);
            off.map(|(key_id, state)| (key_id, state.key_no)).collect()
        })
    }

    fn used(&self, key_id: KeyId, key_no: u32) -> Answer<'_, u32> {
        self.read(|database| {
            let look = Look {
                database,
                series: key_id.0,
                keys: &[],
            };
            look.used(key_no)
        })
    }
}
