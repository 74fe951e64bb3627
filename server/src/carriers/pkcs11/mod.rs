//! Tokens behind a PKCS#11 module, which is loaded at run time.

mod point;
mod sign_in;
mod token;

use std::{path::PathBuf, sync::Arc};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
};

use super::{About, CarrierError, Kind, Look, Reader, about::number, pin::PinFile};
use token::Token;

/// How many tokens one module may show.
const MAX_TOKENS: usize = 64;

/// A module.
pub(super) struct Module {
    file: PathBuf,
    pin: Arc<PinFile>,
    /// Loaded once and never let go: modules leave threads and handlers behind.
    library: Option<Pkcs11>,
    initialized: bool,
}

impl Module {
    pub(super) fn new(file: PathBuf, pin_file: Option<PathBuf>) -> Self {
        Self {
            file,
            pin: Arc::new(PinFile::new(pin_file)),
            library: None,
            initialized: false,
        }
    }

    fn failed(&self, error: impl ToString) -> CarrierError {
        CarrierError::Module {
            file: self.file.clone(),
            error: error.to_string(),
        }
    }

    fn library(&mut self) -> Result<Pkcs11, CarrierError> {
        let library = match &self.library {
            Some(library) => library.clone(),
            None => {
                let library = Pkcs11::new(&self.file).map_err(|error| self.failed(error))?;
                self.library = Some(library.clone());
                library
            }
        };
        if !self.initialized {
            let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
            match library.initialize(arguments) {
                Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
                Err(error) => return Err(self.failed(error)),
            }
            self.initialized = true;
        }
        Ok(library)
    }

    /// Begins anew: some modules look for tokens at their start alone. No token of it may be in use.
    fn restart(&mut self) {
        if let Some(library) = self.library.as_ref().filter(|_| self.initialized) {
            if let Err(error) = library.clone().finalize() {
                log::debug!("{}: {error}", self.file.display());
            }
            self.initialized = false;
        }
    }
}

impl Reader for Module {
    fn look(&mut self, known: &[&About]) -> Result<Look, CarrierError> {
        let ours: Vec<&About> = known
            .iter()
            .copied()
            .filter(|about| about.kind == Kind::Pkcs11)
            .collect();
        if ours.is_empty() {
            self.restart();
        }
        let library = self.library()?;
        let slots = library
            .get_slots_with_token()
            .map_err(|error| self.failed(error))?;
        let mut look = Look::default();
        for slot in slots.into_iter().take(MAX_TOKENS) {
            // One that is just being pulled out says nothing, and one that nobody set up is none yet.
            let Ok(info) = library.get_token_info(slot) else {
                continue;
            };
            if !info.token_initialized() {
                continue;
            }
            let serial = crate::logs::tame(info.serial_number().trim());
            let place = format!("pkcs11 {} {serial}", slot.id());
            if ours.iter().any(|about| about.place == place) {
                look.here.push(place);
                continue;
            }
            let name = [info.label(), info.manufacturer_id(), info.model()]
                .map(|text| crate::logs::tame(text.trim()))
                .join(", ");
            let about = About {
                kind: Kind::Pkcs11,
                number: number(&serial),
                serial,
                name,
                place,
                read_only: info.write_protected(),
            };
            match Token::open(&library, slot, about, Arc::clone(&self.pin)) {
                Ok(token) => look.new.push(Box::new(token)),
                Err(error) => log::debug!("{error}"),
            }
        }
        Ok(look)
    }
}
