//! Seats and keys: which give seats, how many sessions can sit at once, and whether they sit right.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use protocol::{facts::Occupant, licence::KeyType};

use super::{super::super::*, Model, done};

/// Keys as flags and seats that are left.
type Seats = Vec<(u32, u32)>;

impl Model {
    /// The seats with the flags that their sessions need together.
    pub(super) fn seats(&self) -> BTreeMap<Occupant, u32> {
        let mut seats = BTreeMap::new();
        for session in &self.sessions {
            if let Some(occupant) = session.seat {
                *seats.entry(occupant).or_default() |= session.flags;
            }
        }
        seats
    }

    /// The keys that give seats.
    pub(super) fn usable(&self, now: Moment) -> Vec<&Key> {
        let alone = |key: &Key| {
            key.workable
                && !self.off.contains(&key.key_no)
                && key.starts.is_none_or(|starts| starts <= now)
                && key.ends.is_none_or(|ends| now < ends)
        };
        let main = self
            .keys
            .iter()
            .any(|key| key.key_type == KeyType::Main && alone(key));
        let demos = self.keys.iter().all(|key| key.key_type == KeyType::Demo);
        let first = self.keys.iter().map(|key| key.key_no).min();
        let usable = |key: &&Key| {
            alone(key)
                && match key.key_type {
                    KeyType::Main => true,
                    KeyType::Additional => main,
                    KeyType::Demo => demos && first == Some(key.key_no),
                }
        };
        self.keys.iter().filter(usable).collect()
    }

    /// Whether a session needs no seat of a key: the settings say so, or the key.
    pub(super) fn frees(&self, key: &Key, session: &Session) -> bool {
        let app = session.app_name.to_lowercase();
        self.is_free(session) || key.free_app_names.contains(&app)
    }

    /// The code that a seat counts for.
    pub(super) fn code_of(&self, occupant: &Occupant, session: &Session) -> Text {
        let sitting = self.sessions.iter().find(|one| one.seat == Some(*occupant));
        sitting.unwrap_or(session).access_code.clone()
    }

    /// Whether the holders of a session's code may take one more seat.
    pub(super) fn share(
        &self,
        session: &Session,
        usable: &[&Key],
        denial: impl Fn() -> String,
    ) -> Result<(), String> {
        let Some(shares) = &self.rules.shares else {
            return Ok(());
        };
        let taken = |wanted: &dyn Fn(&Session) -> bool| {
            let seats: BTreeSet<Occupant> = self
                .sessions
                .iter()
                .filter(|one| wanted(one))
                .filter_map(|one| one.seat)
                .collect();
            seats.len() as u32
        };
        let own = shares.get(&session.access_code);
        if let Some(limit) = own.and_then(|share| share.limit)
            && taken(&|one| one.access_code == session.access_code) >= limit
        {
            return Err(format!("CodeLimit({limit})"));
        }
        let mut waiting = 0;
        for (code, share) in shares {
            if *code != session.access_code {
                let taken = taken(&|one| one.access_code == *code);
                waiting += share.reserve.saturating_sub(taken);
            }
        }
        let free: u32 = usable
            .iter()
            .map(|key| key.seats - taken(&|one| one.key_no == key.key_no))
            .sum();
        if waiting > 0 && free <= waiting {
            return Err(denial());
        }
        Ok(())
    }

    /// How many of these seats can be sat on the usable keys at once, of all ways to do it.
    pub(super) fn most(&self, flags: &[u32], now: Moment) -> usize {
        fn best(
            flags: &[u32],
            keys: &[(u32, u32)],
            known: &mut HashMap<(usize, Seats), usize>,
        ) -> usize {
            let Some((first, rest)) = flags.split_first() else {
                return 0;
            };
            let name = (flags.len(), keys.to_vec());
            if let Some(best) = known.get(&name) {
                return *best;
            }
            let mut found = best(rest, keys, known);
            for at in 0..keys.len() {
                if keys[at].1 > 0 && keys[at].0 & first == *first {
                    let mut others = keys.to_vec();
                    others[at].1 -= 1;
                    found = found.max(1 + best(rest, &others, known));
                }
            }
            known.insert(name, found);
            found
        }
        let keys: Vec<(u32, u32)> = self
            .usable(now)
            .iter()
            .map(|key| (key.flags, key.seats))
            .collect();
        best(flags, &keys, &mut HashMap::new())
    }

