//! `licencecenter serve`.

use std::io::Write;

use simplelog::{ConfigBuilder, LevelFilter, WriteLogger};

use super::arguments::Serve;
use crate::centre::{
    Centre, CentreError, Lang,
    http::{self, Listening},
};

pub(super) fn run(centre: Centre, how: &Serve, lang: Lang) -> Result<String, CentreError> {
    let config = ConfigBuilder::new().set_time_format_rfc3339().build();
    // A second logger is refused, and the first one serves as well.
    let _ = WriteLogger::init(LevelFilter::Info, config, std::io::stderr());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CentreError::Listen(how.listen, error))?;
    let listening = Listening {
        address: how.listen,
        tls: how.tls_cert.clone().zip(how.tls_key.clone()),
        behind_proxy: how.behind_proxy,
    };
    let scheme = if listening.tls.is_some() {
        "https"
    } else {
        "http"
    };
    runtime.block_on(async {
        let stop = stop();
        let listens = |address| {
            println!(
                "{}",
                lang.pick(
                    format!("listening on {scheme}://{address}"),
                    format!("центр работает: {scheme}://{address}")
                )
            );
            // Whoever waits for the line reads it through a pipe.
            let _ = std::io::stdout().flush();
        };
        http::serve(centre, &listening, listens, stop).await
    })?;
    Ok(String::new())
}

/// Ends when SIGTERM or Ctrl+C comes.
fn stop() -> impl Future<Output = ()> + Send + 'static {
    #[cfg(unix)]
    let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    async move {
        #[cfg(unix)]
        if let Ok(mut terminate) = terminate {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
