//! One visit of a page: who comes, in which language, in which frame.

use std::net::IpAddr;

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use jiff::tz::TimeZone;

use super::{assets, lang, paging, words};
use crate::{access::SignedIn, accounting::Moment, conf::Lang, read};

/// What every page knows of its visitor.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// The page's language.
    pub(super) lang: Lang,
    /// Who signed in.
    pub(super) who: Option<SignedIn>,
    /// Nobody has to sign in here.
    pub(super) open: bool,
    /// What forms carry, so that no other site's page sends them.
    pub(super) token: String,
    /// From where the visit comes.
    pub(super) peer: Option<IpAddr>,
    /// Whether it comes by the port with TLS.
    pub(super) tls: bool,
    /// The page's path.
    pub(super) path: String,
    /// The page's whole address here.
    pub(super) address: String,
    /// Whether the page has its menu.
    pub(super) menu: bool,
    /// Whether it has its heading.
    pub(super) header: bool,
    /// Whether the password is the one that everybody knows.
    pub(super) default_password: bool,
    /// The server's time zone.
    pub(super) zone: TimeZone,
    /// Whether whoever changes something reads a picture first.
    pub(super) captcha: bool,
}

impl Visit {
    /// The text of the two in the page's language.
    pub(super) fn t<'t>(&self, english: &'t str, russian: &'t str) -> &'t str {
        self.lang.pick(english, russian)
    }

    /// The language's short name.
    pub(super) fn lang(&self) -> &'static str {
        lang::name(self.lang)
    }

    /// The other language's.
    pub(super) fn other_lang(&self) -> &'static str {
        self.lang.pick("ru", "en")
    }

    /// Whether service operations are this visitor's to do.
    pub(super) fn manages(&self) -> bool {
        self.who.is_some() || self.open
    }

    /// Whether the visitor sits at another computer.
    pub(super) fn far(&self) -> bool {
        self.peer.is_none_or(|peer| !peer.is_loopback())
    }

    /// Who does what is done.
    pub(super) fn by(&self) -> SignedIn {
        self.who.clone().unwrap_or_else(|| SignedIn {
            user_name: String::new(),
            address: self.peer.map_or_else(String::new, |peer| peer.to_string()),
        })
    }

    /// An address of the console: the frame stays as it is.
    pub(super) fn link(&self, address: &str) -> String {
        let mut address = address.to_owned();
        for (name, on) in [("menu", self.menu), ("header", self.header)] {
            if on == (name == "menu") {
                // As usual.
                continue;
            }
            address.push(if address.contains('?') { '&' } else { '?' });
            address += &format!("{name}={on}");
        }
        address
    }

    /// This page in the other language.
    pub(super) fn translated(&self) -> String {
        let (path, query) = self.address.split_once('?').unwrap_or((&self.address, ""));
        // Two slashes would begin another computer's name.
        let path = if path.starts_with("//") { "/" } else { path };
        let mut query: Vec<&str> = query
            .split('&')
            .filter(|word| !word.is_empty() && !word.starts_with("lang="))
            .collect();
        let lang = format!("lang={}", self.other_lang());
        query.push(&lang);
        format!("{path}?{}", query.join("&"))
    }

    /// The way to the sign-in and back.
    pub(super) fn sign_in(&self) -> String {
        self.sign_in_to(&self.address)
    }

    /// The way to the sign-in and to a page then.
    pub(super) fn sign_in_to(&self, address: &str) -> String {
        self.link(&format!("/sign-in?to={}", paging::escaped(address)))
    }

    /// Whether a menu's address is that of this page.
    pub(super) fn here(&self, address: &str) -> bool {
        match address {
            "/" => self.path == "/",
            // Installing and giving back have their own entries.
            "/licences" => {
                self.path.starts_with(address)
                    && !self.path.starts_with("/licences/install")
                    && !self.path.starts_with("/licences/reserve")
            }
            _ => self.path.starts_with(address),
        }
    }

    /// The style sheet's version.
    pub(super) fn style(&self) -> &'static str {
        assets::STYLE.tag()
    }

    /// The script's version.
    pub(super) fn script(&self) -> &'static str {
        assets::SCRIPT.tag()
    }

    /// A moment in the server's zone.
    pub(super) fn moment(&self, at: &Moment) -> String {
        words::moment(*at, &self.zone)
    }

    /// A moment for programs: the page's script shows it in the browser's zone.
    pub(super) fn iso(&self, at: &Moment) -> String {
        read::iso(*at).unwrap_or_default()
    }

    /// A number with its thousands set apart.
    pub(super) fn number(&self, number: &usize) -> String {
        words::grouped(*number as u64)
    }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        // The door puts it there before any page is asked.
        let visit = parts.extensions.get::<Self>().cloned();
        visit.ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}
