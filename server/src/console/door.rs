//! Who may see which page, before the page is asked: sign-in by cookie or Basic, and what protects changes.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Query, Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use jiff::tz::TimeZone;

use super::{cookies, lang, page, visit::Visit};
use crate::{
    access::{self, SignedIn, sign_in},
    api::ApiError,
    conf::{Authorization, Lang},
    server::Server,
};

/// The header by which a page says that nobody asked for it: its script keeps it up to date.
const BY_ITSELF: &str = "x-live";

/// Pages that anybody may see who may reach the console.
pub(super) async fn always(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    enter(&server, request, next, |_| false).await
}

/// The lists, which the setting Authorization opens or closes.
pub(super) async fn lists(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    enter(&server, request, next, |asked| {
        asked == Authorization::Always
    })
    .await
}

/// Settings and service operations.
pub(super) async fn service(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    enter(&server, request, next, |asked| {
        asked != Authorization::Never
    })
    .await
}

/// What shows a code that activates a key: never without a password, whatever the setting says.
pub(super) async fn codes(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    enter(&server, request, next, |_| true).await
}

/// What of an address's query the frame needs.
#[derive(Default, serde::Deserialize)]
struct Frame {
    lang: Option<String>,
    menu: Option<String>,
    header: Option<String>,
}

async fn enter(
    server: &Arc<Server>,
    mut request: Request,
    next: Next,
    closed: fn(Authorization) -> bool,
) -> Response {
    let from = From {
        peer: access::peer(&request),
        tls: access::by_tls(&request),
    };
    let (visit, failed) = visit(server, request.headers(), request.uri(), from).await;
    let authorization = server.conf().console.authorization;
    if let Some(error) = failed
        && closed(Authorization::Always)
    {
        // A program that sends a wrong credential is told so, and not shown a page; where none is asked for it does not matter.
        return error.into_response();
    }
    if closed(authorization) && visit.who.is_none() {
        if !wants_page(request.headers()) {
            return ApiError::unauthorized().into_response();
        }
        // Where a form was sent to is no place to come back to.
        let read = *request.method() == Method::GET;
        return sign_in_first(&visit, if read { &visit.address } else { "/" });
    }
    let writes = access::writes(request.method());
    if writes
        && visit.default_password
        && visit.far()
        && visit.path != "/sign-in"
        && visit.path != "/sign-out"
    {
        return page::problem(
            &visit,
            StatusCode::FORBIDDEN,
            visit.t("The password is still the default one", "Пароль ещё не изменён"),
            visit.t(
                "Until it is changed, only the server's own computer changes anything. Open the console there and choose a password, or write one after Password= in licenceserver.conf.",
                "Пока действует пароль по умолчанию, изменять что-либо можно только на самом сервере. Откройте консоль там и задайте пароль или впишите его после Password= в licenceserver.conf.",
            ),
        );
    }
    let chosen = query(request.uri()).lang.as_deref().and_then(lang::named);
    request.extensions_mut().insert(visit);
    let mut response = next.run(request).await;
    if let Some(chosen) = chosen {
        cookies::set(
            response.headers_mut(),
            lang::COOKIE,
            lang::name(chosen),
            cookies::Keep::LongFromAnyPort,
        );
    }
    response
}

fn query(uri: &Uri) -> Frame {
    Query::try_from_uri(uri).map_or_else(|_| Frame::default(), |Query(frame)| frame)
}

/// From where a visit comes.
struct From {
    peer: Option<IpAddr>,
    tls: bool,
}

/// Who comes; with the error of a Basic credential that is wrong.
async fn visit(
    server: &Arc<Server>,
    headers: &HeaderMap,
    uri: &Uri,
    From { peer, tls }: From,
) -> (Visit, Option<ApiError>) {
    let conf = server.conf();
    let by_itself = headers.contains_key(BY_ITSELF);
    let mut failed = None;
    let (who, known_by) = match server.visitors.who(server, headers, tls, by_itself) {
        Some((user_name, token)) => {
            let address = peer.map_or_else(String::new, |peer| peer.to_string());
            (Some(SignedIn { user_name, address }), token)
        }
        None if headers.contains_key(header::AUTHORIZATION) => {
            match sign_in::check(server, headers, peer).await {
                Ok(who) => {
                    let known_by = format!("basic {}", who.user_name);
                    (Some(who), known_by)
                }
                Err(error) => {
                    failed = Some(error);
                    (None, String::new())
                }
            }
        }
        None => (None, String::new()),
    };
    let tag = server.sign_in.tag(&["form", &known_by]);
    let frame = query(uri);
    let on = |word: Option<&str>, usual| match word {
        Some("true" | "1") => true,
        Some("false" | "0") => false,
        _ => usual,
    };
    let path = uri.path();
    let address = uri.path_and_query().map_or(path, |all| all.as_str());
    let visit = Visit {
        lang: lang::of(frame.lang.as_deref(), headers, conf.lang),
        who,
        open: conf.console.authorization == Authorization::Never,
        token: data_encoding::HEXLOWER.encode(&tag),
        peer,
        tls,
        path: path.to_owned(),
        address: address.to_owned(),
        menu: on(frame.menu.as_deref(), true),
        header: on(frame.header.as_deref(), false),
        default_password: conf.password.is_default(),
        zone: TimeZone::system(),
        captcha: conf.console.captcha,
    };
    (visit, failed)
}

/// A person is shown the form, and comes to that page then.
pub(super) fn sign_in_first(visit: &Visit, to: &str) -> Response {
    Redirect::to(&visit.sign_in_to(to)).into_response()
}

/// The language of the answer to a request that has not come in.
pub(super) fn lang(server: &Server, request: &Request) -> Lang {
    let chosen = query(request.uri()).lang;
    lang::of(chosen.as_deref(), request.headers(), server.conf().lang)
}

/// Whether whoever asks is a browser.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}
