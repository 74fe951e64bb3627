//! The facts that bind a software key to a computer: hashed with a salt, k of n must match.

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

/// The most facts that a request or licence may list.
pub const MAX_FACTS: usize = 64;

/// What a fact is about. The numbers are part of the formats: they are encoded and hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum FactKind {
    /// The operating system's machine id.
    #[n(1)]
    MachineId = 1,
    /// The system UUID of the firmware's tables.
    #[n(2)]
    DmiUuid = 2,
    /// The main board's serial number.
    #[n(3)]
    BoardSerial = 3,
    /// The processor's model name.
    #[n(4)]
    CpuModel = 4,
    /// The system disk's serial number.
    #[n(5)]
    DiskSerial = 5,
    /// The address of a physical network card.
    #[n(6)]
    Mac = 6,
    /// An id that the administrator set, for containers and clouds.
    #[n(7)]
    ExplicitId = 7,
    /// The serial number of a carrier: the only fact of a licence that one holds.
    #[n(8)]
    Carrier = 8,
}

impl FactKind {
    /// What it is called in English and in Russian.
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::MachineId => ("the machine id", "идентификатор системы (machine-id)"),
            Self::DmiUuid => ("the firmware's UUID", "UUID прошивки"),
            Self::BoardSerial => ("the main board's serial number", "серийный номер платы"),
            Self::CpuModel => ("the processor", "процессор"),
            Self::DiskSerial => ("the system disk", "системный диск"),
            Self::Mac => ("a network card", "сетевая карта"),
            Self::ExplicitId => (
                "the administrator's machine id",
                "заданный администратором идентификатор",
            ),
            Self::Carrier => ("the carrier", "носитель"),
        }
    }
}

/// A fact of this computer, in clear.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// What it is about.
    pub kind: FactKind,
    /// Its value.
    pub value: String,
}

impl Fact {
    /// The fact as a request or licence lists it.
    pub fn hash(&self, salt: &[u8; 16]) -> FactHash {
        let mut hasher = Sha256::new();
        hasher.update(b"licence-fact-v1\0");
        hasher.update(salt);
        hasher.update([self.kind as u8]);
        hasher.update(self.value.trim().to_uppercase());
        FactHash {
            kind: self.kind,
            hash: hasher.finalize().into(),
        }
    }
}

/// A fact, hashed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FactHash {
    /// What it is about.
    #[n(0)]
    pub kind: FactKind,
    /// SHA-256 of label, salt, kind and value.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub hash: [u8; 32],
}

/// How a computer compares with a licence's facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// How many facts match.
    pub matched: usize,
    /// How many are listed.
    pub listed: usize,
    /// Which ones do not match.
    pub changed: Vec<FactKind>,
}

/// How many of `listed` facts must match: three quarters and never less than one, so that one of four may change.
pub const fn needed(listed: usize) -> usize {
    let three_quarters = (listed * 3).div_ceil(4);
    if three_quarters == 0 {
        1
    } else {
        three_quarters
    }
}

/// Compares the facts of this computer with those listed.
pub fn compare(here: &[Fact], listed: &[FactHash], salt: &[u8; 16]) -> Comparison {
    let here: Vec<FactHash> = here.iter().map(|fact| fact.hash(salt)).collect();
    compare_hashes(&here, listed)
}

/// Compares two lists of facts that were hashed with the same salt.
pub fn compare_hashes(here: &[FactHash], listed: &[FactHash]) -> Comparison {
    let changed: Vec<FactKind> = listed
        .iter()
        .filter(|fact| !here.contains(fact))
        .map(|fact| fact.kind)
        .collect();
    Comparison {
        matched: listed.len() - changed.len(),
        listed: listed.len(),
        changed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_disk_is_named_and_three_of_four_are_enough() {
        let fact = |kind, value: &str| Fact {
            kind,
            value: value.into(),
        };
        let before = [
            fact(FactKind::MachineId, "a"),
            fact(FactKind::DiskSerial, "b"),
            fact(FactKind::Mac, "c"),
        ];
        let salt = [7; 16];
        let listed: Vec<FactHash> = before.iter().map(|fact| fact.hash(&salt)).collect();
        let now = [
            fact(FactKind::MachineId, " A "),
            fact(FactKind::DiskSerial, "x"),
            fact(FactKind::Mac, "c"),
        ];
        let result = compare(&now, &listed, &salt);
        assert_eq!(
            result,
            Comparison {
                matched: 2,
                listed: 3,
                changed: vec![FactKind::DiskSerial]
            }
        );
        assert_eq!(
            [needed(0), needed(1), needed(3), needed(4), needed(6)],
            [1, 1, 3, 3, 5]
        );
    }
}
