//! Opening an object: decrypting its chunks and unpacking them.

use std::io::{self, Read, Write};

use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::stream::DecryptorBE32};

use super::{CHUNK, Compression, ObjectEntry, SignedDirectory, TAG};
use crate::{envelope::FormatError, signature::Secret};

/// Decrypts and unpacks one object from `ciphertext`, which stands at its place, into `out`; holds two
/// chunks in memory. What was written before an error is worthless: give `out` its name only after success.
///
/// # Errors
/// `InvalidData` for a wrong key or an altered object, `UnexpectedEof` for a cut file, else those of `out`.
pub fn open_object(
    directory: &SignedDirectory,
    object: &ObjectEntry,
    key: &Secret,
    ciphertext: impl Read,
    out: &mut impl Write,
) -> io::Result<()> {
    let chunks = ChunkReader::new(directory, object, key, ciphertext);
    let written = match object.compression {
        Compression::None => copy(chunks, out, object.plain_size)?,
        Compression::Deflate => copy(
            flate2::read::DeflateDecoder::new(chunks),
            out,
            object.plain_size,
        )?,
    };
    if written == object.plain_size {
        Ok(())
    } else {
        Err(altered())
    }
}

/// Copies to the end of `from`, which must come by `limit` bytes.
fn copy(from: impl Read, out: &mut impl Write, limit: u64) -> io::Result<u64> {
    io::copy(&mut from.take(limit + 1), out)
}

fn altered() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, FormatError::Signature)
}

/// Plain bytes of an object's ciphertext: STREAM (BE32) over ChaCha20-Poly1305 with a zero nonce prefix,
/// which is sound because every object key serves one packing only.
struct ChunkReader<'a, R> {
    ciphertext: R,
    left: u64,
    decryptor: Option<DecryptorBE32<ChaCha20Poly1305>>,
    associated: &'a [u8; 32],
    plain: Vec<u8>,
    position: usize,
}

impl<'a, R: Read> ChunkReader<'a, R> {
    fn new(
        directory: &'a SignedDirectory,
        object: &ObjectEntry,
        key: &Secret,
        ciphertext: R,
    ) -> Self {
        let cipher = ChaCha20Poly1305::new(&key.0.into());
        Self {
            ciphertext,
            left: object.stored_size(),
            decryptor: Some(DecryptorBE32::from_aead(cipher, &[0; 7].into())),
            associated: &directory.hash,
            plain: Vec::new(),
            position: 0,
        }
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let length = self.left.min((CHUNK + TAG) as u64);
        self.plain.resize(length as usize, 0);
        self.ciphertext.read_exact(&mut self.plain)?;
        self.left -= length;
        self.position = 0;
        let done = if self.left == 0 {
            let Some(decryptor) = self.decryptor.take() else {
                return Err(altered());
            };
            decryptor.decrypt_last_in_place(self.associated, &mut self.plain)
        } else {
            let Some(decryptor) = &mut self.decryptor else {
                return Err(altered());
            };
            decryptor.decrypt_next_in_place(self.associated, &mut self.plain)
        };
        done.map_err(|_| altered())
    }
}

impl<R: Read> Read for ChunkReader<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.position == self.plain.len() {
            if self.left == 0 {
                return Ok(0);
            }
            self.next_chunk()?;
        }
        let length = out.len().min(self.plain.len() - self.position);
        out[..length].copy_from_slice(&self.plain[self.position..self.position + length]);
        self.position += length;
        Ok(length)
    }
}
