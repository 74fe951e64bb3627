//! The name by which a request calls this server. A page of a stranger's site can make its own name point here
//! (DNS rebinding), and a browser then sends that name; it can also send a form here under the person's sign-in.

use std::net::IpAddr;

use axum::{
    extract::Request,
    http::{HeaderValue, header, uri::Authority},
};

use super::{Access, Refusal, writes};

/// Refuses a request for another's name, and a writing one that another site's page sent.
pub(super) fn check(access: &Access, computer: &str, request: &Request) -> Result<(), Refusal> {
    let headers = request.headers();
    // A program that says no name is no browser.
    let named = headers
        .get_all(header::HOST)
        .iter()
        .map(authority)
        .chain(request.uri().authority().cloned().map(Some));
    for name in named {
        let Some(name) = name else {
            return Err(Refusal::NoName);
        };
        if access.check_rebinding && !is_ours(name.host(), access, computer) {
            return Err(Refusal::Name(crate::logs::tame(name.host())));
        }
    }
    if writes(request.method())
        && let Some(origin) = headers.get(header::ORIGIN)
        && !same_site(origin, headers.get(header::HOST))
    {
        return Err(Refusal::OtherSite);
    }
    Ok(())
}

/// Whether a request for that name and port would be answered.
pub(crate) fn knows(access: &Access, computer: &str, host: &str) -> bool {
    let authority = host.parse::<Authority>();
    !access.check_rebinding
        || authority.is_ok_and(|authority| is_ours(authority.host(), access, computer))
}

fn authority(value: &HeaderValue) -> Option<Authority> {
    let authority: Authority = value.to_str().ok()?.parse().ok()?;
    (!authority.as_str().contains('@')).then_some(authority)
}

fn is_ours(name: &str, access: &Access, computer: &str) -> bool {
    let name = name.trim_end_matches('.').to_lowercase();
    let computer = computer.to_lowercase();
    let short = computer.split('.').next().unwrap_or_default();
    // A name of a stranger cannot be an address.
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok()
        || name == "localhost"
        || (!name.is_empty() && (name == computer || name == short))
        || access.host_names.contains(&name)
}

fn same_site(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let origin = origin.to_str().ok().and_then(|text| text.split_once("://"));
    let host = host.and_then(|host| host.to_str().ok());
    origin.is_some_and(|(_, origin)| host.is_some_and(|host| host.eq_ignore_ascii_case(origin)))
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Method};

    use super::*;

    fn answer(access: &Access, method: Method, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().method(method).uri("/api");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check(
            access,
            "Server1.Corp.Local",
            &request.body(Body::empty()).unwrap(),
        )
        .is_ok()
    }

    #[test]
    fn only_addresses_and_this_servers_names_are_answered() {
        let access = Access {
            host_names: vec!["licences.example.ru".into()],
            ..Access::default()
        };
        for (host, good) in [
            ("127.0.0.1:9099", true),
            ("[::1]:9099", true),
            ("192.168.1.5", true),
            ("LOCALHOST:9099", true),
            ("server1", true),
            ("server1.corp.local.:9099", true),
            ("Licences.Example.ru", true),
            ("evil.example", false),
            ("server1.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("x@127.0.0.1", false),
            ("a b", false),
            ("", false),
        ] {
            assert_eq!(
                answer(&access, Method::GET, &[("host", host)]),
                good,
                "{host}"
            );
        }
        assert!(
            answer(&access, Method::GET, &[]),
            "a program without a name"
        );
        let two = [("host", "127.0.0.1"), ("host", "evil.example")];
        assert!(!answer(&access, Method::GET, &two));
        let off = Access {
            check_rebinding: false,
            ..access
        };
        assert!(answer(&off, Method::GET, &[("host", "evil.example")]));
    }

    #[test]
    fn another_sites_page_changes_nothing() {
        let access = Access::default();
        let host = ("host", "127.0.0.1:9099");
        for (origin, good) in [
            ("http://127.0.0.1:9099", true),
            ("http://evil.example", false),
            ("http://127.0.0.1:80", false),
            ("null", false),
        ] {
            let headers = [host, ("origin", origin)];
            assert_eq!(answer(&access, Method::PUT, &headers), good, "{origin}");
            assert!(answer(&access, Method::GET, &headers));
        }
        assert!(answer(&access, Method::PUT, &[host]));
    }
}
