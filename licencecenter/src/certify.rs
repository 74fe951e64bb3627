//! `carrier certify`: the maker's word that a USB key made its holder key inside (docs/usb-key.md).

use std::path::PathBuf;

use protocol::{
    carrier::Certificate,
    files::{self, Access},
    request::{self, Request},
};

use crate::{Error, output};

/// The longest serial number of a USB key, in characters.
const MAX_SERIAL: usize = 32;

/// What is certified, by whom.
#[derive(Clone, Debug)]
pub struct Certifying {
    /// The key's request, as `licenceserver request FILE --blank NUMBER` makes it.
    pub request: PathBuf,
    /// The serial number of its USB descriptor.
    pub serial: String,
    /// The `.cryptkey` whose signing key is the maker's.
    pub maker: PathBuf,
    /// The certificate.
    pub out: PathBuf,
    /// Whether a file of that name is replaced.
    pub replace: bool,
}

/// Writes the certificate, and says whose key checks it.
pub fn run(wanted: &Certifying) -> Result<String, Error> {
    let printable = wanted.serial.bytes().all(|byte| byte.is_ascii_graphic());
    if !printable || wanted.serial.is_empty() || wanted.serial.len() > MAX_SERIAL {
        return Err(Error::Serial(wanted.serial.clone()));
    }
    let bytes = output::read(&wanted.request, request::MAX_FILE)?;
    let request = Request::from_bytes(&bytes).map_err(Error::format(&wanted.request))?;
    if !request.holder.is_carrier() {
        return Err(Error::NoCarrier(wanted.request.clone()));
    }
    let keys = output::read_keys(&wanted.maker)?;
    let certificate = Certificate {
        serial: wanted.serial.clone(),
        holder: request.holder,
    };
    let bytes = certificate
        .to_bytes(&keys.signing)
        .map_err(Error::SigningKey)?;
    output::check_output(
        &wanted.out,
        wanted.replace,
        &[&wanted.request, &wanted.maker],
    )?;
    files::write_whole(&wanted.out, &bytes, Access::Shared).map_err(Error::write(&wanted.out))?;
    let public = keys.signing.public().map_err(Error::SigningKey)?;
    Ok(format!(
        "{}: the key of serial number {} is genuine, by the maker whose public key is\n  UsbMaker={public}\n",
        wanted.out.display(),
        wanted.serial
    ))
}
