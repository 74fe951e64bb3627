//! One handshake and the numbered requests after it. Many threads call at once, each over its own socket;
//! none waits for another's answer.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use protocol::{
    KeyId, Reason,
    envelope::{from_cbor, to_cbor},
    series::SeriesKeys,
    wire::{
        HANDSHAKE_PATH, MAX_CHANNEL_LIFE, MAX_REQUESTS, MESSAGE_PATH, WINDOW,
        channel::{Plain, PlainAnswer, Sealer},
        frame::{ChannelId, Frame},
        handshake::Initiator,
        message::{Answer, Request},
    },
};

use super::{
    http::Http,
    trust::{check_version, clock_error, handshake_error, read_frame, refused, verify, way_error},
};
use crate::{table::CallError, texts};

/// How long one sending of a request waits before the same bytes are sent again.
const ONE_TRY: Duration = Duration::from_secs(3);
/// The pause before the same bytes are sent again.
const PAUSE: Duration = Duration::from_millis(100);
/// How many requests may be outstanding. Half the server's window: the server learns of an acknowledgement
/// only from a later request, so that its window trails ours by up to as much as ours is wide.
const ROOM: u64 = WINDOW / 2;
/// How often the same bytes are sent.
const TRIES: u32 = 3;

/// Why a request has no answer.
#[derive(Clone, Debug)]
pub(super) enum ChannelError {
    /// The server has forgotten the channel, or the channel is worn out: a new handshake helps.
    Worn,
    /// The server did not answer.
    Silent(CallError),
    /// What came is not what a licence server of ours sends.
    Wrong(CallError),
}

impl ChannelError {
    /// As an error of a call.
    pub(super) fn into_error(self) -> CallError {
        match self {
            Self::Worn => texts::error(Reason::UnknownChannel),
            Self::Silent(error) | Self::Wrong(error) => error,
        }
    }
}

/// An encrypted channel to a server that proved that it may speak for a key of the series.
#[derive(Debug)]
pub(super) struct Channel {
    http: Http,
    id: ChannelId,
    sealer: Sealer,
    server: [u8; 32],
    numbers: Mutex<Numbers>,
    room: Condvar,
    worn: AtomicBool,
    transfers: AtomicU32,
    /// Held while a request goes in parts.
    large: Mutex<()>,
    opened: Instant,
}

#[derive(Debug, Default)]
struct Numbers {
    next: u64,
    /// Every answer below it has been received.
    acknowledged: u64,
    /// Answers received above it.
    received: BTreeSet<u64>,
}

impl Channel {
    /// Shakes hands and checks the whole chain from the series' key to this server.
    pub(super) fn open(
        http: Http,
        key_id: KeyId,
        series: &SeriesKeys,
        deadline: Instant,
    ) -> Result<Self, CallError> {
        let (initiator, request) =
            Initiator::start(key_id, http.host()).map_err(|error| handshake_error(&error))?;
        let answer = http
            .post(HANDSHAKE_PATH, &request.to_bytes(), deadline)
            .map_err(|error| way_error(&error))?;
        let established = match read_frame(&answer)? {
            Frame::Refusal(refusal) => return Err(refused(&refusal)),
            reply => initiator
                .finish(reply)
                .map_err(|error| handshake_error(&error))?,
        };
        check_version(&established.hello.version)?;
        verify(
            &established.hello.credential,
            series,
            key_id,
            &established.server,
        )
        .map_err(|error| clock_error(error, established.hello.now))?;
        Ok(Self {
            http,
            id: established.channel,
            sealer: established.sealer,
            server: established.server,
            numbers: Mutex::default(),
            room: Condvar::new(),
            worn: AtomicBool::new(false),
            transfers: AtomicU32::new(0),
            large: Mutex::new(()),
            opened: Instant::now(),
        })
    }

    /// The server's static key: credentials must delegate to it.
    pub(super) const fn server(&self) -> &[u8; 32] {
        &self.server
    }

    /// Whether a new handshake should replace it.
    pub(super) fn is_worn(&self) -> bool {
        self.worn.load(Ordering::SeqCst)
            || self.opened.elapsed() >= Duration::from_secs(MAX_CHANNEL_LIFE)
            // Calls under way still need numbers, so the last ones are left to them.
            || self.numbers.lock().next + WINDOW >= MAX_REQUESTS
    }

    /// Ends every call under way at once.
    pub(super) fn interrupt(&self) {
        self.http.interrupt();
    }

    /// Asks and waits for the answer.
    pub(super) fn call(
        &self,
        request: &Request,
        deadline: Instant,
    ) -> Result<Answer, ChannelError> {
        let transfer = self.transfers.fetch_add(1, Ordering::Relaxed);
        let parts = Plain::split(to_cbor(request), transfer).map_err(|error| {
            ChannelError::Wrong(texts::error_about(Reason::TooLong, &error.to_string()))
        })?;
        // The server keeps few large requests of one channel: one after another.
        let alone = (parts.len() > 1).then(|| self.large.try_lock_until(deadline));
        if matches!(alone, Some(None)) {
            return Err(busy());
        }
        let mut last = None;
        for part in parts {
            last = Some(self.exchange(part, deadline)?);
        }
        let payload = match last {
            Some((_, PlainAnswer::Whole(payload))) => payload,
            Some((number, PlainAnswer::First { count, bytes })) => {
                self.rest(number, count, bytes, deadline)?
            }
            _ => return Err(self.odd()),
        };
        from_cbor(&payload).map_err(|_| damaged())
    }

