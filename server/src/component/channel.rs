//! Channels: what a handshake made, with the memory of its requests.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use protocol::{
    KeyId,
    wire::{
        MAX_CHANNEL_LIFE, MAX_PAYLOAD,
        channel::{PART, Plain, PlainAnswer, Sealer},
        frame::ChannelId,
        window::{Admission, Window},
    },
};
use tokio::sync::Notify;

use crate::accounting::ConnectionId;

/// The most channels at once: past it a handshake is refused, so that memory stays bounded.
const MAX_CHANNELS: usize = 400_000;
/// A channel that nobody used for so long is forgotten; the component makes a new one by itself.
const IDLE: Duration = Duration::from_secs(300);
/// A channel whose first request never came is forgotten sooner.
const UNUSED: Duration = Duration::from_secs(30);
/// How many large requests a channel may be sending at once.
const MAX_TRANSFERS: usize = 4;
const SHARDS: usize = 64;

/// One channel.
pub(super) struct Channel {
    /// The series it is about.
    pub key_id: KeyId,
    /// From where it came.
    pub peer_ip: String,
    sealer: Sealer,
    /// Set by Hello.
    pub connection: OnceLock<ConnectionId>,
    created: Instant,
    used: AtomicU64,
    window: Mutex<Window>,
    answered: Notify,
    transfers: Mutex<HashMap<u32, Vec<Option<Vec<u8>>>>>,
    rests: Mutex<HashMap<u64, Vec<Vec<u8>>>>,
}

/// What to do with a sealed request.
pub(super) enum Admitted {
    /// Work on it.
    New(Plain),
    /// Its answer is known.
    Answered(Arc<[u8]>),
    /// It is no request of this channel.
    Refused,
}

impl Channel {
    pub(super) fn new(key_id: KeyId, peer_ip: String, sealer: Sealer) -> Self {
        Self {
            key_id,
            peer_ip,
            sealer,
            connection: OnceLock::new(),
            created: Instant::now(),
            used: AtomicU64::new(0),
            window: Mutex::default(),
            answered: Notify::new(),
            transfers: Mutex::default(),
            rests: Mutex::default(),
        }
    }

    fn touch(&self) {
        self.used
            .store(self.created.elapsed().as_secs(), Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        let age = self.created.elapsed().as_secs();
        let idle = Duration::from_secs(age.saturating_sub(self.used.load(Ordering::Relaxed)));
        let limit = if self.connection.get().is_some() {
            IDLE
        } else {
            UNUSED
        };
        age > MAX_CHANNEL_LIFE + IDLE.as_secs() || idle > limit
    }

    /// Opens a request that is new; waits for the first one's answer when it is a retry.
    pub(super) async fn admit(&self, number: u64, sealed: &[u8]) -> Admitted {
        self.touch();
        let hash = protocol::sha256(sealed);
        loop {
            let answered = self.answered.notified();
            tokio::pin!(answered);
            answered.as_mut().enable();
            let admission = self.window.lock().admit(number, hash);
            match admission {
                Admission::New => break,
                Admission::Answered(answer) => return Admitted::Answered(answer),
                Admission::Refused => return Admitted::Refused,
                Admission::UnderWay => answered.await,
            }
        }
        let opened = self
            .sealer
            .open(number, sealed)
            .ok()
            .and_then(|plain| Plain::from_bytes(&plain).ok());
        let Some(plain) = opened else {
            self.window.lock().withdraw(number);
            return Admitted::Refused;
        };
        self.window.lock().acknowledge(plain.ack());
        self.rests.lock().retain(|number, _| *number >= plain.ack());
        Admitted::New(plain)
    }

    /// Seals the answer to a request, once, and keeps it.
    pub(super) fn answer(&self, number: u64, answer: &PlainAnswer) -> Option<Arc<[u8]>> {
        let sealed: Arc<[u8]> = self.sealer.seal(number, &answer.to_bytes()).ok()?.into();
        self.window.lock().answered(number, Arc::clone(&sealed));
        self.answered.notify_waiters();
        Some(sealed)
    }

    /// Adds a part of a large request; the whole when it is complete.
    pub(super) fn add_part(&self, transfer: u32, index: u16, count: u16, bytes: Vec<u8>) -> Part {
        let mut transfers = self.transfers.lock();
        if !transfers.contains_key(&transfer) && transfers.len() >= MAX_TRANSFERS {
            return Part::Refused;
        }
        let parts = transfers
            .entry(transfer)
            .or_insert_with(|| vec![None; usize::from(count)]);
        let last = usize::from(index) + 1 == parts.len();
        if parts.len() != usize::from(count) || bytes.len() > PART || (!last && bytes.len() != PART)
        {
            return Part::Refused;
        }
        parts[usize::from(index)] = Some(bytes);
        if parts.iter().any(Option::is_none) {
            return Part::Missing;
        }
        let parts = transfers.remove(&transfer).unwrap_or_default();
        let whole: Vec<u8> = parts.into_iter().flatten().flatten().collect();
        if whole.len() > MAX_PAYLOAD {
            Part::Refused
        } else {
            Part::Whole(whole)
        }
    }

    /// Keeps what does not fit into one answer, and returns what does.
    pub(super) fn first_part(&self, number: u64, payload: Vec<u8>) -> PlainAnswer {
        match PlainAnswer::split(payload) {
            Ok((first, rest)) => {
                if !rest.is_empty() {
                    self.rests.lock().insert(number, rest);
                }
                first
            }
            Err(_) => PlainAnswer::Further(Vec::new()),
        }
    }

    /// Part `index`, from 1, of the answer to a request.
    pub(super) fn further_part(&self, number: u64, index: u16) -> PlainAnswer {
        let rests = self.rests.lock();
        let part = rests
            .get(&number)
            .and_then(|parts| parts.get(usize::from(index).checked_sub(1)?));
        PlainAnswer::Further(part.cloned().unwrap_or_default())
    }
}

/// What a part of a large request makes.
pub(super) enum Part {
    /// Others are missing.
    Missing,
    /// All are there.
    Whole(Vec<u8>),
    /// It breaks a limit or the sizes do not fit.
    Refused,
}

/// All channels, in shards: requests of different channels do not wait for each other.
pub(super) struct Channels {
    shards: Vec<Mutex<HashMap<ChannelId, Arc<Channel>>>>,
    hasher: RandomState,
}

impl Default for Channels {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl Channels {
    fn shard(&self, id: &ChannelId) -> &Mutex<HashMap<ChannelId, Arc<Channel>>> {
        &self.shards[self.hasher.hash_one(id) as usize % SHARDS]
    }

    pub(super) fn get(&self, id: &ChannelId) -> Option<Arc<Channel>> {
        self.shard(id).lock().get(id).cloned()
    }

    /// False when there are too many.
    pub(super) fn insert(&self, id: ChannelId, channel: Channel) -> bool {
        let mut shard = self.shard(&id).lock();
        if shard.len() >= MAX_CHANNELS / SHARDS {
            return false;
        }
        shard.insert(id, Arc::new(channel));
        true
    }

    pub(super) fn forget_idle(&self) {
        for shard in &self.shards {
            shard.lock().retain(|_, channel| !channel.is_over());
        }
    }
}
