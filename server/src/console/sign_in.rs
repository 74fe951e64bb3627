//! GET and POST /sign-in, POST /sign-out.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};

use super::{captcha::Picture, page, paging::Asked, posted::Posted, visit::Visit};
use crate::{access::sign_in, server::Server};

/// The longest user name or password that is looked at, in bytes.
const MAX_TEXT: usize = 512;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page<'p> {
    v: &'p Visit,
    to: &'p str,
    user: &'p str,
    error: &'p str,
    picture: Option<Picture>,
}

/// The form.
pub(super) async fn page(
    State(server): State<Arc<Server>>,
    visit: Visit,
    asked: Asked,
) -> Response {
    show(
        &server,
        &visit,
        StatusCode::OK,
        here(asked.get("to")),
        "",
        "",
    )
}

fn show(
    server: &Server,
    visit: &Visit,
    status: StatusCode,
    to: &str,
    user: &str,
    error: &str,
) -> Response {
    let picture = super::picture(server, visit);
    page::show_as(
        status,
        &Page {
            v: visit,
            to,
            user,
            error,
            picture,
        },
    )
}

/// A sign-in.
pub(super) async fn enter(State(server): State<Arc<Server>>, posted: Posted) -> Response {
    let visit = &posted.visit;
    let (user, password) = (posted.raw("user"), posted.raw("password"));
    let to = here(posted.raw("to"));
    let wrong = |status, text| show(&server, visit, status, to, user, text);
    if user.len() > MAX_TEXT || password.len() > MAX_TEXT {
        let text = visit.t(
            "User name or password is too long.",
            "Имя пользователя или пароль слишком длинные.",
        );
        return show(&server, visit, StatusCode::BAD_REQUEST, to, "", text);
    }
    match sign_in::verify(&server, user.into(), password.into(), visit.peer).await {
        Ok(who) => {
            let first = visit.default_password && !visit.far();
            let to = if first { "/password" } else { to };
            let mut response = Redirect::to(&visit.link(to)).into_response();
            server
                .visitors
                .enter(&server, &who, visit.tls, response.headers_mut());
            response
        }
        Err(error) => match error.status() {
            StatusCode::UNAUTHORIZED => wrong(
                StatusCode::UNAUTHORIZED,
                visit.t("User name or password is wrong.", "Неверное имя пользователя или пароль."),
            ),
            StatusCode::FORBIDDEN => wrong(
                StatusCode::FORBIDDEN,
                visit.t(
                    "Too many wrong passwords came from your address or for this user name. Wait a minute.",
                    "С вашего адреса или для этого пользователя слишком часто вводили неверный пароль. Подождите минуту.",
                ),
            ),
            status => wrong(
                status,
                visit.t(
                    "The server is busy. Try again in a moment.",
                    "Сервер занят. Повторите через некоторое время.",
                ),
            ),
        },
    }
}

/// The end of a sign-in.
pub(super) async fn leave(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    posted: Posted,
) -> Response {
    let visit = &posted.visit;
    let mut response = Redirect::to(&visit.link("/")).into_response();
    server
        .visitors
        .leave(&server, &headers, visit.tls, response.headers_mut());
    response
}

/// A page of this console to come back to; never another site's address.
fn here(to: &str) -> &str {
    let ours = to.starts_with('/')
        && !to.starts_with("//")
        && to
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        && to.len() <= 2048;
    if ours { to } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        assert_eq!(here("/settings?a=b"), "/settings?a=b");
        for to in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\nb",
            "javascript:alert(1)",
        ] {
            assert_eq!(here(to), "/", "{to}");
        }
    }
}
