//! USB keys of our own protocol (docs/usb-key.md), through libusb.

mod frame;
mod key;
mod wire;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::signature::PublicKey;
use rusb::{Context, Device, UsbContext};

use super::{About, CarrierError, Kind, Look, Reader, about::number, pin::PinFile};
use key::Key;
use wire::Wire;

/// The vendor and product of a key whose maker has no id of its own yet: a test id of pid.codes.
pub const TEST_ID: (u16, u16) = (0x1209, 0x0001);
/// Class, subclass and protocol of the interface.
const INTERFACE: (u8, u8, u8) = (0xFF, 0x4C, 0x33);
/// How many keys may be connected.
const MAX_KEYS: usize = 64;
/// How long a key may take to tell who it is.
const SHORT: Duration = Duration::from_secs(1);

/// How soon a device that could not be opened is tried again: twice as long after each time.
const RETRY: Duration = Duration::from_millis(500);
/// And how long at most.
const RETRY_AT_LEAST: Duration = Duration::from_secs(30);

/// Looks for keys on the bus.
pub(super) struct Bus {
    ids: Vec<(u16, u16)>,
    maker: Option<PublicKey>,
    pin: Arc<PinFile>,
    /// Devices that are no keys, or could not be opened.
    passed: Vec<Passed>,
}

/// A device that is left alone until it goes, or until it is tried again: a key that was plugged in a moment ago may not
/// belong to the server's user yet, and another program may have it for a while.
#[derive(Clone)]
struct Passed {
    place: String,
    /// Nothing for what is no key.
    again: Option<(Instant, Duration)>,
}

impl Passed {
    /// What could not be opened once more; said once.
    fn failed(place: String, former: Option<&Self>, error: &str) -> Self {
        let wait = match former.and_then(|former| former.again) {
            Some((_, wait)) => (wait * 2).min(RETRY_AT_LEAST),
            None => {
                log::warn!("the USB device {place} is tried again later: {error}");
                RETRY
            }
        };
        Self {
            place,
            again: Some((Instant::now() + wait, wait)),
        }
    }

    fn waits(&self) -> bool {
        self.again.is_none_or(|(at, _)| Instant::now() < at)
    }
}

/// Where the interface is.
#[derive(Clone, Copy, Debug)]
struct Endpoints {
    interface: u8,
    input: u8,
    output: u8,
}

impl Bus {
    pub(super) fn new(
        ids: Vec<(u16, u16)>,
        maker: Option<PublicKey>,
        pin_file: Option<PathBuf>,
    ) -> Self {
        Self {
            ids,
            maker,
            pin: Arc::new(PinFile::new(pin_file)),
            passed: Vec::new(),
        }
    }

    fn open(&self, device: &Device<Context>, place: &str) -> Result<Option<Key>, String> {
        let Some(endpoints) = endpoints(device) else {
            return Ok(None);
        };
        let said = |error: rusb::Error| error.to_string();
        let descriptor = device.device_descriptor().map_err(said)?;
        let handle = device.open().map_err(said)?;
        let languages = handle.read_languages(SHORT).map_err(said)?;
        let language = *languages.first().ok_or("it has no strings")?;
        let serial = handle
            .read_serial_number_string(language, &descriptor, SHORT)
            .map_err(said)?;
        let text = |read: rusb::Result<String>| crate::logs::tame(read.unwrap_or_default().trim());
        let serial = crate::logs::tame(serial.trim());
        let name = [
            text(handle.read_product_string(language, &descriptor, SHORT)),
            text(handle.read_manufacturer_string(language, &descriptor, SHORT)),
        ]
        .join(", ");
        let about = About {
            kind: Kind::Usb,
            number: number(&serial),
            serial,
            name,
            place: place.to_owned(),
            read_only: false,
        };
        let wire = Wire::new(handle, endpoints, about.number);
        let pin = Arc::clone(&self.pin);
        Key::open(wire, about, self.maker.clone(), pin)
            .map(Some)
            .map_err(|error| error.to_string())
    }
}

impl Reader for Bus {
    fn look(&mut self, known: &[&About]) -> Result<Look, CarrierError> {
        let failed = |error: rusb::Error| CarrierError::Usb(error.to_string());
        // A context of its own looks at the bus anew, and wants no events, which containers do not get.
        let context = Context::new().map_err(failed)?;
        let devices = context.devices().map_err(failed)?;
        let mut look = Look::default();
        let mut passed = Vec::new();
        for device in devices.iter() {
            let ours = device.device_descriptor().is_ok_and(|descriptor| {
                let id = (descriptor.vendor_id(), descriptor.product_id());
                self.ids.contains(&id)
            });
            if !ours || look.here.len() + look.new.len() >= MAX_KEYS {
                continue;
            }
            let place = format!("usb {}-{}", device.bus_number(), device.address());
            if known.iter().any(|about| about.place == place) {
                look.here.push(place);
                continue;
            }
            let former = self.passed.iter().find(|one| one.place == place);
            if let Some(former) = former.filter(|former| former.waits()) {
                passed.push(former.clone());
                continue;
            }
            match self.open(&device, &place) {
                Ok(Some(key)) => look.new.push(Box::new(key)),
                Ok(None) => passed.push(Passed { place, again: None }),
                Err(error) => passed.push(Passed::failed(place, former, &error)),
            }
        }
        self.passed = passed;
        Ok(look)
    }
}

fn endpoints(device: &Device<Context>) -> Option<Endpoints> {
    let configuration = device.active_config_descriptor().ok()?;
    let mut settings = configuration
        .interfaces()
        .flat_map(|interface| interface.descriptors());
    let setting = settings.find(|setting| {
        let triple = (
            setting.class_code(),
            setting.sub_class_code(),
            setting.protocol_code(),
        );
        triple == INTERFACE
    })?;
    let bulk = |direction| {
        let mut endpoints = setting.endpoint_descriptors();
        endpoints
            .find(|endpoint| {
                endpoint.transfer_type() == rusb::TransferType::Bulk
                    && endpoint.direction() == direction
            })
            .map(|endpoint| endpoint.address())
    };
    Some(Endpoints {
        interface: setting.interface_number(),
        input: bulk(rusb::Direction::In)?,
        output: bulk(rusb::Direction::Out)?,
    })
}
