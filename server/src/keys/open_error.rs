//! Why an installed licence cannot be used, in words for an administrator.

use protocol::{KeyId, binding::Comparison, envelope::FormatError};

/// Why a licence file in the data folder gives no seats.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}; check its rights")]
    Unreadable(String),
    /// It is damaged, altered or not the vendor's.
    #[error("the licence cannot be used: {0}")]
    Format(#[from] FormatError),
    /// Its series is not in licence.series.
    #[error("series {0} is not in licence.series; install the product's licence.series file")]
    UnknownSeries(KeyId),
    /// It was issued for another computer.
    #[error(
        "the licence was issued for another computer; request one for this computer, or move it by a reserve code"
    )]
    OtherComputer,
    /// The computer changed too much.
    #[error("this computer changed: {changed}; {matched} of {listed} facts match, {needed} are needed; ask the vendor to issue the licence again", changed = names(&.0.changed, false), matched = .0.matched, listed = .0.listed, needed = .1)]
    Changed(Comparison, usize),
    /// A demo licence beside another key of its series.
    #[error("a demo licence does not work beside another key of series {0}; remove one of them")]
    DemoBeside(KeyId),
}

impl OpenError {
    /// The same in Russian.
    pub fn russian(&self) -> String {
        match self {
            Self::Unreadable(error) => {
                format!("файл не читается: {error}; проверьте права на него")
            }
            Self::Format(error) => {
                format!("лицензию нельзя использовать: {}", format_in_russian(error))
            }
            Self::UnknownSeries(id) => {
                format!("серии {id} нет в licence.series; установите файл licence.series продукта")
            }
            Self::OtherComputer => {
                "лицензия выдана для другого компьютера; запросите лицензию для этого \
                                    компьютера или перенесите её резервным кодом"
                    .into()
            }
            Self::Changed(comparison, needed) => format!(
                "компьютер изменился: {}; совпадает {} из {}, нужно {needed}; попросите поставщика выдать \
                 лицензию заново",
                names(&comparison.changed, true),
                comparison.matched,
                comparison.listed
            ),
            Self::DemoBeside(id) => {
                format!(
                    "демонстрационная лицензия не работает вместе с другим ключом серии {id}; удалите один из них"
                )
            }
        }
    }
}

fn names(changed: &[protocol::binding::FactKind], russian: bool) -> String {
    let names: Vec<&str> = changed
        .iter()
        .map(|kind| {
            if russian {
                kind.names().1
            } else {
                kind.names().0
            }
        })
        .collect();
    names.join(", ")
}

fn format_in_russian(error: &FormatError) -> String {
    match error {
        FormatError::NotOurs(_) => "это не файл лицензии этой системы; выберите нужный файл".into(),
        FormatError::Newer(version) => {
            format!("версия формата {version} новее программы; обновите сервер")
        }
        FormatError::Truncated => "файл обрезан; скопируйте его снова".into(),
        FormatError::Damaged(what) => format!("файл повреждён ({what}); скопируйте его снова"),
        FormatError::Signature => {
            "подпись неверна: файл изменён или выдан другим поставщиком; получите его у \
                                   поставщика снова"
                .into()
        }
    }
}