    /// The keys are others, or others are usable: as many seats as can be are kept, and whole seats are lost.
    pub(super) fn reseat(&mut self, real: &Outcome, now: Moment) -> String {
        let Outcome::Done { lost, .. } = real else {
            return "done".into();
        };
        let lost: BTreeSet<SessionId> = lost.iter().map(|lost| lost.session).collect();
        let seats = self.seats();
        let flags: Vec<u32> = seats.values().copied().collect();
        let kept: BTreeSet<Occupant> = self
            .sessions
            .iter()
            .filter(|session| !lost.contains(&session.id))
            .filter_map(|session| session.seat)
            .collect();
        assert_eq!(
            kept.len(),
            self.most(&flags, now),
            "as many seats are kept as there can be"
        );
        let usable = self.usable(now);
        for session in &self.sessions {
            let is_lost = lost.contains(&session.id);
            match session.seat {
                Some(occupant) => {
                    assert_eq!(is_lost, !kept.contains(&occupant), "half a seat is lost")
                }
                None => {
                    let finds = usable
                        .iter()
                        .filter(|key| key.flags & session.flags == session.flags)
                        .any(|key| self.frees(key, session));
                    assert_eq!(
                        is_lost, !finds,
                        "a free application needs a key, and no more"
                    );
                }
            }
        }
        // Who sits well stays: what a key still gives is not taken for somebody else.
        for (occupant, flags) in seats {
            let on = self
                .sessions
                .iter()
                .find(|session| session.seat == Some(occupant))
                .and_then(|session| usable.iter().find(|key| key.key_no == session.key_no));
            if let Some(key) = on.filter(|key| key.flags & flags == flags) {
                let taken: BTreeSet<Occupant> = self
                    .sessions
                    .iter()
                    .filter(|session| session.key_no == key.key_no)
                    .filter_map(|session| session.seat)
                    .collect();
                if taken.len() <= key.seats as usize {
                    assert!(kept.contains(&occupant), "a good seat was taken away");
                }
            }
        }
        self.sessions.retain(|session| !lost.contains(&session.id));
        done(&lost)
    }

    /// Compares with the ledger's rows, and takes its choice of keys over.
    pub(in super::super) fn compare(&mut self, index: &Index, now: Moment) {
        let mut real: Vec<Session> = index.sessions().collect();
        real.sort_by_key(|session| session.id);
        self.sessions.sort_by_key(|session| session.id);
        let without_key = |sessions: &[Session]| -> Vec<Session> {
            let sessions = sessions.iter().cloned();
            sessions
                .map(|session| Session {
                    key_no: 0,
                    ..session
                })
                .collect()
        };
        assert_eq!(without_key(&real), without_key(&self.sessions));
        self.sessions = real;
        let mut real: Vec<Connection> = index.connections().cloned().collect();
        real.sort_by_key(|one| one.id);
        self.connections.sort_by_key(|one| one.id);
        assert_eq!(real, self.connections);
        let usable = self.usable(now);
        let seats = self.seats();
        let mut taken: BTreeMap<u32, BTreeSet<Occupant>> = BTreeMap::new();
        let mut homes: BTreeMap<Occupant, u32> = BTreeMap::new();
        for session in &self.sessions {
            let key = usable.iter().find(|key| key.key_no == session.key_no);
            let key = key.expect("a session has rights of a key that is not usable");
            let flags = session.seat.map_or(session.flags, |seat| seats[&seat]);
            assert_eq!(key.flags & flags, flags, "the key does not have the flags");
            if let Some(occupant) = session.seat {
                let home = homes.entry(occupant).or_insert(session.key_no);
                assert_eq!(*home, session.key_no, "one occupant sits on two keys");
                taken.entry(session.key_no).or_default().insert(occupant);
            }
        }
        for key in &self.keys {
            let counted = taken.get(&key.key_no).map_or(0, BTreeSet::len);
            let seats = key.seats as usize;
            assert!(counted <= seats, "more seats than were bought");
            assert_eq!(index.used(key.key_no) as usize, counted);
        }
        assert_eq!(index.occupied() as usize, seats.len());
    }
}
