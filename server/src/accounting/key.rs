//! Keys as pools of seats, and which of them are usable at a moment.

use std::sync::Arc;

use minicbor::{Decode, Encode};
use protocol::licence::KeyType;

use super::Moment;

/// What accounting knows of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its number.
    pub key_no: u32,
    /// Main, additional or demo.
    pub key_type: KeyType,
    /// How many seats it gives.
    pub seats: u32,
    /// The functionality bits that it carries.
    pub flags: u32,
    /// The vendor's number of the product's version that it is for.
    pub product_version: u32,
    /// 1C applications whose sessions need no seat of it, in lower case.
    pub free_app_names: Arc<[String]>,
    /// From when it works, if not from ever.
    pub starts: Option<Moment>,
    /// The first moment at which it works no more, if it ends.
    pub ends: Option<Moment>,
    /// False when an administrator switched it off. The ledger decides: what a list of keys says here is not asked.
    pub enabled: bool,
    /// False when the document or the computer is wrong.
    pub workable: bool,
}

/// What the ledger remembers of a key across restarts: its file is read anew at each start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KeyState {
    /// Its number.
    #[n(0)]
    pub key_no: u32,
    /// True when an administrator switched it off.
    #[n(1)]
    pub off: bool,
    /// True while its file is here.
    #[n(2)]
    pub present: bool,
    /// True while it gives seats.
    #[n(3)]
    pub usable: bool,
}

/// Why a key gives no seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// The document or the computer is wrong.
    NotWorkable,
    /// An administrator switched it off.
    Disabled,
    /// Its period begins later.
    NotStarted(Moment),
    /// Its period is over.
    Expired(Moment),
    /// It is an additional key, and no usable main key is here.
    NoMainKey,
    /// It is a demo key beside another key of its series.
    BesideOther,
}

impl Key {
    fn usable_alone(&self, now: Moment) -> Result<(), Unusable> {
        if !self.workable {
            return Err(Unusable::NotWorkable);
        }
        if !self.enabled {
            return Err(Unusable::Disabled);
        }
        match (self.starts, self.ends) {
            (Some(starts), _) if now < starts => Err(Unusable::NotStarted(starts)),
            (_, Some(ends)) if now >= ends => Err(Unusable::Expired(ends)),
            _ => Ok(()),
        }
    }

    /// Whether it has all the bits that were asked for.
    pub fn serves(&self, flags: u32) -> bool {
        self.flags & flags == flags
    }
}

/// Whether `key`, one of `all` keys of its series, gives seats now.
///
/// # Errors
/// Names the first reason in the way.
pub fn usable(key: &Key, all: &[Key], now: Moment) -> Result<(), Unusable> {
    key.usable_alone(now)?;
    match key.key_type {
        KeyType::Main => Ok(()),
        KeyType::Additional => {
            let main =
                |other: &&Key| other.key_type == KeyType::Main && other.usable_alone(now).is_ok();
            all.iter().find(main).map(drop).ok_or(Unusable::NoMainKey)
        }
        // Of several demo keys the one with the lowest number works: a demo adds nothing.
        KeyType::Demo
            if all
                .iter()
                .all(|other| other.key_type == KeyType::Demo && other.key_no >= key.key_no) =>
        {
            Ok(())
        }
        KeyType::Demo => Err(Unusable::BesideOther),
    }
}

/// When the keys of a series must be looked at again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// When a key begins or ends next, or at once while seats are left to move.
    next: Option<Moment>,
    /// When they were looked at last.
    looked: Option<Moment>,
}

impl Due {
    /// At once, whatever the time is.
    pub fn at_once() -> Self {
        Self {
            next: Some(Moment(i64::MIN)),
            looked: None,
        }
    }

    /// After a look at `now`; `more` when it moved a part of the seats.
    pub fn after(keys: &[Key], now: Moment, more: bool) -> Self {
        let moments = keys.iter().flat_map(|key| [key.starts, key.ends]).flatten();
        let next = moments.filter(|moment| *moment > now).min();
        Self {
            next: if more { Some(now) } else { next },
            looked: Some(now),
        }
    }

    /// Whether they must be looked at. Also when the time is earlier than it was: what was seen of a clock that leapt
    /// and was set right is true no more.
    pub fn is_at(&self, now: Moment) -> bool {
        self.next.is_some_and(|next| next <= now) || self.looked.is_some_and(|looked| now < looked)
    }
}
