//! The settings that the rules need: as the administrator wrote them, and as they are for one series.

use std::{collections::BTreeMap, time::Duration};

use protocol::KeyId;

use super::{AccessCode, Shares};

/// The server's settings that the rules need, for all series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleBook {
    /// How long a detached session keeps its seat.
    pub linger: Duration,
    /// 1C applications whose sessions need no seat, in lower case.
    pub free_app_names: Vec<String>,
    /// Access codes; nothing when none is asked for.
    pub access_codes: Option<BTreeMap<String, AccessCode>>,
}

/// The same for one series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long a detached session keeps its seat.
    pub linger: Duration,
    /// 1C applications whose sessions need no seat, in lower case.
    pub free_app_names: Vec<String>,
    /// The access codes' shares of the series.
    pub shares: Shares,
}

impl Default for RuleBook {
    fn default() -> Self {
        Self {
            linger: Duration::from_secs(25 * 60),
            free_app_names: Vec::new(),
            access_codes: None,
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        RuleBook::default().of(KeyId(0))
    }
}

impl RuleBook {
    /// The rules of one series.
    pub fn of(&self, key_id: KeyId) -> Rules {
        let shares = |codes: &BTreeMap<String, AccessCode>| {
            let shares = codes.iter();
            shares
                .map(|(code, access)| (code.as_str().into(), access.share_of(key_id)))
                .collect()
        };
        Rules {
            linger: self.linger,
            free_app_names: self.free_app_names.clone(),
            shares: self.access_codes.as_ref().map(shares),
        }
    }
}

/// The names in a text with commas, in lower case.
pub fn lower_case_list(text: &str) -> Vec<String> {
    text.split(',')
        .map(|name| name.trim().to_lowercase())
        .filter(|name| !name.is_empty())
        .collect()
}
