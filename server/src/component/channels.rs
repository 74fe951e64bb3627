//! The channels that handshakes made. The map is in shards, so that heartbeats do not wait for each other.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::{Mutex, RwLock};
use protocol::{
    KeyId,
    wire::{MAX_CHANNEL_LIFE, MAX_PAYLOAD, channel::Sealer, frame::ChannelId, window::Window},
};
use tokio::sync::Notify;

use super::{
    Life,
    budget::{Budget, Kept},
};
use crate::access::neighbourhood;

const SHARDS: usize = 64;
/// More channels than this are refused: it is the memory of 100,000 processes that all came twice.
const MAX_CHANNELS: usize = 200_000;
/// The most of one neighbourhood: nobody keeps all others out. This computer is no stranger.
const MAX_OF_ONE: usize = MAX_CHANNELS / 4;
/// A channel that was not used for so long is dropped, in seconds. Its component makes a new one by itself.
const IDLE: u64 = 5 * 60;
/// The same for a channel on which nobody said hello.
const IDLE_WITHOUT_HELLO: u64 = 60;
/// How many large requests of one channel may be under way.
const MAX_TRANSFERS: usize = 4;
/// A large request of which nothing came for so long is a component's that gave up.
const UNFINISHED: Duration = Duration::from_secs(10);

/// What one handshake made.
pub struct Channel {
    /// Its series.
    pub key_id: KeyId,
    /// Seals answers and opens requests.
    pub sealer: Sealer,
    /// Each request's number is worked on once.
    pub window: Mutex<Window>,
    /// Wakes those who wait for the answer of a request under way.
    pub answered: Notify,
    /// The connection, once hello was said.
    pub life: OnceLock<Arc<Life>>,
    transfers: Mutex<HashMap<u32, Transfer>>,
    /// Parts of large answers by request number, until they are acknowledged.
    larges: Mutex<BTreeMap<u64, Vec<Kept>>>,
    budget: Arc<Budget>,
    /// Whose it is, for the limit of one.
    stranger: Option<IpAddr>,
    created: Instant,
    used: AtomicU64,
}

/// Why a part of a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartError {
    /// The parts do not fit together, or are too many.
    Wrong,
    /// Too much is under way.
    Busy,
}

struct Transfer {
    parts: Vec<Option<Kept>>,
    /// When the last part came.
    heard: Instant,
}

impl Channel {
    fn new(key_id: KeyId, sealer: Sealer, budget: Arc<Budget>, stranger: Option<IpAddr>) -> Self {
        Self {
            key_id,
            sealer,
            window: Mutex::default(),
            answered: Notify::new(),
            life: OnceLock::new(),
            transfers: Mutex::default(),
            larges: Mutex::default(),
            budget,
            stranger,
            created: Instant::now(),
            used: AtomicU64::new(0),
        }
    }

    /// Notes that it is in use. False when it is too old, and a new handshake must be made.
    pub fn touch(&self) -> bool {
        let age = self.created.elapsed().as_secs();
        self.used.store(age, Ordering::Relaxed);
        // A component changes channels at this age; a request under way is still answered.
        age < MAX_CHANNEL_LIFE + IDLE
    }

    fn is_idle(&self) -> bool {
        let limit = if self.life.get().is_some() {
            IDLE
        } else {
            IDLE_WITHOUT_HELLO
        };
        self.created
            .elapsed()
            .as_secs()
            .saturating_sub(self.used.load(Ordering::Relaxed))
            > limit
    }

