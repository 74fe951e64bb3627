//! The vendor's half: packing.

use std::io::{self, Write};

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Payload, stream::EncryptorBE32},
};

use super::*;
use crate::cryptkey::CryptKey;

/// An object to be packed.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// The flags that a key must have to open it.
    pub flags: u32,
    /// Its content.
    pub content: Vec<u8>,
}

/// Why objects cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A limit is exceeded.
    #[error("the datafile breaks a limit: {0}")]
    Limit(#[from] FormatError),
    /// The series keys are damaged.
    #[error("the series keys are damaged: {0}")]
    Key(#[from] crate::signature::KeyError),
    /// It cannot be written.
    #[error("{0}")]
    Write(#[from] io::Error),
}

/// What a packing draws at random; given from outside only to make golden files.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// The file's id.
    pub file_id: [u8; 16],
    /// The file's salt.
    pub salt: [u8; 32],
}

impl Draw {
    /// From the operating system's generator.
    pub fn random() -> Self {
        Self {
            file_id: crate::random_bytes(),
            salt: crate::random_bytes(),
        }
    }
}

/// Packs objects into a datafile with the newest content key of the series.
///
/// # Errors
/// Limits, damaged keys, a full disk.
pub fn write(
    inputs: &[Input],
    keys: &CryptKey,
    draw: Draw,
    out: &mut impl Write,
) -> Result<(), PackError> {
    let content_key = keys
        .newest_content_key()
        .ok_or_else(|| FormatError::Damaged("no content key".into()))?;
    let packed = inputs
        .iter()
        .map(|input| deflate(&input.content))
        .collect::<io::Result<Vec<_>>>()?;
    let objects = inputs
        .iter()
        .zip(&packed)
        .map(|(input, (compression, bytes))| ObjectEntry {
            name: input.name.clone(),
            version: input.version,
            flags: input.flags,
            compression: *compression,
            plain_size: input.content.len() as u64,
            packed_size: bytes.len() as u64,
        })
        .collect();
    let directory = Directory {
        key_id: keys.key_id,
        public_key: keys.signing.public()?,
        file_id: draw.file_id,
        salt: draw.salt,
        content_key_version: content_key.version,
        objects,
        earlier_keys: keys.earlier.clone(),
    };
    directory.check()?;
    let signed = keys
        .signing
        .sign(Context::Directory, envelope::to_cbor(&directory))?;
    let signed = SignedDirectory::read(&envelope::to_cbor(&signed), None)?;
    out.write_all(&Kind::DataFile.head())?;
    out.write_all(&(signed.bytes.len() as u32).to_be_bytes())?;
    out.write_all(&signed.bytes)?;
    for (object, (_, bytes)) in signed.directory.objects.iter().zip(&packed) {
        encrypt(
            &directory.object_key(&content_key.key, object),
            &signed.hash,
            bytes,
            out,
        )?;
    }
    Ok(())
}

/// Deflated when that makes it smaller.
fn deflate(content: &[u8]) -> io::Result<(Compression, Vec<u8>)> {
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content)?;
    let packed = encoder.finish()?;
    if packed.len() < content.len() {
        Ok((Compression::Deflate, packed))
    } else {
        Ok((Compression::None, content.to_vec()))
    }
}

fn encrypt(
    key: &Secret,
    associated: &[u8; 32],
    bytes: &[u8],
    out: &mut impl Write,
) -> io::Result<()> {
    let cipher = ChaCha20Poly1305::new(&key.0.into());
    let mut encryptor = EncryptorBE32::from_aead(cipher, &[0; 7].into());
    let refused = |_| io::Error::other("the cipher refused a chunk");
    let mut chunks = bytes.chunks(CHUNK).peekable();
    let mut chunk = chunks.next().unwrap_or_default();
    while chunks.peek().is_some() {
        let sealed = encryptor
            .encrypt_next(Payload {
                msg: chunk,
                aad: associated,
            })
            .map_err(refused)?;
        out.write_all(&sealed)?;
        chunk = chunks.next().unwrap_or_default();
    }
    let sealed = encryptor
        .encrypt_last(Payload {
            msg: chunk,
            aad: associated,
        })
        .map_err(refused)?;
    out.write_all(&sealed)
}
