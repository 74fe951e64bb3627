//! The console through the real router: what monitors read, who is let in, what is refused.

mod door;
mod fields;
mod forms;
mod pages;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;

use crate::{Addresses, api::tests::Place};

/// A browser at an address, with its cookies.
struct Browser<'p> {
    place: &'p Place,
    address: [u8; 4],
    lang: &'static str,
    cookie: String,
}

struct Shown {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Shown {
    /// Where the answer leads.
    fn to(&self) -> &str {
        self.headers[header::LOCATION].to_str().unwrap()
    }

    /// The token of the page's forms.
    fn token(&self) -> String {
        let (_, rest) = self.text.split_once("name=\"token\" value=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }

    /// The value of the page's field.
    fn field(&self, name: &str) -> String {
        let (_, rest) = self
            .text
            .split_once(&format!("name=\"{name}\" value=\""))
            .unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }
}

impl<'p> Browser<'p> {
    fn new(place: &'p Place) -> Self {
        Self {
            place,
            address: [127, 0, 0, 1],
            lang: "ru",
            cookie: String::new(),
        }
    }

    /// A browser whose visitor has signed in.
    async fn signed_in(place: &'p Place) -> Self {
        let mut browser = Self::new(place);
        let entered = browser.sign_in("admin", "admin").await;
        assert_eq!(entered.status, StatusCode::SEE_OTHER, "{}", entered.text);
        browser
    }

    async fn sign_in(&mut self, user: &str, password: &str) -> Shown {
        let token = self.get("/sign-in").await.token();
        let form = [
            ("token", &*token),
            ("user", user),
            ("password", password),
            ("to", "/settings"),
        ];
        self.post("/sign-in", &form).await
    }

    async fn get(&mut self, path: &str) -> Shown {
        self.send(Method::GET, path, None, &[]).await
    }

    /// Sends a form, with the token that the page of that address has unless the fields bring one.
    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let escaped = super::paging::escaped;
        let words: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
            .collect();
        let kind = (
            header::CONTENT_TYPE.as_str(),
            "application/x-www-form-urlencoded",
        );
        self.send(
            Method::POST,
            path,
            Some(words.join("&").into_bytes()),
            &[kind],
        )
        .await
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        headers: &[(&str, &str)],
    ) -> Shown {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost:9099")
            .header(header::ACCEPT, "text/html,*/*")
            .header(header::ACCEPT_LANGUAGE, self.lang);
        if !self.cookie.is_empty() {
            request = request.header(header::COOKIE, &self.cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.unwrap_or_default())).unwrap();
        let peer = SocketAddr::from((self.address, 5));
        let addresses = Addresses::new(Arc::clone(&self.place.server));
        let (parts, body) = addresses.answer(peer, request).await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        if let Some(cookie) = parts.headers.get(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            self.cookie = cookie.split(';').next().unwrap().to_owned();
        }
        Shown {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }
}
