//! Every error's body: Code, Text, Message and Exception, as the manual shows them.

use axum::{
    Json,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::StoreError;

/// An error of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ApiError {
    /// The HTTP status
    code: u16,
    /// The status in words
    text: &'static str,
    /// What is wrong
    message: String,
    /// The class of the error
    exception: &'static str,
}

impl ApiError {
    fn new(code: StatusCode, text: &'static str, exception: &'static str, message: &str) -> Self {
        Self {
            code: code.as_u16(),
            text,
            message: format!("({exception}) {message}"),
            exception,
        }
    }

    /// 401.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "Unauthorized",
            "EHTTPUnauthorized",
            "User name and password are needed, or they are wrong.",
        )
    }

    /// 400: what was asked is not understood; the message says what would be.
    pub fn bad_request(message: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "Bad request",
            "EHTTPBadRequest",
            message,
        )
    }

    /// 403: it is understood, and not allowed.
    pub fn forbidden(message: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "Forbidden",
            "EHTTPForbidden",
            message,
        )
    }

    /// 403: too many wrong passwords.
    pub fn throttled() -> Self {
        Self::forbidden(
            "Too many wrong passwords came from this address or for this user name; wait a minute.",
        )
    }

    /// 404 for an address.
    pub fn not_found(path: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "Not found",
            "EHTTPNotFound",
            &format!("The requested URL \"{path}\" was not found."),
        )
    }

    /// 500.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal server error",
            "EHTTPInternalServerError",
            "The server met a fault; its log has more.",
        )
    }

    /// 501.
    pub fn not_implemented(method: &Method) -> Self {
        Self::not_here(&format!(
            "The method {} is not implemented here.",
            crate::logs::tame(method.as_str())
        ))
    }

    /// 501: what is asked is known, and this version does not do it.
    pub fn not_here(message: &str) -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "Not implemented",
            "EHTTPNotImplemented",
            message,
        )
    }

    /// 503: the API is switched off.
    pub fn disabled() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Service unavailable",
            "EHTTPServiceUnavailable",
            "The API is switched off in the settings ([API] Enabled=0).",
        )
    }

    /// 503: not now.
    pub fn busy(message: &str) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Service unavailable",
            "EHTTPServiceUnavailable",
            message,
        )
    }
}

impl ApiError {
    /// Its HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Busy => {}
            other => log::error!("{other}"),
        }
        match error {
            StoreError::Disk(_) | StoreError::Stopping | StoreError::Busy => {
                Self::busy(&error.to_string())
            }
            StoreError::InUse(_) | StoreError::Newer { .. } | StoreError::Damaged(..) => {
                Self::internal()
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, Json(self)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let ask = header::HeaderValue::from_static(
                "Basic realm=\"licenceserver\", charset=\"UTF-8\"",
            );
            response.headers_mut().insert(header::WWW_AUTHENTICATE, ask);
        }
        response
    }
}

/// Any address that is not there.
pub async fn not_found(uri: Uri) -> ApiError {
    ApiError::not_found(uri.path())
}

/// The answer after a panic, which is a fault of ours and must not end the server.
pub fn internal_error(_: Box<dyn std::any::Any + Send>) -> Response {
    log::error!("a request ended in a panic");
    ApiError::internal().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_cannot_do_it_now_says_why_and_a_damaged_one_is_a_fault() {
        for now in [
            StoreError::Disk("full".into()),
            StoreError::Stopping,
            StoreError::Busy,
        ] {
            let error = ApiError::from(now.clone());
            assert_eq!(error.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(error.message.contains(&now.to_string()));
        }
        let error = ApiError::from(StoreError::Damaged("row".into(), "file".into()));
        assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!error.message.contains("row"));
    }
}
