//! Licences that a licence centre knows are renewed there about once a day.

use std::{sync::Arc, time::Duration};

use protocol::licence::DAY;

use crate::{
    conf::{self, Lang},
    keys::centre::{self, CentreError, Link},
    server::{Server, now},
};

/// How often it is looked whether a licence is due.
const LOOK: Duration = Duration::from_secs(60 * 60);
/// The first look comes within so many seconds after the start: servers that start together ask one after the other.
const SPREAD: u16 = 600;

/// Runs until it is aborted.
pub(crate) async fn run(server: Arc<Server>) {
    let first = u16::from_be_bytes(protocol::random_bytes()) % SPREAD;
    tokio::time::sleep(Duration::from_secs(first.into())).await;
    loop {
        round(&server).await;
        tokio::time::sleep(LOOK).await;
    }
}

async fn round(server: &Arc<Server>) {
    let conf = server.conf();
    let series = server.keys.series();
    let some = conf.centre.url.is_some() || series.iter().any(|series| series.centre.is_some());
    if !conf.centre.update || !some {
        return;
    }
    let working = Arc::clone(server);
    // Its waits for the network are not to hold up anything else.
    let done = tokio::task::spawn_blocking(move || renew_due(&working)).await;
    if !done.unwrap_or(false) {
        return;
    }
    if let Err(error) = server.keys_changed().await {
        log::error!("{error}");
        server.keys.look_again();
    }
}

/// Renews what is due; true when anything changed.
fn renew_due(server: &Server) -> bool {
    let conf = server.conf();
    let (mut renewed, mut changed) = (false, false);
    let now = now().seconds();
    for installed in server.keys.installed() {
        let due = centre::renewed_at(&installed).is_none_or(|at| !(0..DAY).contains(&(now - at)));
        if !due || !centre::is_renewable(&installed) {
            continue;
        }
        let (Some(key_id), Some(key_no)) = (installed.key_id, installed.key_no) else {
            continue;
        };
        let link = match Link::of_series(&conf.centre, &server.keys, key_id) {
            Ok(link) => link,
            // A vendor without a centre renews nothing.
            Err(CentreError::NoAddress) => continue,
            Err(error) => {
                log::error!("{}", crate::logs::tame(&error.text(Lang::English)));
                continue;
            }
        };
        match centre::renew(&server.keys, &link, &installed, now) {
            Ok(_) => {
                log::info!("the licence of key {key_no} is renewed");
                (renewed, changed) = (true, true);
            }
            Err(error) => {
                // A refusal may have ended the key.
                changed = true;
                let text = crate::logs::tame(&error.text(Lang::English));
                log::warn!("the licence of key {key_no} is not renewed: {text}");
            }
        }
    }
    if renewed && let Err(error) = conf::note_update(&server.places.conf(), now) {
        log::warn!("{error}");
    }
    changed
}
