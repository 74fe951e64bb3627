//! Opening an object: decrypting its chunks and unpacking them.

use std::io::{self, BufRead, BufReader, Read, Write};

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
    mut ciphertext: impl Read,
    out: &mut impl Write,
) -> io::Result<()> {
    open(directory, object, key, &mut ciphertext, out)
}

/// The same for any reader and writer, so that the cipher is compiled here, as fast as this crate is, and not once
/// more in the crate of every caller.
fn open(
    directory: &SignedDirectory,
    object: &ObjectEntry,
    key: &Secret,
    ciphertext: &mut dyn Read,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut chunks = ChunkReader::new(directory, object, key, ciphertext);
    let size = object.plain_size;
    match object.compression {
        Compression::None => copy(&mut chunks, out, size),
        Compression::Deflate => {
            let unpacked = flate2::bufread::DeflateDecoder::new(chunks);
            copy(&mut BufReader::with_capacity(CHUNK, unpacked), out, size)
        }
    }
}

/// Copies all of `from`, a chunk at a time; its length must be `size`.
fn copy(from: &mut dyn BufRead, out: &mut dyn Write, size: u64) -> io::Result<()> {
    let mut left = size;
    loop {
        let chunk = from.fill_buf()?;
        let length = chunk.len();
        if length == 0 {
            return if left == 0 { Ok(()) } else { Err(altered()) };
        }
        left = left.checked_sub(length as u64).ok_or_else(altered)?;
        out.write_all(chunk)?;
        from.consume(length);
    }
}

fn altered() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, FormatError::Signature)
}

/// Plain bytes of an object's ciphertext: STREAM (BE32) over ChaCha20-Poly1305 with a zero nonce prefix,
/// which is sound because every object key serves one packing only.
struct ChunkReader<'a> {
    ciphertext: &'a mut dyn Read,
    left: u64,
    decryptor: Option<DecryptorBE32<ChaCha20Poly1305>>,
    associated: &'a [u8; 32],
    plain: Vec<u8>,
    position: usize,
}

impl<'a> ChunkReader<'a> {
    fn new(
        directory: &'a SignedDirectory,
        object: &ObjectEntry,
        key: &Secret,
        ciphertext: &'a mut dyn Read,
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

impl BufRead for ChunkReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.position == self.plain.len() && self.left > 0 {
            self.next_chunk()?;
        }
        Ok(&self.plain[self.position..])
    }

    fn consume(&mut self, length: usize) {
        self.position += length;
    }
}

impl Read for ChunkReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(out)?;
        self.consume(length);
        Ok(length)
    }
}
