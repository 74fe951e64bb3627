//! Reading and writing the console's few cookies.

use axum::http::{HeaderMap, HeaderValue, header};

/// The value of a cookie.
pub(super) fn get<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).into_iter();
    all.filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(other, _)| *other == name)
        .map(|(_, value)| value)
}

/// How a browser keeps a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// For a year, and sends it to both ports: no secret.
    LongFromAnyPort,
    /// Until it is closed.
    Session,
    /// Until it is closed, and sends it by TLS alone.
    SecureSession,
}

/// Has a cookie set; an empty value takes it away. Name and value are ours: letters, digits, underscores and dashes.
pub(super) fn set(headers: &mut HeaderMap, name: &str, value: &str, keep: Keep) {
    let kept = match keep {
        Keep::LongFromAnyPort => "; Max-Age=31536000",
        Keep::Session => "",
        Keep::SecureSession => "; Secure",
    };
    let ended = if value.is_empty() { "; Max-Age=0" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{kept}{ended}");
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.append(header::SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("xa=1; a=2; b=3=4"));
        assert_eq!(get(&headers, "a"), Some("2"));
        assert_eq!(get(&headers, "b"), Some("3=4"));
        assert_eq!(get(&headers, "c"), None);
    }
}
