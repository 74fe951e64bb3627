//! What a backup holds under its passphrase: the server's files, each with its place.

use std::path::{Component, Path};

use minicbor::{Decode, Encode};
use protocol::envelope::{self, FormatError, Kind};
use zeroize::Zeroizing;

/// How many files a backup has at most.
pub(super) const MAX_FILES: usize = 10_000;

/// A server as of one moment.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct Archive {
    #[n(0)]
    pub(super) made_at: i64,
    /// The server's version.
    #[n(1)]
    pub(super) version: String,
    #[n(2)]
    pub(super) computer_id: String,
    #[n(3)]
    pub(super) computer_name: String,
    #[n(4)]
    pub(super) files: Vec<Entry>,
    /// Whether the administrator had given the computer an id.
    #[n(5)]
    pub(super) explicit_id: bool,
}

/// A file.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct Entry {
    #[n(0)]
    pub(super) place: Place,
    /// Its path below that folder, with `/`.
    #[n(1)]
    pub(super) name: String,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(super) bytes: Vec<u8>,
}

/// A folder of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(super) enum Place {
    #[n(0)]
    Config,
    #[n(1)]
    Data,
}

impl Archive {
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(envelope::seal(Kind::Backup, self))
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let archive: Self = envelope::open(Kind::Backup, bytes)?;
        let good = archive.files.len() <= MAX_FILES && archive.files.iter().all(Entry::is_good);
        if good {
            Ok(archive)
        } else {
            Err(FormatError::Damaged("a file's name in it".into()))
        }
    }
}

impl Entry {
    /// Whether it is one of the files that `gather` takes: nothing is ever written elsewhere.
    pub(super) fn is_good(&self) -> bool {
        let path = Path::new(&self.name);
        let plain = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
            && !self.name.contains(['\\', ':', '\0']);
        let (folder, file) = self.name.split_once('/').unwrap_or(("", &self.name));
        let extension = Path::new(file).extension().and_then(|text| text.to_str());
        let extension = extension.map(str::to_ascii_lowercase);
        plain
            && !file.is_empty()
            && !file.contains('/')
            && match (self.place, folder) {
                (Place::Config, "") => {
                    file == "licenceserver.conf" || extension.as_deref() == Some("series")
                }
                (Place::Config, "series.d") => extension.as_deref() == Some("series"),
                (Place::Data, "") => {
                    matches!(
                        file,
                        "server.key" | "server.holder" | "server.db" | "machine-id"
                    ) || matches!(extension.as_deref(), Some("licence" | "reserve"))
                }
                (Place::Data, "retired") => {
                    matches!(extension.as_deref(), Some("licence" | "reserve"))
                }
                (Place::Data, "pending") => extension.as_deref() == Some("activation"),
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_ever_written_outside_the_servers_own_places() {
        let good = |place, name: &str| {
            Entry {
                place,
                name: name.into(),
                bytes: Vec::new(),
            }
            .is_good()
        };
        for name in ["licenceserver.conf", "licence.series", "series.d/a.series"] {
            assert!(good(Place::Config, name), "{name}");
        }
        for name in [
            "server.key",
            "672B.1.licence",
            "672B.1.reserve",
            "pending/A.activation",
        ] {
            assert!(good(Place::Data, name), "{name}");
        }
        for name in [
            "",
            "/etc/passwd",
            "../server.key",
            "retired/../../x.licence",
            "retired/a/b.licence",
            "retired",
            "series.d/",
            "C:\\x.licence",
            "x\\y.licence",
            "server.db-wal",
            "other",
        ] {
            assert!(
                !good(Place::Data, name) && !good(Place::Config, name),
                "{name}"
            );
        }
    }

    const GOLDEN: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../protocol/tests/golden/server.archive"
    );

    fn archive() -> Archive {
        let entry = |place, name: &str, bytes: &[u8]| Entry {
            place,
            name: name.into(),
            bytes: bytes.into(),
        };
        Archive {
            made_at: 1_750_000_000,
            version: "3.0.1.1".into(),
            computer_id: "AB".repeat(20),
            computer_name: "app-server".into(),
            files: vec![
                entry(Place::Config, "licenceserver.conf", b"[Common]\n"),
                entry(Place::Config, "series.d/shop.series", b""),
                entry(Place::Data, "672B.7131766.licence", b"L3LC"),
                entry(Place::Data, "server.key", b"L3IK"),
            ],
            explicit_id: true,
        }
    }

    /// `LICENCE_GOLDEN=write` makes the file where it is missing; yesterday's backups must go on being read.
    #[test]
    fn a_backups_content_is_written_and_read_as_it_was() {
        let write = std::env::var_os("LICENCE_GOLDEN").is_some_and(|value| value == "write");
        if write && !Path::new(GOLDEN).exists() {
            std::fs::write(GOLDEN, &*archive().to_bytes()).unwrap();
        }
        let golden = std::fs::read(GOLDEN).unwrap();
        assert!(*archive().to_bytes() == golden, "the format has changed");
        let read = Archive::from_bytes(&golden).unwrap();
        assert_eq!(*read.to_bytes(), golden);
        for length in 0..golden.len() {
            assert!(Archive::from_bytes(&golden[..length]).is_err(), "{length}");
        }
        let mut outside = archive();
        outside.files[0].name = "../licenceserver.conf".into();
        assert!(Archive::from_bytes(&outside.to_bytes()).is_err());
    }
}
