//! GET and POST /password: user name and password of console and API. The first sign-in leads here.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

use super::{captcha::Picture, page, posted::Posted, visit::Visit};
use crate::{
    access::{SignedIn, sign_in},
    conf::{self, Change, ChangeError, Password},
    server::Server,
};

/// The shortest new password, in characters.
const SHORTEST: usize = 8;
/// The longest, in bytes.
const LONGEST: usize = 200;

#[derive(Template)]
#[template(path = "password.html")]
struct Page<'p> {
    v: &'p Visit,
    user: &'p str,
    error: String,
    picture: Option<Picture>,
}

/// The form.
pub(super) async fn page(State(server): State<Arc<Server>>, visit: Visit) -> Response {
    let user = server.conf().user_name.clone();
    show(&server, &visit, StatusCode::OK, &user, String::new())
}

fn show(server: &Server, visit: &Visit, status: StatusCode, user: &str, error: String) -> Response {
    let picture = super::picture(server, visit);
    page::show_as(
        status,
        &Page {
            v: visit,
            user,
            error,
            picture,
        },
    )
}

/// Another password from now on. Everybody else who is signed in has to sign in again.
pub(super) async fn change(State(server): State<Arc<Server>>, posted: Posted) -> Response {
    let visit = &posted.visit;
    let user = posted.text("user").to_owned();
    let refuse = |status, text: &str| show(&server, visit, status, &user, text.into());
    if let Some(text) = wrong(visit, &user, posted.raw("new"), posted.raw("again")) {
        return refuse(StatusCode::BAD_REQUEST, text);
    }
    let current = posted.raw("current").to_owned();
    let conf = server.conf();
    if let Err(error) = sign_in::verify(&server, conf.user_name.clone(), current, visit.peer).await
    {
        let text = visit.t(
            "The present password is wrong, or it was wrong too often; wait a minute then.",
            "Текущий пароль неверен или его слишком часто вводили неверно; тогда подождите минуту.",
        );
        return refuse(error.status(), text);
    }
    let (file, new, name) = (
        server.places.conf(),
        posted.raw("new").to_owned(),
        user.clone(),
    );
    // Hashing takes its time.
    let changed = tokio::task::spawn_blocking(move || {
        let hashed = Password::hashed(&new).map_err(|error| ChangeError::Conf(error.into()))?;
        let set = |key: &str, value: &str| Change::Set("Console".into(), key.into(), value.into());
        let changes = [set("UserName", &name), set("Password", hashed.text())];
        conf::change(&file, None, &changes, |_| Ok(()))
    });
    match changed.await {
        Ok(Ok(conf)) => {
            if let Err(error) = server.take_up(conf, Some(&visit.by())).await {
                // It is in use; only the journal does not know.
                log::error!("{error}");
            }
            let mut response =
                Redirect::to(&visit.link("/settings?saved=password")).into_response();
            let who = SignedIn {
                user_name: user,
                ..visit.by()
            };
            server
                .visitors
                .enter(&server, &who, visit.tls, response.headers_mut());
            response
        }
        Ok(Err(error)) => refuse(
            StatusCode::BAD_REQUEST,
            &super::settings::not_saved(visit, error),
        ),
        Err(_) => refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            visit.t(
                "The password was not changed; the log says why.",
                "Пароль не изменён; причина в журнале работы.",
            ),
        ),
    }
}

fn wrong<'v>(visit: &'v Visit, user: &str, new: &str, again: &str) -> Option<&'v str> {
    if user.is_empty()
        || user.len() > LONGEST
        || user.contains([':', '"'])
        || user.chars().any(char::is_control)
    {
        return Some(visit.t(
            "The user name is needed, and has neither colons nor quotes.",
            "Нужно имя пользователя, без двоеточий и кавычек.",
        ));
    }
    if new != again {
        return Some(visit.t(
            "The two new passwords differ.",
            "Новый пароль введён дважды по-разному.",
        ));
    }
    if new.chars().count() < SHORTEST {
        return Some(visit.t(
            "The new password needs at least 8 characters.",
            "В новом пароле нужно не менее 8 символов.",
        ));
    }
    if new.len() > LONGEST {
        return Some(visit.t(
            "The new password is too long.",
            "Новый пароль слишком длинный.",
        ));
    }
    None
}
