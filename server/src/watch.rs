//! Carriers that come and go while the server runs.

use std::{
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use crate::{
    accounting::{Event, EventKind},
    carriers::About,
    server::Server,
};

/// How often the carriers are looked at: a pulled one is to be noticed within two seconds.
const LOOK: Duration = Duration::from_millis(700);

/// Looks at the carriers until the server is gone, on a thread of its own: devices answer when they like.
pub(crate) fn begin(server: &Arc<Server>, runtime: tokio::runtime::Handle) {
    if !server.keys.carriers.any() {
        return;
    }
    let watched = Arc::downgrade(server);
    let thread = thread::Builder::new().name("carriers".into());
    if let Err(error) = thread.spawn(move || run(&watched, &runtime)) {
        log::error!("carriers are not looked at: {error}");
    }
}

fn run(watched: &Weak<Server>, runtime: &tokio::runtime::Handle) {
    while let Some(server) = watched.upgrade() {
        let look = server.keys.look_at_carriers(crate::now().seconds());
        if look.changed {
            runtime.block_on(tell(&server, &look.came, &look.went));
        }
        drop(server);
        thread::sleep(LOOK);
    }
}

/// Tells log, journal and ledger.
async fn tell(server: &Server, came: &[About], went: &[About]) {
    let lines = came
        .iter()
        .map(|about| (EventKind::CarrierCame, about))
        .chain(went.iter().map(|about| (EventKind::CarrierWent, about)));
    for (kind, about) in lines {
        log::info!(
            "{}: {} {} ({})",
            kind.name(),
            about.kind.name(),
            about.number,
            about.name
        );
        let event = Event::new(kind).saying(&format!(
            "carrier={} type={}",
            about.number,
            about.kind.name()
        ));
        if let Err(error) = server.journal.note(None, event).await {
            log::error!("{error}");
        }
    }
    if let Err(error) = server.keys_changed().await {
        // The reaper tells the ledger as soon as the disk lets it.
        log::error!("{error}");
        server.keys.look_again();
    }
}
