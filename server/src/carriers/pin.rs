//! The carriers' PIN, and care that none is locked by trying a wrong one.

use std::path::PathBuf;

use parking_lot::Mutex;
use protocol::files::read_limited;
use zeroize::Zeroizing;

use super::{About, CarrierError};

/// The longest file of a PIN.
const MAX_FILE: usize = 4096;

/// Where the PIN is, and which PINs were refused by which carrier.
pub(super) struct PinFile {
    file: Option<PathBuf>,
    refused: Mutex<Vec<(String, [u8; 32])>>,
}

impl PinFile {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self {
            file,
            refused: Mutex::default(),
        }
    }

    /// The PIN to try on that carrier.
    pub(super) fn of(&self, about: &About) -> Result<Zeroizing<String>, CarrierError> {
        let pin = self.read().ok_or_else(|| CarrierError::NoPin {
            number: about.number,
            file: self.file.clone(),
        })?;
        if self.refused.lock().contains(&tried(about, &pin)) {
            return Err(CarrierError::WrongPin(about.number));
        }
        Ok(pin)
    }

    /// Remembers that the carrier refused it: it is not tried there again.
    pub(super) fn refused(&self, about: &About, pin: &str) {
        self.refused.lock().push(tried(about, pin));
    }

    fn read(&self) -> Option<Zeroizing<String>> {
        let bytes = Zeroizing::new(read_limited(self.file.as_ref()?, MAX_FILE).ok()?);
        let text = std::str::from_utf8(&bytes).ok()?;
        let text = text.trim_end_matches(['\r', '\n']);
        (!text.is_empty()).then(|| Zeroizing::new(text.to_owned()))
    }
}

/// What tells one PIN from another without keeping it.
fn tried(about: &About, pin: &str) -> (String, [u8; 32]) {
    (about.serial.clone(), protocol::sha256(pin.as_bytes()))
}
