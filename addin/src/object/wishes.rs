//! What the 1C code set, before the configuration file has its word.

use std::sync::atomic::Ordering;

use protocol::{KeyId, Reason, facts::SessionFacts, series::SeriesKeys};

use super::Object;
use crate::{
    settings::{Address, AddressError, DEFAULT_PORT, FromCode},
    table::CallError,
    texts::{self, error_about},
};

/// The longest text that a property takes, in bytes of UTF-8.
const MAX_TEXT: usize = 4096;

/// The values of the properties that 1C code writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Wishes {
    pub code: FromCode,
    /// The reserve servers as they were written.
    pub reserved_text: String,
    pub key_id: Option<KeyId>,
    pub public_keys: Option<SeriesKeys>,
    pub access_code: String,
    pub facts: Option<SessionFacts>,
}

impl Object {
    /// `ServerAddr`: what the code set, else what the last Connect used.
    #[must_use]
    pub fn server_addr(&self) -> String {
        if let Some(first) = self.effective_server() {
            return first.host;
        }
        self.wishes.lock().code.server_addr.clone()
    }

    /// `ServerPort`.
    #[must_use]
    pub fn server_port(&self) -> u16 {
        self.server_port.load(Ordering::Acquire)
    }

    /// Finds out `ServerPort` anew, because the wishes or the settings changed.
    pub(super) fn show_port(&self) {
        let port = match self.effective_server() {
            Some(first) => first.port,
            None => self.wishes.lock().code.server_port.unwrap_or(DEFAULT_PORT),
        };
        self.server_port.store(port, Ordering::Release);
    }

    /// `ReservedServers`.
    #[must_use]
    pub fn reserved_servers(&self) -> String {
        let settings = self.settings.lock();
        if let Some(settings) = settings.as_ref().filter(|settings| settings.forced) {
            let rest = settings.servers.get(1..).unwrap_or_default();
            let texts: Vec<_> = rest.iter().map(ToString::to_string).collect();
            return texts.join(",");
        }
        drop(settings);
        self.wishes.lock().reserved_text.clone()
    }

    /// The first server when the configuration file forced it, or when the code set none.
    fn effective_server(&self) -> Option<Address> {
        let unset = self.wishes.lock().code.server_addr.is_empty();
        let settings = self.settings.lock();
        let settings = settings
            .as_ref()
            .filter(|settings| settings.forced || unset)?;
        settings.servers.first().cloned()
    }

    /// Sets `ServerAddr`; empty unsets it.
    ///
    /// # Errors
    /// It is no address.
    pub fn set_server_addr(&self, text: &str) -> Result<(), CallError> {
        let text = text.trim();
        if !text.is_empty() {
            Address::parse(text, DEFAULT_PORT).map_err(|error| address_error(&error))?;
        }
        self.wishes.lock().code.server_addr = text.into();
        self.show_port();
        Ok(())
    }

    /// Sets `ServerPort`; 0 unsets it.
    ///
    /// # Errors
    /// It is no port.
    pub fn set_server_port(&self, port: i32) -> Result<(), CallError> {
        let port =
            u16::try_from(port).map_err(|_| error_about(Reason::BadAddress, &port.to_string()))?;
        self.wishes.lock().code.server_port = (port != 0).then_some(port);
        self.show_port();
        Ok(())
    }

    /// Sets `ReservedServers`.
    ///
    /// # Errors
    /// A part of the list is no address.
    pub fn set_reserved_servers(&self, text: &str) -> Result<(), CallError> {
        check_length(text)?;
        let list = Address::parse_list(text).map_err(|error| address_error(&error))?;
        let mut wishes = self.wishes.lock();
        wishes.code.reserved_servers = list;
        wishes.reserved_text = text.trim().into();
        Ok(())
    }

    /// `KeyID`: what the code set, else the datafile's.
    #[must_use]
    pub fn key_id(&self) -> Option<KeyId> {
        let set = self.wishes.lock().key_id;
        set.or_else(|| {
            let data = self.data.lock();
            data.as_ref().map(|data| data.directory().directory.key_id)
        })
    }

    /// Sets `KeyID`; empty unsets it.
    ///
    /// # Errors
    /// It is not four hex digits; the wrong character is named.
    pub fn set_key_id(&self, text: &str) -> Result<(), CallError> {
        check_length(text)?;
        let key_id = if text.trim().is_empty() {
            None
        } else {
            let folded = KeyId::parse_folding(text).map_err(|_| {
                error_about(
                    Reason::BadKeyId,
                    &format!("\"{text}\"{}", wrong_letter(text)),
                )
            })?;
            if folded.had_cyrillic {
                log::warn!(
                    "KeyID was written with Cyrillic letters; read as {}",
                    folded.id
                );
            }
            Some(folded.id)
        };
        self.wishes.lock().key_id = key_id;
        Ok(())
    }

    /// `PublicKey`: what the code set, else the datafile's.
    #[must_use]
    pub fn public_keys(&self) -> Option<SeriesKeys> {
        let set = self.wishes.lock().public_keys.clone();
        set.or_else(|| {
            let data = self.data.lock();
            data.as_ref().map(|data| data.directory().directory.keys())
        })
    }

    /// Sets `PublicKey`: one, or with commas those that the series had before after it. Empty unsets it.
    ///
    /// # Errors
    /// It is not a public key.
    pub fn set_public_key(&self, text: &str) -> Result<(), CallError> {
        let keys = if text.trim().is_empty() {
            None
        } else {
            Some(
                text.parse()
                    .map_err(|_| texts::error(Reason::BadPublicKey))?,
            )
        };
        self.wishes.lock().public_keys = keys;
        Ok(())
    }

    /// `AccessCode`.
    #[must_use]
    pub fn access_code(&self) -> String {
        self.wishes.lock().access_code.clone()
    }

    /// Sets `AccessCode`.
    ///
    /// # Errors
    /// It is too long.
    pub fn set_access_code(&self, text: &str) -> Result<(), CallError> {
        if text.len() > protocol::facts::MAX_TEXT {
            return Err(texts::error(Reason::TooLong));
        }
        self.wishes.lock().access_code = text.into();
        Ok(())
    }
}

fn check_length(text: &str) -> Result<(), CallError> {
    if text.len() > MAX_TEXT {
        return Err(texts::error(Reason::TooLong));
    }
    Ok(())
}

fn address_error(error: &AddressError) -> CallError {
    match error {
        AddressError::Host(part) | AddressError::Port(part) => {
            error_about(Reason::BadAddress, &format!("\"{part}\""))
        }
        AddressError::TooMany => texts::error(Reason::TooLong),
    }
}

/// Names the first letter that is no hex digit, as a 1C developer looks for it.
fn wrong_letter(text: &str) -> String {
    match KeyId::parse_folding(text) {
        Err(protocol::keyid::KeyIdError::Character(letter, place)) => {
            format!(" ({place}: '{letter}')")
        }
        _ => String::new(),
    }
}
