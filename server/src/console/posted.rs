//! A form that a page of ours sent: bounded, and with the token that only our pages have.

use std::sync::Arc;

use axum::{
    Form,
    extract::{FromRequest, Request},
    http::StatusCode,
    response::{IntoResponse, Response},
};

use protocol::KeyId;

use super::{page, visit::Visit};
use crate::server::Server;

/// The largest form that is not a file, in bytes.
pub(super) const MOST: usize = 256 * 1024;
/// The most fields of a form.
const MAX_FIELDS: usize = 4000;
/// What stands where bytes were no UTF-8.
const MARK: char = char::REPLACEMENT_CHARACTER;

/// The fields of a form, and who sent it.
pub(super) struct Posted {
    /// Who.
    pub(super) visit: Visit,
    fields: Vec<(String, String)>,
}

impl Posted {
    /// A field's text without spaces around it; empty when it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default().trim()
    }

    /// A field as it was written, for passwords.
    pub(super) fn raw(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    /// Whether a field was sent.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The fields whose name begins so, in their order.
    pub(super) fn all<'p>(&'p self, begin: &'p str) -> impl Iterator<Item = (&'p str, &'p str)> {
        self.fields
            .iter()
            .filter_map(move |(name, value)| Some((name.strip_prefix(begin)?, value.as_str())))
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }
}

impl FromRequest<Arc<Server>> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, server: &Arc<Server>) -> Result<Self, Response> {
        let visit = visit(&request).ok_or_else(lost)?;
        // The type and the limit of the size are looked at; what is no UTF-8 becomes a mark.
        let Ok(Form(fields)) = Form::<Vec<(String, String)>>::from_request(request, server).await
        else {
            return Err(unreadable(&visit));
        };
        let is_text =
            |(name, value): &(String, String)| !name.contains(MARK) && !value.contains(MARK);
        if fields.len() > MAX_FIELDS || !fields.iter().all(is_text) {
            return Err(unreadable(&visit));
        }
        let posted = Self { visit, fields };
        let refused = check(
            server,
            &posted.visit,
            posted.raw("token"),
            posted.raw("picture"),
            posted.raw("letters"),
        );
        refused.map_or(Ok(posted), Err)
    }
}

/// The series that a form names, if it names one.
///
/// # Errors
/// What to do instead.
pub(super) fn series(visit: &Visit, text: &str) -> Result<Option<KeyId>, String> {
    let named = (!text.is_empty()).then(|| text.parse());
    named.transpose().map_err(|_| {
        let text = visit.t(
            "There is no such product; choose one of the list.",
            "Такого продукта нет; выберите его из списка.",
        );
        text.to_owned()
    })
}

/// Who sent a request; the door has looked.
pub(super) fn visit(request: &Request) -> Option<Visit> {
    request.extensions().get::<Visit>().cloned()
}

/// The answer to a request that came by no door, which is a fault of ours.
pub(super) fn lost() -> Response {
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// Refuses a form without the token of our pages, or without what its picture shows if it had one.
pub(super) fn check(
    server: &Server,
    visit: &Visit,
    token: &str,
    picture: &str,
    letters: &str,
) -> Option<Response> {
    if !same(token, &visit.token) {
        return Some(page::problem(
            visit,
            StatusCode::FORBIDDEN,
            visit.t("The form is out of date", "Форма устарела"),
            visit.t(
                "You have signed in or out since the page was opened, or another site's page sent it. Nothing was changed. Open the page again and repeat.",
                "После открытия страницы вы вошли заново или вышли, либо форму отправила страница другого сайта. Ничего не изменено. Откройте страницу ещё раз и повторите.",
            ),
        ));
    }
    if visit.captcha
        && visit.path != "/sign-out"
        && !server
            .visitors
            .pictures
            .read(&server.sign_in, picture, letters)
    {
        return Some(page::problem(
            visit,
            StatusCode::BAD_REQUEST,
            visit.t("The letters are not those of the picture", "Буквы не совпали с картинкой"),
            visit.t(
                "Nothing was changed. Go back, open the page again for a new picture, and repeat.",
                "Ничего не изменено. Вернитесь, обновите страницу, чтобы получить новую картинку, и повторите.",
            ),
        ));
    }
    None
}

/// Compares in a time that tells nothing of where the texts differ.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one
            .bytes()
            .zip(other.bytes())
            .fold(0, |differ, (a, b)| differ | (a ^ b))
            == 0
}

fn unreadable(visit: &Visit) -> Response {
    page::problem(
        visit,
        StatusCode::BAD_REQUEST,
        visit.t("The form cannot be read", "Форму не удалось прочитать"),
        visit.t(
            "It is too large, or its text is not UTF-8. Nothing was changed. Open the page again and repeat.",
            "Она слишком велика или её текст не в UTF-8. Ничего не изменено. Откройте страницу ещё раз и повторите.",
        ),
    )
}