    /// Fetches the further parts of a long answer.
    fn rest(
        &self,
        number: u64,
        count: u16,
        mut payload: Vec<u8>,
        deadline: Instant,
    ) -> Result<Vec<u8>, ChannelError> {
        for index in 1..count {
            let more = Plain::More {
                ack: 0,
                number,
                index,
            };
            match self.exchange(more, deadline)? {
                (_, PlainAnswer::Further(bytes)) => payload.extend(bytes),
                _ => return Err(self.odd()),
            }
        }
        self.received(number);
        Ok(payload)
    }

    /// What came is no answer to what was asked, so that the request's number is never done with.
    fn odd(&self) -> ChannelError {
        self.wear_out();
        damaged()
    }

    /// The hole that a number leaves would fill the window; operation ids make a repetition over a new channel safe.
    fn wear_out(&self) {
        self.worn.store(true, Ordering::SeqCst);
        self.room.notify_all();
    }

    /// One message there and one back, the same bytes again when the way fails.
    fn exchange(
        &self,
        plain: Plain,
        deadline: Instant,
    ) -> Result<(u64, PlainAnswer), ChannelError> {
        let (number, acknowledged) = self.number(deadline)?;
        let answer = self.send(number, &plain.acknowledging(acknowledged), deadline);
        if answer.is_err() {
            self.wear_out();
        }
        let answer = answer?;
        // A long answer is kept by the server until its last part is here.
        if !matches!(answer, PlainAnswer::First { .. }) {
            self.received(number);
        }
        Ok((number, answer))
    }

    fn send(
        &self,
        number: u64,
        plain: &Plain,
        deadline: Instant,
    ) -> Result<PlainAnswer, ChannelError> {
        let noise = self
            .sealer
            .seal(number, &plain.to_bytes())
            .map_err(|_| ChannelError::Wrong(texts::error(Reason::TooLong)))?;
        let frame = Frame::Request {
            channel: self.id,
            number,
            noise,
        }
        .to_bytes();
        let mut tries = 0;
        let answer = loop {
            tries += 1;
            match self
                .http
                .post(MESSAGE_PATH, &frame, deadline.min(Instant::now() + ONE_TRY))
            {
                Ok(answer) => break answer,
                // Where nothing listens nothing will in the next moment; another server may.
                Err(error)
                    if error.is_way()
                        && error.reason != Reason::ConnectionRefused
                        && tries < TRIES
                        && Instant::now() < deadline =>
                {
                    // An idle socket that the server closed meanwhile is no failure yet.
                    if tries > 1 {
                        thread::sleep(
                            PAUSE.min(deadline.saturating_duration_since(Instant::now())),
                        );
                    }
                }
                Err(error) if error.is_way() => {
                    return Err(ChannelError::Silent(way_error(&error)));
                }
                Err(error) => return Err(ChannelError::Wrong(way_error(&error))),
            }
        };
        match read_frame(&answer).map_err(ChannelError::Wrong)? {
            Frame::Reply {
                number: answered,
                noise,
            } if answered == number => {
                let plain = self.sealer.open(number, &noise).map_err(|_| damaged())?;
                PlainAnswer::from_bytes(&plain).map_err(|_| damaged())
            }
            // Not authenticated, so it is worth a new handshake and no more.
            Frame::Refusal(refusal) if refusal.reason == Reason::ServerBusy => {
                Err(ChannelError::Silent(refused(&refusal)))
            }
            Frame::Refusal(_) => Err(ChannelError::Worn),
            _ => Err(damaged()),
        }
    }

    /// The next number, once there is room in the window.
    fn number(&self, deadline: Instant) -> Result<(u64, u64), ChannelError> {
        let mut numbers = self.numbers.lock();
        loop {
            if self.worn.load(Ordering::SeqCst) || numbers.next >= MAX_REQUESTS {
                return Err(ChannelError::Worn);
            }
            if numbers.next < numbers.acknowledged + ROOM {
                let number = numbers.next;
                numbers.next += 1;
                return Ok((number, numbers.acknowledged));
            }
            if self.room.wait_until(&mut numbers, deadline).timed_out() {
                return Err(busy());
            }
        }
    }

    fn received(&self, number: u64) {
        let mut numbers = self.numbers.lock();
        numbers.received.insert(number);
        while numbers.received.first() == Some(&numbers.acknowledged) {
            numbers.received.pop_first();
            numbers.acknowledged += 1;
        }
        drop(numbers);
        self.room.notify_all();
    }
}

/// So much is under way there that this had no turn in time; of the server that says nothing.
fn busy() -> ChannelError {
    ChannelError::Wrong(texts::error(Reason::ServerBusy))
}

fn damaged() -> ChannelError {
    ChannelError::Wrong(texts::error(Reason::BadMessage))
}
