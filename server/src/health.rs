//! Whether the server lives, and whether it can do its work: for whoever watches it, and for systemd's watchdog.
//!
//! It *lives* while its threads run and the writer of the ledger answers. It is *ready* when the disk takes what the
//! writer has to write, too: a full disk is no reason for a restart, and a reason to look.

use std::time::Duration;

use crate::store::{Store, StoreError};

/// How long the writer may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It does its work.
    Ready,
    /// It answers, and cannot write.
    NotReady(StoreError),
    /// The writer does not answer.
    Hangs,
}

impl Health {
    /// Looks how the ledger is.
    pub async fn of(store: &dyn Store, patience: Duration) -> Self {
        match tokio::time::timeout(patience, store.answers()).await {
            Ok(Ok(())) => Self::Ready,
            Ok(Err(StoreError::Stopping)) | Err(_) => Self::Hangs,
            Ok(Err(error)) => Self::NotReady(error),
        }
    }

    /// Whether a restart would not help.
    pub const fn lives(&self) -> bool {
        !matches!(self, Self::Hangs)
    }
}
