//! Why a request is turned away before anything looks at what it asks.

use axum::http::StatusCode;

use crate::{api::ApiError, conf::Lang};

/// The reason. It goes with the answer, so that the console can say it on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The settings do not allow its address.
    Address,
    /// Its address asks too often.
    TooOften,
    /// Its head is larger than so many bytes.
    TooLarge(usize),
    /// It calls the server by no name at all.
    NoName,
    /// It calls the server by that name, which is another's.
    Name(String),
    /// A page of another site sent it.
    OtherSite,
    /// The answer took too long.
    TooSlow,
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Address | Self::Name(_) | Self::OtherSite => StatusCode::FORBIDDEN,
            Self::TooLarge(_) | Self::NoName => StatusCode::BAD_REQUEST,
            Self::TooOften | Self::TooSlow => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What is wrong, and what to do.
    pub(crate) fn text(&self, lang: Lang) -> String {
        let (english, russian) = match self {
            Self::Address => (
                "The settings do not allow this address (LocalAccessOnly, AllowedAddresses).".into(),
                "Настройки сервера не разрешают доступ с вашего адреса (LocalAccessOnly, AllowedAddresses).".into(),
            ),
            Self::TooOften => (
                "Too many requests come from this address; ask less often.".into(),
                "С вашего адреса приходит слишком много запросов. Подождите и повторите.".into(),
            ),
            Self::TooLarge(most) => (
                format!("The request's address and headers are larger than {most} bytes."),
                format!("Адрес и заголовки запроса занимают больше {most} байт."),
            ),
            Self::NoName => (
                "The header Host is no name or address.".into(),
                "В заголовке Host нет имени или адреса сервера.".into(),
            ),
            Self::Name(name) => (
                format!("This server is not known as \"{name}\"; add the name to HostNames in [Console] of licenceserver.conf."),
                format!("Сервер не известен под именем «{name}». Если это его имя, добавьте его в HostNames раздела [Console] файла licenceserver.conf."),
            ),
            Self::OtherSite => (
                "A page of another site may not change anything here.".into(),
                "Страница другого сайта не может ничего здесь изменить.".into(),
            ),
            Self::TooSlow => (
                "The request took too long; try again.".into(),
                "Ответ занял слишком много времени. То, о чём вы просили, могло всё же выполниться: проверьте, прежде чем повторять.".into(),
            ),
        };
        lang.pick(english, russian)
    }
}

impl From<&Refusal> for ApiError {
    fn from(refusal: &Refusal) -> Self {
        let text = refusal.text(Lang::English);
        match refusal.status() {
            StatusCode::FORBIDDEN => Self::forbidden(&text),
            StatusCode::BAD_REQUEST => Self::bad_request(&text),
            _ => Self::busy(&text),
        }
    }
}

impl axum::response::IntoResponse for Refusal {
    fn into_response(self) -> axum::response::Response {
        let mut response = ApiError::from(&self).into_response();
        response.extensions_mut().insert(self);
        response
    }
}
