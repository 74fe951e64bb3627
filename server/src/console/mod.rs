//! The web console: what an administrator lives in. One page, one file, and its template in `templates/` under the same name.
//!
//! Pages are made here, whole; the one script keeps them up to date and is not needed for anything else.

mod assets;
mod captcha;
mod connection;
mod cookies;
mod door;
mod events;
mod help;
mod history;
mod install;
mod journal;
mod keys;
mod lang;
mod live;
mod logs;
mod menu;
mod page;
mod paging;
mod password;
mod posted;
mod reserve;
mod series;
mod session;
mod sessions;
mod settings;
mod sign_in;
mod systeminfo;
#[cfg(test)]
mod tests;
mod turned_away;
mod visit;
mod visitors;
mod watchers;
mod words;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderMap, Uri},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};

pub(crate) use turned_away::page as turned_away;
pub use visitors::Visitors;

use crate::{api, server::Server};

/// The console's addresses.
pub(crate) fn router(server: &Arc<Server>) -> Router<Arc<Server>> {
    macro_rules! behind {
        ($router:expr, $door:path) => {
            $router.layer(middleware::from_fn_with_state(Arc::clone(server), $door))
        };
    }
    let always = Router::new()
        .route("/systeminfo", get(systeminfo::page))
        .route("/help", get(help::page))
        .route("/sign-in", get(sign_in::page).post(sign_in::enter))
        .route("/sign-out", post(sign_in::leave))
        .fallback(not_found);
    let lists = Router::new()
        .route("/", get(series::page))
        .route("/sessions", get(sessions::page))
        .route("/sessions/{ID}", get(session::page))
        .route("/connections/{ID}", get(connection::page))
        .route("/live", get(live::stream));
    let codes = Router::new().route(
        "/licences/reserve",
        get(reserve::page).post(reserve::give_back),
    );
    let service = Router::new()
        .route("/sessions/{ID}", post(session::release))
        .route("/licences", get(keys::list))
        .route("/licences/{KeyNo}", get(keys::page).post(keys::change))
        .route(
            "/licences/install",
            get(install::page).post(install::activate),
        )
        .route(
            "/licences/install/file",
            post(install::upload).layer(DefaultBodyLimit::max(install::MOST)),
        )
        .route("/licences/install/request", post(install::request))
        .route("/history", get(history::page))
        .route("/history.csv", get(history::download))
        .route("/journal", get(journal::page))
        .route("/journal.csv", get(journal::download))
        .route("/logs", get(logs::page))
        .route("/logs/{file}", get(logs::download))
        .route("/settings", get(settings::page).post(settings::save))
        .route("/password", get(password::page).post(password::change));
    let files = Router::new()
        .route("/console.css", get(assets::style))
        .route("/console.js", get(assets::script))
        .route("/icon.svg", get(assets::icon))
        .route("/favicon.ico", get(assets::icon));
    behind!(always, door::always)
        .merge(behind!(lists, door::lists))
        .merge(behind!(service, door::service))
        .merge(behind!(codes, door::codes))
        .merge(files)
        .layer(DefaultBodyLimit::max(posted::MOST))
}

/// A picture for a page's forms, when the settings ask for one.
fn picture(server: &Server, visit: &visit::Visit) -> Option<captcha::Picture> {
    let draws = visit.captcha && (visit.manages() || visit.path == "/sign-in");
    draws
        .then(|| captcha::Picture::draw(&server.sign_in))
        .flatten()
}

/// An address that is not there: a page for people, the API's error for programs.
async fn not_found(visit: visit::Visit, headers: HeaderMap, uri: Uri) -> Response {
    if !door::wants_page(&headers) {
        return api::ApiError::not_found(uri.path()).into_response();
    }
    page::gone(
        &visit,
        visit.t(
            "There is no such page. The menu has all that there are.",
            "Такой страницы нет. Все страницы есть в меню.",
        ),
    )
}
