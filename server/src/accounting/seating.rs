//! Which key gives a seat: scarce keys are kept for those who need them, and nobody is refused whom some order of the
//! sessions on the keys would seat.
//!
//! A seat is free for a session when it is free on a key that serves it, or when a session that sits there can move to
//! another key that serves that one as well, and so on. That is the augmenting path of a matching: where there is none,
//! no order of the sessions seats one more.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use protocol::facts::Occupant;

use super::{Denial, Key, Moment, Rules, Seat, Session, Unusable, View, usable};

/// Whether the server's settings say that a session's application needs no seat.
pub(super) fn is_free(session: &Session, rules: &Rules) -> bool {
    rules
        .free_app_names
        .contains(&session.app_name.to_lowercase())
}

/// A seat that moves to another key.
pub(super) struct Move {
    pub(super) seat: Seat,
    pub(super) to: u32,
}

/// The usable keys with their seats, while one decision is being made.
pub(super) struct Seating<'a, V> {
    view: &'a V,
    /// All keys of the series, as they are from now on.
    all: &'a [Key],
    /// The usable ones, those that are missed least first.
    keys: Vec<&'a Key>,
    free: BTreeMap<u32, i64>,
    /// Seats by key and flags, as planned; counted when they are needed first, because most decisions need none.
    groups: Option<BTreeMap<(u32, u32), i64>>,
    /// What the plan changed before the groups were counted.
    uncounted: Vec<((u32, u32), i64)>,
    /// Seats that the plan moves, and where they are then.
    moved: BTreeMap<Occupant, Move>,
    /// Seats that the plan has taken from their key.
    standing: HashSet<Occupant>,
}

impl<'a, V: View> Seating<'a, V> {
    /// The seats as they would be with `keys`.
    pub(super) fn new(view: &'a V, all: &'a [Key], now: Moment) -> Self {
        let mut keys: Vec<&Key> = all
            .iter()
            .filter(|key| usable(key, all, now).is_ok())
            .collect();
        // Missed least: fewest flags, the soonest end, the older product.
        keys.sort_by_key(|key| {
            (
                key.flags.count_ones(),
                key.ends.unwrap_or(Moment(i64::MAX)),
                key.product_version,
                key.key_no,
            )
        });
        let free = keys
            .iter()
            .map(|key| {
                let used = i64::from(view.used(key.key_no));
                (key.key_no, i64::from(key.seats) - used)
            })
            .collect();
        Self {
            view,
            all,
            keys,
            free,
            groups: None,
            uncounted: Vec::new(),
            moved: BTreeMap::new(),
            standing: HashSet::new(),
        }
    }

    /// Whether a usable key of that number has these flags.
    pub(super) fn serves(&self, key_no: u32, flags: u32) -> bool {
        let serves = |key: &&Key| key.key_no == key_no && key.serves(flags);
        self.keys.iter().any(serves)
    }

    /// The key whose rights a session of a free application has; it takes no seat. By the server's settings that is any
    /// key with its flags, else one whose licence names the application.
    pub(super) fn free_of(&self, session: &Session, rules: &Rules) -> Option<u32> {
        let app = session.app_name.to_lowercase();
        let by_settings = is_free(session, rules);
        self.keys
            .iter()
            .filter(|key| key.serves(session.flags))
            .find(|key| by_settings || key.free_app_names.contains(&app))
            .map(|key| key.key_no)
    }

    /// How many seats of a usable key are free; negative when it was shrunk.
    pub(super) fn free(&self, key_no: u32) -> i64 {
        self.free.get(&key_no).copied().unwrap_or(0)
    }

    /// How many seats are free on all usable keys together.
    pub(super) fn all_free(&self) -> i64 {
        self.free.values().map(|free| (*free).max(0)).sum()
    }

    /// Takes a seat from its key: it needs another one, or none.
    pub(super) fn stand_up(&mut self, occupant: Occupant, seat: &Seat) {
        self.count(seat.key_no, seat.flags, -1);
        self.standing.insert(occupant);
    }

    /// Finds a seat with these flags and takes it, moving others where that makes room. Nothing when there is none.
    pub(super) fn sit(&mut self, flags: u32) -> Option<u32> {
        let key_no = self.direct(flags).or_else(|| self.make_room(flags))?;
        self.count(key_no, flags, 1);
        Some(key_no)
    }

    /// Finds another key for a seat that stood up. It may move once more for those who come after it. The seat itself
    /// when there is none.
    pub(super) fn sit_again(&mut self, occupant: Occupant, seat: Seat) -> Result<(), Seat> {
        match self.sit(seat.flags) {
            Some(to) => {
                self.moved.insert(occupant, Move { seat, to });
                Ok(())
            }
            None => Err(seat),
        }
    }