    /// Takes a part of a large request; the whole when it was the last one.
    ///
    /// # Errors
    /// [`PartError`].
    pub(super) fn part(
        &self,
        transfer: u32,
        index: u16,
        count: u16,
        bytes: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, PartError> {
        // Before hello anybody may be sending: no more than hello itself needs is kept.
        let most = if self.life.get().is_some() {
            MAX_TRANSFERS
        } else {
            1
        };
        let kept = Kept::new(bytes, &self.budget).ok_or(PartError::Busy)?;
        let mut transfers = self.transfers.lock();
        transfers.retain(|_, transfer| transfer.heard.elapsed() < UNFINISHED);
        if !transfers.contains_key(&transfer) && transfers.len() >= most {
            return Err(PartError::Busy);
        }
        let count = usize::from(count);
        let under_way = transfers.entry(transfer).or_insert_with(|| Transfer {
            parts: std::iter::repeat_with(|| None).take(count).collect(),
            heard: Instant::now(),
        });
        under_way.heard = Instant::now();
        let parts = &mut under_way.parts;
        if parts.len() != count {
            return Err(PartError::Wrong);
        }
        *parts.get_mut(usize::from(index)).ok_or(PartError::Wrong)? = Some(kept);
        let length = |part: &Kept| part.bytes().len();
        if parts.iter().flatten().map(length).sum::<usize>() > MAX_PAYLOAD {
            transfers.remove(&transfer);
            return Err(PartError::Wrong);
        }
        if parts.iter().any(Option::is_none) {
            return Ok(None);
        }
        let whole = transfers.remove(&transfer).map(|transfer| {
            let parts = transfer.parts.iter().flatten();
            parts.flat_map(Kept::bytes).copied().collect()
        });
        Ok(whole)
    }

    /// Keeps the further parts of a large answer. False when there is no room.
    pub(super) fn keep_large(&self, number: u64, parts: Vec<Vec<u8>>) -> bool {
        if parts.is_empty() {
            return true;
        }
        let kept: Option<Vec<Kept>> = parts
            .into_iter()
            .map(|part| Kept::new(part, &self.budget))
            .collect();
        let Some(kept) = kept else {
            return false;
        };
        self.larges.lock().insert(number, kept);
        true
    }

    /// Part `index`, from 1, of the large answer to request `number`.
    pub fn large(&self, number: u64, index: u16) -> Option<Vec<u8>> {
        let at = usize::from(index).checked_sub(1)?;
        let larges = self.larges.lock();
        Some(larges.get(&number)?.get(at)?.bytes().to_vec())
    }

    /// The component has all answers below `ack`.
    pub fn acknowledge(&self, ack: u64) {
        self.window.lock().acknowledge(ack);
        let mut larges = self.larges.lock();
        if larges
            .first_key_value()
            .is_some_and(|(number, _)| *number < ack)
        {
            *larges = larges.split_off(&ack);
        }
    }
}

/// All channels.
pub struct Channels {
    shards: [RwLock<HashMap<ChannelId, Arc<Channel>>>; SHARDS],
    count: AtomicUsize,
    strangers: Mutex<HashMap<IpAddr, usize>>,
    budget: Arc<Budget>,
}

impl Default for Channels {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::default()),
            count: AtomicUsize::new(0),
            strangers: Mutex::default(),
            budget: Arc::default(),
        }
    }
}

fn stranger(peer: IpAddr) -> Option<IpAddr> {
    (!peer.to_canonical().is_loopback()).then(|| neighbourhood(peer))
}

impl Channels {
    fn shard(&self, id: &ChannelId) -> &RwLock<HashMap<ChannelId, Arc<Channel>>> {
        // Ids are random: any byte spreads them evenly.
        &self.shards[usize::from(id[0]) % SHARDS]
    }

    /// A channel by its id.
    pub fn get(&self, id: &ChannelId) -> Option<Arc<Channel>> {
        self.shard(id).read().get(id).map(Arc::clone)
    }

    /// Whether there is room for one more from there.
    pub fn has_room(&self, peer: IpAddr) -> bool {
        let of_one = stranger(peer).and_then(|from| self.strangers.lock().get(&from).copied());
        self.count.load(Ordering::Relaxed) < MAX_CHANNELS
            && of_one.is_none_or(|count| count < MAX_OF_ONE)
    }

    /// Adds a channel of a series that a handshake made.
    pub fn add(&self, id: ChannelId, key_id: KeyId, sealer: Sealer, peer: IpAddr) {
        let stranger = stranger(peer);
        let channel = Channel::new(key_id, sealer, Arc::clone(&self.budget), stranger);
        self.shard(&id).write().insert(id, Arc::new(channel));
        self.count.fetch_add(1, Ordering::Relaxed);
        if let Some(from) = stranger {
            *self.strangers.lock().entry(from).or_default() += 1;
        }
    }

    /// Drops channels that nobody uses.
    pub fn sweep(&self) {
        for shard in &self.shards {
            let idle: Vec<_> = shard
                .write()
                .extract_if(|_, channel| channel.is_idle())
                .collect();
            self.count.fetch_sub(idle.len(), Ordering::Relaxed);
            let mut strangers = self.strangers.lock();
            for from in idle.iter().filter_map(|(_, channel)| channel.stranger) {
                if let Some(count) = strangers.get_mut(&from) {
                    *count -= 1;
                }
            }
            strangers.retain(|_, count| *count > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn one_neighbourhood_leaves_room_for_others() {
        let channels = Channels::default();
        let from = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
        channels.strangers.lock().insert(from, MAX_OF_ONE - 1);
        assert!(channels.has_room(from));
        channels.strangers.lock().insert(from, MAX_OF_ONE);
        assert!(!channels.has_room(from));
        assert!(channels.has_room(IpAddr::from(Ipv4Addr::new(192, 0, 2, 2))));
        assert!(channels.has_room(IpAddr::from(Ipv4Addr::LOCALHOST)));
        channels.sweep();
        channels.strangers.lock().insert(from, 0);
        channels.sweep();
        assert!(channels.strangers.lock().is_empty());
    }
}
