//! What answers at an address: this server, or the licence centre.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    time::Duration,
};

use ini::Ini;
use protocol::files::read_limited;

use super::{Report, State};
use crate::{keys::Computer, places::Places};

const CENTRE: (&str, &str) = ("centre", "центр лицензирования");
const PATIENCE: Duration = Duration::from_secs(3);
const MAX_ANSWER: u64 = 64 * 1024;

/// The first bytes that answer `GET path` there.
pub(crate) fn ask(address: SocketAddr, host: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    // What came before a time-out says enough.
    let _ = stream.take(MAX_ANSWER).read_to_end(&mut answer);
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// Whether the server that answers there runs on this computer.
pub(super) fn is_ours(address: SocketAddr, places: &Places) -> bool {
    let id = Computer::look(&places.machine_id()).id;
    ask(address, &address.to_string(), "/systeminfo")
        .is_some_and(|answer| answer.contains(&format!("ComputerID: {id}")))
}

/// Whether the licence centres of the settings and of the series can be reached.
pub(super) fn centres(places: &Places, of_series: Vec<String>, report: &mut Report) {
    let text = read_limited(&places.conf(), 1024 * 1024).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let url = Ini::load_from_str_noescape(&text)
        .ok()
        .and_then(|ini| {
            Some(
                ini.get_from(Some("Common"), "LicenceCenterUrl")?
                    .trim()
                    .to_owned(),
            )
        })
        .filter(|url| !url.is_empty());
    let mut urls: Vec<String> = url.into_iter().chain(of_series).collect();
    urls.sort();
    urls.dedup();
    for url in urls {
        centre(&url, report);
    }
}

fn centre(url: &str, report: &mut Report) {
    let reached = parts(url).and_then(|(host, port)| {
        let addresses = (host.as_str(), port).to_socket_addrs().ok()?;
        addresses
            .into_iter()
            .find(|address| TcpStream::connect_timeout(address, PATIENCE).is_ok())
    });
    let (state, texts) = match reached {
        Some(address) => (
            State::Good,
            (
                format!("{url} answers ({address})"),
                format!("{url} доступен ({address})"),
            ),
        ),
        None => (
            State::Bad,
            (
                format!(
                    "{url} cannot be reached; check LicenceCenterUrl, the network and the proxy"
                ),
                format!("{url} недоступен; проверьте LicenceCenterUrl, сеть и прокси"),
            ),
        ),
    };
    report.add(CENTRE, state, texts);
}

/// Host and port of an address of the web.
fn parts(url: &str) -> Option<(String, u16)> {
    let uri: axum::http::Uri = url.parse().ok()?;
    let usual = match uri.scheme_str()? {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    Some((host.to_owned(), uri.port_u16().unwrap_or(usual)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_web_is_taken_apart() {
        let of = |url| parts(url).map(|(host, port)| format!("{host} {port}"));
        assert_eq!(
            of("https://centre.example/x").as_deref(),
            Some("centre.example 443")
        );
        assert_eq!(of("http://[::1]:81").as_deref(), Some("::1 81"));
        assert_eq!(of("ftp://x"), None);
        assert_eq!(of("centre"), None);
    }
}
