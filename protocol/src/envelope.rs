//! The eight bytes that begin every file of ours, and the CBOR that follows.
//!
//! `L3` + two letters of the kind, a version byte, three zero bytes. A reader can tell "not ours" from
//! "ours but newer" from "ours but damaged", and says so.

use minicbor::{Decode, Encode};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A licence document, `.licence`.
    Licence,
    /// A computer's licence request, `.request`.
    Request,
    /// A vendor's series keys, `.cryptkey`.
    CryptKey,
    /// Protected objects, `.datafile`.
    DataFile,
    /// A server's instance key, `server.key`.
    InstanceKey,
    /// A holder key, `.holder`.
    HolderKey,
    /// A request to activate a code, `.activation`.
    Activation,
    /// A key given back, `.release`.
    Release,
    /// A request to renew a licence.
    Update,
    /// A licence centre's answer, `.answer`.
    Answer,
    /// A licence centre's refusal.
    Refusal,
    /// A file under a passphrase.
    Locked,
    /// A key that is being given back, and its reserve code, `.reserve`.
    Reserve,
    /// A server's backup, which lies under a passphrase.
    Backup,
}

/// The version byte of all formats today.
pub const VERSION: u8 = 1;
/// The length of the head.
pub const HEAD: usize = 8;

impl Kind {
    const ALL: [Self; 14] = [
        Self::Licence,
        Self::Request,
        Self::CryptKey,
        Self::DataFile,
        Self::InstanceKey,
        Self::HolderKey,
        Self::Activation,
        Self::Release,
        Self::Update,
        Self::Answer,
        Self::Refusal,
        Self::Locked,
        Self::Reserve,
        Self::Backup,
    ];

    const fn letters(self) -> &'static [u8; 2] {
        match self {
            Self::Licence => b"LC",
            Self::Request => b"RQ",
            Self::CryptKey => b"CK",
            Self::DataFile => b"DF",
            Self::InstanceKey => b"IK",
            Self::HolderKey => b"HK",
            Self::Activation => b"AC",
            Self::Release => b"RL",
            Self::Update => b"UP",
            Self::Answer => b"AN",
            Self::Refusal => b"RF",
            Self::Locked => b"LK",
            Self::Reserve => b"RC",
            Self::Backup => b"BK",
        }
    }

    /// What such a file is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Licence => "licence",
            Self::Request => "licence request",
            Self::CryptKey => "file of a series' keys",
            Self::DataFile => "datafile",
            Self::InstanceKey => "instance key",
            Self::HolderKey => "holder key",
            Self::Activation => "request to the licence centre",
            Self::Release => "given-back key",
            Self::Update => "request to renew a licence",
            Self::Answer => "answer of the licence centre",
            Self::Refusal => "refusal of the licence centre",
            Self::Locked => "file under a passphrase",
            Self::Reserve => "reserve code",
            Self::Backup => "backup of a server",
        }
    }

    /// The eight bytes that begin a file of this kind.
    pub const fn head(self) -> [u8; HEAD] {
        let letters = self.letters();
        [b'L', b'3', letters[0], letters[1], VERSION, 0, 0, 0]
    }

    /// The kind of a file of ours, whatever its version; `None` when it is not ours.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let letters = bytes.strip_prefix(b"L3")?.get(..2)?;
        Self::ALL.into_iter().find(|kind| kind.letters() == letters)
    }
}

/// Why bytes are not the file that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The first bytes are another file's.
    #[error("it is no {} of this licensing system; choose the right file", .0.name())]
    NotOurs(Kind),
    /// The version byte is newer than this program.
    #[error("its format version is {0}, and this program reads version 1; update the program")]
    Newer(u8),
    /// It ends early.
    #[error("it is cut short; copy the file again")]
    Truncated,
    /// It does not decode, or a value is out of its limits.
    #[error("it is damaged ({0}); copy the file again")]
    Damaged(String),
    /// A signature does not match.
    #[error(
        "its signature is wrong: the file was altered, or the key is another vendor's; get it again from the vendor"
    )]
    Signature,
}

impl From<minicbor::decode::Error> for FormatError {
    fn from(error: minicbor::decode::Error) -> Self {
        if error.is_end_of_input() {
            Self::Truncated
        } else {
            Self::Damaged(error.to_string())
        }
    }
}

/// A file: head and CBOR body.
pub fn seal<T: Encode<()>>(kind: Kind, body: &T) -> Vec<u8> {
    let mut bytes = kind.head().to_vec();
    bytes.extend(to_cbor(body));
    bytes
}

/// The body of a file of that kind. Bytes after the body are damage.
///
/// # Errors
/// Says whether the file is another kind's, newer, cut or damaged.
pub fn open<'b, T: Decode<'b, ()>>(kind: Kind, bytes: &'b [u8]) -> Result<T, FormatError> {
    from_cbor(check_head(kind, bytes)?)
}

/// What follows the head of a file of that kind.
///
/// # Errors
/// As [`open`].
pub fn check_head(kind: Kind, bytes: &[u8]) -> Result<&[u8], FormatError> {
    let head = kind.head();
    let shared = bytes.len().min(4);
    if bytes[..shared] != head[..shared] || bytes.is_empty() {
        return Err(FormatError::NotOurs(kind));
    }
    let (found, body) = bytes.split_at_checked(HEAD).ok_or(FormatError::Truncated)?;
    if found[4] > VERSION {
        return Err(FormatError::Newer(found[4]));
    }
    if found != head {
        return Err(FormatError::Damaged("the head".into()));
    }
    Ok(body)
}

/// CBOR of a value.
pub fn to_cbor<T: Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value)
        .expect("writing to memory cannot fail, and no Encode of ours raises an error")
}

/// A value from CBOR that fills `bytes` to the end.
///
/// # Errors
/// `Truncated` when the input ends early, `Damaged` for all else.
pub fn from_cbor<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, FormatError> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let value = decoder.decode()?;
    if decoder.position() != bytes.len() {
        return Err(FormatError::Damaged(format!(
            "{} bytes too many",
            bytes.len() - decoder.position()
        )));
    }
    Ok(value)
}
