//! A code becomes a licence.

use protocol::{
    UnixSeconds,
    binding::{compare_hashes, needed},
    centre,
    code::ActivationCode,
    owner::{Iec, Itn},
};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{
    No, Yes, check_single_use,
    holding::{Activation, Key, What, column, outcome},
    refusals,
};
use crate::{
    centre::{
        Centre,
        journal::{self, About},
        series,
    },
    issue::Computer,
};

impl Centre {
    pub(super) fn activate(
        &mut self,
        body: &centre::Activation,
        hash: [u8; 32],
        from: &str,
        now: UnixSeconds,
    ) -> Result<Yes, No> {
        let code =
            ActivationCode::parse(&body.code).map_err(|error| No::Plain(refusals::code(&error)))?;
        let itn = parsed(body.itn.as_deref(), str::parse::<Itn>)?.map(|itn| itn.to_string());
        let iec = parsed(body.iec.as_deref(), str::parse::<Iec>)?.map(|iec| iec.to_string());
        let found = self
            .connection
            .query_row(
                "SELECT k.series FROM codes c JOIN keys k ON k.key_no = c.key_no WHERE c.hash = ?1",
                params![code.hash()],
                |row| row.get(0).map(protocol::KeyId),
            )
            .optional()?;
        let Some(key_id) = found else {
            return Err(No::Plain(refusals::unknown_code()));
        };
        let keys = self.keys_of(key_id)?;
        let transaction = self.transaction()?;
        let repeated = check_single_use(&transaction, &body.request.id, &hash, now)?;
        let (id, key_no, ends_at): (i64, u32, Option<i64>) = transaction.query_row(
            "SELECT id, key_no, ends_at FROM codes WHERE hash = ?1",
            params![code.hash()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let mut key = Key::find(&transaction, key_no)?
            .ok_or_else(|| No::Plain(refusals::unknown_key(key_no)))?;
        if let Some(asked) = body.series.filter(|asked| *asked != key.series) {
            return Err(No::Plain(refusals::other_series(key.series, asked)));
        }
        if key.revoked {
            return Err(No::Signed(key.series, refusals::revoked()));
        }
        let known = Activation::by_code(&transaction, id)?;
        if known.is_none()
            && let Some(end) = ends_at.filter(|end| now >= *end)
        {
            return Err(No::Signed(key.series, refusals::expired(end)));
        }
        check_owner(&transaction, &mut key, itn, iec)?;
        if body.request.facts.is_empty() {
            return Err(No::Plain(refusals::no_facts()));
        }
        let computer = Computer::from(&body.request);
        let recovered = match &known {
            None => false,
            Some(known) if known.ended_at.is_some() => {
                let at = known.ended_at.unwrap_or(now);
                return Err(No::Signed(
                    key.series,
                    refusals::given_back(&known.computer.name, at),
                ));
            }
            Some(known) if known.request == body.request.id => false,
            // The code was activated anew since, so whoever repeats the former request is not who has the key now.
            Some(_) if repeated => return Err(No::Signed(key.series, refusals::superseded())),
            Some(known) if same_computer(known, &computer, &body.request.computer_id) => true,
            Some(known) => {
                let refusal = refusals::used_elsewhere(&known.computer.name, known.begun_at);
                return Err(No::Signed(key.series, refusal));
            }
        };
        if key.activated_at.is_none() {
            key.begin_support(now);
            key.activated_at = Some(now);
        }
        let what = What {
            code: Some(&code.reveal()),
            recovered,
            update_date: None,
            now,
        };
        let document = key.licence(&keys, &computer, what)?;
        let (outcome, voucher) = outcome(&document, &keys)?;
        save(
            &transaction,
            &key,
            id,
            known.as_ref(),
            body,
            &computer,
            &voucher,
            recovered || known.as_ref().is_some_and(|known| known.recovered),
            now,
        )?;
        let about = About {
            series: Some(key.series),
            key_no: Some(key_no),
        };
        let (event, text) = if recovered {
            (
                "recovered",
                format!("again on {} ({})", computer.name, body.request.computer_id),
            )
        } else {
            (
                "activated",
                format!("on {} ({})", computer.name, body.request.computer_id),
            )
        };
        journal::write(&transaction, now, from, event, about, &text)?;
        transaction.commit()?;
        Ok(Yes {
            key_id: key.series,
            outcome,
        })
    }
}

fn parsed<T>(
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, protocol::owner::OwnerError>,
) -> Result<Option<T>, No> {
    text.map(parse)
        .transpose()
        .map_err(|error| No::Plain(refusals::owner(error)))
}

/// The first activation names the owner; later ones must name the same.
fn check_owner(
    transaction: &Transaction<'_>,
    key: &mut Key,
    itn: Option<String>,
    iec: Option<String>,
) -> Result<(), No> {
    let policy = series::policy(transaction, key.series)?;
    let needed = policy.needs_owner || key.itn.is_some();
    if needed && itn.is_none() {
        return Err(No::Plain(refusals::owner_needed()));
    }
    let differs = |known: &Option<String>, given: &Option<String>| {
        known
            .as_ref()
            .zip(given.as_ref())
            .is_some_and(|(known, given)| known != given)
    };
    if differs(&key.itn, &itn) || differs(&key.iec, &iec) {
        return Err(No::Plain(refusals::other_owner()));
    }
    key.itn = key.itn.take().or(itn);
    key.iec = key.iec.take().or(iec);
    Ok(())
}

/// The code's salt makes facts of two activations comparable.
fn same_computer(known: &Activation, now: &Computer, computer_id: &str) -> bool {
    if known.computer.holder == now.holder || known.computer_id == computer_id {
        return true;
    }
    let compared = compare_hashes(&now.facts, &known.computer.facts);
    known.computer.salt == now.salt && compared.matched >= needed(compared.listed)
}

#[expect(
    clippy::too_many_arguments,
    reason = "one row of two tables; a struct of them would be used here alone"
)]
fn save(
    transaction: &Transaction<'_>,
    key: &Key,
    code: i64,
    known: Option<&Activation>,
    body: &centre::Activation,
    computer: &Computer,
    voucher: &[u8; 32],
    recovered: bool,
    now: UnixSeconds,
) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE keys SET itn = ?2, iec = ?3, activated_at = ?4, support_until = ?5, industry_support_until = ?6
         WHERE key_no = ?1",
        params![
            key.key_no,
            key.itn,
            key.iec,
            key.activated_at,
            key.support_until,
            key.industry_support_until
        ],
    )?;
    transaction.execute(
        "UPDATE codes SET used_at = coalesce(used_at, ?2) WHERE id = ?1",
        params![code, now],
    )?;
    if let Some(known) = known {
        if known.computer.holder.signing != computer.holder.signing {
            transaction.execute(
                "INSERT INTO former (key_no, signing) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                params![key.key_no, known.computer.holder.signing.to_string()],
            )?;
        }
        transaction.execute("DELETE FROM activations WHERE id = ?1", params![known.id])?;
    }
    let begun_at = known.map_or(now, |known| known.begun_at);
    transaction.execute(
        "INSERT INTO activations (key_no, code, computer, signing, server, computer_id, computer_name, request, voucher,
                previous, begun_at, heard_at, recovered)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11, ?12)",
        params![
            key.key_no,
            code,
            column(computer),
            computer.holder.signing.to_string(),
            body.request.server,
            body.request.computer_id,
            computer.name,
            body.request.id,
            voucher,
            begun_at,
            now,
            recovered
        ],
    )?;
    Ok(())
}
