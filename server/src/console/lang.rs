//! Which language a page is in: what the visitor chose, what his browser asks for, or the settings' one.

use axum::http::{HeaderMap, header};

use crate::conf::Lang;

/// The cookie that keeps the choice.
pub(super) const COOKIE: &str = "licence_lang";

/// The language of that short name.
pub(super) fn named(name: &str) -> Option<Lang> {
    match name {
        "en" => Some(Lang::English),
        "ru" => Some(Lang::Russian),
        _ => None,
    }
}

/// Its short name.
pub(super) fn name(lang: Lang) -> &'static str {
    lang.pick("en", "ru")
}

/// The language of a page.
pub(super) fn of(chosen: Option<&str>, headers: &HeaderMap, usual: Lang) -> Lang {
    let asked = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok());
    chosen
        .and_then(named)
        .or_else(|| super::cookies::get(headers, COOKIE).and_then(named))
        .or_else(|| preferred(asked?))
        .unwrap_or(usual)
}

/// The first of our languages by weight in a header like `de, ru;q=0.8, en;q=0.5`.
fn preferred(header: &str) -> Option<Lang> {
    let mut best: Option<(f32, Lang)> = None;
    for part in header.split(',').take(20) {
        let mut words = part.split(';').map(str::trim);
        let tag = words.next().unwrap_or_default().to_lowercase();
        let Some(lang) = named(tag.split('-').next().unwrap_or_default()) else {
            continue;
        };
        let weight = words
            .find_map(|word| word.strip_prefix("q=")?.parse().ok())
            .unwrap_or(1.0);
        if weight > 0.0 && best.is_none_or(|(other, _)| weight > other) {
            best = Some((weight, lang));
        }
    }
    best.map(|(_, lang)| lang)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_first_language_of_ours_is_taken() {
        for (header, lang) in [
            ("ru-RU,ru;q=0.9,en;q=0.8", Some(Lang::Russian)),
            ("de, en;q=0.5, ru;q=0.8", Some(Lang::Russian)),
            ("en-GB", Some(Lang::English)),
            ("ru;q=0, en;q=0.1", Some(Lang::English)),
            ("de", None),
            ("", None),
        ] {
            assert_eq!(preferred(header), lang, "{header}");
        }
    }
}
