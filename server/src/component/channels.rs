//! The channels that handshakes made. The map is in shards, so that heartbeats do not wait for each other.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use parking_lot::{Mutex, RwLock};
use protocol::{
    KeyId,
    wire::{MAX_CHANNEL_LIFE, MAX_PAYLOAD, channel::Sealer, frame::ChannelId, window::Window},
};
use tokio::sync::Notify;

use super::Life;

const SHARDS: usize = 64;
/// More channels than this are refused: it is the memory of 100,000 processes that all came twice.
const MAX_CHANNELS: usize = 200_000;
/// A channel that was not used for so long is dropped, in seconds. Its component makes a new one by itself.
const IDLE: u64 = 5 * 60;
/// The same for a channel on which nobody said hello.
const IDLE_WITHOUT_HELLO: u64 = 60;
/// How many large requests of one channel may be under way.
const MAX_TRANSFERS: usize = 4;

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
    larges: Mutex<BTreeMap<u64, Vec<Vec<u8>>>>,
    created: Instant,
    used: AtomicU64,
}

/// A request in parts that is past a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

struct Transfer {
    parts: Vec<Option<Vec<u8>>>,
}

impl Channel {
    /// A new channel.
    pub fn new(key_id: KeyId, sealer: Sealer) -> Self {
        Self {
            key_id,
            sealer,
            window: Mutex::default(),
            answered: Notify::new(),
            life: OnceLock::new(),
            transfers: Mutex::default(),
            larges: Mutex::default(),
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
    /// [`TooLarge`], also when the parts do not fit together.
    pub fn part(
        &self,
        transfer: u32,
        index: u16,
        count: u16,
        bytes: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, TooLarge> {
        // Before hello anybody may be sending: no more than hello itself needs is kept.
        let most = if self.life.get().is_some() {
            MAX_TRANSFERS
        } else {
            1
        };
        let mut transfers = self.transfers.lock();
        if !transfers.contains_key(&transfer) && transfers.len() >= most {
            // An unfinished one is a component's that gave up.
            transfers.clear();
        }
        let count = usize::from(count);
        let under_way = transfers.entry(transfer).or_insert_with(|| Transfer {
            parts: vec![None; count],
        });
        let parts = &mut under_way.parts;
        if parts.len() != count {
            return Err(TooLarge);
        }
        parts[usize::from(index)] = Some(bytes);
        if parts.iter().flatten().map(Vec::len).sum::<usize>() > MAX_PAYLOAD {
            transfers.remove(&transfer);
            return Err(TooLarge);
        }
        if parts.iter().any(Option::is_none) {
            return Ok(None);
        }
        Ok(transfers
            .remove(&transfer)
            .map(|transfer| transfer.parts.into_iter().flatten().flatten().collect()))
    }

    /// Keeps the further parts of a large answer.
    pub fn keep_large(&self, number: u64, parts: Vec<Vec<u8>>) {
        if !parts.is_empty() {
            self.larges.lock().insert(number, parts);
        }
    }

    /// Part `index`, from 1, of the large answer to request `number`.
    pub fn large(&self, number: u64, index: u16) -> Option<Vec<u8>> {
        let at = usize::from(index).checked_sub(1)?;
        self.larges.lock().get(&number)?.get(at).cloned()
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
}

impl Default for Channels {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::default()),
            count: AtomicUsize::new(0),
        }
    }
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

    /// Whether there is room for one more.
    pub fn has_room(&self) -> bool {
        self.count.load(Ordering::Relaxed) < MAX_CHANNELS
    }

    /// Adds a channel.
    pub fn add(&self, id: ChannelId, channel: Channel) {
        if self
            .shard(&id)
            .write()
            .insert(id, Arc::new(channel))
            .is_none()
        {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Drops channels that nobody uses.
    pub fn sweep(&self) {
        for shard in &self.shards {
            let mut shard = shard.write();
            let before = shard.len();
            shard.retain(|_, channel| !channel.is_idle());
            self.count
                .fetch_sub(before - shard.len(), Ordering::Relaxed);
        }
    }
}
