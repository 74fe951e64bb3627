//! The style sheet, the script and the icon. They are in the program: no page asks another computer for anything.

use std::sync::LazyLock;

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

/// A file of the console.
pub(super) struct Asset {
    kind: &'static str,
    text: &'static str,
    tag: LazyLock<String>,
}

macro_rules! asset {
    ($kind:literal, $file:literal) => {
        Asset {
            kind: $kind,
            text: include_str!($file),
            tag: LazyLock::new(|| tag(include_str!($file))),
        }
    };
}

/// The style sheet.
pub(super) static STYLE: Asset = asset!("text/css; charset=utf-8", "assets/console.css");
/// The script.
pub(super) static SCRIPT: Asset = asset!("text/javascript; charset=utf-8", "assets/console.js");
/// The icon.
pub(super) static ICON: Asset = asset!("image/svg+xml", "assets/icon.svg");

fn tag(text: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(text)[..8])
}

impl Asset {
    /// Names this version of the file in its address, so that browsers may keep it.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let etag = format!("\"{}\"", self.tag());
        let same = headers
            .get(header::IF_NONE_MATCH)
            .is_some_and(|tag| tag.as_bytes() == etag.as_bytes());
        let mut response = if same {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(header::CONTENT_TYPE, self.kind)], self.text).into_response()
        };
        let kept = HeaderValue::from_static("private, max-age=86400");
        response.headers_mut().insert(header::CACHE_CONTROL, kept);
        if let Ok(etag) = HeaderValue::try_from(etag) {
            response.headers_mut().insert(header::ETAG, etag);
        }
        response
    }
}

/// GET /console.css
pub(super) async fn style(headers: HeaderMap) -> Response {
    STYLE.answer(&headers)
}

/// GET /console.js
pub(super) async fn script(headers: HeaderMap) -> Response {
    SCRIPT.answer(&headers)
}

/// GET /favicon.ico and /icon.svg
pub(super) async fn icon(headers: HeaderMap) -> Response {
    ICON.answer(&headers)
}
