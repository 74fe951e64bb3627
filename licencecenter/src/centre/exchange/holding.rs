//! A key as the store has it, the computer that holds it, and the licence that says so.

use minicbor::{Decode, Encode};
use protocol::{
    KeyId, UnixSeconds,
    binding::FactHash,
    centre::Outcome,
    cryptkey::CryptKey,
    envelope,
    licence::{DAY, Document, Holder},
    sha256,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::No;
use crate::{
    centre::{CentreError, Offer},
    issue::{self, Computer, Record, Terms},
};

/// A key.
pub(super) struct Key {
    pub(super) key_no: u32,
    pub(super) series: KeyId,
    pub(super) offer: Offer,
    pub(super) itn: Option<String>,
    pub(super) iec: Option<String>,
    pub(super) activated_at: Option<UnixSeconds>,
    pub(super) support_until: Option<UnixSeconds>,
    pub(super) industry_support_until: Option<UnixSeconds>,
    pub(super) moves_per_year: Option<u32>,
    pub(super) revoked: bool,
}

impl Key {
    pub(super) fn find(connection: &Connection, key_no: u32) -> Result<Option<Self>, No> {
        let row = connection.query_row(
            "SELECT key_no, series, offer, itn, iec, activated_at, support_until, industry_support_until,
                    moves_per_year, revoked_at
             FROM keys WHERE key_no = ?1",
            params![key_no],
            |row| {
                Ok(Self {
                    key_no: row.get(0)?,
                    series: KeyId(row.get(1)?),
                    offer: Offer::from_column(&row.get::<_, String>(2)?)?,
                    itn: row.get(3)?,
                    iec: row.get(4)?,
                    activated_at: row.get(5)?,
                    support_until: row.get(6)?,
                    industry_support_until: row.get(7)?,
                    moves_per_year: row.get(8)?,
                    revoked: row.get::<_, Option<i64>>(9)?.is_some(),
                })
            },
        );
        Ok(row.optional()?)
    }

    fn terms(&self) -> Terms {
        let offer = &self.offer;
        Terms {
            key_no: self.key_no,
            key_type: offer.kind(),
            count: offer.seats,
            period_days: offer.period,
            start: None,
            flags: offer.flags,
            parameters: offer.parameters.clone().into_iter().collect(),
            product_version: offer.product_version,
            service_type: offer.service_type,
            reg_no: None,
            itn: self.itn.clone(),
            iec: self.iec.clone(),
            product_name: offer.product_name.clone(),
            product_version_name: offer.product_version_name.clone(),
            article: offer.article.clone(),
            article_name: offer.article_name.clone(),
        }
    }

    /// The licence for a computer. Its period is counted from the key's first activation, wherever it moves.
    pub(super) fn licence(
        &self,
        keys: &CryptKey,
        computer: &Computer,
        what: What<'_>,
    ) -> Result<Document, CentreError> {
        let record = Record {
            activation_code: what.code.map(str::to_owned),
            support_date: self.support_until,
            support_period: self.offer.support_period,
            industry_support_date: self.industry_support_until,
            industry_support_period: self.offer.industry_support_period,
            recovered: what.recovered,
            update_date: what.update_date,
            activation_date: self.activated_at,
        };
        let issued_at = self.activated_at.unwrap_or(what.now);
        Ok(issue::licence(
            keys,
            computer,
            &self.terms(),
            &record,
            issued_at,
        )?)
    }

    /// Support's end, counted from the first activation, where the vendor said nothing else.
    pub(super) fn begin_support(&mut self, now: UnixSeconds) {
        let end = |days: Option<u32>| days.map(|days| now + i64::from(days) * DAY);
        self.support_until = self.support_until.or(end(self.offer.support_period));
        self.industry_support_until = self
            .industry_support_until
            .or(end(self.offer.industry_support_period));
    }
}

/// What differs between two issues of one licence.
#[derive(Clone, Copy)]
pub(super) struct What<'a> {
    pub(super) code: Option<&'a str>,
    pub(super) recovered: bool,
    pub(super) update_date: Option<UnixSeconds>,
    pub(super) now: UnixSeconds,
}

