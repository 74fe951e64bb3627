//! The datafile: protected objects of a series, each compressed and encrypted, under one signed directory.
//!
//! Layout: the envelope's head; the directory's length as four bytes, most significant first; the signed
//! directory; the objects' ciphertexts one after another, in the directory's order.

use std::io::{self, Read, Write};

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{
        Payload,
        stream::{DecryptorBE32, EncryptorBE32},
    },
};
use hkdf::Hkdf;
use minicbor::{Decode, Encode};
use sha2::Sha256;

use crate::{
    KeyId,
    envelope::{self, FormatError, HEAD, Kind},
    signature::{Context, PublicKey, Secret, Signed},
};

/// The largest signed directory, in bytes.
pub const MAX_DIRECTORY: usize = 1024 * 1024;
/// The most objects of one file.
pub const MAX_OBJECTS: usize = 4096;
/// The longest name of an object, in bytes of UTF-8.
pub const MAX_NAME: usize = 512;
/// The largest object, in bytes.
pub const MAX_OBJECT: u64 = 4 << 30;
/// The plain bytes of one encrypted chunk.
pub const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;

/// How an object is compressed before it is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Compression {
    /// Not at all.
    #[n(0)]
    None,
    /// Raw deflate (RFC 1951).
    #[n(1)]
    Deflate,
}

/// One object of the directory.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ObjectEntry {
    /// Its name, unique in the file.
    #[n(0)]
    pub name: String,
    /// The vendor's version of it.
    #[n(1)]
    pub version: u32,
    /// The flags that a key must have to open it.
    #[n(2)]
    pub flags: u32,
    /// Its compression.
    #[n(3)]
    pub compression: Compression,
    /// Its plain length, in bytes.
    #[n(4)]
    pub plain_size: u64,
    /// Its compressed length, in bytes; the ciphertext adds 16 a chunk.
    #[n(5)]
    pub packed_size: u64,
}

impl ObjectEntry {
    /// The bytes that its ciphertext takes in the file.
    pub fn stored_size(&self) -> u64 {
        let chunks = self.packed_size.div_ceil(CHUNK as u64).max(1);
        self.packed_size + chunks * TAG as u64
    }
}

/// The directory.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Directory {
    /// The series.
    #[n(0)]
    pub key_id: KeyId,
    /// The series' public key: what a component checks licences with.
    #[n(1)]
    pub public_key: PublicKey,
    /// Names this file.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub file_id: [u8; 16],
    /// Drawn at each packing, so that no object key is used twice.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub salt: [u8; 32],
    /// Which content key the object keys come from.
    #[n(4)]
    pub content_key_version: u32,
    /// The objects.
    #[n(5)]
    pub objects: Vec<ObjectEntry>,
}

impl Directory {
    fn check(&self) -> Result<(), FormatError> {
        let damaged = |what: &str| Err(FormatError::Damaged(what.into()));
        if self.objects.len() > MAX_OBJECTS {
            return damaged("the number of objects");
        }
        for (index, object) in self.objects.iter().enumerate() {
            if object.name.is_empty() || object.name.len() > MAX_NAME {
                return damaged("an object's name");
            }
            if object.plain_size > MAX_OBJECT || object.packed_size > MAX_OBJECT {
                return damaged("an object's size");
            }
            if self.objects[..index]
                .iter()
                .any(|other| other.name == object.name)
            {
                return damaged("two objects of one name");
            }
        }
        Ok(())
    }

    /// The object of that name, as it is spelt.
    pub fn object(&self, name: &str) -> Option<&ObjectEntry> {
        self.objects.iter().find(|object| object.name == name)
    }

    /// The key of one object: HKDF-SHA256 of the content key with the directory's salt.
    pub fn object_key(&self, content_key: &Secret, object: &ObjectEntry) -> Secret {
        let mut info = b"licence-object-v1\0".to_vec();
        info.extend(self.key_id.0.to_be_bytes());
        info.extend(self.file_id);
        info.extend((object.name.len() as u16).to_be_bytes());
        info.extend(object.name.as_bytes());
        info.extend(object.version.to_be_bytes());
        info.extend(object.flags.to_be_bytes());
        let mut key = Secret([0; 32]);
        Hkdf::<Sha256>::new(Some(&self.salt), &content_key.0)
            .expand(&info, &mut key.0)
            .expect("32 bytes are within what HKDF-SHA256 gives");
        key
    }
}

/// A directory whose signature was checked, with the bytes it came from.
#[derive(Clone, Debug)]
pub struct SignedDirectory {
    /// What it says.
    pub directory: Directory,
    /// The signed bytes, as a server wants them.
    pub bytes: Vec<u8>,
    /// SHA-256 of the signed bytes: names the directory, and is every chunk's associated data.
    pub hash: [u8; 32],
}

impl SignedDirectory {
    /// Reads signed bytes and checks the signature with the key of the series; `None` takes the key that
    /// the directory itself names (a component that was not given another).
    ///
    /// # Errors
    /// Cut, damaged or altered.
    pub fn read(bytes: &[u8], key: Option<&PublicKey>) -> Result<Self, FormatError> {
        if bytes.len() > MAX_DIRECTORY {
            return Err(FormatError::Damaged("the directory is too large".into()));
        }
        let signed: Signed = envelope::from_cbor(bytes)?;
        let directory: Directory = envelope::from_cbor(signed.unverified())?;
        signed.verify(Context::Directory, key.unwrap_or(&directory.public_key))?;
        directory.check()?;
        Ok(Self {
            directory,
            bytes: bytes.to_vec(),
            hash: crate::sha256(bytes),
        })
    }

