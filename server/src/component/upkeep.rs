//! What happens by the passing of time: silent connections, ended lingers, keys that begin or end.

use std::{sync::Arc, time::Duration};

use super::{Component, now};
use crate::{
    accounting::{Command, Moment, Outcome},
    store::StoreError,
};
use protocol::KeyId;

/// How often time is looked at.
const TICK: Duration = Duration::from_millis(500);
/// How long the effect of a request is remembered: far longer than any component retries it.
const REMEMBER: Duration = Duration::from_secs(600);

/// Runs until the task is dropped.
pub async fn run(component: Arc<Component>) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(error) = pass(&component).await {
            // The next tick tries what is still due: nothing is lost by waiting.
            log::error!("{error}");
        }
    }
}

async fn pass(component: &Component) -> Result<(), StoreError> {
    for (key_id, connection) in component.presence.take_silent(component.times.expire) {
        log::info!("connection {connection} was silent for too long");
        let result = to_end(component, key_id, Command::ConnectionExpired(connection)).await;
        if result.is_err() {
            // The ledger still holds its seats: it is tried again when it is silent for as long again.
            component.presence.came(connection, key_id);
        }
        result?;
    }
    let now = now();
    for (key_id, session) in component.store.linger_ended(now).await? {
        to_end(component, key_id, Command::LingerEnded(session)).await?;
    }
    for key_id in component.store.keys_due(now).await? {
        to_end(component, key_id, Command::TimePassed).await?;
    }
    let before = Moment(now.0.saturating_sub(REMEMBER.as_millis() as i64));
    for key_id in component.store.series().await? {
        to_end(component, key_id, Command::ForgetOperations(before)).await?;
    }
    component.channels.forget_idle();
    Ok(())
}

async fn to_end(component: &Component, key_id: KeyId, command: Command) -> Result<(), StoreError> {
    while let Outcome::Done { more: true, .. } =
        component.store.apply(key_id, command.clone()).await?
    {}
    Ok(())
}
