//! All carriers that are connected: found again and again, asked one at a time.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use protocol::{licence::Holder, signature::PublicKey};

use super::{About, Carrier, CarrierError, Reader, TEST_ID, pkcs11, usb};

/// `[UPKey]` of licenceserver.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether carriers are looked for at all.
    pub enabled: bool,
    /// The PKCS#11 module, if there is one.
    pub pkcs11_module: Option<PathBuf>,
    /// The file with the carriers' PIN.
    pub pin_file: Option<PathBuf>,
    /// Vendor and product of USB keys.
    pub usb_ids: Vec<(u16, u16)>,
    /// Whose certificate USB keys need, if they need one.
    pub usb_maker: Option<PublicKey>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            pkcs11_module: None,
            pin_file: None,
            usb_ids: vec![TEST_ID],
            usb_maker: None,
        }
    }
}

/// A carrier proves that it is there at most so often.
const PROVE_EVERY: Duration = Duration::from_secs(1);
/// And at least so often, however slow it is: its delegations live for a minute.
const PROVE_AT_LEAST: Duration = Duration::from_secs(20);

/// A connected carrier and what was found on it.
pub(crate) struct Present {
    /// The device.
    pub(crate) carrier: Box<dyn Carrier>,
    /// The public halves of its holder key.
    pub(crate) holder: Option<Holder>,
    /// Its licences, as documents.
    pub(crate) documents: Vec<Vec<u8>>,
    /// What is wrong with it, though it is there.
    pub(crate) error: Option<CarrierError>,
    /// Whether it had no room for what was written last.
    pub(crate) full: bool,
    /// When it has to prove again that it is there.
    due: Instant,
}

/// A carrier as lists show it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which one.
    pub about: About,
    /// How many licences are on it.
    pub licences: usize,
    /// Whether it has no room for another licence, as far as that is known.
    pub full: bool,
    /// What is wrong with it.
    pub error: Option<CarrierError>,
}

impl Present {
    fn new(carrier: Box<dyn Carrier>, now: Instant) -> Self {
        let mut present = Self {
            carrier,
            holder: None,
            documents: Vec::new(),
            error: None,
            full: false,
            due: now,
        };
        present.read();
        present
    }

    /// Reads everything on it; true when that is something else than before.
    pub(crate) fn read(&mut self) -> bool {
        let before = (self.holder.take(), std::mem::take(&mut self.documents));
        let error = self.error.take();
        match self.try_read() {
            Ok((holder, documents)) => (self.holder, self.documents) = (holder, documents),
            Err(failure) => self.error = Some(failure),
        }
        before.0 != self.holder || before.1 != self.documents || error != self.error
    }

    fn try_read(&self) -> Result<(Option<Holder>, Vec<Vec<u8>>), CarrierError> {
        Ok((self.carrier.holder()?, self.carrier.licences()?))
    }

    /// Whether it has to prove that it is there.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now >= self.due
    }

    /// Sets when it proves next, so that a slow one is not kept busy by that.
    pub(crate) fn proven(&mut self, begun: Instant) {
        let took = begun.elapsed();
        self.due = Instant::now() + (took * 10).clamp(PROVE_EVERY, PROVE_AT_LEAST);
    }

    fn seen(&self) -> Seen {
        Seen {
            about: self.carrier.about().clone(),
            licences: self.documents.len(),
            full: self.full || self.documents.len() >= super::MAX_LICENCES,
            error: self.error.clone(),
        }
    }
}

/// What is connected, and how it is found.
struct Connected {
    readers: Vec<Box<dyn Reader>>,
    /// The carriers.
    pub(crate) present: Vec<Present>,
    /// What readers could not do at the last look: said once.
    said: Vec<CarrierError>,
}

/// All carriers.
pub struct Carriers {
    enabled: bool,
    connected: Mutex<Connected>,
    seen: Mutex<Vec<Seen>>,
}

impl Default for Carriers {
    /// None, and none will come.
    fn default() -> Self {
        Self::by(false, Vec::new())
    }
}

