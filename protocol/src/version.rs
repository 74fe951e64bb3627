//! Versions `3.0.PATCH.BUILD` and the rule which of them work together.

use std::{fmt, str::FromStr};

/// A version of the component or the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u16,
    /// The second number.
    pub minor: u16,
    /// The third number.
    pub patch: u16,
    /// The fourth number.
    pub build: u32,
}

/// Which side of a connection is too old for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Older {
    /// The one whose version was passed as `self`.
    This,
    /// The other one.
    Other,
}

impl Version {
    /// The version that this code was built as.
    pub const CURRENT: Self = Self {
        major: number(env!("CARGO_PKG_VERSION_MAJOR")) as u16,
        minor: number(env!("CARGO_PKG_VERSION_MINOR")) as u16,
        patch: number(env!("CARGO_PKG_VERSION_PATCH")) as u16,
        build: number(env!("LICENCE_BUILD")),
    };

    /// The same as a text.
    pub const CURRENT_TEXT: &str = concat!(env!("CARGO_PKG_VERSION"), ".", env!("LICENCE_BUILD"));

    /// Versions work together when major and minor are the same.
    ///
    /// # Errors
    /// Says which side is the older one.
    pub fn works_with(self, other: Self) -> Result<(), Older> {
        match (self.major, self.minor).cmp(&(other.major, other.minor)) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Less => Err(Older::This),
            std::cmp::Ordering::Greater => Err(Older::Other),
        }
    }
}

const fn number(text: &str) -> u32 {
    let digits = text.as_bytes();
    let mut value = 0;
    let mut index = 0;
    while index < digits.len() {
        assert!(
            digits[index].is_ascii_digit(),
            "a part of the version is not a number"
        );
        value = value * 10 + (digits[index] - b'0') as u32;
        index += 1;
    }
    value
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{}.{}.{}",
            self.major, self.minor, self.patch, self.build
        )
    }
}

/// A text that is not a version of four numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version is four numbers with dots, for example 3.0.1.1")]
pub struct VersionError;

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or(VersionError);
        let version = Self {
            major: next()?.parse().map_err(|_| VersionError)?,
            minor: next()?.parse().map_err(|_| VersionError)?,
            patch: next()?.parse().map_err(|_| VersionError)?,
            build: next()?.parse().map_err(|_| VersionError)?,
        };
        if parts.next().is_some() {
            Err(VersionError)
        } else {
            Ok(version)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_3_0_works_with_every_3_0_and_the_older_side_is_named() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert_eq!(
            version("3.0.1.1").works_with(version("3.0.99.7528")),
            Ok(())
        );
        assert_eq!(
            version("2.1.4.9").works_with(version("3.0.1.1")),
            Err(Older::This)
        );
        assert_eq!(
            version("3.0.1.1").works_with(version("2.9.9.9")),
            Err(Older::Other)
        );
        assert!("3.0.1".parse::<Version>().is_err());
        assert!("3.0.1.1.1".parse::<Version>().is_err());
    }
}
