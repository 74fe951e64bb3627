//! GET /sessions/{ID}: one session. POST to it frees its seat, with a word why for the user and the journal.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

use super::{captcha::Picture, page, posted::Posted, series::program, visit::Visit};
use crate::{
    read::{Connection, Session},
    server::Server,
    store::StoreError,
};

/// The longest word for a user, in characters.
const MAX_WORD: usize = 200;

#[derive(Template)]
#[template(path = "session.html")]
struct Page<'p> {
    v: &'p Visit,
    session: Session,
    connection: Option<Connection>,
    program: String,
    picture: Option<Picture>,
}

/// The page.
pub(super) async fn page(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    visit: Visit,
) -> Response {
    match read(&server, &id).await {
        Ok(Some((session, connection))) => page::show(&Page {
            v: &visit,
            program: connection.as_ref().map_or_else(String::new, |connection| {
                program(&connection.process).to_owned()
            }),
            session,
            connection,
            picture: super::picture(&server, &visit),
        }),
        Ok(None) => ended(&visit),
        Err(error) => page::store_failed(&visit, &error),
    }
}

async fn read(
    server: &Server,
    id: &str,
) -> Result<Option<(Session, Option<Connection>)>, StoreError> {
    let Ok(id) = id.parse() else {
        return Ok(None);
    };
    let Some(session) = server.read_session(id).await? else {
        return Ok(None);
    };
    let connection = match session.session_connection.parse() {
        Ok(id) => server.read_connection(id).await?,
        Err(_) => None,
    };
    Ok(Some((session, connection)))
}

/// Frees the seat.
pub(super) async fn release(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let visit = &posted.visit;
    let Ok(id) = id.parse() else {
        return ended(visit);
    };
    if posted.text("sure") != "yes" {
        return page::problem(
            visit,
            StatusCode::BAD_REQUEST,
            visit.t("Nothing was freed", "Ничего не освобождено"),
            visit.t(
                "Go back and tick the box that says so.",
                "Вернитесь и отметьте согласие.",
            ),
        );
    }
    let word = posted.text("word").chars().take(MAX_WORD).collect();
    match server
        .release_session(id, visit.by().admin(Some(word)))
        .await
    {
        Ok(true) => Redirect::to(&visit.link("/sessions?freed=1")).into_response(),
        Ok(false) => ended(visit),
        Err(error) => page::store_failed(visit, &error),
    }
}

fn ended(visit: &Visit) -> Response {
    page::gone(
        visit,
        visit.t(
            "This session has ended; its seat is free. The list of sessions has those that are here now, the journal says how it ended.",
            "Этот сеанс завершён, его лицензия свободна. В списке сеансов есть текущие, а в журнале — чем он завершился.",
        ),
    )
}
