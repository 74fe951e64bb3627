//! How many seats are and were taken.

use std::collections::BTreeMap;

use protocol::KeyId;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Many, time::iso};
use crate::{
    accounting::Text,
    server::Server,
    store::{StoreError, UsageQuery, UsageRow},
};

/// The usage of all series now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct UsageOfNow {
    /// In the order of the series.
    pub usage: Vec<UsageNow>,
}

impl Many for UsageOfNow {
    type Row = UsageNow;
    const NAME: &str = "Usage";

    fn of(usage: Vec<UsageNow>) -> Self {
        Self { usage }
    }
}

/// The usage of a series now.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct UsageNow {
    /// The series
    #[serde(rename = "KeyID")]
    pub key_id: String,
    /// Occupied seats
    pub used: u32,
    /// Seats that the usable keys give
    pub total: u32,
    /// The most seats occupied in this minute
    pub peak: u32,
    /// Seats refused in this minute
    pub denied: u32,
    /// Sessions that are away: their processes were not heard for more than a heartbeat and a half, and keep their seats
    /// until their connections expire
    pub away: u32,
    /// The usable keys
    pub keys: Vec<KeyUsage>,
    /// Sessions by 1C application, the most first
    pub apps: Vec<AppUsage>,
}

/// The usage of a key.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct KeyUsage {
    /// The key
    pub key_no: u32,
    /// Its occupied seats
    pub key_used: u32,
    /// Its seats
    pub key_total: u32,
}

/// Sessions of a 1C application.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AppUsage {
    /// The application
    pub app_name: String,
    /// How many sessions it has
    pub app_sessions: u32,
}

/// The usage of all series in steps of time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct UsageHistory {
    /// The latest first.
    pub usage: Vec<PastUsage>,
}

impl Many for UsageHistory {
    type Row = PastUsage;
    const NAME: &str = "Usage";

    fn of(usage: Vec<PastUsage>) -> Self {
        Self { usage }
    }
}

/// The usage of a series in a minute, an hour or a day.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PastUsage {
    /// When the step began, UTC
    pub time: Option<String>,
    /// The series
    #[serde(rename = "KeyID")]
    pub key_id: String,
    /// Occupied seats at the end of a minute; the mean of an hour's or a day's minutes
    pub used: u32,
    /// Seats that the usable keys gave at its end
    pub total: u32,
    /// The most seats occupied at one moment
    pub peak: u32,
    /// How many times a seat was refused
    pub denied: u32,
    /// Sessions by 1C application at its end, the most first
    pub apps: Vec<AppUsage>,
}

impl Server {
    /// The usage of all series now.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read_usage(&self) -> Result<Vec<UsageNow>, StoreError> {
        let mut rows = self.journal.usage_now().await?;
        let away = self.away().await?;
        rows.sort_by_key(|row| row.key_id);
        let describe = |row: crate::store::UsageNow| UsageNow {
            key_id: row.key_id.to_string(),
            used: row.used,
            total: row.total,
            peak: row.peak,
            denied: row.denied,
            away: away.get(&row.key_id).copied().unwrap_or(0),
            keys: row
                .keys
                .into_iter()
                .map(|(key_no, key_used, key_total)| KeyUsage {
                    key_no,
                    key_used,
                    key_total,
                })
                .collect(),
            apps: apps(row.apps),
        };
        Ok(rows.into_iter().map(describe).collect())
    }

    /// How many sessions of each series are away: no process that keeps them is heard at the moment.
    pub(super) async fn away(&self) -> Result<BTreeMap<KeyId, u32>, StoreError> {
        let silent = self.lives.silent(self.conf().heartbeat * 3 / 2);
        if silent.is_empty() {
            return Ok(BTreeMap::new());
        }
        let counts = self.store.kept_only_by(silent).await?;
        Ok(counts.into_iter().collect())
    }

    /// The usage in the past, the latest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read_past_usage(&self, query: UsageQuery) -> Result<Vec<PastUsage>, StoreError> {
        let describe = |row: UsageRow| PastUsage {
            time: iso(row.at),
            key_id: row.key_id.to_string(),
            used: row.used,
            total: row.total,
            peak: row.peak,
            denied: row.denied,
            apps: apps(row.apps),
        };
        let rows = self.journal.usage(query).await?;
        Ok(rows.into_iter().map(describe).collect())
    }
}

fn apps(apps: Vec<(Text, u32)>) -> Vec<AppUsage> {
    apps.into_iter()
        .map(|(name, app_sessions)| AppUsage {
            app_name: name.to_string(),
            app_sessions,
        })
        .collect()
}
