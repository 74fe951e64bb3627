//! Which carrier it is: its number, its serial, and what a licence on it is bound to.

use protocol::binding::{Fact, FactKind};
use sha2::{Digest, Sha256};

/// What kind of carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A token behind a PKCS#11 module.
    Pkcs11,
    /// A USB key of ours.
    Usb,
}

impl Kind {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pkcs11 => "PKCS#11",
            Self::Usb => "USB",
        }
    }
}

/// A carrier as lists name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// What kind.
    pub kind: Kind,
    /// Its number: BlankKeyNo, and KeyNo while it is blank.
    pub number: u32,
    /// The serial number as the device tells it.
    pub serial: String,
    /// Its name for people: label or product, and maker.
    pub name: String,
    /// Where it is connected; of two at one time each has its own.
    pub place: String,
    /// Whether nothing can be written to it.
    pub read_only: bool,
}

impl About {
    /// What a licence on it is bound to: its serial number, and nothing of any computer.
    pub fn facts(&self) -> Vec<Fact> {
        vec![Fact {
            kind: FactKind::Carrier,
            value: self.identity(),
        }]
    }

    /// 40 hex digits that name it where a computer's stand else.
    pub fn id(&self) -> String {
        let hash = Sha256::digest(format!("licence-carrier-v1\0{}", self.identity()));
        data_encoding::HEXUPPER.encode(&hash[..20])
    }

    /// How a licence that lies on it is called where a file's path stands else.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        format!("{}:{}/{name}.licence", self.kind.name(), self.number).into()
    }

    fn identity(&self) -> String {
        format!("{} {}", self.kind.name(), self.serial)
    }
}

/// The number of a serial: itself when it is decimal digits that fit, else nine digits of its hash.
pub(super) fn number(serial: &str) -> u32 {
    let digits = !serial.is_empty() && serial.bytes().all(|byte| byte.is_ascii_digit());
    if digits
        && let Ok(number) = serial.parse::<u32>()
        && number > 0
    {
        return number;
    }
    let hash = Sha256::digest(format!("licence-carrier-number-v1\0{serial}"));
    let word = u64::from_be_bytes(hash[..8].try_into().expect("SHA-256 is longer than that"));
    (word % 900_000_000) as u32 + 100_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_serial_is_the_number_and_any_other_has_nine_digits_of_its_own() {
        assert_eq!([number("7131766"), number("00012")], [7_131_766, 12]);
        for serial in [
            "",
            "0",
            "a3f0c2d4e5b69788",
            "99999999999",
            "-1",
            "+5",
            "мир",
        ] {
            assert!(
                (100_000_000..1_000_000_000).contains(&number(serial)),
                "{serial}"
            );
            assert_eq!(number(serial), number(serial));
        }
        assert_ne!(number("a"), number("b"));
    }
}
