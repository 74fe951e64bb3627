//! `[AccessCodes]`: `CODE=Name | limit=5 reserve=2 | 672B limit=3`.
//!
//! The parts after the name are shares of the seats: of all series, or of the series that they begin with.

use protocol::KeyId;

use crate::accounting::{AccessCode, Share};

/// The longest code, in bytes.
const MAX_CODE: usize = 64;

/// Reads one line's value; nothing when it is none.
pub(super) fn parse(code: &str, value: &str) -> Option<AccessCode> {
    if code.is_empty() || code.len() > MAX_CODE {
        return None;
    }
    let mut parts = value.split('|').map(str::trim);
    let mut access = AccessCode {
        name: parts.next().unwrap_or_default().into(),
        ..AccessCode::default()
    };
    for part in parts {
        let mut words = part.split_whitespace().peekable();
        let series = match words.peek() {
            Some(word) if !word.contains('=') => {
                let key_id = KeyId::parse_folding(word).ok()?.id;
                words.next();
                Some(key_id)
            }
            _ => None,
        };
        let share = share(words)?;
        match series {
            Some(key_id) => drop(access.series.insert(key_id, share)),
            None => access.share = share,
        }
    }
    Some(access)
}

fn share<'a>(words: impl Iterator<Item = &'a str>) -> Option<Share> {
    let mut share = Share::default();
    for word in words {
        let (name, number) = word.split_once('=')?;
        let number = number.parse().ok()?;
        match name.to_lowercase().as_str() {
            "limit" => share.limit = Some(number),
            "reserve" => share.reserve = number,
            _ => return None,
        }
    }
    // More can wait for the holders than they may take: a slip of the pen.
    (share.limit.is_none_or(|limit| share.reserve <= limit)).then_some(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_a_name_and_shares_of_all_series_or_of_single_ones() {
        let access = parse("A1", "Отдел продаж | limit=5 reserve=2 | 672b limit=3").unwrap();
        assert_eq!(access.name, "Отдел продаж");
        let share = |limit, reserve| Share {
            limit: Some(limit),
            reserve,
        };
        assert_eq!(access.share_of(KeyId(1)), share(5, 2));
        assert_eq!(access.share_of(KeyId(0x672B)), share(3, 0));
        assert_eq!(parse("A1", "Name").unwrap().share, Share::default());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (code, value) in [
            ("", "Name"),
            ("A", "Name | limit"),
            ("A", "Name | limit=x"),
            ("A", "Name | most=5"),
            ("A", "Name | 67 limit=5"),
            ("A", "Name | limit=1 reserve=2"),
        ] {
            assert_eq!(parse(code, value), None, "{code}={value}");
        }
        assert_eq!(parse(&"x".repeat(65), "Name"), None);
    }
}
