//! What the address of a list says, and the way to its other pages.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};

use super::visit::Visit;

/// Rows of a page.
pub(super) const ROWS: usize = 100;
/// The longest text that is searched for, in characters.
const MAX_SEARCH: usize = 200;

/// The words of an address's query. What is not understood is left out: an old bookmark still shows its list.
pub(super) struct Asked(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let words = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        Ok(Self(
            words.map_or_else(|_| Vec::new(), |Query(words)| words),
        ))
    }
}

impl Asked {
    /// A word's value; empty when it is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(other, _)| other == name)
            .map_or("", |(_, value)| value.trim())
    }

    /// A word's value, read.
    pub(super) fn parse<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name).parse().ok()
    }

    /// The text to search for.
    pub(super) fn search(&self) -> String {
        self.get("q").chars().take(MAX_SEARCH).collect()
    }

    /// The number of the page, from 1.
    pub(super) fn page(&self) -> usize {
        self.parse("page")
            .filter(|page| (1..1_000_000).contains(page))
            .unwrap_or(1)
    }

    /// The page's address with a word set, or taken out when the value is empty; back to the first page of the list.
    pub(super) fn with(&self, visit: &Visit, changes: &[(&str, &str)]) -> String {
        let mut words: Vec<(&str, &str)> = self
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, value)| {
                !value.is_empty()
                    && !["page", "lang"].contains(name)
                    && !changes.iter().any(|(changed, _)| changed == name)
            })
            .collect();
        words.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        let words: Vec<String> = words
            .iter()
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
            .collect();
        if words.is_empty() {
            visit.path.clone()
        } else {
            format!("{}?{}", visit.path, words.join("&"))
        }
    }
}

/// A text as it stands in an address.
pub(super) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// The way through the pages of a list.
pub(super) struct Pages {
    /// The page shown, from 1.
    pub(super) page: usize,
    /// How many there are.
    pub(super) pages: usize,
    /// The address of the one before.
    pub(super) before: Option<String>,
    /// The address of the one after.
    pub(super) after: Option<String>,
}

impl Pages {
    /// Of so many rows.
    pub(super) fn of(visit: &Visit, asked: &Asked, total: usize) -> Self {
        let (page, pages) = (asked.page(), total.div_ceil(ROWS).max(1));
        let to = |page: usize| asked.with(visit, &[("page", &page.to_string())]);
        Self {
            page,
            pages,
            before: (page > 1).then(|| to((page - 1).min(pages))),
            after: (page < pages).then(|| to(page + 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_visitor_writes_stays_one_word_of_an_address() {
        assert_eq!(escaped("a b&c=\"<я>"), "a%20b%26c%3D%22%3C%D1%8F%3E");
    }
}
