//! Activation codes: issued once, shown once, kept as hashes.

use protocol::{
    KeyId, UnixSeconds,
    code::ActivationCode,
    owner::{Iec, Itn},
};
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;

use super::{
    Centre, CentreError, Offer,
    error::OfferError,
    journal::{self, About},
    series, store,
};
use crate::dates;

/// What codes are issued for.
#[derive(Clone, Debug)]
pub struct Sale {
    /// The series.
    pub series: KeyId,
    /// What each key gives.
    pub offer: Offer,
    /// How many codes, each for a key of its own.
    pub count: u32,
    /// The vendor's order.
    pub order: Option<String>,
    /// The customer, for people.
    pub customer: Option<String>,
    /// The owner, when he is known: nobody else activates the code then.
    pub itn: Option<Itn>,
    /// The owner's КПП.
    pub iec: Option<Iec>,
    /// The moment from which the code is refused.
    pub ends_at: Option<UnixSeconds>,
}

/// A code that was issued just now. It is shown this once.
#[derive(Debug)]
pub struct Issued {
    /// The key it activates.
    pub key_no: u32,
    /// The code.
    pub code: ActivationCode,
}

/// A code as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Listed {
    /// Its number in the centre.
    pub id: i64,
    /// The key it activates.
    pub key_no: u32,
    /// The series.
    pub series: String,
    /// Whether it came from a key that was given back.
    pub reserve: bool,
    /// `new`, `used`, `given-back`, `revoked` or `expired`.
    pub state: &'static str,
    /// When it was made.
    pub made_at: UnixSeconds,
    /// When it was activated first.
    pub used_at: Option<UnixSeconds>,
    /// The computer that has the key by this code.
    pub computer: Option<String>,
    /// The vendor's order.
    pub order: Option<String>,
    /// The customer.
    pub customer: Option<String>,
    /// The owner's ИНН.
    pub itn: Option<String>,
}

/// Which codes are listed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this series.
    pub series: Option<KeyId>,
    /// Of this order.
    pub order: Option<String>,
    /// Of this key.
    pub key_no: Option<u32>,
    /// This very code.
    pub code: Option<ActivationCode>,
}

