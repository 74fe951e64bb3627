//! The public keys that a series' signatures are good by: the present one, and those that it had before.

use std::{fmt, str::FromStr};

use super::MAX_EARLIER;
use crate::{
    envelope::FormatError,
    signature::{KeyError, PublicKey},
};

/// The keys of a series, the present one first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesKeys {
    present: PublicKey,
    earlier: Vec<PublicKey>,
}

impl SeriesKeys {
    /// Those keys.
    pub const fn new(present: PublicKey, earlier: Vec<PublicKey>) -> Self {
        Self { present, earlier }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        std::iter::once(&self.present).chain(&self.earlier)
    }

    /// What the first of them says that signed something.
    ///
    /// # Errors
    /// [`FormatError::Signature`] when none of them did, and what `verify` says.
    pub fn find<T>(
        &self,
        verify: impl Fn(&PublicKey) -> Result<T, FormatError>,
    ) -> Result<T, FormatError> {
        by_any(self.iter(), verify)
    }
}

/// What the first of the keys says that signed something.
pub(crate) fn by_any<'a, T>(
    mut keys: impl Iterator<Item = &'a PublicKey>,
    verify: impl Fn(&PublicKey) -> Result<T, FormatError>,
) -> Result<T, FormatError> {
    keys.find_map(|key| match verify(key) {
        Err(FormatError::Signature) => None,
        result => Some(result),
    })
    .unwrap_or(Err(FormatError::Signature))
}

impl From<PublicKey> for SeriesKeys {
    fn from(key: PublicKey) -> Self {
        Self::new(key, Vec::new())
    }
}

impl fmt::Display for SeriesKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.present)?;
        self.earlier.iter().try_for_each(|key| write!(f, ",{key}"))
    }
}

impl FromStr for SeriesKeys {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut keys = text.split(',').map(str::parse);
        let present = keys.next().ok_or(KeyError)??;
        let earlier: Vec<PublicKey> = keys.take(MAX_EARLIER + 1).collect::<Result<_, _>>()?;
        if earlier.len() > MAX_EARLIER {
            return Err(KeyError);
        }
        Ok(Self { present, earlier })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{Algorithm, SigningKey};

    #[test]
    fn keys_are_written_with_commas_and_what_an_earlier_one_signed_is_good() {
        let keys = [Algorithm::Ed25519, Algorithm::EcdsaP256].map(SigningKey::generate);
        let public: Vec<PublicKey> = keys.iter().map(|key| key.public().unwrap()).collect();
        let both = SeriesKeys::new(public[0].clone(), vec![public[1].clone()]);
        let text = both.to_string();
        assert_eq!(text.parse(), Ok(both.clone()));
        assert_eq!(text.replace(',', " , ").parse(), Ok(both.clone()));
        for key in &keys {
            let context = crate::signature::Context::Voucher;
            let signed = key.sign(context, vec![1]).unwrap();
            assert_eq!(
                both.find(|key| signed.verify(context, key).map(<[u8]>::to_vec)),
                Ok(vec![1])
            );
            let stranger: SeriesKeys = SigningKey::generate(Algorithm::Ed25519)
                .public()
                .unwrap()
                .into();
            assert_eq!(
                stranger.find(|key| signed.verify(context, key).map(<[u8]>::to_vec)),
                Err(FormatError::Signature)
            );
        }
        for wrong in ["", ",", "x", &format!("{text},"), &format!("{text},y")] {
            assert!(wrong.parse::<SeriesKeys>().is_err(), "{wrong}");
        }
        let many = vec![public[0].to_string(); MAX_EARLIER + 2].join(",");
        assert!(many.parse::<SeriesKeys>().is_err());
    }
}
