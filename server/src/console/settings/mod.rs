//! GET and POST /settings: everything that licenceserver.conf says. Checked before it is written, and the file's comments stay.

mod check;
mod codes;
mod table;

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};

use self::{
    codes::Row,
    table::{GROUPS, Group, Kind, Setting},
};
use super::{captcha::Picture, page, paging::Asked, posted::Posted, visit::Visit};
use crate::{
    conf::{self, Change, ChangeError, ConfError},
    server::Server,
};

/// The longest value, in characters.
const LONGEST: usize = 1000;

#[derive(Template)]
#[template(path = "settings.html")]
struct Page<'p> {
    v: &'p Visit,
    groups: Vec<Shown>,
    codes: Vec<Row>,
    codes_not_shown: usize,
    user: String,
    file: String,
    mark: String,
    error: String,
    saved: &'p str,
    picture: Option<Picture>,
}

struct Shown {
    group: &'static Group,
    fields: Vec<Field>,
}

struct Field {
    setting: &'static Setting,
    value: String,
    wrong: bool,
}

impl Field {
    fn name(&self) -> String {
        name(self.setting)
    }
}

fn name(setting: &Setting) -> String {
    format!("{}.{}", setting.section, setting.key)
}

/// The page.
pub(super) async fn page(
    State(server): State<Arc<Server>>,
    visit: Visit,
    asked: Asked,
) -> Response {
    let text = match conf::text(&server.places.conf()) {
        Ok(text) => text,
        Err(error) => return unreadable(&visit, &error),
    };
    let saved = match asked.get("saved") {
        "password" => visit.t(
            "User name and password are changed.",
            "Имя пользователя и пароль изменены.",
        ),
        "yes" => visit.t(
            "The settings are saved and in use.",
            "Параметры сохранены и действуют.",
        ),
        "start" => visit.t(
            "The settings are saved. Some wait for the next start of the server.",
            "Параметры сохранены. Часть из них вступит в силу при следующем запуске сервера.",
        ),
        _ => "",
    };
    let groups = shown(|setting| current(&text, setting).to_owned(), "");
    page::show(&whole(
        &server,
        &visit,
        &text,
        groups,
        codes::rows(&text),
        saved,
    ))
}

fn unreadable(visit: &Visit, error: &ConfError) -> Response {
    page::problem(
        visit,
        StatusCode::SERVICE_UNAVAILABLE,
        visit.t("The settings cannot be read", "Параметры не читаются"),
        &error.text(visit.lang),
    )
}

fn whole<'p>(
    server: &Server,
    visit: &'p Visit,
    text: &str,
    groups: Vec<Shown>,
    codes: Vec<Row>,
    saved: &'p str,
) -> Page<'p> {
    Page {
        v: visit,
        groups,
        codes,
        codes_not_shown: codes::not_shown(text),
        user: server.conf().user_name.clone(),
        file: server.places.conf().display().to_string(),
        mark: conf::mark(text),
        error: String::new(),
        saved,
        picture: super::picture(server, visit),
    }
}

/// What a setting is now.
fn current<'t>(text: &'t str, setting: &Setting) -> &'t str {
    let value = conf::get(text, setting.section, setting.key);
    match setting.kind {
        // An empty text is a value of its own.
        Kind::Text => value.unwrap_or(setting.usual),
        Kind::Choice(choices) => {
            let same = |value: &str| {
                let mut names = choices.iter().map(|(name, _, _)| *name);
                names.find(|name| name.eq_ignore_ascii_case(value))
            };
            value.and_then(same).unwrap_or(setting.usual)
        }
        Kind::Switch | Kind::Number(..) => value
            .filter(|value| !value.is_empty())
            .unwrap_or(setting.usual),
    }
}

fn shown(value: impl Fn(&Setting) -> String, wrong: &str) -> Vec<Shown> {
    let field = |setting: &'static Setting| Field {
        value: value(setting),
        wrong: setting.key == wrong,
        setting,
    };
    GROUPS
        .iter()
        .map(|group| Shown {
            fields: group.settings.iter().map(field).collect(),
            group,
        })
        .collect()
}