    /// The seats that moved: to make room, or because they had to.
    pub(super) fn into_moves(self) -> Vec<Move> {
        let mut moves: Vec<Move> = self
            .moved
            .into_values()
            .filter(|one| one.seat.key_no != one.to)
            .collect();
        moves.sort_by_key(|one| (one.seat.since, one.seat.sessions.first().copied()));
        moves
    }

    fn direct(&self, flags: u32) -> Option<u32> {
        let fits = |key: &&&Key| key.serves(flags) && self.free(key.key_no) > 0;
        self.keys.iter().find(fits).map(|key| key.key_no)
    }

    fn count(&mut self, key_no: u32, flags: u32, change: i64) {
        if let Some(free) = self.free.get_mut(&key_no) {
            *free -= change;
        }
        let name = (key_no, flags);
        match &mut self.groups {
            Some(groups) => *groups.entry(name).or_default() += change,
            None => self.uncounted.push((name, change)),
        }
    }

    fn groups(&mut self) -> &BTreeMap<(u32, u32), i64> {
        self.groups.get_or_insert_with(|| {
            let mut groups = BTreeMap::new();
            for key in &self.keys {
                for (flags, count) in self.view.groups(key.key_no) {
                    groups.insert((key.key_no, flags), i64::from(count));
                }
            }
            for (name, change) in self.uncounted.drain(..) {
                *groups.entry(name).or_default() += change;
            }
            groups
        })
    }

    /// The shortest chain of moves that frees a seat with these flags.
    fn make_room(&mut self, flags: u32) -> Option<u32> {
        // From where each key is reached, and by moving a seat with which flags.
        let mut reached: HashMap<u32, Option<(u32, u32)>> = HashMap::new();
        let mut queue = VecDeque::new();
        for key in self.keys.iter().filter(|key| key.serves(flags)) {
            reached.insert(key.key_no, None);
            queue.push_back(key.key_no);
        }
        while let Some(from) = queue.pop_front() {
            let sitting: Vec<u32> = self
                .groups()
                .range((from, 0)..=(from, u32::MAX))
                .filter(|(_, count)| **count > 0)
                .map(|((_, flags), _)| *flags)
                .collect();
            for flags in sitting {
                for key in self.keys.iter().filter(|key| key.serves(flags)) {
                    if reached.contains_key(&key.key_no) {
                        continue;
                    }
                    reached.insert(key.key_no, Some((from, flags)));
                    if self.free(key.key_no) > 0 {
                        return self.shift(key.key_no, &reached);
                    }
                    queue.push_back(key.key_no);
                }
            }
        }
        None
    }

    /// Moves one seat along each step of the chain that ends at `last`; the key that has a free seat then.
    fn shift(&mut self, last: u32, reached: &HashMap<u32, Option<(u32, u32)>>) -> Option<u32> {
        let mut to = last;
        while let Some(Some((from, flags))) = reached.get(&to).copied() {
            let (occupant, mut moving) = self.pick(from, flags)?;
            self.count(from, flags, -1);
            self.count(to, flags, 1);
            moving.to = to;
            self.moved.insert(occupant, moving);
            to = from;
        }
        Some(to)
    }

    /// A seat with these flags on that key, as planned; of those that sit there, the one that came last.
    fn pick(&mut self, key_no: u32, flags: u32) -> Option<(Occupant, Move)> {
        let arrived = self
            .moved
            .iter()
            .find(|(_, one)| one.to == key_no && one.seat.flags == flags)
            .map(|(occupant, _)| *occupant);
        if let Some(occupant) = arrived {
            return self.moved.remove_entry(&occupant);
        }
        let untouched = |occupant: &Occupant| {
            !self.moved.contains_key(occupant) && !self.standing.contains(occupant)
        };
        let (occupant, seat) = self.view.newest_seat(key_no, flags, &untouched)?;
        Some((occupant, Move { seat, to: key_no }))
    }

    /// Why there is no seat with these flags. `reserved` of the free ones wait for others.
    pub(super) fn denial(&self, flags: u32, reserved: u32, now: Moment) -> Denial {
        if self.all.is_empty() {
            return Denial::NoLicence;
        }
        if self.keys.is_empty() {
            let reason = |key: &Key| {
                let result = usable(key, self.all, now);
                (key.key_no, result.err().unwrap_or(Unusable::NotWorkable))
            };
            return Denial::NotUsable(self.all.iter().map(reason).collect());
        }
        let serving: Vec<&&Key> = self.keys.iter().filter(|key| key.serves(flags)).collect();
        if serving.is_empty() {
            return Denial::NoFlags { asked: flags };
        }
        let total = serving
            .iter()
            .fold(0_u32, |sum, key| sum.saturating_add(key.seats));
        Denial::NoSeats {
            total,
            reserved,
            holders: self.view.holders(),
        }
    }
}