impl Centre {
    /// Makes codes, all of them or none.
    ///
    /// # Errors
    /// An unknown series, an offer that contradicts itself.
    pub fn issue_codes(
        &mut self,
        sale: &Sale,
        who: &str,
        now: UnixSeconds,
    ) -> Result<Vec<Issued>, CentreError> {
        sale.offer.check().map_err(CentreError::Offer)?;
        if !(1..=10_000).contains(&sale.count) {
            return Err(CentreError::Offer(OfferError::Count));
        }
        let transaction = self.transaction()?;
        series::policy(&transaction, sale.series)?;
        let mut issued = Vec::new();
        for _ in 0..sale.count {
            let key_no = store::next_key_no(&transaction)?;
            let code = ActivationCode::random();
            transaction.execute(
                "INSERT INTO keys (key_no, series, offer, order_number, customer, itn, iec, made_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    key_no,
                    sale.series.0,
                    sale.offer.to_json(),
                    sale.order,
                    sale.customer,
                    sale.itn.as_ref().map(Itn::as_str),
                    sale.iec.as_ref().map(Iec::as_str),
                    now
                ],
            )?;
            transaction.execute(
                "INSERT INTO codes (hash, key_no, reserve, made_at, ends_at) VALUES (?1, ?2, 0, ?3, ?4)",
                params![code.hash(), key_no, now, sale.ends_at],
            )?;
            issued.push(Issued { key_no, code });
        }
        let about = About {
            series: Some(sale.series),
            key_no: issued.first().map(|first| first.key_no),
        };
        let text = format!(
            "{} codes, {} seats each{}",
            sale.count,
            sale.offer.seats,
            sale.order
                .as_ref()
                .map(|order| format!(", order {order}"))
                .unwrap_or_default()
        );
        journal::write(&transaction, now, who, "codes-issued", about, &text)?;
        transaction.commit()?;
        Ok(issued)
    }

    /// Codes, oldest first.
    ///
    /// # Errors
    /// Those of the store.
    pub fn codes(&self, filter: &Filter, now: UnixSeconds) -> Result<Vec<Listed>, CentreError> {
        let mut statement = self.connection.prepare(
            "SELECT c.id, c.key_no, k.series, c.reserve, c.made_at, c.used_at, c.revoked_at, k.revoked_at, c.ends_at,
                    a.computer_name, a.ended_at, k.order_number, k.customer, k.itn
             FROM codes c JOIN keys k ON k.key_no = c.key_no
             LEFT JOIN activations a ON a.code = c.id
             WHERE (?1 IS NULL OR k.series = ?1) AND (?2 IS NULL OR k.order_number = ?2)
               AND (?3 IS NULL OR c.key_no = ?3) AND (?4 IS NULL OR c.hash = ?4)
             ORDER BY c.id",
        )?;
        let hash = filter.code.as_ref().map(ActivationCode::hash);
        let rows = statement.query_map(
            params![
                filter.series.map(|id| id.0),
                filter.order,
                filter.key_no,
                hash
            ],
            |row| listed(row, now),
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Takes a code back: it activates nothing any more, and the key by it is refused its renewal.
    ///
    /// # Errors
    /// [`CentreError::UnknownCode`].
    pub fn revoke_code(
        &mut self,
        code: &ActivationCode,
        who: &str,
        now: UnixSeconds,
    ) -> Result<u32, CentreError> {
        let key_no: Option<u32> = self
            .connection
            .query_row(
                "SELECT key_no FROM codes WHERE hash = ?1",
                params![code.hash()],
                |row| row.get(0),
            )
            .optional()?;
        let key_no = key_no.ok_or(CentreError::UnknownCode)?;
        self.revoke_key(key_no, who, now)?;
        Ok(key_no)
    }

    /// Takes a key back, with all its codes.
    ///
    /// # Errors
    /// [`CentreError::UnknownKey`].
    pub fn revoke_key(
        &mut self,
        key_no: u32,
        who: &str,
        now: UnixSeconds,
    ) -> Result<(), CentreError> {
        let transaction = self.transaction()?;
        let series: Option<u16> = transaction
            .query_row(
                "UPDATE keys SET revoked_at = coalesce(revoked_at, ?2) WHERE key_no = ?1 RETURNING series",
                params![key_no, now],
                |row| row.get(0),
            )
            .optional()?;
        let series = series.ok_or(CentreError::UnknownKey(key_no))?;
        transaction.execute(
            "UPDATE codes SET revoked_at = coalesce(revoked_at, ?2) WHERE key_no = ?1",
            params![key_no, now],
        )?;
        let about = About {
            series: Some(KeyId(series)),
            key_no: Some(key_no),
        };
        journal::write(
            &transaction,
            now,
            who,
            "revoked",
            about,
            "the key and its codes are taken back",
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// Changes what a key's support and period are; servers get it with their next renewal.
    ///
    /// # Errors
    /// [`CentreError::UnknownKey`].
    pub fn change_key(
        &mut self,
        key_no: u32,
        change: &Change,
        who: &str,
        now: UnixSeconds,
    ) -> Result<(), CentreError> {
        let words = change.words();
        if words.is_empty() {
            return Err(CentreError::Offer(OfferError::NoChange));
        }
        let transaction = self.transaction()?;
        let found: Option<(u16, String)> = transaction
            .query_row(
                "SELECT series, offer FROM keys WHERE key_no = ?1",
                params![key_no],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let (series, offer) = found.ok_or(CentreError::UnknownKey(key_no))?;
        let mut offer = Offer::from_column(&offer)?;
        if let Some(period) = change.period {
            offer.period = period;
        }
        if let Some(seats) = change.seats {
            offer.seats = seats;
        }
        offer.check().map_err(CentreError::Offer)?;
        transaction.execute(
            "UPDATE keys SET offer = ?2, support_until = coalesce(?3, support_until),
                    industry_support_until = coalesce(?4, industry_support_until),
                    moves_per_year = coalesce(?5, moves_per_year)
             WHERE key_no = ?1",
            params![
                key_no,
                offer.to_json(),
                change.support_until,
                change.industry_support_until,
                change.moves_per_year
            ],
        )?;
        let about = About {
            series: Some(KeyId(series)),
            key_no: Some(key_no),
        };
        journal::write(&transaction, now, who, "key-changed", about, &words)?;
        transaction.commit()?;
        Ok(())
    }
}

/// What is changed of a key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change {
    /// For how many days it works from its first activation; 0 for ever.
    pub period: Option<u32>,
    /// How many seats it gives.
    pub seats: Option<u32>,
    /// Until when support is paid.
    pub support_until: Option<UnixSeconds>,
    /// Until when industry support is paid.
    pub industry_support_until: Option<UnixSeconds>,
    /// How often it may be moved in 365 days; the series' number when never said.
    pub moves_per_year: Option<u32>,
}

impl Change {
    /// What is changed, for the journal.
    fn words(&self) -> String {
        let parts = [
            self.period.map(|days| format!("period {days} days")),
            self.seats.map(|seats| format!("seats {seats}")),
            self.support_until
                .map(|end| format!("support until {}", dates::show(end))),
            self.industry_support_until
                .map(|end| format!("industry support until {}", dates::show(end))),
            self.moves_per_year
                .map(|moves| format!("{moves} moves a year")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

fn listed(row: &Row<'_>, now: UnixSeconds) -> rusqlite::Result<Listed> {
    let used_at: Option<UnixSeconds> = row.get(5)?;
    let revoked = row.get::<_, Option<i64>>(6)?.or(row.get(7)?).is_some();
    let ends_at: Option<UnixSeconds> = row.get(8)?;
    let ended: Option<UnixSeconds> = row.get(10)?;
    let state = match used_at {
        _ if revoked => "revoked",
        Some(_) if ended.is_some() => "given-back",
        Some(_) => "used",
        None if ends_at.is_some_and(|end| now >= end) => "expired",
        None => "new",
    };
    Ok(Listed {
        id: row.get(0)?,
        key_no: row.get(1)?,
        series: KeyId(row.get(2)?).to_string(),
        reserve: row.get(3)?,
        state,
        made_at: row.get(4)?,
        used_at,
        computer: row.get(9)?,
        order: row.get(11)?,
        customer: row.get(12)?,
        itn: row.get(13)?,
    })
}
