//! GET /licences: the installed keys. GET /licences/{KeyNo}: one, which POST switches on or off and whose code it shows.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

use super::{captcha::Picture, page, posted::Posted, series::key_type, visit::Visit};
use crate::{
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
        kind: key_type(visit, licence.key_type).to_owned(),
        used: key.map_or(0, |key| key.used),
        works: licence.workable && key.is_some_and(|key| key.unusable.is_none()),
        licence,
    }
}

#[derive(Template)]
#[template(path = "key.html")]
struct One<'p> {
    v: &'p Visit,
    key: Row,
    code: String,
    shown: bool,
    picture: Option<Picture>,
}

/// One key.
pub(super) async fn page(
    State(server): State<Arc<Server>>,
    Path(key_no): Path<String>,
    visit: Visit,
) -> Response {
    one(&server, &visit, &key_no, false).await
}

async fn one(server: &Server, visit: &Visit, key_no: &str, shown: bool) -> Response {
    let number: Option<u32> = key_no.parse().ok();
    let licences = server.read_licences_in(visit.lang).into_iter();
    let found = licences
        .filter(|licence| licence.key_no.is_some() && licence.key_no == number)
        .max_by_key(|licence| licence.workable);
    let Some(licence) = found else {
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
    match posted.text("do") {
        "show" => {
            if server.read_licence(number).is_none() {
                return gone(visit);
            }
            // It is written down first, or not shown.
            match server.note_code_shown(number, &by).await {
                Ok(()) => one(&server, visit, &key_no, true).await,
                Err(error) => page::store_failed(visit, &error),
            }
        }
        doing @ ("on" | "off") => match server.switch_key(number, doing == "on", by).await {
            Ok(true) => Redirect::to(&visit.link(&format!("/licences/{number}"))).into_response(),
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