impl Carriers {
    /// The carriers that the settings allow. Nothing is touched yet.
    pub fn new(settings: &Settings) -> Self {
        let mut readers: Vec<Box<dyn Reader>> = Vec::new();
        if settings.enabled && !settings.usb_ids.is_empty() {
            readers.push(Box::new(usb::Bus::new(
                settings.usb_ids.clone(),
                settings.usb_maker.clone(),
                settings.pin_file.clone(),
            )));
        }
        if settings.enabled
            && let Some(module) = &settings.pkcs11_module
        {
            readers.push(Box::new(pkcs11::Module::new(
                module.clone(),
                settings.pin_file.clone(),
            )));
        }
        Self::by(settings.enabled, readers)
    }

    /// Those that these readers find.
    pub(crate) fn by(enabled: bool, readers: Vec<Box<dyn Reader>>) -> Self {
        Self {
            enabled,
            connected: Mutex::new(Connected {
                readers,
                present: Vec::new(),
                said: Vec::new(),
            }),
            seen: Mutex::default(),
        }
    }

    /// Whether there is anything to look for.
    pub fn any(&self) -> bool {
        self.enabled && !self.connected.lock().readers.is_empty()
    }

    /// The carriers as they were seen last, in the order of their numbers. Waits for no device.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }

    /// Everything, for whoever talks to the devices: nobody else does meanwhile.
    pub(crate) fn lock(&self) -> Locked<'_> {
        Locked {
            connected: self.connected.lock(),
            carriers: self,
        }
    }
}

/// The carriers, while one works with them. What lists show of them is brought up to date at the end.
pub(crate) struct Locked<'a> {
    connected: MutexGuard<'a, Connected>,
    carriers: &'a Carriers,
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let mut seen: Vec<Seen> = self.connected.present.iter().map(Present::seen).collect();
        seen.sort_by_key(|seen| seen.about.number);
        *self.carriers.seen.lock() = seen;
    }
}

impl Locked<'_> {
    /// Looks what is connected now: which came, and which went.
    pub(crate) fn look(&mut self, now: Instant) -> (Vec<About>, Vec<About>) {
        let connected = &mut *self.connected;
        let (mut came, mut here, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for reader in &mut connected.readers {
            let known: Vec<&About> = connected
                .present
                .iter()
                .map(|present| present.carrier.about())
                .collect();
            match reader.look(&known) {
                Ok(look) => {
                    here.extend(look.here);
                    came.extend(look.new);
                }
                Err(error) => failed.push(error),
            }
        }
        for error in &failed {
            if !connected.said.contains(error) {
                log::warn!("{}", crate::logs::tame(&error.to_string()));
            }
        }
        connected.said = failed;
        let mut went = Vec::new();
        connected.present.retain(|present| {
            let about = present.carrier.about();
            let stays = here.contains(&about.place);
            if !stays {
                went.push(about.clone());
            }
            stays
        });
        let new: Vec<Present> = came
            .into_iter()
            .map(|carrier| Present::new(carrier, now))
            .collect();
        let came = new
            .iter()
            .map(|present| present.carrier.about().clone())
            .collect();
        connected.present.extend(new);
        (came, went)
    }

    /// Those that are connected.
    pub(crate) fn present(&mut self) -> &mut Vec<Present> {
        &mut self.connected.present
    }

    /// The one of that number.
    ///
    /// # Errors
    /// When it is not connected, twice connected, or carriers are switched off.
    pub(crate) fn find(&mut self, number: u32) -> Result<&mut Present, CarrierError> {
        if !self.carriers.enabled {
            return Err(CarrierError::Off);
        }
        let numbers: Vec<u32> = self
            .connected
            .present
            .iter()
            .map(|present| present.carrier.about().number)
            .collect();
        match numbers.iter().filter(|one| **one == number).count() {
            0 => Err(CarrierError::Unknown {
                number,
                connected: numbers,
            }),
            1 => {
                let present = &mut self.connected.present;
                let found = present
                    .iter_mut()
                    .find(|present| present.carrier.about().number == number);
                found.ok_or(CarrierError::Gone(number))
            }
            _ => Err(CarrierError::Twice(number)),
        }
    }
}
