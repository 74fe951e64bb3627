//! A server gives a key back, and the reserve code that it drew becomes the key's new code.

use protocol::{
    UnixSeconds,
    centre::{self, Outcome},
    licence::DAY,
};
use rusqlite::{OptionalExtension, params};

use super::{
    No, Yes,
    holding::{Activation, Key},
    not_the_holder, refusals, unknown_key,
};
use crate::centre::{
    Centre,
    journal::{self, About},
    series,
};

const YEAR: i64 = 365 * DAY;

impl Centre {
    pub(super) fn release(
        &mut self,
        body: &centre::Release,
        from: &str,
        now: UnixSeconds,
    ) -> Result<Yes, No> {
        let transaction = self.transaction()?;
        let key = Key::find(&transaction, body.key_no)?
            .filter(|key| key.series == body.key_id)
            .map_or_else(|| Err(unknown_key(&transaction, body.key_no)?), Ok)?;
        let no = |refusal| Err(No::Signed(key.series, refusal));
        let yes = Yes {
            key_id: key.series,
            outcome: Outcome::Released,
        };
        let known: Option<u32> = transaction
            .query_row(
                "SELECT key_no FROM codes WHERE hash = ?1",
                params![body.code_hash],
                |row| row.get(0),
            )
            .optional()?;
        match known {
            // The answer was lost, and the server asks again.
            Some(key_no) if key_no == body.key_no => return Ok(yes),
            Some(_) => return no(refusals::bad_reserve_code()),
            None => {}
        }
        if key.revoked {
            return no(refusals::revoked());
        }
        let activations = Activation::of_key(&transaction, body.key_no)?;
        let Some(held) = activations
            .iter()
            .find(|one| one.ended_at.is_none() && one.computer.holder.signing == body.holder)
        else {
            let knows = activations.iter().any(|one| {
                one.computer.holder.signing == body.holder && one.ended_with(&body.voucher)
            });
            return Err(not_the_holder(&transaction, &key, knows)?);
        };
        let allowed = match key.moves_per_year {
            Some(allowed) => allowed,
            None => series::policy(&transaction, key.series)?.moves_per_year,
        };
        let mut moves: Vec<UnixSeconds> = activations
            .iter()
            .filter_map(|one| one.ended_at)
            .filter(|at| *at > now - YEAR)
            .collect();
        moves.sort_unstable();
        if moves.len() >= allowed as usize {
            let until_next = moves.len() - allowed as usize;
            return no(match moves.get(until_next) {
                Some(at) => refusals::too_many_moves(allowed, at + YEAR),
                None => refusals::no_moves(),
            });
        }
        transaction.execute(
            "UPDATE activations SET ended_at = ?2 WHERE id = ?1",
            params![held.id, now],
        )?;
        transaction.execute(
            "INSERT INTO codes (hash, key_no, reserve, made_at) VALUES (?1, ?2, 1, ?3)",
            params![body.code_hash, body.key_no, now],
        )?;
        let about = About {
            series: Some(key.series),
            key_no: Some(key.key_no),
        };
        let text = format!(
            "given back by {}, move {} of {allowed} in a year",
            held.computer.name,
            moves.len() + 1
        );
        journal::write(&transaction, now, from, "given-back", about, &text)?;
        transaction.commit()?;
        Ok(yes)
    }
}