    /// Where the ciphertexts begin in the file.
    fn first_offset(&self) -> u64 {
        (HEAD + 4 + self.bytes.len()) as u64
    }

    /// Where an object's ciphertext stands in the file, and how long it is; `None` for a name not in it.
    pub fn place(&self, name: &str) -> Option<(u64, u64)> {
        let mut offset = self.first_offset();
        for object in &self.directory.objects {
            if object.name == name {
                return Some((offset, object.stored_size()));
            }
            offset += object.stored_size();
        }
        None
    }

    /// How long the whole file must be.
    pub fn file_size(&self) -> u64 {
        self.first_offset()
            + self
                .directory
                .objects
                .iter()
                .map(ObjectEntry::stored_size)
                .sum::<u64>()
    }
}

/// Reads the beginning of a datafile, up to the first object.
///
/// # Errors
/// Not ours, newer, cut, damaged or altered; `Truncated` for what the reader itself fails on.
pub fn read_directory(
    file: &mut impl Read,
    key: Option<&PublicKey>,
) -> Result<SignedDirectory, FormatError> {
    let mut head = Vec::with_capacity(HEAD + 4);
    let mut start = file.take((HEAD + 4) as u64);
    start
        .read_to_end(&mut head)
        .map_err(|_| FormatError::Truncated)?;
    let length = envelope::check_head(Kind::DataFile, &head)?;
    let length =
        u32::from_be_bytes(length.try_into().map_err(|_| FormatError::Truncated)?) as usize;
    if length > MAX_DIRECTORY {
        return Err(FormatError::Damaged("the directory's length".into()));
    }
    let mut bytes = Vec::new();
    let mut body = start.into_inner().take(length as u64);
    body.read_to_end(&mut bytes)
        .map_err(|_| FormatError::Truncated)?;
    if bytes.len() < length {
        return Err(FormatError::Truncated);
    }
    SignedDirectory::read(&bytes, key)
}

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

/// The vendor's half: packing.
pub mod pack {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cryptkey::{ContentKey, CryptKey},
        signature::{Algorithm, SigningKey},
    };

    fn keys() -> CryptKey {
        CryptKey {
            key_id: KeyId(0x672B),
            name: "Test".into(),
            created_at: 0,
            signing: SigningKey::generate(Algorithm::Ed25519),
            content_keys: vec![ContentKey {
                version: 1,
                key: Secret::random(),
            }],
        }
    }

    fn input(name: &str, content: Vec<u8>) -> pack::Input {
        pack::Input {
            name: name.into(),
            version: 2,
            flags: 5,
            content,
        }
    }

    fn packed(keys: &CryptKey, inputs: &[pack::Input]) -> Vec<u8> {
        let mut file = Vec::new();
        pack::write(inputs, keys, pack::Draw::random(), &mut file).unwrap();
        file
    }

    fn object(file: &[u8], keys: &CryptKey, name: &str) -> io::Result<Vec<u8>> {
        let signed = read_directory(&mut &file[..], None).map_err(io::Error::other)?;
        let entry = signed.directory.object(name).unwrap();
        let key = signed
            .directory
            .object_key(&keys.content_keys[0].key, entry);
        let (offset, length) = signed.place(name).unwrap();
        let mut out = Vec::new();
        let end = file.len().min((offset + length) as usize);
        open_object(
            &signed,
            entry,
            &key,
            &file[(offset as usize).min(end)..end],
            &mut out,
        )?;
        Ok(out)
    }

    #[test]
    fn objects_of_every_size_around_a_chunk_come_back_whole() {
        let keys = keys();
        let noise = crate::random_bytes::<4096>().repeat(40);
        let inputs: Vec<_> = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK]
            .into_iter()
            .flat_map(|size| {
                let random: Vec<u8> = (0..size)
                    .map(|at| noise[at % noise.len()] ^ (at >> 12) as u8)
                    .collect();
                [
                    input(&format!("random {size}"), random),
                    input(&format!("zeroes {size}"), vec![0; size]),
                ]
            })
            .collect();
        let file = packed(&keys, &inputs);
        assert_eq!(
            read_directory(&mut &file[..], None).unwrap().file_size(),
            file.len() as u64
        );
        for input in &inputs {
            assert_eq!(
                object(&file, &keys, &input.name).unwrap(),
                input.content,
                "{}",
                input.name
            );
        }
    }

    #[test]
    fn a_file_cut_or_altered_anywhere_never_gives_an_object() {
        let keys = keys();
        let file = packed(
            &keys,
            &[input(
                "a",
                b"the protected object, the protected object".to_vec(),
            )],
        );
        for length in 0..file.len() {
            assert!(
                object(&file[..length], &keys, "a").is_err(),
                "cut to {length}"
            );
        }
        for at in 0..file.len() {
            let mut altered = file.clone();
            altered[at] ^= 0x10;
            assert!(object(&altered, &keys, "a").is_err(), "altered at {at}");
        }
    }
}
