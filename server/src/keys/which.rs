//! Which key a number means. Every vendor numbers his keys by himself, so one number may stand for keys of several series.

use protocol::KeyId;

use super::KeyRing;
use crate::conf::Lang;

/// Why a number means no key, or not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhichKey {
    /// No such key is here.
    #[error("there is no key {0} on this server")]
    Unknown(u32),
    /// Keys of several series have the number.
    #[error("there are several keys {0} here, of series {names}: say which one is meant (--serie, in the API KeyID, in the console its product)", names = .1.join(", "))]
    Several(u32, Vec<String>),
}

impl WhichKey {
    /// The message in a language.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Unknown(key_no) => lang.pick(
                self.to_string(),
                format!("на этом сервере нет ключа {key_no}"),
            ),
            Self::Several(key_no, names) => lang.pick(
                self.to_string(),
                format!(
                    "здесь несколько ключей с номером {key_no}, серий {}: укажите нужную (--serie, в API — KeyID, в консоли — продукт)",
                    names.join(", ")
                ),
            ),
        }
    }
}

impl KeyRing {
    /// The series of the installed key with that number; of this series, if one is named.
    ///
    /// # Errors
    /// When there is none, or one in each of several series.
    pub fn which(&self, key_no: u32, series: Option<KeyId>) -> Result<KeyId, WhichKey> {
        self.one_of(&mut self.series_with(key_no), key_no, series)
    }

    /// The series that have an installed key with that number.
    pub(super) fn series_with(&self, key_no: u32) -> Vec<KeyId> {
        let installed = self.installed();
        let found = installed.iter().filter(|one| one.key_no == Some(key_no));
        found.filter_map(|one| one.key_id).collect()
    }

    /// The one series of these.
    pub(super) fn one_of(
        &self,
        found: &mut Vec<KeyId>,
        key_no: u32,
        series: Option<KeyId>,
    ) -> Result<KeyId, WhichKey> {
        found.sort_unstable();
        found.dedup();
        found.retain(|key_id| series.is_none_or(|series| series == *key_id));
        match found.as_slice() {
            [] => Err(WhichKey::Unknown(key_no)),
            [one] => Ok(*one),
            several => {
                let named = several.iter().map(|key_id| {
                    let name = self.one_series(*key_id).map(|series| series.name);
                    format!("{key_id} {}", name.unwrap_or_default())
                        .trim_end()
                        .to_owned()
                });
                Err(WhichKey::Several(key_no, named.collect()))
            }
        }
    }
}
