//! HTTP to one server: frames there and back, bounded in size and time, over sockets that stay open and
//! can all be shut down at once.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use protocol::Reason;
use ureq::{
    Agent, Error,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::{NextTimeout, TcpConnector},
    },
};

use super::resolve;
use crate::settings::Address;

/// The longest answer that is read, in bytes.
pub(super) const MAX_ANSWER: usize = 1024 * 1024;
/// How long a connection to one socket address may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// As many calls as may be outstanding keep their sockets.
const MAX_IDLE: usize = 64;
/// Longer than two heartbeats, so that an idle process keeps one socket and opens no other.
const MAX_IDLE_AGE: Duration = Duration::from_secs(40);
/// No answer of ours has longer ones. Each socket that stays open keeps its buffers, which are measured by this: with the
/// library's own, 32 of them take 8 MB.
const MAX_HEADERS: usize = 16 * 1024;

/// What begins every frame of a licence server, whatever the protocol's version.
const MAGIC: &[u8] = b"LCW";

/// Why no frame came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HttpError {
    /// The reason.
    pub reason: Reason,
    /// What the system or library said; for the log.
    pub detail: String,
}

impl HttpError {
    fn new(reason: Reason, detail: impl ToString) -> Self {
        Self {
            reason,
            detail: detail.to_string(),
        }
    }

    /// Whether the same bytes may be sent again: the way failed, not the answer.
    pub(super) fn is_way(&self) -> bool {
        matches!(
            self.reason,
            Reason::ConnectionRefused | Reason::TimedOut | Reason::ConnectionLost
        )
    }
}

/// The way to one server.
#[derive(Debug)]
pub(super) struct Http {
    agent: Mutex<Agent>,
    authority: String,
    at: SocketAddr,
}

impl Http {
    /// Finds the socket address behind a name.
    pub(super) fn find(address: &Address, deadline: Instant) -> Result<Self, HttpError> {
        let at = resolve::reachable(address, deadline)?;
        Ok(Self::at(at, authority(address, at)))
    }

    fn at(at: SocketAddr, authority: String) -> Self {
        Self {
            agent: Mutex::new(agent(at)),
            authority,
            at,
        }
    }

    /// What the Host header says: the handshake binds it.
    pub(super) fn host(&self) -> &str {
        &self.authority
    }

    /// The socket address in use.
    pub(super) const fn socket(&self) -> SocketAddr {
        self.at
    }

    /// Sends a frame and reads the answering one.
    pub(super) fn post(
        &self,
        path: &str,
        frame: &[u8],
        deadline: Instant,
    ) -> Result<Vec<u8>, HttpError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(HttpError::new(Reason::TimedOut, "no time is left"));
        }
        let agent = self.agent.lock().clone();
        let answer = agent
            .post(format!("http://{}{path}", self.authority))
            .config()
            .timeout_global(Some(left))
            .build()
            .header("Host", &self.authority)
            .header("Content-Type", "application/octet-stream")
            .send(frame);
        let mut answer = answer.map_err(|error| classify(&error))?;
        if answer
            .body()
            .content_length()
            .is_some_and(|length| length > MAX_ANSWER as u64)
        {
            return Err(HttpError::new(Reason::AnswerTooLarge, answer.status()));
        }
        let body = answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER as u64)
            .read_to_vec()
            .map_err(|error| classify(&error))?;
        if body.starts_with(MAGIC) {
            Ok(body)
        } else {
            Err(HttpError::new(Reason::NotOurServer, answer.status()))
        }
    }

    /// Ends every call under way: what waits for an answer returns at once. Later calls use new sockets.
    pub(super) fn interrupt(&self) {
        let old = std::mem::replace(&mut *self.agent.lock(), agent(self.at));
        old.shutdown();
    }
}

fn agent(at: SocketAddr) -> Agent {
    let config = Config::builder()
        .http_status_as_error(false)
        // Variables of the environment that name a proxy are for browsers; a licence server is near.
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(format!("licenceaddin/{}", protocol::Version::CURRENT))
        .max_response_header_size(MAX_HEADERS)
        .input_buffer_size(2 * MAX_HEADERS)
        .output_buffer_size(MAX_HEADERS)
        .max_idle_connections(MAX_IDLE)
        .max_idle_connections_per_host(MAX_IDLE)
        .max_idle_age(MAX_IDLE_AGE)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .build();
    Agent::with_parts(config, TcpConnector::default(), Fixed(at))
}

/// A name that an URI cannot hold is replaced by the address that it stands for.
fn authority(address: &Address, at: SocketAddr) -> String {
    let text = address.to_string().to_lowercase();
    if text.is_ascii() && text.parse::<ureq::http::uri::Authority>().is_ok() {
        text
    } else {
        at.to_string()
    }
}

