//! The licence document: a voucher that everybody may see, and a private part that stays with the server.

mod credential;

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use crate::{
    KeyId, UnixSeconds,
    binding::FactHash,
    envelope::{self, FormatError, Kind},
    series::{Series, by_any},
    signature::{Context, KeyError, PublicKey, Signed, SigningKey},
};

pub use credential::{Credential, CredentialError};

/// The largest licence file that is read, in bytes.
pub const MAX_FILE: usize = 256 * 1024;
/// The largest voucher, in bytes: it must fit into a handshake message with room to spare.
pub const MAX_VOUCHER: usize = 32 * 1024;
/// How many holders a reader accepts. Version 1 writes one.
pub const MAX_HOLDERS: usize = 16;
/// How many parameters a voucher may carry.
pub const MAX_PARAMETERS: usize = 256;
/// The seconds of a day.
pub const DAY: i64 = 24 * 60 * 60;

/// What kind of right a key is. The numbers are the REST API's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum KeyType {
    /// Works by itself.
    #[n(3)]
    Main,
    /// Adds seats while a usable main key of its series is on the same computer.
    #[n(4)]
    Additional,
    /// Time-limited, works alone, adds nothing.
    #[n(5)]
    Demo,
}

impl KeyType {
    /// The number in the REST API: 3, 4 or 5.
    pub const fn number(self) -> u8 {
        match self {
            Self::Main => 3,
            Self::Additional => 4,
            Self::Demo => 5,
        }
    }
}

/// How a holder's content keys are sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum SealAlgorithm {
    /// HPKE base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305 (RFC 9180).
    #[n(1)]
    HpkeX25519,
    /// RSA of 2048 to 4096 bits with OAEP, SHA-1 and an empty label (RFC 8017), which carriers can do. The key is the
    /// modulus, big-endian; the exponent is 65537. What is sealed begins with its purpose, series and version.
    #[n(2)]
    RsaOaepSha1,
}

/// The public halves of a holder key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Holder {
    /// Verifies the holder's delegations.
    #[n(0)]
    pub signing: PublicKey,
    /// How content keys are sealed to it.
    #[n(1)]
    pub seal_algorithm: SealAlgorithm,
    /// The key that they are sealed to.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub sealing: Vec<u8>,
}

impl Holder {
    /// Whether its secrets are in a carrier, and not in a computer.
    pub fn is_carrier(&self) -> bool {
        self.seal_algorithm == SealAlgorithm::RsaOaepSha1
    }
}

/// The part of a licence that a component sees.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Voucher {
    /// The series.
    #[n(0)]
    pub key_id: KeyId,
    /// The key's number, unique within the vendor's keys.
    #[n(1)]
    pub key_no: u32,
    /// Main, additional or demo.
    #[n(2)]
    pub key_type: KeyType,
    /// How many seats it gives.
    #[n(3)]
    pub licence_count: u32,
    /// The vendor's functionality bits.
    #[n(4)]
    pub flags: u32,
    /// 0 ordinary, 1 demo server, 2 cloud subscription, 3 Fresh, 4 and up other.
    #[n(5)]
    pub service_type: u32,
    /// The vendor's product version number.
    #[n(6)]
    pub product_version: u32,
    /// When it was signed.
    #[n(7)]
    pub issued_at: UnixSeconds,
    /// From when it works.
    #[n(8)]
    pub start_date: Option<UnixSeconds>,
    /// For how many days from its start (or its issue) it works; 0 for ever.
    #[n(9)]
    pub period_days: u32,
    /// The vendor's signed values, read in 1C by `GetParameter`.
    #[n(10)]
    pub parameters: BTreeMap<String, String>,
    /// Who may hold it.
    #[n(11)]
    pub holders: Vec<Holder>,
    /// SHA-256 of the private part's signed bytes: what ties the two.
    #[cbor(n(12), with = "minicbor::bytes")]
    pub private_hash: [u8; 32],
}

/// Why a voucher does not give seats at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodError {
    /// It begins later.
    NotStarted(UnixSeconds),
    /// It ended.
    Expired(UnixSeconds),
}

