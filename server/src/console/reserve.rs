//! GET and POST /licences/reserve: a key is given back, and a reserve code activates it on another computer.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

use super::{
    captcha::Picture,
    install, page,
    paging::Asked,
    posted::{self, Posted},
    visit::Visit,
};
use crate::{keys::centre, server::Server};

#[derive(Template)]
#[template(path = "reserve.html")]
struct Page<'p> {
    v: &'p Visit,
    keys: Vec<(u32, String)>,
    chosen: String,
    /// All series with their names, and the one that was chosen.
    series: Vec<(String, String)>,
    of: String,
    error: String,
    centre: bool,
    qr: Option<String>,
    code: String,
    picture: Option<Picture>,
}

/// The form.
pub(super) async fn page(
    State(server): State<Arc<Server>>,
    visit: Visit,
    asked: Asked,
) -> Response {
    let short = |name| asked.get(name).chars().take(20).collect();
    let form = form(&server, &visit, short("key"), short("series"));
    page::show(&form)
}

fn form<'p>(server: &Server, visit: &'p Visit, chosen: String, of: String) -> Page<'p> {
    let licences = server.read_licences_in(visit.lang).into_iter();
    let licences = licences.filter(|licence| !licence.is_blank);
    let named = |licence: crate::read::Licence| {
        let name = licence.product_name.unwrap_or_default();
        let series = licence.key_id.unwrap_or_default();
        Some((licence.key_no?, format!("{series} {name}")))
    };
    Page {
        v: visit,
        keys: licences.filter_map(named).collect(),
        chosen,
        series: install::named_series(server),
        of,
        error: String::new(),
        centre: install::has_centre(server),
        qr: None,
        code: String::new(),
        picture: super::picture(server, visit),
    }
}

/// A key goes, once its number is written and the box is ticked.
pub(super) async fn give_back(State(server): State<Arc<Server>>, posted: Posted) -> Response {
    let visit = &posted.visit;
    let short = |name| posted.text(name).chars().take(20).collect::<String>();
    let (chosen, of) = (short("key"), short("series"));
    let refuse = |text: String| {
        let page = Page {
            error: text,
            ..form(&server, visit, chosen.clone(), of.clone())
        };
        page::show_as(StatusCode::BAD_REQUEST, &page)
    };
    let Ok(key_no) = chosen.parse::<u32>() else {
        return refuse(
            visit
                .t("Write the number of the key.", "Укажите номер ключа.")
                .into(),
        );
    };
    if posted.text("sure") != "yes" {
        return refuse(
            visit
                .t(
                    "Tick the box: the key will work here no more.",
                    "Отметьте согласие: ключ здесь больше не будет работать.",
                )
                .into(),
        );
    }
    let series = match posted::series(visit, &of) {
        Ok(series) => series,
        Err(text) => return refuse(text),
    };
    let key = match centre::which(&server.keys, key_no, series) {
        Ok(key) => key,
        Err(error) => return refuse(error.text(visit.lang)),
    };
    let by = visit.by().admin(None);
    let by_file = posted.text("by");
    if by_file.is_empty() || by_file == "centre" {
        return match server.give_key_back(key, by).await {
            Ok(code) => install::given_back(visit, &code),
            Err(error) => refuse(error.text(visit.lang)),
        };
    }
    let (request, code) = match server.give_key_back_by_file(key, by).await {
        Ok(made) => made,
        Err(error) => return refuse(error.text(visit.lang)),
    };
    if by_file == "file" {
        return install::download(request, "server.release");
    }
    page::show(&Page {
        qr: centre::svg(&request).map(|svg| install::inline(&svg)),
        code: code.reveal(),
        ..form(&server, visit, chosen, of)
    })
}
