//! GET /licences: the installed keys. GET /licences/{KeyNo}: one, which POST switches on or off and whose code it shows.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

use protocol::KeyId;

use super::{
    captcha::Picture,
    door, page,
    paging::Asked,
    posted::{self, Posted},
    series::key_type,
    visit::Visit,
};
use crate::{
    keys::WhichKey,
    read::{Licence, Product},
    server::Server,
};

#[derive(Template)]
#[template(path = "keys.html")]
struct List<'p> {
    v: &'p Visit,
    keys: Vec<Row>,
}

struct Row {
    licence: Licence,
    /// Its page.
    address: String,
    kind: String,
    used: u32,
    works: bool,
}

/// The list.
pub(super) async fn list(State(server): State<Arc<Server>>, visit: Visit) -> Response {
    let products = match server.read_products().await {
        Ok(products) => products,
        Err(error) => return page::store_failed(&visit, &error),
    };
    let keys = server.read_licences_in(visit.lang).into_iter();
    let keys = keys
        .map(|licence| row(&visit, licence, &products))
        .collect();
    page::show(&List { v: &visit, keys })
}

fn row(visit: &Visit, licence: Licence, products: &[Product]) -> Row {
    let key = products
        .iter()
        .filter(|product| Some(product.key_id.to_string()) == licence.key_id)
        .flat_map(|product| &product.keys)
        .find(|key| Some(key.key_no) == licence.key_no);
    Row {
        address: address(
            licence.key_id.as_deref(),
            licence.key_no.unwrap_or_default(),
        ),
        kind: key_type(visit, licence.key_type).to_owned(),
        used: key.map_or(0, |key| key.used),
        works: licence.workable && key.is_some_and(|key| key.unusable.is_none()),
        licence,
    }
}

/// Of a key's page: the number alone may be several vendors'.
pub(super) fn address(key_id: Option<&str>, key_no: u32) -> String {
    let series = key_id.map(|key_id| format!("?series={key_id}"));
    format!("/licences/{key_no}{}", series.unwrap_or_default())
}

#[derive(Template)]
#[template(path = "key.html")]
struct One<'p> {
    v: &'p Visit,
    key: Row,
    code: String,
    shown: bool,
    /// Where it is moved.
    move_address: String,
    picture: Option<Picture>,
}

/// One key.
pub(super) async fn page(
    State(server): State<Arc<Server>>,
    Path(key_no): Path<String>,
    asked: Asked,
    visit: Visit,
) -> Response {
    let Ok(number) = key_no.parse() else {
        return gone(&visit);
    };
    match server.keys.which(number, asked.parse("series")) {
        Ok(key_id) => one(&server, &visit, Some(key_id), number, false).await,
        // It may be a blank carrier's.
        Err(WhichKey::Unknown(_)) => one(&server, &visit, None, number, false).await,
        Err(error) => several(&visit, &error),
    }
}

async fn one(
    server: &Server,
    visit: &Visit,
    key_id: Option<KeyId>,
    number: u32,
    shown: bool,
) -> Response {
    let Some(licence) = server.read_licence_in(key_id, number, visit.lang) else {
        return gone(visit);
    };
    let products = match server.read_products().await {
        Ok(products) => products,
        Err(error) => return page::store_failed(visit, &error),
    };
    let code = licence.activation_code.clone().unwrap_or_default();
    page::show(&One {
        v: visit,
        code: if shown { code } else { masked(&code) },
        shown,
        move_address: format!(
            "/licences/reserve?key={number}&series={}",
            licence.key_id.as_deref().unwrap_or_default()
        ),
        picture: super::picture(server, visit),
        key: row(visit, licence, &products),
    })
}

fn gone(visit: &Visit) -> Response {
    page::gone(
        visit,
        visit.t(
            "There is no key of that number on this server. The list of keys has those that there are.",
            "На этом сервере нет ключа с таким номером. Все ключи есть в списке ключей.",
        ),
    )
}

/// Several vendors' keys have the number of an address.
fn several(visit: &Visit, error: &WhichKey) -> Response {
    page::problem(
        visit,
        StatusCode::BAD_REQUEST,
        visit.t("Several keys", "Несколько ключей"),
        &error.text(visit.lang),
    )
}

/// A code of which only the first letters are shown.
fn masked(code: &str) -> String {
    let mut first = true;
    let mask = |letter: char| if letter == '-' { '-' } else { '•' };
    code.split_inclusive('-')
        .map(|part| {
            if std::mem::take(&mut first) {
                part.to_owned()
            } else {
                part.chars().map(mask).collect()
            }
        })
        .collect()
}

/// Switches a key on or off, or shows its code.
pub(super) async fn change(
    State(server): State<Arc<Server>>,
    Path(key_no): Path<String>,
    posted: Posted,
) -> Response {
    let visit = &posted.visit;
    let by = visit.by().admin(None);
    let Ok(number) = key_no.parse() else {
        return gone(visit);
    };
    let Ok(series) = posted::series(visit, posted.text("series")) else {
        return gone(visit);
    };
    let key_id = match server.keys.which(number, series) {
        Ok(key_id) => key_id,
        Err(WhichKey::Unknown(_)) => return gone(visit),
        Err(error) => return several(visit, &error),
    };
    let key = (key_id, number);
    match posted.text("do") {
        "show" if visit.who.is_none() => {
            door::sign_in_first(visit, &format!("/licences/{number}?series={key_id}"))
        }
        // It is written down first, or not shown.
        "show" => match server.note_code_shown(key, &by).await {
            Ok(()) => one(&server, visit, Some(key_id), number, true).await,
            Err(error) => page::store_failed(visit, &error),
        },
        doing @ ("on" | "off") => match server.switch_key(key, doing == "on", by).await {
            Ok(true) => {
                let address = format!("/licences/{number}?series={key_id}");
                Redirect::to(&visit.link(&address)).into_response()
            }
            Ok(false) => gone(visit),
            Err(error) => page::store_failed(visit, &error),
        },
        _ => page::problem(
            visit,
            StatusCode::BAD_REQUEST,
            visit.t("Nothing was done", "Ничего не сделано"),
            visit.t(
                "The form does not say what to do. Open the key's page again.",
                "В форме не указано действие. Откройте страницу ключа ещё раз.",
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_code_only_the_first_letters_are_shown() {
        assert_eq!(
            masked("ABCD-EFGH-JKMN-PQRS-TVWX"),
            "ABCD-••••-••••-••••-••••"
        );
        assert_eq!(masked(""), "");
    }
}
