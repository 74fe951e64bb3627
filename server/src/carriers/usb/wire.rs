//! The way to one key: claimed for each piece of work, so that another program can come in between.

use std::{
    cell::Cell,
    thread,
    time::{Duration, Instant},
};

use rusb::{Context, DeviceHandle};

use super::{
    Endpoints,
    frame::{self, Command, HEAD, Hello, Nonsense, Status},
};
use crate::carriers::CarrierError;

/// How long another program may keep the key.
const CLAIM: Duration = Duration::from_secs(3);
/// How long a key may take for a command.
const USUAL: Duration = Duration::from_secs(3);
/// How long it may take for a piece of work of several commands.
const WORK: Duration = Duration::from_secs(15);
/// How long it may take to make a holder key.
const MAKING: Duration = Duration::from_secs(120);
/// How much is read at once: a multiple of every packet's size.
const CHUNK: usize = 16 * 1024;
/// A vendor request to the interface that answers.
const REQUEST_IN: u8 = 0xC1;
/// A vendor request to the interface that does not.
const REQUEST_OUT: u8 = 0x41;
/// The request HELLO.
const HELLO: u8 = 1;
/// The request RESET.
const RESET: u8 = 2;

/// The way to a key.
pub(super) struct Wire {
    handle: DeviceHandle<Context>,
    endpoints: Endpoints,
    number: u32,
    count: Cell<u16>,
}

/// The key, claimed until this is dropped. Every piece of work begins with a reset, and is locked again by the next.
/// A key that answers a byte at a time keeps nobody for longer than that work may last.
pub(super) struct Claimed<'a>(&'a Wire, Instant);

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        // Locks it again; a key that is gone is locked enough.
        let _ = self.0.request(RESET);
        let _ = self.0.handle.release_interface(self.0.endpoints.interface);
    }
}

impl Wire {
    pub(super) fn new(handle: DeviceHandle<Context>, endpoints: Endpoints, number: u32) -> Self {
        Self {
            handle,
            endpoints,
            number,
            count: Cell::new(0),
        }
    }

    fn failed(&self, error: rusb::Error) -> CarrierError {
        let number = self.number;
        match error {
            rusb::Error::NoDevice
            | rusb::Error::NotFound
            | rusb::Error::Timeout
            | rusb::Error::Io => CarrierError::Gone(number),
            rusb::Error::Pipe | rusb::Error::Overflow => self.nonsense(Nonsense("a stall")),
            error => CarrierError::Device {
                number,
                error: error.to_string(),
            },
        }
    }

    pub(super) fn nonsense(&self, what: Nonsense) -> CarrierError {
        CarrierError::Nonsense {
            number: self.number,
            what: what.0.into(),
        }
    }

    fn request(&self, request: u8) -> rusb::Result<()> {
        let interface = self.endpoints.interface.into();
        self.handle
            .write_control(REQUEST_OUT, request, 0, interface, &[], USUAL)
            .map(drop)
    }

    /// Claims the key, and begins anew with it.
    pub(super) fn claim(&self) -> Result<Claimed<'_>, CarrierError> {
        let begun = Instant::now();
        while let Err(error) = self.handle.claim_interface(self.endpoints.interface) {
            if error != rusb::Error::Busy || begun.elapsed() > CLAIM {
                return Err(self.failed(error));
            }
            thread::sleep(Duration::from_millis(50));
        }
        let claimed = Claimed(self, Instant::now() + WORK);
        self.request(RESET).map_err(|error| self.failed(error))?;
        Ok(claimed)
    }
}

impl Claimed<'_> {
    /// What the key says of itself.
    pub(super) fn hello(&self) -> Result<Hello, CarrierError> {
        let wire = self.0;
        let mut bytes = [0; frame::HELLO];
        let interface = wire.endpoints.interface.into();
        let length = wire
            .handle
            .read_control(REQUEST_IN, HELLO, 0, interface, &mut bytes, USUAL)
            .map_err(|error| wire.failed(error))?;
        frame::hello(bytes.get(..length).unwrap_or_default()).map_err(|what| wire.nonsense(what))
    }

    /// Gives a command, and takes an answer of at most `limit` bytes.
    pub(super) fn ask(
        &self,
        command: Command,
        payload: &[u8],
        limit: usize,
    ) -> Result<Vec<u8>, CarrierError> {
        let (status, answer) = self.tell(command, payload, limit)?;
        let number = self.0.number;
        Err(match status {
            Status::Done => return Ok(answer),
            Status::Locked => CarrierError::NoPin { number, file: None },
            Status::WrongPin => CarrierError::WrongPin(number),
            Status::Blocked => CarrierError::Locked(number),
            Status::Full => CarrierError::Full(number),
            Status::ReadOnly => CarrierError::ReadOnly(number),
            Status::Nothing => self.0.nonsense(Nonsense("nothing where something was")),
            Status::Other(code) => CarrierError::Device {
                number,
                error: format!("it refused command {} with {code}", command as u8),
            },
        })
    }

    /// The same, with the status as it is.
    pub(super) fn tell(
        &self,
        command: Command,
        payload: &[u8],
        limit: usize,
    ) -> Result<(Status, Vec<u8>), CarrierError> {
        let wire = self.0;
        let number = wire.count.get().wrapping_add(1);
        wire.count.set(number);
        let end = if command == Command::MakeHolder {
            Instant::now() + MAKING
        } else {
            self.1.min(Instant::now() + USUAL)
        };
        let mut rest = &frame::command(command, number, payload)[..];
        while !rest.is_empty() {
            let part = &rest[..rest.len().min(CHUNK)];
            let written = wire
                .handle
                .write_bulk(wire.endpoints.output, part, self.left(end)?)
                .map_err(|error| wire.failed(error))?;
            if written == 0 {
                return Err(CarrierError::Gone(wire.number));
            }
            rest = rest.get(written..).unwrap_or_default();
        }
        let mut bytes = self.read(end)?;
        let (status, length) =
            frame::answer(command, number, limit, &bytes).map_err(|what| wire.nonsense(what))?;
        while bytes.len() < HEAD + length {
            let more = self.read(end)?;
            bytes.extend(more);
        }
        if bytes.len() > HEAD + length {
            return Err(wire.nonsense(Nonsense("more than it announced")));
        }
        bytes.drain(..HEAD);
        Ok((status, bytes))
    }

    /// The time that is left; libusb takes none for all there is.
    fn left(&self, end: Instant) -> Result<Duration, CarrierError> {
        let left = end.saturating_duration_since(Instant::now());
        if left < Duration::from_millis(1) {
            return Err(self.0.failed(rusb::Error::Timeout));
        }
        Ok(left)
    }

    /// One piece of an answer, never empty.
    fn read(&self, end: Instant) -> Result<Vec<u8>, CarrierError> {
        let wire = self.0;
        let mut bytes = vec![0; CHUNK];
        let length = wire
            .handle
            .read_bulk(wire.endpoints.input, &mut bytes, self.left(end)?)
            .map_err(|error| wire.failed(error))?;
        bytes.truncate(length);
        if bytes.is_empty() {
            return Err(wire.nonsense(Nonsense("an empty answer")));
        }
        Ok(bytes)
    }
}