/// Saves what was changed.
pub(super) async fn save(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    posted: Posted,
) -> Response {
    let visit = &posted.visit;
    let file = server.places.conf();
    let text = match conf::text(&file) {
        Ok(text) => text,
        Err(error) => return unreadable(visit, &error),
    };
    let rows = codes::posted(&posted);
    let again = |error: String, wrong: &str| {
        let groups = shown(|setting| written(&posted, setting), wrong);
        let mut page = whole(&server, visit, &text, groups, rows.clone(), "");
        page.error = error;
        page.mark = posted.text("mark").chars().take(64).collect();
        page::show_as(StatusCode::BAD_REQUEST, &page)
    };
    if posted.text("mark") != conf::mark(&text) {
        // Its fields are those of another text.
        return again(not_saved(visit, ChangeError::Meanwhile), "");
    }
    let mut changes = Vec::new();
    for setting in GROUPS.iter().flat_map(|group| group.settings) {
        if setting.kind != Kind::Switch && !posted.has(&name(setting)) {
            // No part of this form.
            continue;
        }
        let value = written(&posted, setting);
        if value.chars().any(char::is_control) || value.chars().count() > LONGEST {
            let text = visit.t(
                "A value is too long, or has characters that a line cannot hold.",
                "Значение слишком длинное или содержит недопустимые символы.",
            );
            return again(text.into(), setting.key);
        }
        if value != current(&text, setting) {
            changes.push(Change::Set(
                setting.section.into(),
                setting.key.into(),
                value,
            ));
        }
    }
    match codes::changes(&text, &rows) {
        Ok(more) => changes.extend(more),
        Err(row) => {
            let text = visit.lang.pick(
                format!("Access code in row {row}: write a code of one word without = : ; # [ ] and quotes, each code once."),
                format!("Код доступа в строке {row}: код — одно слово без = : ; # [ ] и кавычек, каждый код один раз."),
            );
            return again(text, "");
        }
    }
    let (mark, lang) = (posted.text("mark").to_owned(), visit.lang);
    let before = server.conf();
    let door = check::Door {
        peer: visit.peer,
        host: headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .map(str::to_owned),
        computer: server.keys.computer.name.clone(),
        at_the_server: visit.who.is_some() && !visit.far(),
    };
    // Files are looked at, and a password may have to be hashed.
    let saved = tokio::task::spawn_blocking(move || {
        conf::change(&file, Some(&mark), &changes, |conf| {
            check::all(&before, conf, &door, lang)
        })
    });
    match saved.await {
        Ok(Ok(conf)) => {
            let waits = server.waits_for_start(&conf);
            if let Err(error) = server.take_up(conf, Some(&visit.by())).await {
                // They are in use; only the journal does not know.
                log::error!("{error}");
            }
            let saved = if waits { "start" } else { "yes" };
            Redirect::to(&visit.link(&format!("/settings?saved={saved}"))).into_response()
        }
        Ok(Err(error)) => {
            let wrong = match &error {
                ChangeError::Conf(ConfError::Value { key, .. }) => *key,
                _ => "",
            };
            again(not_saved(visit, error), wrong)
        }
        Err(_) => again(
            visit
                .t(
                    "Nothing was saved; the log says why.",
                    "Ничего не сохранено; причина в журнале работы.",
                )
                .into(),
            "",
        ),
    }
}

/// What the visitor wrote for a setting; what a form leaves out stays as usual.
fn written(posted: &Posted, setting: &Setting) -> String {
    let text = posted.text(&name(setting));
    match setting.kind {
        // A box that is not ticked is not sent.
        Kind::Switch if text.is_empty() => "0".to_owned(),
        _ => text.to_owned(),
    }
}

/// Why nothing was saved, as a sentence for the page.
pub(super) fn not_saved(visit: &Visit, error: ChangeError) -> String {
    match error {
        ChangeError::Meanwhile => visit
            .t(
                "The file was changed meanwhile. Open the page again and repeat.",
                "Файл тем временем изменили. Откройте страницу ещё раз и повторите.",
            )
            .into(),
        ChangeError::Conf(error) => error.text(visit.lang),
        ChangeError::Unwanted(text) => text,
    }
}
