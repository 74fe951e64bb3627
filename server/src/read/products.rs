//! The protected products: what the keys of each series give together, and how much of it is taken.

use protocol::KeyId;

use crate::{
    accounting::{Moment, Unusable, usable},
    server::Server,
    store::StoreError,
};

/// A series that this server knows or has keys of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// The series.
    pub key_id: KeyId,
    /// The product's name, from licence.series.
    pub name: String,
    /// Seats that the usable keys give.
    pub total: u32,
    /// Occupied seats.
    pub used: u32,
    /// How many of them are away: no process that keeps them is heard at the moment.
    pub away: u32,
    /// How many sessions there are, those that share a seat or need none included.
    pub sessions: u32,
    /// Its keys.
    pub keys: Vec<ProductKey>,
}

/// A key of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductKey {
    /// Its number.
    pub key_no: u32,
    /// Seats that it gives when it is usable.
    pub seats: u32,
    /// Occupied seats.
    pub used: u32,
    /// When it ends.
    pub ends: Option<Moment>,
    /// Why it gives no seats now.
    pub unusable: Option<Unusable>,
}

impl Server {
    /// All products, in the order of their series.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read_products(&self) -> Result<Vec<Product>, StoreError> {
        let away = self.away().await?;
        let (usage, pools, series) = (
            self.journal.usage_now().await?,
            self.keys.pools(),
            self.keys.series(),
        );
        let mut ids: Vec<KeyId> = pools
            .keys()
            .copied()
            .chain(series.iter().map(|series| series.key_id))
            .chain(usage.iter().map(|usage| usage.key_id))
            .collect();
        ids.sort();
        ids.dedup();
        let now = self.clock.now();
        let product = |key_id: KeyId| {
            let usage = usage.iter().find(|usage| usage.key_id == key_id);
            let pool = pools.get(&key_id).map_or(&[][..], Vec::as_slice);
            let used_of = |key_no| {
                let keys = usage.map_or(&[][..], |usage| &usage.keys);
                keys.iter()
                    .find(|(number, ..)| *number == key_no)
                    .map_or(0, |(_, used, _)| *used)
            };
            Product {
                key_id,
                name: series
                    .iter()
                    .find(|series| series.key_id == key_id)
                    .map_or_else(String::new, |series| series.name.clone()),
                total: usage.map_or(0, |usage| usage.total),
                used: usage.map_or(0, |usage| usage.used),
                away: away.get(&key_id).copied().unwrap_or(0),
                sessions: usage.map_or(0, |usage| usage.sessions),
                keys: pool
                    .iter()
                    .map(|key| ProductKey {
                        key_no: key.key_no,
                        seats: key.seats,
                        used: used_of(key.key_no),
                        ends: key.ends,
                        unusable: usable(key, pool, now).err(),
                    })
                    .collect(),
            }
        };
        Ok(ids.into_iter().map(product).collect())
    }
}
