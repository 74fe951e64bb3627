//! Who started the server, is told when it is ready and how it is, and says when it has to stop: a person at a terminal,
//! systemd, or (in `service.rs`) Windows.

use std::sync::Arc;

use crate::server::Server;

/// The side that started this process.
pub(crate) trait Supervisor {
    /// Ends when the server has to stop. Called within the runtime; what comes after that call is not missed.
    fn stop(&self) -> impl Future<Output = ()> + Send + 'static;
    /// The server answers from now on.
    fn ready(&self, server: &Arc<Server>);
}

/// A terminal, an init script or systemd: stops by a signal, tells systemd if there is one.
pub(crate) struct Foreground;

impl Supervisor for Foreground {
    #[cfg(unix)]
    fn stop(&self) -> impl Future<Output = ()> + Send + 'static {
        use tokio::signal::unix::{SignalKind, signal};

        let terminate = signal(SignalKind::terminate());
        let interrupt = signal(SignalKind::interrupt());
        async move {
            let (Ok(mut terminate), Ok(mut interrupt)) = (terminate, interrupt) else {
                log::error!("signals cannot be caught: the server ends with its process");
                return std::future::pending().await;
            };
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            #[cfg(target_os = "linux")]
            systemd::tell(&[sd_notify::NotifyState::Stopping]);
        }
    }

    #[cfg(windows)]
    fn stop(&self) -> impl Future<Output = ()> + Send + 'static {
        async {
            if tokio::signal::ctrl_c().await.is_err() {
                log::error!("Ctrl+C cannot be caught: the server ends with its process");
                std::future::pending::<()>().await;
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn ready(&self, server: &Arc<Server>) {
        systemd::ready(server);
    }

    #[cfg(not(target_os = "linux"))]
    fn ready(&self, _server: &Arc<Server>) {}
}

#[cfg(target_os = "linux")]
mod systemd {
    //! Readiness and watchdog: datagrams to the socket that systemd names, and nothing where it names none.

    use std::{sync::Arc, time::Duration};

    use sd_notify::{NotifyState, notify, watchdog_enabled};

    use crate::{health::Health, server::Server};

    pub(super) fn tell(states: &[NotifyState<'_>]) {
        if let Err(error) = notify(states) {
            log::warn!("systemd cannot be told how the server is: {error}");
        }
    }

    pub(super) fn ready(server: &Arc<Server>) {
        tell(&[NotifyState::Ready]);
        if let Some(limit) = watchdog_enabled() {
            tokio::spawn(watch(Arc::clone(server), limit));
        }
    }

    /// Pings at a third of the time after which systemd gives up, and only while the writer of the ledger answers: a server
    /// that hangs is restarted. Not by its own port: that one which others have filled is no reason to end everybody's work.
    async fn watch(server: Arc<Server>, limit: Duration) {
        let mut ticks = tokio::time::interval(limit / 3);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if Health::of(server.store.as_ref(), limit / 3).await.lives() {
                tell(&[NotifyState::Watchdog]);
            } else {
                log::error!("the store does not answer: systemd is not told that the server lives");
            }
        }
    }
}
