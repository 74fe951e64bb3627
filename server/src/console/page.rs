//! How a template becomes an answer.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::visit::Visit;
use crate::{api::ApiError, store::StoreError};

/// Scripts, styles and pictures come from this server's files alone; nothing inline runs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A page.
pub(super) fn show(template: &impl Template) -> Response {
    show_as(StatusCode::OK, template)
}

/// A page with another status.
pub(super) fn show_as(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => {
            let mut response = (status, text).into_response();
            let headers = response.headers_mut();
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/html; charset=utf-8"),
            );
            headers.insert(
                header::CONTENT_SECURITY_POLICY,
                HeaderValue::from_static(POLICY),
            );
            // Without any referrer a browser would not say of its own forms where they come from.
            headers.insert(
                header::REFERRER_POLICY,
                HeaderValue::from_static("same-origin"),
            );
            // Programs that read the page and browsers get the language that they ask for.
            headers.insert(
                header::VARY,
                HeaderValue::from_static("Accept, Accept-Language, Cookie"),
            );
            response
        }
        Err(error) => {
            log::error!("a page cannot be written: {error}");
            ApiError::internal().into_response()
        }
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Problem<'p> {
    v: &'p Visit,
    title: &'p str,
    text: &'p str,
}

/// A page that says what went wrong and what to do.
pub(super) fn problem(visit: &Visit, status: StatusCode, title: &str, text: &str) -> Response {
    let template = Problem {
        v: visit,
        title,
        text,
    };
    show_as(status, &template)
}

/// There is no such page, or what it was about is gone.
pub(super) fn gone(visit: &Visit, text: &str) -> Response {
    let title = visit.t("Not found", "Не найдено");
    problem(visit, StatusCode::NOT_FOUND, title, text)
}

/// The store does not answer as it should.
pub(super) fn store_failed(visit: &Visit, error: &StoreError) -> Response {
    if *error == StoreError::Busy {
        return problem(
            visit,
            StatusCode::SERVICE_UNAVAILABLE,
            visit.t("Too many ask at once", "Слишком много запросов"),
            visit.t(
                "Others' searches come before yours. Reload the page a little later.",
                "Сервер занят поиском для других. Обновите страницу немного позже.",
            ),
        );
    }
    log::error!("{error}");
    problem(
        visit,
        StatusCode::SERVICE_UNAVAILABLE,
        visit.t("The store does not answer", "Хранилище не отвечает"),
        visit.t(
            "Nothing was changed. The server's log says why; the command licenceserver doctor looks at the disk and the rights.",
            "Ничего не изменено. Причина записана в журнале работы сервера; команда licenceserver doctor проверит диск и права.",
        ),
    )
}
