//! What a browser is shown that is turned away before any page is asked: who may not come in, or waited for too long. Nothing of
//! this server is on it, and it needs no other file: that would be refused, too.

use std::sync::{Arc, LazyLock};

use askama::Template;
use axum::{
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use super::{door, lang};
use crate::{access::Refusal, conf::Lang, server::Server};

const STYLE: &str = "body{max-width:34rem;margin:12vh auto;padding:0 1.2rem;font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}h1{font-size:1.4rem}";

/// The one style, and nothing else at all.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = data_encoding::BASE64.encode(&Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    );
    HeaderValue::try_from(policy).expect("base64 and ASCII are a header's value")
});

#[derive(Template)]
#[template(path = "turned_away.html")]
struct Page<'p> {
    lang: Lang,
    style: &'p str,
    text: String,
}

/// Answers browsers that ask for the console with a page instead of the API's error.
pub(crate) async fn page(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let person =
        door::wants_page(request.headers()) && path != "/api" && !path.starts_with("/api/");
    let lang = door::lang(&server, &request);
    let response = next.run(request).await;
    match response.extensions().get::<Refusal>() {
        Some(refusal) if person => show(refusal, lang),
        _ => response,
    }
}

fn show(refusal: &Refusal, lang: Lang) -> Response {
    let page = Page {
        lang,
        style: STYLE,
        text: refusal.text(lang),
    };
    let Ok(text) = page.render() else {
        return refusal.clone().into_response();
    };
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
    ];
    (refusal.status(), headers, text).into_response()
}
