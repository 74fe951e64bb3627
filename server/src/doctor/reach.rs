//! What answers at an address: this server, or the licence centre.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use super::{Report, State};
use crate::{
    conf::{CentreConf, Lang},
    keys::{Computer, centre::Link},
    places::Places,
};

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
pub(super) fn centres(conf: &CentreConf, of_series: Vec<String>, report: &mut Report) {
    let mut urls: Vec<String> = conf.url.iter().cloned().chain(of_series).collect();
    urls.sort();
    urls.dedup();
    for url in urls {
        let (state, texts) = match Link::reach(conf, url.clone(), PATIENCE) {
            Ok(()) => (
                State::Good,
                (format!("{url} answers"), format!("{url} доступен")),
            ),
            Err(error) => (
                State::Bad,
                (error.text(Lang::English), error.text(Lang::Russian)),
            ),
        };
        report.add(CENTRE, state, texts);
    }
}