impl Voucher {
    /// When it ends, if it ends.
    pub fn expire_date(&self) -> Option<UnixSeconds> {
        (self.period_days > 0).then(|| {
            self.start_date
                .unwrap_or(self.issued_at)
                .saturating_add(i64::from(self.period_days) * DAY)
        })
    }

    /// Whether it works at that moment.
    ///
    /// # Errors
    /// Names the date that is in the way.
    pub fn check_period(&self, now: UnixSeconds) -> Result<(), PeriodError> {
        if let Some(start) = self.start_date.filter(|start| now < *start) {
            return Err(PeriodError::NotStarted(start));
        }
        match self.expire_date() {
            Some(end) if now >= end => Err(PeriodError::Expired(end)),
            _ => Ok(()),
        }
    }

    fn check_limits(&self) -> Result<(), FormatError> {
        let damaged = |what: &str| Err(FormatError::Damaged(what.into()));
        if self.holders.is_empty() || self.holders.len() > MAX_HOLDERS {
            return damaged("the number of holders");
        }
        if self.parameters.len() > MAX_PARAMETERS {
            return damaged("the number of parameters");
        }
        Ok(())
    }
}

/// A content key sealed to one holder.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SealedKey {
    /// The content key's version.
    #[n(0)]
    pub version: u32,
    /// What HPKE calls the encapsulated key; empty for a carrier.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub encapsulated: Vec<u8>,
    /// The content key, encrypted.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub ciphertext: Vec<u8>,
}

/// What is kept of one holder apart from its public keys.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct HolderDetails {
    /// The server's name, for people.
    #[n(0)]
    pub instance_name: String,
    /// The salt of the hashed facts.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub salt: [u8; 16],
    /// The computer's facts, hashed.
    #[n(2)]
    pub facts: Vec<FactHash>,
    /// How many of the facts must match.
    #[n(3)]
    pub needed: u32,
    /// The content keys that this holder can unwrap.
    #[n(4)]
    pub content_keys: Vec<SealedKey>,
}

/// The part of a licence that stays with server, owner and licence centre.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Private {
    /// 32 random bytes, so that the voucher's hash of this part tells nothing of it.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub blind: [u8; 32],
    /// One for each of the voucher's holders, in their order.
    #[n(1)]
    pub holders: Vec<HolderDetails>,
    /// The vendor's registration number.
    #[n(2)]
    pub reg_no: Option<u32>,
    /// The code it was activated with, if any.
    #[n(3)]
    pub activation_code: Option<String>,
    /// When it was activated.
    #[n(4)]
    pub activation_date: Option<UnixSeconds>,
    /// The owner's tax number (ИНН), as text: it may begin with a zero.
    #[n(5)]
    pub itn: Option<String>,
    /// The owner's tax registration reason code (КПП).
    #[n(6)]
    pub iec: Option<String>,
    /// The product's name.
    #[n(7)]
    pub product_name: Option<String>,
    /// The product version's name.
    #[n(8)]
    pub product_version_name: Option<String>,
    /// The article number.
    #[n(9)]
    pub article: Option<String>,
    /// The article's name.
    #[n(10)]
    pub article_name: Option<String>,
    /// Until when support is paid.
    #[n(11)]
    pub support_date: Option<UnixSeconds>,
    /// The support's days.
    #[n(12)]
    pub support_period: Option<u32>,
    /// Until when industry support is paid.
    #[n(13)]
    pub industry_support_date: Option<UnixSeconds>,
    /// The industry support's days.
    #[n(14)]
    pub industry_support_period: Option<u32>,
    /// True when it was issued again to the same computer.
    #[n(15)]
    pub recovered: Option<bool>,
    /// When it was last renewed by the centre.
    #[n(16)]
    pub update_date: Option<UnixSeconds>,
}

/// A `.licence` file.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Document {
    #[n(0)]
    voucher: Signed,
    #[n(1)]
    private: Signed,
}

/// A licence whose signatures were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Licence {
    /// What components see.
    pub voucher: Voucher,
    /// What they do not see.
    pub private: Private,
    /// The voucher with its signature, to be passed on.
    pub signed_voucher: Signed,
}