/// A computer that has or had a key.
pub(super) struct Activation {
    pub(super) id: i64,
    pub(super) computer: Computer,
    pub(super) server: Vec<u8>,
    pub(super) computer_id: String,
    pub(super) request: Vec<u8>,
    /// The voucher that was given out last, and the one before: its hash.
    pub(super) voucher: Vec<u8>,
    pub(super) previous: Vec<u8>,
    pub(super) begun_at: UnixSeconds,
    pub(super) ended_at: Option<UnixSeconds>,
    pub(super) recovered: bool,
    /// The hash of its code.
    pub(super) code_hash: Vec<u8>,
}

impl Activation {
    /// Whether it is over, and that voucher is one of its last: what was given back is surely that one.
    pub(super) fn ended_with(&self, voucher: &[u8; 32]) -> bool {
        self.ended_at.is_some() && (self.voucher == voucher || self.previous == voucher)
    }
}

const ACTIVATION: &str = "SELECT a.id, a.code, a.computer, a.computer_name, a.server, a.computer_id, a.request, a.voucher,
    a.previous, a.begun_at, a.ended_at, a.recovered, c.hash FROM activations a JOIN codes c ON c.id = a.code";

impl Activation {
    /// The activation by a code.
    pub(super) fn by_code(connection: &Connection, code: i64) -> Result<Option<Self>, No> {
        let sql = format!("{ACTIVATION} WHERE a.code = ?1 ORDER BY a.id DESC LIMIT 1");
        Ok(connection
            .query_row(&sql, params![code], Self::read)
            .optional()?)
    }

    /// The activations of a key, the last one first.
    pub(super) fn of_key(connection: &Connection, key_no: u32) -> Result<Vec<Self>, No> {
        let sql = format!("{ACTIVATION} WHERE a.key_no = ?1 ORDER BY a.id DESC");
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map(params![key_no], Self::read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let computer: Vec<u8> = row.get(2)?;
        let kept: Kept = envelope::from_cbor(&computer).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(
                2,
                rusqlite::types::Type::Blob,
                Box::new(error),
            )
        })?;
        Ok(Self {
            id: row.get(0)?,
            computer: Computer {
                holder: kept.holder,
                name: row.get(3)?,
                salt: kept.salt,
                facts: kept.facts,
            },
            server: row.get(4)?,
            computer_id: row.get(5)?,
            request: row.get(6)?,
            voucher: row.get(7)?,
            previous: row.get(8)?,
            begun_at: row.get(9)?,
            ended_at: row.get(10)?,
            recovered: row.get(11)?,
            code_hash: row.get(12)?,
        })
    }
}

/// A computer in its column.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Kept {
    #[n(0)]
    holder: Holder,
    #[cbor(n(1), with = "minicbor::bytes")]
    salt: [u8; 16],
    #[n(2)]
    facts: Vec<FactHash>,
}

/// A computer as its column has it.
pub(super) fn column(computer: &Computer) -> Vec<u8> {
    envelope::to_cbor(&Kept {
        holder: computer.holder.clone(),
        salt: computer.salt,
        facts: computer.facts.clone(),
    })
}

/// A licence as it goes out, and the hash of its voucher.
pub(super) fn outcome(
    document: &Document,
    keys: &CryptKey,
) -> Result<(Outcome, [u8; 32]), CentreError> {
    let bytes = document.to_bytes();
    if bytes.len() > protocol::licence::MAX_FILE {
        return Err(crate::Error::LicenceTooLarge(bytes.len()).into());
    }
    let public = keys.signing.public().map_err(crate::Error::SigningKey)?;
    let licence = document
        .verify(&public)
        .map_err(|_| CentreError::DamagedKeys(keys.key_id))?;
    let hash = sha256(licence.signed_voucher.unverified());
    Ok((Outcome::Licence(bytes), hash))
}
