//! What a key gives: of an article, or said when codes are issued.

use std::collections::BTreeMap;

use protocol::licence::{KeyType, MAX_PARAMETERS, MAX_VOUCHER};
use serde::{Deserialize, Serialize};

use super::error::OfferError;

/// The largest offer as it is kept, in bytes. Its licence's voucher, with what stands around the parameters there, has
/// to stay within its own limit, or no activation of its codes would ever work.
const MAX_SIZE: usize = MAX_VOUCHER - 2048;

/// What a key gives, as the centre keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Offer {
    /// 3 main, 4 additional, 5 demo.
    pub key_type: u8,
    /// How many seats.
    pub seats: u32,
    /// For how many days from the first activation; 0 for ever.
    pub period: u32,
    /// The vendor's functionality bits.
    pub flags: u32,
    /// 0 ordinary, 1 demo server, 2 cloud subscription, 3 Fresh, 4 and up other.
    pub service_type: u32,
    /// The vendor's product version number.
    pub product_version: u32,
    /// The product version's name.
    pub product_version_name: Option<String>,
    /// The product's name; that of the series when not said.
    pub product_name: Option<String>,
    /// The article number.
    pub article: Option<String>,
    /// The article's name.
    pub article_name: Option<String>,
    /// For how many days from the first activation support is paid.
    pub support_period: Option<u32>,
    /// The same for industry support.
    pub industry_support_period: Option<u32>,
    /// The vendor's signed values.
    pub parameters: BTreeMap<String, String>,
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            key_type: KeyType::Main.number(),
            seats: 1,
            period: 0,
            flags: 0,
            service_type: 0,
            product_version: 0,
            product_version_name: None,
            product_name: None,
            article: None,
            article_name: None,
            support_period: None,
            industry_support_period: None,
            parameters: BTreeMap::new(),
        }
    }
}

impl Offer {
    /// What kind of right it is.
    pub const fn kind(&self) -> KeyType {
        match self.key_type {
            4 => KeyType::Additional,
            5 => KeyType::Demo,
            _ => KeyType::Main,
        }
    }

    /// Whether it contradicts itself.
    ///
    /// # Errors
    /// Says what to change.
    pub fn check(&self) -> Result<(), OfferError> {
        if !(3..=5).contains(&self.key_type) {
            return Err(OfferError::KeyType(self.key_type));
        }
        if self.parameters.len() > MAX_PARAMETERS {
            return Err(OfferError::Parameters(self.parameters.len()));
        }
        if self.parameters.keys().any(|name| name.trim().is_empty()) {
            return Err(OfferError::NamelessParameter);
        }
        let size = self.to_json().len();
        if size > MAX_SIZE {
            return Err(OfferError::TooLarge(size));
        }
        if self.seats == 0 {
            return Err(OfferError::NoSeats);
        }
        if matches!(self.kind(), KeyType::Demo) && self.period == 0 {
            return Err(OfferError::DemoPeriod);
        }
        Ok(())
    }

    /// As it is kept.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }

    /// As it was kept.
    pub(super) fn from_column(text: &str) -> rusqlite::Result<Self> {
        serde_json::from_str(text).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(
                0,
                rusqlite::types::Type::Text,
                Box::new(error),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_that_no_licence_could_be_made_of_is_refused() {
        let offer = |change: fn(&mut Offer)| {
            let mut offer = Offer::default();
            change(&mut offer);
            offer.check()
        };
        assert_eq!(offer(|_| {}), Ok(()));
        assert_eq!(
            offer(|offer| offer.key_type = 2),
            Err(OfferError::KeyType(2))
        );
        assert_eq!(
            offer(|offer| offer.key_type = 6),
            Err(OfferError::KeyType(6))
        );
        assert_eq!(offer(|offer| offer.seats = 0), Err(OfferError::NoSeats));
        assert_eq!(
            offer(|offer| offer.key_type = 5),
            Err(OfferError::DemoPeriod)
        );
        let many = |offer: &mut Offer| {
            offer.parameters = (0..=MAX_PARAMETERS)
                .map(|number| (format!("P{number}"), String::new()))
                .collect();
        };
        assert_eq!(offer(many), Err(OfferError::Parameters(257)));
        let nameless = |offer: &mut Offer| {
            offer.parameters.insert(" ".into(), "x".into());
        };
        assert_eq!(offer(nameless), Err(OfferError::NamelessParameter));
        let large = |offer: &mut Offer| {
            offer.parameters.insert("P".into(), "x".repeat(MAX_VOUCHER));
        };
        assert!(matches!(offer(large), Err(OfferError::TooLarge(_))));
    }
}