fn classify(error: &Error) -> HttpError {
    let reason = match error {
        Error::Timeout(_) => Reason::TimedOut,
        Error::BodyExceedsLimit(_) => Reason::AnswerTooLarge,
        Error::HostNotFound => Reason::NameNotFound,
        Error::Protocol(_) | Error::Http(_) | Error::LargeResponseHeader(..) => Reason::NotHttp,
        Error::Io(error) => resolve::io_reason(error),
        _ => Reason::ConnectionLost,
    };
    HttpError::new(reason, error)
}

/// The address that was found, for every request.
#[derive(Debug)]
struct Fixed(SocketAddr);

impl Resolver for Fixed {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut addresses = self.empty();
        addresses.push(self.0);
        Ok(addresses)
    }
}

impl From<(Reason, String)> for HttpError {
    fn from((reason, detail): (Reason, String)) -> Self {
        Self { reason, detail }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
        sync::mpsc,
        thread,
    };

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    /// A server that reads one request and lets `answer` do what it likes.
    fn server(answer: impl Fn(&mut TcpStream) + Send + 'static) -> Address {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = [0; 4096];
                if stream.read(&mut request).unwrap_or(0) > 0 {
                    answer(&mut stream);
                }
            }
        });
        Address::parse("127.0.0.1", port).unwrap()
    }

    fn answers(text: &'static [u8]) -> Address {
        server(move |stream| {
            let _ = stream.write_all(text);
        })
    }

    fn post(address: &Address) -> Result<Vec<u8>, Reason> {
        let http = Http::find(address, soon()).map_err(|error| error.reason)?;
        http.post("/component/v1/handshake", b"LCW1frame", soon())
            .map_err(|error| error.reason)
    }

    #[test]
    fn a_frame_goes_there_and_back_with_the_host_that_was_asked_for() {
        let (sender, requests) = mpsc::channel();
        let address = {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                let mut piece = [0; 1024];
                while !request.ends_with(b"LCW1frame") {
                    let length = stream.read(&mut piece).unwrap();
                    request.extend(&piece[..length]);
                }
                sender.send(String::from_utf8(request).unwrap()).unwrap();
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nLCW1\x02");
            });
            Address::parse("127.0.0.1", port).unwrap()
        };
        assert_eq!(post(&address), Ok(b"LCW1\x02".to_vec()));
        let request = requests.recv().unwrap().to_lowercase();
        let host = format!("host: {address}\r\n");
        assert!(
            request.starts_with("post /component/v1/handshake http/1.1\r\n"),
            "{request}"
        );
        assert_eq!(request.matches(&host).count(), 1, "{request}");
    }

    #[test]
    fn whatever_else_answers_has_its_own_reason() {
        let html = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>";
        let portal = b"HTTP/1.1 302 Found\r\nLocation: http://login/\r\nContent-Length: 0\r\n\r\n";
        let told = b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\nLCW1";
        let long_head: &'static [u8] = Box::leak(
            [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; 1 << 20]]
                .concat()
                .into_boxed_slice(),
        );
        for (text, reason) in [
            (&html[..], Reason::NotOurServer),
            (portal, Reason::NotOurServer),
            (told, Reason::AnswerTooLarge),
            (b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n\r\n", Reason::NotHttp),
            (long_head, Reason::NotHttp),
            (b"", Reason::ConnectionLost),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nLCW1",
                Reason::ConnectionLost,
            ),
        ] {
            let shown = String::from_utf8_lossy(&text[..text.len().min(60)]);
            assert_eq!(post(&answers(text)), Err(reason), "{shown}");
        }
    }

    #[test]
    fn an_endless_answer_is_cut_off_at_the_limit() {
        let address = server(|stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nLCW1");
            while stream.write_all(&[7; 65536]).is_ok() {}
        });
        assert_eq!(post(&address), Err(Reason::AnswerTooLarge));
    }

    #[test]
    fn a_closed_port_and_silence_are_told_apart() {
        let closed = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let closed = Address::parse("127.0.0.1", closed.port()).unwrap();
        assert_eq!(post(&closed), Err(Reason::ConnectionRefused));
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address::parse("127.0.0.1", silent.local_addr().unwrap().port()).unwrap();
        let http = Http::find(&address, soon()).unwrap();
        let error = http
            .post("/", b"LCW1", Instant::now() + Duration::from_millis(50))
            .unwrap_err();
        assert_eq!(error.reason, Reason::TimedOut);
    }

    // Wine, which runs the tests for Windows, does not wake a thread whose socket is shut down; there it waits for its
    // deadline.
    #[cfg(unix)]
    #[test]
    fn interrupting_wakes_a_call_that_waits_for_an_answer() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address::parse("127.0.0.1", silent.local_addr().unwrap().port()).unwrap();
        let http = Http::find(&address, soon()).unwrap();
        thread::scope(|scope| {
            let call =
                scope.spawn(|| http.post("/", b"LCW1", Instant::now() + Duration::from_secs(600)));
            let (mut stream, _) = silent.accept().unwrap();
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            http.interrupt();
            assert!(call.join().unwrap().is_err());
        });
    }
}
