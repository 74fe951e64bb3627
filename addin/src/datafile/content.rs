//! Where a datafile's bytes are: in memory as 1C gave them, or in an open file. Many threads read at once.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use protocol::files::open_regular;

#[derive(Debug)]
pub(super) enum Content {
    Memory(Vec<u8>),
    File {
        file: File,
        path: PathBuf,
        length: u64,
        changed: SystemTime,
    },
}

impl Content {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = open_regular(path)?;
        let about = file.metadata()?;
        Ok(Self::File {
            path: path.canonicalize()?,
            length: about.len(),
            changed: about.modified()?,
            file,
        })
    }

    /// What names the content within the process: a file's name with size, time and directory, because
    /// hashing all of it would cost every object of the process a reading.
    pub(super) fn name(&self) -> io::Result<[u8; 32]> {
        match self {
            Self::Memory(bytes) => Ok(protocol::sha256(bytes)),
            Self::File {
                path,
                length,
                changed,
                ..
            } => {
                let since = changed.duration_since(UNIX_EPOCH).unwrap_or_default();
                let mut name = path.as_os_str().as_encoded_bytes().to_vec();
                name.extend(length.to_be_bytes());
                name.extend(since.as_nanos().to_be_bytes());
                let mut beginning = Vec::new();
                self.from(0).take(64 * 1024).read_to_end(&mut beginning)?;
                name.extend(protocol::sha256(&beginning));
                Ok(protocol::sha256(&name))
            }
        }
    }

    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }

    /// The bytes from a place on.
    pub(super) const fn from(&self, offset: u64) -> Reader<'_> {
        Reader {
            content: self,
            offset,
        }
    }
}

/// Reads on from a place, without moving anybody else's.
pub(super) struct Reader<'a> {
    content: &'a Content,
    offset: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = match self.content {
            Content::Memory(bytes) => {
                let start = usize::try_from(self.offset)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                let length = out.len().min(bytes.len() - start);
                out[..length].copy_from_slice(&bytes[start..start + length]);
                length
            }
            Content::File { file, .. } => read_at(file, out, self.offset)?,
        };
        self.offset += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, out, offset)
}

#[cfg(windows)]
fn read_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, out, offset)
}