impl Licence {
    /// SHA-256 of the signed voucher: names this very issue of the licence.
    pub fn fingerprint(&self) -> [u8; 32] {
        crate::sha256(self.signed_voucher.unverified())
    }
}

impl Document {
    /// As [`Licence::fingerprint`], of a document that nobody has checked.
    pub fn fingerprint(&self) -> [u8; 32] {
        crate::sha256(self.voucher.unverified())
    }

    /// Signs a licence. `voucher.private_hash` is set here.
    ///
    /// # Errors
    /// When the voucher is over its limits, or the signing key is damaged.
    pub fn issue(
        mut voucher: Voucher,
        private: &Private,
        key: &SigningKey,
    ) -> Result<Self, IssueError> {
        let private = key.sign(Context::Private, envelope::to_cbor(private))?;
        voucher.private_hash = crate::sha256(private.unverified());
        voucher.check_limits()?;
        let payload = envelope::to_cbor(&voucher);
        if payload.len() > MAX_VOUCHER {
            return Err(IssueError::TooLarge(payload.len()));
        }
        Ok(Self {
            voucher: key.sign(Context::Voucher, payload)?,
            private,
        })
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        envelope::seal(Kind::Licence, self)
    }

    /// Reads a file; nothing of its content is believed yet.
    ///
    /// # Errors
    /// Not ours, newer, cut or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        if bytes.len() > MAX_FILE {
            return Err(FormatError::Damaged(format!("over {MAX_FILE} bytes")));
        }
        envelope::open(Kind::Licence, bytes)
    }

    /// The series and number it claims, to find the key to check it with and to name it in errors.
    ///
    /// # Errors
    /// When the voucher does not decode.
    pub fn claims(&self) -> Result<(KeyId, u32), FormatError> {
        let voucher: Voucher = envelope::from_cbor(self.voucher.unverified())?;
        Ok((voucher.key_id, voucher.key_no))
    }

    /// Checks both signatures, the tie between the parts and every limit.
    ///
    /// # Errors
    /// [`FormatError::Signature`] for an altered or foreign document, `Damaged` past a limit.
    pub fn verify(&self, series: &PublicKey) -> Result<Licence, FormatError> {
        let voucher = verified_voucher(&self.voucher, series)?;
        let private_bytes = self.private.verify(Context::Private, series)?;
        if crate::sha256(private_bytes) != voucher.private_hash {
            return Err(FormatError::Signature);
        }
        let private: Private = envelope::from_cbor(private_bytes)?;
        if private.holders.len() != voucher.holders.len() {
            return Err(FormatError::Damaged(
                "the holders of its two parts differ".into(),
            ));
        }
        Ok(Licence {
            voucher,
            private,
            signed_voucher: self.voucher.clone(),
        })
    }
}

impl Document {
    /// The same with any of a series' keys.
    ///
    /// # Errors
    /// As [`Document::verify`].
    pub fn verify_by(&self, series: &Series) -> Result<Licence, FormatError> {
        by_any(series.keys(), |key| self.verify(key))
    }
}

/// A voucher whose signature, size and limits were checked.
///
/// # Errors
/// As [`Document::verify`].
pub fn verified_voucher(signed: &Signed, series: &PublicKey) -> Result<Voucher, FormatError> {
    let bytes = signed.verify(Context::Voucher, series)?;
    if bytes.len() > MAX_VOUCHER {
        return Err(FormatError::Damaged("the voucher is too large".into()));
    }
    let voucher: Voucher = envelope::from_cbor(bytes)?;
    voucher.check_limits()?;
    Ok(voucher)
}

/// Why a licence cannot be issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The signing key is damaged.
    #[error("the series' signing key is damaged: {0}")]
    Key(#[from] KeyError),
    /// A limit is exceeded.
    #[error("the licence breaks a limit: {0}")]
    Limit(#[from] FormatError),
    /// The voucher would not fit into a handshake.
    #[error(
        "the voucher has {0} bytes, {MAX_VOUCHER} are allowed; use fewer or shorter parameters"
    )]
    TooLarge(usize),
}
