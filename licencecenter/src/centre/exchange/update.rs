//! An installed licence is renewed; who renews what he should not have is named in the journal.

use protocol::{
    UnixSeconds,
    binding::{Comparison, compare_hashes, needed},
    centre,
    code::ActivationCode,
};
use rusqlite::{Connection, params};

use super::{
    No, Yes,
    holding::{Activation, Key, What, column, outcome},
    not_the_holder, refusals, unknown_key,
};
use crate::{
    centre::{
        Centre,
        journal::{self, About},
    },
    issue::Computer,
};

impl Centre {
    pub(super) fn update(
        &mut self,
        body: &centre::Update,
        from: &str,
        now: UnixSeconds,
    ) -> Result<Yes, No> {
        let keys = self.keys_of(body.key_id);
        let transaction = self.transaction()?;
        let key = Key::find(&transaction, body.key_no)?
            .filter(|key| key.series == body.key_id)
            .map_or_else(|| Err(unknown_key(&transaction, body.key_no)?), Ok)?;
        let keys = keys?;
        if key.revoked {
            return Err(No::Signed(key.series, refusals::revoked()));
        }
        let activations = Activation::of_key(&transaction, body.key_no)?;
        let held = activations
            .iter()
            .find(|one| one.computer.holder.signing == body.holder);
        let Some(held) = held.filter(|held| held.ended_at.is_none()) else {
            let (event, why) = if held.is_some() {
                ("clone", "it gave back: its files were copied or restored")
            } else if was_holder(&transaction, body)? {
                (
                    "clone",
                    "was activated on it anew: its files are an old copy",
                )
            } else {
                ("stranger", "it never had, as far as the centre knows")
            };
            let text = format!(
                "{} ({}) renews a key that {why}",
                body.computer_name, body.computer_id
            );
            note(&transaction, now, from, event, &key, &text)?;
            let knows = held.is_some_and(|held| held.ended_with(&body.voucher));
            let no = not_the_holder(&transaction, &key, knows)?;
            transaction.commit()?;
            return Err(no);
        };
        let compared = compare_hashes(&body.facts, &held.computer.facts);
        if compared.matched < needed(compared.listed) {
            return Err(No::Signed(key.series, changed(&compared)));
        }
        if let Some(text) = lineage(body, held) {
            note(&transaction, now, from, "clone", &key, &text)?;
        }
        // What changed within the limit counts as known from now on, so that changes do not add up over the years.
        let computer = Computer {
            name: body.computer_name.clone(),
            facts: body.facts.clone(),
            ..held.computer.clone()
        };
        let code = body
            .code
            .as_deref()
            .and_then(|code| ActivationCode::parse(code).ok())
            .filter(|code| code.hash()[..] == held.code_hash)
            .map(|code| code.reveal());
        let what = What {
            code: code.as_deref(),
            recovered: held.recovered,
            update_date: Some(now),
            now,
        };
        let document = key.licence(&keys, &computer, what)?;
        let (outcome, voucher) = outcome(&document, &keys)?;
        let previous = if held.voucher == body.voucher {
            &held.voucher
        } else {
            &held.previous
        };
        transaction.execute(
            "UPDATE activations SET computer = ?2, computer_name = ?3, computer_id = ?4, server = ?5, voucher = ?6,
                    previous = ?7, heard_at = ?8
             WHERE id = ?1",
            params![
                held.id,
                column(&computer),
                computer.name,
                body.computer_id,
                body.server,
                voucher,
                previous,
                now
            ],
        )?;
        transaction.commit()?;
        Ok(Yes {
            key_id: key.series,
            outcome,
        })
    }
}

/// Whether the key was activated anew by the computer of that holder key.
fn was_holder(connection: &Connection, body: &centre::Update) -> Result<bool, No> {
    Ok(connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM former WHERE key_no = ?1 AND signing = ?2)",
        params![body.key_no, body.holder.to_string()],
        |row| row.get(0),
    )?)
}

fn note(
    connection: &Connection,
    now: UnixSeconds,
    from: &str,
    event: &str,
    key: &Key,
    text: &str,
) -> Result<(), No> {
    let about = About {
        series: Some(key.series),
        key_no: Some(key.key_no),
    };
    Ok(journal::write(connection, now, from, event, about, text)?)
}

/// What shows that two computers renew one licence. Each renewal replaces the voucher, so of two copies one comes
/// with a voucher that was replaced before the last one.
fn lineage(body: &centre::Update, held: &Activation) -> Option<String> {
    if held.server != body.server {
        return Some(format!(
            "two servers renew the key: {} ({}) has another instance key than {}",
            body.computer_name, body.computer_id, held.computer.name
        ));
    }
    let known = held.voucher == body.voucher || held.previous == body.voucher;
    (!known).then(|| {
        format!(
            "two copies of one computer renew the key, or one was restored from an old image: {} ({})",
            body.computer_name, body.computer_id
        )
    })
}

fn changed(compared: &Comparison) -> centre::Refusal {
    let join = |pick: fn((&'static str, &'static str)) -> &'static str| {
        let mut names: Vec<&str> = compared
            .changed
            .iter()
            .map(|kind| pick(kind.names()))
            .collect();
        names.dedup();
        names.join(", ")
    };
    refusals::other_computer(
        &join(|names| names.0),
        &join(|names| names.1),
        compared.matched,
        needed(compared.listed),
    )
}
