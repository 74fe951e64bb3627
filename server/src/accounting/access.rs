//! Access codes: tenants of one server, each with its share of the seats.

use std::collections::BTreeMap;

use protocol::KeyId;

use super::{Denial, Rules, Text, View, seating::Seating};

/// A code's share of a series' seats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// How many seats its holders take at most; no limit when `None`.
    pub limit: Option<u32>,
    /// How many seats wait for its holders.
    pub reserve: u32,
}

/// One access code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessCode {
    /// For people.
    pub name: String,
    /// Its share of every series that is not named.
    pub share: Share,
    /// Its shares of single series.
    pub series: BTreeMap<KeyId, Share>,
}

impl AccessCode {
    /// Its share of a series.
    pub fn share_of(&self, key_id: KeyId) -> Share {
        self.series.get(&key_id).copied().unwrap_or(self.share)
    }
}

/// The shares of all codes in one series; nothing when codes are not asked for.
pub type Shares = Option<BTreeMap<Text, Share>>;

/// Whether the code may be used at all.
pub(super) fn known(rules: &Rules, code: &str) -> Result<(), Denial> {
    match &rules.shares {
        Some(shares) if !shares.contains_key(code) => Err(Denial::UnknownCode),
        _ => Ok(()),
    }
}

/// Whether a holder of the code may take one more seat, and how many of the free seats wait for others.
pub(super) fn room<V: View>(
    rules: &Rules,
    view: &V,
    seating: &Seating<'_, V>,
    code: &str,
) -> Result<(), Room> {
    let Some(shares) = &rules.shares else {
        return Ok(());
    };
    if let Some(limit) = shares.get(code).and_then(|share| share.limit)
        && view.used_by_code(code) >= limit
    {
        return Err(Room::Limit(limit));
    }
    let waiting = shares
        .iter()
        .filter(|(other, share)| ***other != *code && share.reserve > 0)
        .map(|(other, share)| share.reserve.saturating_sub(view.used_by_code(other)))
        .fold(0_u32, u32::saturating_add);
    if waiting > 0 && seating.all_free() <= i64::from(waiting) {
        return Err(Room::Reserved(waiting));
    }
    Ok(())
}

/// Why there is no room.
pub(super) enum Room {
    /// The code's holders have as many seats as they may.
    Limit(u32),
    /// All free seats wait for holders of other codes; so many of them wait.
    Reserved(u32),
}
