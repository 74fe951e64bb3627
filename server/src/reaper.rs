//! What ends by time: silent connections, lingering sessions, keys, remembered requests, unused channels.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use crate::{
    accounting::{Command, ConnectionId, Event, EventKind, Moment, Outcome},
    clock::Turn,
    hot::ConfWatch,
    server::Server,
    store::StoreError,
};

/// How often what is old is forgotten.
const MINUTE: Duration = Duration::from_secs(60);
/// How often time is looked at, and keys and settings are. A file that changed is read at the second look: it may be half
/// written at the first.
const TICK: Duration = Duration::from_millis(500);
/// How long the effect of a request is remembered: longer than any component retries.
const REMEMBER: Duration = Duration::from_secs(60 * 60);
/// How many connections are ended at once. Each command ends [`EXPIRY_CHUNK`](crate::accounting::EXPIRY_CHUNK) sessions at
/// most, and what stands before a component in the writer's queue is what it waits for.
const CONNECTIONS_AT_ONCE: usize = 4;
/// How many lingering sessions are ended at once.
const LINGERS_AT_ONCE: usize = 500;
/// For how long one tick begins to end more of them. Keys and settings are looked at in between.
const SHARE: Duration = Duration::from_millis(500);

/// Runs until it is aborted.
pub(crate) async fn run(server: Arc<Server>) {
    // What takes long, where much is forgotten at once, keeps nobody from ending in time.
    tokio::join!(seconds(&server), minutes(&server));
}

async fn seconds(server: &Arc<Server>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut conf = ConfWatch::new(server.places.conf());
    loop {
        ticks.tick().await;
        // What the disk refused is tried again with the next tick.
        match tick(server).await {
            Ok(false) => {}
            Ok(true) => ticks.reset_immediately(),
            Err(error) => log::error!("{error}"),
        }
        if let Err(error) = clock(server).await {
            log::error!("{error}");
        }
        if let Err(error) = conf.tick(server).await {
            log::error!("{error}");
        }
    }
}

async fn minutes(server: &Server) {
    let begin = tokio::time::Instant::now() + MINUTE;
    let mut ticks = tokio::time::interval_at(begin, MINUTE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        server.channels.sweep();
        if let Err(error) = forget(server).await {
            log::error!("{error}");
        }
    }
}

/// True when there is more to end than one tick's share.
async fn tick(server: &Arc<Server>) -> Result<bool, StoreError> {
    let here = Arc::clone(server);
    // Files are read, and licences judged.
    let changed = tokio::task::spawn_blocking(move || here.keys.reload_if_changed()).await;
    if changed.unwrap_or_else(|error| {
        log::error!("the keys were not looked at: {error}");
        false
    }) {
        log::info!("the keys changed and were read again");
        // What the disk refused now must not be forgotten.
        server
            .keys_changed()
            .await
            .inspect_err(|_| server.keys.look_again())?;
    }
    server.journal.minute_passed().await?;
    for key_id in server.store.keys_due(server.clock.now()).await? {
        server.change_keys(key_id, Command::TimePassed).await?;
    }
    let begin = Instant::now();
    let silent = server.lives.expired(server.conf().expire);
    let ended = silent.len();
    let begun = while_it_lasts(begin, silent)
        .map(Ok)
        .try_for_each_concurrent(CONNECTIONS_AT_ONCE, |(id, key_id)| {
            expire(server, id, key_id)
        });
    begun.await?;
    let linger = server.conf().rules.linger;
    let over = server
        .store
        .linger_ended(server.clock.steady(), linger)
        .await?;
    let over_count = over.len();
    let begun = while_it_lasts(begin, over).map(Ok).try_for_each_concurrent(
        LINGERS_AT_ONCE,
        async |(key_id, session)| {
            let command = Command::LingerEnded(session);
            server.store.apply(key_id, command).await.map(drop)
        },
    );
    begun.await?;
    Ok(begin.elapsed() >= SHARE && ended + over_count > 0)
}

/// Those of the list that are begun within a tick's share; the others are named again by the next tick.
fn while_it_lasts<T>(begin: Instant, list: Vec<T>) -> impl Stream<Item = T> {
    stream::iter(
        list.into_iter()
            .take_while(move |_| begin.elapsed() < SHARE),
    )
}

/// Keeps what is seen of the time, and says when the wall clock is behind it.
async fn clock(server: &Server) -> Result<(), StoreError> {
    let keeper = Arc::clone(&server.clock);
    let kept = tokio::task::spawn_blocking(move || keeper.keep()).await;
    if let Err(error) = kept.map_err(std::io::Error::other).flatten() {
        log::error!("{}: {error}", server.places.clock().display());
    }
    let event = match server.clock.turned() {
        None => return Ok(()),
        Some(Turn::Back(behind)) => {
            let behind = behind.as_secs();
            log::warn!(
                "the computer's clock is {} minutes behind a time that it has shown before; keys end by that time: set the clock right",
                behind / 60
            );
            Event::new(EventKind::ClockSetBack).saying(&format!("seconds={behind}"))
        }
        Some(Turn::Right) => {
            log::info!("the computer's clock is right again");
            Event::new(EventKind::ClockRight)
        }
    };
    server.journal.note(None, event).await
}

async fn expire(
    server: &Server,
    id: ConnectionId,
    key_id: protocol::KeyId,
) -> Result<(), StoreError> {
    loop {
        let outcome = server
            .store
            .apply(
                key_id,
                Command::ConnectionExpired {
                    connection: id,
                    owner: server.id,
                },
            )
            .await?;
        if !outcome.more() {
            break;
        }
    }
    server.lives.remove(&id);
    log::info!("connection {id} was silent for too long and is ended");
    Ok(())
}

/// Forgets what is old: the effects of requests, the journal's lines.
async fn forget(server: &Server) -> Result<(), StoreError> {
    let before = Moment(server.clock.now().0 - REMEMBER.as_millis() as i64);
    for key_id in server.store.series().await? {
        while let Outcome::Done { more: true, .. } = server
            .store
            .apply(key_id, Command::ForgetOperations(before))
            .await?
        {}
    }
    let keep = Duration::from_secs(u64::from(server.conf().keep_events_days) * 24 * 60 * 60);
    let before = Moment(server.clock.now().0.saturating_sub(keep.as_millis() as i64));
    while server.journal.forget(before).await? {}
    Ok(())
}
